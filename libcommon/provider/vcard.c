/* vcard.c - see vcard.h. Folded lines are joined, groups ("item1.TEL") and parameters are passed
 * over, except the number that WhatsApp writes into TEL as waid.
 */
#include "provider/vcard.h"

#include "base/buf.h"
#include "model/message_payload.h"

/* One logical line; *rest becomes what follows it. A line end before a blank is a fold. */
static struct slice
line_cut(struct slice text, struct arena *a, struct slice *rest)
{
	struct buf b;

	buf_init(&b, a, text.n + 1);
	for (;;) {
		struct slice line = slice_cut(text, '\n', &text);

		if (slice_ends(line, S("\r")))
			line.n--;
		buf_add(&b, line);
		if (text.n == 0 || (text.p[0] != ' ' && text.p[0] != '\t'))
			break;
		text = slice_from(text, 1);
	}
	*rest = text;
	return buf_slice(&b);
}

/* The value with its escapes taken away; components (';') are separated by blanks. */
static struct slice
value_read(struct slice raw, struct arena *a)
{
	struct buf b;

	buf_init(&b, a, raw.n + 1);
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '\\' && i + 1 < raw.n) {
			c = raw.p[++i];
			if (c == 'n' || c == 'N')
				c = '\n';
		} else if (c == ';') {
			c = ' ';
		}
		buf_add_char(&b, c);
	}
	return slice_trim(buf_slice(&b));
}

/* The number behind "waid=", else the value itself. */
static struct slice
phone_read(struct slice params, struct slice value, struct arena *a)
{
	while (params.p != NULL) {
		struct slice param = slice_cut(params, ';', &params);

		if (slice_starts(param, S("waid=")))
			return slice_from(param, 5);
	}
	return value_read(value, a);
}

static void
phone_add(struct buf *phones, struct slice phone)
{
	if (phone.n == 0)
		return;
	if (phones->n > 0)
		buf_add_char(phones, ',');
	buf_add(phones, phone);
}

static void
first_set(struct slice *field, struct slice value)
{
	if (field->p == NULL && value.n > 0)
		*field = value;
}

void
vcard_read(struct slice text, struct arena *a, struct message_contact *out)
{
	struct buf phones;

	out->name = out->organization = out->email = out->url = SLICE_NONE;
	buf_init(&phones, a, text.n + 1);
	while (text.p != NULL) {
		struct slice value, params, group;
		struct slice name = slice_cut(line_cut(text, a, &text), ':', &value);

		name = slice_cut(name, ';', &params);
		(void)slice_cut(name, '.', &group);
		if (group.p != NULL)
			name = group;
		if (slice_eq_nocase(name, S("END")))
			break;
		if (slice_eq_nocase(name, S("FN")))
			first_set(&out->name, value_read(value, a));
		else if (slice_eq_nocase(name, S("ORG")))
			first_set(&out->organization, value_read(value, a));
		else if (slice_eq_nocase(name, S("EMAIL")))
			first_set(&out->email, value_read(value, a));
		else if (slice_eq_nocase(name, S("URL")))
			first_set(&out->url, value_read(value, a));
		else if (slice_eq_nocase(name, S("TEL")))
			phone_add(&phones, phone_read(params, value, a));
	}
	out->phone = phones.n > 0 ? buf_slice(&phones) : SLICE_NONE;
}
