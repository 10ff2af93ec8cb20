"""Every kind of provider webhook ends as its event, in both formats (growhub-api.md section 7)."""

import pytest

from ear import CHAT, CONTACT, Ear
from support import unique, wait_until

GROUP = "120363000000000001@g.us"
MEMBER = {"id": "210000000000002@lid", "pn": CHAT, "role": "admin"}


@pytest.fixture
def ear(company, instance, sim):
    return Ear(company, instance, sim)


def row_of(db, message_id):
    return db.execute("SELECT * FROM messages WHERE id = %s", (message_id,)).fetchone()


def incoming(ear, text="Is it open?"):
    """A message from the contact: (our id, the provider's bare id)."""
    bare = ear.sim.inbound(ear.session, CONTACT, text=text)["id"]
    body, _ = ear.wait("on-message", "message.received")
    assert body["message_id"] == bare
    return body["id"], bare


def test_reaction_to_a_message_of_ours(company, instance, ear):
    sent = company.send(instance, to=CONTACT, content="Your order left")
    row = company.wait_status(sent["id"], "read")
    reaction = ear.do("reaction", target=f"true_{CHAT}_{row['external_id']}", text="❤️")
    body, data = ear.wait("on-reaction", "message.reaction")
    assert body["id"] == data["id"] == sent["id"]
    assert body["message_id"] == data["message_id"] == row["external_id"]
    assert body["content"] == data["content"] == "❤️" and data["is_removed"] is False
    assert body["from"] == CHAT and body["fromMe"] is False
    assert body["timestamp"] == reaction["at_us"] // 1000000 * 1000
    assert body["reaction_id"] == data["reaction_id"] == reaction["id"]
    assert body["instance_id"] == instance["id"] and body["type"] == "reaction"
    assert body["content_msg"]["reaction"]["text"] == "❤️"


def test_edit_and_deletion_of_a_message(company, ear, db):
    message_id, bare = incoming(ear)

    def edit(text, at):
        ear.emit("message.edited", {
            "id": f"false_{CHAT}_{unique('EE')}", "timestamp": at, "from": CHAT, "fromMe": False,
            "body": text, "hasMedia": False, "editedMessageId": bare, "_data": {}})

    edit("Is it open on Sunday?", 1791000060)
    body, data = ear.wait("on-edited", "message.edited")
    assert body["id"] == data["id"] == message_id and body["message_id"] == bare
    assert body["content"] == data["content"] == "Is it open on Sunday?"
    row = row_of(db, message_id)
    assert row["content"] == "Is it open on Sunday?" and row["edited_at"] and not row["deleted_at"]
    assert company.message(message_id)["content"] == "Is it open on Sunday?"
    edit("older, and late", 1791000055)
    edit("Monday?", 1791000070)
    body, _ = ear.wait("on-edited", "message.edited", count=2)
    assert body["content"] == row_of(db, message_id)["content"] == "Monday?"

    for _ in range(2):
        ear.do("revoked", target=f"false_{CHAT}_{bare}")
    body, data = ear.wait("on-revoked", "message.deleted")
    assert body["id"] == data["id"] == message_id and data["message_id"] == bare
    row = row_of(db, message_id)
    assert row["deleted_at"] and row["content"] == "Monday?" and row["status"] == 10


def test_a_reaction_that_comes_before_its_message_waits_for_it(ear, db, instance):
    bare = unique("3EB0LATE").upper().replace("-", "")
    ear.emit("message.reaction", {"id": f"false_{CHAT}_{unique('CC')}", "from": CHAT, "fromMe": False,
                                  "timestamp": 1791000050,
                                  "reaction": {"text": "+1", "messageId": f"false_{CHAT}_{bare}"}})
    wait_until(lambda: db.execute("SELECT 1 FROM inbound_queue WHERE instance_id = %s AND tries > 0",
                                  (instance["id"],)).fetchone(), "the reaction to wait")
    assert ear.heard("growhub", "on-reaction") == []
    ear.sim.inbound(ear.session, CONTACT, text="Late", id=bare)
    body, _ = ear.wait("on-reaction", "message.reaction")
    message, _ = ear.wait("on-message", "message.received")
    assert body["id"] == message["id"] and body["message_id"] == bare


