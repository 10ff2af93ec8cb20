/* test_http_server.c - the server over loopback sockets: what travels, when the
 * connection ends, what handlers may rely on. */
#include "http/server.c"
#include "http/server_conn.c"
#include "http/server_reply.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CLIENTS_MAX 4

/* What the handler of the tests saw and holds. */
struct world {
	struct loop *l;
	struct http_server *s;
	uint16_t port;
	bool hold; /* keep requests in held instead of answering */
	struct http_req *held;
	unsigned request_count, cancel_count, replied_count;
	bool is_drained;
};

/* "/refuse" is answered before the body, "/small" takes 4 bytes, "/wait" is held. */
static void
handle_head(void *arg, struct http_req *req)
{
	struct world *w = arg;

	if (slice_eq(req->head->path, S("/wait"))) {
		http_hold(req);
		w->held = req;
	} else if (slice_eq(req->head->path, S("/refuse")))
		http_reply(req, 403, NULL, 0, S("no"));
	else if (slice_eq(req->head->path, S("/small")))
		req->body_max = 4;
}

/* Echo: path, '|', body. */
static void
handle_request(void *arg, struct http_req *req)
{
	static const struct http_header header = {{"X-T", 3}, {"a\r\nb", 4}};
	struct world *w = arg;
	struct buf b;

	w->request_count++;
	if (w->hold) {
		w->held = req;
		return;
	}
	buf_init(&b, req->a, 1 << 20);
	buf_add(&b, req->head->path);
	buf_add_char(&b, '|');
	buf_add(&b, req->body);
	http_reply(req, 200, &header, 1, buf_slice(&b));
}

static void
handle_cancel(void *arg, struct http_req *req)
{
	struct world *w = arg;

	assert_true(req->is_cancelled);
	assert_ptr_equal(req, w->held);
	w->cancel_count++;
}

static void
handle_replied(void *arg, const struct http_req *req, unsigned status, size_t bytes)
{
	(void)req;
	(void)status;
	(void)bytes;
	((struct world *)arg)->replied_count++;
}

static void
handle_drained(void *arg)
{
	((struct world *)arg)->is_drained = true;
}

static int
setup(void **state)
{
	struct world *w = gh_alloc(sizeof(*w));
	struct http_server_opts o = {
		.connections_max = CLIENTS_MAX,
		.head_us = 100 * CLOCK_MS,
		.idle_us = 200 * CLOCK_MS,
		.body_grace_us = 100 * CLOCK_MS,
		.body_rate = 1000000,
		.body_max = 100000,
		.on_head = handle_head,
		.on_request = handle_request,
		.on_cancel = handle_cancel,
		.on_replied = handle_replied,
		.arg = w,
	};

	w->l = loop_new();
	assert_int_equal(http_server_new(&w->s, w->l, &o, NULL), GH_OK);
	w->port = http_server_port(w->s);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	http_server_free(w->s);
	loop_free(w->l);
	gh_free(w);
	return 0;
}

static int
connect_client(struct world *w)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(w->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

static void
turn(struct world *w, unsigned passes)
{
	for (unsigned i = 0; i < passes; i++)
		loop_run_once(w->l, 2 * CLOCK_MS);
}

/* Run until the server has written `needle` or closed (within ~1 s): all that came. */
static const char *
hear(struct world *w, int fd, const char *needle, bool *is_closed)
{
	static char text[65536];
	size_t n = 0;

	*is_closed = false;
	text[0] = '\0';
	for (unsigned i = 0; i < 400; i++) {
		ssize_t got;

		loop_run_once(w->l, 2 * CLOCK_MS);
		got = recv(fd, text + n, sizeof(text) - 1 - n, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno == ECONNRESET)) {
			*is_closed = true;
			break;
		}
		if (got > 0)
			n += (size_t)got;
		text[n] = '\0';
		if (needle != NULL && strstr(text, needle) != NULL)
			break;
	}
	return text;
}

/* The connection ends, having said `needle` before. */
static void
expect_end(struct world *w, int fd, const char *needle)
{
	bool is_closed;
	const char *text = hear(w, fd, NULL, &is_closed);

	if (!is_closed || strstr(text, needle) == NULL)
		fail_msg("closed %d, not '%s' in:\n%s", is_closed, needle, text);
	close(fd);
}

static void
expect(struct world *w, int fd, const char *needle)
{
	bool is_closed;
	const char *text = hear(w, fd, needle, &is_closed);

	if (strstr(text, needle) == NULL)
		fail_msg("closed %d, not '%s' in:\n%s", is_closed, needle, text);
}

