/* test_conf.c - configuration files against a table with every type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/conf.c"
#include "config/conf_print.c"
#include "config/conf_source.c"
#include "config/conf_value.c"
#include "config/params_common.c"

/* LeakSanitizer: libconfig 1.5 loses the string it was reading when a file has a syntax error. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

struct test_conf {
	const char *name;
	bool fast;
	int64_t in_flight;
	size_t body;
	int64_t wait_us;
	int mode;
	const char *token;
	struct conf_key key;
	const char *url;
	struct conf_strings tags;
	struct conf_listens listen;
	struct conf_cidrs allow;
	struct conf_strings pages;
};

static const char *const test_modes[] = {"slow", "quick", NULL};
static const char *const test_schemes[] = {"http://", "https://", NULL};

#define T(member) .offset = offsetof(struct test_conf, member), .help = "help of " #member
static const struct conf_param test_params[] = {
	{"name", CONF_TYPE_STRING, "anna", .min = 1, .max = 8, .flags = CONF_RELOADABLE, T(name)},
	{"senderd.fast", CONF_TYPE_BOOL, "true", T(fast)},
	{"senderd.max_in_flight", CONF_TYPE_INT, "64", .min = 1, .max = 100000,
	 .flags = CONF_RELOADABLE, T(in_flight)},
	{"senderd.body", CONF_TYPE_SIZE, "1MiB", .min = CONF_KIB, .max = CONF_GIB, T(body)},
	{"senderd.wait", CONF_TYPE_DURATION, "30s", .min = 0, .max = CONF_DAY, T(wait_us)},
	{"senderd.mode", CONF_TYPE_ENUM, "slow", .words = test_modes, T(mode)},
	{"senderd.token", CONF_TYPE_SECRET, NULL, .min = 1, .max = 70000, .flags = CONF_RELOADABLE,
	 T(token)},
	{"senderd.key", CONF_TYPE_KEY, NULL, T(key)},
	{"senderd.url", CONF_TYPE_STRING, NULL, .min = 1, .words = test_schemes, T(url)},
	{"senderd.tags", CONF_TYPE_STRINGS, "a, b", .max = 3, .flags = CONF_RELOADABLE, T(tags)},
	{"senderd.listen", CONF_TYPE_LISTEN, "127.0.0.1:80", .min = 1, .max = 2, T(listen)},
	{"senderd.allow", CONF_TYPE_CIDRS, "", .max = 4, T(allow)},
	{"senderd.pages", CONF_TYPE_ORIGINS, "", .max = 9, T(pages)},
	{.name = NULL},
};

static const struct conf_table test_tables[] = {{test_params, 0}};
static const struct conf_spec test_spec = {
	.tables = test_tables,
	.table_count = 1,
	.struct_size = sizeof(struct test_conf),
	.ignore = params_sections,
};

static char test_dir[64];
static char test_path[96];

static const char *
in_dir(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	return path;
}

static void
put(const char *name, const char *text, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
setup(void **state GH_UNUSED)
{
	memcpy(test_dir, "/tmp/test_conf.XXXXXX", sizeof("/tmp/test_conf.XXXXXX"));
	assert_non_null(mkdtemp(test_dir));
	snprintf(test_path, sizeof(test_path), "%s/t.conf", test_dir);
	setenv("CONF_T", "tom", 1);
	unsetenv("CONF_NONE");
	return 0;
}

static int
teardown(void **state GH_UNUSED)
{
	static const char *const names[] = {"t.conf", "sub/in.conf", "sub/deep.conf",
					    "secret", "fifo",        "sub"};

	for (size_t i = 0; i < GH_COUNT(names); i++)
		remove(in_dir(names[i]));
	return rmdir(test_dir);
}

static struct conf_errors errs;

static struct conf *
load(const char *text, struct test_conf *live)
{
	struct conf *c = NULL;

	put("t.conf", text, 0600);
	if (conf_load(&c, &test_spec, test_path, live, &errs) != GH_OK)
		assert_null(c);
	return c;
}

static void
test_defaults(void **state GH_UNUSED)
{
	struct test_conf t;
	struct conf *c = load("", &t);

	assert_non_null(c);
	assert_string_equal(t.name, "anna");
	assert_true(t.fast);
	assert_int_equal(t.in_flight, 64);
	assert_int_equal(t.body, 1048576);
	assert_int_equal(t.wait_us, 30000000);
	assert_int_equal(t.mode, 0);
	assert_null(t.token);
	assert_false(t.key.is_set);
	assert_int_equal(t.tags.count, 2);
	assert_string_equal(t.tags.v[1], "b");
	assert_int_equal(t.listen.count, 1);
	assert_int_equal(t.listen.v[0].port, 80);
	assert_int_equal(t.allow.count, 0);
	conf_free(c);
}

static void
test_values(void **state GH_UNUSED)
{
	struct test_conf t;
	struct conf *c = load(
		"name = \"${CONF_T}$${x\"; # comment \"\n"
		"gateway = { whatever = 1; };\n"
		"senderd: { fast = false; max_in_flight = 7; body = \"64KiB\"; wait = \"250ms\";\n"
		"  mode = \"quick\"; token = \"literal\"; url = \"https://x\"; tags = [\"x\"];\n"
		"  key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\";\n"
		"  listen = (\":8080\", \"[::1]:9\"); allow = [\"10.0.0.0/8\", \"::1\"]; };\n",
		&t);

	if (c == NULL)
		fail_msg("%s", errs.text[0]);
	assert_string_equal(t.name, "tom${x");
	assert_false(t.fast);
	assert_int_equal(t.in_flight, 7);
	assert_int_equal(t.body, 65536);
	assert_int_equal(t.wait_us, 250000);
	assert_int_equal(t.mode, 1);
	assert_string_equal(t.token, "literal");
	assert_true(t.key.is_set);
	assert_int_equal(t.key.b[31], 31);
	assert_int_equal(t.tags.count, 1);
	assert_int_equal(t.listen.count, 2);
	assert_string_equal(t.listen.v[0].host, "");
	assert_string_equal(t.listen.v[1].host, "::1");
	assert_int_equal(t.allow.count, 2);
	assert_int_equal(t.allow.v[0].bits, 104);
	conf_free(c);
}

/* Text after "t.conf" of the only error of a file. */
static void
test_errors(void **state GH_UNUSED)
{
	static const struct {
		const char *name, *text, *error;
	} cases[] = {
		{"range", "senderd = {\n\n max_in_flight = 0; };",
		 ":3: senderd.max_in_flight = 0: must be 1..100000"},
		{"negative", "senderd = { max_in_flight = -5; };",
		 ":1: senderd.max_in_flight = -5: must be 1..100000"},
		{"int wants int", "senderd = { max_in_flight = \"7\"; };",
		 ":1: senderd.max_in_flight = \"7\": must be a whole number"},
		{"bool wants bool", "senderd = { fast = 1; };",
		 ":1: senderd.fast = 1: must be true or false"},
		{"int cut to 32 bits", "senderd = {\n max_in_flight = 4294967297; };",
		 ":2: integer beyond 32 bits: sizes and times are text with a unit"},
		{"hex cut", "senderd = { max_in_flight = 0x100000007; };",
		 ":1: integer beyond 32 bits: sizes and times are text with a unit"},
		{"64 bits marked", "senderd = { max_in_flight = 4294967297L; };",
		 ":1: senderd.max_in_flight = 4294967297: must be 1..100000"},
		{"size without unit", "senderd = { body = 1048576; };",
		 ":1: senderd.body = 1048576: must be a size in quotes such as \"16MiB\""},
		{"size unit", "senderd = { body = \"1MB\"; };",
		 ":1: senderd.body = \"1MB\": must be a size such as \"16MiB\" (B KiB MiB GiB)"},
		{"size range", "senderd = { body = \"1B\"; };",
		 ":1: senderd.body = \"1B\": must be 1KiB..1GiB"},
		{"time range", "senderd = { wait = \"25h\"; };",
		 ":1: senderd.wait = \"25h\": must be 0ms..1d"},
		{"time overflow", "senderd = { wait = \"99999999999999999999d\"; };",
		 ":1: senderd.wait = \"99999999999999999999d\": must be 0ms..1d"},
		{"time form", "senderd = { wait = \"s\"; };",
		 ":1: senderd.wait = \"s\": must be a time such as \"30s\" (ms s m h d)"},
		{"beginning", "senderd = { url = \"ftp://x\"; };",
		 ":1: senderd.url = \"ftp://x\": must begin with \"http://\" or \"https://\""},
		{"enum", "senderd = { mode = \"warp\"; };",
		 ":1: senderd.mode = \"warp\": must be slow|quick"},
		{"text long", "name = \"123456789\";",
		 ":1: name = \"123456789\": must be 1..8 bytes"},
		{"list long", "senderd = { tags = [\"a\",\"b\",\"c\",\"d\"]; };",
		 ":1: senderd.tags = (...): must be 0..3 elements"},
		{"list of wrong", "senderd = { tags = [1]; };",
		 ":1: senderd.tags = (...): must be text in quotes or a list of it"},
		{"list for scalar", "name = [\"a\"];", ":1: name = (...): must be text in quotes"},
		{"listen", "senderd = { listen = \"nohost:80\"; };",
		 ":1: senderd.listen = \"nohost:80\": must be \"ADDRESS:PORT\", "
		 "\"[ADDRESS]:PORT\" or \":PORT\""},
		{"cidr", "senderd = { allow = \"10.0.0.1/8\"; };",
		 ":1: senderd.allow = \"10.0.0.1/8\": must be networks such as \"10.0.0.0/8\", no "
		 "bits behind the prefix"},
		{"key is not shown", "senderd = { key = \"c2hvcnQ=\"; };",
		 ":1: senderd.key = \"***\": must be 32 bytes in base64"},
		{"unknown key is not shown", "senderd = { tokne = \"x\"; };",
		 ":1: senderd.tokne = \"***\": unknown key"},
		{"unknown section", "sendred = { a = 1; };", ":1: sendred = {...}: unknown key"},
		{"section is a scalar", "senderd = 3;",
		 ":1: senderd = 3: must be a section: { ... }"},
		{"duplicate", "name = \"a\";\n\nname = \"b\";",
		 ":3: duplicate setting name at name"},
		{"syntax shows no secret", "senderd = {\n token \"sesame\" };",
		 ":2: syntax error at token"},
		{"missing variable", "name = \"${CONF_NONE}\";",
		 ":1: name = \"${CONF_NONE}\": environment variable CONF_NONE is not set"},
		{"open variable", "name = \"${CONF\";",
		 ":1: name = \"${CONF\": \"${\" must be followed by NAME} (write \"$${\" for the "
		 "characters)"},
		{"open string", "name = \"a", ":1: string without end"},
		{"open comment", "/* name", ":1: comment without end"},
		{"include form", "@include other", ":1: @include needs a path in quotes"},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct test_conf t;
		struct conf *c = load(cases[i].text, &t);

		if (c != NULL)
			fail_msg("%s: accepted", cases[i].name);
		if (errs.count != 1 ||
		    strcmp(errs.text[0] + strlen(test_path), cases[i].error) != 0)
			fail_msg("%s: %u errors, %s", cases[i].name, errs.count, errs.text[0]);
		assert_int_equal(t.in_flight, 0);
	}
}

