#include "endpoint_check.h"

#include <string.h>

#include "base/addr.h"
#include "base/arena.h"
#include "http/egress.h"
#include "http/json_check.h"
#include "http/url.h"
#include "model/endpoint.h"

#define HEADER_NAME_MAX  128
#define HEADER_VALUE_MAX 4096
#define HEADERS_TEXT_MAX (128 * 1024)
#define SECRET_TEXT_MAX  128

/* The body as the table reads it. */
struct body {
	struct slice url;
	struct json_strings events;
	int format;
	bool is_active;
	const struct json *custom_headers, *customHeaders; /* both spellings are one field */
	struct slice secret;
	const struct json
		*hmac; /* {"key": ...}: the secret, as clients of the prototype wrote it */
};

static const struct json_word format_words[] = {
	{"growhub", EVENT_FORMAT_GROWHUB},
	{"standard", EVENT_FORMAT_STANDARD},
	{"uazapi", EVENT_FORMAT_UAZAPI},
	{NULL, 0},
};

#define AT(member) .offset = offsetof(struct body, member)
#define HEADERS_SCHEMA                                                                             \
	"{\"type\":[\"object\",\"array\"],\"additionalProperties\":{\"type\":\"string\"},"         \
	"\"items\":{\"type\":\"object\"}}"

static const struct json_rule rules[] = {
	{"url", JSON_RULE_URL, AT(url), .text = "Public address, https; required at creation"},
	{"events", JSON_RULE_STRINGS, .max = ENDPOINT_EVENTS_MAX, AT(events),
	 .text = "Names of events, or *; required at creation"},
	{"format", JSON_RULE_WORD, .words = format_words, AT(format)},
	{"is_active", JSON_RULE_BOOL, AT(is_active)},
	{"custom_headers", JSON_RULE_RAW, AT(custom_headers), .schema = HEADERS_SCHEMA,
	 .text = "Sent with every delivery: an object of names and values"},
	{"customHeaders", JSON_RULE_RAW, AT(customHeaders), .schema = HEADERS_SCHEMA,
	 .text = "The same as custom_headers"},
	{"secret", JSON_RULE_STRING, .min = 1, .max = SECRET_TEXT_MAX, AT(secret),
	 .text = "whsec_ and base64; ours to make when absent"},
	{"hmac", JSON_RULE_OBJECT, AT(hmac),
	 .text = "{\"key\": the secret, or its 24 to 64 bytes}"},
};

const struct json_rules endpoint_rules = {rules, GH_COUNT(rules)};

/* What one call of endpoint_input_read works on. */
struct reading {
	const char *prefix;
	const struct endpoint_policy *policy;
	struct arena *a;
	struct json_errors *e;
	struct endpoint_input *in;
};

static void
complain(const struct reading *r, const char *field, const char *text)
{
	const char *dot = r->prefix[0] == '\0' ? "" : ".";

	json_errors_add(r->e, slice_of(arena_printf(r->a, "%s%s%s", r->prefix, dot, field)), text);
}

/* ---- url ---- */

const char *
endpoint_url_refusal(struct slice text, const struct endpoint_policy *p)
{
	struct sockaddr_storage sa;
	struct addr addr;
	struct url u;

	if (url_parse(text, &u, NULL) != GH_OK)
		return "must be an absolute URL";
	if (!egress_permits_port(u.port, u.is_https))
		return "names a port that is not allowed";
	if (u.host_kind == URL_HOST_NAME)
		return u.is_https || p->has_allow ? NULL : "must be https";
	if (addr_parse(slice_of(u.host), &addr) != GH_OK)
		return "must be an absolute URL";
	addr_to_sockaddr(&addr, u.port, &sa);
	if (egress_permits(p->egress, (const struct sockaddr *)&sa, u.is_https))
		return NULL;
	return egress_permits(p->egress, (const struct sockaddr *)&sa, true)
		       ? "must be https"
		       : "must be a public address";
}

static void
read_url(const struct reading *r, struct slice url)
{
	const char *why;

	if (url.p != NULL)
		r->in->url = url;
	if (r->in->url.p == NULL) {
		complain(r, "url", "is required");
		return;
	}
	why = endpoint_url_refusal(r->in->url, r->policy);
	if (why != NULL)
		complain(r, "url", why);
}

/* ---- events ---- */

static const char *
known_events(struct arena *a)
{
	struct buf b;

	buf_init(&b, a, 4096);
	buf_add_cstr(&b, "is no event; known are *");
	for (int f = 0; f < EVENT_FORMAT_COUNT; f++) {
		for (int t = EVENT_NONE + 1; t < EVENT_TYPE_COUNT; t++) {
			const char *name = event_own_name((enum event_type)t, (enum event_format)f);

			if (name == NULL)
				continue;
			buf_add_cstr(&b, ", ");
			buf_add_cstr(&b, name);
		}
	}
	return buf_cstr(&b);
}

static void
read_events(const struct reading *r, const struct json_strings *given)
{
	struct endpoint_input *in = r->in;
	int64_t mask = 0;

	if (given->count > 0) {
		in->events = given->v;
		in->event_count = given->count;
	}
	if (in->event_count == 0)
		complain(r, "events", "is required");
	for (unsigned i = 0; i < in->event_count; i++) {
		if (event_mask_add(in->events[i], &mask) != GH_OK)
			complain(r, arena_printf(r->a, "events[%u]", i), known_events(r->a));
	}
	/* A type that the format cannot name would only make deliveries without a body. */
	in->mask = mask & event_mask_of(in->format);
}

/* ---- custom headers ---- */

