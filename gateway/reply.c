/* reply.c - how every answer of the gateway looks: the envelope, or problem
 * details (contracts/growhub-api.md section 1, http-conventions.md section 1).
 *
 * Each request is answered exactly once, whatever went wrong; nothing internal
 * (SQL, addresses, stack) ever reaches a body.
 */
#include "keyed.h"
#include "private.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/log.h"

#define PROBLEM_TYPE "application/problem+json"

/* ---- parameters ---- */

bool
gw_id_param(struct gw_req *req, const char *name, int32_t *id)
{
	uint64_t v;

	if (parse_u64(route_param(&req->match, slice_of(name)), 1, INT32_MAX, &v) == GH_OK) {
		*id = (int32_t)v;
		return true;
	}
	gw_error(req, GW_E_NOT_FOUND, NULL);
	return false;
}

bool
gw_uuid_param(struct gw_req *req, const char *name, struct uuid *id)
{
	if (uuid_parse(route_param(&req->match, slice_of(name)), id) == GH_OK)
		return true;
	gw_error(req, GW_E_NOT_FOUND, NULL);
	return false;
}

struct slice
gw_query(const struct gw_req *req, const char *name)
{
	return query_get(req->query, slice_of(name));
}

/* ---- success ---- */

void
gw_header(struct gw_req *req, struct slice name, struct slice value)
{
	if (req->header_count >= GW_HEADERS_MAX)
		gh_panic("gateway: more than %d header fields in a reply", GW_HEADERS_MAX);
	req->headers[req->header_count++] = (struct http_header){name, value};
}

/* A fresh output buffer with an open object. */
static struct json_w *
begin_object(struct gw_req *req)
{
	if (req->out == NULL) {
		req->out = arena_alloc(req->a, sizeof(*req->out));
		buf_init(req->out, req->a, GW_REPLY_MAX);
	}
	buf_reset(req->out);
	json_w_init(&req->w, req->out);
	json_w_open(&req->w, NULL, '{');
	return &req->w;
}

void
reply_now(struct gw_req *req, unsigned status, struct slice content_type, struct slice body)
{
	gw_header(req, S("Content-Type"), content_type);
	/* Replies hold tokens and personal data: no cache may keep them. */
	gw_header(req, S("Cache-Control"), S("no-store"));
	req->is_answered = true;
	http_reply(req->http, status, req->headers, req->header_count, body);
}

static void
send_reply(struct gw_req *req, unsigned status, struct slice content_type, struct slice body)
{
	if (!keyed_takes_reply(req, status, content_type, body))
		reply_now(req, status, content_type, body);
}

struct json_w *
gw_begin(struct gw_req *req, const char *message)
{
	struct json_w *w = begin_object(req);

	json_w_bool(w, "success", true);
	json_w_str(w, "message", slice_of(message));
	return w;
}

/* A JSON text in which every string that is a person's id has UAZAPI's form of it. */
static struct slice
uazapi_ids(struct slice text, struct arena *a)
{
	static const struct slice host = {"@c.us\"", 6};
	struct buf out;

	buf_init(&out, a, GW_REPLY_MAX);
	for (size_t i = 0; i < text.n; i++) {
		size_t end = i + 1;

		buf_add_char(&out, text.p[i]);
		if (text.p[i] != '"' || (i > 0 && text.p[i - 1] == '\\'))
			continue;
		while (end < text.n && text.p[end] >= '0' && text.p[end] <= '9')
			end++;
		if (end == i + 1 || !slice_starts(slice_from(text, end), host))
			continue;
		buf_add(&out, slice_sub(text, i + 1, end - i - 1));
		buf_add_cstr(&out, "@s.whatsapp.net");
		i = end + host.n - 2;
	}
	return buf_slice(&out);
}

/* GW_DOC_ROOT: once more what was written as data, but for names that are taken, and with ids as
 * such clients write them. */