static void
test_origins(void **state GH_UNUSED)
{
	static const struct {
		const char *text;
		bool is_good;
	} cases[] = {
		{"https://app.example.com", true},
		{"http://localhost:3000", true},
		{"http://a:443", true},
		{"http://[::1]:8080", true},
		{"http://[2001:db8::1]", true},
		{"http://127.0.0.1", true},
		{"capacitor://localhost", true},
		{"*", true},
		{"app.example.com", false},
		{"//a", false},
		{"https:/a", false},
		{"https://", false},
		{"https://a/", false},
		{"https://a?b", false},
		{"https://u@a", false},
		{"https://A.example.com", false},
		{"HTTPS://a", false},
		{"https://*.example.com", false},
		{"https://a:443", false},
		{"http://a:80", false},
		{"http://a:", false},
		{"http://a:080", false},
		{"http://a:65536", false},
		{"http://a:8080x", false},
		{"http://[::1", false},
		{"http://[::1]x", false},
		{"http://[::0:1]", false},
		{"http://[a]", false},
		{"https://a https://b", false},
		{"null", false},
		{"", false},
	};
	struct test_conf t;
	struct conf *c;
	char text[128];

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		snprintf(text, sizeof(text), "senderd = {\n pages = [\"%s\"]; };", cases[i].text);
		c = load(text, &t);
		if ((c != NULL) != cases[i].is_good)
			fail_msg("%s: %s", cases[i].text, c != NULL ? "accepted" : errs.text[0]);
		if (c == NULL)
			assert_non_null(strstr(errs.text[0], "t.conf:2: senderd.pages = (...): "));
		conf_free(c);
	}
	c = load("senderd = { pages = [\"https://a\", \"http://b:1\"]; };", &t);
	assert_non_null(c);
	assert_int_equal(t.pages.count, 2);
	assert_string_equal(t.pages.v[1], "http://b:1");
	conf_free(c);
	assert_null(load("senderd = { pages = [\"https://a\", \"*\"]; };", &t));
	assert_non_null(
		strstr(errs.text[0], ":1: senderd.pages = (...): \"*\" means every origin"));
	assert_null(load("senderd = { pages = \"https://a/x\"; };", &t));
	assert_non_null(strstr(errs.text[0], "\"https://a/x\" must be \"*\" or an origin"));
}

