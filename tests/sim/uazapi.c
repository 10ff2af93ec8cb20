/* uazapi.c - the server: from a request to a call (2), its errors (12), what builds differ in. */
#include "uazapi.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/router.h"
#include "http/server.h"
#include "loop/loop.h"

#define QR_MS           20000 /* (4.2) */
#define QR_TIMEOUT_MS   120000
#define CODE_TIMEOUT_MS 300000

static const struct uz_options options_default = {
	.qr_ms = QR_MS, .qr_timeout_ms = QR_TIMEOUT_MS, .code_timeout_ms = CODE_TIMEOUT_MS};

void
uz_set(char *dst, size_t size, struct slice text)
{
	size_t n = text.n < size ? text.n : size - 1;

	if (n > 0)
		memcpy(dst, text.p, n);
	dst[n] = '\0';
}

/* ---- answers ---- */

struct json_w *
uz_answer(struct uz_call *c, char bracket)
{
	buf_init(&c->b, c->req->a, SIM_LIST_MAX);
	json_w_init(&c->w, &c->b);
	json_w_open(&c->w, NULL, bracket);
	return &c->w;
}

void
uz_answer_end(struct uz_call *c, char bracket)
{
	json_w_close(&c->w, bracket);
	sim_reply_buf(c->req, 200, &c->b);
}

void
uz_answer_text(struct uz_call *c, const char *name, const char *text)
{
	json_w_str(uz_answer(c, '{'), name, slice_of(text));
	uz_answer_end(c, '}');
}

void
uz_refuse(struct uz_call *c, unsigned status, const char *text)
{
	sim_reply_error(c->req, status, text);
}

/* The answer to a path no build has, or not this one (1): nothing is said. */
void
uazapi_reply_unknown_path(struct http_req *req)
{
	sim_reply(req, 405, SLICE_NONE);
}

struct slice
uazapi_fault_body(unsigned status)
{
	static const struct {
		unsigned status;
		struct slice text;
	} bodies[] = {
		{400, {"{\"error\":\"invalid payload\"}", 27}},
		{401, {"{\"error\":\"Invalid token\"}", 25}},
		{413, {"{\"error\":\"File size exceeds limit\"}", 35}},
		{415, {"{\"error\":\"Unsupported media format\"}", 36}},
		{429, {"{\"error\":\"Rate limit exceeded\"}", 31}},
		{500, {"{\"error\":\"Internal server error\"}", 33}},
	};

	for (size_t i = 0; i < GH_COUNT(bodies); i++)
		if (bodies[i].status == status)
			return bodies[i].text;
	return status == 405 ? SLICE_NONE : S("{\"error\":\"simulated\"}");
}

/* ---- a call ---- */

/* (2) */
static bool
is_known_caller(struct uz_call *c, enum uz_auth auth)
{
	struct slice token = http_req_header(c->req, S("token"));

	if (auth == UZ_ADMIN) {
		if (slice_eq(http_req_header(c->req, S("admintoken")), S(SIM_KEY)))
			return true;
		uz_refuse(c, 403, "Invalid AdminToken Header");
		return false;
	}
	if (token.n == 0) {
		uz_refuse(c, 401, "missing token");
		return false;
	}
	c->inst = map_get(c->u->by_token, token);
	if (c->inst == NULL)
		uz_refuse(c, 401, "Invalid token");
	return c->inst != NULL;
}

/* (12) A field of another type breaks the whole body; an absent one has words of its own. */
static bool
has_body(struct uz_call *c, const struct uz_rule *rule)
{
	const struct field *wrong;
	struct slice text = c->req->body.n > 0 ? c->req->body : S("{}");

	if (json_parse(text, c->req->a, &c->body, NULL, NULL) != GH_OK ||
	    json_type(c->body) != JSON_OBJECT) {
		uz_refuse(c, 400, "invalid payload");
		return false;
	}
	wrong = fields_first_wrong(rule->field, UZ_FIELDS_MAX, c->body);
	if (wrong == NULL)
		return true;
	if (!json_is_null(json_get(c->body, wrong->name)))
		uz_refuse(c, 400, "invalid payload");
	else if (rule->missing != NULL)
		uz_refuse(c, 400, rule->missing);
	else
		uz_refuse(c, 400,
			  arena_printf(c->req->a, "Missing required fields: %s", wrong->name));
	return false;
}

bool
uz_has_session(struct uz_call *c)
{
	if (c->inst->status == UZ_CONNECTED)
		return true;
	if (c->u->opt.no_session_is_500)
		uz_refuse(c, 500, "WhatsApp client is not connected");
	else
		uz_refuse(c, 401, "No session");
	return false;
}