static void
repeat_data(struct gw_req *req)
{
	const char *text = arena_printf(req->a, "%.*s}", S_FMT(buf_slice(req->out)));
	const struct json *body = NULL, *data;
	struct buf value;

	if (json_parse(slice_of(text), req->a, &body, NULL, NULL) != GH_OK)
		return;
	data = json_get(body, GW_DATA);
	buf_init(&value, req->a, GW_REPLY_MAX);
	for (const struct json *m = json_first(data); m != NULL; m = json_next(m)) {
		const char *name = arena_cstr(req->a, json_name(m));

		if (json_get(body, name) != NULL)
			continue;
		buf_reset(&value);
		json_write(&value, m);
		json_w_raw(&req->w, name, uazapi_ids(buf_slice(&value), req->a));
	}
}

void
gw_send(struct gw_req *req, unsigned status)
{
	if ((req->route->doc.flags & GW_DOC_ROOT) != 0)
		repeat_data(req);
	json_w_close(&req->w, '}');
	if (req->out->over) {
		log_error("http.reply_too_large", LOG_STR("request", req->http->id_text),
			  LOG_STR("route", req->route->pattern));
		gw_error(req, GW_E_INTERNAL, NULL);
		return;
	}
	send_reply(req, status, S(GW_JSON_TYPE), buf_slice(req->out));
}

void
gw_send_as(struct gw_req *req, unsigned status, struct slice content_type, struct slice body)
{
	send_reply(req, status, content_type, body);
}

/* ---- which form an error takes ---- */

/* The q of a media range's parameters in thousandths; 1000 when it has none. */
static unsigned
quality_of(struct slice params)
{
	while (params.p != NULL) {
		struct slice p = slice_trim(slice_cut(params, ';', &params));
		unsigned q = 0, unit = 1000;

		if (p.n < 3 || (p.p[0] != 'q' && p.p[0] != 'Q') || p.p[1] != '=')
			continue;
		for (size_t i = 2; i < p.n; i++) {
			if (p.p[i] == '.')
				continue;
			if (p.p[i] < '0' || p.p[i] > '9')
				return 0;
			q += (unsigned)(p.p[i] - '0') * unit;
			unit /= 10;
		}
		return q;
	}
	return 1000;
}

/* Problem details only for who names them, and does not like plain JSON better. Equal: the
 * first named wins. */
static bool
prefers_problem(struct slice accept)
{
	unsigned problem = 0, json = 0;
	bool is_problem_first = false;

	while (accept.p != NULL) {
		struct slice params, range = slice_cut(accept, ',', &accept);
		struct slice type = slice_trim(slice_cut(range, ';', &params));

		if (slice_eq_nocase(type, S(PROBLEM_TYPE))) {
			problem = quality_of(params);
			is_problem_first = json == 0;
		} else if (slice_eq_nocase(type, S(GW_JSON_TYPE))) {
			json = quality_of(params);
		}
	}
	return problem > json || (problem == json && problem > 0 && is_problem_first);
}

/* ---- errors ---- */

/* One failure, told in either form. */
struct failure {
	unsigned status;
	const char *word;
	const char *title;
	bool is_retryable;
	const char *message; /* about this occurrence */
	const char *request_id;
	const struct json_errors *errors; /* NULL: none */
	const char *uazapi; /* its clients look for this text in `error`; NULL: no such client */
};

static void
write_errors(struct json_w *w, const struct json_errors *e)
{
	if (e != NULL) {
		json_errors_write(e, w, "errors");
		return;
	}
	json_w_open(w, "errors", '{');
	json_w_close(w, '}');
}

/* Into an open object. */
static void
write_envelope(struct json_w *w, const struct failure *f)
{
	json_w_bool(w, "success", false);
	json_w_str(w, "message", slice_of(f->message));
	write_errors(w, f->errors);
	json_w_str(w, "code", slice_of(f->word));
	json_w_str(w, "request_id", slice_of(f->request_id));
	if (f->uazapi != NULL)
		json_w_str(w, "error", slice_of(f->uazapi));
}

