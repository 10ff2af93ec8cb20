"""The gateway's HTTP edge against hostile bytes: contracts/http-conventions.md section 10,
and the checks of contracts/growhub-api.md section 1 that come before a handler."""

import concurrent.futures
import glob
import itertools
import json
import os
import random
import socket
import threading
import time

import pytest

from rawhttp import Connection
from support import wait_until

_hosts = itertools.count(2)


@pytest.fixture
def connect(env):
    """Factory of raw connections, each test from an address of its own."""
    source, made = f"127.7.0.{next(_hosts) % 250 + 2}", []

    def make(**options):
        made.append(Connection(env["GROWHUB_URL"], **{"source": source, **options}))
        return made[-1]

    yield make
    for connection in made:
        connection.socket.close()


def request(method="GET", target="/health", *fields, body=b"", version="HTTP/1.1", host="Host: h"):
    """A request as bytes; fields are whole lines."""
    lines = [f"{method} {target} {version}", *([host] if host else []), *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


LOGIN = ("POST", "/api/admin/login", "Content-Type: application/json")
NEXT = request("GET", "/smuggled")

REFUSED = {
    # name: (bytes, status); the connection must end behind each of them
    "length and chunked": (request(*LOGIN, "Content-Length: 5", "Transfer-Encoding: chunked",
                                   body=b"0\r\n\r\n" + NEXT), 400),
    "chunked and length": (request(*LOGIN, "Transfer-Encoding: chunked", "Content-Length: 5",
                                   body=b"0\r\n\r\n" + NEXT), 400),
    "chunked in 1.0": (request(*LOGIN, "Transfer-Encoding: chunked", version="HTTP/1.0",
                               body=b"0\r\n\r\n" + NEXT), 400),
    "coding behind chunked": (request(*LOGIN, "Transfer-Encoding: chunked, gzip",
                                      body=b"0\r\n\r\n" + NEXT), 400),
    "chunked twice": (request(*LOGIN, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
                              body=b"0\r\n\r\n" + NEXT), 400),
    "chunked twice in one": (request(*LOGIN, "Transfer-Encoding: chunked, chunked",
                                     body=b"0\r\n\r\n" + NEXT), 400),
    "gzip, chunked": (request(*LOGIN, "Transfer-Encoding: gzip, chunked", body=NEXT), 501),
    "unknown coding": (request(*LOGIN, "Transfer-Encoding: xchunked", body=NEXT), 501),
    "identity": (request(*LOGIN, "Transfer-Encoding: identity", body=NEXT), 501),
    "vertical tab before chunked": (request(*LOGIN, "Transfer-Encoding: \x0bchunked",
                                            body=b"0\r\n\r\n" + NEXT), 400),
    "empty coding": (request(*LOGIN, "Transfer-Encoding:", body=NEXT), 400),
    "two lengths": (request(*LOGIN, "Content-Length: 2", "Content-Length: 3",
                            body=b"{}" + NEXT), 400),
    "two equal lengths": (request(*LOGIN, "Content-Length: 2", "Content-Length: 2",
                                  body=b"{}" + NEXT), 400),
    "length list": (request(*LOGIN, "Content-Length: 2, 2", body=b"{}" + NEXT), 400),
    "length with plus": (request(*LOGIN, "Content-Length: +2", body=b"{}" + NEXT), 400),
    "negative length": (request(*LOGIN, "Content-Length: -2", body=b"{}" + NEXT), 400),
    "hex length": (request(*LOGIN, "Content-Length: 0x2", body=b"{}" + NEXT), 400),
    "length with blank": (request(*LOGIN, "Content-Length: 1 2", body=b"{}" + NEXT), 400),
    "length overflows": (request(*LOGIN, "Content-Length: 18446744073709551618",
                                 body=b"{}" + NEXT), 400),
    "empty length": (request(*LOGIN, "Content-Length:", body=b"{}" + NEXT), 400),
    "blank before colon": (request(*LOGIN, "Content-Length : 2", body=b"{}" + NEXT), 400),
    "tab before colon": (request("GET", "/health", "X-A\t: 2") + NEXT, 400),
    "folded": (request("GET", "/health", "X-A: 1", " 2") + NEXT, 400),
    "bare CR in a value": (request("GET", "/health", "X-A: 1\rX-B: 2") + NEXT, 400),
    "bare LF behind a field": (b"GET /health HTTP/1.1\r\nHost: h\nX-A: 1\r\n\r\n" + NEXT, 400),
    "bare LF behind the request line": (b"GET /health HTTP/1.1\nHost: h\r\n\r\n" + NEXT, 400),
    "only bare LFs": (b"GET /health HTTP/1.1\nHost: h\n\n" + NEXT, 400),
    "bare CR in the request line": (b"GET /health\rHTTP/1.1\r\nHost: h\r\n\r\n" + NEXT, 400),
    "blank line first": (b"GET /health HTTP/1.1\r\n Host: h\r\n\r\n" + NEXT, 400),
    "two empty lines first": (b"\r\n\r\n" + request() + NEXT, 400),
    "NUL in a value": (request("GET", "/health", "X-A: a\0b") + NEXT, 400),
    "DEL in a value": (request("GET", "/health", "X-A: a\x7fb") + NEXT, 400),
    "NUL in the target": (request("GET", "/hea\0lth") + NEXT, 400),
    "field without a name": (request("GET", "/health", ": x") + NEXT, 400),
    "field without a colon": (request("GET", "/health", "nothing") + NEXT, 400),
    "no host": (request(host=None) + NEXT, 400),
    "two hosts": (request("GET", "/health", "Host: i") + NEXT, 400),
    "host with a path": (request(host="Host: h/x") + NEXT, 400),
    "host with user": (request(host="Host: a@h") + NEXT, 400),
    "two blanks": (b"GET  /health HTTP/1.1\r\nHost: h\r\n\r\n" + NEXT, 400),
    "tab for a blank": (b"GET\t/health\tHTTP/1.1\r\nHost: h\r\n\r\n" + NEXT, 400),
    "blank behind the version": (b"GET /health HTTP/1.1 \r\nHost: h\r\n\r\n" + NEXT, 400),
    "version 0.9": (b"GET /health\r\n\r\n" + NEXT, 400),
    "lower-case version": (request(version="http/1.1") + NEXT, 400),
    "version 2.0": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "version 1.10": (request(version="HTTP/1.10") + NEXT, 400),
    "relative target": (request("GET", "health") + NEXT, 400),
    "fragment": (request("GET", "/health#x") + NEXT, 400),
    "raw UTF-8 in the target": (request("GET", "/h\xc3\xa9") + NEXT, 400),
    "authority form": (request("CONNECT", "h:443") + NEXT, 501),
    "unknown method": (request("BREW", "/health") + NEXT, 501),
    "lower-case method": (request("get", "/health") + NEXT, 501),
    "method with a quote": (request('GE"T', "/health") + NEXT, 400),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "target too long": (request("GET", "/" + "a" * 8192) + NEXT, 414),
    "target without end": (b"GET /" + b"a" * 9000, 414),
    "section too large": (request("GET", "/health", *[f"X-{i}: " + "a" * 1000 for i in range(17)])
                          + NEXT, 431),
    "section without end": (b"GET /health HTTP/1.1\r\nX: " + b"a" * 17000, 431),
    "65 fields": (request("GET", "/health", *[f"X-{i}: a" for i in range(64)]) + NEXT, 431),
    "other expectation": (request(*LOGIN, "Expect: 200-ok", "Content-Length: 2",
                                  body=b"{}" + NEXT), 417),
    "declared too long": (request(*LOGIN, "Content-Length: 16385") + NEXT, 413),
}
for _name, _size in {"with 0x": b"0x2", "with plus": b"+2", "with minus": b"-2",
                     "with blank": b" 2", "with blank behind": b"2 ", "empty": b"", "no hex": b"g",
                     "overflowing": b"1" + b"0" * 16, "quoted": b'"2"'}.items():
    REFUSED[f"chunk size {_name}"] = (
        request(*LOGIN, "Transfer-Encoding: chunked",
                body=_size + b"\r\n{}\r\n0\r\n\r\n" + NEXT), 400)
for _name, _tail in {"data without CRLF": b"2\r\n{}0\r\n\r\n", "bare LF": b"2\n{}\n0\n\n",
                     "extension with a CR": b"2;a\rb\r\n{}\r\n0\r\n\r\n",
                     "endless extension": b"2;" + b"a" * 300 + b"\r\n{}\r\n0\r\n\r\n",
                     "trailer that is a request": b"2\r\n{}\r\n0\r\n" + NEXT[:20] + b"\0\r\n\r\n",
                     }.items():
    REFUSED[f"chunk: {_name}"] = (
        request(*LOGIN, "Transfer-Encoding: chunked", body=_tail + NEXT), 400)
REFUSED["chunk: endless trailers"] = (
    request(*LOGIN, "Transfer-Encoding: chunked",
            body=b"0\r\n" + b"X: a\r\n" * 2000 + b"\r\n" + NEXT), 431)
REFUSED["chunked too long"] = (
    request(*LOGIN, "Transfer-Encoding: chunked", body=b"4001\r\n" + b"a" * 0x4001), 413)


def assert_envelope(answer):
    """An error in the shape every client may rely on."""
    body = answer.body
    # Routes that UAZAPI has too say the message once more, under its name for it.
    assert body.pop("error", body["message"]) == body["message"]
    assert set(body) == {"success", "message", "errors", "code", "request_id"}, body
    assert body["success"] is False and isinstance(body["errors"], dict)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_closed(connect, name):
    data, status = REFUSED[name]
    connection = connect()
    connection.send(data)
    answers = connection.answers()
    assert [a.status for a in answers] == [status]
    assert_envelope(answers[0])
    assert answers[0].headers["connection"] == "close"


@pytest.mark.parametrize("name", REFUSED)
def test_refused_byte_by_byte(connect, name):
    """The same verdict however the bytes are cut into segments."""
    data, status = REFUSED[name]
    connection = connect()
    connection.send_slowly(data, size=1 if len(data) < 600 else 97)
    answers = connection.answers()
    # What the kernel sends back for bytes behind a closed socket may overtake the answer.
    assert [a.status for a in answers] in ([status], [])


ACCEPTED = {
    "an empty line first": b"\r\n" + request(),
    "absolute form": request("GET", "http://other/health"),
    "64 fields": request("GET", "/health", *[f"X-{i}: a" for i in range(63)]),
    "the longest target": request("GET", "/health?" + "a" * 8183),
    "UTF-8 in a value": request("GET", "/health", "X-A: \xc3\xa9"),
    "empty value": request("GET", "/health", "X-A:"),
    "a body nobody reads": request("GET", "/health", "Content-Length: 3", body=b"abc"),
    "chunks nobody reads": request("GET", "/health", "Transfer-Encoding: Chunked",
                                   body=chunked(b"a", b"bc")),
    "escaped path": request("GET", "/health?a=%41"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_kept(connect, name):
    connection = connect()
    connection.send(ACCEPTED[name])
    assert connection.answer().status == 200
    assert connection.is_open()


def test_http_1_0(connect):
    connection = connect()
    connection.send(request(version="HTTP/1.0", host=None))
    assert [a.status for a in connection.answers()] == [200]
    connection = connect()
    connection.send(request("GET", "/health", "Connection: keep-alive", version="HTTP/1.0"))
    assert connection.answer().headers["connection"] == "keep-alive"
    assert connection.is_open()


def test_connection_close_is_kept(connect):
    connection = connect()
    connection.send(request("GET", "/health", "Connection: foo, CLOSE") + request())
    assert [a.status for a in connection.answers()] == [200]


# ---- bodies ----


@pytest.mark.parametrize("pieces", [[1] * 40, [39, 1], [2, 0x10, 22], [40]])
@pytest.mark.parametrize("cut", [1, 2, 3, 7, 4096])
def test_chunks_of_odd_sizes(connect, pieces, cut):
    body = b'{"email": "a@b.test", "password": 1}    '
    assert len(body) == sum(pieces) == 40
    offsets = [sum(pieces[:i]) for i in range(len(pieces))]
    data = b"".join(b"%04X;ext=\"v\"\r\n%s\r\n" % (n, body[at:at + n])
                    for at, n in zip(offsets, pieces)) + b"000\r\nTrailer: x\r\n\r\n"
    connection = connect()
    connection.send_slowly(request(*LOGIN, "Transfer-Encoding: chunked", body=data), cut)
    answer = connection.answer()
    assert (answer.status, set(answer.body["errors"])) == (422, {"password"})
    assert connection.is_open()


def test_expect_continue_is_asked_for_good_bodies_only(connect):
    connection = connect()
    body = b'{"email": 1, "password": 1}'
    connection.send(request(*LOGIN, "Expect: 100-continue", f"Content-Length: {len(body)}"))
    assert connection.answer().status == 100
    connection.send(body)
    assert connection.answer().status == 422
    assert connection.is_open()


@pytest.mark.parametrize("target, status", [
    ("/api/admin/login", 413), ("/api/nothing", 404), ("/api/messages/send", 413)])
def test_expect_continue_is_answered_with_the_refusal(connect, target, status):
    connection = connect()
    connection.send(request("POST", target, "Content-Type: application/json",
                            "Expect: 100-continue", "Content-Length: 1000000000"))
    assert [a.status for a in connection.answers()] == [status]


def test_expect_continue_without_a_token(connect):
    connection = connect()
    connection.send(request("POST", "/api/messages/send", "Content-Type: application/json",
                            "Expect: 100-continue", "Content-Length: 20"))
    answers = connection.answers()
    assert [(a.status, a.code) for a in answers] == [(401, "unauthenticated")]


# ---- time ----


STRANGE = "Authorization: Bearer 00000000-0000-4000-8000-00000000abcd"
MEDIA = ("POST", "/send/media", "Content-Type: application/json")
BIG = 20 * 1024 * 1024


@pytest.mark.parametrize("target,fields,status", [
    ("/send/media", (STRANGE,), 401),
    ("/send/media", ("token: {{token}}",), 401),
    ("/api/messages/send-batch", (STRANGE,), 401),
    ("/webhook/waha/AAAAAAAAAAAAAAAAAAAAAA", (), 404),
])
@pytest.mark.parametrize("framing", ["length", "chunked", "continue"])
def test_a_stranger_is_refused_before_the_body(connect, target, fields, status, framing):
    """The header section alone is answered; whatever follows is not kept."""
    size = 3 * 1024 * 1024
    how = {"length": (f"Content-Length: {size}",), "chunked": ("Transfer-Encoding: chunked",),
           "continue": (f"Content-Length: {size}", "Expect: 100-continue")}[framing]
    connection = connect()
    connection.send(request("POST", target, "Content-Type: application/json", *fields, *how))
    answer = connection.answer()
    assert answer.status == status and answer.headers["connection"] == "close"
    assert_envelope(answer)
    assert not connection.is_open()


def test_a_strangers_short_body_is_skipped(connect):
    """Like any other refusal it leaves the connection; and what was skipped was no request."""
    connection = connect()
    for _ in range(3):
        connection.send(request(*MEDIA, STRANGE, f"Content-Length: {len(NEXT)}", body=NEXT))
        assert connection.answer().status == 401
    assert connection.is_open()
    assert connection.buffer == b""


def test_strangers_bodies_take_no_memory(env, connect):
    with open(env["GROWHUB_CONF"].replace("etc/" + os.path.basename(env["GROWHUB_CONF"]),
                                          "run/gateway-1.pid"), encoding="ascii") as f:
        status = f"/proc/{int(f.read())}/status"

    def rss_kib():
        with open(status, encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    before, kept = rss_kib(), []
    for _ in range(100):
        kept.append(connect())
        kept[-1].socket.settimeout(5)
        kept[-1].send(request(*MEDIA, STRANGE, f"Content-Length: {BIG}"))
        kept[-1].send_slowly(b"a" * (1 << 20), 1 << 18)
    assert rss_kib() - before < 40 * 1024  # a hundred bodies would be over 100 MiB
    for connection in kept:
        connection.socket.close()


def test_a_good_token_is_asked_for_its_body(connect, company, instance):
    """Its first use looks the token up, and 100-continue waits for that."""
    row = company.api.post(f"/api/instances/{instance['id']}/token", {})
    body = json.dumps({"number": "5511999990001", "text": "x" * 60000}).encode()
    connection = connect()
    connection.send(request("POST", "/send/text", "Content-Type: application/json",
                            f"token: {row['token']}", "Prefer: wait=0", "Expect: 100-continue",
                            f"Content-Length: {len(body)}"))
    assert connection.answer().status == 100
    connection.send(body)
    assert connection.answer().status in (200, 202)
    assert connection.is_open()


def test_much_behind_a_running_request_does_not_stop_the_loop(connect, env):
    """A password is being hashed; its sender goes on with more than is kept."""
    body = b'{"email":"nobody@growhub.test","password":"wrong"}'
    busy, other = connect(), connect()
    busy.send(request(*LOGIN, f"Content-Length: {len(body)}", body=body))
    busy.socket.settimeout(1)
    try:
        busy.send(NEXT * 20000)
    except (TimeoutError, ConnectionError):
        pass  # the rest stays in its socket
    assert other.is_open()
    busy.socket.settimeout(15)
    assert busy.answer().status == 401


def test_slow_header_section_ends_after_ten_seconds(connect):
    """One byte at a time defeats timers of inactivity."""
    connection = connect(timeout_s=20)
    started = time.monotonic()
    stop = threading.Event()

    def drip():
        for byte in itertools.chain(b"GET /health HTTP/1.1\r\nX: ", itertools.repeat(97)):
            if stop.wait(0.2):
                return
            try:
                connection.socket.send(bytes([byte]))
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    answers = connection.answers()
    stop.set()
    thread.join()
    assert 9 <= time.monotonic() - started <= 13
    assert [a.status for a in answers] in ([408], [])


def test_slow_body_ends(connect):
    """Ten bytes a second are below the minimum rate."""
    connection = connect(timeout_s=20)
    connection.send(request(*LOGIN, "Content-Length: 16000"))
    started = time.monotonic()
    connection.socket.settimeout(0.1)
    answer = None
    while answer is None and time.monotonic() - started < 15:
        try:
            connection.send(b" ")
            answer = connection.answer()
        except socket.timeout:
            continue
    assert answer.status == 408
    assert time.monotonic() - started < 9


def test_silent_connection_ends(connect):
    connection = connect(timeout_s=20)
    started = time.monotonic()
    assert connection.answers() == []
    assert 9 <= time.monotonic() - started <= 13


# ---- pipelining ----


def test_pipelined_in_one_segment(connect):
    connection = connect()
    many = 300
    connection.send(b"".join(request("GET", f"/none/{i}") + request() for i in range(many)))
    assert [connection.answer().status for _ in range(2 * many)] == [404, 200] * many
    assert connection.is_open()


def test_pipelined_while_a_request_runs(connect, company, instance):
    """What is behind a request that waits for the database is answered after it, in order."""
    send = json.dumps({"instance_id": instance["id"], "phone_to": "5511999990001",
                       "content": "x"}).encode()
    post = request("POST", "/api/messages/send", "Content-Type: application/json",
                   f"Authorization: Bearer {company.token}", f"Content-Length: {len(send)}",
                   body=send)
    connection = connect()
    connection.send((post + request() + request("GET", "/none")) * 50)
    found = [connection.answer() for _ in range(150)]
    assert [a.status for a in found] == [201, 200, 404] * 50
    assert len({a.body["data"]["id"] for a in found[::3]}) == 50


def test_peer_closes_while_its_requests_run(connect, company, instance, db):
    """The commit is not undone by a client that leaves, and nothing is used after it."""
    for i in range(30):
        body = json.dumps({"instance_id": instance["id"], "phone_to": "5511999990001",
                           "content": "gone", "reference": f"gone-{i}"}).encode()
        connection = connect()
        connection.send(request("POST", "/api/messages/send", "Content-Type: application/json",
                                f"Authorization: Bearer {company.token}",
                                f"Content-Length: {len(body)}", body=body))
        if i % 2:  # RST instead of FIN
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.socket.close()
    wait_until(lambda: db.execute(
        "SELECT count(*) AS n FROM messages WHERE company_id = %s AND reference LIKE 'gone-%%'",
        [company.id]).fetchone()["n"] >= 10, "some of them to be stored")


def test_half_close_is_still_answered(connect):
    connection = connect()
    connection.send(request() + request("GET", "/none"))
    connection.socket.shutdown(socket.SHUT_WR)
    assert [a.status for a in connection.answers()] == [200, 404]


# ---- methods on every route ----

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PATHS = ("/health", "/api/admin/login", "/api/admin/me", "/api/admin/change-password",
         "/api/admin/companies", "/api/admin/companies/1", "/api/admin/companies/1/token",
         "/api/admin/providers", "/api/admin/providers/1", "/api/admin/providers/1/instances",
         "/api/instances", "/api/instances/1", "/api/instances/1/token",
         "/api/instances/1/webhooks", "/api/instances/1/webhooks/1", "/api/messages/send",
         "/api/messages", "/api/messages/0190a1b2-0000-7000-8000-000000000000", "/webhook/waha/x")


@pytest.mark.parametrize("path", PATHS)
def test_every_method_on_every_path(connect, path):
    """Only what Allow names gets past 405; HEAD is GET without a body."""
    connection = connect()
    connection.send(request("OPTIONS", path))
    options = connection.answer()
    assert (options.status, options.raw) == (204, b"")
    allowed = options.headers["allow"].split(", ")
    for method in METHODS:
        connection.send(request(method, path))
        answer = connection.answer(method)
        if method in allowed:
            assert answer.status != 405
        else:
            assert answer.status == 405
            assert answer.headers["allow"] == options.headers["allow"]
        if method != "HEAD" and method not in allowed:
            assert_envelope(answer)
    assert ("HEAD" in allowed) == ("GET" in allowed)
    assert connection.is_open()


def test_paths_that_are_nearly_right(connect):
    connection = connect()
    for path in ("/health/", "//health", "/Health", "/./health", "/api/../health", "/health%2f",
                 "/%68ealth%00", "/api/instances//webhooks", "/api/messages/%zz", "/", "/?x",
                 "/webhook/waha/", "/webhook/waha/a/b"):
        connection.send(request("GET", path))
        answer = connection.answer()
        assert (path, answer.status) == (path, 404)
        assert_envelope(answer)


def test_no_header_of_ours_can_be_split(connect):
    connection = connect()
    for query in ("status=a%0d%0aSet-Cookie:%20x=y", "limit=1%0d%0aX-Evil:%201"):
        connection.send(request("GET", f"/api/messages?{query}"))
        answer = connection.answer()
        assert "x-evil" not in answer.headers and "set-cookie" not in answer.headers


# ---- JSON ----

BAD_JSON = {
    "65 levels": b'{"a":' * 65 + b"1" + b"}" * 65,
    "65 levels of arrays": b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
    "100000 brackets": b"[" * 100000,
    "duplicate name": b'{"phone_to":"1","phone_to":"2"}',
    "duplicate name, escaped": b'{"phone_to":"1","phone\\u005fto":"2"}',
    "duplicate name below": b'{"x":{"a":1,"a":1}}',
    "NUL": b'{"content":"a\\u0000b"}',
    "raw NUL": b'{"content":"a\0b"}',
    "lone high surrogate": b'{"content":"\\ud800"}',
    "lone low surrogate": b'{"content":"\\udc00"}',
    "swapped surrogates": b'{"content":"\\udc00\\ud800"}',
    "overlong UTF-8": b'{"content":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"content":"\xed\xa0\x80"}',
    "above U+10FFFF": b'{"content":"\xf4\x90\x80\x80"}',
    "cut UTF-8": b'{"content":"\xe2\x82"}',
    "latin-1": b'{"content":"\xe9"}',
    "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "raw newline": b'{"content":"a\nb"}',
    "single quotes": b"{'a':1}",
    "comment": b'{"a":1/**/}',
    "trailing comma": b'{"a":1,}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "leading zero": b'{"a":01}',
    "plus": b'{"a":+1}',
    "bare point": b'{"a":1.}',
    "huge exponent": b'{"a":1e400}',
    "two values": b"{}{}",
    "cut": b'{"a":"',
    "empty escape": b'{"a":"\\u12"}',
    "only blanks": b"  \n ",
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_json_that_is_none(company, name):
    reply = company.api.request("POST", "/api/messages/send", BAD_JSON[name])
    assert (reply.status, reply.body["code"]) == (400, "invalid_json")
    assert "byte" in reply.body["message"]


@pytest.mark.parametrize("number", [
    "9007199254740992", "9007199254740993", "-1", "0", "1.5", "2147483648", "4294967297",
    "9223372036854775807", "9223372036854775808", "1e30", "-0", "1e-5", "true", '"1"', "[1]", "{}",
    "null"])
def test_instance_ids_at_the_limits(company, number):
    reply = company.api.request("POST", "/api/messages/send", (
        f'{{"instance_id":{number},"phone_to":"5511999990001","content":"x"}}').encode())
    # Beyond what a number may be at all, or beyond what this field takes.
    assert (reply.status, reply.body["code"]) in ((422, "validation_failed"), (400, "invalid_json"))
    if reply.status == 422:
        assert set(reply.body["errors"]) == {"instance_id"}


@pytest.mark.parametrize("number, status", [("1e3", 404), ("2147483647", 404), ("1.0", 404)])
def test_other_spellings_of_integers(company, number, status):
    """1e3 is the integer 1000 in JSON; either way it is nobody else's instance."""
    reply = company.api.request("POST", "/api/messages/send", (
        f'{{"instance_id":{number},"phone_to":"5511999990001","content":"x"}}').encode())
    assert reply.status in (status, 422)


def test_every_bad_field_at_once(company):
    reply = company.api.request("POST", "/api/messages/send", {
        "instance_id": "x", "phone_to": "12", "content": "", "priority": 11, "reference": "r" * 256,
        "scheduled_at": "tomorrow", "expires_at": 5, "reply_to": "a\nb"})
    assert reply.status == 422
    assert set(reply.body["errors"]) == {"instance_id", "phone_to", "content", "priority",
                                         "reference", "scheduled_at", "expires_at", "reply_to"}


# ---- garbage, at length ----

GARBAGE_REQUESTS, GARBAGE_THREADS = 10_000, 8
GROWTH_MAX_KB = 96 * 1024  # freed memory that sanitizer builds hold back comes and goes


def _resident_kb(env):
    """The memory of all gateways of the stack."""
    run = os.path.join(os.path.dirname(env["GROWHUB_CONF"]), "..", "run")
    total = 0
    for path in glob.glob(os.path.join(run, "gateway-*.pid")):
        with open(path, encoding="ascii") as pid, \
                open(f"/proc/{int(pid.read())}/status", encoding="ascii") as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return total


def _garbage(rnd, token):
    """One request of any kind: good, refused by a handler, by the dispatcher, by the parser."""
    auth, json_type = f"Authorization: Bearer {token}", "Content-Type: application/json"

    def post(body, *fields):
        return request("POST", "/api/messages/send", auth, json_type,
                       f"Content-Length: {len(body)}", *fields, body=body)

    return rnd.choice([
        lambda: request(),
        lambda: request("GET", "/api/messages?limit=5", auth),
        lambda: request("GET", f"/api/messages?cursor={rnd.randbytes(20).hex()}", auth),
        lambda: request("GET", f"/api/instances/{rnd.randint(1, 1 << 31)}", auth),
        lambda: request("GET", "/api/messages", f"Authorization: Bearer {rnd.randbytes(16).hex()}"),
        lambda: post(b'{"a":' * 70),
        lambda: post(rnd.randbytes(rnd.randint(1, 5000))),
        lambda: post(b'{"x":"' + b"y" * rnd.randint(1, 300_000) + b'"}'),
        lambda: post(b"{}", "Expect: 100-continue")[:-2],
        lambda: request("POST", f"/webhook/waha/{rnd.randbytes(8).hex()}", "Content-Length: 200",
                        body=rnd.randbytes(200)),
        lambda: request("POST", "/health", "Transfer-Encoding: chunked", body=rnd.randbytes(30)),
        lambda: rnd.randbytes(rnd.randint(1, 400)) + b"\r\n\r\n",
    ])()


def _throw(env, token, seed, count):
    rnd = random.Random(seed)
    for _ in range(count):
        source = f"127.10.{rnd.randint(0, 255)}.{rnd.randint(1, 250)}"
        with Connection(env["GROWHUB_URL"], source) as connection:
            try:
                connection.send(_garbage(rnd, token))
                connection.socket.shutdown(socket.SHUT_WR)
                connection.answers()
            except (ConnectionResetError, BrokenPipeError):
                pass


def test_memory_under_garbage(env, company):
    """Nothing of a request stays, however it ended."""
    before = None
    for _ in range(2):
        with concurrent.futures.ThreadPoolExecutor(GARBAGE_THREADS) as pool:
            done = [pool.submit(_throw, env, company.token, seed,
                                GARBAGE_REQUESTS // 2 // GARBAGE_THREADS)
                    for seed in range(GARBAGE_THREADS)]
        for future in done:
            future.result()
        now = _resident_kb(env)
        assert before is None or now < before + GROWTH_MAX_KB
        before = now
    assert company.api.get("/api/messages") == []
