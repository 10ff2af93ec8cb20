/* test_gateway_menu_text.c - menus as numbered text. */
#include "gateway/menu_text.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CHOICES_MAX 6

static const struct {
	enum message_menu_type type;
	const char *choices[CHOICES_MAX];
	const char *footer;
	const char *text;
} cases[] = {
	{MESSAGE_MENU_POLL, {"A|b", "[C]", NULL}, NULL, "T\n\n1. A|b\n2. [C]"},
	{MESSAGE_MENU_BUTTON,
	 {"Yes|y", "Call|call:+5511", "Code|copy:A1", "Site|url:https://x", "Map\nhttps://m", NULL},
	 "F",
	 "T\n\n1. Yes\n2. Call: +5511\n3. Code: A1\n4. Site: https://x\n5. Map: https://m\n\nF"},
	{MESSAGE_MENU_LIST,
	 {"[Main]", "Sales|s|Prices", "[]", "Support", NULL},
	 NULL,
	 "T\n\n*Main*\n1. Sales - Prices\n**\n2. Support"},
	{MESSAGE_MENU_CAROUSEL,
	 {"[One]", "{https://i}", "Buy|b", NULL},
	 NULL,
	 "T\n\n*One*\n1. Buy"},
};

static void
test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		struct slice choices[CHOICES_MAX];
		struct message_menu m = {.type = cases[i].type,
					 .text = S("T"),
					 .choices = choices,
					 .footer = slice_of(cases[i].footer)};
		struct slice got;

		while (cases[i].choices[m.choice_count] != NULL) {
			choices[m.choice_count] = slice_of(cases[i].choices[m.choice_count]);
			m.choice_count++;
		}
		got = menu_text(&m, a);
		if (!slice_eq(got, slice_of(cases[i].text)))
			fail_msg("case %zu: %.*s", i, S_FMT(got));
		arena_free(a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
