/* test_http_client.c - the HTTP client against a small server on the same loop.
 *
 * The server's behaviour is chosen by the request's path; it counts the
 * requests it has read, which is what the at-most-once promise is about.
 */
#include "http/client.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

#define CASE_LIMIT_US (5 * CLOCK_SEC)
#define BIG_BODY      100000

struct server {
	struct loop *l;
	int fd;
	struct loop_io *io;
	uint16_t port;
	struct list peers;
	unsigned connection_count, request_count;
	char last[4096]; /* text of the last request */
};

struct peer {
	struct list link;
	struct server *s;
	int fd;
	struct loop_io *io;
	struct buf in;
};

struct fixture {
	struct loop *l;
	struct dns *dns;
	struct server server;
	struct egress *egress;
	struct http_client *c;
	/* of the last result */
	bool is_done;
	struct http_result r;
	char body[BIG_BODY + 1], retry_after[64], x_early[64];
};

static void
peer_close(struct peer *p, bool with_reset)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (with_reset)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loop_io_free(p->io);
	close(p->fd);
	list_del(&p->link);
	buf_free(&p->in);
	gh_free(p);
}

static void
peer_write(struct peer *p, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(p->fd, text, n, MSG_NOSIGNAL);

		if (sent < 0)
			return; /* the client stopped reading: that is its right */
		text += sent;
		n -= (size_t)sent;
	}
}

static void
peer_say(struct peer *p, const char *text)
{
	peer_write(p, text, strlen(text));
}

static void
peer_say_big(struct peer *p, const char *head, size_t n)
{
	char *big = gh_alloc(n);

	memset(big, 'x', n);
	peer_say(p, head);
	peer_write(p, big, n);
	gh_free(big);
}

/* Returns false when it closed the connection. */
static bool
peer_answer(struct peer *p, struct slice path)
{
	if (slice_eq(path, S("/hang")))
		return true;
	if (slice_eq(path, S("/reset")) || slice_eq(path, S("/die")) ||
	    (slice_eq(path, S("/die-on-second")) && p->s->request_count == 2)) {
		peer_close(p, slice_eq(path, S("/reset")));
		return false;
	}
	if (slice_eq(path, S("/half"))) {
		peer_say(p, "HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nhalf");
		peer_close(p, false);
		return false;
	}
	if (slice_eq(path, S("/garbage"))) {
		peer_say(p, "this is not HTTP\r\n\r\n");
		peer_close(p, false);
		return false;
	}
	if (slice_eq(path, S("/big")))
		peer_say_big(p, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", BIG_BODY);
	else if (slice_eq(path, S("/headers")))
		for (int i = 0; i < 70; i++)
			peer_say_big(p, i == 0 ? "HTTP/1.1 200 OK\r\nX: " : "\r\nX: ", 1000);
	else if (slice_eq(path, S("/interim")))
		peer_say(p, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
			    "HTTP/1.1 204 No Content\r\n\r\n");
	else if (slice_eq(path, S("/redirect")))
		peer_say(p, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
	else
		peer_say(p,
			 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nretry-AFTER:  7 \r\n\r\nhello");
	return true;
}

static void
peer_readable(void *arg, unsigned ready)
{
	struct peer *p = arg;
	char *place = buf_reserve(&p->in, 4096);
	ssize_t n = place == NULL ? 0 : read(p->fd, place, 4096);
	struct slice text, path, rest;

	(void)ready;
	if (n <= 0) {
		peer_close(p, false);
		return;
	}
	buf_commit(&p->in, (size_t)n);
	if (strstr(buf_cstr(&p->in), "\r\n\r\n") == NULL)
		return;
	text = buf_slice(&p->in);
	p->s->request_count++;
	assert_int_equal(slice_to_cstr(text, p->s->last, sizeof(p->s->last)), GH_OK);
	buf_reset(&p->in);
	slice_cut(slice_of(p->s->last), ' ', &rest);
	path = slice_cut(rest, ' ', &rest);
	(void)peer_answer(p, path);
}

static void
server_accept(void *arg, unsigned ready)
{
	struct server *s = arg;
	struct peer *p = gh_alloc(sizeof(*p));

	(void)ready;
	p->s = s;
	p->fd = accept(s->fd, NULL, NULL);
	assert_true(p->fd >= 0);
	s->connection_count++;
	buf_init(&p->in, NULL, 65536);
	p->io = loop_io_new(s->l, p->fd, peer_readable, p);
	loop_io_set(p->io, LOOP_READ);
	list_add_tail(&s->peers, &p->link);
}

static void
server_start(struct server *s, struct loop *l)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t n = sizeof(sin);

	s->l = l;
	list_init(&s->peers);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(s->fd, 64), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&sin, &n), 0);
	s->port = ntohs(sin.sin_port);
	s->io = loop_io_new(l, s->fd, server_accept, s);
	loop_io_set(s->io, LOOP_READ);
}

