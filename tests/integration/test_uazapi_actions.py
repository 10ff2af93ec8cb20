"""The direct calls of test_actions.py on an instance at UAZAPI (contracts/uazapi.md sections 6 and
16): what that provider is asked, where it can do more than WAHA, and where less."""

import base64

import pytest

from test_actions import JPEG, acting, actions_of, last
from support import unique
from test_messages_api import raises

PEER = "5511999990001"


@pytest.fixture(scope="module")
def tenant(admin, provider_of, sim):
    with acting(admin, provider_of("uazapi"), sim, "5511900000002") as made:
        yield made


@pytest.fixture
def old_build(sim):
    """The server is one of 2025, without pages."""
    sim.uazapi(is_old_build=True)
    yield
    sim.uazapi(is_old_build=False)


def lacking(tenant, method, path, body, *words):
    """501 that names the provider and says where its contract lacks the call."""
    reply = tenant.api.request(method, path, body)
    assert (reply.status, reply.body["code"]) == (501, "not_supported")
    assert all(word in reply.body["message"] for word in ("uazapi", *words)), reply.body


def test_react_by_every_form_of_id(tenant, sim):
    bare = tenant.sent["external_id"]
    for form in (tenant.sent["id"], bare, f"5511900000001:{bare}"):
        data = tenant.api.post("/message/react", {"number": PEER, "id": form, "text": "👍"})
        assert (data["id"], data["messageid"]) == (tenant.sent["id"], bare)
        assert last(sim, tenant, "message.react").body == {"number": PEER, "id": bare, "text": "👍"}
    tenant.api.post("/message/react", {"number": PEER, "id": bare, "text": ""})
    assert last(sim, tenant, "message.react").body["text"] == ""


def test_a_reaction_goes_to_the_chat_of_the_message(tenant, sim):
    """Whatever number the request names."""
    message = tenant.got("to react to")
    tenant.api.post("/message/react", {"number": PEER, "id": message["id"], "text": "x"})
    assert last(sim, tenant, "message.react").body == {
        "number": "5511900000002", "id": message["external_id"], "text": "x"}


def test_a_message_only_the_provider_knows(tenant, sim):
    full = "5511900000001:3A0000000000000000CC"
    data = tenant.api.post("/message/react", {"number": "5511900000077", "id": full, "text": "x"})
    assert data["id"] is None and data["messageid"] == "3A0000000000000000CC"
    assert last(sim, tenant, "message.react").body["number"] == "5511900000077"
    with raises("not_found", 404):  # ours, because the provider is asked, and says so
        tenant.api.post("/message/edit", {"id": full, "text": "x"})
    assert last(sim, tenant, "message.edit").body["id"] == "3A0000000000000000CC"


def test_markread_tells_of_each(tenant, sim):
    ids = [tenant.got(text)["external_id"] for text in ("one", "two")]
    unknown = "5511900000001:3AFFFFFFFFFFFFFFFFFF"
    data = tenant.api.post("/message/markread", {"id": [*ids, unknown, "3AFFFFFFFFFFFFFFFFFE"]})
    assert [(r["message_id"], r["status"]) for r in data["results"]] == [
        (ids[0], "success"), (ids[1], "success"), (unknown, "error"),
        ("3AFFFFFFFFFFFFFFFFFE", "error")]
    assert [r.get("error") for r in data["results"]] == [
        None, None, "Message not found", "No such message"]
    assert {"id": ids} in [a.body for a in actions_of(sim, tenant.session, "message.markread")]


def test_presence(tenant, sim):
    for word, delay in (("composing", 300000), ("recording", 300000), ("paused", None)):
        tenant.api.post("/message/presence", {"number": PEER, "presence": word})
        body = last(sim, tenant, "message.presence").body
        assert (body["number"], body["presence"], body.get("delay")) == (PEER, word, delay)


