/* json_write.c - JSON text into a buf; called for every reply, so plain runs of
 * text are copied whole. */
#include "http/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* 0: stands for itself; 'u': \u00XX; else the letter behind the backslash. */
static const char escape_of[256] = {
	[0 ... 7] = 'u', ['\b'] = 'b', ['\t'] = 't',      ['\n'] = 'n', [0x0b] = 'u',
	['\f'] = 'f',    ['\r'] = 'r', [14 ... 31] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static void
add_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = {'\\', escape_of[c], '0', '0', hex[c >> 4], hex[c & 15]};

	buf_add(b, slice_make(text, text[1] == 'u' ? 6 : 2));
}

static void
add_string(struct buf *b, struct slice s)
{
	size_t start = 0;

	buf_add_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (escape_of[c] == 0)
			continue;
		buf_add(b, slice_sub(s, start, i - start));
		add_escape(b, c);
		start = i + 1;
	}
	buf_add(b, slice_from(s, start));
	buf_add_char(b, '"');
}

/* Comma and name before a value. */
static void
begin(struct json_w *w, const char *name)
{
	if (w->need_comma)
		buf_add_char(w->b, ',');
	w->need_comma = true;
	if (name != NULL) {
		add_string(w->b, slice_of(name));
		buf_add_char(w->b, ':');
	}
}

void
json_w_init(struct json_w *w, struct buf *b)
{
	w->b = b;
	w->need_comma = false;
}

void
json_w_open(struct json_w *w, const char *name, char bracket)
{
	begin(w, name);
	buf_add_char(w->b, bracket);
	w->need_comma = false;
}

void
json_w_close(struct json_w *w, char bracket)
{
	buf_add_char(w->b, bracket);
	w->need_comma = true;
}

void
json_w_str(struct json_w *w, const char *name, struct slice s)
{
	begin(w, name);
	if (s.p == NULL)
		buf_add(w->b, S("null"));
	else
		add_string(w->b, s);
}

void
json_w_i64(struct json_w *w, const char *name, int64_t v)
{
	begin(w, name);
	buf_add_i64(w->b, v);
}

void
json_w_double(struct json_w *w, const char *name, double v)
{
	char text[32];

	begin(w, name);
	if (!isfinite(v)) {
		buf_add(w->b, S("null")); /* JSON has no word for it */
		return;
	}
	/* The short form when it reads back as the same value. */
	snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) != v)
		snprintf(text, sizeof(text), "%.17g", v);
	buf_add_cstr(w->b, text);
}

void
json_w_bool(struct json_w *w, const char *name, bool v)
{
	begin(w, name);
	buf_add(w->b, v ? S("true") : S("false"));
}

void
json_w_null(struct json_w *w, const char *name)
{
	begin(w, name);
	buf_add(w->b, S("null"));
}

void
json_w_uuid(struct json_w *w, const char *name, struct uuid id)
{
	char text[UUID_TEXT_SIZE];

	begin(w, name);
	if (uuid_is_nil(id)) {
		buf_add(w->b, S("null"));
		return;
	}
	buf_add_char(w->b, '"');
	buf_add(w->b, slice_make(uuid_text(id, text), UUID_TEXT_SIZE - 1));
	buf_add_char(w->b, '"');
}

void
json_w_time(struct json_w *w, const char *name, int64_t wall_us)
{
	char text[CLOCK_RFC3339_SIZE];

	begin(w, name);
	if (wall_us == 0) {
		buf_add(w->b, S("null"));
		return;
	}
	buf_add_char(w->b, '"');
	buf_add_cstr(w->b, clock_rfc3339(wall_us, text));
	buf_add_char(w->b, '"');
}

void
json_w_raw(struct json_w *w, const char *name, struct slice json_text)
{
	begin(w, name);
	buf_add(w->b, json_text.n == 0 ? S("null") : json_text);
}
