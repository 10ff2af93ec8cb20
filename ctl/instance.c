/* instance.c - move an instance to another provider. The provider's calls are growhub-healthd's. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "crypto/encode.h"
#include "ctl.h"
#include "http/json.h"
#include "model/instance_lock.h"
#include "model/instance_move.h"

#define SUFFIX_BYTES (INSTANCE_MOVE_SUFFIX / 2)
#define TEXT_MAX     65536

static const struct db_stmt_table *const tables[] = {&instance_lock_stmt_table,
						     &instance_move_stmt_table, NULL};

enum { DO_SHOW, DO_BEGIN, DO_ABORT };

struct moving {
	struct arena *a;
	int32_t instance_id, provider_id;
	int what;
	bool wants_wait, is_json;
	/* what the database said */
	struct instance_move m;
	bool is_known;
	const char *refusal; /* NULL: none */
};

static void
begun(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct moving *x = arg;
	enum instance_move_begun why = instance_move_begun_of(u, 0, x->a, &x->m);

	(void)code;
	x->is_known = why == INSTANCE_MOVE_BEGUN;
	x->refusal = instance_move_begun_text(why);
}

static void
aborted(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct moving *x = arg;

	(void)code;
	x->is_known = instance_move_read(u, INSTANCE_MOVE_ABORT_STMTS - 1, x->a, &x->m);
	if (x->is_known)
		return;
	if (instance_move_read(u, INSTANCE_MOVE_ABORT_STMTS, x->a, &x->m) && x->m.finished_us == 0)
		x->refusal = "The instance is at the new provider already; move it back instead";
	else
		x->refusal = "The instance is not moving";
}

static void
found(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct moving *x = arg;

	(void)code;
	x->is_known = instance_move_read(u, 0, x->a, &x->m);
	x->refusal = x->is_known ? NULL : "The instance was never moved";
}

static int
ask(struct ctl_session *s, struct moving *x)
{
	uint8_t bytes[SUFFIX_BYTES];
	char suffix[ENCODE_HEX_SIZE(SUFFIX_BYTES)];
	struct db_unit *u = db_unit_new();
	db_done_fn *done = found;

	if (x->what == DO_BEGIN) {
		random_bytes(bytes, sizeof(bytes));
		encode_hex(slice_make(bytes, sizeof(bytes)), suffix);
		instance_move_begin_add(u, x->instance_id, x->provider_id, slice_of(suffix));
		done = begun;
	} else if (x->what == DO_ABORT) {
		instance_move_abort_add(u, x->instance_id);
		instance_move_get_add(u, x->instance_id);
		done = aborted;
	} else {
		instance_move_get_add(u, x->instance_id);
	}
	return ctl_db_run(s, tables, u, done, x);
}

static void
print_json(const struct moving *x)
{
	const struct instance_move *m = &x->m;
	struct json_w w;
	struct buf b;

	buf_init(&b, x->a, TEXT_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_i64(&w, "id", m->id);
	json_w_i64(&w, "company_id", m->company_id);
	json_w_i64(&w, "instance_id", m->instance_id);
	json_w_i64(&w, "from_provider_id", m->from_provider_id);
	json_w_i64(&w, "to_provider_id", m->to_provider_id);
	json_w_str(&w, "state", m->state);
	json_w_str(&w, "from_session", m->from_session);
	json_w_str(&w, "to_session", m->to_session);
	json_w_str(&w, "error", m->error);
	json_w_close(&w, '}');
	printf("%.*s\n", (int)b.n, b.p);
}

static void
print_move(const struct moving *x)
{
	const struct instance_move *m = &x->m;

	if (x->is_json) {
		print_json(x);
		return;
	}
	printf("instance %d: provider %d -> %d: %.*s%s%.*s\n", m->instance_id, m->from_provider_id,
	       m->to_provider_id, S_FMT(m->state), m->error.n > 0 ? ": " : "", S_FMT(m->error));
	fflush(stdout);
}

/* Until it is over, telling each state; the words it ends with decide. */
static int
wait_end(struct ctl_session *s, struct moving *x)
{
	const struct timespec pause = {.tv_sec = 1};
	struct slice last = x->m.state, last_error = x->m.error;

	x->what = DO_SHOW;
	while (x->m.finished_us == 0) {
		int rc;

		nanosleep(&pause, NULL);
		rc = ask(s, x);
		if (rc != CTL_OK)
			return rc;
		if (!slice_eq(last, x->m.state) || !slice_eq(last_error, x->m.error))
			print_move(x);
		last = x->m.state;
		last_error = x->m.error;
	}
	return CTL_OK;
}

static int
run(const char *conf_file, struct moving *x)
{
	struct ctl_session *s;
	bool is_abort = x->what == DO_ABORT;
	int rc = ctl_open(&s, conf_file);

	if (rc != CTL_OK)
		return rc;
	rc = ask(s, x);
	if (rc == CTL_OK && x->refusal != NULL) {
		rc = ctl_fail(CTL_FAILED, "%s", x->refusal);
	} else if (rc == CTL_OK) {
		print_move(x);
		if (x->wants_wait)
			rc = wait_end(s, x);
		if (rc == CTL_OK && x->wants_wait &&
		    !slice_eq(x->m.state, is_abort ? S("aborted") : S("done")))
			rc = CTL_FAILED;
	}
	ctl_close(s);
	return rc;
}

static bool
parse_id(const char *text, int32_t *id)
{
	uint64_t n;

	if (parse_u64(slice_of(text), 1, INT32_MAX, &n) != GH_OK)
		return false;
	*id = (int32_t)n;
	return true;
}

static int
instance_move_run(const struct ctl_command *cmd, const char *conf_file, int argc, char **argv)
{
	static const struct option options[] = {
		{"to", required_argument, NULL, 't'},
		{"wait", no_argument, NULL, 'w'},
		{"abort", no_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	struct moving x = {.what = DO_SHOW};
	const char *to = NULL;
	bool wants_abort = false;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 't')
			to = optarg;
		else if (c == 'w')
			x.wants_wait = true;
		else if (c == 'a')
			wants_abort = true;
		else if (c == 'j')
			x.is_json = true;
		else
			return ctl_usage(cmd, "wrong option");
	}
	if (argc - optind != 1 || !parse_id(argv[optind], &x.instance_id))
		return ctl_usage(cmd, "the id of one instance is needed");
	if (to != NULL && wants_abort)
		return ctl_usage(cmd, "--to and --abort are two commands");
	if (to != NULL && !parse_id(to, &x.provider_id))
		return ctl_usage(cmd, "--to %s is no provider's id", to);
	x.what = to != NULL ? DO_BEGIN : wants_abort ? DO_ABORT : DO_SHOW;
	x.a = arena_new(0);
	rc = run(conf_file, &x);
	arena_free(x.a);
	return rc;
}

const struct ctl_command ctl_instance_move = {
	.words = "instance move",
	.usage = "ID [--to PROVIDER | --abort] [--wait] [--json]",
	.help = "move an instance to another provider, or show its last move",
	.more = "  --to PROVIDER  id of the provider it is to be at\n"
		"  --abort        call the move off, until the instance has changed over\n"
		"  --wait         until the move is over, telling each state\n"
		"  --json         one JSON object per line\n\n"
		"growhub-healthd does it; the person pairs the new session meanwhile.\n"
		"Exit status 1 when it is refused, or with --wait ends otherwise.\n\n"
		"Examples:\n"
		"  growhubctl instance move 57 --to 2 --wait\n"
		"  growhubctl instance move 57 --abort\n",
	.run = instance_move_run,
};
