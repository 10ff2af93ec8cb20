"""Direct calls of instance routes: messages, contacts, chats, groups, communities
(contracts/growhub-api.md section 5). What the provider was asked is read from the simulator's log."""

import base64
import contextlib
import json
import urllib.request
from types import SimpleNamespace

import pytest

from support import Company, wait_until
from test_messages_api import raises

JPEG = base64.b64encode(b"\xff\xd8\xff\xe0 picture").decode()


def actions_of(sim, session, *names):
    """What the simulated provider was asked, newest last: (action, body)."""
    with urllib.request.urlopen(f"{sim.url}/_sim/actions?session={session}", timeout=10) as answer:
        return [SimpleNamespace(**{"body": None, **row}) for row in json.loads(answer.read())
                if not names or row["action"] in names]


@contextlib.contextmanager
def acting(admin, provider, sim, sender):
    """An instance to act with; sent: a message of its own; got(text): one from outside."""
    company = Company(admin, provider)
    row = company.instance()
    sent = company.send(row, to="5511999990001", content="first")
    sent = company.wait_status(sent["id"], "sent", "delivered", "read")

    def got(text, **fields):
        sim.inbound(row["external_instance_id"], sender, provider=provider["type"], text=text,
                    **fields)
        return wait_until(lambda: next((m for m in company.api.get(
            f"/api/messages?instance_id={row['id']}&direction=inbound") if m["content"] == text),
            None), f"message {text}")

    yield SimpleNamespace(
        company=company, row=row, session=row["external_instance_id"],
        api=company.api.with_token(row["token"]), sent=sent, got=got)
    company.close()


@pytest.fixture(scope="module")
def tenant(admin, provider, sim):
    with acting(admin, provider, sim, "5511900000002@c.us") as made:
        yield made


def unsupported(tenant, path, body, *words):
    """501 that names the provider and says where its contract lacks the call."""
    reply = tenant.api.request("POST", path, body)
    assert (reply.status, reply.body["code"]) == (501, "not_supported")
    assert all(word in reply.body["message"] for word in ("waha", *words)), reply.body


def last(sim, tenant, name):
    return actions_of(sim, tenant.session, name)[-1]


def test_react_by_every_form_of_id(tenant, sim):
    full = f"true_5511999990001@c.us_{tenant.sent['external_id']}"
    for form in (tenant.sent["id"], tenant.sent["external_id"], full):
        data = tenant.api.post("/message/react", {"number": "5511999990001", "id": form,
                                                  "text": "👍"})
        assert data["id"] == (tenant.sent["id"]) and data["messageid"] == tenant.sent["external_id"]
        assert last(sim, tenant, "reaction").body == {
            "session": tenant.session, "messageId": full, "reaction": "👍"}
    tenant.api.post("/message/react", {"number": 5511999990001, "id": form, "text": ""})
    assert last(sim, tenant, "reaction").body["reaction"] == ""


def test_a_message_only_the_provider_knows(tenant, sim):
    full = "false_5511900000077@c.us_3A0000000000000000CC"
    data = tenant.api.post("/message/react", {"number": "5511900000077", "id": full, "text": "x"})
    assert data["id"] is None and data["messageid"] == "3A0000000000000000CC"
    for form in ("3A0000000000000000CD", "0190a1b2-0000-7000-8000-000000000000"):
        with raises("not_found", 404):
            tenant.api.post("/message/react", {"number": "5511900000077", "id": form, "text": "x"})


def test_incoming_messages_keep_the_providers_name(tenant, sim):
    message = tenant.got("in a group", chat="120363000000000055@g.us")
    tenant.api.post("/message/react", {"number": "120363000000000055@g.us", "id": message["id"],
                                       "text": "x"})
    assert last(sim, tenant, "reaction").body["messageId"] == (
        f"false_120363000000000055@g.us_{message['external_id']}_5511900000002@c.us")


def test_bad_fields(tenant):
    with raises("validation_failed", 422) as e:
        tenant.api.post("/message/react", {"number": "abc", "id": ""})
    assert set(e.errors) == {"number", "id", "text"}
    with raises("validation_failed", 422) as e:
        tenant.api.post("/group/create", {"name": "", "participants": ["x", "120363@g.us"]})
    assert set(e.errors) == {"name", "participants[0]", "participants[1]"}
    with raises("validation_failed", 422) as e:
        tenant.api.post("/group/updateParticipants", {"groupjid": "5511999990001", "action": "ban",
                                                      "participants": []})
    assert set(e.errors) == {"groupjid", "action", "participants"}
    with raises("validation_failed", 422) as e:
        tenant.api.post("/chat/check", {"numbers": ["5511999990001", "1@g.us"]})
    assert set(e.errors) == {"numbers[1]"}
    with raises("validation_failed", 422):
        tenant.api.get("/contacts?limit=0")


