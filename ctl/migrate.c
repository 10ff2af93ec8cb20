/* migrate.c - bring the database to the newest schema.
 *
 * Each file runs in a transaction of its own together with its row in schema_migrations:
 * after a crash or an error the database is at the version before, whole. A session lock
 * keeps two migrations apart; the second then finds nothing to do.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "ctl.h"
#include "daemon/paths.h"
#include "db/script.h"
#include "model/schema.h"

#define FILES_MAX     999
#define FILE_BYTES    (4 * 1024 * 1024)
#define NUMBER_DIGITS 4
#define CHECKSUM_SIZE ENCODE_HEX_SIZE(HASH_SHA256_SIZE)

struct migration {
	unsigned version;
	const char *name; /* "0001_tenants.sql" */
	const char *text;
	char checksum[CHECKSUM_SIZE];
	bool is_applied;
};

struct migrate {
	struct arena *a;
	const char *dir;
	struct migration *files; /* by version, from 1 without a gap */
	unsigned count;
	struct script *script;
	bool is_dry_run;
	bool has_table;
	int rc; /* CTL_OK until something failed */
};

/* ---- the files ---- */

static bool
is_migration(struct slice name)
{
	uint64_t version;

	return name.n > NUMBER_DIGITS && name.p[NUMBER_DIGITS] == '_' &&
	       slice_ends(name, S(".sql")) &&
	       parse_u64(slice_sub(name, 0, NUMBER_DIGITS), 1, FILES_MAX, &version) == GH_OK;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the migrations in m->dir, sorted; CTL_OK, or CTL_FAILED after telling why. */
static int
list_files(const struct migrate *m, const char *names[FILES_MAX], unsigned *count)
{
	DIR *dir = opendir(m->dir);
	const struct dirent *e;

	*count = 0;
	if (dir == NULL)
		return ctl_fail(CTL_FAILED, "%s: %s", m->dir, gh_errno_text(errno));
	e = readdir(dir);
	while (e != NULL && *count < FILES_MAX) {
		struct slice name = slice_of(e->d_name);

		if (is_migration(name))
			names[(*count)++] = arena_cstr(m->a, name);
		e = readdir(dir);
	}
	closedir(dir);
	if (*count == 0)
		return ctl_fail(CTL_FAILED, "%s: no migrations there", m->dir);
	qsort(names, *count, sizeof(*names), compare_names);
	return CTL_OK;
}

/* The whole file as NUL-terminated text in the arena; NULL after telling why. */
static const char *
read_file(const struct migrate *m, const char *name)
{
	const char *path = arena_printf(m->a, "%s/%s", m->dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf b;
	ssize_t n = fd < 0 ? -1 : 1;

	buf_init(&b, m->a, FILE_BYTES);
	while (n > 0) {
		char *to = buf_reserve(&b, 65536);

		if (to == NULL)
			break;
		n = read(fd, to, 65536);
		if (n > 0)
			buf_commit(&b, (size_t)n);
	}
	if (n < 0)
		(void)ctl_fail(CTL_FAILED, "%s: %s", path, gh_errno_text(errno));
	else if (b.over)
		(void)ctl_fail(CTL_FAILED, "%s: larger than %d bytes", path, FILE_BYTES);
	if (fd >= 0)
		close(fd);
	return n < 0 || b.over ? NULL : buf_cstr(&b);
}

static int
load_file(const struct migrate *m, const char *name, struct migration *f)
{
	uint8_t digest[HASH_SHA256_SIZE];
	uint64_t version;

	f->name = name;
	if (parse_u64(slice_make(name, NUMBER_DIGITS), 1, FILES_MAX, &version) != GH_OK)
		gh_panic("migrate: %s", name);
	f->version = (unsigned)version;
	if (f->version != (unsigned)(f - m->files) + 1)
		return ctl_fail(CTL_FAILED, "%s/%s: expected number %04u here", m->dir, name,
				(unsigned)(f - m->files) + 1);
	f->text = read_file(m, name);
	if (f->text == NULL)
		return CTL_FAILED;
	hash_sha256(slice_of(f->text), digest);
	encode_hex(slice_make(digest, sizeof(digest)), f->checksum);
	return CTL_OK;
}

static int
load_files(struct migrate *m)
{
	const char *names[FILES_MAX];
	int rc = list_files(m, names, &m->count);

	if (rc != CTL_OK)
		return rc;
	m->files = arena_alloc_array(m->a, m->count, sizeof(*m->files));
	for (unsigned i = 0; i < m->count && rc == CTL_OK; i++)
		rc = load_file(m, names[i], &m->files[i]);
	return rc;
}

static bool
is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --dir, the environment, beside the program's directory, ./schema: the first that is there.
 * What was asked for by name is taken as it is. */
static const char *
find_dir(const struct migrate *m, const char *asked)
{
	const char *env = getenv(GH_SCHEMA_DIR_ENV);
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;
	const char *dir;

	if (asked != NULL || env != NULL)
		return asked != NULL ? asked : env;
	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash != NULL) {
		*slash = '\0';
		dir = arena_printf(m->a, "%s/" GH_SCHEMA_DIR, exe);
		if (is_dir(dir))
			return dir;
	}
	return "schema";
}

/* ---- what was applied ---- */

static void
on_exists(void *arg, const char *const *columns, unsigned count)
{
	struct migrate *m = arg;

	m->has_table = count == 1 && columns[0] != NULL;
}

static void
on_applied(void *arg, const char *const *columns, unsigned count)
{
	struct migrate *m = arg;
	uint64_t version;
	struct migration *f;

	if (count != 3 || parse_u64(slice_of(columns[0]), 1, INT32_MAX, &version) != GH_OK) {
		m->rc = ctl_fail(CTL_FAILED, "schema_migrations has a row that is not ours");
		return;
	}
	if (version > m->count) {
		printf("%s is applied and not in %s: the database is newer\n", columns[1], m->dir);
		return;
	}
	f = &m->files[version - 1];
	f->is_applied = true;
	if (strcmp(f->checksum, columns[2]) != 0)
		m->rc = ctl_fail(CTL_FAILED,
				 "%s/%s was changed after it was applied (checksum %.12s, was "
				 "%.12s): put it back, and make the change a new file",
				 m->dir, f->name, f->checksum, columns[2]);
}

static enum gh_code
read_applied(struct migrate *m, struct gh_err *err)
{
	enum gh_code rc = script_query(m->script, schema_exists_sql, NULL, 0, on_exists, m, err);

	if (rc == GH_OK && !m->has_table && !m->is_dry_run)
		rc = script_run(m->script, schema_create_sql, err);
	if (rc == GH_OK && m->has_table)
		rc = script_query(m->script, schema_applied_sql, NULL, 0, on_applied, m, err);
	return rc;
}

/* ---- apply ---- */

static enum gh_code
apply(struct migrate *m, const struct migration *f, struct gh_err *err)
{
	const char *const params[] = {
		arena_printf(m->a, "%u", f->version),
		f->name,
		f->checksum,
	};
	enum gh_code rc = script_begin(m->script, err);

	if (rc == GH_OK)
		rc = script_run(m->script, f->text, err);
	if (rc == GH_OK)
		rc = script_query(m->script, schema_record_sql, params, GH_COUNT(params), NULL,
				  NULL, err);
	if (rc == GH_OK)
		rc = script_commit(m->script, err);
	if (rc != GH_OK)
		script_rollback(m->script);
	return rc;
}

static int
apply_pending(struct migrate *m)
{
	unsigned done = 0;
	struct gh_err err;

	for (unsigned i = 0; i < m->count; i++) {
		const struct migration *f = &m->files[i];

		if (f->is_applied)
			continue;
		printf("%s %s\n", m->is_dry_run ? "would apply" : "applying", f->name);
		fflush(stdout);
		done++;
		if (m->is_dry_run)
			continue;
		if (apply(m, f, &err) != GH_OK)
			return ctl_fail(err.code == GH_ETEMP ? CTL_UNAVAILABLE : CTL_FAILED,
					"%s: %s; nothing of it was kept", f->name, err.text);
	}
	if (!m->is_dry_run)
		printf("schema version %u, %u applied now\n", m->count, done);
	else if (done == 0)
		printf("nothing to apply\n");
	return CTL_OK;
}

static int
migrate_database(struct migrate *m, const struct conf_common *conf)
{
	/* Around the pooler: the lock belongs to the session. */
	const char *url = conf->db_direct_url != NULL ? conf->db_direct_url : conf->db_url;
	struct gh_err err;
	enum gh_code rc = script_open(&m->script, url, "growhubctl", &err);

	if (rc != GH_OK)
		return ctl_fail(CTL_UNAVAILABLE, "%s", err.text);
	rc = script_query(m->script, schema_lock_sql, NULL, 0, NULL, NULL, &err);
	if (rc == GH_OK)
		rc = read_applied(m, &err);
	if (rc != GH_OK)
		return ctl_fail(rc == GH_ETEMP ? CTL_UNAVAILABLE : CTL_FAILED, "%s", err.text);
	return m->rc != CTL_OK ? m->rc : apply_pending(m);
}

static int
migrate_run(const struct ctl_command *cmd, const char *conf_file, int argc, char **argv)
{
	static const struct option options[] = {
		{"dir", required_argument, NULL, 'd'},
		{"dry-run", no_argument, NULL, 'n'},
		{NULL, 0, NULL, 0},
	};
	struct migrate m = {.rc = CTL_OK};
	struct ctl_session *s = NULL;
	const char *dir = NULL;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'n')
			m.is_dry_run = true;
		else
			return ctl_usage(cmd, "wrong option");
	}
	if (optind < argc)
		return ctl_usage(cmd, "unexpected argument %s", argv[optind]);
	m.a = arena_new(0);
	m.dir = find_dir(&m, dir);
	rc = load_files(&m);
	if (rc == CTL_OK)
		rc = ctl_open(&s, conf_file);
	if (rc == CTL_OK)
		rc = migrate_database(&m, ctl_conf(s));
	script_close(m.script);
	ctl_close(s);
	arena_free(m.a);
	return rc;
}

const struct ctl_command ctl_migrate = {
	.words = "migrate",
	.usage = "[--dry-run] [--dir DIR]",
	.help = "bring the database to the newest schema",
	.more = "  --dry-run  say what would be applied and change nothing\n"
		"  --dir DIR  the migrations (default: $GROWHUB_SCHEMA_DIR, the installed ones,\n"
		"             ./schema)\n\n"
		"Safe to run again and from several hosts. A file that was changed after it was\n"
		"applied is an error.\n\n"
		"Examples:\n"
		"  growhubctl migrate --dry-run\n"
		"  growhubctl -c growhub.conf migrate --dir /usr/local/share/growhub/schema\n",
	.run = migrate_run,
};