static void
test_all_errors(void **state GH_UNUSED)
{
	struct test_conf t;
	char text[2000] = "";
	size_t n = 0;

	assert_null(load("name = 1;\nother = 2;\nsenderd = { fast = 3; };\n", &t));
	assert_int_equal(errs.count, 3);
	for (unsigned i = 0; i < CONF_ERRORS_MAX + 5; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "key%u = 1;\n", i);
	assert_null(load(text, &t));
	assert_int_equal(errs.count, CONF_ERRORS_MAX);
	assert_int_equal(errs.dropped_count, 5);
}

static void
test_required(void **state GH_UNUSED)
{
	static const char *const require[] = {"senderd.token", NULL};
	struct conf_spec spec = test_spec;
	struct test_conf t;
	struct conf *c;

	put("t.conf", "", 0600);
	spec.require = require;
	assert_int_equal(conf_load(&c, &spec, test_path, &t, &errs), GH_EINVAL);
	assert_int_equal(errs.count, 1);
	assert_non_null(strstr(errs.text[0], "t.conf: senderd.token: required key is missing"));
}

static void
test_include(void **state GH_UNUSED)
{
	struct test_conf t;
	struct conf *c;

	assert_int_equal(mkdir(in_dir("sub"), 0700), 0);
	put("sub/in.conf", "# from here\n@include \"deep.conf\" # beside me\nname = \"in\";\n",
	    0600);
	put("sub/deep.conf", "senderd = {\n  max_in_flight = 9;\n};", 0600);
	c = load("/*\n@include \"not\"\n*/\n@include \"sub/in.conf\"\n", &t);
	if (c == NULL)
		fail_msg("%s", errs.text[0]);
	assert_string_equal(t.name, "in");
	assert_int_equal(t.in_flight, 9);
	conf_free(c);

	put("sub/deep.conf", "senderd = {\n  max_in_flight = 0;\n};", 0600);
	assert_null(load("\n\n@include \"sub/in.conf\"\n", &t));
	assert_non_null(strstr(errs.text[0], "/sub/deep.conf:2: senderd.max_in_flight = 0"));

	put("sub/deep.conf", "@include \"in.conf\"\n", 0600);
	assert_null(load("@include \"sub/in.conf\"\n", &t));
	assert_non_null(strstr(errs.text[0], "nested too deep"));

	assert_null(load("\n@include \"absent\"\n", &t));
	assert_non_null(strstr(errs.text[0], "t.conf:2: "));
	assert_non_null(strstr(errs.text[0], "No such file"));
}

