/* translate.c - what the translators of providers share; see translate.h. */
#include "provider/translate.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"
#include "http/url.h"
#include "model/message_payload.h"

/* Choices that WhatsApp shows as a poll. */
#define POLL_MIN 2
#define POLL_MAX 12

/* ---- requests ---- */

void
translate_url_start(struct buf *b, struct arena *a, const struct provider_server *server,
		    const char *path)
{
	struct slice base = server->base_url;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_init(b, a, URL_MAX);
	buf_add(b, base);
	buf_add_cstr(b, path);
}

enum gh_code
translate_url_end(const struct buf *b, struct provider_request *out, struct gh_err *err)
{
	out->url = buf_slice(b);
	return b->over ? gh_fail(err, GH_EINVAL, "the provider's URL is too long") : GH_OK;
}

void
translate_body_start(struct buf *b, struct arena *a, struct json_w *w)
{
	buf_init(b, a, TRANSLATE_BODY_MAX);
	json_w_init(w, b);
	json_w_open(w, NULL, '{');
}

enum gh_code
translate_body_end(struct buf *b, struct json_w *w, struct provider_request *out,
		   struct gh_err *err)
{
	json_w_close(w, '}');
	out->body = buf_slice(b);
	return b->over ? gh_fail(err, GH_EINVAL, "the request to the provider is too long") : GH_OK;
}

void
translate_body_split(struct provider_request *out, size_t file_at)
{
	struct slice whole = out->body;

	out->has_file = true;
	out->body = slice_sub(whole, 0, file_at);
	out->body_tail = slice_from(whole, file_at);
}

void
translate_header_add(struct provider_request *r, struct slice name, struct slice value)
{
	if (r->header_count == PROVIDER_HEADER_MAX)
		gh_panic("provider: more than %d headers", PROVIDER_HEADER_MAX);
	r->header[r->header_count++] = (struct provider_header){name, value};
}

/* ---- sends ---- */

const char *
translate_send_lacks(const struct provider_send *m, const struct message_payload *p)
{
	switch (m->kind) {
	case MSG_IMAGE:
	case MSG_VIDEO:
	case MSG_AUDIO:
	case MSG_DOCUMENT:
	case MSG_STICKER:
		if (p->file.mime_type.n == 0)
			return "a MIME type";
		return !uuid_is_nil(p->file.media_id) || m->media_url.n > 0 ? NULL : "a file";
	case MSG_LOCATION:
		return p->has_place ? NULL : "a place";
	case MSG_CONTACT:
		return p->has_contact ? NULL : "a contact";
	default:
		return m->content.n > 0 ? NULL : "a text";
	}
}

struct slice
translate_digits(struct slice phone, struct arena *a)
{
	struct buf b;

	buf_init(&b, a, phone.n + 1);
	for (size_t i = 0; i < phone.n; i++)
		if (phone.p[i] >= '0' && phone.p[i] <= '9')
			buf_add_char(&b, phone.p[i]);
	return buf_slice(&b);
}

bool
translate_is_poll(const struct provider_send *m, const struct message_payload *p)
{
	unsigned n = p->menu.choice_count;

	return p->menu.type == MESSAGE_MENU_POLL && !m->is_plain && n >= POLL_MIN && n <= POLL_MAX;
}

/* ---- answers ---- */

void
translate_read_nothing(const struct json *doc GH_UNUSED, struct arena *a GH_UNUSED,
		       struct provider_result *out GH_UNUSED)
{
}

void
translate_set(struct provider_result *out, enum provider_outcome outcome, const char *code)
{
	out->outcome = outcome;
	out->code = code;
}

bool
translate_has_words(struct slice s, struct slice words)
{
	for (size_t i = 0; i + words.n <= s.n; i++)
		if (slice_eq_nocase(slice_sub(s, i, words.n), words))
			return true;
	return false;
}

static bool
rule_fits(const struct translate_rule *r, enum provider_op op, int status, struct slice text)
{
	return status >= r->from && status <= r->to && (r->ops & TRANSLATE_OP(op)) != 0 &&
	       (r->has == NULL || translate_has_words(text, slice_of(r->has)));
}

void
translate_fail(const struct translate_rule *rules, size_t count, enum provider_op op, int status,
	       struct slice text, struct provider_result *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct translate_rule *r = &rules[i];

		if (!rule_fits(r, op, status, text))
			continue;
		translate_set(out, r->outcome, r->code);
		if (r->outcome == PROVIDER_RETRY && out->retry_after_us == 0)
			out->retry_after_us = (int64_t)r->retry_after_s * 1000000;
		return;
	}
	translate_set(out, PROVIDER_UNKNOWN, "provider_error");
}

