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


def test_wrong_keys_cost_no_budget(hook):
    for n in range(30):
        assert hook.post(b"{}", path=f"/webhook/waha/{n:022}").status == 404
    assert hook.post(b"{}").status == 200


def test_deleted_instance_has_no_webhook(hook, company):
    assert hook.post(b"{}").status == 200
    company.api.delete(f"/api/instances/{hook.instance['id']}")
    wait_until(lambda: hook.post(b"{}").status == 404, "the key to be forgotten")