static void
test_keep_alive(void **state)
{
	struct world *w = *state;
	int fd = connect_client(w);
	bool is_closed;
	const char *text;

	say(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	text = hear(w, fd, "/a|", &is_closed);
	assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\nDate: "));
	assert_non_null(strstr(text, " GMT\r\nX-Request-Id: "));
	assert_non_null(strstr(text, "\r\nContent-Length: 3\r\n"));
	assert_non_null(strstr(text, "\r\nX-T: a  b\r\n")); /* no header injection */
	assert_null(strstr(text, "Connection:"));
	say(fd, "HEAD /bcd HTTP/1.1\r\nHost: x\r\n\r\n");
	text = hear(w, fd, "\r\n\r\n", &is_closed);
	assert_non_null(strstr(text, "\r\nContent-Length: 5\r\n"));
	assert_null(strstr(text, "/bcd"));
	say(fd, "GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	expect_end(w, fd, "Connection: close\r\n\r\n/c|");
	fd = connect_client(w);
	say(fd, "GET /d HTTP/1.0\r\n\r\n");
	expect_end(w, fd, "/d|");
	assert_int_equal(w->replied_count, 4);
	assert_int_equal(http_server_in_flight(w->s), 0);
}

static void
test_bodies(void **state)
{
	struct world *w = *state;
	int fd = connect_client(w);
	const char *drip = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

	for (const char *p = drip; *p != '\0'; p++) {
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
		loop_run_once(w->l, CLOCK_MS / 10);
	}
	expect(w, fd, "/p|hello");
	say(fd, "POST /q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	turn(w, 2);
	say(fd, "2\r\nde\r\n0\r\n\r\n");
	expect(w, fd, "/q|abcde");
	say(fd, "POST /r HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	expect(w, fd, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "ok");
	expect(w, fd, "/r|ok");
	close(fd);
}

static void
test_pipelining(void **state)
{
	struct world *w = *state;
	int fd = connect_client(w);

	w->hold = true;
	say(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 1\r\n\r\nzGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
	turn(w, 5);
	assert_int_equal(w->request_count, 1);
	assert_int_equal(http_server_in_flight(w->s), 1);
	w->hold = false;
	http_reply(w->held, 200, NULL, 0, S("one;"));
	expect(w, fd, "/3|");
	assert_int_equal(w->request_count, 3);

	/* A half-closed client gets all its answers. */
	say(fd, "GET /4 HTTP/1.1\r\nHost: x\r\n\r\nGET /5 HTTP/1.1\r\nHost: x\r\n\r\n");
	shutdown(fd, SHUT_WR);
	expect_end(w, fd, "/5|");
}

/* More behind a running request than is kept: the loop goes on, and so does the connection. */
static void
test_much_pipelined(void **state)
{
	static char much[100001];
	struct world *w = *state;
	int fd = connect_client(w);

	w->hold = true;
	say(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 100000\r\n\r\n");
	memset(much, 'm', sizeof(much) - 1);
	for (size_t n = 0; n < sizeof(much) - 1;) {
		ssize_t r = send(fd, much + n, sizeof(much) - 1 - n, MSG_NOSIGNAL | MSG_DONTWAIT);

		n += r > 0 ? (size_t)r : 0;
		turn(w, 1);
	}
	turn(w, 20);
	assert_int_equal(w->request_count, 1);
	w->hold = false;
	http_reply(w->held, 200, NULL, 0, S("one;"));
	expect(w, fd, "/2|mmm");
	close(fd);
}

static void
test_refusals(void **state)
{
	/* the text, the status line's start, the reason counted */
	static const struct {
		const char *say, *hear;
		enum http1_reason reason;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", HTTP1_HOST_COUNT},
		{"\x16\x03\x01\n", "HTTP/1.1 400 ", HTTP1_BARE_LF},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", "HTTP/1.1 413 ",
		 HTTP1_BODY_TOO_LARGE},
		{"POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
		 "Content-Length: 5\r\n\r\n",
		 "HTTP/1.1 413 ", HTTP1_BODY_TOO_LARGE},
		{"POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
		 "HTTP/1.1 413 ", HTTP1_BODY_TOO_LARGE},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
		 "HTTP/1.1 400 ", HTTP1_BAD_CHUNK},
		{"GET / HTTP/1.1\r\nHos", "HTTP/1.1 408 ", HTTP1_HEAD_TIMEOUT},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 408 ",
		 HTTP1_BODY_TIMEOUT},
	};
	struct world *w = *state;

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		uint64_t before = http_server_refused(w->s, cases[i].reason);
		int fd = connect_client(w);

		say(fd, cases[i].say);
		expect_end(w, fd, cases[i].hear);
		assert_int_equal(http_server_refused(w->s, cases[i].reason), before + 1);
	}
	assert_int_equal(w->request_count, 0);
}

static void
test_refused_by_head(void **state)
{
	struct world *w = *state;
	int fd = connect_client(w);

	say(fd, "GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(w, fd, "no");
	say(fd, "GET /still HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(w, fd, "/still|");
	say(fd, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nGET / HTTP/1.1\r\n");
	expect_end(w, fd, "HTTP/1.1 403 ");
	assert_int_equal(w->request_count, 1);
}

/* ---- before the body ---- */

static const struct http_conn *
only_conn(const struct world *w)
{
	assert_int_equal(w->s->conn_count, 1);
	return LIST_ENTRY(w->s->conns.next, struct http_conn, link);
}

static void
test_held(void **state)
{
	struct world *w = *state;
	int fd = connect_client(w);
	char big[90001];
	bool is_closed;

	/* 100-continue is said when the body is wanted, not before. */
	say(fd, "POST /wait HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
		"Content-Length: 2\r\n\r\n");
	turn(w, 5);
	assert_int_equal(http_server_in_flight(w->s), 1);
	assert_int_equal(recv(fd, big, 1, MSG_DONTWAIT), -1);
	http_resume(w->held);
	expect(w, fd, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(http_server_in_flight(w->s), 0);
	say(fd, "ok");
	expect(w, fd, "/wait|ok");

	/* A long body stays with its sender. */
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	say(fd, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
	say(fd, big);
	turn(w, 20);
	assert_int_equal(w->request_count, 1);
	assert_true(evbuffer_get_length(input_of(only_conn(w))) <= HTTP_IN_HIGH_BYTES);
	http_resume(w->held);
	(void)hear(w, fd, "bbb", &is_closed);
	assert_false(is_closed);
	turn(w, 20);
	assert_int_equal(w->request_count, 2);
	close(fd);
	turn(w, 5);

	/* No body, and one in chunks. */
	fd = connect_client(w);
	say(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	turn(w, 5);
	http_resume(w->held);
	expect(w, fd, "/wait|");
	say(fd, "POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n0\r\n\r\n");
	turn(w, 5);
	http_resume(w->held);
	expect(w, fd, "/wait|abc");
	close(fd);
}

/* What the client says behind the refusal of a held request, and whether the connection stays. */
static void
test_held_and_refused(void **state)
{
	static const struct {
		const char *say;
		bool stays;
	} cases[] = {
		{"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n"
		 "GET /body HTTP/1.1\r\nHost: x\r\n",
		 true},
		{"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n"
		 "GET /body HTTP/1.1\r\nHost: x\r\n",
		 true},
		{"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\nGET / HTTP",
		 false},
		{"POST /wait HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
		 "Content-Length: 30\r\n\r\n",
		 false},
		{"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", false},
		{"POST /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		 "Content-Length: 30\r\n\r\n",
		 false},
	};
	struct world *w = *state;

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		int fd = connect_client(w);

		print_message("%zu\n", i);
		w->held = NULL;
		say(fd, cases[i].say);
		turn(w, 5);
		if (w->held != NULL)
			http_reply(w->held, 403, NULL, 0, S("no"));
		if (!cases[i].stays) {
			expect_end(w, fd, "HTTP/1.1 403 ");
			continue;
		}
		expect(w, fd, "HTTP/1.1 403 ");
		say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
		expect(w, fd, "/next|");
		close(fd);
		turn(w, 5);
	}
	assert_int_equal(w->request_count, 2);
	assert_int_equal(http_server_in_flight(w->s), 0);
}

/* A body that is skipped must come, like any other. */
static void
test_skipped_too_slowly(void **state)
{
	struct world *w = *state;
	int fd = connect_client(w);

	say(fd, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nabc");
	expect_end(w, fd, "HTTP/1.1 403 ");
	fd = connect_client(w);
	say(fd, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nabc");
	turn(w, 5);
	shutdown(fd, SHUT_WR);
	expect_end(w, fd, "HTTP/1.1 403 ");
	turn(w, 5);
	assert_int_equal(w->s->conn_count, 0);
}

static void
test_held_and_gone(void **state)
{
	struct world *w = *state;

	/* Gone, then resumed; gone, then answered; and with half of the body there. */
	for (unsigned i = 0; i < 3; i++) {
		int fd = connect_client(w);

		say(fd, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
		turn(w, 5);
		close(fd);
		turn(w, 5);
		assert_int_equal(w->cancel_count, i + 1);
		if (i == 1)
			http_reply(w->held, 401, NULL, 0, S("no"));
		else
			http_resume(w->held);
		turn(w, 5);
		assert_int_equal(w->s->conn_count, 0);
		assert_int_equal(http_server_in_flight(w->s), 0);
	}
	assert_int_equal(w->request_count, 0);

	/* A held request may outlive its connection and the server. */
	for (unsigned i = 0; i < 2; i++) {
		struct linger reset = {.l_onoff = 1, .l_linger = 0};
		int fd = connect_client(w);

		say(fd, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
		turn(w, 5);
		if (i == 0) {
			assert_int_equal(
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
			close(fd);
			turn(w, 5);
		} else {
			http_server_free(w->s);
			w->s = NULL;
			close(fd);
		}
		http_resume(w->held);
	}
}

static void
test_silent_clients(void **state)
{
	struct world *w = *state;
	int fd = connect_client(w);

	expect_end(w, fd, ""); /* head_us from accept */
	fd = connect_client(w);
	say(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(w, fd, "/a|");
	expect_end(w, fd, ""); /* idle_us */
	assert_int_equal(w->s->conn_count, 0);
}

static void
test_cancel(void **state)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct world *w = *state;
	int fd = connect_client(w);

	w->hold = true;
	say(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	turn(w, 5);
	close(fd);
	turn(w, 5);
	assert_int_equal(w->cancel_count, 1);
	http_reply(w->held, 200, NULL, 0, S("late"));
	turn(w, 5);
	assert_int_equal(w->s->conn_count, 0);

	fd = connect_client(w);
	say(fd, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
	turn(w, 5);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(fd);
	turn(w, 5);
	assert_int_equal(w->cancel_count, 2);
	assert_int_equal(w->s->conn_count, 0);
	assert_int_equal(http_server_in_flight(w->s), 1);
	http_reply(w->held, 200, NULL, 0, S("late"));
	assert_int_equal(http_server_in_flight(w->s), 0);

	/* A request may outlive the server. */
	fd = connect_client(w);
	say(fd, "GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
	turn(w, 5);
	http_server_free(w->s);
	w->s = NULL;
	assert_int_equal(w->cancel_count, 3);
	http_reply(w->held, 200, NULL, 0, S("later"));
	close(fd);
}

static void
test_connection_limit(void **state)
{
	struct world *w = *state;
	int fds[CLIENTS_MAX], fd;

	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		fds[i] = connect_client(w);
	turn(w, 5);
	fd = connect_client(w);
	expect_end(w, fd, "HTTP/1.1 503 ");
	assert_int_equal(http_server_refused(w->s, HTTP1_TOO_MANY_CONNECTIONS), 1);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		close(fds[i]);
}

static void
test_drain(void **state)
{
	struct world *w = *state;
	int idle = connect_client(w), busy = connect_client(w);

	w->hold = true;
	say(busy, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	turn(w, 5);
	assert_int_equal(w->s->conn_count, 2);
	http_server_drain(w->s, handle_drained, w);
	expect_end(w, idle, "");
	assert_false(w->is_drained);
	assert_true(w->s->is_draining);
	http_reply(w->held, 200, NULL, 0, S("done"));
	expect_end(w, busy, "Connection: close\r\n\r\ndone");
	assert_true(w->is_drained);
}

static void
test_large_reply(void **state)
{
	struct world *w = *state;
	size_t n = (size_t)8 * 1024 * 1024, got = 0;
	char *body = gh_alloc(n), *in = gh_alloc(65536);
	int fd = connect_client(w);

	w->hold = true;
	say(fd, "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	turn(w, 5);
	http_reply(w->held, 200, NULL, 0, slice_make(body, n));
	for (;;) {
		ssize_t r;

		loop_run_once(w->l, CLOCK_MS / 10);
		r = recv(fd, in, 65536, MSG_DONTWAIT);
		if (r == 0)
			break;
		got += r > 0 ? (size_t)r : 0;
	}
	assert_true(got > n && got < n + 500);
	close(fd);
	gh_free(body);
	gh_free(in);
}

static void
test_options(void **state)
{
	struct world *w = *state;
	struct http_server_opts o = {.host = "localhost", .on_request = handle_request};
	struct http_server *s;
	struct gh_err err;

	assert_int_equal(http_server_new(&s, w->l, &o, &err), GH_EINVAL);
	o.host = NULL;
	o.port = w->port;
	assert_int_equal(http_server_new(&s, w->l, &o, &err), GH_ECONFLICT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keep_alive),
		TEST(test_bodies),
		TEST(test_pipelining),
		TEST(test_refusals),
		TEST(test_refused_by_head),
		TEST(test_silent_clients),
		TEST(test_cancel),
		TEST(test_connection_limit),
		TEST(test_drain),
		TEST(test_large_reply),
		TEST(test_options),
		TEST(test_held),
		TEST(test_much_pipelined),
		TEST(test_held_and_refused),
		TEST(test_skipped_too_slowly),
		TEST(test_held_and_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