def test_markread_groups_by_chat_and_tells_of_each(tenant, sim):
    ids = [tenant.got(text)["external_id"] for text in ("one", "two")]
    data = tenant.api.post("/message/markread", {"id": [*ids, "3AFFFFFFFFFFFFFFFFFF"]})
    assert [(r["message_id"], r["status"]) for r in data["results"]] == [
        (ids[0], "success"), (ids[1], "success"), ("3AFFFFFFFFFFFFFFFFFF", "error")]
    assert last(sim, tenant, "sendSeen").body == {
        "session": tenant.session, "chatId": "5511900000002@c.us",
        "messageIds": [f"false_5511900000002@c.us_{i}" for i in ids]}
    with raises("not_found", 404):
        tenant.api.post("/message/markread", {"id": ["3AFFFFFFFFFFFFFFFFFF"]})


def test_presence(tenant, sim):
    for ours, theirs in (("composing", "typing"), ("recording", "recording"), ("paused", "paused")):
        tenant.api.post("/message/presence", {"number": "5511999990001", "presence": ours})
        assert last(sim, tenant, "presence").body == {"chatId": "5511999990001@c.us",
                                                      "presence": theirs}


def test_edit_and_delete_change_the_row(tenant, sim, db):
    message = tenant.company.wait_status(
        tenant.company.send(tenant.row, content="typo")["id"], "sent", "delivered", "read")
    data = tenant.api.post("/message/edit", {"id": message["id"], "text": "no typo"})
    assert data["messageid"] == "3EB0EDEDEDEDEDEDEDED"
    assert last(sim, tenant, "edit").body == {"text": "no typo"}
    assert last(sim, tenant, "edit").path.endswith(
        f"/chats/5511999990001%40c.us/messages/true_5511999990001%40c.us_{message['external_id']}")
    tenant.api.post("/message/delete", {"id": message["id"]})
    assert actions_of(sim, tenant.session)[-1].action == "delete"
    row = db.execute("SELECT content, edited_at, deleted_at FROM messages WHERE id = %s",
                     (message["id"],)).fetchone()
    assert row["content"] == "no typo" and row["edited_at"] and row["deleted_at"]
    with raises("conflict", 409):
        tenant.api.post("/message/edit", {"id": tenant.got("theirs")["id"], "text": "mine"})


def test_forward_where_the_engine_can(tenant, sim, sim_engine):
    body = {"number": "5511900000009", "messageId": tenant.sent["id"]}
    unsupported(tenant, "/message/forward", body, "engine GOWS", "section 5")
    sim_engine("NOWEB")
    assert tenant.api.post("/message/forward", body)["messageid"] == "3EB0F0F0F0F0F0F0F0F0"
    assert last(sim, tenant, "forward").body["chatId"] == "5511900000009@c.us"


def test_download(tenant, sim):
    full = "false_5511900000002@c.us_3AF11E00000000000001"
    data = tenant.api.post("/message/download", {"id": full, "return_base64": True})
    assert data["mimetype"] == "image/jpeg" and "fileURL" not in data
    assert base64.b64decode(data["base64Data"]).startswith(b"\xff\xd8\xff")
    assert data["size"] == len(base64.b64decode(data["base64Data"]))
    # From the provider registered, whatever host the media names.
    assert last(sim, tenant, "file").path == (
        f"/waha/api/files/{tenant.session}/3AF11E00000000000001.jpeg")
    data = tenant.api.post("/message/download", {"id": full})
    assert data["fileURL"].startswith("data:image/jpeg;base64,") and "base64Data" not in data
    with raises("not_found", 404):
        tenant.api.post("/message/download", {"id": full.replace("F11E00", "F11EDEAD")})
    with raises("not_found", 404):
        tenant.api.post("/message/download", {"id": "false_5511900000002@c.us_3A00000000000000"})
    unsupported(tenant, "/message/download", {"id": full, "generate_mp3": True}, "section 5")