static bool
is_reserved(struct slice name)
{
	static const char *const reserved[] = {
		"host",
		"content-length",
		"content-type",
		"connection",
		"transfer-encoding",
		"te",
		"upgrade",
		"expect",
		"user-agent",
		"cookie",
		"traceparent",
		"x-webhook-source",
	};

	for (size_t i = 0; i < GH_COUNT(reserved); i++)
		if (slice_eq_nocase(name, slice_of(reserved[i])))
			return true;
	return slice_eq_nocase(slice_sub(name, 0, 8), S("webhook-"));
}

static const char *
header_name_refusal(struct slice name)
{
	if (name.n == 0 || name.n > HEADER_NAME_MAX)
		return "a header name has 1 to 128 characters";
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (i > 0 && (c == '_' || c == '-'))))
			return "a header name is letters, digits, '-' and '_'";
	}
	return is_reserved(name) ? "this header cannot be set" : NULL;
}

static const char *
header_value_refusal(struct slice value)
{
	if (value.n == 0 || value.n > HEADER_VALUE_MAX)
		return "a header value has 1 to 4096 characters";
	if (value.p[0] == ' ' || value.p[value.n - 1] == ' ')
		return "a header value neither begins nor ends with a blank";
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < 0x20 || value.p[i] > 0x7e)
			return "a header value is visible ASCII";
	/* What we show instead of the value, sent back to us. */
	if (slice_eq(value, S(ENDPOINT_HEADER_MASK)))
		return "is the mask shown in replies, not a value";
	return NULL;
}

/* Name and value of one member: {"X-A":"v"}, or {"name":"X-A","value":"v"} of an array. */
static void
header_pair(const struct json *v, struct slice *name, struct slice *value)
{
	*name = json_name(v);
	*value = json_str(v);
	if (json_type(v) != JSON_OBJECT)
		return;
	*name = json_str(json_get(v, "name"));
	*value = json_str(json_get(v, "value"));
}

static const char *
headers_refusal(const struct json *list, struct json_w *w, struct arena *a)
{
	struct slice seen[ENDPOINT_HEADERS_MAX];
	unsigned count = 0;

	if (json_count(list) > ENDPOINT_HEADERS_MAX)
		return "more than 20 headers";
	for (const struct json *v = json_first(list); v != NULL; v = json_next(v)) {
		const char *why;
		struct slice name, value;

		header_pair(v, &name, &value);
		why = header_name_refusal(name);
		if (why == NULL)
			why = header_value_refusal(value);
		for (unsigned i = 0; i < count && why == NULL; i++)
			if (slice_eq_nocase(seen[i], name))
				why = "a header is named twice";
		if (why != NULL)
			return why;
		seen[count++] = name;
		json_w_str(w, arena_cstr(a, name), value);
	}
	return NULL;
}

static void
read_headers(const struct reading *r, const char *field, const struct json *list)
{
	const char *why;
	struct buf b;
	struct json_w w;

	if (list == NULL)
		return;
	if (json_type(list) != JSON_OBJECT && json_type(list) != JSON_ARRAY) {
		complain(r, field, "must be an object of names and values");
		return;
	}
	buf_init(&b, r->a, HEADERS_TEXT_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	why = headers_refusal(list, &w, r->a);
	json_w_close(&w, '}');
	if (why != NULL)
		complain(r, field, why);
	r->in->has_headers = true;
	r->in->headers = json_count(list) > 0 ? buf_slice(&b) : SLICE_NONE;
}

void
endpoint_headers_write(struct json_w *w, const char *name, struct slice headers, struct arena *a)
{
	const struct json *doc = NULL;

	if (headers.p != NULL && json_parse(headers, a, &doc, NULL, NULL) != GH_OK)
		doc = NULL;
	json_w_open(w, name, '{');
	for (const struct json *v = json_first(doc); v != NULL; v = json_next(v))
		json_w_str(w, arena_cstr(a, json_name(v)), S(ENDPOINT_HEADER_MASK));
	json_w_close(w, '}');
}

/* ---- secret ---- */

static void
read_secret(const struct reading *r, const char *field, struct slice text)
{
	if (text.p == NULL)
		return;
	if (whsec_parse(text, &r->in->secret) != GH_OK)
		complain(r, field, "must be whsec_ and the base64 of 24 to 64 bytes");
	r->in->has_secret = true;
}

/* The prototype's key was any text: one that is no whsec_ secret is the secret itself. */
static void
read_hmac_key(const struct reading *r, struct slice text)
{
	struct whsec *secret = &r->in->secret;

	if (text.n < WHSEC_KEY_MIN || text.n > WHSEC_KEY_MAX || slice_starts(text, S("whsec_")) ||
	    whsec_parse(text, secret) == GH_OK) {
		read_secret(r, "hmac.key", text);
		return;
	}
	secret->n = text.n;
	memcpy(secret->key, text.p, text.n);
	r->in->has_secret = true;
}

bool
endpoint_input_read(const struct json *v, const char *prefix, const struct endpoint_policy *p,
		    struct arena *a, struct json_errors *e, struct endpoint_input *in)
{
	struct body body = {.format = (int)in->format, .is_active = in->is_active};
	const struct reading r = {.prefix = prefix, .policy = p, .a = a, .e = e, .in = in};
	unsigned before = e->count;

	if (v != NULL)
		(void)json_check(v, rules, GH_COUNT(rules), prefix, &body, NULL, e);
	in->format = (enum event_format)body.format;
	in->is_active = body.is_active;
	read_url(&r, body.url);
	read_events(&r, &body.events);
	read_headers(&r, "custom_headers", body.custom_headers);
	read_headers(&r, "customHeaders", body.customHeaders);
	read_secret(&r, "secret", body.secret);
	if (body.secret.p == NULL)
		read_hmac_key(&r, json_str(json_get(body.hmac, "key")));
	return e->count == before;
}
