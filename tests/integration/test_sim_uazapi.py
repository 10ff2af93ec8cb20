"""The simulator's UAZAPI alone, against contracts/uazapi.md: no daemon runs here."""

import json
import os
import re
import time

import pytest

from simproc import TOP, Receiver, Sim, find_sim, wait_for

HOOK_EVENTS = ["connection", "messages", "messages_update", "call", "groups", "presence", "history"]
CHAT = "5511900000002@s.whatsapp.net"


class UazapiSim(Sim):
    def api(self, method, path, body=None, token=None, admin=None):
        headers = {"token": token} if token else {}
        headers |= {"admintoken": admin} if admin else {}
        return self.call(method, "/uazapi" + path, body, headers, key=None)

    def option(self, **options):
        return self.control("uazapi", options)

    def steer(self, session, **changes):
        return self.control("session", {"provider": "uazapi", "session": session, **changes})

    def inbound(self, session, sender="5511900000009", **content):
        return self.control("inbound", {"provider": "uazapi", "session": session, "from": sender,
                                        **content})

    def told(self, session):
        return self.control(f"messages?provider=uazapi&session={session}")

    def instance(self, name="acme-01", hook=None, connect=True, **hook_fields):
        status, made = self.api("POST", "/instance/create", {"name": name}, admin="sim")
        assert status == 200, made
        instance = Instance(self, made["token"], made)
        if hook:
            assert instance.post("/webhook", {"url": hook.url, "enabled": True,
                                              "events": HOOK_EVENTS, **hook_fields})[0] == 200
        if connect:
            assert instance.post("/instance/connect", {})[0] == 200
            instance.wait("connected")
        return instance


class Instance:
    def __init__(self, sim, token, made):
        self.sim, self.token, self.made = sim, token, made

    def get(self, path):
        return self.sim.api("GET", path, token=self.token)

    def post(self, path, body):
        return self.sim.api("POST", path, body, token=self.token)

    def done(self, path, body):
        status, answer = self.post(path, body)
        assert status == 200, answer
        return answer

    def status(self):
        return self.get("/instance/status")[1]

    def wait(self, word):
        assert wait_for(lambda: self.status()["instance"]["status"] == word), self.status()

    def text(self, text="Hello", number="5511900000002", **more):
        return self.post("/send/text", {"number": number, "text": text, **more})


def events(receiver, name):
    return receiver.events(name, "EventType")


@pytest.fixture(scope="module")
def shared():
    if find_sim() is None:
        pytest.skip("growhub-sim is not built")
    s = UazapiSim()
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


# ---- who may call what (2) ----

@pytest.mark.parametrize("method,path,body,headers,status,error", [
    ("POST", "/instance/create", {"name": "x"}, {}, 403, "Invalid AdminToken Header"),
    ("POST", "/instance/create", {"name": "x"}, {"admin": "no"}, 403, "Invalid AdminToken Header"),
    ("POST", "/instance/create", {}, {"admin": "sim"}, 400, "Missing required fields: name"),
    ("POST", "/instance/create", {"name": 7}, {"admin": "sim"}, 400, "invalid payload"),
    ("GET", "/instance/all", None, {"token": "sim"}, 403, "Invalid AdminToken Header"),
    ("GET", "/instance/status", None, {}, 401, "missing token"),
    ("GET", "/instance/status", None, {"token": "none"}, 401, "Invalid token"),
    ("GET", "/instance/status", None, {"admin": "sim"}, 401, "missing token"),
    ("POST", "/send/text", {}, {"token": "none"}, 401, "Invalid token"),
])
def test_callers(sim, method, path, body, headers, status, error):
    assert sim.api(method, path, body, **headers) == (status, {"error": error})


@pytest.mark.parametrize("method,path", [
    ("POST", "/instance/init"), ("POST", "/instance/logout"), ("POST", "/api/send/text"),
    ("GET", "/send/text"), ("GET", "/nothing")])
def test_unknown_paths_are_405(sim, method, path):
    """(1) whatever the token says"""
    assert sim.api(method, path, {} if method == "POST" else None, admin="sim") == (405, None)


