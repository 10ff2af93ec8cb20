/* admin.c - administrators of the installation. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/password.h"
#include "ctl.h"
#include "model/admin.h"

static const struct db_stmt_table *const tables[] = {&admin_stmt_table, NULL};

struct added {
	int32_t id;
	bool is_new;
};

static void
added_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct added *out = arg;

	(void)code;
	out->id = admin_upsert_id(u, 0, &out->is_new);
}

/* The first line of stdin without its newline. CTL_OK, or CTL_FAILED after telling why. */
static int
read_password(char *line, size_t size)
{
	struct slice password;

	if (fgets(line, (int)size, stdin) == NULL)
		return ctl_fail(CTL_FAILED, "no password on standard input");
	line[strcspn(line, "\r\n")] = '\0';
	password = slice_of(line);
	if (password.n > PASSWORD_LEN_MAX || !utf8_valid(password) ||
	    utf8_count(password) < ADMIN_PASSWORD_MIN)
		return ctl_fail(CTL_FAILED,
				"a password has at least %d characters, and at most %d bytes",
				ADMIN_PASSWORD_MIN, PASSWORD_LEN_MAX);
	return CTL_OK;
}

static int
store(const char *conf_file, struct slice email, struct slice name, struct slice hash)
{
	struct added added = {0, false};
	struct ctl_session *s;
	struct db_unit *u;
	int rc = ctl_open(&s, conf_file);

	if (rc != CTL_OK)
		return rc;
	u = db_unit_new();
	admin_upsert_add(u, email, name, hash);
	rc = ctl_db_run(s, tables, u, added_done, &added);
	if (rc == CTL_OK)
		printf("%s administrator %d: %.*s\n", added.is_new ? "added" : "changed", added.id,
		       S_FMT(email));
	ctl_close(s);
	return rc;
}

static int
admin_add_run(const struct ctl_command *cmd, const char *conf_file, int argc, char **argv)
{
	static const struct option options[] = {
		{"name", required_argument, NULL, 'n'},
		{"password-stdin", no_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	char password[PASSWORD_LEN_MAX + 2]; /* one byte too many is noticed */
	char hash[PASSWORD_TEXT_SIZE];
	struct slice name = SLICE_NONE;
	bool has_password = false;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			name = slice_of(optarg);
		else if (c == 'p')
			has_password = true;
		else
			return ctl_usage(cmd, "wrong option");
	}
	if (argc - optind != 1)
		return ctl_usage(cmd, "one e-mail address is needed");
	if (!has_password)
		return ctl_usage(cmd,
				 "--password-stdin is needed: arguments are visible to others");
	if (!admin_email_is_valid(slice_of(argv[optind])))
		return ctl_fail(CTL_FAILED, "%s is no e-mail address", argv[optind]);
	if (name.p != NULL && (name.n == 0 || name.n > ADMIN_NAME_MAX || !utf8_valid(name)))
		return ctl_fail(CTL_FAILED, "a name has 1 to %d bytes of UTF-8", ADMIN_NAME_MAX);
	rc = read_password(password, sizeof(password));
	if (rc == CTL_OK && password_hash(slice_of(password), hash) != GH_OK)
		rc = ctl_fail(CTL_FAILED, "no memory to hash the password (32 MiB)");
	gh_wipe(password, sizeof(password));
	if (rc != CTL_OK)
		return rc;
	return store(conf_file, slice_of(argv[optind]), name, slice_of(hash));
}

const struct ctl_command ctl_admin_add = {
	.words = "admin add",
	.usage = "EMAIL [--name NAME] --password-stdin",
	.help = "create a superadmin, or give an existing one a new password",
	.more = "  --name NAME       what to call the person (default: the e-mail address)\n"
		"  --password-stdin  read the password from the first line of standard input\n\n"
		"A new password ends the open sessions of that administrator.\n\n"
		"Example:\n"
		"  growhubctl admin add ana@example.com --name Ana --password-stdin < password\n",
	.run = admin_add_run,
};
