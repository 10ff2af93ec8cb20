"""A tool written for UAZAPI against GrowHub: nothing but its headers, its paths, its request bodies
(the examples of contracts/uazapi.md, verbatim but for the ids) and the members of its replies,
whichever provider holds the number."""

import contextlib
import http.server
import json
import re
import threading
import time

import pytest

from api import Api
from life import OwnGateway
from rawhttp import Connection
from support import unique, wait_until

NUMBER = "5511900000002"
TRACK = "0192f0aa-7000-7000-8000-000000000001"
# contracts/uazapi.md section 5: path, body, messageType.
SENDS = [
    ("text", {"number": NUMBER, "text": "Your order 881 left the store", "linkPreview": False,
              "replyid": "3EB0AAAABBBBCCCC0001", "delay": 0, "track_source": "growhub",
              "track_id": TRACK, "async": False}, "ExtendedTextMessage"),
    ("media", {"number": NUMBER, "type": "document", "file": "{sim}/files/i881?type=application/pdf",
               "docName": "invoice-881.pdf", "text": "Invoice 881", "mimetype": "application/pdf",
               "track_source": "growhub", "track_id": TRACK}, "DocumentMessage"),
    ("contact", {"number": NUMBER, "fullName": "Rita Sales", "phoneNumber": "5511900000003",
                 "organization": "Acme", "email": "rita@example.net",
                 "url": "https://example.net"}, "ContactMessage"),
    ("location", {"number": NUMBER, "latitude": -23.55, "longitude": -46.63, "name": "Store 3",
                  "address": "Rua A, 1"}, "LocationMessage"),
    ("menu", {"number": NUMBER, "type": "button", "text": "Confirm?", "footerText": "Acme",
              "choices": ["Yes|ok", "Other day|later", "Site|https://example.net",
                          "Call|call:+5511900000003", "Coupon|copy:A1B2"]}, "ButtonsMessage"),
    ("menu", {"number": NUMBER, "type": "list", "text": "Departments", "listButton": "Open",
              "footerText": "Acme", "choices": ["[Main]", "Sales|dep_sales|Prices",
                                                "Support|dep_sup"]}, "ListMessage"),
    ("menu", {"number": NUMBER, "type": "poll", "text": "Delivery time?",
              "choices": ["Morning", "Afternoon"], "selectableCount": 1},
     "PollCreationMessageV3"),
]
# The answer of section 5.1: members and their types.
SENT = {"id": str, "messageid": str, "chatid": str, "owner": str, "fromMe": bool, "isGroup": bool,
        "messageType": str, "messageTimestamp": int, "status": str, "text": str, "content": dict,
        "sender": str, "senderName": str, "source": str, "quoted": str, "reaction": str,
        "edited": str, "convertOptions": str, "readChatAttempted": bool, "track_source": str,
        "track_id": str}


class Uazapi:
    """What such a tool is: a base URL, a header with a token, and replies taken as they are."""

    def __init__(self, url, **headers):
        self.api, self.headers = Api(url), headers

    def request(self, method, path, body=None):
        return self.api.request(method, path, body, self.headers)

    def call(self, method, path, body=None, status=200):
        reply = self.request(method, path, body)
        assert reply.status == status, reply.raw
        return reply.body

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, status=200):
        return self.call("POST", path, body, status)

    def refused(self, method, path, body=None):
        """(status, error) of what is not to be."""
        reply = self.request(method, path, body)
        assert reply.status >= 400 and isinstance(reply.body["error"], str), reply.raw
        return reply.status, reply.body["error"]


def served(sim, body):
    """The file that is named is there."""
    return body | {k: v.replace("{sim}", sim.url) for k, v in body.items()
                   if isinstance(v, str)}


def has(value, members):
    """value is an object that has these members of these types, among others."""
    wrong = {k: value.get(k) for k, kind in members.items()
             if k not in value or not isinstance(value[k], kind)
             or isinstance(value[k], bool) != (kind is bool)}
    assert not wrong, (wrong, value)
    return value


@pytest.fixture(params=["waha", "uazapi"])
def at(request):
    """Who holds the number: the tool cannot tell."""
    return request.param


AT_WAHA = pytest.mark.parametrize("at", ["waha"])  # steers its sessions, or does not need one


@pytest.fixture
def company(new_company, at):
    return new_company(at=at)


@pytest.fixture
def tool(env, company, instance, at):
    """A tool that was given the instance's token."""
    made = Uazapi(env["GROWHUB_URL"], token=instance["token"])
    made.instance, made.company, made.at = instance, company, at
    made.owner = wait_until(
        lambda: company.api.get(f"/api/instances/{instance['id']}")["phone_number"], "its number")
    return made


# ---- sends ----