def test_contacts(tenant, sim):
    for i in range(3):
        data = tenant.api.post("/contact/add", {"phone": f"551190000010{i}", "name": f"Rui {i}"})
        assert data == {"jid": f"551190000010{i}@c.us", "name": f"Rui {i}"}
    assert last(sim, tenant, "contact").body == {"firstName": "Rui 2", "lastName": ""}
    reply = tenant.api.request("GET", "/contacts").body
    assert {c["phone"]: c["name"] for c in reply["data"]} == {
        f"551190000010{i}": f"Rui {i}" for i in range(3)}
    pages = [tenant.api.request("GET", f"/contacts?limit=2&offset={o}").body for o in (0, 2)]
    assert [len(p["data"]) for p in pages] == [2, 1]
    assert not {c["jid"] for c in pages[0]["data"]} & {c["jid"] for c in pages[1]["data"]}
    tenant.api.post("/contact/add", {"phone": "5511900000200"})
    assert last(sim, tenant, "contact").body["firstName"] == "5511900000200"


def test_blocking_where_the_engine_can(tenant, sim, sim_engine):
    unsupported(tenant, "/contact/block", {"phone": "5511900000100"}, "engine GOWS", "18.1")
    unsupported(tenant, "/contact/remove", {"phone": "5511900000100"}, "section 18.1")
    sim_engine("WEBJS")
    for route, expected in (("block", True), ("unblock", False)):
        tenant.api.post(f"/contact/{route}", {"phone": "5511900000100"})
        details = tenant.api.post("/chat/details", {"number": "5511900000100"})
        assert details["wa_isBlocked"] is expected


def test_chat_details(tenant, sim_engine):
    data = tenant.api.post("/chat/details", {"number": "5511900000300"})
    assert data["wa_chatid"] == "5511900000300@c.us" and data["phone"] == "5511900000300"
    assert data["image"].startswith("https://") and data["about"] is None  # GOWS tells none
    assert data["wa_isGroup"] is False
    data = tenant.api.post("/chat/details", {"number": "5511900000300", "preview": True})
    assert "image" not in data and data["imagePreview"].startswith("https://")
    sim_engine("WEBJS")
    assert tenant.api.post("/chat/details", {"number": "5511900000300"})["about"] == "At work"


def test_chat_check(tenant):
    data = tenant.api.post("/chat/check", {"numbers": [
        "5511999990001", "5500999990001", "5599999990001", "5597999990001"]})
    assert [(r["jid"], r["isInWhatsapp"]) for r in data] == [
        ("5511999990001@c.us", True), ("", False), ("559999990001@c.us", True), ("", None)]
    assert "error" in data[3] and data[2]["query"] == "5599999990001"


@pytest.fixture(scope="module")
def group(tenant):
    return tenant.api.post("/group/create", {
        "name": "Team", "participants": ["5511900000401", "5511900000402@s.whatsapp.net"]})


def test_group_life(tenant, sim, group):
    jid = group["JID"]
    assert last(sim, tenant, "group").body == {"name": "Team", "participants": [
        {"id": "5511900000401@c.us"}, {"id": "5511900000402@c.us"}]}
    tenant.api.post("/group/updateName", {"groupjid": jid, "name": "Crew"})
    tenant.api.post("/group/updateDescription", {"groupjid": jid, "description": "Daily"})
    info = tenant.api.post("/group/info", {"groupjid": jid, "getInviteLink": True})
    assert (info["Name"], info["Topic"]) == ("Crew", "Daily")
    link = tenant.api.get(f"/group/invitelink/{jid}")["inviteLink"]
    assert link == info["invite_link"] and link.startswith("https://chat.whatsapp.com/")
    assert len({m["JID"] for m in info["Participants"]}) == 3
    for code in (link, link.rsplit("/", 1)[1]):
        assert tenant.api.post("/group/inviteInfo", {"inviteCode": code})["Name"] == "Crew"
    assert tenant.api.post("/group/join", {"invitecode": link})["groupjid"] == jid
    assert tenant.api.post("/chat/details", {"number": jid})["name"] == "Crew"


def test_group_members_one_by_one(tenant, sim, group):
    data = tenant.api.post("/group/updateParticipants", {
        "groupjid": group["JID"], "action": "add",
        "participants": ["5511900000403", "5500999990001", "5511900000404"]})
    assert data["groupUpdated"] == [
        {"JID": "5511900000403@c.us", "Error": 0}, {"JID": "5500999990001@c.us", "Error": 403},
        {"JID": "5511900000404@c.us", "Error": 0}]
    tenant.api.post("/group/updateParticipants", {
        "groupjid": group["JID"], "action": "promote", "participants": ["5511900000403"]})
    tenant.api.post("/group/updateParticipants", {
        "groupjid": group["JID"], "action": "remove", "participants": ["5511900000404"]})
    roles = {m["JID"]: m["IsAdmin"] for m in tenant.api.post(
        "/group/info", {"groupjid": group["JID"]})["Participants"]}
    assert roles["5511900000403@c.us"] is True and "5511900000404@c.us" not in roles
    tenant.api.post("/group/updateParticipants", {
        "groupjid": group["JID"], "action": "demote", "participants": ["5511900000403"]})
    assert last(sim, tenant, "demote").body == {"participants": [{"id": "5511900000403@c.us"}]}