static void
check_secret(const char *name, const char *text, mode_t mode, const char *token, const char *error)
{
	struct test_conf t;
	struct conf *c = NULL;

	put("t.conf", text, mode);
	if (conf_load(&c, &test_spec, test_path, &t, &errs) == GH_OK) {
		if (token == NULL || strcmp(t.token, token) != 0)
			fail_msg("%s: got %s", name, t.token);
	} else if (error == NULL || strstr(errs.text[0], error) == NULL) {
		fail_msg("%s: %s", name, errs.text[0]);
	}
	conf_free(c);
}

static void
test_secrets(void **state GH_UNUSED)
{
	char *big = gh_alloc(CONF_SECRET_MAX + 3);

	check_secret("literal, others can read", "senderd = { token = \"x\"; };", 0644, NULL,
		     "token = \"***\": secret in a file readable by others");
	check_secret("escape is still literal", "senderd = { token = \"$${x}\"; };", 0644, NULL,
		     "readable by others");
	check_secret("group may read", "senderd = { token = \"x\"; };", 0640, "x", NULL);
	check_secret("variable", "senderd = { token = \"a${CONF_T}\"; };", 0644, "atom", NULL);
	put("secret", "s3cret\n\n", 0600);
	check_secret("file", "senderd = { token = \"file:secret\"; };", 0644, "s3cret\n", NULL);
	setenv("CONF_T", test_dir, 1);
	check_secret("file by variable", "senderd = { token = \"file:${CONF_T}/secret\"; };", 0644,
		     "s3cret\n", NULL);
	setenv("CONF_T", "file:secret", 1);
	check_secret("variable names no file", "senderd = { token = \"${CONF_T}\"; };", 0644,
		     "file:secret", NULL);
	put("secret", "s3cret", 0604);
	check_secret("file of others", "senderd = { token = \"file:secret\"; };", 0600, NULL,
		     "secret: readable by others (chmod o-r)");
	put("secret", "", 0600);
	check_secret("empty", "senderd = { token = \"file:secret\"; };", 0600, NULL,
		     "must be 1..70000 bytes");
	memset(big, 'x', CONF_SECRET_MAX);
	put("secret", big, 0600);
	check_secret("largest", "senderd = { token = \"file:secret\"; };", 0600, big, NULL);
	big[CONF_SECRET_MAX] = 'x';
	put("secret", big, 0600);
	check_secret("too large", "senderd = { token = \"file:secret\"; };", 0600, NULL,
		     "file too large");
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	check_secret("pipe", "senderd = { token = \"file:fifo\"; };", 0600, NULL,
		     "not a regular file");
	gh_free(big);
}

