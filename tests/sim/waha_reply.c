/* waha_reply.c - WAHA's errors, word for word where the contract has them (14). */
#include "waha.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"
#include "http/server.h"

#define REPLY_MAX 16384

const char *
waha_engine_name(enum waha_engine e)
{
	static const char *const names[] = {
		[ENGINE_GOWS] = "GOWS", [ENGINE_NOWEB] = "NOWEB", [ENGINE_WEBJS] = "WEBJS"};

	return names[e];
}

const char *
waha_status_name(enum session_status s)
{
	static const char *const names[] = {
		[SESSION_STOPPED] = "STOPPED",           [SESSION_STARTING] = "STARTING",
		[SESSION_SCAN_QR_CODE] = "SCAN_QR_CODE", [SESSION_FAILED] = "FAILED",
		[SESSION_WORKING] = "WORKING",
	};

	return names[s];
}

/* The framework's "error" word of a status; NULL: it adds none. */
static const char *
error_word(unsigned status)
{
	static const struct {
		unsigned status;
		const char *word;
	} words[] = {
		{400, "Bad Request"},
		{404, "Not Found"},
		{422, "Unprocessable Entity"},
		{501, "Not Implemented"},
	};

	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (words[i].status == status)
			return words[i].word;
	return NULL;
}

static struct slice
refusal(struct http_req *req, unsigned status, const char *message, bool is_list)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	if (is_list)
		json_w_open(&w, "message", '[');
	json_w_str(&w, is_list ? NULL : "message", slice_of(message));
	if (is_list)
		json_w_close(&w, ']');
	if (error_word(status) != NULL)
		json_w_str(&w, "error", slice_of(error_word(status)));
	json_w_i64(&w, "statusCode", status);
	json_w_close(&w, '}');
	return buf_slice(&b);
}

void
waha_refuse(struct http_req *req, unsigned status, const char *message)
{
	sim_reply(req, status, refusal(req, status, message, false));
}

void
waha_refuse_field(struct http_req *req, const char *message)
{
	sim_reply(req, 400, refusal(req, 400, message, true));
}

static struct slice
thrown(struct http_req *req, const char *message)
{
	struct json_w w;
	struct buf b;

	/* Like the original it echoes the request: nobody may log this answer. */
	buf_init(&b, req->a, SIM_BODY_MAX + REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_i64(&w, "statusCode", 500);
	json_w_time(&w, "timestamp", clock_wall_us());
	json_w_open(&w, "exception", '{');
	json_w_str(&w, "message", slice_of(arena_printf(req->a, "2 UNKNOWN: %s", message)));
	json_w_i64(&w, "code", 2);
	json_w_str(&w, "details", slice_of(message));
	json_w_str(&w, "name", S("Error"));
	json_w_close(&w, '}');
	json_w_open(&w, "request", '{');
	json_w_str(&w, "path", req->head->path);
	json_w_str(&w, "method", slice_of(http_method_name(req->head->method)));
	if (utf8_valid(req->body))
		json_w_str(&w, "body", slice_make(req->body.n > 0 ? req->body.p : "", req->body.n));
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	return buf_slice(&b);
}

void
waha_throw(struct http_req *req, const char *message)
{
	sim_reply(req, 500, thrown(req, message));
}

void
waha_refuse_unknown(struct http_req *req, struct slice session)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "error",
		   slice_of(arena_printf(req->a, "Session \"%.*s\" does not exist",
					 S_FMT(slice_sub(session, 0, 200)))));
	json_w_str(&w, "session", slice_sub(session, 0, 200));
	json_w_close(&w, '}');
	sim_reply_buf(req, 422, &b);
}

void
waha_refuse_status(struct http_req *req, const struct waha_session *s, const char *expected)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "error",
		   S("Session status is not as expected. Try again later or restart the "
		     "session"));
	json_w_str(&w, "session", slice_of(s->name));
	json_w_str(&w, "status", slice_of(waha_status_name(s->status)));
	json_w_open(&w, "expected", '[');
	json_w_str(&w, NULL, slice_of(expected));
	json_w_close(&w, ']');
	json_w_close(&w, '}');
	sim_reply_buf(req, 422, &b);
}

void
waha_reply_unknown_path(struct http_req *req)
{
	waha_refuse(req, 404,
		    arena_printf(req->a, "Cannot %s %.*s", http_method_name(req->head->method),
				 S_FMT(slice_sub(req->head->path, 0, 500))));
}

void
waha_reply_unauthorized(struct http_req *req)
{
	waha_refuse(req, 401, "Unauthorized");
}

struct slice
waha_fault_body(struct http_req *req, unsigned status)
{
	if (status == 500)
		return thrown(req, "simulated failure");
	return refusal(req, status, status == 401 ? "Unauthorized" : "simulated", false);
}