def test_facts_about_unknown_messages_become_orphans(ear, owner, instance):
    ear.emit("message.edited", {"id": f"false_{CHAT}_{unique('EE')}", "timestamp": 1791000060,
                                "from": CHAT, "fromMe": False, "body": "?",
                                "editedMessageId": "3A00000NOBODY"})
    ear.emit("message.ack", {"id": f"true_{CHAT}_3A00000NOBODY", "from": CHAT, "fromMe": True,
                             "ack": 2, "ackName": "DEVICE"})
    # The 30 s of waiting are those of the unit tests: here they are over.
    wait_until(lambda: owner.execute(
        "UPDATE inbound_queue SET tries = 5 WHERE instance_id = %s AND tries > 0",
        (instance["id"],)).rowcount + len(orphans(owner, instance)) >= 2, "both to wait")
    body, data = ear.wait("on-edited", "message.edited")
    assert body["id"] is None and data["message_id"] == "3A00000NOBODY"
    rows = wait_until(lambda: (found := orphans(owner, instance)) and len(found) == 2 and found,
                      "two orphans")
    assert {r["external_id"] for r in rows} == {"3A00000NOBODY"}
    assert sorted(r["status"] is None for r in rows) == [False, True]


def orphans(owner, instance):
    return owner.execute("SELECT * FROM orphans WHERE instance_id = %s", (instance["id"],)).fetchall()


def test_poll_vote(company, ear):
    message_id, bare = incoming(ear, "poll")
    ear.do("poll_vote", target=f"false_{CHAT}_{bare}", options=["Afternoon"])
    body, data = ear.wait("on-poll-vote", "poll.voted")
    assert body["id"] == data["id"] == message_id
    assert body["selectedOptions"] == data["selected_options"] == ["Afternoon"]
    assert data["status"] == "vote" and body["from"] == CHAT


def test_calls(ear, instance):
    for n, status in enumerate(("received", "accepted", "rejected"), 1):
        ear.do("call", id="CALL0000000000000001", status=status, video=True)
        body, data = ear.wait("on-call", "call.received", count=n)
        assert body["status"] == data["status"] == status
    assert body["from"] == CHAT and body["isVideo"] is True and data["is_video"] is True
    assert body["call_id"] == "CALL0000000000000001" and body["instance_id"] == instance["id"]


def test_presence(ear):
    seen_ms = ear.do("presence", presence="recording")["at_us"] // 1000000 * 1000
    body, data = ear.wait("on-presence-update", "presence.updated")
    assert body["chat"] == body["participant"] == data["chat"] == CHAT
    assert body["presence"] == data["presence"] == "recording"
    assert body["lastSeen"] == data["last_seen_ms"] == seen_ms


@pytest.mark.parametrize("event,kind,name,standard,action", [
    ("group.v2.join", None, "on-group-join", "group.joined", "join"),
    ("group.v2.leave", None, "on-group-leave", "group.left", "leave"),
    ("group.v2.update", None, "on-group-update", "group.updated", "update"),
    ("group.v2.participants", "promote", "on-group-update", "group.updated", "promote"),
])
def test_groups(ear, event, kind, name, standard, action):
    ear.emit(event, {"type": kind, "timestamp": 1791000090, "_data": {},
                     "group": {"id": GROUP, "subject": "Acme team", "description": "d",
                               "invite": "https://chat.whatsapp.com/XXXX"},
                     "participants": [MEMBER]})
    body, data = ear.wait(name, standard)
    assert body["group"] == data["group_id"] == GROUP and body["action"] == data["action"] == action
    assert body["subject"] == "Acme team" and data["invite"] == "https://chat.whatsapp.com/XXXX"
    assert body["participants"] == data["participants"] == [
        {"id": MEMBER["id"], "phone": CONTACT, "role": "admin"}]


