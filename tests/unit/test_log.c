/* test_log.c - line forms, escaping, cutting, repeats, a stalled reader. */
#include "base/log.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define T0   (INT64_C(1768478400) * CLOCK_SEC) /* 2026-01-15T12:00:00Z */
#define HEAD "ts=2026-01-15T12:00:00.000Z level=info daemon=testd event=a.b"
#define JHEAD                                                                                      \
	"{\"ts\":\"2026-01-15T12:00:00.000Z\",\"level\":\"info\",\"daemon\":\"testd\",\"event\":"  \
	"\"a.b\""

static int reader = -1;
static char captured[1 << 18];

/* A pipe in place of stderr, a frozen clock and no history of repeats. */
static int
set_up(void **unused)
{
	int fds[2];

	(void)unused;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	reader = fds[0];
	state.fd = fds[1];
	state.is_stalled = state.is_torn = false;
	state.unreported_drops = 0;
	state.swept_us = 0;
	memset(state.repeats, 0, sizeof(state.repeats));
	clock_freeze(T0, 0);
	log_init("testd", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	close(reader);
	close(state.fd);
	state.fd = STDERR_FILENO;
	clock_thaw();
	return 0;
}

/* What was written since the last call. */
static const char *
capture(void)
{
	size_t n = 0;
	ssize_t got;

	do {
		got = read(reader, captured + n, sizeof(captured) - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	captured[n] = '\0';
	return captured;
}

static unsigned
count_lines(const char *text)
{
	unsigned count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void
writes_logfmt(void **unused)
{
	(void)unused;
	log_info("a.b", LOG_STR("s", "plain"), LOG_INT("n", -7), LOG_SLICE("x", S("two words")),
		 LOG_STR("none", NULL), LOG_INT("min", INT64_MIN));
	assert_string_equal(capture(), HEAD " s=plain n=-7 x=\"two words\" none=\"\""
					    " min=-9223372036854775808\n");
}

static void
writes_json(void **unused)
{
	(void)unused;
	log_init("testd", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_info("a.b", LOG_STR("s", "plain"), LOG_INT("n", -7), LOG_STR("none", NULL));
	assert_string_equal(capture(), JHEAD ",\"s\":\"plain\",\"n\":-7,\"none\":\"\"}\n");
}

static void
escapes_every_byte(void **unused)
{
	static const struct {
		struct slice in;
		const char *logfmt, *json;
	} cases[] = {
		{{"a\"b", 3}, "\"a\\\"b\"", "a\\\"b"},
		{{"a\\b", 3}, "\"a\\\\b\"", "a\\\\b"},
		{{"a=b", 3}, "\"a=b\"", "a=b"},
		{{"\n\r\t", 3}, "\"\\n\\r\\t\"", "\\n\\r\\t"},
		{{"\0\x1b\x7f", 3}, "\"\\u0000\\u001b\\u007f\"", "\\u0000\\u001b\\u007f"},
		{{"\xc3\xa9", 2}, "\"\xc3\xa9\"", "\xc3\xa9"},
		{{"\xc2\x9b", 2}, "\"\\u009b\"", "\\u009b"},   /* C1: CSI of a terminal */
		{{"\xc2\xa0", 2}, "\"\xc2\xa0\"", "\xc2\xa0"}, /* first after C1 */
		{{"a\xff\xc3", 3}, "\"a\\xff\\xc3\"", "a\\\\xff\\\\xc3"},
		{{"\xed\xa0\x80", 3}, "\"\\xed\\xa0\\x80\"", "\\\\xed\\\\xa0\\\\x80"},
		{{"", 0}, "\"\"", ""},
		{{"+55(11)/x:y,;'", 14}, "+55(11)/x:y,;'", "+55(11)/x:y,;'"},
	};
	char expected[256];

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		log_init("testd", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
		log_info("a.b", LOG_SLICE("k", cases[i].in));
		snprintf(expected, sizeof(expected), HEAD " k=%s\n", cases[i].logfmt);
		assert_string_equal(capture(), expected);
		log_init("testd", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
		memset(state.repeats, 0, sizeof(state.repeats));
		log_info("a.b", LOG_SLICE("k", cases[i].in));
		snprintf(expected, sizeof(expected), JHEAD ",\"k\":\"%s\"}\n", cases[i].json);
		assert_string_equal(capture(), expected);
	}
	(void)unused;
}

static void
cuts_long_lines(void **unused)
{
	static const char fill[] = {'x', '\xff', '"'}; /* escapes of 1, 4 or 5 and 2 bytes */
	char longer[6000];
	const char *text;
	size_t n;

	(void)unused;
	for (unsigned i = 0; i < 2 * GH_COUNT(fill); i++) {
		bool is_json = i >= GH_COUNT(fill);
		const char *end = is_json ? "\",\"truncated\":1}\n" : " truncated=1\n";

		memset(longer, fill[i % GH_COUNT(fill)], sizeof(longer));
		log_init("testd", LOG_LEVEL_INFO, is_json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
		log_info("a.b", LOG_INT("n", 1), LOG_SLICE("k", slice_make(longer, sizeof(longer))),
			 LOG_INT("lost", 2));
		text = capture();
		n = strlen(text);
		assert_in_range(n, LOG_LINE_MAX - 48, LOG_LINE_MAX);
		assert_string_equal(text + n - strlen(end), end);
		assert_int_equal(count_lines(text), 1);
		assert_null(strstr(text, "lost"));
	}
}

/* Whatever the length of the value, the number behind it is whole or not there. */
static void
cuts_between_keys(void **unused)
{
	char value[LOG_LINE_MAX];
	const char *text;

	(void)unused;
	memset(value, 'v', sizeof(value));
	for (size_t n = LOG_LINE_MAX - 200; n < LOG_LINE_MAX; n++) {
		log_init("testd", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
		memset(state.repeats, 0, sizeof(state.repeats));
		log_info("a.b", LOG_SLICE("k", slice_make(value, n)), LOG_INT("n", 123456789));
		text = capture();
		assert_true(strlen(text) <= LOG_LINE_MAX);
		assert_string_equal(text + strlen(text) - 2, "}\n");
		assert_true(strstr(text, "v\",\"n\":123456789}\n") != NULL ||
			    strstr(text, "v\",\"truncated\":1}\n") != NULL);
	}
}

static void
respects_level(void **unused)
{
	uint64_t before = log_line_count(LOG_LEVEL_WARN);

	(void)unused;
	log_debug("a.b", LOG_INT("n", 1));
	assert_string_equal(capture(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("a.b", LOG_INT("n", 1));
	assert_non_null(strstr(capture(), " level=debug "));
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("a.b", LOG_INT("n", 1));
	assert_string_equal(capture(), "");
	log_set_level(LOG_LEVEL_WARN);
	log_warn("a.b", LOG_INT("n", 1));
	assert_non_null(strstr(capture(), " level=warn "));
	assert_int_equal(log_line_count(LOG_LEVEL_WARN), before + 1);
}

static void
suppresses_repeats(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 50; i++)
		log_info("a.b", LOG_INT("i", i));
	log_error("a.b", LOG_INT("i", 0)); /* another level */
	log_info("c.d", LOG_INT("i", 0));  /* another event */
	assert_int_equal(count_lines(capture()), 20 + 2);
	clock_freeze(T0, CLOCK_SEC - 1);
	log_tick();
	assert_string_equal(capture(), "");
	clock_freeze(T0, CLOCK_SEC);
	log_tick();
	assert_string_equal(capture(), HEAD " suppressed=30\n");
	log_tick();
	assert_string_equal(capture(), "");
	log_info("a.b", LOG_INT("i", 99));
	assert_string_equal(capture(), HEAD " i=99\n");
}

static void
next_line_reports_repeats(void **unused)
{
	(void)unused;
	clock_freeze(T0, 3 * CLOCK_SEC / 2); /* the sweep and the window of the event differ */
	log_info("c.d", LOG_INT("i", 0));
	clock_freeze(T0, 2 * CLOCK_SEC);
	for (unsigned i = 0; i < 25; i++)
		log_info("a.b", LOG_INT("i", i));
	capture();
	clock_freeze(T0, 5 * CLOCK_SEC / 2);
	log_tick();
	assert_string_equal(capture(), "");
	clock_freeze(T0, 3 * CLOCK_SEC);
	log_info("a.b", LOG_INT("i", 7));
	assert_string_equal(capture(), HEAD " suppressed=5\n" HEAD " i=7\n");
}

static void
writes_more_events_than_slots(void **unused)
{
	static char names[LOG_REPEAT_SLOTS * 2][16];

	(void)unused;
	for (unsigned i = 0; i < GH_COUNT(names); i++) {
		snprintf(names[i], sizeof(names[i]), "event.%u", i);
		log_info(names[i], LOG_INT("i", i));
	}
	assert_int_equal(count_lines(capture()), GH_COUNT(names));
}

static void
drops_when_stalled(void **unused)
{
	uint64_t dropped = log_dropped_count();
	char fill[3000];
	int64_t started_us;
	const char *text;

	(void)unused;
	memset(fill, 'f', sizeof(fill));
	clock_thaw();
	started_us = clock_mono_us();
	for (unsigned i = 0; i < 500; i++) {
		memset(state.repeats, 0, sizeof(state.repeats));
		log_info("a.b", LOG_SLICE("k", slice_make(fill, sizeof(fill))));
	}
	/* 500 lines in one stall: one wait of 20 ms, not 500. */
	assert_true(clock_mono_us() - started_us < CLOCK_SEC);
	assert_true(log_dropped_count() > dropped + 400);
	dropped = log_dropped_count() - dropped;
	text = capture();
	assert_int_equal(count_lines(text), 500 - dropped);
	assert_int_equal(text[strlen(text) - 1], '\n');
	log_tick();
	text = strstr(capture(), "event=log.dropped count=");
	assert_non_null(text);
	assert_int_equal(strtoul(text + strlen("event=log.dropped count="), NULL, 10), dropped);
	log_tick();
	assert_string_equal(capture(), "");
}

static void
ends_a_torn_line(void **unused)
{
	(void)unused;
	state.is_torn = true;
	log_info("a.b", LOG_INT("i", 1));
	assert_string_equal(capture(), "\n" HEAD " i=1\n");
	log_info("a.b", LOG_INT("i", 2));
	assert_string_equal(capture(), HEAD " i=2\n");
}

static void
keeps_errno(void **unused)
{
	uint64_t dropped = log_dropped_count();
	int fd = state.fd;

	(void)unused;
	errno = ENOENT;
	state.fd = 9999; /* not open: the write fails */
	log_info("a.b", LOG_INT("i", 1));
	state.fd = fd;
	assert_int_equal(errno, ENOENT);
	assert_int_equal(log_dropped_count(), dropped + 1);
}

static void
masks_phones(void **unused)
{
	static const char *const cases[][2] = {
		{"5511900000002@c.us", "5511*****0002"},
		{"5511900000002", "5511*****0002"},
		{"+5511900000002", "5511*****0002"},
		{"5511900000002:12@s.whatsapp.net", "5511*****0002"},
		{"11900000002", "1190***0002"},
		{"1190000000", "***"},
		{"", "***"},
		{"@c.us", "***"},
		{"55119-0000002", "***"},
		{"status@broadcast", "***"},
		{"12345678901234567890123", "1234***************0123"},
		{"123456789012345678901234", "***"},
		{"\xff", "***"},
	};
	char text[LOG_PHONE_SIZE];

	(void)unused;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_string_equal(log_phone(slice_of(cases[i][0]), text), cases[i][1]);
	assert_string_equal(log_phone(SLICE_NONE, text), "***");
}

/* A retry's reason: told once, again when another, and once a minute. */
static void
tells_a_reason_again_when_it_is_news(void **unused)
{
	struct log_reason r = {.told_at_us = 0};
	char longest[400];

	(void)unused;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_true(log_reason_is_news(&r, "refused", 1000));
	assert_false(log_reason_is_news(&r, "refused", 2000));
	assert_false(log_reason_is_news(&r, "refused", 1000 + LOG_REASON_EVERY_US - 1));
	assert_true(log_reason_is_news(&r, "refused", 1000 + LOG_REASON_EVERY_US));
	assert_true(log_reason_is_news(&r, "timeout", 1001 + LOG_REASON_EVERY_US));
	assert_string_equal(r.text, "timeout");
	assert_true(log_reason_is_news(&r, longest, 1002 + LOG_REASON_EVERY_US));
	assert_false(log_reason_is_news(&r, longest, 1003 + LOG_REASON_EVERY_US));
	assert_int_equal(strlen(r.text), sizeof(r.text) - 1);
}

/* What the sink was told, one line per call: level, number of keys, text. */
static char told[4096];

static void
keep_line(void *arg, const struct log_line *line)
{
	size_t n = strlen(told);

	assert_ptr_equal(arg, told);
	assert_int_not_equal(pthread_mutex_trylock(&state.mutex), 0);
	snprintf(told + n, sizeof(told) - n, "%d %u %.*s\n", (int)line->level, line->count,
		 S_FMT(line->text));
	if (line->count > 0 && line->kv[0].kind == LOG_KV_INT)
		assert_string_equal(line->kv[0].key, "i");
	assert_string_equal(line->event, "a.b");
}

static void
tells_a_sink(void **unused)
{
	(void)unused;
	log_set_sink(keep_line, told, LOG_LEVEL_WARN);
	log_info("a.b", LOG_INT("i", 1));
	assert_string_equal(told, "");
	assert_string_equal(capture(), HEAD " i=1\n");
	log_warn("a.b", LOG_INT("i", 2), LOG_STR("k", "v w"));
	assert_string_equal(told,
			    "2 2 ts=2026-01-15T12:00:00.000Z level=warn daemon=testd event=a.b"
			    " i=2 k=\"v w\"\n");
	assert_non_null(strstr(capture(), " i=2 k=\"v w\"\n"));
	log_set_sink(NULL, NULL, LOG_LEVEL_DEBUG);
	log_error("a.b", LOG_INT("i", 3));
	assert_null(strstr(told, "i=3"));
	assert_false(log_is_enabled(LOG_LEVEL_DEBUG));
}

/* The two thresholds know nothing of each other. */
static void
tells_a_sink_what_stderr_does_not_want(void **unused)
{
	uint64_t before = log_line_count(LOG_LEVEL_DEBUG);

	(void)unused;
	told[0] = '\0';
	log_set_level(LOG_LEVEL_ERROR);
	log_set_sink(keep_line, told, LOG_LEVEL_DEBUG);
	log_debug("a.b", LOG_INT("i", 1));
	assert_string_equal(capture(), "");
	assert_int_equal(log_line_count(LOG_LEVEL_DEBUG), before);
	assert_non_null(strstr(told, " level=debug "));
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_sink(keep_line, told, LOG_LEVEL_ERROR);
	told[0] = '\0';
	for (unsigned i = 0; i < LOG_REPEAT_MAX + 3; i++)
		log_error("a.b", LOG_INT("i", i));
	log_warn("a.b", LOG_INT("i", 0));
	assert_int_equal(count_lines(told), LOG_REPEAT_MAX);
	log_set_sink(NULL, NULL, LOG_LEVEL_DEBUG);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(writes_logfmt),
		CASE(writes_json),
		CASE(escapes_every_byte),
		CASE(cuts_long_lines),
		CASE(cuts_between_keys),
		CASE(respects_level),
		CASE(suppresses_repeats),
		CASE(next_line_reports_repeats),
		CASE(writes_more_events_than_slots),
		CASE(drops_when_stalled),
		CASE(ends_a_torn_line),
		CASE(keeps_errno),
		CASE(masks_phones),
		CASE(tells_a_reason_again_when_it_is_news),
		CASE(tells_a_sink),
		CASE(tells_a_sink_what_stderr_does_not_want),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