static void
test_reload(void **state GH_UNUSED)
{
	struct conf_changes changes;
	struct test_conf t;
	struct conf *c = load("name = \"one\"; senderd = { wait = \"1m\"; fast = true; };", &t);
	const char *old = t.name;

	assert_non_null(c);
	/* The same in other words is no change. */
	put("t.conf", "name = \"one\"; senderd = { wait = \"60s\"; };", 0600);
	assert_int_equal(conf_reload(c, &changes, &errs), GH_OK);
	assert_int_equal(changes.applied_count + changes.restart_count, 0);

	put("t.conf",
	    "name = \"two\"; senderd = { wait = \"2m\"; fast = false; tags = \"z\"; token = \"t\"; "
	    "};",
	    0600);
	assert_int_equal(conf_reload(c, &changes, &errs), GH_OK);
	assert_int_equal(changes.applied_count, 3);
	assert_string_equal(changes.applied[0], "name");
	assert_int_equal(changes.restart_count, 2);
	assert_string_equal(changes.restart[0], "senderd.fast");
	assert_string_equal(changes.restart[1], "senderd.wait");
	assert_string_equal(old, "one");
	assert_string_equal(t.name, "two");
	assert_string_equal(t.token, "t");
	assert_string_equal(t.tags.v[0], "z");
	assert_true(t.fast);
	assert_int_equal(t.wait_us, CONF_MINUTE);

	put("t.conf", "name = \"three\"; senderd = { max_in_flight = 0; };", 0600);
	assert_int_equal(conf_reload(c, &changes, &errs), GH_EINVAL);
	assert_int_equal(errs.count, 1);
	assert_string_equal(t.name, "two");

	put("t.conf", "", 0600);
	assert_int_equal(conf_reload(c, &changes, &errs), GH_OK);
	assert_string_equal(t.name, "anna");
	assert_null(t.token);
	conf_free(c);
}