def test_groups_as_the_simulator_plays_them(ear):
    ear.do("group_join", chat=GROUP, text="Acme team")
    body, data = ear.wait("on-group-join", "group.joined")
    assert body["group"] == GROUP and data["subject"] == "Acme team"
    ear.do("group_participants", chat=GROUP, type="leave")
    body, data = ear.wait("on-group-update", "group.updated")
    assert data["action"] == "leave" and body["participants"][0]["phone"] == CONTACT
    ear.do("group_leave", chat=GROUP)
    body, _ = ear.wait("on-group-leave", "group.left")
    assert body["group"] == GROUP and body["participants"] == []


def test_a_received_message_whole(ear):
    ear.emit("message.any", {
        "id": f"false_{GROUP}_3A0000000000000000AA_{MEMBER['id']}", "timestamp": 1791000000,
        "from": GROUP, "fromMe": False, "source": "app", "to": None, "participant": MEMBER["id"],
        "body": "Look", "hasMedia": True, "ack": 2, "ackName": "DEVICE", "location": None,
        "vCards": [], "media": {"url": "http://waha/api/files/x.jpeg", "mimetype": "image/jpeg",
                                "filename": None, "error": None},
        "replyTo": {"id": "3EB0C0FFEE0000000001", "body": "Your order left"},
        "_data": {"Info": {"ID": "3A0000000000000000AA", "PushName": "Rui",
                           "SenderAlt": f"{CONTACT}@s.whatsapp.net"},
                  "Message": {"imageMessage": {"mimetype": "image/jpeg", "fileLength": "20480"}}}})
    body, data = ear.wait("on-message", "message.received")
    assert body["from"] == GROUP and body["isgroup"] is True and body["fromMe"] is False
    assert body["participant"] == CHAT and body["participant_lid"] == body["lid"] == MEMBER["id"]
    assert body["pushName"] == "Rui" and body["type"] == "image" and body["isMedia"] is True
    assert body["quoted"] == {"message_id": "3EB0C0FFEE0000000001", "content": "Your order left"}
    assert body["file"] == {"mimetype": "image/jpeg", "filename": None, "fileLength": 20480,
                            "caption": "Look", "seconds": None, "url": "http://waha/api/files/x.jpeg"}
    assert body["timestamp"] == 1791000000000 and body["device"] and body["session"] == ear.session
    assert data["phone"] == CONTACT and data["participant"] == CHAT


def test_a_hidden_id_becomes_a_number(ear, db, instance, owner):
    lid = "210000000000777@lid"

    def write(number=None):
        data = {"Info": {"SenderAlt": f"{number}@s.whatsapp.net"}} if number else {}
        ear.emit("message.any", {"id": f"false_{lid}_{unique('AB')}", "timestamp": 1791000000,
                                 "from": lid, "fromMe": False, "body": "hi", "_data": data})

    write()
    body, data = ear.wait("on-message", "message.received")
    assert body["from"] == body["lid"] == lid and data["phone"] is None
    write(CONTACT)
    body, data = ear.wait("on-message", "message.received", count=2)
    assert body["from"] == CHAT and body["lid"] == lid and data["phone"] == CONTACT
    write()
    body, data = ear.wait("on-message", "message.received", count=3)
    assert body["from"] == data["chat"] == CHAT and data["phone"] == CONTACT
    merged = wait_until(lambda: ear.heard("standard", "contact.merged"), "contact.merged")
    assert len(merged) == 1
    assert (merged[0]["data"]["lid"], merged[0]["data"]["phone"]) == (lid, CONTACT)
    rows = db.execute("SELECT chat_key FROM messages WHERE instance_id = %s ORDER BY id",
                      (instance["id"],)).fetchall()
    assert [r["chat_key"] for r in rows] == [lid, CHAT, CHAT]
    assert ear.heard("growhub", "contact.merged") == []  # has no name there

    # The person writes again after a month: kept, and no news.
    def seen():
        return db.execute("SELECT phone, seen_at > now() - interval '1 h' AS is_fresh"
                          " FROM contact_aliases WHERE instance_id = %s AND lid = %s",
                          (instance["id"], lid)).fetchone()
    owner.execute("UPDATE contact_aliases SET seen_at = now() - interval '30 d'"
                  " WHERE instance_id = %s AND lid = %s", (instance["id"], lid))
    write()
    ear.wait("on-message", "message.received", count=4)
    assert seen() == {"phone": CONTACT, "is_fresh": True}
    assert len(ear.heard("standard", "contact.merged")) == 1


