"""POST /webhook/{provider}/{key}: what the gateway stores and what it refuses.

The path key and the secret are known to us and to the provider only: a stand-in for
WAHA catches them from the session that the gateway creates.
"""

import hashlib
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from life import OwnGateway
from rawhttp import Connection
from support import unique, wait_until


class FakeWaha(ThreadingHTTPServer):
    """Answers every session call and keeps the webhook of each session created."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FakeWahaHandler)
        self.hooks = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class FakeWahaHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.hooks[body["name"]] = body["config"]["webhooks"][0]
        self._answer(201, {"name": body["name"], "status": "SCAN_QR_CODE"})

    def do_DELETE(self):
        self._answer(200, {})

    def _answer(self, status, body):
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args):
        pass


class Hook:
    """One instance's webhook, as its provider knows it."""

    def __init__(self, api, instance, config):
        self.api, self.instance = api, instance
        self.path = "/webhook/" + config["url"].split("/webhook/")[1]
        self.secret = config["hmac"]["key"].encode()

    def post(self, body, key=None, signature=None, path=None, **headers):
        sent = {"X-Webhook-Hmac": signature or self.sign(body), **headers}
        if key is not None:
            sent["X-Webhook-Request-Id"] = key
        return self.api.request("POST", path or self.path, body, sent)

    def sign(self, body):
        return hmac.new(self.secret, body, hashlib.sha512).hexdigest()


@pytest.fixture(scope="module")
def waha():
    server = FakeWaha()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hook(api, admin, company, waha):
    return new_hook(api, admin, company, waha)


@pytest.fixture
def other_hook(api, admin, company, waha):
    return new_hook(api, admin, company, waha)


def new_hook(api, admin, company, waha):
    row = admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("fake"), "api_key": "k",
        "base_url": f"http://127.0.0.1:{waha.server_address[1]}"})
    made = company.api.post("/api/instances", {
        "instance_name": unique("in"), "provider_id": row["id"]})
    assert made["status"] == "qr"
    return Hook(api, made, waha.hooks[made["external_instance_id"]])


def stored(db, hook):
    return db.execute("SELECT * FROM inbound_events WHERE instance_id = %s ORDER BY id",
                      (hook.instance["id"],)).fetchall()


def test_key_is_long_and_of_the_public_url(hook, env):
    assert len(hook.path.rpartition("/")[2]) >= 22
    assert hook.path.startswith("/webhook/waha/")


def test_body_is_stored_raw_whatever_its_type(hook, db):
    bodies = [b'{"event":"x"}', b"not json at all", b"\x00\xff binary", b""]
    for body in bodies:
        reply = hook.post(body, **{"Content-Type": "text/plain"})
        assert reply.status == 200
        assert reply.body["success"] is True and reply.body["data"] == {"received": True}
    rows = stored(db, hook)
    assert [bytes(r["body"]) for r in rows] == bodies
    assert {r["provider_type"] for r in rows} == {"waha"}
    assert {r["company_id"] for r in rows} == {hook.instance["company_id"]}


def test_repeats_of_an_event_are_stored_once(hook, db):
    body, key = b'{"event":"x"}', unique("evt")
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: hook.post(body, key=key), range(60)))
    assert {r.status for r in replies} == {200}
    assert len(stored(db, hook)) == 1
    assert hook.post(body, key=unique("evt")).status == 200
    assert len(stored(db, hook)) == 2


def test_without_event_id_every_body_counts(hook, db):
    for _ in range(2):
        assert hook.post(b"{}").status == 200
    assert len(stored(db, hook)) == 2


def test_wrong_key_and_provider(hook, db):
    for path in ("/webhook/waha/" + "A" * 22, hook.path[:-1], hook.path + "A",
                 hook.path.replace("waha", "uazapi"), hook.path.replace("waha", "nobody")):
        reply = hook.post(b"{}", path=path)
        assert (reply.status, reply.body["code"]) == (404, "not_found"), path
    assert stored(db, hook) == []


FAILURES = 4


