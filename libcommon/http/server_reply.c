/* server_reply.c - requests from the pool and their replies as bytes. */
#include "http/server_private.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

#define FREE_REQUESTS_MAX   256
#define REQUEST_ARENA_BYTES 4096

/* ---- the pool ---- */

struct http_exchange *
http_exchange_new(struct http_conn *c)
{
	struct http_server *s = c->s;
	struct list *pooled = list_pop(&s->free_requests);
	struct http_exchange *r;

	if (pooled != NULL) {
		r = LIST_ENTRY(pooled, struct http_exchange, link);
		s->free_count--;
	} else {
		r = gh_alloc(sizeof(*r));
		r->pub.a = arena_new(REQUEST_ARENA_BYTES);
		r->pub.head = &r->head;
		buf_init(&r->body, NULL,
			 SIZE_MAX / 2); /* bounded by body_max before it is filled */
		list_init(&r->link);
	}
	r->s = s;
	r->conn = c;
	r->is_parsed = r->is_running = r->is_held = r->is_in_head = r->is_replied = false;
	r->pub.id = uuid7_new();
	uuid_text(r->pub.id, r->pub.id_text);
	memcpy(r->pub.peer, c->peer, sizeof(r->pub.peer));
	r->pub.body = SLICE_NONE;
	r->pub.body_max = s->o.body_max;
	r->pub.is_tls = c->is_tls;
	r->pub.is_cancelled = false;
	r->pub.user = NULL;
	return r;
}

void
http_exchange_destroy(struct http_exchange *r)
{
	list_del(&r->link);
	buf_free(&r->body);
	arena_free(r->pub.a);
	gh_free(r);
}

void
http_exchange_free(struct http_exchange *r)
{
	struct http_server *s = r->s;

	if (s == NULL || s->free_count == FREE_REQUESTS_MAX) {
		http_exchange_destroy(r);
		return;
	}
	list_del(&r->link);
	arena_reset(r->pub.a);
	if (r->body.size > HTTP_KEEP_BYTES) {
		buf_free(&r->body);
		buf_init(&r->body, NULL, SIZE_MAX / 2);
	}
	buf_reset(&r->body);
	r->conn = NULL;
	list_add_head(&s->free_requests, &r->link);
	s->free_count++;
}

/* ---- the status line and the server's own fields ---- */

