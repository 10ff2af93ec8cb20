/* translate.c - what the translators of providers share; see translate.h. */
#include "provider/translate.h"

#include "base/buf.h"
#include "http/json.h"
#include "http/url.h"

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
translate_header_add(struct provider_request *r, struct slice name, struct slice value)
{
	if (r->header_count == PROVIDER_HEADER_MAX)
		gh_panic("provider: more than %d headers", PROVIDER_HEADER_MAX);
	r->header[r->header_count++] = (struct provider_header){name, value};
}

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

static bool
contains_nocase(struct slice s, struct slice part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (slice_eq_nocase(slice_sub(s, i, part.n), part))
			return true;
	return false;
}

static bool
rule_fits(const struct translate_rule *r, enum provider_op op, int status, struct slice text)
{
	return status >= r->from && status <= r->to && (r->ops & TRANSLATE_OP(op)) != 0 &&
	       (r->has == NULL || contains_nocase(text, slice_of(r->has)));
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