def test_old_build(sim):
    """(4) the call of 2025, and none of 2026"""
    sim.option(is_old_build=True)
    assert sim.api("POST", "/instance/create", {"name": "x"}, admin="sim")[0] == 405
    status, made = sim.api("POST", "/instance/init", {"name": "x"}, admin="sim")
    assert status == 200 and made["token"]
    assert sim.api("GET", "/instance/wa_messages_limits", token=made["token"])[0] == 405


# ---- life of an instance (4) ----

def test_create(sim):
    status, made = sim.api("POST", "/instance/create", {
        "name": "acme-01", "systemName": "growhub", "adminField01": "company 7"}, admin="sim")
    assert status == 200 and made["connected"] is False and made["loggedIn"] is False
    assert re.fullmatch("r[0-9a-f]{14}", made["instance"]["id"])
    assert made["token"] == made["instance"]["token"] and made["name"] == "acme-01"
    assert made["instance"]["status"] == "disconnected" and made["instance"]["plataform"] == ""
    assert made["instance"]["systemName"] == "growhub"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", made["instance"]["created"])
    status, rows = sim.api("GET", "/instance/all", admin="sim")
    assert status == 200 and [r["id"] for r in rows] == [made["instance"]["id"]]
    # Names are not unique there; the books keep the two apart.
    other = sim.api("POST", "/instance/create", {"name": "acme-01"}, admin="sim")[1]
    assert other["token"] != made["token"]