def test_edit_and_delete_change_the_row(tenant, sim, db):
    message = tenant.company.wait_status(
        tenant.company.send(tenant.row, content="typo")["id"], "sent", "delivered", "read")
    data = tenant.api.post("/message/edit", {"id": message["id"], "text": "no {{name}} typo"})
    assert data["messageid"] != message["external_id"]
    body = last(sim, tenant, "message.edit").body
    assert body["id"] == message["external_id"]
    assert "{{" not in body["text"] and body["text"].replace("\u2060", "") == "no {{name}} typo"
    tenant.api.post("/message/delete", {"id": message["id"]})
    assert last(sim, tenant, "message.delete").body == {"id": message["external_id"]}
    row = db.execute("SELECT content, edited_at, deleted_at FROM messages WHERE id = %s",
                     (message["id"],)).fetchone()
    assert row["content"].replace("\u2060", "") == "no {{name}} typo"
    assert row["edited_at"] and row["deleted_at"]
    with raises("conflict", 409):
        tenant.api.post("/message/edit", {"id": tenant.got("theirs")["id"], "text": "mine"})


def test_download(tenant, sim):
    full = "5511900000001:3AF11E00000000000001"
    data = tenant.api.post("/message/download", {"id": full, "return_base64": True})
    assert data["mimetype"] == "image/jpeg" and "fileURL" not in data
    assert data["size"] == len(base64.b64decode(data["base64Data"])) > 0
    assert last(sim, tenant, "message.download").body == {
        "id": "3AF11E00000000000001", "return_base64": False, "return_link": True,
        "generate_mp3": False}
    data = tenant.api.post("/message/download", {"id": full, "generate_mp3": True})
    assert data["fileURL"].startswith("data:") and "base64Data" not in data
    assert last(sim, tenant, "message.download").body["generate_mp3"] is True
    for gone in ("3AF11EDEAD0000000001", "3A000000000000000000"):
        with raises("not_found", 404):
            tenant.api.post("/message/download", {"id": f"5511900000001:{gone}"})


def contacts(tenant, query=""):
    return tenant.api.request("GET", f"/contacts{query}").body["data"]


def test_contacts(tenant, sim):
    for i in range(3):
        data = tenant.api.post("/contact/add", {"phone": f"551190000010{i}", "name": f"Rui {i}"})
        assert data == {"jid": f"551190000010{i}@c.us", "name": f"Rui {i}"}
    assert last(sim, tenant, "contact.add").body == {"phone": "5511900000102", "name": "Rui 2"}
    assert {c["phone"]: c["name"] for c in contacts(tenant)} == {
        f"551190000010{i}": f"Rui {i}" for i in range(3)}
    pages = [contacts(tenant, f"?limit=2&offset={o}") for o in (0, 2)]
    assert [len(p) for p in pages] == [2, 1]
    assert len({c["jid"] for p in pages for c in p}) == 3
    tenant.api.post("/contact/remove", {"phone": "5511900000102"})
    assert len(contacts(tenant)) == 2
    with raises("not_found", 404):
        tenant.api.post("/contact/remove", {"phone": "5511900000102"})
    with raises("provider_rejected", 502):
        tenant.api.post("/contact/add", {"phone": "77@lid", "name": "Rui"})


def test_contacts_of_a_build_without_pages(tenant, sim, old_build):
    for i in range(3):
        tenant.api.post("/contact/add", {"phone": f"551190000020{i}", "name": f"Lia {i}"})
    everybody = contacts(tenant)
    pages = [contacts(tenant, f"?limit=2&offset={o}") for o in range(0, len(everybody) + 1, 2)]
    assert [c for p in pages for c in p] == everybody
    assert {f"Lia {i}" for i in range(3)} <= {c["name"] for c in everybody}
    assert last(sim, tenant, "contacts").path.endswith("/contacts")


def test_blocking(tenant):
    for route, expected in (("block", True), ("unblock", False)):
        tenant.api.post(f"/contact/{route}", {"phone": "5511900000100"})
        details = tenant.api.post("/chat/details", {"number": "5511900000100"})
        assert details["wa_isBlocked"] is expected


def test_chat_details(tenant):
    data = tenant.api.post("/chat/details", {"number": "5511900000300"})
    assert data["wa_chatid"] == "5511900000300@c.us" and data["phone"] == "5511900000300"
    assert data["image"].startswith("https://") and data["about"] is None  # it has no such call
    assert data["wa_isGroup"] is False
    data = tenant.api.post("/chat/details", {"number": "5500900000300", "preview": True})
    assert "image" not in data and data["imagePreview"] is None