void
uz_route(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	const struct uz_rule *rule = m->route->ctx;
	struct uz_call c = {.u = sim->uazapi, .req = req, .m = m};

	if (c.u->opt.is_old_build ? rule->is_new : rule->is_old) {
		uazapi_reply_unknown_path(req);
		return;
	}
	if (query_parse(req->head->query, req->a, &c.query, NULL) != GH_OK) {
		uz_refuse(&c, 400, "invalid query");
		return;
	}
	if (!is_known_caller(&c, rule->auth))
		return;
	if (rule->name == NULL)
		ledger_request(sim->ledger, S("uazapi"), slice_of(c.inst->session));
	if (rule->takes_body && !has_body(&c, rule))
		return;
	if (rule->needs_session && !uz_has_session(&c))
		return;
	if (rule->name != NULL)
		calls_log(sim->calls, S("uazapi"),
			  c.inst != NULL ? slice_of(c.inst->session) : S(""), req, rule->name,
			  c.body);
	rule->fn(&c);
}

/* ---- the server itself ---- */

/* The fault "disconnected": who was out comes back, the others stay. */
static void
outage_over(void *arg)
{
	struct uazapi *u = arg;

	LIST_FOREACH(l, &u->instances)
	{
		struct uz_instance *i = LIST_ENTRY(l, struct uz_instance, link);

		if (i->is_out && i->status != UZ_CONNECTED)
			uz_instance_set(i, UZ_CONNECTED);
		i->is_out = false;
	}
}

void
uazapi_disconnect(struct uazapi *u, int64_t value, int64_t for_ms)
{
	bool was_out = loop_timer_is_set(u->outage);

	loop_timer_cancel(u->outage);
	if (value < 0) {
		if (was_out)
			outage_over(u);
		return;
	}
	LIST_FOREACH(l, &u->instances)
	{
		struct uz_instance *i = LIST_ENTRY(l, struct uz_instance, link);

		if (i->status != UZ_CONNECTED)
			continue;
		i->is_out = true;
		uz_set(i->last_reason, sizeof(i->last_reason), S("stream error"));
		uz_instance_set(i, value == 1   ? UZ_CONNECTING
				   : value == 3 ? UZ_HIBERNATED
						: UZ_DISCONNECTED);
	}
	/* Without an end it lasts until it is called off: a timer far away marks it. */
	loop_timer_set(u->outage, (for_ms > 0 ? for_ms : INT64_C(86400000)) * CLOCK_MS);
}

void
uazapi_reset(struct uazapi *u, bool with_sessions)
{
	uazapi_disconnect(u, -1, 0);
	u->opt = options_default;
	uz_store_clear(u->store);
	while (with_sessions && !list_is_empty(&u->instances))
		uz_instance_free(LIST_ENTRY(u->instances.next, struct uz_instance, link));
	LIST_FOREACH(l, &u->instances)
	{
		struct uz_instance *i = LIST_ENTRY(l, struct uz_instance, link);

		i->locked_until_us = 0;
		i->quota = -1;
	}
}

/* ---- POST /_sim/uazapi ---- */

#define OPTION(n, t)                                                                               \
	{                                                                                          \
#n, offsetof(struct uz_options, n), t                                              \
	}

static const struct {
	const char *name;
	size_t at;
	bool is_number;
} options[] = {
	OPTION(is_old_build, false),
	OPTION(has_jid_object, false),
	OPTION(has_iso_times, false),
	OPTION(has_iso_receipts, false),
	OPTION(has_text_bools, false),
	OPTION(sender_is_pn, false),
	OPTION(no_session_is_500, false),
	OPTION(demo, false),
	OPTION(connected_max, true),
	OPTION(media_max_bytes, true),
	OPTION(qr_ms, true),
	OPTION(qr_timeout_ms, true),
	OPTION(code_timeout_ms, true),
};

static bool
option_set(struct uz_options *o, const struct json *v)
{
	for (size_t i = 0; i < GH_COUNT(options); i++) {
		char *at = (char *)o + options[i].at;

		if (!slice_eq(json_name(v), slice_of(options[i].name)))
			continue;
		if (json_type(v) != (options[i].is_number ? JSON_INT : JSON_BOOL))
			return false;
		if (options[i].is_number)
			*(int64_t *)(void *)at = json_i64(v, 0);
		else
			*(bool *)(void *)at = json_bool(v, false);
		return true;
	}
	return false;
}

void
uazapi_options_set(struct uazapi *u, struct http_req *req, const struct json *body)
{
	struct uz_options o = u->opt;

	for (const struct json *v = json_first(body); v != NULL; v = json_next(v))
		if (!option_set(&o, v)) {
			sim_reply_error(req, 422,
					arena_printf(req->a, "%.*s: no such option, or its type",
						     S_FMT(json_name(v))));
			return;
		}
	u->opt = o;
	sim_reply(req, 200, S("{\"ok\":true}"));
}

struct uazapi *
uazapi_new(struct sim *sim)
{
	struct uazapi *u = gh_alloc(sizeof(*u));

	u->sim = sim;
	u->opt = options_default;
	u->start_us = clock_wall_us();
	u->by_token = map_new();
	u->store = uz_store_new();
	list_init(&u->instances);
	list_init(&u->errors);
	u->outage = loop_timer_new(sim->loop, outage_over, u);
	return u;
}