static void
test_print(void **state GH_UNUSED)
{
	static const char first[] = "name\tstring\tanna\t1..8 bytes\treloadable\thelp of name\n";
	struct buf b;

	buf_init(&b, NULL, 65536);
	conf_print_params(&b, test_tables, 1, CONF_PRINT_TSV);
	assert_memory_equal(b.p, first, sizeof(first) - 1);
	assert_non_null(strstr(buf_cstr(&b), "\nsenderd.token\tsecret\t-\t1..70000 bytes\t"
					     "reloadable,secret\thelp of token\n"));
	assert_non_null(strstr(buf_cstr(&b), "\nsenderd.body\tsize\t1MiB\t1KiB..1GiB\t-\t"));
	assert_non_null(strstr(buf_cstr(&b), "\nsenderd.allow\tcidrs\t\"\"\t0..4 elements\t-\t"));
	buf_reset(&b);
	conf_print_params(&b, test_tables, 1, CONF_PRINT_TABLE);
	assert_true(slice_starts(buf_slice(&b), S("NAME                   TYPE      DEFAULT")));
	assert_false(b.over);
	buf_free(&b);
}

static void
test_split_listen(void **state GH_UNUSED)
{
	static const struct {
		const char *text, *host;
		unsigned port; /* 0: refused */
	} cases[] = {
		{"127.0.0.1:8080", "127.0.0.1", 8080},
		{"[::1]:1", "::1", 1},
		{":65535", "", 65535},
		{"*:80", "", 80},
		{"localhost:80", "127.0.0.1", 80},
		{"[0::1]:80", "::1", 80},
		{"", NULL, 0},
		{":", NULL, 0},
		{"80", NULL, 0},
		{":0", NULL, 0},
		{":65536", NULL, 0},
		{"::1:80", NULL, 0},
		{"[127.0.0.1]:80", NULL, 0},
		{"[::1]", NULL, 0},
		{"[]:80", NULL, 0},
		{"example.com:80", NULL, 0},
		{"1.2.3:80", NULL, 0},
		{"127.0.0.1:-1", NULL, 0},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct conf_listen l;
		enum gh_code rc = conf_split_listen(slice_of(cases[i].text), &l);

		if ((rc == GH_OK) != (cases[i].port != 0))
			fail_msg("%s: %s", cases[i].text, gh_code_name(rc));
		if (rc == GH_OK) {
			assert_string_equal(l.host, cases[i].host);
			assert_int_equal(l.port, cases[i].port);
		}
	}
}

static void
test_common(void **state GH_UNUSED)
{
	static const struct conf_table tables[] = {{params_common, 0}};
	const struct conf_spec spec = {.tables = tables,
				       .table_count = 1,
				       .struct_size = sizeof(struct conf_common),
				       .require = params_require_mq,
				       .ignore = params_sections};
	struct conf_common t;
	struct conf *c;

	put("t.conf",
	    "db = { url = \"postgresql://u:p@127.0.0.1/d\"; };\n"
	    "mq = { url = \"amqp://u:p@h1:5672,h2:5672/v\"; queue_type = \"quorum\"; };\n"
	    "secrets = { key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"; };\n"
	    "gateway = { x = 1; }; eventd = { y = 2; };\n",
	    0600);
	assert_int_equal(conf_load(&c, &spec, test_path, &t, &errs), GH_OK);
	params_common_finish(&t);
	assert_non_null(strchr(t.instance_name, '-'));
	assert_null(t.db_direct_url);
	assert_true(t.db_prepared);
	assert_int_equal(t.mq_queue_type, PARAMS_QUEUE_QUORUM);
	assert_int_equal(t.mq_heartbeat_us, 15 * CLOCK_SEC);
	assert_int_equal(t.sending_deadline_us, 30 * CLOCK_SEC);
	assert_int_equal(t.sending_max_attempts, 4);
	assert_true(t.secrets_key.is_set);
	conf_free(c);

	put("t.conf", "", 0600);
	assert_int_equal(conf_load(&c, &spec, test_path, &t, &errs), GH_EINVAL);
	assert_int_equal(errs.count, 3);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		TEST(test_defaults), TEST(test_values),       TEST(test_errors),
		TEST(test_origins),  TEST(test_all_errors),   TEST(test_required),
		TEST(test_include),  TEST(test_secrets),      TEST(test_reload),
		TEST(test_print),    TEST(test_split_listen), TEST(test_common),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
