#include "menu_text.h"

#include "base/arena.h"
#include "base/buf.h"

/* Every choice is shorter in the text than in the body it came by, but for its number. */
#define MENU_TEXT_MAX (16 * 1024 * 1024)

static bool
is_within(struct slice s, char open, char close)
{
	return s.n >= 2 && s.p[0] == open && s.p[s.n - 1] == close;
}

/* What a person needs of "id", "copy:code", "call:+55...", "url:https://..." behind a choice's
 * text: nothing of an id. */
static struct slice
shown_value(struct slice value)
{
	static const char *const prefixes[] = {"copy:", "call:", "url:"};

	for (size_t i = 0; i < GH_COUNT(prefixes); i++)
		if (slice_starts(value, slice_of(prefixes[i])))
			return slice_from(value, strlen(prefixes[i]));
	if (slice_starts(value, S("https://")) || slice_starts(value, S("http://")))
		return value;
	return SLICE_NONE;
}

static void
add_choice(struct buf *b, enum message_menu_type type, struct slice choice, unsigned number)
{
	struct slice value = SLICE_NONE, description = SLICE_NONE, text = choice;

	if (type != MESSAGE_MENU_POLL) {
		text = slice_cut(choice, slice_index(choice, '|') < 0 ? '\n' : '|', &value);
		value = slice_cut(value, '|', &description);
	}
	buf_add_printf(b, "\n%u. %.*s", number, S_FMT(text));
	value = shown_value(value);
	if (value.n > 0)
		buf_add_printf(b, ": %.*s", S_FMT(value));
	if (description.n > 0)
		buf_add_printf(b, " - %.*s", S_FMT(description));
}

struct slice
menu_text(const struct message_menu *m, struct arena *a)
{
	struct buf b;
	unsigned number = 0;

	buf_init(&b, a, MENU_TEXT_MAX);
	buf_add(&b, m->text);
	buf_add_char(&b, '\n');
	for (unsigned i = 0; i < m->choice_count; i++) {
		struct slice choice = m->choices[i];

		if (m->type != MESSAGE_MENU_POLL && is_within(choice, '[', ']'))
			buf_add_printf(&b, "\n*%.*s*", (int)choice.n - 2, choice.p + 1);
		else if (m->type != MESSAGE_MENU_CAROUSEL || !is_within(choice, '{', '}'))
			add_choice(&b, m->type, choice, ++number);
	}
	if (m->footer.n > 0)
		buf_add_printf(&b, "\n\n%.*s", S_FMT(m->footer));
	return buf_slice(&b);
}