static void
write_problem(struct json_w *w, const struct failure *f, const char *base_url, struct arena *a)
{
	char *type = arena_printf(a, "%s/problems/%s", base_url, f->word);

	/* Slugs are the code words in kebab case; the base keeps its own underscores. */
	for (char *p = type + strlen(base_url); *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	json_w_str(w, "type", slice_of(type));
	json_w_str(w, "title", slice_of(f->title));
	json_w_i64(w, "status", f->status);
	json_w_str(w, "detail", slice_of(f->message));
	json_w_str(w, "instance", slice_of(arena_printf(a, "urn:uuid:%s", f->request_id)));
	json_w_str(w, "code", slice_of(f->word));
	write_errors(w, f->errors);
	json_w_bool(w, "retryable", f->is_retryable);
	json_w_str(w, "request_id", slice_of(f->request_id));
}

/* On the routes it has, and from whoever sends a header that is its own. */
static bool
is_uazapi(const struct http_req *http, const struct gw_route *route)
{
	if (route != NULL && (route->kind == GW_INSTANCE || (route->flags & GW_ADMINTOKEN) != 0))
		return true;
	return http_req_header(http, S("token")).p != NULL ||
	       http_req_header(http, S("admintoken")).p != NULL;
}

/* All that such a client shows of an error: so the first bad field is named in it. */
static const char *
uazapi_text(const struct gw_req *req, const char *message)
{
	const struct json_errors *e = req->errors;

	if (e == NULL || e->kept == 0)
		return message;
	return arena_printf(req->a, "%s: %.*s: %.*s", message, S_FMT(e->v[0].path),
			    S_FMT(e->v[0].text));
}

void
gw_error(struct gw_req *req, enum gw_code code, const char *message)
{
	const struct gw_error_info *info = gw_error_info(code);
	bool is_problem = prefers_problem(http_req_header(req->http, S("Accept")));
	struct failure f = {
		.status = info->status,
		.word = info->word,
		.title = info->title,
		.is_retryable = info->is_retryable,
		.message = message != NULL ? message : info->title,
		.request_id = req->http->id_text,
		.errors = req->errors,
	};
	struct json_w *w = begin_object(req);

	if (is_uazapi(req->http, req->route))
		f.uazapi = uazapi_text(req, f.message);
	req->failure = info;
	if (is_problem)
		write_problem(w, &f, req->gw->conf->public_url, req->a);
	else
		write_envelope(w, &f);
	json_w_close(w, '}');
	if (info->status == 401)
		gw_header(req, S("WWW-Authenticate"), S("Bearer"));
	send_reply(req, info->status, is_problem ? S(PROBLEM_TYPE) : S(GW_JSON_TYPE),
		   buf_slice(req->out));
}

void
gw_error_retry(struct gw_req *req, enum gw_code code, const char *message, int64_t retry_s)
{
	const char *text = arena_printf(req->a, "%" PRId64, retry_s < 1 ? 1 : retry_s);

	gw_header(req, S("Retry-After"), slice_of(text));
	gw_error(req, code, message);
}

/* The word of the API for what the server itself refuses. */
static const char *
refusal_word(const struct http1_reason_info *why)
{
	switch (why->status) {
	case 413:
		return "content_too_large";
	case 414:
		return "uri_too_long";
	case 431:
		return "headers_too_large";
	case 503:
		return "overloaded";
	default:
		return why->word;
	}
}

unsigned
reply_refuse(void *arg, const struct http_req *http, const char *id_text,
	     const struct http1_reason_info *why, struct buf *body,
	     struct http_header headers[HTTP_REFUSE_HEADERS_MAX])
{
	struct gateway *gw = arg;
	bool is_problem = http != NULL && prefers_problem(http_req_header(http, S("Accept")));
	struct failure f = {
		.status = why->status,
		.word = refusal_word(why),
		.title = why->text,
		.is_retryable = why->status == 408 || why->status == 503,
		.message = why->text,
		.request_id = id_text,
	};
	unsigned count = 0;
	struct json_w w;

	if (http != NULL && is_uazapi(http, NULL))
		f.uazapi = why->text;
	json_w_init(&w, body);
	json_w_open(&w, NULL, '{');
	if (is_problem)
		write_problem(&w, &f, gw->conf->public_url, http->a);
	else
		write_envelope(&w, &f);
	json_w_close(&w, '}');
	if (http != NULL)
		count = cors_fields(gw, http, headers);
	headers[count++] = (struct http_header){S("Content-Type"),
						is_problem ? S(PROBLEM_TYPE) : S(GW_JSON_TYPE)};
	return count;
}

/* ---- bad fields ---- */

struct json_errors *
gw_errors(struct gw_req *req)
{
	if (req->errors == NULL) {
		req->errors = arena_alloc(req->a, sizeof(*req->errors));
		json_errors_init(req->errors, req->a);
	}
	return req->errors;
}

void
gw_field_error(struct gw_req *req, const char *path, const char *text)
{
	json_errors_add(gw_errors(req), slice_of(path), text);
}

bool
gw_refuse_fields(struct gw_req *req)
{
	if (req->errors == NULL || req->errors->count == 0)
		return false;
	gw_error(req, GW_E_VALIDATION_FAILED, NULL);
	return true;
}

bool
gw_check(struct gw_req *req, const struct json_rule *rules, unsigned count, void *target,
	 struct json_given *given)
{
	const struct json *body = req->body;
	size_t offset;

	if (body == NULL && json_parse(S("{}"), req->a, &body, &offset, NULL) != GH_OK)
		gh_panic("gateway: {} is no JSON");
	(void)json_check(body, rules, count, "", target, given, gw_errors(req));
	return !gw_refuse_fields(req);
}

/* ---- database ---- */

/* One unit of a request. */
struct submission {
	struct gw_req *req;
	gw_done_fn *done;
	gw_failed_fn *failed;
};

static void
submission_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct submission *s = arg;

	if (code == GH_OK) {
		s->done(s->req, u);
		return;
	}
	if (s->failed != NULL && s->failed(s->req, db_unit_error(u)))
		return;
	gw_db_failed(s->req, code, db_unit_error(u));
}