/* A failed send is answered with what we sent, a file perhaps, behind the reason (waha.md section
 * 14), and a list may be longer than was asked for: of a body that the caller cut, the members that
 * came whole are kept. */
static struct slice
whole_members(struct slice body, struct arena *a)
{
	size_t depth = 0, end = 0;
	char close = '\0';
	bool is_text = false;

	for (size_t i = 0; i < body.n; i++) {
		char c = body.p[i];

		if (is_text && c == '\\')
			i++;
		else if (c == '"')
			is_text = !is_text;
		else if (!is_text && (c == '{' || c == '['))
			depth++;
		else if (!is_text && (c == '}' || c == ']'))
			depth--;
		else if (!is_text && c == ',' && depth == 1)
			end = i;
		if (close == '\0' && depth == 1)
			close = c == '[' ? ']' : '}';
	}
	return end == 0
		       ? SLICE_NONE
		       : slice_of(arena_printf(a, "%.*s%c", S_FMT(slice_sub(body, 0, end)), close));
}

static const struct json *
answer_read(const struct provider_answer *answer, struct arena *a)
{
	struct slice body = answer->is_cut ? whole_members(answer->body, a) : answer->body;
	const struct json *doc = NULL;

	/* An unreadable body is judged by its status alone. */
	return json_parse(body, a, &doc, NULL, NULL) == GH_OK ? doc : NULL;
}

void
translate_answer(const struct translate_op *ops, translate_fail_fn *fail, unsigned once,
		 enum provider_op op, const struct provider_answer *answer, struct arena *a,
		 struct provider_result *out)
{
	const struct json *doc;

	*out = (struct provider_result){.outcome = PROVIDER_OK, .code = "ok"};
	out->retry_after_us = answer->retry_after_us;
	out->asked_ref = answer->send_ref;
	if (answer->transport == PROVIDER_NOT_SENT) {
		translate_set(out, PROVIDER_RETRY, "provider_unreachable");
	} else if (answer->transport == PROVIDER_NO_ANSWER) {
		translate_set(out, PROVIDER_UNKNOWN, "no_answer");
	} else {
		doc = answer_read(answer, a);
		if (answer->status >= 200 && answer->status < 300)
			ops[op].read(doc, a, out);
		else
			fail(op, answer->status, doc, out);
	}
	if (out->external_id.n > PROVIDER_ID_MAX) {
		out->external_id = SLICE_NONE;
		if (out->outcome == PROVIDER_OK)
			translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
	}
	if (out->outcome == PROVIDER_UNKNOWN && (once & TRANSLATE_OP(op)) == 0)
		out->outcome = PROVIDER_RETRY;
}

struct slice
translate_text(const struct json *v, struct arena *a)
{
	struct buf b;

	if (json_is_null(v))
		return SLICE_NONE;
	buf_init(&b, a, TRANSLATE_BODY_MAX);
	json_write(&b, v);
	return b.over ? SLICE_NONE : buf_slice(&b);
}

static bool
is_named(struct slice name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_eq(name, slice_of(names[i])))
			return true;
	return false;
}

struct slice
translate_text_without(const struct json *object, const char *const *names, size_t count,
		       struct arena *a)
{
	struct json_w w;
	struct buf b;

	translate_body_start(&b, a, &w);
	for (const struct json *v = json_first(object); v != NULL; v = json_next(v)) {
		char name[128];

		if (!is_named(json_name(v), names, count) &&
		    slice_to_cstr(json_name(v), name, sizeof(name)) == GH_OK)
			json_w_raw(&w, name, translate_text(v, a));
	}
	json_w_close(&w, '}');
	return b.over ? S("{}") : buf_slice(&b);
}

void
translate_read_sessions(const struct json *doc, const struct translate_listing *how,
			struct arena *a, struct provider_result *out)
{
	struct provider_listed *listed;

	if (json_type(doc) != JSON_ARRAY) {
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	listed = arena_alloc_array(a, json_count(doc) + 1, sizeof(*listed));
	out->listed = listed;
	for (const struct json *v = json_first(doc); v != NULL; v = json_next(v)) {
		struct provider_listed *l = &listed[out->listed_count];

		l->session = json_str(json_get(v, "name"));
		if (l->session.n == 0)
			continue;
		if (how->key != NULL)
			l->session_key = json_str(json_get(v, how->key));
		l->state = how->state(v);
		l->raw = translate_text_without(v, how->secrets, how->secret_count, a);
		out->listed_count++;
	}
}
