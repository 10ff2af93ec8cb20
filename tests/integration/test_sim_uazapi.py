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


EXAMPLES = ("text", "document", "contact", "location", "button", "list", "poll")


def vector(name):
    """An example of the contract, which the translator's tests read too."""
    with open(os.path.join(TOP, "tests/vectors/uazapi", name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def route_of(name):
    return "/send/" + {"document": "media", "button": "menu", "list": "menu", "poll": "menu"}.get(
        name, name)


def test_contract_examples(sim):
    """(5) The example bodies are taken as they stand, and remembered."""
    one = sim.instance()
    answers = {name: one.done(route_of(name), vector("request_send_" + name)) for name in EXAMPLES}
    assert {n: a["messageType"] for n, a in answers.items()} == {
        "text": "ExtendedTextMessage", "document": "DocumentMessage", "contact": "ContactMessage",
        "location": "LocationMessage", "button": "InteractiveMessage", "list": "ListMessage",
        "poll": "PollCreationMessageV3"}
    assert answers["text"]["quoted"] == "3EB0AAAABBBBCCCC0001"
    assert answers["poll"]["convertOptions"] == "Morning|Afternoon"
    told = {m["kind"]: m for m in sim.told("acme-01")}
    assert set(told) == {"text", "document", "contact", "location", "button", "list", "poll"}
    assert told["document"]["detail"] == {
        "url": "https://files.example.net/i/881", "mime": "application/pdf",
        "file_name": "invoice-881.pdf"}
    assert told["contact"]["detail"]["phoneNumber"] == "5511900000003"
    assert told["location"]["detail"]["latitude"] == -23.55
    assert told["button"]["detail"]["buttons"] == ["reply", "reply", "url", "call", "copy"]
    assert told["list"]["detail"]["choices"][0] == "[Main]"


@pytest.mark.parametrize("name,field,value,status,error", [
    ("text", "text", None, 400, "Missing number or text"),
    ("text", "text", "", 400, "Missing number or text"),
    ("text", "number", None, 400, "Missing number or text"),
    ("text", "number", "somebody", 400, "Could not parse phone"),
    ("text", "number", "5511900000002@c.us", 400, "Could not parse phone"),
    ("text", "text", 7, 400, "invalid payload"),
    ("text", "mentions", ["5511900000003"], 400, "invalid payload"),
    ("text", "mentions", "5511900000003,x", 400, "Could not parse phone"),
    ("text", "delay", "0", 400, "invalid payload"),
    ("text", "track_id", 7, 400, "invalid payload"),
    ("text", "number", "5500900000002", 500, "the number 5500900000002@s.whatsapp.net is not on "
                                             "WhatsApp"),
    ("document", "type", "picture", 400, "Invalid media type or file format"),
    ("document", "file", "no base64!", 400, "Invalid media type or file format"),
    ("document", "file", None, 400, "Missing required fields: number, type, file"),
    ("document", "type", "video", 415, "Unsupported media format"),
    ("location", "latitude", 91, 400, "Invalid coordinates or missing number"),
    ("location", "latitude", None, 400, "Invalid coordinates or missing number"),
    ("location", "latitude", "1", 400, "invalid payload"),
    ("contact", "fullName", None, 400, "Missing required fields: fullName and phoneNumber"),
    ("contact", "phoneNumber", "me", 400, "Could not parse phone"),
    ("list", "listButton", None, 400, "Missing required fields: listButton"),
    ("list", "choices", ["[Main]"], 400, "Missing required fields: choices"),
    ("button", "type", "buttons", 400, "invalid payload"),
    ("poll", "choices", ["one"], 400, "invalid payload"),
    ("poll", "selectableCount", 3, 400, "invalid payload"),
])
def test_send_refusals(sim, name, field, value, status, error):
    one = sim.instance()
    body = {**vector("request_send_" + name), field: value}
    if value is None:
        del body[field]
    assert one.post(route_of(name), body) == (status, {"error": error})
    assert sim.told("acme-01") == []


def test_size_limit_and_files(sim):
    one = sim.instance()
    body = {"number": "5511900000002", "type": "document",
            "file": "data:application/pdf;base64,JVBERi0xLjQK"}
    one.done("/send/media", body)
    assert sim.told("acme-01")[0]["detail"]["size"] == 9
    sim.option(media_max_bytes=8)
    assert one.post("/send/media", body) == (413, {"error": "File size exceeds limit"})


@pytest.mark.parametrize("text,sent", [
    ("Hi {{name}}!", "Hi Rita Sales!"), ("{{first_name}}", "Rita"), ("a{{lead_field01}}b", "ab"),
    ("{{ name }} {name} {{Name}}", "{{ name }} {name} {{Name}}"),
    ("{\u200b{name}}", "{\u200b{name}}")])
def test_placeholders_are_replaced(sim, text, sent):
    one = sim.instance()
    one.done("/contact/add", {"phone": "+55 (11) 90000-0002", "name": "Rita Sales"})
    assert one.text(text)[1]["text"] == sent
    assert sim.told("acme-01")[0]["text"] == sent


def test_numbers(sim):
    """(6) jid is who WhatsApp knows; sends go there."""
    one = sim.instance()
    rows = one.done("/chat/check", {"numbers": ["5511900000002", "5500911112222",
                                                "5599911112222", "120363000000000001@g.us"]})
    assert rows[0] == {"query": "5511900000002", "jid": CHAT, "lid": "25511900000002@lid",
                       "isInWhatsapp": True, "verifiedName": ""}
    assert rows[1]["isInWhatsapp"] is False and rows[1]["jid"] == "" and rows[1]["error"]
    assert rows[2]["jid"] == "559911112222@s.whatsapp.net"
    assert rows[3]["jid"] == "120363000000000001@g.us"
    assert one.post("/chat/check", {}) == (400, {"error": "Missing numbers in payload"})
    assert one.text(number="25511900000002@lid")[1]["chatid"] == CHAT
    assert one.text(number="5599911112222")[1]["chatid"] == "559911112222@s.whatsapp.net"


def test_time_lock(sim):
    """(4.3), (12) existing chats keep working"""
    one = sim.instance()
    assert one.text()[0] == 200
    assert one.get("/instance/wa_messages_limits")[1]["can_send_new_messages"] is True
    sim.steer("acme-01", locked_ms=60000)
    status, refusal = one.text(number="5511900000003")
    assert status == 500 and refusal["provider_code"] == 463
    assert refusal["error_key"] == "WHATSAPP_REACHOUT_TIMELOCK"
    assert refusal["details"]["reachout_timelock"]["active"] is True
    limits = one.get("/instance/wa_messages_limits")[1]
    assert limits["can_send_new_messages"] is False
    assert limits["reachout_timelock"]["until"] == refusal["details"]["reachout_timelock"]["until"]
    assert one.text()[0] == 200
    sim.inbound("acme-01", "5511900000003", text="Hello?")
    assert one.text(number="5511900000003")[0] == 200
    sim.steer("acme-01", locked_ms=-1, quota=1)
    assert one.text(number="5511900000004")[0] == 200
    assert one.text(number="5511900000005")[1]["provider_code"] == 463


def test_async_queue(sim):
    one = sim.instance()
    sim.steer("acme-01", status="disconnected", reason="stream error")
    answer = one.text("later", **{"async": True})[1]
    assert answer["status"] == "Queued"
    queue = one.get("/message/async")[1]["queue"]
    assert (queue["status"], queue["pending"]) == ("waiting_connection", 1)
    sim.steer("acme-01", status="connected")
    assert wait_for(lambda: [m["text"] for m in sim.told("acme-01")] == ["later"])
    sim.steer("acme-01", status="disconnected")
    lost = one.text("never", **{"async": True})[1]["messageid"]
    assert sim.api("DELETE", "/message/async", token=one.token)[0] == 200
    sim.steer("acme-01", status="connected")
    assert one.done("/message/find", {"id": lost})["messages"][0]["status"] == "Canceled"


def lacks(wanted, got, path=""):
    """What of an example's members, types included, an answer has not."""
    if wanted is None or got is None:
        return []
    number = (int, float)
    if type(wanted) is not type(got) and not (
            isinstance(wanted, number) and isinstance(got, number)):
        return [f"{path}: {got!r}"]
    if isinstance(wanted, dict):
        return [f"{path}.{k}: absent" for k in wanted if k not in got] + [
            x for k in wanted if k in got for x in lacks(wanted[k], got[k], f"{path}.{k}")]
    if isinstance(wanted, list) and wanted and got:
        return lacks(wanted[0], got[0], path + "[0]")
    return []


def test_answers_have_the_form_of_the_examples(sim, receiver):
    one = sim.instance(hook=receiver, connect=False)
    forms = {"answer_connect": one.done("/instance/connect", {})}
    one.wait("connected")
    forms["answer_status"] = one.status()
    forms["answer_send"] = sent = one.text(track_id="a track")[1]
    forms["action_react"] = one.done("/message/react",
                                     {"number": CHAT, "id": sent["id"], "text": "x"})
    theirs = sim.inbound("acme-01", text="Hi")["id"]
    forms["action_markread"] = one.done("/message/markread", {"id": [theirs, "3EB0DEAD"]})
    forms["action_check"] = one.done("/chat/check", {"numbers": ["5511900000002"]})
    forms["action_group"] = one.done("/group/create", {"name": "x",
                                                       "participants": ["5511900000005"]})
    sim.steer("acme-01", locked_ms=60000)
    forms["answer_refused_463"] = one.text(number="5511900000088")[1]
    forms["hook_connecting"] = events(receiver, "connection")[0]
    said = wait_for(lambda: {m["message"]["messageid"]: m for m in events(receiver, "messages")
                             if m["message"]["messageid"] == theirs})
    forms["hook_message_text"] = said[theirs]
    forms["hook_echo_api"] = next(m for m in events(receiver, "messages")
                                  if m["message"]["messageid"] == sent["messageid"])
    forms["hook_receipt_read"] = wait_for(lambda: [
        e for e in events(receiver, "messages_update") if e["state"] == "Read"])[0]
    one.done("/instance/disconnect", {})
    forms["hook_logged_out"] = wait_for(lambda: [
        e for e in events(receiver, "connection") if e.get("type") == "LoggedOut"])[0]
    assert {k: lacks(vector(k), v) for k, v in forms.items() if lacks(vector(k), v)} == {}


# ---- messages (6) ----

def test_message_actions(sim, receiver):
    one = sim.instance(hook=receiver)
    sent = one.text()[1]
    reaction = one.done("/message/react", {"number": CHAT, "id": sent["id"], "text": "👍"})
    assert reaction["messageType"] == "ReactionMessage"
    assert reaction["content"]["key"] == {"ID": sent["messageid"], "fromMe": True,
                                          "remoteJID": CHAT}
    edit = one.done("/message/edit", {"id": sent["messageid"], "text": "Better"})
    assert edit["messageid"] != sent["messageid"] and edit["edited"] == sent["messageid"]
    theirs = sim.inbound("acme-01", text="Hi")["id"]
    results = one.done("/message/markread", {"id": [theirs, "3EB0DEAD"]})["results"]
    assert [r["status"] for r in results] == ["success", "error"]
    assert one.post("/message/markread", {"id": theirs})[0] == 400
    assert wait_for(lambda: [e for e in events(receiver, "messages_update")
                             if e["event"]["MessageIDs"] == [theirs]])
    deleted = one.done("/message/delete", {"id": sent["id"]})
    assert deleted["id"] == sent["messageid"]
    gone = wait_for(lambda: [e for e in events(receiver, "messages_update")
                             if e["state"] == "Deleted"])
    assert gone[0]["type"] == "DeletedMessage"
    for path, body in (("edit", {"text": "x"}), ("delete", {}), ("download", {})):
        assert one.post("/message/" + path, {"id": "3EB0DEAD", **body}) == (
            404, {"error": "Message not found"})
    assert one.done("/message/presence", {"number": CHAT, "presence": "recording"}) == {
        "response": "Chat presence sent successfully"}
    said = wait_for(lambda: events(receiver, "presence"))[0]["event"]
    assert (said["State"], said["Media"], said["IsFromMe"]) == ("composing", "audio", True)
    assert one.post("/message/presence", {"number": CHAT, "presence": "typing"})[0] == 400
    assert one.done("/message/history-sync", {"number": CHAT, "count": 2})
    history = wait_for(lambda: events(receiver, "history"))[0]
    assert history["event"] == "messages" and len(history["messages"]) == 2
    assert "mediaType" not in history["messages"][0]


def test_download(sim):
    one = sim.instance()
    voice = sim.inbound("acme-01", kind="ptt")["id"]
    assert one.done("/message/download", {"id": voice})["mimetype"] == "audio/mpeg"
    answer = one.done("/message/download", {"id": voice, "generate_mp3": False,
                                            "return_base64": True})
    assert answer["mimetype"] == "audio/ogg; codecs=opus" and answer["base64Data"]
    picture = one.done("/message/download", {"id": "3AF11E0000000000000001"})
    assert picture["fileURL"].startswith(sim.url + "/files/")
    assert "fileURL" not in one.done("/message/download", {"id": voice, "return_link": False})


# ---- webhooks (7, 8, 10) ----

def test_webhook_configuration(sim):
    one = sim.instance(connect=False)
    assert one.get("/webhook") == (200, [])
    body = {"url": "http://127.0.0.1:9/a", "enabled": True, "events": ["messages"],
            "excludeMessages": ["IsGroupNo"], "addUrlEvents": True}
    row = one.done("/webhook", body)[0]
    assert re.fullmatch("r[0-9a-f]{14}", row.pop("id"))
    assert row == {**body, "excludeMessages": ["isGroupNo"], "addUrlTypesMessages": False}
    # Simple mode replaces; with an action there are several.
    assert len(one.done("/webhook", {**body, "url": "http://127.0.0.1:9/b"})) == 1
    rows = one.done("/webhook", {**body, "action": "add"})
    assert len(rows) == 2
    rows = one.done("/webhook", {"action": "update", "id": rows[1]["id"], "enabled": False})
    assert [r["enabled"] for r in rows] == [True, False]
    assert len(one.done("/webhook", {"action": "delete", "id": rows[0]["id"]})) == 1
    for wrong in ({"url": ""}, {"url": "nowhere"}, {**body, "events": ["message"]},
                  {**body, "events": "messages"}, {**body, "action": "update", "id": "no"}):
        fresh = sim.instance("other", connect=False)
        assert fresh.post("/webhook", wrong)[0] == 400


@pytest.mark.parametrize("exclude,echo,inbound", [
    ([], 1, 1), (["wasSentByApi"], 0, 1), (["fromMeNo"], 1, 0), (["isGroupNo"], 0, 0)])
def test_exclusion_spares_receipts(sim, receiver, exclude, echo, inbound):
    one = sim.instance(hook=receiver, excludeMessages=exclude)
    one.text()
    assert sim.inbound("acme-01", text="Hi")["posted"] == inbound
    assert wait_for(lambda: [e for e in events(receiver, "messages_update")
                             if e["state"] == "Read"])
    assert sum(e["message"]["fromMe"] for e in events(receiver, "messages")) == echo


def test_url_suffixes_and_errors(sim):
    one = sim.instance(hook=None)
    url = sim.url + "/hook/uz"
    assert one.done("/webhook", {"url": url, "events": ["messages"], "addUrlEvents": True,
                                 "addUrlTypesMessages": True})
    sim.inbound("acme-01", text="Hi")
    failed = wait_for(lambda: one.get("/webhook/errors")[1], 5)
    assert failed[0]["url"] == url + "/messages/text" and failed[0]["attempts"] == 3
    assert (failed[0]["status_code"], failed[0]["event"]) == (404, "messages")
    assert failed[0]["payload"]["EventType"] == "messages"


def test_inbound_kinds(sim, receiver):
    one = sim.instance(hook=receiver)
    owner = one.status()["instance"]["owner"]

    def said(**content):
        answer = sim.inbound("acme-01", "5511900000002", **content)
        assert answer["posted"] == 1
        return wait_for(lambda: [e for e in events(receiver, "messages")
                                 if e["message"]["messageid"] == answer["id"]])[0]

    text = said(text="Is it open today?")
    message = text["message"]
    assert message["content"] == "Is it open today?" and message["messageType"] == "Conversation"
    assert message["sender"] == message["sender_lid"] == "25511900000002@lid"
    assert message["sender_pn"] == CHAT and message["id"] == f"{owner}:{message['messageid']}"
    assert message["track_id"] == "" and message["wasSentByApi"] is False
    reply = said(kind="button_reply", target="3EB0AA", row="ok", text="Yes")["message"]
    assert (reply["buttonOrListid"], reply["vote"], reply["text"]) == ("ok", "Yes", "")
    vote = said(kind="poll_vote", target="3EB0AA", options=["a", "b"])["message"]
    assert (vote["vote"], vote["quoted"]) == ("a, b", "3EB0AA")
    image = said(kind="image", text="look", chat="120363000000000001@g.us")["message"]
    assert image["isGroup"] is True and image["content"]["mimetype"] == "image/jpeg"
    assert image["chatid"] == "120363000000000001@g.us" and image["sender_pn"] == CHAT
    sim.option(sender_is_pn=True)
    assert said(kind="reaction", target=message["id"], text="👍")["message"]["sender"] == CHAT
    sim.option(is_old_build=True)
    assert "sender_pn" not in said(text="old")["message"]
    sim.option(is_old_build=False, has_iso_receipts=True, has_text_bools=True)
    assert sim.inbound("acme-01", kind="receipt", state="Played", ids=["3EB0AA"])["posted"] == 1
    played = wait_for(lambda: [e for e in events(receiver, "messages_update")
                               if e["state"] == "Played"])[0]["event"]
    assert played["IsFromMe"] == "False" and "T" in played["Timestamp"]
    sim.inbound("acme-01", "5511900000005", kind="group_participants", type="promote",
                chat="120363000000000001@g.us")
    group = wait_for(lambda: events(receiver, "groups"))[0]
    assert group["event"]["Promote"] == ["5511900000005@s.whatsapp.net"]
    assert group["event"]["PromoteLid"] == ["25511900000005@lid"] and group["event"]["Join"] is None
    assert sim.inbound("acme-01", kind="call")["posted"] == 1
    assert sim.inbound("acme-01", raw={"EventType": "chats", "x": 1})["posted"] == 0
    assert sim.inbound("acme-01", raw={"EventType": "call", "token": "of another"})["posted"] == 1
    assert wait_for(lambda: [e for e in events(receiver, "call") if e["token"] == "of another"])
    assert sim.call("POST", "/_sim/inbound", {"provider": "uazapi", "session": "acme-01",
                                              "from": "5511900000002", "kind": "no"})[0] == 422


# ---- contacts, chats, groups, settings (16) ----

def test_contacts_and_chats(sim):
    one = sim.instance()
    added = one.done("/contact/add", {"phone": "+55 (11) 90000-0002", "name": "Rita Sales"})
    assert added["contact"] == {"jid": CHAT, "name": "Rita Sales", "phone": "5511900000002"}
    assert one.get("/contacts")[1] == [{"jid": CHAT, "contactName": "Rita Sales",
                                        "contact_FirstName": "Rita"}]
    page = one.done("/contacts/list", {"limit": 1, "offset": 0})
    assert page["contacts"][0]["contact_name"] == "Rita Sales"
    assert page["pagination"]["totalRecords"] == 1
    for phone in ("25511900000002@lid", "120363000000000001@g.us"):
        assert one.post("/contact/add", {"phone": phone, "name": "x"})[0] == 400
    assert one.done("/chat/block", {"number": CHAT, "block": True})["blockList"] == [CHAT]
    assert one.get("/chat/blocklist")[1] == {"blockList": [CHAT]}
    assert one.done("/chat/block", {"number": CHAT, "block": False})["blockList"] == []
    one.done("/chat/archive", {"number": CHAT, "archive": True})
    one.done("/chat/pin", {"number": CHAT, "pin": True})
    one.done("/chat/mute", {"number": CHAT, "muteEndTime": 168})
    assert one.post("/chat/mute", {"number": CHAT, "muteEndTime": 9})[0] == 400
    chat = one.done("/chat/find", {"wa_chatid": "900000002"})["chats"][0]
    assert chat["wa_archived"] and chat["wa_isPinned"] and chat["wa_muteEndTime"] == 168
    assert one.done("/chat/details", {"number": CHAT})["image"].startswith("https://")
    assert one.done("/chat/delete", {"number": CHAT, "deleteChatDB": True})["errors"] == []
    assert one.post("/chat/delete", {"number": CHAT})[0] == 404
    assert one.post("/contact/remove", {"phone": CHAT})[0] == 404


def test_groups_and_communities(sim):
    one = sim.instance()
    group = one.done("/group/create", {"name": "Acme team",
                                       "participants": ["5511900000005", "5500900000006"]})
    jid = group["JID"]
    refused = {p["PhoneNumber"]: p["Error"] for p in group["Participants"]}
    assert refused["5500900000006@s.whatsapp.net"] == 403
    assert group["OwnerJID"].endswith("@lid") and group["ParticipantCount"] == 2
    info = one.done("/group/info", {"groupjid": jid, "getInviteLink": True})
    link = info["invite_link"]
    assert one.done("/group/inviteInfo", {"invitecode": link})["JID"] == jid
    assert one.post("/group/inviteInfo", {"inviteCode": link})[0] == 400
    assert one.done("/group/resetInviteCode", {"groupjid": jid})["InviteLink"] != link
    assert one.post("/group/join", {"invitecode": link})[0] == 404
    done = one.done("/group/updateParticipants", {
        "groupjid": jid, "action": "add", "participants": ["5500900000007", "5511900000005"]})
    assert [r["Error"] for r in done["groupUpdated"]] == [403, 409]
    assert one.post("/group/updateParticipants", {
        "groupjid": jid, "action": "ban", "participants": ["5511900000005"]})[0] == 400
    assert one.done("/group/updateAnnounce", {"groupjid": jid, "announce": True})[
        "group"]["IsAnnounce"] is True
    assert one.post("/group/updateDescription", {"groupjid": jid, "description": "x" * 513})[0] == 413
    assert one.done("/group/updateName", {"groupjid": jid, "name": "New"})["group"]["Name"] == "New"
    assert [g["JID"] for g in one.get("/group/list")[1]["groups"]] == [jid]
    parent = one.done("/community/create", {"name": "All"})["group"]["JID"]
    answer = one.done("/community/editgroups", {"community": parent, "action": "add",
                                                "groupjids": [jid, "1@g.us"]})
    assert (answer["success"], answer["failed"]) == ([jid], ["1@g.us"])
    assert one.done("/group/info", {"groupjid": jid})["LinkedParentJID"] == parent
    assert one.done("/group/list", {"limit": 1})["pagination"]["totalRecords"] == 2
    assert one.done("/group/leave", {"groupjid": jid})
    assert one.post("/group/info", {"groupjid": jid})[0] == 404


def test_settings(sim):
    one = sim.instance()
    assert one.get("/instance/privacy")[1]["groupadd"] == "all"
    assert one.done("/instance/privacy", {"online": "match_last_seen"})["online"] == "match_last_seen"
    for wrong in ({}, {"online": "none"}, {"nothing": "all"}, {"last": 1}):
        assert one.post("/instance/privacy", wrong)[0] == 400
    one.done("/instance/presence", {"presence": "unavailable"})
    assert one.post("/instance/presence", {"presence": "away"})[0] == 400
    assert one.done("/profile/name", {"name": "Acme"})["profile"]["name"] == "Acme"
    assert one.post("/profile/name", {"name": "x" * 26})[0] == 400
    assert one.done("/profile/image", {"image": "remove"})["profile"]["image_removed"] is True
    assert one.done("/instance/updateInstanceName", {"name": "new"})["name"] == "new"
    now = one.status()["instance"]
    assert (now["profileName"], now["current_presence"], now["name"]) == (
        "Acme", "unavailable", "new")
    row = sim.api("POST", "/instance/updateAdminFields",
                  {"id": now["id"], "adminField01": "7"}, admin="sim")[1]
    assert row["adminField01"] == "7"
    assert one.done("/instance/reset", {})["resetting"] is True
    one.wait("connected")
    sim.steer("new", refuse_reset=409)
    assert one.post("/instance/reset", {})[0] == 409
    sim.option(connected_max=1)
    other = sim.instance("other", connect=False)
    assert other.post("/instance/connect", {})[0] == 429
    assert sim.api("DELETE", "/instance", token=one.token)[1]["response"] == "Instance Deleted"
    assert one.get("/instance/status") == (401, {"error": "Invalid token"})


# ---- faults, restart ----

def test_faults(sim, receiver):
    one = sim.instance(hook=receiver)

    def fault(kind, **more):
        sim.control("faults", {"scope": "uazapi", "kind": kind, **more})

    fault("status", value=429)
    assert one.text() == (429, {"error": "Rate limit exceeded"})
    fault("status", rate=0)
    fault("disconnected", for_ms=100)
    assert one.text() == (401, {"error": "No session"})
    one.wait("connected")
    fault("duplicate_webhooks", value=3)
    bare = one.text()[1]["messageid"]
    assert wait_for(lambda: len([e for e in events(receiver, "messages")
                                 if e["message"]["messageid"] == bare]) == 3)
    assert "X-Webhook-Hmac" not in receiver.posts[0][0]


def test_same_number_at_both_providers(sim):
    """A number moves: the name says which, whoever holds it, and the books stay apart."""
    one = sim.instance("moved")
    status, made = sim.call("POST", "/waha/api/sessions", {"name": "moved", "start": True})
    assert status == 201
    me = wait_for(lambda: sim.call("GET", "/waha/api/sessions/moved/me")[1])
    assert me["id"] == one.status()["instance"]["owner"] + "@c.us"
    one.text("x #1")
    providers = sim.control("stats")["providers"]
    assert "moved" in providers["uazapi"] and "moved" not in providers["waha"]


def test_state_survives_restart(tmp_path):
    if find_sim() is None:
        pytest.skip("growhub-sim is not built")
    state = str(tmp_path / "state")
    first = UazapiSim("--state", state)
    one = first.instance("keep")
    one.done("/webhook", {"url": "http://127.0.0.1:9/", "events": ["messages"]})
    before, hooks = one.status()["instance"], one.get("/webhook")[1]
    first.close()
    second = UazapiSim("--state", state)
    again = Instance(second, one.token, None)
    again.wait("connected")
    now = again.status()["instance"]
    assert [now[k] for k in ("id", "name", "owner", "created")] == [
        before[k] for k in ("id", "name", "owner", "created")]
    assert again.get("/webhook")[1] == hooks
    second.close()