static void
server_stop(struct server *s)
{
	LIST_FOREACH_SAFE(n, &s->peers)
	peer_close(LIST_ENTRY(n, struct peer, link), false);
	loop_io_free(s->io);
	close(s->fd);
}

static int
setup(void **state)
{
	struct fixture *f = gh_alloc(sizeof(*f));

	f->l = loop_new();
	f->dns = dns_new(f->l, "/dev/null", "/etc/hosts");
	f->egress = egress_new();
	server_start(&f->server, f->l);
	f->c = http_client_new(f->l, f->dns,
			       &(struct http_client_config){
				       .policy = HTTP_POLICY_PROVIDER,
				       .in_flight_max = 4,
				       .user_agent = "test/1",
			       });
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_client_free(f->c);
	server_stop(&f->server);
	egress_free(f->egress);
	dns_free(f->dns);
	loop_run_once(f->l, 0);
	loop_free(f->l);
	gh_free(f);
	return 0;
}

static void
use_tenant_policy(struct fixture *f)
{
	http_client_free(f->c);
	f->c = http_client_new(
		f->l, f->dns,
		&(struct http_client_config){.policy = HTTP_POLICY_TENANT, .egress = f->egress});
}

static void
on_done(void *arg, const struct http_result *r)
{
	struct fixture *f = arg;

	assert_false(f->is_done);
	f->is_done = true;
	f->r = *r;
	assert_int_equal(slice_to_cstr(r->body, f->body, sizeof(f->body)), GH_OK);
	assert_int_equal(slice_to_cstr(http_result_header(r, S("Retry-After")), f->retry_after,
				       sizeof(f->retry_after)),
			 GH_OK);
	assert_int_equal(
		slice_to_cstr(http_result_header(r, S("X-Early")), f->x_early, sizeof(f->x_early)),
		GH_OK);
}

static void
run_until_done(struct fixture *f)
{
	int64_t end = clock_mono_us() + CASE_LIMIT_US;

	while (!f->is_done && clock_mono_us() < end)
		loop_run_once(f->l, 50 * CLOCK_MS);
	assert_true(f->is_done);
}

static struct http_request
request_of(struct url *url, struct slice method)
{
	return (struct http_request){
		.method = method, .url = url, .timeout_us = 2 * CLOCK_SEC, .response_max = 1000};
}

/* One request to the server, to the end; method "POST" carries a body. */
static void
fetch_host(struct fixture *f, struct slice method, const char *host, const char *path)
{
	char text[256];
	struct url url;
	struct http_request r = request_of(&url, method);

	snprintf(text, sizeof(text), "http://%s:%u%s", host, (unsigned)f->server.port, path);
	assert_int_equal(url_parse(slice_of(text), &url, NULL), GH_OK);
	if (slice_eq(method, S("POST")))
		r.body = S("{\"n\":1}");
	if (slice_eq(url.target, S("/hang")))
		r.timeout_us = 100 * CLOCK_MS;
	f->is_done = false;
	assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_OK);
	assert_false(f->is_done);
	run_until_done(f);
}

static void
fetch(struct fixture *f, struct slice method, const char *path)
{
	fetch_host(f, method, "127.0.0.1", path);
}

static void
answer_is_complete(void **state)
{
	struct fixture *f = *state;

	fetch(f, S("GET"), "/ok?a=b");
	assert_int_equal(f->r.outcome, HTTP_DONE);
	assert_int_equal(f->r.fail, HTTP_FAIL_NONE);
	assert_int_equal(f->r.status, 200);
	assert_string_equal(f->body, "hello");
	assert_string_equal(f->retry_after, "7");
	assert_string_equal(f->r.remote_ip, "127.0.0.1");
	assert_false(f->r.is_cut);
	assert_true(f->r.elapsed_us > 0);
	assert_non_null(strstr(f->server.last, "GET /ok?a=b HTTP/1.1\r\n"));
	assert_non_null(strstr(f->server.last, "User-Agent: test/1\r\n"));
	assert_null(strstr(f->server.last, "Accept-Encoding"));
}