static struct slice
phrase_of(unsigned status)
{
	static const struct {
		unsigned status;
		struct slice phrase;
	} phrases[] = {
		{200, {"OK", 2}},
		{201, {"Created", 7}},
		{202, {"Accepted", 8}},
		{204, {"No Content", 10}},
		{206, {"Partial Content", 15}},
		{301, {"Moved Permanently", 17}},
		{302, {"Found", 5}},
		{303, {"See Other", 9}},
		{304, {"Not Modified", 12}},
		{307, {"Temporary Redirect", 18}},
		{308, {"Permanent Redirect", 18}},
		{400, {"Bad Request", 11}},
		{401, {"Unauthorized", 12}},
		{403, {"Forbidden", 9}},
		{404, {"Not Found", 9}},
		{405, {"Method Not Allowed", 18}},
		{406, {"Not Acceptable", 14}},
		{408, {"Request Timeout", 15}},
		{409, {"Conflict", 8}},
		{410, {"Gone", 4}},
		{413, {"Content Too Large", 17}},
		{414, {"URI Too Long", 12}},
		{415, {"Unsupported Media Type", 22}},
		{417, {"Expectation Failed", 18}},
		{422, {"Unprocessable Content", 21}},
		{429, {"Too Many Requests", 17}},
		{431, {"Request Header Fields Too Large", 31}},
		{500, {"Internal Server Error", 21}},
		{501, {"Not Implemented", 15}},
		{502, {"Bad Gateway", 11}},
		{503, {"Service Unavailable", 19}},
		{504, {"Gateway Timeout", 15}},
		{505, {"HTTP Version Not Supported", 26}},
	};

	for (size_t i = 0; i < GH_COUNT(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return S("Unknown");
}

/* "Thu, 15 Jan 2026 12:00:00 GMT", made anew once per second. */
static struct slice
date_of(struct http_server *s)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t now_s = clock_wall_us() / CLOCK_SEC;

	if (now_s != s->date_s) {
		char t[CLOCK_RFC3339_SIZE]; /* 2026-01-15T12:00:00.000Z */
		int month;
		struct buf b = {.p = s->date, .size = HTTP_DATE_SIZE, .max = HTTP_DATE_SIZE};

		clock_rfc3339(now_s * CLOCK_SEC, t);
		month = (t[5] - '0') * 10 + t[6] - '0' - 1;
		buf_add(&b, slice_make(days + now_s / 86400 % 7 * 3, 3));
		buf_add(&b, S(", "));
		buf_add(&b, slice_make(t + 8, 2));
		buf_add_char(&b, ' ');
		buf_add(&b, slice_make(months + month * 3, 3));
		buf_add_char(&b, ' ');
		buf_add(&b, slice_make(t, 4));
		buf_add_char(&b, ' ');
		buf_add(&b, slice_make(t + 11, 8));
		buf_add(&b, S(" GMT"));
		s->date_s = now_s;
	}
	return slice_make(s->date, HTTP_DATE_SIZE - 1);
}

static void
add_field(struct buf *b, struct slice name, struct slice value)
{
	size_t start;

	buf_add(b, name);
	buf_add(b, S(": "));
	start = b->n;
	buf_add(b, value);
	/* A value with a line end would be a second header, or a second reply. */
	for (size_t i = start; i < b->n; i++)
		if ((unsigned char)b->p[i] < 0x20 || b->p[i] == 0x7f)
			b->p[i] = ' ';
	buf_add(b, S("\r\n"));
}

void
http_conn_answer(struct http_conn *c, struct http_exchange *r, unsigned status,
		 const struct http_header *headers, unsigned count, struct slice body)
{
	struct buf *b = &c->out;
	bool has_body = status != 204 && status != 304;
	bool is_head = r->is_parsed && r->head.method == HTTP_HEAD;

	buf_add(b, S("HTTP/1.1 "));
	buf_add_u64(b, status);
	buf_add_char(b, ' ');
	buf_add(b, phrase_of(status));
	buf_add(b, S("\r\nDate: "));
	buf_add(b, date_of(c->s));
	buf_add(b, S("\r\nX-Request-Id: "));
	buf_add(b, slice_make(r->pub.id_text, UUID_TEXT_SIZE - 1));
	if (has_body) {
		buf_add(b, S("\r\nContent-Length: "));
		buf_add_u64(b, body.n);
	}
	buf_add(b, S("\r\n"));
	for (unsigned i = 0; i < count; i++)
		add_field(b, headers[i].name, headers[i].value);
	if (c->state == CONN_CLOSING)
		buf_add(b, S("Connection: close\r\n"));
	else if (r->head.minor == 0)
		buf_add(b, S("Connection: keep-alive\r\n"));
	buf_add(b, S("\r\n"));
	if (has_body && !is_head)
		buf_add(b, body);
	if (b->over)
		gh_panic("http: reply of %zu bytes", body.n);
	if (c->s->o.on_replied != NULL)
		c->s->o.on_replied(c->s->o.arg, &r->pub, status, has_body ? body.n : 0);
	http_conn_mark(c);
}

/* ---- with the handler ---- */

void
http_exchange_lend(struct http_exchange *r)
{
	r->is_running = true;
	list_add_tail(&r->s->running, &r->link);
	r->s->running_count++;
}

static void
take_back(struct http_exchange *r)
{
	r->is_running = r->is_held = false;
	list_del(&r->link);
	if (r->s != NULL)
		r->s->running_count--;
}

void
http_hold(struct http_req *req)
{
	struct http_exchange *r = (struct http_exchange *)(void *)req;

	if (!r->is_in_head || r->is_replied || r->is_held)
		gh_panic("http: request %s held outside on_head", req->id_text);
	r->is_held = true;
	http_exchange_lend(r);
}

void
http_resume(struct http_req *req)
{
	struct http_exchange *r = (struct http_exchange *)(void *)req;

	if (!r->is_held || r->is_in_head)
		gh_panic("http: request %s was not held", req->id_text);
	take_back(r);
	if (r->conn != NULL)
		http_conn_mark(r->conn);
	else
		http_exchange_free(r);
}

/* ---- the answer ---- */

/* What becomes of a connection whose request was answered before its body: skipping is cheaper for
 * both sides than a new connection, as long as the body is short and certain to come. A body over
 * its limit, or behind a 100-continue that is not sent, is not waited for. */
static enum conn_state
state_before_body(struct http_conn *c, const struct http1_head *h, unsigned status)
{
	if (!h->is_chunked && h->content_length == 0)
		return CONN_IDLE;
	if (h->is_chunked || h->wants_continue || h->content_length > HTTP_IN_HIGH_BYTES ||
	    status == 413) {
		c->is_refused = true;
		return CONN_CLOSING;
	}
	c->skip_left = (size_t)h->content_length;
	c->skip_bytes = 0;
	return CONN_SKIP;
}

void
http_reply(struct http_req *req, unsigned status, const struct http_header *headers, unsigned count,
	   struct slice body)
{
	struct http_exchange *r = (struct http_exchange *)(void *)req;
	struct http_conn *c = r->conn;
	bool is_before_body = r->is_in_head || r->is_held;

	if (r->is_replied || (!r->is_running && !r->is_in_head))
		gh_panic("http: request %s answered twice or too early", req->id_text);
	r->is_replied = true;
	if (c != NULL) {
		enum conn_state next = CONN_IDLE;

		if (is_before_body)
			next = state_before_body(c, &r->head, status);
		if (!r->head.is_keep_alive || c->s->is_draining) {
			c->is_refused = next != CONN_IDLE;
			next = CONN_CLOSING;
		}
		c->state = next;
		c->since_us = clock_mono_us();
		c->r = NULL;
		http_conn_answer(c, r, status, headers, count, body);
	}
	if (r->is_running)
		take_back(r);
	/* on_head's caller still looks at it. */
	if (!r->is_in_head)
		http_exchange_free(r);
}
