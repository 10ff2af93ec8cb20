/* message.c - follow one message through the system. */
#include "message.h"

#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/uuid.h"
#include "ctl.h"
#include "model/trace.h"

#define TEXT_MAX (16 * 1024 * 1024)

static const struct db_stmt_table *const tables[] = {&trace_stmt_table, NULL};

struct found {
	struct arena *a;
	struct trace trace;
	bool is_known;
};

static void
trace_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct found *f = arg;

	(void)code;
	f->is_known = trace_of(u, f->a, &f->trace);
}

static int
print_trace(const struct found *f, bool is_json)
{
	struct buf b;

	buf_init(&b, f->a, TEXT_MAX);
	if (is_json)
		message_write_json(&b, &f->trace);
	else
		message_write_text(&b, &f->trace);
	if (b.over)
		return ctl_fail(CTL_FAILED, "the message's life is longer than %d bytes", TEXT_MAX);
	fwrite(b.p, 1, b.n, stdout);
	return CTL_OK;
}

static int
read_trace(const char *conf_file, struct uuid id, struct found *f)
{
	struct ctl_session *s;
	struct db_unit *u;
	int rc = ctl_open(&s, conf_file);

	if (rc != CTL_OK)
		return rc;
	u = db_unit_new();
	trace_read_add(u, id);
	rc = ctl_db_run(s, tables, u, trace_done, f);
	ctl_close(s);
	return rc;
}

static int
message_trace_run(const struct ctl_command *cmd, const char *conf_file, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{NULL, 0, NULL, 0}};
	struct found f = {.is_known = false};
	bool is_json = false;
	struct uuid id;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return ctl_usage(cmd, "wrong option");
		is_json = true;
	}
	if (argc - optind != 1)
		return ctl_usage(cmd, "one message id is needed");
	if (uuid_parse(slice_of(argv[optind]), &id) != GH_OK)
		return ctl_usage(cmd, "%s is no message id", argv[optind]);
	f.a = arena_new(0);
	rc = read_trace(conf_file, id, &f);
	if (rc == CTL_OK && !f.is_known)
		rc = ctl_fail(CTL_FAILED, "no message %s", argv[optind]);
	else if (rc == CTL_OK) {
		f.trace.message.id = id;
		rc = print_trace(&f, is_json);
	}
	arena_free(f.a);
	return rc;
}

const struct ctl_command ctl_message_trace = {
	.words = "message trace",
	.usage = "ID [--json]",
	.help = "show the life of a message: states, calls, events, deliveries",
	.more = "  --json  one JSON object\n\n"
		"Phone numbers are masked. Exit status 1 when there is no such message.\n\n"
		"Examples:\n"
		"  growhubctl message trace 01a1f931-bd98-7020-8026-a7e2528a5f96\n"
		"  growhubctl message trace 01a1f931-bd98-7020-8026-a7e2528a5f96 --json | jq "
		".queue\n",
	.run = message_trace_run,
};