static void
request_carries_headers_and_body(void **state)
{
	struct fixture *f = *state;
	const struct http_header headers[] = {{S("Content-Type"), S("application/json")},
					      {S("X-Empty"), S("")}};
	char text[64];
	struct url url;
	struct http_request r = request_of(&url, S("PATCH"));

	snprintf(text, sizeof(text), "http://localhost:%u/ok", (unsigned)f->server.port);
	assert_int_equal(url_parse(slice_of(text), &url, NULL), GH_OK);
	r.headers = headers;
	r.header_count = 2;
	r.body = S("abc");
	assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_OK);
	run_until_done(f);
	assert_int_equal(f->r.status, 200);
	assert_non_null(strstr(f->server.last, "PATCH /ok HTTP/1.1\r\n"));
	assert_non_null(strstr(f->server.last, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(f->server.last, "X-Empty:\r\n"));
	assert_non_null(strstr(f->server.last, "Content-Length: 3\r\n"));
	assert_null(strstr(f->server.last, "Expect"));
}

static void
connection_is_reused(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++)
		fetch(f, i % 2 == 0 ? S("POST") : S("GET"), "/ok");
	assert_int_equal(f->server.request_count, 5);
	assert_int_equal(f->server.connection_count, 1);
}

static void
refused_was_not_sent(void **state)
{
	struct fixture *f = *state;

	loop_io_free(f->server.io);
	f->server.io = NULL;
	close(f->server.fd);
	f->server.fd = -1;
	fetch(f, S("POST"), "/ok");
	assert_int_equal(f->r.outcome, HTTP_NOT_SENT);
	assert_int_equal(f->r.fail, HTTP_FAIL_CONNECT);
	assert_string_not_equal(f->r.detail, "");
}

static void
reset_after_request_is_unknown(void **state)
{
	struct fixture *f = *state;

	fetch(f, S("POST"), "/reset");
	assert_int_equal(f->r.outcome, HTTP_UNKNOWN);
	assert_int_equal(f->r.fail, HTTP_FAIL_RESET);
	assert_int_equal(f->r.status, 0);
	assert_int_equal(f->server.request_count, 1);
}

/* libcurl would repeat it: nothing was received and the connection was reused. */
static void
post_is_not_repeated_on_a_dead_connection(void **state)
{
	struct fixture *f = *state;

	fetch(f, S("POST"), "/ok");
	fetch(f, S("POST"), "/die-on-second");
	assert_int_equal(f->r.outcome, HTTP_UNKNOWN);
	assert_int_equal(f->r.fail, HTTP_FAIL_RESET);
	assert_int_equal(f->server.request_count, 2);
}

static void
get_is_repeated_on_a_dead_connection(void **state)
{
	struct fixture *f = *state;

	fetch(f, S("GET"), "/ok");
	fetch(f, S("GET"), "/die-on-second");
	assert_int_equal(f->r.outcome, HTTP_DONE);
	assert_int_equal(f->server.request_count, 3);
	assert_int_equal(f->server.connection_count, 2);
}

static void
silence_is_a_timeout(void **state)
{
	struct fixture *f = *state;

	fetch(f, S("POST"), "/hang");
	assert_int_equal(f->r.outcome, HTTP_UNKNOWN);
	assert_int_equal(f->r.fail, HTTP_FAIL_TIMEOUT);
	assert_true(f->r.elapsed_us >= 100 * CLOCK_MS);
	assert_true(f->r.elapsed_us < CLOCK_SEC);
	/* The connection is not given to the next request. */
	fetch(f, S("GET"), "/ok");
	assert_int_equal(f->r.outcome, HTTP_DONE);
	assert_int_equal(f->server.connection_count, 2);
}

static void
body_stops_at_the_cap(void **state)
{
	struct fixture *f = *state;

	fetch(f, S("GET"), "/big");
	assert_int_equal(f->r.outcome, HTTP_DONE);
	assert_int_equal(f->r.status, 200);
	assert_true(f->r.is_cut);
	assert_int_equal(strlen(f->body), 1000);
}

static void
broken_answers_are_unknown(void **state)
{
	static const struct {
		const char *path;
		unsigned status;
	} cases[] = {{"/half", 202}, {"/garbage", 0}, {"/headers", 200}};
	struct fixture *f = *state;

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		fetch(f, S("POST"), cases[i].path);
		assert_int_equal(f->r.outcome, HTTP_UNKNOWN);
		assert_int_equal(f->r.fail, HTTP_FAIL_RESPONSE);
		assert_int_equal(f->r.status, cases[i].status);
	}
}

static void
interim_answer_and_redirect_are_not_followed(void **state)
{
	struct fixture *f = *state;

	fetch(f, S("GET"), "/interim");
	assert_int_equal(f->r.status, 204);
	assert_string_equal(f->x_early, "");
	fetch(f, S("GET"), "/redirect");
	assert_int_equal(f->r.status, 302);
	assert_int_equal(f->server.request_count, 2);
}