void
gw_submit(struct gw_req *req, struct db *db, struct db_unit *u, gw_done_fn *done,
	  gw_failed_fn *failed)
{
	struct submission *s = arena_alloc(req->a, sizeof(*s));
	enum gh_code rc;

	s->req = req;
	s->done = done;
	s->failed = failed;
	db_unit_set_deadline(u, clock_mono_us() + GW_DB_WAIT_US);
	rc = db_submit(keyed_db(req, db, u), u, submission_done, s);
	if (rc != GH_OK)
		gw_db_failed(req, rc, NULL);
}

void
gw_db_failed(struct gw_req *req, enum gh_code code, const struct db_error *err)
{
	switch (code) {
	case GH_EBUSY:
		gw_error_retry(req, GW_E_OVERLOADED, NULL, 1);
		return;
	case GH_ETEMP:
		gw_error_retry(req, GW_E_NOT_READY, "The database is not available", 2);
		return;
	case GH_EUNKNOWN:
		gw_error_retry(req, GW_E_NOT_READY,
			       "The database went away meanwhile: the request may have been done",
			       2);
		return;
	default:
		log_error("db.request_failed", LOG_STR("request", req->http->id_text),
			  LOG_STR("route", req->route->pattern), LOG_STR("err", gh_code_name(code)),
			  LOG_STR("sqlstate", err != NULL ? err->sqlstate : ""),
			  LOG_STR("detail", err != NULL ? err->text : ""));
		gw_error(req, GW_E_INTERNAL, NULL);
	}
}