def test_chat_check(tenant):
    data = tenant.api.post("/chat/check", {"numbers": [
        PEER, "5500999990001", "5599999990001", "5597999990001"]})
    assert [(r["jid"], r["isInWhatsapp"]) for r in data] == [
        (f"{PEER}@c.us", True), ("", False), ("559999990001@c.us", True), ("", None)]
    assert "error" in data[3] and data[2]["query"] == "5599999990001"


@pytest.fixture(scope="module")
def group(tenant):
    return tenant.api.post("/group/create", {
        "name": "Team", "participants": ["5511900000401", "5511900000402@s.whatsapp.net"]})


def people_of(group):
    return {m["PhoneNumber"]: m for m in group["Participants"]}


def test_group_life(tenant, sim, group):
    jid = group["JID"]
    assert last(sim, tenant, "group.create").body == {
        "name": "Team", "participants": ["5511900000401", "5511900000402"]}
    tenant.api.post("/group/updateName", {"groupjid": jid, "name": "Crew"})
    tenant.api.post("/group/updateDescription", {"groupjid": jid, "description": "Daily"})
    info = tenant.api.post("/group/info", {"groupjid": jid, "getInviteLink": True})
    assert (info["Name"], info["Topic"], info["IsParent"]) == ("Crew", "Daily", False)
    assert info["OwnerJID"].endswith("@c.us")
    link = tenant.api.get(f"/group/invitelink/{jid}")["inviteLink"]
    assert link == info["invite_link"] and link.startswith("https://chat.whatsapp.com/")
    assert {"5511900000401@c.us", "5511900000402@c.us"} < set(people_of(info))
    for code in (link, link.rsplit("/", 1)[1]):
        assert tenant.api.post("/group/inviteInfo", {"inviteCode": code})["Name"] == "Crew"
    assert tenant.api.post("/group/join", {"invitecode": link})["groupjid"] == jid
    assert tenant.api.post("/chat/details", {"number": jid})["wa_isGroup"] is True


def test_invites_of_an_old_build(tenant, group, old_build):
    """The field had another name."""
    link = tenant.api.get(f"/group/invitelink/{group['JID']}")["inviteLink"]
    assert tenant.api.post("/group/inviteInfo", {"inviteCode": link})["JID"] == group["JID"]
    with raises("not_found", 404):
        tenant.api.post("/group/join", {"inviteCode": "nothing"})


def test_group_info_is_one_call(tenant, sim, group):
    """Its members come with it, and nobody asks for them apart."""
    before = len(actions_of(sim, tenant.session))
    tenant.api.post("/group/info", {"groupjid": group["JID"]})
    assert [a.action for a in actions_of(sim, tenant.session)[before:]] == ["group.info"]


def test_group_members(tenant, sim, group):
    path, jid = "/group/updateParticipants", group["JID"]
    data = tenant.api.post(path, {"groupjid": jid, "action": "add", "participants": [
        "5511900000403", "5500999990001", "5511900000404"]})
    assert data["groupUpdated"] == [
        {"JID": "5511900000403@c.us", "Error": 0}, {"JID": "5500999990001@c.us", "Error": 403},
        {"JID": "5511900000404@c.us", "Error": 0}]
    for action, who in (("promote", "5511900000403"), ("remove", "5511900000404")):
        tenant.api.post(path, {"groupjid": jid, "action": action, "participants": [who]})
        assert last(sim, tenant, "group.members").body == {
            "groupjid": jid, "action": action, "participants": [who]}
    people = people_of(tenant.api.post("/group/info", {"groupjid": jid}))
    assert people["5511900000403@c.us"]["IsAdmin"] and "5511900000404@c.us" not in people
    tenant.api.post(path, {"groupjid": jid, "action": "demote", "participants": ["5511900000403"]})
    people = people_of(tenant.api.post("/group/info", {"groupjid": jid}))
    assert not people["5511900000403@c.us"]["IsAdmin"]