def test_group_image(tenant, sim, group):
    path, jid = "/group/updateImage", group["JID"]
    for image in (JPEG, f"data:image/jpeg;base64,{JPEG}"):
        tenant.api.post(path, {"groupjid": jid, "image": image})
        assert last(sim, tenant, "picture").body == {
            "file": {"mimetype": "image/jpeg", "data": JPEG}}
    tenant.api.post(path, {"groupjid": jid, "image": "remove"})
    assert actions_of(sim, tenant.session)[-1].action == "unpicture"
    for image in ("x", base64.b64encode(b"\x89PNG").decode(), "http://10.0.0.1/a.jpg",
                  "https://169.254.169.254/latest"):
        with raises("validation_failed", 422) as e:
            tenant.api.post(path, {"groupjid": jid, "image": image})
        assert set(e.errors) == {"image"}


def test_group_refusals(tenant):
    group = tenant.api.post("/group/create", {"name": "Gone", "participants": ["5511900000401"]})
    with raises("provider_rejected", 502):
        tenant.api.post("/group/updateName", {"groupjid": group["JID"], "name": "refused"})
    tenant.api.post("/group/leave", {"groupjid": group["JID"]})
    for route in ("info", "leave"):
        with raises("not_found", 404):
            tenant.api.post(f"/group/{route}", {"groupjid": group["JID"]})
    with raises("not_found", 404):
        tenant.api.post("/group/join", {"inviteCode": "nothing"})


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/community/create", {"name": "All"}),
    ("POST", "/community/editgroups", {"community": "1203@g.us", "action": "add",
                                       "groupjids": ["1204@g.us"]}),
    ("POST", "/community/info", {"community": "1203@g.us"}),
    ("POST", "/community/updateDescription", {"community": "1203@g.us", "description": "d"}),
    ("POST", "/community/updateName", {"community": "1203@g.us", "name": "n"}),
    ("POST", "/community/leave", {"community": "1203@g.us"}),
    ("GET", "/community/list", None)])
def test_communities_are_not_supported_by_waha(tenant, method, path, body):
    if body is not None:
        assert tenant.api.request(method, path, {}).status == 422
    reply = tenant.api.request(method, path, body)
    assert (reply.status, reply.body["code"]) == (501, "not_supported")
    assert "waha" in reply.body["message"] and "18.5" in reply.body["message"]


def test_failures_of_the_provider(tenant, sim):
    body = {"number": "5511999990001", "id": tenant.sent["id"], "text": "x"}
    for kind, value, status, code in (
            ("status", 500, 502, "provider_error"), ("status", 422, 502, "provider_rejected"),
            ("status", 401, 502, "provider_error"), ("reset_after", None, 502, "provider_error"),
            ("hang", 0, 504, "provider_timeout")):
        sim.fault("waha", kind, **({} if value is None else {"value": value}))
        try:
            reply = tenant.api.request("POST", "/message/react", body)
        finally:
            sim.fault("waha", kind, rate=0)
        assert (reply.status, reply.body["code"]) == (status, code), kind
    assert tenant.api.request("POST", "/message/react", body).status == 200


def test_an_instance_that_is_not_connected(company, sim):
    row = company.instance()
    api = company.api.with_token(row["token"])
    session = urllib.request.Request(
        f"{sim.url}/waha/api/sessions/{row['external_instance_id']}/stop", method="POST",
        headers={"X-Api-Key": "sim"})
    urllib.request.urlopen(session, timeout=10).close()
    for path, body in (("/group/leave", {"groupjid": "1203@g.us"}),
                       ("/chat/check", {"numbers": ["5511999990001"]})):
        reply = api.request("POST", path, body)
        assert (reply.status, reply.body["code"]) == (409, "instance_not_connected")


def test_messages_of_another_instance_are_not_found(tenant, new_company):
    """Neither by our id nor by the provider's bare one, of the same or another company."""
    other = tenant.company.instance()
    stranger = new_company()
    for token in (other["token"], stranger.instance()["token"]):
        api = tenant.company.api.with_token(token)
        for form in (tenant.sent["id"], tenant.sent["external_id"]):
            for path, body in (("/message/react", {"number": "5511999990001", "text": "x"}),
                               ("/message/edit", {"text": "x"}), ("/message/delete", {}),
                               ("/message/download", {})):
                with raises("not_found", 404):
                    api.post(path, {"id": form, **body})