def test_a_place_and_a_card(ear):
    common = {"timestamp": 1791000000, "from": CHAT, "fromMe": False, "body": None, "hasMedia": False}
    ear.emit("message.any", {**common, "id": f"false_{CHAT}_{unique('A1')}",
                             "location": {"latitude": "-23.55", "longitude": "-46.63",
                                          "name": "Store 3", "address": "Rua A, 1"}})
    body, data = ear.wait("on-message", "message.received")
    assert body["type"] == "location"
    assert data["location"] == {"latitude": -23.55, "longitude": -46.63, "name": "Store 3",
                                "address": "Rua A, 1"}
    ear.emit("message.any", {**common, "id": f"false_{CHAT}_{unique('A2')}",
                             "vCards": ["BEGIN:VCARD\nFN:Leo\nEND:VCARD"]})
    body, data = ear.wait("on-message", "message.received", count=2)
    assert body["type"] == "contact" and data["vcards"] == ["BEGIN:VCARD\nFN:Leo\nEND:VCARD"]


def test_events_nobody_asked_for_are_kept_and_make_none(ear, db, instance):
    before = len(ear.sim.received(ear.hooks["growhub"]))
    path = "SELECT count(*) AS n FROM inbound_events WHERE instance_id = %s"
    stored = db.execute(path, (instance["id"],)).fetchone()["n"]
    ear.emit("message.ack", {"id": f"false_{CHAT}_3A00", "from": CHAT, "fromMe": False, "ack": 3})
    wait_until(lambda: db.execute(path, (instance["id"],)).fetchone()["n"] > stored, "the body")
    incoming(ear, "after it")
    assert len(ear.sim.received(ear.hooks["growhub"])) == before + 1
    assert db.execute("SELECT count(*) AS n FROM inbound_queue WHERE instance_id = %s",
                      (instance["id"],)).fetchone()["n"] == 0


def test_qr_code_and_failure(ear, sim, company, instance):
    path = f"/api/instances/{instance['id']}"
    sim.fault("waha", "disconnected", value=2, rate=1, for_ms=4000)
    try:
        wait_until(lambda: company.api.get(path)["status"] == "qr", "the instance to be in qr")
        body, data = ear.wait("on-qrcode", "instance.qr")
    finally:
        sim.fault("waha", "disconnected", rate=0)
    assert body["qrcode"] == data["qr"] == "2@sim/one+two=three,four,five"
    assert body["status"] == "qr" and body["state"] == "SCAN_QR_CODE"
    wait_until(lambda: company.api.get(path)["status"] == "connected", "the instance to be back")
    assert ear.heard("growhub", "on-disconnected") == []
    sim.fault("waha", "disconnected", value=3, rate=1, for_ms=1000)
    body, data = ear.wait("on-instance-error", "instance.error")
    assert body["status"] == "failed" and body["state"] == data["state"] == "FAILED"
    ear.wait("on-disconnected", "instance.disconnected")
    wait_until(lambda: company.api.get(path)["status"] == "connected", "the instance to be back")