@pytest.fixture(scope="module")
def strict(env, tmp_path_factory):
    """A gateway that soon has enough of failures."""
    made = OwnGateway(tmp_path_factory.mktemp("strict"), env, f"webhook_failures = {FAILURES};")
    yield made
    made.close()


def post_raw(url, source, path, signature, body=b"{}"):
    """From an address of choice."""
    head = (f"POST {path} HTTP/1.1\r\nHost: h\r\nX-Webhook-Hmac: {signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    with Connection(url, source) as connection:
        connection.send(head + body)
        return connection.answer("POST")


def spent(answer):
    return ((answer.status, answer.code) == (429, "too_many_failures")
            and 1 <= int(answer.headers["retry-after"]) <= 60)


def test_wrong_signatures_are_counted_by_key_and_close_it_to_no_genuine_post(
        hook, other_hook, strict, db):
    def post(whose, signature, source):
        return post_raw(strict.url, source, whose.path, signature)
    for n in range(FAILURES):  # whatever the address
        assert post(hook, "0" * 128, f"127.7.1.{n + 1}").status == 401
    for n in range(3):
        assert spent(post(hook, "0" * 128, f"127.7.1.{n + 101}"))
        assert post(hook, hook.sign(b"{}"), "127.7.1.1").status == 200
    assert post(other_hook, "0" * 128, "127.7.1.1").status == 401
    assert (len(stored(db, hook)), len(stored(db, other_hook))) == (3, 0)


def test_wrong_keys_are_counted_by_address_and_close_it_to_no_genuine_post(hook, strict, db):
    def guess(n, source):
        path = f"/webhook/waha/{n:022d}" if n % 2 else hook.path.replace("waha", "nobody")
        return post_raw(strict.url, source, path, hook.sign(b"{}"))
    for n in range(FAILURES):
        assert guess(n, "127.7.2.1").status == 404
    for n in range(3):
        assert spent(guess(n, "127.7.2.1"))
        assert post_raw(strict.url, "127.7.2.1", hook.path, hook.sign(b"{}")).status == 200
    assert guess(0, "127.7.2.2").status == 404
    assert len(stored(db, hook)) == 3


def test_failures_of_webhooks_and_of_tokens_are_counted_apart(hook, strict):
    for n in range(FAILURES + 1):
        post_raw(strict.url, "127.7.3.1", f"/webhook/waha/{n:022d}", "0")
    with Connection(strict.url, "127.7.3.1") as connection:
        connection.send(b"GET /api/instances HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.answer("GET").status == 401


def test_wrong_signature(hook, db):
    for signature in ("0" * 128, "zz", hook.sign(b"{} ")):
        reply = hook.post(b"{}", signature=signature)
        assert (reply.status, reply.body["code"]) == (401, "invalid_signature")
    assert hook.api.request("POST", hook.path, b"{}").status == 401
    assert stored(db, hook) == []


def test_encoded_and_too_long_bodies(hook, db):
    assert hook.post(b"{}", **{"Content-Encoding": "gzip"}).status == 415
    assert hook.post(b"x" * (4 * 1024 * 1024)).status == 200
    try:
        assert hook.post(b"x" * (4 * 1024 * 1024 + 1)).status == 413
    except OSError:
        pass  # closed while we still wrote: allowed for a body that is refused
    assert len(stored(db, hook)) == 1


def test_method(hook):
    reply = hook.api.request("GET", hook.path)
    assert reply.status == 405 and "POST" in reply.headers["Allow"]


def test_wrong_keys_have_a_budget_of_their_own(hook):
    for n in range(30):
        assert hook.post(b"{}", path=f"/webhook/waha/{n:022}").status == 404
    assert hook.post(b"{}").status == 200


def test_deleted_instance_has_no_webhook(hook, company):
    assert hook.post(b"{}").status == 200
    company.api.delete(f"/api/instances/{hook.instance['id']}")
    wait_until(lambda: hook.post(b"{}").status == 404, "the key to be forgotten")
