/* reply.c - one exchange with a client: its faults, its latency, its answer.
 *
 * Handlers run once and record what they accept; how the answer then leaves (late,
 * in drops, as rubbish, not at all) is decided here and nowhere else.
 */
#include "sim.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"
#include "http/server.h"
#include "loop/loop.h"

#define SLOW_BODY_MS 50

struct exchange {
	struct sim *sim;
	struct http_req *req;
	struct slice scope;
	struct loop_timer *timer;
	int64_t delay_us;
	bool is_hanging;
	unsigned status;
	struct slice text;
	struct http_header headers[2]; /* the second is the handler's */
	size_t extra_count;
	size_t sent;     /* slow body: bytes out */
	int64_t drip_us; /* slow body: pause between bytes */
};

static const struct http_header json_header = {{"Content-Type", 12}, {"application/json", 16}};

static struct exchange *
exchange_of(struct http_req *req)
{
	if (req->user == NULL)
		gh_panic("sim: a request without an exchange");
	return req->user;
}

static bool
strikes(struct exchange *x, enum fault_kind kind, int64_t dflt, int64_t *value)
{
	return x->scope.p != NULL && faults_strike(x->sim->faults, x->scope, kind, dflt, value);
}

static void
timer_start(struct exchange *x, loop_fn *fn, int64_t delay_us)
{
	loop_timer_free(x->timer);
	x->timer = loop_timer_new(x->sim->loop, fn, x);
	loop_timer_set(x->timer, delay_us);
}

/* The exchange lives in the request's arena: it is gone after these two. */
static void
finish(struct exchange *x)
{
	size_t n = x->text.n > 0 ? 1 + x->extra_count : 0;

	loop_timer_free(x->timer);
	x->headers[0] = json_header;
	http_reply(x->req, x->status, x->headers, (unsigned)n, x->text);
}

static void
finish_by_close(struct exchange *x, bool reset)
{
	loop_timer_free(x->timer);
	wire_close(x->req, reset);
}

static void
hang_over(void *arg)
{
	finish_by_close(arg, false);
}

bool
sim_exchange_begin(struct sim *sim, struct http_req *req, struct slice scope)
{
	struct exchange *x = arena_alloc(req->a, sizeof(*x));
	int64_t value;

	x->sim = sim;
	x->req = req;
	x->scope = scope;
	req->user = x;
	if (strikes(x, FAULT_LATENCY, 0, &value))
		x->delay_us = value * CLOCK_MS;
	if (strikes(x, FAULT_RESET_BEFORE, 0, NULL)) {
		finish_by_close(x, true);
		return false;
	}
	if (strikes(x, FAULT_HANG, 0, &value)) {
		x->is_hanging = true;
		if (value > 0)
			timer_start(x, hang_over, value * CLOCK_MS);
		return false;
	}
	if (strikes(x, FAULT_STATUS, 500, &value)) {
		unsigned status = value >= 200 && value <= 599 ? (unsigned)value : 500;

		sim_reply(req, status,
			  slice_eq(scope, S("uazapi")) ? uazapi_fault_body(status)
						       : waha_fault_body(req, status));
		return false;
	}
	return true;
}

void
sim_exchange_header(struct http_req *req, struct slice name, struct slice value)
{
	exchange_of(req)->headers[1] = (struct http_header){name, value};
	exchange_of(req)->extra_count = 1;
}

void
sim_exchange_delay(struct http_req *req, int64_t delay_us)
{
	exchange_of(req)->delay_us += delay_us;
}

void
sim_exchange_cancel(struct http_req *req)
{
	struct exchange *x = req->user;

	if (x != NULL && x->is_hanging)
		finish_by_close(x, false);
}

/* ---- answers ---- */

static void
answer_late(void *arg)
{
	finish(arg);
}

static void
drip(void *arg)
{
	struct exchange *x = arg;

	if (x->sent == x->text.n || x->req->is_cancelled) {
		finish_by_close(x, false);
		return;
	}
	wire_write(x->req, slice_sub(x->text, x->sent++, 1));
	timer_start(x, drip, x->drip_us);
}

static void
drip_start(struct exchange *x)
{
	wire_write(x->req, slice_of(arena_printf(x->req->a,
						 "HTTP/1.1 %u Slow\r\nContent-Type: "
						 "application/json\r\nContent-Length: %zu\r\n"
						 "Connection: close\r\n\r\n",
						 x->status, x->text.n)));
	timer_start(x, drip, x->delay_us + x->drip_us);
}

void
sim_reply(struct http_req *req, unsigned status, struct slice text)
{
	struct exchange *x = exchange_of(req);
	int64_t value;

	x->status = status;
	x->text = text;
	if (strikes(x, FAULT_RESET_AFTER, 0, NULL)) {
		finish_by_close(x, true);
		return;
	}
	if (strikes(x, FAULT_GARBAGE, 0, &value)) {
		x->text = S("<html>}\"\xFF\x01 502 perhaps {");
		if (value == 1) {
			wire_write(req, x->text);
			finish_by_close(x, false);
			return;
		}
	} else if (strikes(x, FAULT_SLOW_BODY, SLOW_BODY_MS, &value)) {
		x->drip_us = value * CLOCK_MS;
		drip_start(x);
		return;
	}
	if (x->delay_us > 0)
		timer_start(x, answer_late, x->delay_us);
	else
		finish(x);
}

void
sim_reply_buf(struct http_req *req, unsigned status, const struct buf *b)
{
	if (b->over)
		sim_reply_error(req, 500, "the answer is too long");
	else
		sim_reply(req, status, buf_slice(b));
}

void
sim_reply_error(struct http_req *req, unsigned status, const char *text)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, 4096);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "error", slice_of(text));
	json_w_close(&w, '}');
	sim_reply(req, status, buf_slice(&b));
}

const struct json *
sim_body_object(struct http_req *req)
{
	const struct json *doc;
	struct gh_err err = {0};

	if (json_parse(req->body, req->a, &doc, NULL, &err) != GH_OK ||
	    json_type(doc) != JSON_OBJECT) {
		sim_reply_error(req, 400, "the body must be a JSON object");
		return NULL;
	}
	return doc;
}
