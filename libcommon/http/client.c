/* client.c - HTTP requests over libcurl's multi interface.
 *
 * libcurl says which descriptors and which timer it wants; the loop tells it
 * when they are ready; finished transfers are then reaped. No callback of a
 * caller ever runs inside libcurl, so callers may start and cancel requests
 * from theirs.
 *
 * Whether a request was sent is decided by one fact: libcurl calls the
 * pre-request hook (call_may_write) after the connection stands, TLS included,
 * and before it writes the first byte.
 */
#include "http/client.h"

#include <sys/socket.h>

#include <curl/curl.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "http/egress.h"
#include "loop/dns.h"
#include "loop/loop.h"

#define IN_FLIGHT_DEFAULT  1024
#define CONNECT_DEFAULT_US (10 * CLOCK_SEC)
#define IDLE_DEFAULT_US    (30 * CLOCK_SEC)
/* A connection is not kept for ever: the name may have moved. */
#define CONNECTION_LIFE_SEC 300L
/* Memory a resting call keeps for the next answer. */
#define BODY_KEEP_BYTES 65536
#define RESOLVE_MAX     2048
/* libcurl keeps one for every transfer under way, 16 KiB unless told; answers are small. */
#define RECEIVE_BYTES 4096L

enum call_state {
	CALL_IDLE,    /* in the free list */
	CALL_FAILED,  /* fail is set; done follows from the timer */
	CALL_DNS,     /* waiting for addresses */
	CALL_RUNNING, /* libcurl has it */
};

struct http_call {
	struct list link; /* in client.calls or client.resting */
	struct http_client *c;
	enum call_state state;
	CURL *easy;
	struct arena *arena;         /* texts of the request */
	struct loop_timer *timer;    /* deadline; zero delay in CALL_FAILED */
	struct dns_query *query;     /* CALL_DNS */
	const struct egress *egress; /* NULL: no filter */
	struct url url;
	http_done_fn *done;
	void *arg;
	int64_t start_us, timeout_us;
	bool may_repeat;      /* idempotent method */
	unsigned write_count; /* times libcurl was let to write the request */
	bool is_blocked;      /* the policy refused an address */
	bool is_repeat;       /* a second writing was refused */
	bool is_cut;
	bool is_header_over;
	size_t response_max;
	size_t header_bytes; /* of all answers, interim ones included */
	struct buf header_lines;
	struct buf body;
	enum http_fail fail;
	char remote_ip[HTTP_IP_SIZE];
	char error[CURL_ERROR_SIZE];
};

/* A descriptor libcurl wants watched. */
struct client_socket {
	struct list link;
	struct http_client *c;
	curl_socket_t fd;
	struct loop_io *io;
};

struct http_client {
	struct loop *l;
	struct dns *dns;
	enum http_policy policy;
	const struct egress *egress;
	unsigned in_flight_max, in_flight;
	int64_t connect_timeout_us, idle_max_us;
	char *user_agent, *ca_file;
	CURLM *multi;
	struct loop_timer *timer; /* libcurl's */
	bool is_due;              /* libcurl wants to act at once */
	struct list sockets, calls, resting;
};