static void
tenant_cannot_reach_loopback(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]", "10.0.0.1"};
	struct fixture *f = *state;

	use_tenant_policy(f);
	for (size_t i = 0; i < GH_COUNT(hosts); i++) {
		fetch_host(f, S("POST"), hosts[i], "/ok");
		assert_int_equal(f->r.outcome, HTTP_NOT_SENT);
		assert_int_equal(f->r.fail, HTTP_FAIL_BLOCKED);
	}
	assert_int_equal(f->server.connection_count, 0);
}

static void
tenant_reaches_what_is_allowed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(egress_add_allow(f->egress, S("127.0.0.0/8")), GH_OK);
	use_tenant_policy(f);
	fetch_host(f, S("POST"), "localhost", "/ok");
	assert_int_equal(f->r.outcome, HTTP_DONE);
}

/* Two tenants' filters share a pool: the second may not use the first one's connection. */
static void
reused_connection_is_checked(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(egress_add_allow(f->egress, S("127.0.0.0/8")), GH_OK);
	use_tenant_policy(f);
	fetch(f, S("POST"), "/ok");
	assert_int_equal(f->r.outcome, HTTP_DONE);
	assert_int_equal(egress_add_deny(f->egress, S("127.0.0.1")), GH_OK);
	fetch(f, S("POST"), "/ok");
	assert_int_equal(f->r.outcome, HTTP_NOT_SENT);
	assert_int_equal(f->r.fail, HTTP_FAIL_BLOCKED);
	assert_int_equal(f->server.request_count, 1);
}

/* The hooks alone, as libcurl would call them after a rebinding. */
static void
hooks_refuse_a_blocked_address(void **state)
{
	struct fixture *f = *state;
	struct http_call call = {.egress = f->egress, .url = {.is_https = true}};
	struct curl_sockaddr sa = {.family = AF_INET, .socktype = SOCK_STREAM};
	char remote[] = "169.254.169.254", local[] = "";
	struct sockaddr_storage ss;
	struct addr a;

	assert_int_equal(addr_parse(S("169.254.169.254"), &a), GH_OK);
	addr_to_sockaddr(&a, 443, &ss);
	memcpy(&sa.addr, &ss, sizeof(sa.addr));
	assert_int_equal(call_open_socket(&call, CURLSOCKTYPE_IPCXN, &sa), CURL_SOCKET_BAD);
	assert_true(call.is_blocked);
	call.is_blocked = false;
	assert_int_equal(call_may_write(&call, remote, local, 443, 1), CURL_PREREQFUNC_ABORT);
	assert_true(call.is_blocked);
	assert_int_equal(call.write_count, 0);
}

static void
unknown_name_was_not_sent(void **state)
{
	struct fixture *f = *state;

	/* No name server listens there; the deadline ends it. */
	fetch_host(f, S("POST"), "no.such.host.test", "/hang");
	assert_int_equal(f->r.outcome, HTTP_NOT_SENT);
	assert_int_equal(f->server.request_count, 0);
}

/* The server speaks no TLS: it waits, or closes; either way no request was written. */
static void
failed_handshake_was_not_sent(void **state)
{
	struct fixture *f = *state;
	char text[64];
	struct url url;
	struct http_request r = request_of(&url, S("POST"));

	snprintf(text, sizeof(text), "https://127.0.0.1:%u/ok", (unsigned)f->server.port);
	assert_int_equal(url_parse(slice_of(text), &url, NULL), GH_OK);
	r.timeout_us = 100 * CLOCK_MS;
	assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_OK);
	run_until_done(f);
	assert_int_equal(f->r.outcome, HTTP_NOT_SENT);
	assert_int_equal(f->r.fail, HTTP_FAIL_TIMEOUT);

	f->is_done = false;
	r.timeout_us = 2 * CLOCK_SEC;
	assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_OK);
	while (f->server.connection_count < 2)
		loop_run_once(f->l, 10 * CLOCK_MS);
	peer_close(LIST_ENTRY(f->server.peers.prev, struct peer, link), true);
	run_until_done(f);
	assert_int_equal(f->r.outcome, HTTP_NOT_SENT);
	assert_int_not_equal(f->r.fail, HTTP_FAIL_TIMEOUT);
}

