/* test_media_type.c - types by first bytes and by name, and what a kind of message takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/media_type.c"

static void
test_sniff(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *type;
	} cases[] = {
		{"\xff\xd8\xff\xe0", 4, "image/jpeg"},
		{"\xff\xd8", 2, NULL},
		{"RIFF\1\2\3\4WEBPVP8", 15, "image/webp"},
		{"RIFF\1\2\3\4WAVE", 12, "audio/wav"},
		{"RIFF\1\2\3\4", 8, NULL},
		{"\0\0\0\x18"
		 "ftypM4A ",
		 12, "audio/mp4"},
		{"\0\0\0\x18"
		 "ftypisom",
		 12, "video/mp4"},
		{"\0\0\0\x18"
		 "fty",
		 7, NULL},
		{"OggS\0", 5, "audio/ogg"},
		{"PK\3\4", 4, "application/zip"},
		{"hello", 5, NULL},
		{"", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const char *got = media_type_sniff(slice_make(cases[i].bytes, cases[i].n));

		if (!slice_eq(slice_of(got), slice_of(cases[i].type)))
			fail_msg("case %zu: %s", i, got != NULL ? got : "nothing");
	}
}

static void
test_name(void **state)
{
	(void)state;
	assert_string_equal(media_type_of_name(S("a.b.PDF")), "application/pdf");
	assert_string_equal(media_type_of_name(S(".jpg")), "image/jpeg");
	assert_null(media_type_of_name(S("pdf")));
	assert_null(media_type_of_name(S("a.")));
	assert_null(media_type_of_name(S("a.unknown")));
	assert_null(media_type_of_name(SLICE_NONE));
}

static void
test_fits(void **state)
{
	(void)state;
	assert_true(media_type_fits(S("image/png"), MSG_IMAGE));
	assert_false(media_type_fits(S("video/mp4"), MSG_IMAGE));
	assert_false(media_type_fits(S("image/png"), MSG_STICKER));
	assert_true(media_type_fits(S("image/webp"), MSG_STICKER));
	assert_true(media_type_fits(S("audio/ogg; codecs=opus"), MSG_AUDIO));
	assert_true(media_type_fits(S("anything"), MSG_DOCUMENT));
	for (int kind = MSG_TEXT; kind < MSG_KIND_COUNT; kind++)
		assert_true(media_type_fits(slice_of(media_type_default((enum msg_kind)kind)),
					    (enum msg_kind)kind));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sniff),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
