/* translate_action.c - what the actions of all translators come to; see translate_action.h. */
#include "provider/translate_action.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"

#define DATA_MAX  ((size_t)4 * 1024 * 1024)
#define LINK_BASE "https://chat.whatsapp.com/"

void
translate_refuse(struct provider_result *out, enum provider_outcome outcome, const char *code,
		 struct slice text)
{
	translate_set(out, outcome, code);
	provider_text_set(out->text, text);
}

void
translate_unreadable(struct provider_result *out)
{
	translate_refuse(out, PROVIDER_UNKNOWN, "answer_unreadable",
			 S("the answer cannot be read"));
}

/* ---- data ---- */

void
translate_data_start(struct buf *b, struct json_w *w, struct arena *a)
{
	buf_init(b, a, DATA_MAX);
	json_w_init(w, b);
}

void
translate_data_end(const struct buf *b, struct provider_result *out)
{
	if (b->over)
		translate_refuse(out, PROVIDER_REJECTED, "too_large", S("the answer is too large"));
	else
		out->data = buf_slice(b);
}

void
translate_data_row(const struct json *v, translate_row_fn *write, struct arena *a,
		   struct provider_result *out)
{
	struct json_w w;
	struct buf b;

	translate_data_start(&b, &w, a);
	write(v, &w, a);
	translate_data_end(&b, out);
}

void
translate_data_rows(const struct json *list, translate_row_fn *write, struct arena *a,
		    struct provider_result *out)
{
	struct json_w w;
	struct buf b;

	translate_data_start(&b, &w, a);
	json_w_open(&w, NULL, '[');
	for (const struct json *v = json_first(list); v != NULL; v = json_next(v))
		write(v, &w, a);
	json_w_close(&w, ']');
	translate_data_end(&b, out);
}

void
translate_data_str(struct slice text, struct arena *a, struct provider_result *out)
{
	struct json_w w;
	struct buf b;

	translate_data_start(&b, &w, a);
	json_w_str(&w, NULL, text);
	translate_data_end(&b, out);
}

void
translate_data_link(struct slice code, struct arena *a, struct provider_result *out)
{
	if (slice_starts(code, S(LINK_BASE)))
		code = slice_from(code, sizeof(LINK_BASE) - 1);
	if (code.n == 0 || !utf8_valid(code))
		translate_unreadable(out);
	else
		translate_data_str(slice_of(arena_printf(a, LINK_BASE "%.*s", S_FMT(code))), a,
				   out);
}

void
translate_data_file(struct slice url, struct slice mimetype, struct slice filename, struct arena *a,
		    struct provider_result *out)
{
	struct json_w w;
	struct buf b;

	if (url.n == 0) {
		translate_refuse(out, PROVIDER_REJECTED, "media_unavailable",
				 S("the provider could not load the media"));
		return;
	}
	translate_data_start(&b, &w, a);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "url", url);
	json_w_str(&w, "mimetype", mimetype);
	json_w_str(&w, "filename", filename);
	json_w_close(&w, '}');
	translate_data_end(&b, out);
}

void
translate_data_bytes(const struct provider_answer *answer, struct provider_result *out)
{
	if (answer->is_cut)
		translate_refuse(out, PROVIDER_REJECTED, "too_large",
				 S("the file is larger than 11 MiB"));
	else
		out->data = answer->body;
}

void
translate_contact_write(const struct translate_contact *c, struct json_w *w, struct arena *a)
{
	json_w_open(w, NULL, '{');
	json_w_str(w, "jid", translate_chat_key(c->jid, a));
	json_w_str(w, "phone", c->phone.n > 0 ? c->phone : translate_phone(c->jid, a));
	json_w_str(w, "name", c->name);
	json_w_str(w, "wa_name", c->wa_name);
	json_w_str(w, "contactName", c->contact_name);
	json_w_str(w, "contact_FirstName", c->first_name);
	if (json_type(c->blocked) == JSON_BOOL)
		json_w_bool(w, "isBlocked", json_bool(c->blocked, false));
	else
		json_w_null(w, "isBlocked");
	json_w_bool(w, "isBusiness", json_bool(c->business, false));
	json_w_close(w, '}');
}

/* ---- files ---- */

struct slice
translate_file_path(struct slice url, struct slice marker)
{
	for (size_t i = 0; i + marker.n < url.n; i++) {
		struct slice path = slice_from(url, i + marker.n);

		if (!slice_starts(slice_from(url, i), marker))
			continue;
		for (size_t c = 0; c < path.n; c++) {
			struct slice rest = slice_from(path, c);

			if (path.p[c] == '?' || path.p[c] == '#' || slice_starts(rest, S("..")) ||
			    slice_starts(rest, S("%2e")) || slice_starts(rest, S("%2E")))
				return SLICE_NONE;
		}
		return path;
	}
	return SLICE_NONE;
}