static void
bad_requests_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct http_header bad[] = {{S("X"), S("a\r\nY: b")},
					  {S("X Y"), S("a")},
					  {S(""), S("a")},
					  {S("Host"), S("h")},
					  {S("content-LENGTH"), S("1")}};
	struct url url;
	struct http_request r = request_of(&url, S("GET"));

	assert_int_equal(url_parse(S("http://127.0.0.1/"), &url, NULL), GH_OK);
	r.header_count = 1;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		r.headers = &bad[i];
		assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_EINVAL);
	}
	r.header_count = 0;
	r.method = S("GET /x");
	assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_EINVAL);
	assert_int_equal(http_client_in_flight(f->c), 0);
}

static void
bound_and_cancel(void **state)
{
	struct fixture *f = *state;
	struct http_call *calls[4];
	char text[64];
	struct url url;
	struct http_request r = request_of(&url, S("GET"));

	snprintf(text, sizeof(text), "http://127.0.0.1:%u/hang", (unsigned)f->server.port);
	assert_int_equal(url_parse(slice_of(text), &url, NULL), GH_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(http_client_send(f->c, &r, on_done, f, &calls[i]), GH_OK);
	assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_EBUSY);
	for (int i = 0; i < 20; i++)
		loop_run_once(f->l, CLOCK_MS);
	http_cancel(calls[0]);
	assert_int_equal(http_client_in_flight(f->c), 3);
	for (int i = 1; i < 4; i++)
		http_cancel(calls[i]);
	loop_run_once(f->l, 0);
	assert_int_equal(http_client_in_flight(f->c), 0);
	assert_false(f->is_done);
}

static void
client_may_be_freed_with_requests(void **state)
{
	struct fixture *f = *state;
	char text[64];
	struct url url;
	struct http_request r = request_of(&url, S("GET"));

	snprintf(text, sizeof(text), "http://127.0.0.1:%u/hang", (unsigned)f->server.port);
	assert_int_equal(url_parse(slice_of(text), &url, NULL), GH_OK);
	assert_int_equal(http_client_send(f->c, &r, on_done, f, NULL), GH_OK);
	loop_run_once(f->l, CLOCK_MS);
}

struct chain {
	struct fixture *f;
	struct http_request r;
	struct http_call *next; /* NULL: not begun */
};

static void
chain_done(void *arg, const struct http_result *r)
{
	struct chain *k = arg;

	assert_int_equal(r->status, 200);
	assert_int_equal(http_client_send(k->f->c, &k->r, on_done, k->f, &k->next), GH_OK);
	assert_int_equal(k->next->write_count, 0);
}

/* Its turn came with the answer before it: it does not wait for another pass of the loop. */
static void
next_request_is_written_in_the_same_pass(void **state)
{
	struct fixture *f = *state;
	int64_t end = clock_mono_us() + CASE_LIMIT_US;
	struct chain k = {.f = f};
	char text[64];
	struct url url;

	snprintf(text, sizeof(text), "http://127.0.0.1:%u/ok", (unsigned)f->server.port);
	assert_int_equal(url_parse(slice_of(text), &url, NULL), GH_OK);
	k.r = request_of(&url, S("POST"));
	assert_int_equal(http_client_send(f->c, &k.r, chain_done, &k, NULL), GH_OK);
	while (k.next == NULL && clock_mono_us() < end)
		loop_run_once(f->l, 50 * CLOCK_MS);
	assert_non_null(k.next);
	assert_int_equal(k.next->write_count, 1);
	run_until_done(f);
	assert_int_equal(f->r.status, 200);
	assert_int_equal(f->server.connection_count, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(answer_is_complete),
		CASE(request_carries_headers_and_body),
		CASE(connection_is_reused),
		CASE(refused_was_not_sent),
		CASE(reset_after_request_is_unknown),
		CASE(post_is_not_repeated_on_a_dead_connection),
		CASE(get_is_repeated_on_a_dead_connection),
		CASE(silence_is_a_timeout),
		CASE(body_stops_at_the_cap),
		CASE(broken_answers_are_unknown),
		CASE(interim_answer_and_redirect_are_not_followed),
		CASE(tenant_cannot_reach_loopback),
		CASE(tenant_reaches_what_is_allowed),
		CASE(reused_connection_is_checked),
		CASE(hooks_refuse_a_blocked_address),
		CASE(unknown_name_was_not_sent),
		CASE(failed_handshake_was_not_sent),
		CASE(bad_requests_are_refused),
		CASE(bound_and_cancel),
		CASE(next_request_is_written_in_the_same_pass),
		CASE(client_may_be_freed_with_requests),
	};

	log_init("test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	return cmocka_run_group_tests_name("http_client", cases, NULL, NULL);
}