def test_connect_by_qr(sim, receiver):
    one = sim.instance(hook=receiver, connect=False)
    status, answer = one.post("/instance/connect", {})
    assert status == 200 and answer["response"] == "Connecting"
    assert answer["connected"] is False and answer["jid"] is None
    assert answer["status"] == {"connected": False, "loggedIn": False, "jid": None}
    assert answer["instance"]["qrcode"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert answer["instance"]["paircode"] == ""
    one.wait("connected")
    now = one.status()
    owner = now["instance"]["owner"]
    assert now["status"] == {"connected": True, "loggedIn": True, "resetting": False,
                             "jid": f"{owner}:12@s.whatsapp.net"}
    assert now["instance"]["qrcode"] == "" and owner.startswith("55119")
    first, second = wait_for(lambda: (e := events(receiver, "connection"))[1:] and e)
    assert first["instance"]["status"] == "connecting"
    assert first["instance"]["qrcode"] == answer["instance"]["qrcode"] and first["event_id"]
    assert second["instance"] == {"name": "acme-01", "status": "connected"}
    assert {e["token"] for e in (first, second)} == {one.token}
    assert (first["owner"], second["owner"]) == ("", owner)
    sim.option(has_jid_object=True, has_iso_times=True)
    assert one.status()["status"]["jid"]["user"] == owner
    assert "T" in one.status()["instance"]["created"]


def test_disconnect_drops_the_pairing(sim, receiver):
    one = sim.instance(hook=receiver)
    owner = one.status()["instance"]["owner"]
    answer = one.done("/instance/disconnect", {})
    assert answer["response"] == "Disconnected"
    said = wait_for(lambda: [e for e in events(receiver, "connection")
                             if e["instance"]["status"] == "disconnected"])[0]
    assert said["type"] == "LoggedOut" and said["instance"]["lastDisconnectReason"].startswith("401")
    now = one.status()
    assert now["instance"]["owner"] == owner and now["status"]["jid"] is None
    assert one.text() == (401, {"error": "No session"})
    sim.option(no_session_is_500=True)
    assert one.text() == (500, {"error": "WhatsApp client is not connected"})
    sim.option(qr_ms=30)
    first = one.done("/instance/connect", {})["instance"]["qrcode"]
    # It waits for a person now, and the QR goes round without a word.
    assert wait_for(lambda: one.status()["instance"]["qrcode"] not in ("", first))
    told = [e for e in events(receiver, "connection") if e["instance"].get("qrcode")]
    assert [e["instance"]["qrcode"] for e in told[1:]] == [first]
    sim.steer("acme-01", is_paired=True)
    one.wait("connected")


def test_qr_times_out(sim):
    one = sim.instance(connect=False)
    sim.steer("acme-01", is_paired=False)
    sim.option(qr_timeout_ms=150, qr_ms=40)
    one.done("/instance/connect", {})
    one.wait("disconnected")
    assert one.status()["instance"]["lastDisconnectReason"] == "QR code timeout"


def test_pairing_code(sim):
    """(4.2) only from disconnected; a QR pairing under way goes on"""
    one = sim.instance(connect=False)
    sim.steer("acme-01", is_paired=False)
    one.done("/instance/connect", {})
    answer = one.done("/instance/connect", {"phone": "5511933334444"})
    assert answer["instance"]["paircode"] == "" and answer["instance"]["qrcode"]
    one.done("/instance/disconnect", {})
    answer = one.done("/instance/connect", {"phone": "5511933334444"})
    assert re.fullmatch(r"[A-Z0-9]{4}-[A-Z0-9]{4}", answer["instance"]["paircode"])
    assert answer["instance"]["qrcode"] == ""
    assert one.post("/instance/connect", {"phone": "me"}) == (400, {"error": "Could not parse phone"})
    sim.steer("acme-01", is_paired=True)
    assert one.status()["instance"]["owner"] == "5511933334444"


# ---- sends (5) ----

def test_send_text_and_its_echo(sim, receiver):
    one = sim.instance(hook=receiver)
    owner = one.status()["instance"]["owner"]
    track = "0192f0aa-7000-7000-8000-000000000001"
    status, answer = one.text("Your order 881 left the store #1", track_source="growhub",
                              track_id=track, linkPreview=False, delay=0)
    bare = answer["messageid"]
    assert status == 200 and "response" not in answer
    assert re.fullmatch("[0-9A-F]{20,32}", bare) and answer["id"] == f"{owner}:{bare}"
    assert answer["chatid"] == CHAT and answer["status"] == "Pending"
    assert answer["messageType"] == "ExtendedTextMessage" and answer["fromMe"] is True
    assert answer["content"] == {"text": answer["text"], "contextInfo": {}}
    assert (answer["track_id"], answer["track_source"]) == (track, "growhub")
    echo = wait_for(lambda: events(receiver, "messages"))[0]
    assert echo["message"]["messageid"] == bare and echo["message"]["wasSentByApi"] is True
    assert echo["message"]["track_id"] == track and echo["message"]["status"] == ""
    assert echo["chat"]["wa_chatid"] == CHAT and echo["token"] == one.token
    found = one.done("/message/find", {"track_id": track})
    assert (found["returnedMessages"], found["hasMore"]) == (1, False)
    assert found["messages"][0]["messageid"] == bare
    assert one.done("/message/find", {"track_id": "another"})["messages"] == []
    assert [(m["id"], m["chat"], m["text"]) for m in sim.told("acme-01")] == [
        (bare, CHAT, "Your order 881 left the store #1")]
    assert sim.control("stats")["providers"]["uazapi"]["acme-01"] == {
        "requests": 1, "accepted": 1, "distinct": 1, "duplicates": 0, "order_violations": 0}


def test_receipts_come_in_batches(sim, receiver):
    one = sim.instance(hook=receiver)
    started = time.monotonic()
    ids = [one.text(f"n #{n}")[1]["messageid"] for n in range(5)]
    read = wait_for(lambda: (e := [e for e in events(receiver, "messages_update")
                                   if e["state"] == "Read"]) and
                    sum(len(x["event"]["MessageIDs"]) for x in e) == 5 and e)
    assert time.monotonic() - started < 1
    for state in ("Delivered", "Read"):
        told = [e for e in events(receiver, "messages_update") if e["state"] == state]
        assert sorted(i for e in told for i in e["event"]["MessageIDs"]) == sorted(ids)
    assert any(len(e["event"]["MessageIDs"]) > 1 for e in read)
    event = read[0]["event"]
    assert read[0]["type"] == "ReadReceipt" and event["chatid"] == CHAT
    assert event["IsFromMe"] is False and isinstance(event["Timestamp"], int)
    status = {m["messageid"]: m["status"] for m in one.done("/message/find", {})["messages"]}
    assert set(status.values()) == {"Read"} and set(status) == set(ids)