@pytest.mark.parametrize("path, body, kind", SENDS, ids=lambda v: v if isinstance(v, str) else "")
def test_send(tool, sim, path, body, kind):
    body = served(sim, body)
    sent = has(tool.post(f"/send/{path}", body), SENT)
    assert sent["id"] == f"{tool.owner}:{sent['messageid']}"
    assert sent["messageid"] == sent["data"]["external_id"]
    assert re.fullmatch(r"[0-9A-F]{16,32}", sent["messageid"])
    wanted = {"chatid": f"{NUMBER}@s.whatsapp.net", "owner": tool.owner, "fromMe": True,
              "isGroup": False, "messageType": kind, "status": "Pending",
              "sender": f"{tool.owner}@s.whatsapp.net",
              "track_source": body.get("track_source", ""), "track_id": body.get("track_id", ""),
              "quoted": body.get("replyid", "")}
    assert {k: sent[k] for k in wanted} == wanted
    assert abs(sent["messageTimestamp"] / 1000 - time.time()) < 60
    row = tool.company.message(sent["data"]["id"])
    assert (row["reference"] or "") == sent["track_id"]


@pytest.mark.parametrize("path, body, kind", SENDS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_send_is_echoed_and_found_as_it_was_answered(tool, sim, path, body, kind):
    """In its webhook the kind, the text and the content are those of the reply, and of a search."""
    same = ("id", "messageid", "chatid", "messageType", "text", "content", "quoted", "track_source",
            "track_id", "convertOptions", "fromMe", "isGroup", "owner", "sender")
    heard = listen(tool, sim)
    sent = tool.post(f"/send/{path}", served(sim, body))
    echo = wait_until(lambda: heard("messages"), "the echo")[0]["message"]
    assert {k: echo[k] for k in same} == {k: sent[k] for k in same}
    has(echo, MESSAGE)
    assert echo["type"] == {"PollCreationMessageV3": "poll", "DocumentMessage": "media",
                            "ContactMessage": "media"}.get(kind, "text")
    found = tool.post("/message/find", {"id": sent["id"]})["messages"][0]
    assert {k: found[k] for k in same} == {k: sent[k] for k in same}


def test_content_of_a_send(tool, sim):
    def content(n):
        path, body, _ = SENDS[n]
        return tool.post(f"/send/{path}", served(sim, body))["content"]

    assert content(0)["text"] == "Your order 881 left the store"
    assert {"URL": f"{sim.url}/files/i881?type=application/pdf", "mimetype": "application/pdf",
            "caption": "Invoice 881", "fileName": "invoice-881.pdf"}.items() <= content(1).items()
    assert content(2)["displayName"] == "Rita Sales"
    assert content(3)["degreesLatitude"] == -23.55
    assert content(6)["options"] == ["Morning", "Afternoon"]


def test_send_to_a_group(tool):
    sent = tool.post("/send/text", {"number": "120363000000000001@g.us", "text": "hello"})
    assert (sent["isGroup"], sent["chatid"]) == (True, "120363000000000001@g.us")


@pytest.mark.parametrize("word", ["image", "video", "document", "audio", "myaudio", "ptt", "ptv"])
def test_every_type_of_media(tool, sim, word):
    mime_type = {"image": "image/jpeg", "video": "video/mp4", "ptv": "video/mp4",
                 "document": "application/pdf"}.get(word, "audio/ogg")
    sent = tool.post("/send/media", {"number": NUMBER, "type": word,
                                     "file": f"{sim.url}/files/{word}?type={mime_type}"})
    assert sent["messageType"] == {"myaudio": "Audio", "ptt": "Audio", "ptv": "Video"}.get(
        word, word.capitalize()) + "Message"


def test_the_type_that_a_client_names(tool, sim, db):
    """By URL and without a name only the client knows what it is."""
    sent = tool.post("/send/media", {"number": NUMBER,
                                     "file": f"{sim.url}/files/i881?type=audio/ogg",
                                     "mimetype": "audio/ogg; codecs=opus"})
    payload = db.execute("SELECT payload FROM messages WHERE id = %s",
                         (sent["data"]["id"],)).fetchone()["payload"]
    assert sent["messageType"] == "AudioMessage" and payload["file"]["mime_type"] == "audio/ogg"
    status, error = tool.refused("POST", "/send/media", {
        "number": NUMBER, "file": "https://files.example.net/i/881", "mimetype": "nonsense"})
    assert status == 422 and "mimetype" in error


def test_async_does_not_wait(tool, sim):
    with sim.failing("latency", 1500, scope=tool.at):
        sent = has(tool.post("/send/text", {"number": NUMBER, "text": "later", "async": True,
                                            "track_id": "a-1"}), SENT)
        assert (sent["status"], sent["messageid"]) == ("Queued", sent["data"]["id"])
        assert sent["id"] == f"{tool.owner}:{sent['messageid']}"
    tool.company.wait_status(sent["data"]["id"], "sent", "delivered", "read")


def test_errors_are_told_where_such_a_tool_looks(env, tool):
    status, error = tool.refused("POST", "/send/text", {"number": NUMBER})
    assert status == 422 and "text" in error
    assert tool.refused("POST", "/message/react", {"number": NUMBER, "id": "3EB0AAAABBBBCCCC0001",
                                                   "text": "x"})[0] == 404
    stranger = Uazapi(env["GROWHUB_URL"], token="7d3f0c52-0000-4000-8000-0000000000aa")
    assert stranger.refused("POST", "/send/text", {"number": NUMBER, "text": "x"})[0] == 401
    assert stranger.refused("GET", "/no/such/path")[0] == 404


@AT_WAHA
def test_errors_of_others_are_as_they_were(company):
    body = company.api.request("GET", "/api/messages/x").body
    assert body.keys() == {"success", "message", "errors", "code", "request_id"}


# ---- the instance and its session ----

INSTANCE = {"id": str, "token": str, "status": str, "paircode": str, "qrcode": str, "name": str,
            "profileName": str, "profilePicUrl": str, "isBusiness": bool, "plataform": str,
            "systemName": str, "owner": str, "current_presence": str, "lastDisconnect": str,
            "lastDisconnectReason": str, "adminField01": str, "adminField02": str,
            "openai_apikey": str, "chatbot_enabled": bool, "chatbot_ignoreGroups": bool,
            "chatbot_stopConversation": str, "chatbot_stopMinutes": int,
            "chatbot_stopWhenYouSendMsg": int, "msg_delay_min": int, "msg_delay_max": int,
            "currentTime": str, "created": str, "updated": str}
STATUS = {"connected": bool, "loggedIn": bool, "resetting": bool}
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def server(env, admin, company, provider):
    """A tool that was given the server's token: here the company's. There is a provider to choose."""
    path = f"/api/admin/providers/{provider['id']}"
    wait_until(lambda: admin.get(path)["health_status"] == "healthy", "its health", 20)
    return Uazapi(env["GROWHUB_URL"], admintoken=company.token)


def test_the_life_of_an_instance(env, server, company):
    """Created, paired by QR code, connected, renamed, disconnected, deleted."""
    name = unique("acme")
    made = has(server.post("/instance/create", {"name": name, "systemName": "growhub",
                                                "adminField01": "one"}),
               {"response": str, "instance": dict, "connected": bool, "loggedIn": bool,
                "name": str, "token": str, "info": str})
    shown = has(made["instance"], INSTANCE)
    assert (made["name"], made["token"]) == (name, made["instance"]["token"])
    assert (shown["systemName"], shown["adminField01"], shown["adminField02"]) == (
        "growhub", "one", "")
    assert re.fullmatch(r"r[0-9a-f]{14}", shown["id"])
    assert int(shown["id"][1:], 16) == made["data"]["id"]
    assert re.fullmatch(TIME, shown["created"]) and re.fullmatch(TIME, shown["currentTime"])
    tool = Uazapi(env["GROWHUB_URL"], token=made["token"])

    def status():
        told = tool.get("/instance/status")
        has(told["instance"], INSTANCE)
        has(told["status"], STATUS)
        return told["status"]["connected"] and told

    told = wait_until(status, "the instance to connect")
    assert told["instance"]["status"] == "connected"
    assert told["status"]["jid"].endswith("@s.whatsapp.net")
    assert told["status"]["jid"].startswith(told["instance"]["owner"])
    connected = has(tool.post("/instance/connect", {}), {"response": str, **STATUS_AT_ROOT})
    assert connected["connected"] and connected["instance"]["status"] == "connected"
    has(connected["instance"], INSTANCE)
    renamed = has(tool.post("/instance/updateInstanceName", {"name": name + "-b"}), INSTANCE)
    assert (renamed["name"], renamed["id"]) == (name + "-b", shown["id"])
    tool.post("/instance/presence", {"presence": "available"})
    down = has(tool.post("/instance/disconnect"), {"instance": dict, "response": str, "info": str})
    assert down["response"] == "Disconnected" and down["instance"]["status"] == "disconnected"
    wait_until(lambda: tool.get("/instance/status")["instance"]["lastDisconnect"], "its time")
    gone = has(tool.call("DELETE", "/instance"), {"response": str, "info": str})
    assert gone["response"] == "Instance Deleted"


STATUS_AT_ROOT = {"connected": bool, "loggedIn": bool, "status": dict, "instance": dict}


@AT_WAHA
def test_connect_shows_what_a_person_needs(tool, sim):
    session = tool.instance["external_instance_id"]
    sim.session(session, is_paired=False, status="SCAN_QR_CODE")
    wait_until(lambda: tool.company.api.get(f"/api/instances/{tool.instance['id']}")["status"]
               == "qr", "the code")
    shown = has(tool.post("/instance/connect", {}), {"response": str, **STATUS_AT_ROOT})
    assert (shown["connected"], shown["loggedIn"], shown["jid"]) == (False, False, None)
    assert shown["instance"]["status"] == "connecting"
    assert shown["instance"]["qrcode"].startswith("data:image/png;base64,")
    paired = tool.post("/instance/connect", {"phone": "5511900000001"})
    assert re.fullmatch(r"\w{4}-?\w{4}", paired["instance"]["paircode"])


@pytest.mark.parametrize("path", ["/instance/create", "/instance/init"])
def test_either_path_creates(server, path):
    body = {"name": unique("acme")}
    assert server.post(path, body)["instance"]["systemName"] == "uazapiGO"
    assert server.refused("POST", path, body)[0] == 409, "names are unique here"
    assert server.refused("POST", path, {})[0] == 422


def test_all_is_a_bare_array_of_the_companys_own(server, tool, company):
    server = Uazapi(server.api.base_url, admintoken=tool.company.token)
    listed = server.get("/instance/all")
    assert [int(has(i, INSTANCE)["id"][1:], 16) for i in listed] == [tool.instance["id"]]
    assert listed[0]["token"] == "", "shown once"
    assert (listed[0]["status"], listed[0]["owner"]) == ("connected", tool.owner)


def test_admin_fields(server, tool, new_company):
    server = Uazapi(server.api.base_url, admintoken=tool.company.token)
    identity = server.get("/instance/all")[0]["id"]
    marked = has(server.post("/instance/updateAdminFields",
                             {"id": identity, "adminField01": "a", "adminField02": "b"}), INSTANCE)
    assert (marked["adminField01"], marked["adminField02"]) == ("a", "b")
    marked = server.post("/instance/updateAdminFields", {"id": identity, "adminField02": "c"})
    assert (marked["adminField01"], marked["adminField02"]) == ("a", "c")
    stranger = Uazapi(server.api.base_url, admintoken=new_company().token)
    for wrong in (identity, "r00000000000000", "x", "r0000007fffffff"):
        assert stranger.refused("POST", "/instance/updateAdminFields", {"id": wrong})[0] == 404


def test_who_holds_which_token(env, server, tool, admin):
    """The server's token is a company's; a superadmin's has no instances of its own."""
    assert server.refused("GET", "/instance/status")[0] == 401
    assert tool.refused("GET", "/instance/all")[0] == 401
    for wrong in (admin.token, tool.instance["token"]):
        reply = Uazapi(env["GROWHUB_URL"], admintoken=wrong).request("GET", "/instance/all")
        assert (reply.status, reply.body["code"]) == (403, "wrong_token_kind")
        assert "company token" in reply.body["error"]
    reply = Uazapi(env["GROWHUB_URL"], admintoken=server.headers["admintoken"]).request(
        "GET", "/api/instances")
    assert reply.status == 401, "only where UAZAPI has it"


# ---- webhooks ----

HOOK = {"id": str, "enabled": bool, "url": str, "events": list, "excludeMessages": list,
        "addUrlEvents": bool, "addUrlTypesMessages": bool}
EVENTS = ["connection", "messages", "messages_update", "call", "groups"]
MESSAGE = {"id": str, "messageid": str, "chatid": str, "chatlid": str, "sender": str,
           "sender_pn": str, "sender_lid": str, "senderName": str, "fromMe": bool,
           "isGroup": bool, "groupName": str, "type": str, "messageType": str, "mediaType": str,
           "content": (str, dict), "text": str, "messageTimestamp": int, "source": str,
           "status": str, "quoted": str, "edited": str, "reaction": str, "vote": str,
           "convertOptions": str, "buttonOrListid": str, "pinned": bool, "track_source": str,
           "track_id": str, "wasSentByApi": bool, "owner": str}
CHAT = {"id": str, "wa_chatid": str, "wa_chatlid": str, "wa_fastid": str, "phone": str,
        "name": str, "wa_name": str, "wa_contactName": str, "wa_isGroup": bool,
        "wa_unreadCount": int, "wa_lastMsgTimestamp": int, "imagePreview": str, "owner": str,
        "lead_tags": list, "wa_label": list}
UPDATE = {"MessageIDs": list, "Type": str, "Chat": str, "chatid": str, "chatlid": str,
          "Sender": str, "sender_pn": str, "sender_lid": str, "IsFromMe": bool, "IsGroup": bool,
          "Timestamp": int}


def listen(tool, sim, **fields):
    """A webhook set as UAZAPI's tools do; heard(EventType) are its posts, path and body."""
    name = unique("dialect")
    tool.post("/webhook", {"url": sim.hook_url(name), "enabled": True, "events": EVENTS, **fields})

    def heard(event, **wanted):
        return [p["body"] for p in sim.received(name) if p["body"]["EventType"] == event
                and wanted.items() <= p["body"].get("message", p["body"]).items()]
    return heard


def test_webhook_is_set_and_listed(tool, sim):
    body = {"url": sim.hook_url(unique("dialect")), "enabled": True, "events": EVENTS,
            "excludeMessages": [], "addUrlEvents": False, "addUrlTypesMessages": False}
    assert tool.get("/webhook") == []
    made = tool.post("/webhook", body)
    assert [has(hook, HOOK) | body for hook in made] == made, "the bare array, what was sent in it"
    assert tool.get("/webhook") == made
    other = body | {"url": sim.hook_url(unique("dialect")), "excludeMessages": ["wasSentByApi"]}
    assert [h["url"] for h in tool.post("/webhook", other)] == [other["url"]], "replaced"
    added = tool.post("/webhook", body | {"action": "add", "addUrlEvents": True})
    assert [h["url"] for h in added] == [other["url"], body["url"]]
    changed = tool.post("/webhook", {"action": "update", "id": added[1]["id"], "enabled": False})
    assert changed == [added[0], added[1] | {"enabled": False}], "the rest stays"
    left = tool.post("/webhook", {"action": "delete", "id": added[0]["id"]})
    assert left == changed[1:]


@pytest.fixture(scope="module")
def gateways(env, tmp_path_factory):
    """Two of one database: the stack's and one beside it."""
    beside = OwnGateway(tmp_path_factory.mktemp("beside"), env, "")
    yield [env["GROWHUB_URL"], beside.url]
    beside.close()


def at_once(gateways, requests):
    """The answers to POSTs of (path, headers, body) over both gateways, none of which has its last
    byte before all are there."""
    with contextlib.ExitStack() as stack:
        asking = [stack.enter_context(Connection(gateways[n % 2])) for n in range(len(requests))]
        for connection, (path, header, body) in zip(asking, requests):
            text = json.dumps(body)
            connection.send(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                            f"{header}\r\nContent-Length: {len(text)}\r\n\r\n{text[:-1]}".encode())
        for connection in asking:
            connection.send(b"}")
        return [connection.answer() for connection in asking]


def test_webhooks_set_at_once_are_one(gateways, tool, sim):
    token = f"token: {tool.instance['token']}"
    bodies = [{"url": sim.hook_url(unique("dialect")), "events": EVENTS} for _ in range(20)]
    replies = [r.body for r in at_once(gateways, [("/webhook", token, body) for body in bodies])]
    assert [[h["url"] for h in hooks] for hooks in replies] == [[body["url"]] for body in bodies]
    assert len({hooks[0]["id"] for hooks in replies}) == 1, "one row, replaced"
    assert len(tool.get("/webhook")) == 1


@pytest.fixture
def fill(tool, owner):
    def rows(count):
        owner.execute(
            "INSERT INTO instance_webhooks (company_id, instance_id, url, events, event_mask,"
            " is_active) SELECT company_id, id, 'http://127.0.0.1:9/', '{*}', 1, false"
            " FROM instances, generate_series(1, %s) WHERE id = %s", (count, tool.instance["id"]))
    return rows


def webhook_count(db, tool):
    return db.execute("SELECT count(*) FROM instance_webhooks WHERE instance_id = %s"
                      " AND deleted_at IS NULL", (tool.instance["id"],)).fetchone()["count"]


@AT_WAHA
def test_webhooks_of_an_instance_are_limited(gateways, tool, sim, fill, db):
    """Of twenty made at once beside 95, by both routes over two gateways, five are let in."""
    path = f"/api/instances/{tool.instance['id']}/webhooks"
    body = {"url": sim.hook_url(unique("full")), "events": ["*"]}
    fill(95)
    one = ("/webhook", f"token: {tool.instance['token']}",
           body | {"action": "add", "events": EVENTS})
    other = (path, f"Authorization: Bearer {tool.company.api.token}", body)
    statuses = [a.status for a in at_once(gateways, [one, one, other, other] * 5)]
    assert statuses.count(200) + statuses.count(201) == 5 and statuses.count(409) == 15, statuses
    assert webhook_count(db, tool) == 100
    refused = tool.company.api.request("POST", path, body)
    assert (refused.status, refused.body["code"]) == (409, "conflict")
    assert "has 100 webhooks" in json.dumps(refused.body), refused.body
    tool.company.api.delete(f"{path}/{tool.company.api.get(path)[0]['id']}")
    tool.company.api.post(path, body)
    assert webhook_count(db, tool) == 100


@AT_WAHA
def test_a_full_instance_still_replaces_its_webhook(tool, sim, fill, db):
    urls = [{"url": sim.hook_url(unique("full"))} for _ in range(2)]
    fill(99)
    made = tool.post("/webhook", urls[0])
    assert [h["url"] for h in tool.post("/webhook", urls[1])] == [urls[1]["url"]]
    assert tool.refused("POST", "/webhook", urls[0] | {"action": "add"})[0] == 409
    assert tool.post("/webhook", {"action": "delete", "id": made[0]["id"]}) == []
    fill(1)
    assert tool.refused("POST", "/webhook", urls[0])[0] == 409
    assert webhook_count(db, tool) == 100


def test_webhooks_of_other_formats_are_not_its(tool, sim):
    path = f"/api/instances/{tool.instance['id']}/webhooks"
    row = tool.company.api.post(path, {"url": sim.hook_url(unique("own")), "events": ["*"]})
    assert tool.get("/webhook") == []
    assert tool.refused("POST", "/webhook", {"action": "delete", "id": str(row["id"])})[0] == 404
    tool.post("/webhook", {"url": sim.hook_url(unique("dialect"))})
    assert [h["format"] for h in tool.company.api.get(path)] == ["uazapi", "growhub"]


@pytest.mark.parametrize("wrong", [
    {}, {"url": "no url"}, {"url": "ftp://example.net/x"}, {"events": ["nonsense"]},
    {"excludeMessages": ["never"]}, {"action": "update"}, {"action": "delete"},
    {"action": "other", "id": "r1"}])
def test_webhooks_that_cannot_be(tool, sim, wrong):
    body = {"url": sim.hook_url("x")} | wrong if wrong else {}
    assert tool.refused("POST", "/webhook", body)[0] == 422


def test_what_is_posted_of_a_message_received(tool, sim):
    heard = listen(tool, sim)
    sim.inbound(tool.instance["external_instance_id"], NUMBER, tool.at, text="Is it open today?")
    body = wait_until(lambda: heard("messages"), "the message")[0]
    has(body, {"BaseUrl": str, "EventType": str, "instanceName": str, "owner": str, "token": str,
               "chat": dict, "message": dict})
    assert (body["owner"], body["token"], body["BaseUrl"]) == (tool.owner, "", "")
    assert body["instanceName"] == tool.instance["instance_name"]
    message = has(body["message"], MESSAGE)
    has(body["chat"], CHAT)
    wanted = {"chatid": f"{NUMBER}@s.whatsapp.net", "sender_pn": f"{NUMBER}@s.whatsapp.net",
              "fromMe": False, "isGroup": False, "type": "text", "messageType": "Conversation",
              "content": "Is it open today?", "text": "Is it open today?", "status": "",
              "wasSentByApi": False, "owner": tool.owner}
    assert {k: message[k] for k in wanted} == wanted
    assert message["id"] == f"{tool.owner}:{message['messageid']}"
    assert body["chat"]["wa_chatid"] == message["chatid"] and body["chat"]["phone"] == NUMBER
    assert abs(message["messageTimestamp"] / 1000 - time.time()) < 60


def test_what_is_posted_of_a_message_sent(tool, sim):
    """Its echo with our track_id, then its receipts."""
    heard = listen(tool, sim)
    sent = tool.post("/send/text", {"number": NUMBER, "text": "hello", "track_id": TRACK})
    echo = has(wait_until(lambda: heard("messages"), "the echo")[0]["message"], MESSAGE)
    assert (echo["id"], echo["track_id"], echo["fromMe"], echo["wasSentByApi"]) == (
        sent["id"], TRACK, True, True)

    def updates():
        found = {body["state"]: body for body in heard("messages_update")}
        return {"Delivered", "Read"} <= found.keys() and found
    for state, body in wait_until(updates, "both receipts").items():
        event = has(body["event"], UPDATE)
        assert (body["type"], event["Type"]) == ("ReadReceipt", state)
        assert event["MessageIDs"] == [sent["messageid"]] and event["IsFromMe"] is False
        assert event["chatid"] == sent["chatid"]


@pytest.mark.parametrize("excluded, left", [
    ([], {"in", "out", "group"}), (["wasSentByApi"], {"in", "group"}),
    (["wasNotSentByApi"], {"out"}), (["fromMeYes"], {"in", "group"}), (["fromMeNo"], {"out"}),
    (["isGroupYes"], {"in", "out"}), (["IsGroupNo"], {"group"}),
    (["wasSentByApi", "isGroupYes"], {"in"})])
def test_messages_that_are_excluded(tool, sim, db, excluded, left):
    heard = listen(tool, sim, excludeMessages=excluded)
    session = tool.instance["external_instance_id"]
    sim.inbound(session, NUMBER, tool.at, text="in")
    sim.inbound(session, "120363000000000001@g.us", tool.at, text="group", participant=NUMBER)
    tool.post("/send/text", {"number": NUMBER, "text": "out"})
    wait_until(lambda: db.execute(
        "SELECT count(*) AS n FROM webhook_deliveries d WHERE d.company_id = %s AND d.state = 2",
        (tool.company.id,)).fetchone()["n"] >= 5, "three messages and two receipts to be done")
    assert {"out" if b["message"]["fromMe"] else b["message"]["text"]
            for b in heard("messages")} == left
    assert len(heard("messages_update")) == 2, "receipts are not messages"


@pytest.fixture
def ear():
    """A receiver of any path; paths of what it got."""
    got = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            got.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("given, options, paths", [
    ("/in?k=1", {"addUrlEvents": True}, {"/in/messages?k=1"}),
    ("/in/", {"addUrlTypesMessages": True}, {"/in/Conversation"}),
    ("", {"addUrlEvents": True, "AddUrlTypesMessages": True}, {"/messages/Conversation"}),
    ("/in", {}, {"/in"})])
def test_urls_with_the_event_and_the_type(tool, sim, ear, given, options, paths):
    url, got = ear
    tool.post("/webhook", {"url": url + given, "events": ["messages"], **options})
    sim.inbound(tool.instance["external_instance_id"], NUMBER, tool.at, text="hello")
    wait_until(lambda: set(got) == paths, f"{paths} of {got}")


def test_what_is_posted_of_the_session(tool, sim):
    heard = listen(tool, sim)
    tool.post("/instance/disconnect")
    down = wait_until(lambda: heard("connection"), "the state")[0]
    has(down["instance"], {"name": str, "status": str, "lastDisconnect": str,
                           "lastDisconnectReason": str})
    assert down["instance"]["status"] == "disconnected" and down["owner"] == tool.owner
    assert re.fullmatch(TIME, down["instance"]["lastDisconnect"])


# ---- messages ----

def test_actions_on_a_message(tool):
    """By every form of its id."""
    sent = tool.post("/send/text", {"number": NUMBER, "text": "hello"})
    for identity in (sent["id"], sent["messageid"], sent["data"]["id"],
                     f"{tool.owner}:{sent['data']['id']}"):
        reaction = has(tool.post("/message/react", {"number": f"{NUMBER}@s.whatsapp.net",
                                                    "text": "x", "id": identity}), SENT)
        assert (reaction["messageType"], reaction["reaction"], reaction["status"]) == (
            "ReactionMessage", sent["messageid"], "Pending")
    edited = has(tool.post("/message/edit", {"id": sent["id"], "text": "new"}), SENT)
    assert (edited["text"], edited["edited"]) == ("new", sent["messageid"])
    assert tool.post("/message/markread", {"id": [sent["id"], "3EB0FFFFFFFFFFFFFFFF"]})[
        "results"][0] == {"message_id": sent["id"], "status": "success"}
    assert tool.post("/message/presence", {"number": NUMBER, "presence": "composing"})[
        "response"] == "Chat presence sent successfully"
    gone = has(tool.post("/message/delete", {"id": sent["id"]}), {"id": str, "timestamp": int})
    assert gone["id"] == sent["id"]


@AT_WAHA
def test_download(tool, sim):
    """In data for all, at the root for such a tool."""
    body = {"id": "false_5511900000002@c.us_3AF11E00000000000001"}
    told = has(tool.post("/message/download", body), {"fileURL": str, "mimetype": str})
    assert told["fileURL"] == told["data"]["fileURL"]
    assert told["fileURL"].startswith(f"data:{told['mimetype']};base64,")
    told = tool.post("/message/download", body | {"return_base64": True})
    assert told["base64Data"] == told["data"]["base64Data"]
    own = tool.company.api.with_token(tool.instance["token"]).request(
        "POST", "/message/download", body).body
    assert own.keys() == {"success", "message", "data"}


def test_find(tool, sim):
    track = unique("track")
    sent = [tool.post("/send/text", {"number": NUMBER, "text": f"n{n}", "track_id": track,
                                     "track_source": f"s{n % 2}"}) for n in range(3)]
    members = {"returnedMessages": int, "messages": list, "limit": int, "offset": int,
               "nextOffset": int, "hasMore": bool}

    def found(**body):
        reply = has(tool.post("/message/find", body), members)
        assert reply["returnedMessages"] == len(reply["messages"])
        return [has(m, SENT)["text"] for m in reply["messages"]], reply["hasMore"]

    assert found(track_id=track) == (["n2", "n1", "n0"], False)
    assert found(track_id=track, limit=2) == (["n2", "n1"], True)
    assert found(track_id=track, limit=2, offset=2) == (["n0"], False)
    assert found(track_id=track, track_source="s0") == (["n2", "n0"], False)
    assert found(chatid=f"{NUMBER}@s.whatsapp.net") == (["n2", "n1", "n0"], False)
    assert found(chatid="5511900000009@s.whatsapp.net") == ([], False)
    assert found(track_id="nobodys") == ([], False)
    for identity in (sent[1]["id"], sent[1]["messageid"], sent[1]["data"]["id"]):
        assert found(id=identity) == (["n1"], False)
    assert found(id="3EB0FFFFFFFFFFFFFFFF") == ([], False)
    message = tool.post("/message/find", {"id": sent[1]["id"]})["messages"][0]
    assert {k: message[k] for k in ("id", "track_id", "track_source", "chatid", "fromMe")} == {
        k: sent[1][k] for k in ("id", "track_id", "track_source", "chatid", "fromMe")}
    sim.inbound(tool.instance["external_instance_id"], NUMBER, tool.at, text="answer")
    wait_until(lambda: found()[0] == ["answer", "n2", "n1", "n0"], "the answer")
    message = tool.post("/message/find", {"limit": 1})["messages"][0]
    assert (message["fromMe"], message["sender"]) == (False, f"{NUMBER}@s.whatsapp.net")


def test_find_shows_only_its_own(env, tool, company):
    sent = tool.post("/send/text", {"number": NUMBER, "text": "mine", "track_id": "t-1"})
    other = Uazapi(env["GROWHUB_URL"], token=company.instance()["token"])
    for body in ({}, {"id": sent["id"]}, {"id": sent["data"]["id"]}, {"track_id": "t-1"},
                 {"chatid": sent["chatid"]}):
        assert other.post("/message/find", body)["messages"] == []


def test_the_queue(tool, sim, company):
    idle = has(tool.get("/message/async"), {"response": str, "instanceId": str, "queue": dict})
    assert idle["queue"] == {"status": "idle", "pending": 0, "processingNow": False,
                             "acceptingNewMessages": True, "sessionReady": True,
                             "resetting": False}
    tool.post("/instance/disconnect")
    wait_until(lambda: not tool.get("/message/async")["queue"]["sessionReady"], "to be down")
    sent = [tool.post("/send/text", {"number": NUMBER, "text": "x", "async": True})
            for _ in range(3)]
    wait_until(lambda: tool.get("/message/async")["queue"] | {
        "status": "waiting_connection", "pending": 3, "processingNow": False}
        == tool.get("/message/async")["queue"], "three to wait")
    assert tool.call("DELETE", "/message/async")["queue"]["pending"] == 0
    for message in sent:
        company.wait_status(message["data"]["id"], "cancelled")


# ---- groups and chats ----

def test_groups(tool):
    """The group itself is the reply, and what was done to one."""
    group = has(tool.post("/group/create", {"name": "Acme team", "participants": [NUMBER]}),
                {"JID": str, "Name": str, "Participants": list})
    assert group["JID"] == group["data"]["JID"] and group["Name"] == "Acme team"
    own = {"groupjid": group["JID"]}
    assert tool.post("/group/info", own)["JID"] == group["JID"]
    has(tool.post("/group/updateName", own | {"name": "Other"}), {"response": str})
    has(tool.post("/group/updateParticipants", own | {"action": "promote",
                                                      "participants": [NUMBER]}),
        {"groupUpdated": list})
    has(tool.get(f"/group/invitelink/{group['JID']}"), {"inviteLink": str})


def test_details_of_a_chat(tool):
    chat = has(tool.post("/chat/details", {"number": NUMBER}), {"wa_chatid": str,
                                                                "wa_isGroup": bool})
    assert (chat["wa_chatid"], chat["data"]["wa_chatid"]) == (f"{NUMBER}@s.whatsapp.net",
                                                              f"{NUMBER}@c.us")


@pytest.mark.parametrize("number", [NUMBER, f"+{NUMBER}", f"{NUMBER}@s.whatsapp.net"])
def test_contacts(tool, number):
    added = has(tool.post("/contact/add", {"phone": number, "name": "Rui"}), {"contact": dict})
    assert added["contact"] == {"jid": f"{NUMBER}@s.whatsapp.net", "name": "Rui", "phone": NUMBER}
    assert added["jid"] == added["contact"]["jid"]


@pytest.mark.parametrize("at", ["uazapi"])  # WAHA's engine has no such calls
def test_what_only_uazapi_holds(tool):
    tool.post("/contact/add", {"phone": NUMBER, "name": "Rui"})
    removed = tool.post("/contact/remove", {"phone": NUMBER})["removed_contact"]
    assert (removed["jid"], removed["phone"]) == (f"{NUMBER}@s.whatsapp.net", NUMBER)
    for is_blocked, response in ((True, "Blocked successfully"), (False, "Unblocked successfully")):
        told = tool.post("/chat/block", {"number": NUMBER, "block": is_blocked})
        assert (told["response"], told["jid"]) == (response, f"{NUMBER}@s.whatsapp.net")
    community = has(tool.post("/community/create", {"name": "All of us"}),
                    {"JID": str, "Name": str, "IsParent": bool})
    assert community["JID"] == community["data"]["JID"]


ABSENT = ["chat/find", "chat/archive", "chat/read", "chat/mute", "chat/pin", "chat/delete",
          "profile/name", "profile/image", "send/status", "send/carousel", "send/location-button",
          "send/request-payment", "send/pix-button"]


def test_what_is_absent_says_so(tool):
    """501 whatever the body, and an error where such a tool looks for one."""
    for path in ABSENT:
        status, error = tool.refused("POST", f"/{path}", {"number": NUMBER, "text": "x"})
        assert status == 501 and "no such call" in error
    assert tool.refused("GET", "/chat/blocklist")[0] == 501


def test_reset(tool):
    assert tool.post("/instance/reset")["response"] == "Restarting"


def test_limits(tool, owner):
    """Of the pause of new chats, whoever holds the number."""
    free = has(tool.get("/instance/wa_messages_limits"), {
        "can_send_new_messages": bool, "reachable": bool, "new_chat_message_capping": dict,
        "reachout_timelock": dict})
    assert free["can_send_new_messages"] and free["reachable"]
    assert free["reachout_timelock"] == {"available": True, "active": False}
    owner.execute("UPDATE instances SET new_chats_paused_until = now() + interval '1 hour'"
                  " WHERE id = %s", (tool.instance["id"],))
    locked = tool.get("/instance/wa_messages_limits")
    assert locked["error_key"] == "WHATSAPP_REACHOUT_TIMELOCK"
    assert not locked["can_send_new_messages"] and locked["reachout_timelock"]["active"]
    row = tool.company.api.get(f"/api/instances/{tool.instance['id']}")
    assert locked["reachout_timelock"]["until"] == row["new_chats_paused_until"]