#define EASY_SET(easy, option, value)                                                              \
	do {                                                                                       \
		CURLcode easy_rc_ = curl_easy_setopt(easy, option, value);                         \
		if (easy_rc_ != CURLE_OK)                                                          \
			gh_panic("http client: " #option ": %s", curl_easy_strerror(easy_rc_));    \
	} while (0)

#define MULTI_SET(multi, option, value)                                                            \
	do {                                                                                       \
		CURLMcode multi_rc_ = curl_multi_setopt(multi, option, value);                     \
		if (multi_rc_ != CURLM_OK)                                                         \
			gh_panic("http client: " #option ": %s", curl_multi_strerror(multi_rc_));  \
	} while (0)

/* ---- the end of a call ---- */

static void
call_set_state(struct http_call *call, enum call_state state)
{
	struct http_client *c = call->c;

	if (call->state == CALL_RUNNING)
		(void)curl_multi_remove_handle(c->multi, call->easy);
	if (call->state == CALL_DNS && call->query != NULL)
		dns_cancel(call->query);
	call->query = NULL;
	call->state = state;
	if (state != CALL_IDLE)
		return;
	loop_timer_cancel(call->timer);
	list_del(&call->link);
	c->in_flight--;
}

/* Make a call that is out of every list ready for the next request. */
static void
call_rest(struct http_call *call)
{
	if (call->body.size > BODY_KEEP_BYTES)
		buf_free(&call->body);
	arena_reset(call->arena);
	list_add_head(&call->c->resting, &call->link);
}

static unsigned
call_status(struct http_call *call)
{
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status <= 999 ? (unsigned)status : 0;
}

/* Report and recycle. Whether the request may have been processed depends on
 * nothing but whether libcurl was ever let to write it. */
static void
call_finish(struct http_call *call, enum http_fail fail)
{
	bool was_running = call->state == CALL_RUNNING;
	struct http_result r = {
		.fail = fail,
		.is_cut = call->is_cut,
		.elapsed_us = clock_mono_us() - call->start_us,
	};

	r.status = was_running ? call_status(call) : 0;
	if (fail == HTTP_FAIL_NONE && r.status == 0)
		r.fail = HTTP_FAIL_RESPONSE;
	if (r.fail == HTTP_FAIL_NONE)
		r.outcome = HTTP_DONE;
	else
		r.outcome = call->write_count > 0 ? HTTP_UNKNOWN : HTTP_NOT_SENT;
	call_set_state(call, CALL_IDLE);
	r.detail = call->error[0] != '\0' && r.fail != HTTP_FAIL_NONE ? call->error
								      : http_fail_name(r.fail);
	r.body = buf_slice(&call->body);
	r.header_lines = buf_slice(&call->header_lines);
	memcpy(r.remote_ip, call->remote_ip, sizeof(r.remote_ip));
	call->done(call->arg, &r);
	call_rest(call);
}

/* done is never called before http_client_send returns: let the timer do it. */
static void
call_fail_later(struct http_call *call, enum http_fail fail)
{
	call->fail = fail;
	call_set_state(call, CALL_FAILED);
	loop_timer_set(call->timer, 0);
}

static void
call_timer(void *arg)
{
	struct http_call *call = arg;

	call_finish(call, call->state == CALL_FAILED ? call->fail : HTTP_FAIL_TIMEOUT);
}

/* What libcurl's verdict means, given whether the request was let out. */
static enum http_fail
fail_of(const struct http_call *call, CURLcode rc)
{
	bool was_written = call->write_count > 0;

	if (rc == CURLE_OK || call->is_cut)
		return HTTP_FAIL_NONE;
	if (call->is_repeat)
		return HTTP_FAIL_RESET;
	if (call->is_header_over)
		return HTTP_FAIL_RESPONSE;
	if (call->is_blocked && (rc == CURLE_COULDNT_CONNECT || rc == CURLE_ABORTED_BY_CALLBACK))
		return HTTP_FAIL_BLOCKED;
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return HTTP_FAIL_DNS;
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT: /* only the connect timeout is set */
		return HTTP_FAIL_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_FAIL_TLS;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		return was_written ? HTTP_FAIL_RESET : HTTP_FAIL_CONNECT;
	default:
		return was_written ? HTTP_FAIL_RESPONSE : HTTP_FAIL_INTERNAL;
	}
}

static void
client_reap(struct http_client *c)
{
	int left;
	CURLMsg *m = curl_multi_info_read(c->multi, &left);

	while (m != NULL) {
		struct http_call *call;
		char *private = NULL;

		if (curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
			gh_panic("http client: a transfer without its call");
		call = (void *)private;
		call_finish(call, fail_of(call, m->data.result));
		m = curl_multi_info_read(c->multi, &left);
	}
}

/* ---- libcurl's hooks of a transfer ---- */

static bool
call_permits(struct http_call *call, const struct sockaddr *sa)
{
	if (call->egress == NULL || egress_permits(call->egress, sa, call->url.is_https))
		return true;
	call->is_blocked = true;
	return false;
}

/* CURLOPT_OPENSOCKETFUNCTION: the address that connect(2) will be given. */
static curl_socket_t
call_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = arg;

	(void)purpose;
	if (!call_permits(call, &address->addr))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * CURLOPT_PREREQFUNCTION: on a new connection and on a reused one, right before
 * the request is written. The second call for one request is libcurl repeating
 * it because a reused connection died; the first writing may have arrived.
 */
static int
call_may_write(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct http_call *call = arg;
	struct sockaddr_storage ss;
	struct addr a;

	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	if (call->write_count > 0 && !call->may_repeat) {
		call->is_repeat = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (call->egress != NULL) {
		if (addr_parse(slice_of(remote_ip), &a) != GH_OK) {
			call->is_blocked = true;
			return CURL_PREREQFUNC_ABORT;
		}
		addr_to_sockaddr(&a, 0, &ss);
		if (!call_permits(call, (const struct sockaddr *)&ss))
			return CURL_PREREQFUNC_ABORT;
	}
	if (slice_to_cstr(slice_of(remote_ip), call->remote_ip, sizeof(call->remote_ip)) != GH_OK)
		call->remote_ip[0] = '\0';
	call->write_count++;
	return CURL_PREREQFUNC_OK;
}

static size_t
call_take_body(char *p, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t n = size * count;
	size_t room = call->response_max - call->body.n;

	if (n > room) {
		call->is_cut = true;
		buf_add(&call->body, slice_make(p, room));
		return room; /* less than offered: libcurl stops and closes */
	}
	buf_add(&call->body, slice_make(p, n));
	return n;
}

static size_t
call_take_header(char *p, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	struct slice line = slice_make(p, size * count);

	call->header_bytes += line.n;
	if (call->header_bytes > HTTP_RESPONSE_HEADERS_MAX) {
		call->is_header_over = true;
		return 0;
	}
	/* A status line starts over: what came before was an interim answer (1xx). */
	if (slice_starts(line, S("HTTP/")))
		buf_reset(&call->header_lines);
	buf_add(&call->header_lines, line);
	return line.n;
}

/* ---- libcurl's hooks of the pool ---- */

static void
client_act(struct http_client *c, curl_socket_t fd, int what)
{
	int running;

	c->is_due = false;
	if (curl_multi_socket_action(c->multi, fd, what, &running) != CURLM_OK)
		gh_panic("http client: curl_multi_socket_action failed");
	client_reap(c);
}

/*
 * What a callback began, mostly the next request to the same host, is written now. By its timer it
 * would wait for the rest of this pass of the loop, which under load is long: a receiver that takes
 * few requests at a time then gets fewer of them.
 */
static void
client_act_on(struct http_client *c, curl_socket_t fd, int what)
{
	client_act(c, fd, what);
	if (c->is_due)
		client_act(c, CURL_SOCKET_TIMEOUT, 0);
}

static void
socket_ready(void *arg, unsigned ready)
{
	struct client_socket *s = arg;
	int what = ((ready & LOOP_READ) != 0 ? CURL_CSELECT_IN : 0) |
		   ((ready & LOOP_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

	client_act_on(s->c, s->fd, what); /* s may go in there */
}

static void
timer_fired(void *arg)
{
	client_act_on(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void
socket_free(struct client_socket *s)
{
	list_del(&s->link);
	loop_io_free(s->io);
	gh_free(s);
}

/* CURLMOPT_SOCKETFUNCTION */
static int
client_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *c = arg;
	struct client_socket *s = socket_arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			socket_free(s);
		(void)curl_multi_assign(c->multi, fd, NULL);
		return 0;
	}
	if (s == NULL) {
		s = gh_alloc(sizeof(*s));
		s->c = c;
		s->fd = fd;
		s->io = loop_io_new(c->l, fd, socket_ready, s);
		list_add_tail(&c->sockets, &s->link);
		(void)curl_multi_assign(c->multi, fd, s);
	}
	loop_io_set(s->io, ((what & CURL_POLL_IN) != 0 ? LOOP_READ : 0) |
				   ((what & CURL_POLL_OUT) != 0 ? LOOP_WRITE : 0));
	return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int
client_set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http_client *c = arg;

	(void)multi;
	c->is_due = timeout_ms == 0;
	if (timeout_ms < 0)
		loop_timer_cancel(c->timer);
	else
		loop_timer_set(c->timer, timeout_ms * CLOCK_MS);
	return 0;
}

/* ---- building a call ---- */

/* Options that are the same for every request of the pool. */
static CURL *
easy_new(struct http_call *call)
{
	struct http_client *c = call->c;
	CURL *e = curl_easy_init();

	if (e == NULL)
		gh_panic("http client: curl_easy_init failed");
	EASY_SET(e, CURLOPT_PRIVATE, (void *)call);
	EASY_SET(e, CURLOPT_NOSIGNAL, 1L);
	EASY_SET(e, CURLOPT_PROTOCOLS_STR, "http,https");
	EASY_SET(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	EASY_SET(e, CURLOPT_FOLLOWLOCATION, 0L);
	EASY_SET(e, CURLOPT_PROXY, "");
	EASY_SET(e, CURLOPT_NOPROXY, "*");
	EASY_SET(e, CURLOPT_PATH_AS_IS, 1L);
	EASY_SET(e, CURLOPT_SSL_VERIFYPEER, 1L);
	EASY_SET(e, CURLOPT_SSL_VERIFYHOST, 2L);
	EASY_SET(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	EASY_SET(e, CURLOPT_TCP_KEEPALIVE, 1L);
	EASY_SET(e, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	EASY_SET(e, CURLOPT_CONNECTTIMEOUT_MS, (long)(c->connect_timeout_us / CLOCK_MS));
	EASY_SET(e, CURLOPT_MAXAGE_CONN, (long)(c->idle_max_us / CLOCK_SEC));
	EASY_SET(e, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_SEC);
	EASY_SET(e, CURLOPT_OPENSOCKETFUNCTION, call_open_socket);
	EASY_SET(e, CURLOPT_OPENSOCKETDATA, (void *)call);
	EASY_SET(e, CURLOPT_PREREQFUNCTION, call_may_write);
	EASY_SET(e, CURLOPT_PREREQDATA, (void *)call);
	EASY_SET(e, CURLOPT_WRITEFUNCTION, call_take_body);
	EASY_SET(e, CURLOPT_WRITEDATA, (void *)call);
	EASY_SET(e, CURLOPT_HEADERFUNCTION, call_take_header);
	EASY_SET(e, CURLOPT_HEADERDATA, (void *)call);
	EASY_SET(e, CURLOPT_ERRORBUFFER, call->error);
	EASY_SET(e, CURLOPT_USERAGENT, c->user_agent);
	if (c->ca_file != NULL)
		EASY_SET(e, CURLOPT_CAINFO, c->ca_file);
	return e;
}

static struct http_call *
call_new(struct http_client *c)
{
	struct http_call *call = gh_alloc(sizeof(*call));

	list_init(&call->link);
	call->c = c;
	call->arena = arena_new(0);
	call->timer = loop_timer_new(c->l, call_timer, call);
	buf_init(&call->header_lines, NULL, HTTP_RESPONSE_HEADERS_MAX);
	buf_init(&call->body, NULL, 1);
	call->easy = easy_new(call);
	return call;
}

static void
call_free(struct http_call *call)
{
	curl_easy_cleanup(call->easy);
	loop_timer_free(call->timer);
	arena_free(call->arena);
	buf_free(&call->header_lines);
	buf_free(&call->body);
	gh_free(call);
}

static void
call_add_header(struct http_call *call, struct curl_slist ***end, char *line)
{
	struct curl_slist *node = arena_alloc(call->arena, sizeof(*node));

	node->data = line;
	**end = node;
	*end = &node->next;
}

/* The list lives in the call's arena: libcurl only reads it. */
static struct curl_slist *
call_headers(struct http_call *call, const struct http_request *r)
{
	struct curl_slist *first = NULL, **end = &first;
	bool has_type = false;

	for (unsigned i = 0; i < r->header_count; i++) {
		const struct http_header *h = &r->headers[i];
		struct buf line;

		has_type |= slice_eq_nocase(h->name, S("content-type"));
		buf_init(&line, call->arena, h->name.n + h->value.n + 3);
		buf_add(&line, h->name);
		/* "Name;" sends an empty value; "Name:" would remove the header. */
		buf_add(&line, h->value.n == 0 ? S(";") : S(": "));
		buf_add(&line, h->value);
		call_add_header(call, &end, arena_cstr(call->arena, buf_slice(&line)));
	}
	/* No waiting for "100 Continue", and no form type for a body of unknown type. */
	call_add_header(call, &end, arena_cstr(call->arena, S("Expect:")));
	if (!has_type)
		call_add_header(call, &end, arena_cstr(call->arena, S("Content-Type:")));
	return first;
}

/* The handle remembers its last request: every option that varies is set every time. */
static void
call_set_request(struct http_call *call, const struct http_request *r)
{
	CURL *e = call->easy;
	struct buf url;

	buf_init(&url, call->arena, URL_MAX + URL_HOST_MAX);
	url_write(r->url, &url);
	EASY_SET(e, CURLOPT_URL, arena_cstr(call->arena, buf_slice(&url)));
	EASY_SET(e, CURLOPT_HTTPHEADER, call_headers(call, r));
	EASY_SET(e, CURLOPT_NOBODY, 0L);
	EASY_SET(e, CURLOPT_CUSTOMREQUEST, NULL);
	if (r->body.p != NULL || slice_eq(r->method, S("POST"))) {
		EASY_SET(e, CURLOPT_POST, 1L);
		EASY_SET(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
		EASY_SET(e, CURLOPT_POSTFIELDS, r->body.p != NULL ? r->body.p : "");
		if (!slice_eq(r->method, S("POST")))
			EASY_SET(e, CURLOPT_CUSTOMREQUEST, arena_cstr(call->arena, r->method));
	} else if (slice_eq(r->method, S("HEAD"))) {
		EASY_SET(e, CURLOPT_NOBODY, 1L);
	} else {
		EASY_SET(e, CURLOPT_HTTPGET, 1L);
		if (!slice_eq(r->method, S("GET")))
			EASY_SET(e, CURLOPT_CUSTOMREQUEST, arena_cstr(call->arena, r->method));
	}
}

/* ---- from the name to libcurl ---- */

static void
call_run(struct http_call *call)
{
	call_set_state(call, CALL_RUNNING);
	if (curl_multi_add_handle(call->c->multi, call->easy) != CURLM_OK)
		gh_panic("http client: curl_multi_add_handle failed");
}

/* Pin the permitted ones of the addresses ("+": libcurl forgets them again) and go. */
static void
call_resolved(struct http_call *call, enum gh_code code, const struct sockaddr_storage *addrs,
	      unsigned count)
{
	struct curl_slist *pin = arena_alloc(call->arena, sizeof(*pin));
	unsigned permitted = 0;
	struct buf text;

	if (code != GH_OK) {
		call_fail_later(call, HTTP_FAIL_DNS);
		return;
	}
	buf_init(&text, call->arena, RESOLVE_MAX);
	buf_add_printf(&text, "+%s:%u:", call->url.host, (unsigned)call->url.port);
	for (unsigned i = 0; i < count; i++) {
		const struct sockaddr *sa = (const struct sockaddr *)&addrs[i];
		char ip[ADDR_TEXT_SIZE];
		struct addr a;

		if (!call_permits(call, sa) || addr_from_sockaddr(sa, &a, NULL) != GH_OK)
			continue;
		if (permitted++ > 0)
			buf_add_char(&text, ',');
		buf_add_printf(&text, addr_is_v4(&a) ? "%s" : "[%s]", addr_text(&a, ip));
	}
	if (permitted == 0) {
		call_fail_later(call, HTTP_FAIL_BLOCKED);
		return;
	}
	/* Some were blocked, but not all: a failure to connect to the others is no block. */
	call->is_blocked = false;
	pin->data = arena_cstr(call->arena, buf_slice(&text));
	EASY_SET(call->easy, CURLOPT_RESOLVE, call->url.host_kind == URL_HOST_NAME ? pin : NULL);
	call_run(call);
}

static void
call_dns_done(void *arg, enum gh_code code, const struct sockaddr_storage *addrs, unsigned count)
{
	struct http_call *call = arg;

	call->query = NULL;
	call_resolved(call, code, addrs, count);
}

static void
call_start(struct http_call *call)
{
	struct sockaddr_storage addrs[DNS_ADDRS_MAX];
	struct slice host = slice_of(call->url.host);
	unsigned count;
	enum gh_code code;

	if (call->egress != NULL && !egress_permits_port(call->url.port, call->url.is_https)) {
		call_fail_later(call, HTTP_FAIL_BLOCKED);
		return;
	}
	if (dns_peek(call->c->dns, host, &code, addrs, &count)) {
		call_resolved(call, code, addrs, count);
		return;
	}
	call_set_state(call, CALL_DNS);
	if (dns_resolve(call->c->dns, host, call->timeout_us, call_dns_done, call, &call->query) !=
	    GH_OK)
		call_fail_later(call, HTTP_FAIL_DNS);
}

/* ---- the interface ---- */

/* Forget what the last request left in a resting call. */
static void
call_reset(struct http_call *call, const struct http_request *r)
{
	const struct egress *egress = r->egress != NULL ? r->egress : call->c->egress;

	call->egress = call->c->policy == HTTP_POLICY_TENANT ? egress : NULL;
	call->url = *r->url;
	call->start_us = clock_mono_us();
	call->timeout_us = r->timeout_us;
	call->may_repeat = http_method_is_idempotent(r->method);
	call->write_count = 0;
	call->is_blocked = call->is_repeat = call->is_cut = call->is_header_over = false;
	call->response_max = r->response_max;
	call->header_bytes = 0;
	buf_reset(&call->header_lines);
	buf_reset(&call->body);
	call->body.max = r->response_max;
	call->fail = HTTP_FAIL_NONE;
	call->remote_ip[0] = '\0';
	call->error[0] = '\0';
}

enum gh_code
http_client_send(struct http_client *c, const struct http_request *r, http_done_fn *done, void *arg,
		 struct http_call **out)
{
	struct http_call *call;
	struct list *n;

	if (c->in_flight >= c->in_flight_max)
		return GH_EBUSY;
	if (!http_request_is_valid(r))
		return GH_EINVAL;
	n = list_pop(&c->resting);
	call = n != NULL ? LIST_ENTRY(n, struct http_call, link) : call_new(c);
	call_reset(call, r);
	call->done = done;
	call->arg = arg;
	call_set_request(call, r);
	list_add_tail(&c->calls, &call->link);
	c->in_flight++;
	loop_timer_set(call->timer, r->timeout_us);
	call_start(call);
	if (out != NULL)
		*out = call;
	return GH_OK;
}

void
http_cancel(struct http_call *call)
{
	call_set_state(call, CALL_IDLE);
	call_rest(call);
}

unsigned
http_client_in_flight(const struct http_client *c)
{
	return c->in_flight;
}

/* ---- life ---- */

static int64_t
or_default(int64_t value, int64_t fallback)
{
	return value > 0 ? value : fallback;
}

struct http_client *
http_client_new(struct loop *l, struct dns *dns, const struct http_client_config *config)
{
	struct http_client *c = gh_alloc(sizeof(*c));

	if (config->policy == HTTP_POLICY_TENANT && config->egress == NULL)
		gh_panic("http client: a tenant pool without an address filter");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		gh_panic("http client: curl_global_init failed");
	c->l = l;
	c->dns = dns;
	c->policy = config->policy;
	c->egress = config->egress;
	c->in_flight_max = (unsigned)or_default(config->in_flight_max, IN_FLIGHT_DEFAULT);
	c->connect_timeout_us = or_default(config->connect_timeout_us, CONNECT_DEFAULT_US);
	c->idle_max_us = or_default(config->idle_max_us, IDLE_DEFAULT_US);
	if (config->user_agent != NULL)
		c->user_agent = gh_strdup(config->user_agent);
	if (config->ca_file != NULL)
		c->ca_file = gh_strdup(config->ca_file);
	list_init(&c->sockets);
	list_init(&c->calls);
	list_init(&c->resting);
	c->timer = loop_timer_new(l, timer_fired, c);
	c->multi = curl_multi_init();
	if (c->multi == NULL)
		gh_panic("http client: curl_multi_init failed");
	MULTI_SET(c->multi, CURLMOPT_SOCKETFUNCTION, client_watch);
	MULTI_SET(c->multi, CURLMOPT_SOCKETDATA, (void *)c);
	MULTI_SET(c->multi, CURLMOPT_TIMERFUNCTION, client_set_timer);
	MULTI_SET(c->multi, CURLMOPT_TIMERDATA, (void *)c);
	MULTI_SET(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	MULTI_SET(c->multi, CURLMOPT_MAXCONNECTS, (long)c->in_flight_max);
	return c;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	LIST_FOREACH_SAFE(n, &c->calls)
	http_cancel(LIST_ENTRY(n, struct http_call, link));
	LIST_FOREACH_SAFE(n, &c->resting)
	call_free(LIST_ENTRY(n, struct http_call, link));
	(void)curl_multi_cleanup(c->multi);
	LIST_FOREACH_SAFE(n, &c->sockets)
	socket_free(LIST_ENTRY(n, struct client_socket, link));
	loop_timer_free(c->timer);
	gh_free(c->user_agent);
	gh_free(c->ca_file);
	gh_free(c);
	curl_global_cleanup();
}