def test_group_image(tenant, sim, group):
    path, jid = "/group/updateImage", group["JID"]
    for image, sent in ((JPEG, JPEG), (f"data:image/jpeg;base64,{JPEG}", JPEG),
                        ("remove", "remove")):
        tenant.api.post(path, {"groupjid": jid, "image": image})
        assert last(sim, tenant, "group.image").body == {"groupjid": jid, "image": sent}
    with raises("validation_failed", 422):
        tenant.api.post(path, {"groupjid": jid, "image": "https://169.254.169.254/latest"})


def test_a_group_that_was_left(tenant):
    group = tenant.api.post("/group/create", {"name": "Gone", "participants": ["5511900000401"]})
    tenant.api.post("/group/leave", {"groupjid": group["JID"]})
    for route in ("info", "leave"):
        with raises("not_found", 404):
            tenant.api.post(f"/group/{route}", {"groupjid": group["JID"]})


def test_communities(tenant, sim, group):
    community = tenant.api.post("/community/create", {"name": "All of us"})
    assert community["IsParent"] is True and community["Name"] == "All of us"
    jid, linked = community["JID"], group["JID"]
    body = {"community": jid, "action": "add", "groupjids": [linked, "120363000000099999@g.us"]}
    data = tenant.api.post("/community/editgroups", body)
    assert (data["groupjid"], data["success"], data["failed"]) == (
        jid, [linked], ["120363000000099999@g.us"])
    assert last(sim, tenant, "community.groups").body == body
    info = tenant.api.post("/community/info", {"community": jid})
    assert (info["JID"], info["groupjids"]) == (jid, [linked])
    assert tenant.api.post("/group/info", {"groupjid": linked})["LinkedParentJID"] == jid
    tenant.api.post("/community/updateName", {"community": jid, "name": "Everybody"})
    tenant.api.post("/community/updateDescription", {"community": jid, "description": "d"})
    listed = tenant.api.get("/community/list")
    assert [(c["JID"], c["Name"], c["Topic"]) for c in listed] == [(jid, "Everybody", "d")]
    tenant.api.post("/community/editgroups", {**body, "action": "remove", "groupjids": [linked]})
    assert tenant.api.post("/community/info", {"community": jid})["groupjids"] == []
    with raises("not_found", 404):  # a group, but no community
        tenant.api.post("/community/info", {"community": linked})


def test_what_it_lacks(tenant):
    lacking(tenant, "POST", "/message/forward",
            {"number": PEER, "messageId": tenant.sent["id"]}, "section 5")
    lacking(tenant, "POST", "/community/leave", {"community": "1203@g.us"}, "section 16.4")


def test_what_a_server_lacks_is_not_asked_again(admin, env, sim):
    """For some time: its build does not change from one request to the next (section 12)."""
    server = admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("uazapi"), "base_url": f"{env['GROWHUB_SIM_URL']}/uazapi",
        "api_key": "sim", "max_instances": 10})
    with acting(admin, server, sim, "5511900000002") as tenant:
        react = {"number": PEER, "id": tenant.sent["id"], "text": "x"}
        sim.fault("uazapi", "status", value=405, rate=1)
        try:
            lacking(tenant, "POST", "/message/react", react)
        finally:
            sim.fault("uazapi", "status", rate=0)
        before = len(actions_of(sim, tenant.session))
        lacking(tenant, "POST", "/message/react", react)
        assert len(actions_of(sim, tenant.session)) == before
        # Another call of the same server.
        assert tenant.api.request("POST", "/message/presence", {
            "number": PEER, "presence": "composing"}).status == 200


def test_failures_of_the_provider(tenant, sim):
    body = {"number": PEER, "id": tenant.sent["id"], "text": "x"}
    for kind, value, status, code in (
            ("status", 500, 502, "provider_error"), ("status", 403, 502, "provider_rejected"),
            ("status", 404, 404, "not_found"),
            ("hang", 0, 504, "provider_timeout")):
        sim.fault("uazapi", kind, value=value)
        try:
            reply = tenant.api.request("POST", "/message/react", body)
        finally:
            sim.fault("uazapi", kind, rate=0)
        assert (reply.status, reply.body["code"]) == (status, code), (kind, value)
    assert tenant.api.request("POST", "/message/react", body).status == 200
