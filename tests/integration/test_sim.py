"""The simulator alone: does growhub-sim keep what HARNESS.md says of it?

The other suites judge GrowHub by what the simulator reports, so its own books are
checked here first: acceptance, refusals, webhooks, signatures, duplicates, order, faults.
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import time
import urllib.error

import pytest

from simproc import TOP, Receiver, Sim, find_sim, wait_for

KEY = "growhub-test-key"


class WahaSim(Sim):
    def create(self, name, hook_url=None, **config):
        if hook_url:
            config["webhooks"] = [{"url": hook_url, "events": ["session.status", "message.any",
                                                               "message.ack"],
                                   "hmac": {"key": KEY},
                                   "retries": {"policy": "constant", "delaySeconds": 1,
                                               "attempts": 3}}]
        status, answer = self.call("POST", "/waha/api/sessions",
                                   {"name": name, "start": True, "config": config})
        assert status == 201, answer
        assert wait_for(lambda: self.status(name) == "WORKING", 0.3)
        return answer

    def status(self, name):
        return self.call("GET", "/waha/api/sessions/" + name)[1].get("status")

    def send(self, session, text, chat="5511900000002@c.us", **more):
        return self.call("POST", "/waha/api/sendText",
                         {"session": session, "chatId": chat, "text": text, **more})

    def stats(self, session):
        return self.control("stats")["providers"]["waha"][session]


@pytest.fixture(scope="module")
def shared():
    if find_sim() is None:
        pytest.skip("growhub-sim is not built")
    s = WahaSim()
    yield s
    s.close()


@pytest.fixture
def sim(shared):
    shared.control("reset", {"sessions": True})
    return shared


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


def test_ready_and_help(sim):
    assert sim.control("health") == {"ok": True}
    text = subprocess.run([find_sim(), "--help"], capture_output=True, text=True, check=True).stdout
    assert "--listen" in text
    assert subprocess.run([find_sim(), "--nonsense"], capture_output=True).returncode != 0
    assert subprocess.run([find_sim(), "--listen", "x"], capture_output=True).returncode != 0


@pytest.mark.parametrize("method,path,body,key,status", [
    ("GET", "/waha/ping", None, None, 200),
    ("GET", "/waha/health", None, None, 401),
    ("GET", "/waha/health", None, "sim", 200),
    ("GET", "/waha/api/sessions", None, "wrong", 401),
    ("GET", "/waha/api/nothing", None, "sim", 404),
    ("GET", "/waha/api/sendText", None, "sim", 404),
    ("GET", "/waha/api/sessions/nobody", None, "sim", 404),
    ("DELETE", "/waha/api/sessions/nobody", None, "sim", 200),
    ("POST", "/waha/api/sessions", {"name": "a b"}, "sim", 400),
    ("POST", "/waha/api/sessions", {"name": "a" * 55}, "sim", 400),
    ("POST", "/waha/api/sessions", {"name": 7}, "sim", 400),
    ("POST", "/waha/api/sessions", {"name": "a", "start": "yes"}, "sim", 400),
    ("POST", "/waha/api/sessions", {"name": "a", "config": {"webhooks": [{"events": []}]}},
     "sim", 400),
    ("POST", "/waha/api/sessions", {"name": "a", "config": {"metadata": {"n": 1}}}, "sim", 400),
    ("POST", "/waha/api/sendText", {"session": "nobody", "chatId": "1", "text": "x"}, "sim", 422),
    ("POST", "/uazapi/send/text", {}, "sim", 401),
    ("GET", "/elsewhere", None, None, 404),
])
def test_refusals(sim, method, path, body, key, status):
    assert sim.call(method, path, body, key=key)[0] == status


def test_session_life(sim, receiver):
    answer = sim.create("acme_01", receiver.url, metadata={"company": "7"})
    assert answer["status"] == "STARTING" and answer["config"]["metadata"] == {"company": "7"}
    assert sim.call("POST", "/waha/api/sessions", {"name": "acme_01"})[0] == 422
    words = wait_for(lambda: (lambda e: len(e) >= 2 and e)(receiver.events("session.status")))
    assert sorted(e["payload"]["status"] for e in words) == ["STARTING", "WORKING"]
    assert all(e["metadata"] == {"company": "7"} for e in words)
    status, got = sim.call("GET", "/waha/api/sessions/acme_01")
    assert status == 200 and got["me"]["id"].endswith("@c.us")
    assert sim.call("POST", "/waha/api/sessions/acme_01/stop")[1]["status"] == "STOPPED"
    status, error = sim.send("acme_01", "x")
    assert status == 422 and error["status"] == "STOPPED" and error["expected"] == ["WORKING"]
    assert sim.call("GET", "/waha/api/acme_01/auth/qr?format=raw")[0] == 422
    sim.call("POST", "/waha/api/sessions/acme_01/start")
    assert wait_for(lambda: sim.status("acme_01") == "WORKING")
    sim.call("POST", "/waha/api/sessions/acme_01/logout")
    assert sim.call("GET", "/waha/api/acme_01/auth/qr?format=raw")[1]["value"]
    assert sim.call("GET", "/waha/api/acme_01/auth/qr")[1]["mimetype"] == "image/png"
    assert sim.call("DELETE", "/waha/api/sessions/acme_01")[0] == 200
    assert sim.call("GET", "/waha/api/sessions?all=true")[1] == []


EXAMPLES = {"text": "sendText", "image": "sendImage", "file": "sendFile", "stored": "sendFile",
            "voice": "sendVoice", "location": "sendLocation", "contact": "sendContactVcard",
            "vcard": "sendContactVcard", "poll": "sendPoll", "list": "sendList"}


def example(name):
    with open(os.path.join(TOP, "tests/vectors/waha", name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def test_contract_examples(sim):
    """The example bodies of contracts/waha.md are accepted as they stand, and remembered."""
    body = example("request_create")
    body["config"]["webhooks"][0]["url"] = "http://127.0.0.1:9/"
    assert sim.call("POST", "/waha/api/sessions", body)[0] == 201
    assert wait_for(lambda: sim.status("acme_01") == "WORKING")
    for name, route in EXAMPLES.items():
        assert sim.call("POST", "/waha/api/" + route, example("request_send_" + name))[0] == 201
    got = sim.control("messages?session=acme_01")
    assert [m["kind"] for m in got] == ["text", "image", "file", "file", "voice", "location",
                                        "contact", "contact", "poll", "list"]
    assert got[3]["detail"] == {
        "mime": "application/pdf", "file_name": "offer.pdf", "size": 9,
        "sha256": hashlib.sha256(base64.b64decode("JVBERi0xLjQK")).hexdigest()}
    assert got[2]["text"] == "Invoice 881"
    assert got[2]["detail"]["url"] == "https://files.example.net/i/881"
    assert got[5]["detail"] == {"latitude": -23.55, "longitude": -46.63}
    assert got[6]["detail"]["contacts"][0]["fullName"] == "Rita Sales"
    assert got[7]["detail"]["contacts"][0]["vcard"].startswith("BEGIN:VCARD")
    assert got[8]["detail"]["poll"]["options"] == ["Morning", "Afternoon"]


@pytest.mark.parametrize("name,path,value,status", [
    ("text", "text", None, 500),
    ("text", "chatId", "somebody", 500),
    ("text", "chatId", "5511900000002@s.whatsapp.net", 500),
    ("text", "reply_to", "3EB0C0FFEE0000000001", 500),
    ("text", "mentions", ["all"], 500),
    ("image", "file.mimetype", None, 500),
    ("image", "file.mimetype", "jpeg", 500),
    ("image", "file.url", None, 500),
    ("image", "file.url", "files.example.net", 500),
    ("image", "caption", 7, 500),
    ("stored", "file.data", "JVBERi0xLjQ", 500),
    ("stored", "file.data", "", 500),
    ("stored", "file.url", "https://both.example/", 500),
    ("voice", "convert", None, 500),
    ("location", "latitude", "-23.55", 500),
    ("location", "latitude", 91, 500),
    ("location", "title", None, 500),
    ("contact", "contacts", [], 500),
    ("contact", "contacts", [{"fullName": "x"}], 500),
    ("vcard", "contacts", [{"vcard": "FN:x"}], 500),
    ("poll", "poll.options", ["one"], 500),
    ("poll", "poll.multipleAnswers", None, 500),
    ("list", "message.button", None, 400),
    ("list", "message.sections", [], 400),
    ("list", "message.sections", [{"title": "x", "rows": []}], 400),
    ("list", "chatId", "120363000000000001@g.us", 400),
])
def test_send_refusals(sim, name, path, value, status):
    """What each kind lacks is refused; plain send routes by an engine that throws."""
    sim.create("acme_01")
    body = example("request_send_" + name)
    *folders, last = path.split(".")
    inner = body
    for folder in folders:
        inner = inner[folder]
    if value is None:
        inner.pop(last)
    else:
        inner[last] = value
    assert sim.call("POST", "/waha/api/" + EXAMPLES[name], body)[0] == status
    assert sim.control("messages?session=acme_01") == []


def test_send_echo_and_receipts(sim, receiver):
    sim.create("s", receiver.url)
    preset = "3EB0C0FFEE0000000001"
    status, answer = sim.send("s", "Hello #1", id=preset)
    assert status == 201 and answer["id"] == "true_5511900000002@c.us_" + preset
    started = time.monotonic()
    acks = wait_for(lambda: (lambda e: len(e) == 2 and e)(receiver.events("message.ack")))
    assert [e["payload"]["ackName"] for e in acks] == ["DEVICE", "READ"]
    assert all(e["payload"]["id"].split("_")[2] == preset for e in acks)
    assert time.monotonic() - started < 0.5
    echo = receiver.events("message.any")
    assert len(echo) == 1 and "engine" not in echo[0]
    assert echo[0]["payload"]["source"] == "api" and echo[0]["payload"]["fromMe"] is True
    for headers, body, _ in receiver.posts:
        assert headers["X-Webhook-Hmac"] == hmac.new(KEY.encode(), body, hashlib.sha512).hexdigest()
        assert headers["X-Webhook-Hmac-Algorithm"] == "sha512"
        assert headers["X-Webhook-Timestamp"] == str(json.loads(body)["timestamp"])
    ids = [h["X-Webhook-Request-Id"] for h, _, _ in receiver.posts]
    assert len(set(ids)) == len(ids)
    path = "/waha/api/s/chats/5511900000002%40c.us/messages/true_5511900000002%40c.us_"
    status, found = sim.call("GET", path + preset + "?downloadMedia=false")
    assert status == 200 and found["ackName"] == "READ"
    assert sim.call("GET", path + "3EB0C0FFEE0000000002") == (200, None)
    assert sim.call("GET", "/waha/api/s/chats/x/messages/bare")[0] == 500
    received = sim.control("messages?provider=waha&session=s")
    assert [(m["text"], m["id"], m["chat"]) for m in received] == [
        ("Hello #1", preset, "5511900000002@c.us")]
    assert sim.control("messages?session=s&since=%d" % received[-1]["n"]) == []


@pytest.mark.parametrize("body", [
    {"chatId": "5511900000002@c.us"},
    {"chatId": "5511900000002@c.us", "text": 7},
    {"text": "x"},
    {"chatId": "5511900000002@s.whatsapp.net", "text": "x"},
    {"chatId": "nobody", "text": "x"},
    {"chatId": "5511900000002@c.us", "text": "x", "id": "short"},
    {"chatId": "5511900000002@c.us", "text": "x", "linkPreview": "no"},
])
def test_bad_sends_throw(sim, body):
    sim.create("s")
    status, error = sim.call("POST", "/waha/api/sendText", {"session": "s", **body})
    assert status == 500 and error["exception"]["details"]
    assert sim.stats("s")["requests"] == 1 and sim.stats("s")["accepted"] == 0


@pytest.mark.parametrize("engine,id_of", [
    ("GOWS", lambda a: a["id"].split("_")[2]),
    ("NOWEB", lambda a: a["key"]["id"]),
    ("WEBJS", lambda a: a["id"]["id"]),
])
def test_engines(sim, receiver, engine, id_of):
    sim.control("engine", {"engine": engine})
    assert sim.call("GET", "/waha/api/server/version")[1]["engine"] == engine
    sim.create("s", receiver.url)
    preset = "3EB0C0FFEE0000000001"
    status, answer = sim.send("s", "x", id=preset)
    assert status == 201
    assert (id_of(answer) == preset) == (engine != "WEBJS")
    count = 2 if engine == "GOWS" else 3
    acks = wait_for(lambda: (lambda e: len(e) == count and e)(receiver.events("message.ack")))
    assert sorted(e["payload"]["ack"] for e in acks) == [1, 2, 3][-count:]
    assert receiver.events("message.any")[0].get("engine") == (None if engine == "GOWS" else engine)


def test_duplicates_and_order(sim):
    sim.create("s")
    for text in ("a #1", "a #2", "a #4", "a #3"):
        assert sim.send("s", text)[0] == 201
    for chat in ("5511900000003@c.us", "5511900000004"):
        assert sim.send("s", "b #1", chat)[0] == 201
    assert sim.stats("s") == {"requests": 6, "accepted": 6, "distinct": 6, "duplicates": 0,
                              "order_violations": 1}
    sim.send("s", "a #4")
    sim.send("s", "no number", id="3EB0C0FFEE0000000001")
    sim.send("s", "no number", id="3EB0C0FFEE0000000001")
    sim.send("s", "no number, no id")
    sim.send("s", "no number, no id")
    assert sim.stats("s") == {"requests": 11, "accepted": 11, "distinct": 9, "duplicates": 2,
                              "order_violations": 1}


def test_webhook_retries(sim, receiver):
    receiver.fail_next = 1
    sim.create("s", receiver.url)
    assert wait_for(lambda: len(receiver.posts) >= 3)
    ids = [h["X-Webhook-Request-Id"] for h, _, _ in receiver.posts]
    assert len(ids) - len(set(ids)) == 1  # the failed one came again under its id
    assert sim.control("stats")["webhooks"]["retried"] >= 1


def test_number_check(sim):
    sim.create("s")
    assert sim.call("GET", "/waha/api/contacts/check-exists?phone=5511900000002&session=s") == (
        200, {"numberExists": True, "chatId": "5511900000002@c.us"})
    assert sim.call("GET", "/waha/api/contacts/check-exists?phone=1&session=no")[0] == 422


def test_inbound(sim, receiver):
    sim.create("s", receiver.url)
    said = sim.control("inbound", {"provider": "waha", "session": "s", "from": "5511900000009",
                                   "text": "Olá #1"})
    event = wait_for(lambda: receiver.events("message.any"))[0]
    assert event["payload"]["body"] == "Olá #1" and event["payload"]["fromMe"] is False
    assert event["payload"]["id"] == "false_5511900000009@c.us_" + said["id"]
    sim.control("inbound", {"session": "s", "raw": {"event": "session.status", "payload": {"x": 1}}})
    assert wait_for(lambda: [e for e in receiver.events("session.status")
                             if e["payload"] == {"x": 1}])
    assert sim.call("POST", "/_sim/inbound", {"session": "no", "raw": {}})[0] == 404
    assert sim.call("POST", "/_sim/inbound", {"session": "s"})[0] == 422


# ---- company receivers ----

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def sign(event_id, body, at=None, secret=SECRET):
    at = str(int(time.time()) if at is None else at)
    key = base64.b64decode(secret[len("whsec_"):])
    mac = hmac.new(key, ("%s.%s." % (event_id, at)).encode() + body, hashlib.sha256).digest()
    return {"webhook-id": event_id, "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(mac).decode()}


def test_hook_judges_signatures(sim):
    body = {"type": "message.sent"}
    raw = json.dumps(body).encode()
    assert sim.call("POST", "/hook/open", body)[0] == 200
    sim.control("hooks/acme", {"secret": SECRET})
    good = sign("evt_1", raw)
    assert sim.call("POST", "/hook/acme", body, good)[0] == 200
    assert sim.call("POST", "/hook/acme", body, good)[0] == 200  # a repeat
    assert sim.call("POST", "/hook/acme", body)[0] == 401
    assert sim.call("POST", "/hook/acme", body, sign("evt_2", raw + b" "))[0] == 401
    assert sim.call("POST", "/hook/acme", body, sign("evt_3", raw, time.time() - 400))[0] == 401
    hooks = sim.control("stats")["hooks"]
    assert hooks["open"] == {"posts": 1, "distinct": 1, "bad_signatures": 0, "unsigned": 1}
    assert hooks["acme"]["posts"] == 5 and hooks["acme"]["bad_signatures"] == 2
    assert hooks["acme"]["unsigned"] == 1
    got = sim.control("received/acme")
    assert [g["n"] for g in got] == [1, 2, 3, 4, 5]
    assert got[0]["body"] == body and got[0]["headers"]["webhook-id"] == "evt_1"
    assert [g["n"] for g in sim.control("received/acme?since=3")] == [4, 5]
    assert sim.control("received/nobody") == []
    assert sim.call("POST", "/_sim/hooks/acme", {"secret": "whsec_x"})[0] == 422


def test_hook_rotation_and_answers(sim):
    other = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM="
    sim.control("hooks/acme", {"secret": [SECRET, other], "status": 410, "delay_ms": 150})
    raw = json.dumps({"a": 1}).encode()
    started = time.monotonic()
    assert sim.call("POST", "/hook/acme", {"a": 1}, sign("evt_1", raw, secret=other))[0] == 410
    assert time.monotonic() - started >= 0.15


# ---- faults ----

def fault(sim, kind, scope="waha", **more):
    sim.control("faults", {"scope": scope, "kind": kind, **more})


def test_fault_status_and_rate(sim):
    sim.create("s")
    fault(sim, "status", value=503)
    assert sim.send("s", "x")[0] == 503
    fault(sim, "status", value=500)
    assert "exception" in sim.send("s", "x")[1]
    fault(sim, "status", rate=0)
    assert sim.send("s", "x")[0] == 201
    fault(sim, "status", value=503, for_ms=50)
    time.sleep(0.06)
    assert sim.send("s", "x")[0] == 201
    assert sim.stats("s")["accepted"] == 2
    assert sim.call("POST", "/_sim/faults", {"scope": "waha", "kind": "nonsense"})[0] == 422
    assert sim.call("POST", "/_sim/faults", {"scope": "all", "kind": "hang"})[0] == 422


def test_fault_latency(sim):
    sim.create("s")
    fault(sim, "latency", value=120)
    started = time.monotonic()
    assert sim.send("s", "x")[0] == 201
    assert 0.12 <= time.monotonic() - started < 1


@pytest.mark.parametrize("kind,accepted", [("reset_before", 0), ("reset_after", 1)])
def test_fault_reset(sim, kind, accepted):
    sim.create("s")
    fault(sim, kind)
    with pytest.raises((ConnectionError, http.client.HTTPException, urllib.error.URLError)):
        sim.send("s", "x")
    sim.control("faults", {"scope": "waha", "kind": kind, "rate": 0})
    assert sim.stats("s")["accepted"] == accepted if accepted else \
        "s" not in sim.control("stats")["providers"]["waha"]


def test_fault_hang(sim):
    sim.create("s")
    fault(sim, "hang")
    with pytest.raises((socket.timeout, urllib.error.URLError)):
        sim.call("POST", "/waha/api/sendText", {"session": "s"}, timeout=0.2)
    fault(sim, "hang", rate=0)
    assert sim.send("s", "x")[0] == 201
    fault(sim, "hang", value=50)
    with pytest.raises((ConnectionError, http.client.HTTPException, urllib.error.URLError)):
        sim.send("s", "x")


def test_fault_garbage_and_slow_body(sim):
    sim.create("s")
    fault(sim, "garbage")
    with pytest.raises(ValueError):
        sim.send("s", "x")
    fault(sim, "garbage", value=1)
    with pytest.raises((ConnectionError, http.client.HTTPException, urllib.error.URLError)):
        sim.send("s", "x")
    fault(sim, "garbage", rate=0)
    fault(sim, "slow_body", value=2)
    started = time.monotonic()
    status, answer = sim.send("s", "x")
    assert status == 201 and answer["id"] and time.monotonic() - started > 0.1
    assert sim.stats("s")["accepted"] == 3


def test_fault_duplicate_and_reorder(sim, receiver):
    sim.create("s", receiver.url)
    assert wait_for(lambda: len(receiver.posts) == 2)
    fault(sim, "duplicate_webhooks", value=3)
    fault(sim, "reorder_webhooks", value=30)
    sim.send("s", "x")
    assert wait_for(lambda: len(receiver.posts) == 2 + 9)
    ids = [h["X-Webhook-Request-Id"] for h, _, _ in receiver.posts]
    assert len(set(ids)) == 5


def test_fault_disconnected(sim, receiver):
    sim.create("s", receiver.url)
    fault(sim, "disconnected", value=3, for_ms=200)
    status, error = sim.send("s", "x")
    assert status == 422 and error["status"] == "FAILED"
    assert wait_for(lambda: sim.status("s") == "WORKING")
    words = wait_for(lambda: (lambda e: len(e) == 4 and e)(receiver.events("session.status")))
    assert sorted(e["payload"]["status"] for e in words) == ["FAILED", "STARTING", "WORKING",
                                                             "WORKING"]
    fault(sim, "disconnected")
    assert sim.status("s") == "STOPPED"
    fault(sim, "disconnected", rate=0)
    assert sim.status("s") == "WORKING"


def test_fault_on_hook(sim):
    fault(sim, "status", scope="hook:acme", value=502)
    assert sim.call("POST", "/hook/acme", {})[0] == 502
    assert sim.call("POST", "/hook/other", {})[0] == 200
    fault(sim, "status", scope="hook:acme", rate=0)
    fault(sim, "reset_after", scope="hook:acme")
    with pytest.raises((ConnectionError, http.client.HTTPException, urllib.error.URLError)):
        sim.call("POST", "/hook/acme", {})
    assert sim.control("stats")["hooks"]["acme"]["posts"] == 1


def test_reset_keeps_sessions(sim):
    sim.create("s")
    sim.send("s", "x")
    sim.call("POST", "/hook/acme", {})
    sim.control("reset", {})
    assert sim.control("messages") == [] and sim.control("received/acme") == []
    assert sim.control("stats")["hooks"] == {}
    assert sim.status("s") == "WORKING"


def test_state_survives_restart(tmp_path):
    if find_sim() is None:
        pytest.skip("growhub-sim is not built")
    state = str(tmp_path / "state")
    first = WahaSim("--state", state)
    first.create("keep", "http://127.0.0.1:9/", metadata={"company": "7"})
    number = first.call("GET", "/waha/api/sessions/keep/me")[1]["id"]
    first.create("drop")
    first.call("DELETE", "/waha/api/sessions/drop")
    first.close()
    second = WahaSim("--state", state)
    assert wait_for(lambda: second.status("keep") == "WORKING")
    again = second.call("GET", "/waha/api/sessions/keep")[1]
    assert again["me"]["id"] == number and again["config"]["metadata"] == {"company": "7"}
    assert second.call("GET", "/waha/api/sessions/drop")[0] == 404
    second.close()
