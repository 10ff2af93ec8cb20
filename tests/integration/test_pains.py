"""Proofs that tests/PAINS.md names and that no other file has: what other gateways get wrong."""

import pytest

from ear import CHAT, CONTACT, Ear
from support import unique, wait_until


@pytest.fixture
def ear(company, instance, sim):
    return Ear(company, instance, sim)


def payload(**fields):
    return {"id": f"false_{CHAT}_{unique('AA')}", "timestamp": 1791000000, "from": CHAT,
            "fromMe": False, "body": None, "hasMedia": False, "_data": {}, **fields}


# What gateways have dropped: advertising leads, kinds newer than the program, nothing at all.
STRANGE = {
    "empty": {},
    "lead": {"_data": {"Message": {"interactiveMessage": {}, "messageContextInfo": {
        "externalAdReply": {"title": "Sale", "sourceUrl": "https://example.org/ad"}}}}},
    "new kind": {"_data": {"Message": {"holographicMessage": {"url": "x", "mimetype": "x/holo"}}}},
    "order": {"_data": {"Message": {"orderMessage": {"orderId": "1", "itemCount": 3}}}},
    "deep": {"_data": {"Message": {"viewOnceMessageV2": {"message": {"templateMessage": {}}}}}},
    "odd types": {"body": None, "location": None, "vCards": None, "replyTo": None, "media": None},
}


def test_no_kind_of_message_is_dropped(ear, company, instance):
    """PAINS 2: every one is a row and an event with the provider's own words."""
    for name, fields in STRANGE.items():
        ear.emit("message.any", payload(**fields, pushName=name))
    heard = wait_until(lambda: len(h := ear.heard("growhub", "on-message")) >= len(STRANGE) and h,
                       "an event of each")
    assert len(heard) == len(STRANGE)
    assert {e["type"] for e in heard} == {"unsupported"}
    assert {e["content_msg"]["pushName"] for e in heard} == set(STRANGE)
    rows = company.api.get(f"/api/messages?instance_id={instance['id']}&direction=inbound")
    assert {r["id"] for r in rows} == {e["id"] for e in heard}
    assert {r["message_type"] for r in rows} == {"unsupported"}


def test_a_lid_is_never_printed_as_a_phone(ear, db, instance):
    """PAINS 17: first known by the hidden id, then by number: one contact."""
    lid = f"{unique('21')[-9:]}77@lid".replace("-", "0")

    def write(**data):
        ear.emit("message.any", {**payload(body="hi", _data=data), "from": lid,
                                 "id": f"false_{lid}_{unique('AB')}"})
    write()
    body, data = ear.wait("on-message", "message.received")
    assert body["from"] == lid and data["phone"] is None and data["lid"] == lid
    write(Info={"SenderAlt": f"{CONTACT}@s.whatsapp.net"})
    body, data = ear.wait("on-message", "message.received", count=2)
    assert (body["from"], data["phone"], data["lid"]) == (CHAT, CONTACT, lid)
    rows = db.execute("SELECT lid, phone FROM contact_aliases WHERE instance_id = %s",
                      (instance["id"],)).fetchall()
    assert rows == [{"lid": lid, "phone": CONTACT}]


def test_a_spelling_that_went_stale_is_asked_again(company, instance, sim, owner):
    """PAINS 18: a cached answer ends; the number moved to the other spelling meanwhile."""
    given, real, wrong = "5599988880077", "559988880077", "5599988880077"
    for phone in (given, real):
        owner.execute(
            "INSERT INTO validated_phone_numbers (provider_id, phone, exists_there, chat_id,"
            " checked_at, expires_at) SELECT provider_id, %s, true, %s, now() - interval '31 d',"
            " now() - interval '1 d' FROM instances WHERE id = %s",
            (phone, f"{wrong}@c.us", instance["id"]))
    sent = company.send(instance, to=given)
    company.wait_status(sent["id"], "sent", "delivered", "read")
    assert [m["chat"] for m in sim.messages(instance["external_instance_id"])] == [f"{real}@c.us"]
    row = owner.execute("SELECT to_requested, to_resolved FROM messages WHERE id = %s",
                        (sent["id"],)).fetchone()
    assert row["to_requested"].startswith(given) and row["to_resolved"] == f"{real}@c.us"


@pytest.mark.parametrize("media", [
    {"url": None, "mimetype": "image/jpeg", "filename": None, "error": "404: media gone"},
    {"url": None, "mimetype": "video/mp4", "filename": None,
     "error": {"message": "media gone", "stack": "Error: at /srv"}},
    {"url": None, "mimetype": "audio/ogg; codecs=opus", "filename": None, "error": None},
    {"url": "http://127.0.0.1:1/gone.jpeg", "mimetype": "image/jpeg", "filename": "x", "error": None},
    None])
def test_a_message_arrives_whatever_became_of_its_media(ear, company, instance, media):
    """PAINS 19, without storage: the file is not ours to fetch, its failure is no loss."""
    ear.emit("message.any", payload(body="Look", hasMedia=True, media=media))
    body, data = ear.wait("on-message", "message.received")
    assert body["content"] == "Look" and body["from"] == CHAT
    if media is not None:
        assert body["isMedia"] is True and body["file"]["mimetype"] == media["mimetype"]
        assert body["file"]["url"] == media["url"]
        error = media["error"]
        told = error["message"] if isinstance(error, dict) else error
        assert data["file"].get("error") == told
    rows = company.api.get(f"/api/messages?instance_id={instance['id']}&direction=inbound")
    assert [r["id"] for r in rows] == [body["id"]]


def test_the_author_in_a_group_is_a_person(ear):
    """PAINS 21: never the group, never empty; by number where the provider tells it."""
    group, lid = "120363000000000021@g.us", "210000000000021@lid"

    def write(participant, **data):
        ear.emit("message.any", {**payload(body="hi", participant=participant, _data=data),
                                 "from": group, "id": f"false_{group}_{unique('AC')}_{participant}"})
    write(lid)
    body, _ = ear.wait("on-message", "message.received")
    assert body["isgroup"] is True and body["from"] == group
    assert body["participant"] == body["participant_lid"] == lid
    write(lid, Info={"SenderAlt": f"{CONTACT}@s.whatsapp.net"})
    body, _ = ear.wait("on-message", "message.received", count=2)
    assert body["participant"] == CHAT and body["participant_lid"] == lid
    write(CHAT)
    body, _ = ear.wait("on-message", "message.received", count=3)
    assert body["participant"] == CHAT and body["from"] == group


def test_a_choice_from_a_menu_comes_as_a_message(ear, company, instance, sim, sim_engine):
    """PAINS 25: the list leaves as one, what was picked returns as text that quotes it."""
    sim_engine("GOWS")
    sent = company.api.with_token(instance["token"]).post("/send/menu", {
        "number": CONTACT, "type": "list", "text": "Pick", "choices": ["Sales|sales"]})
    row = company.wait_status(sent["id"], "sent", "delivered", "read")
    assert sim.messages(ear.session)[0]["kind"] == "list"
    ear.emit("message.any", payload(
        body="Sales", replyTo={"id": row["external_id"], "body": "Pick"},
        _data={"Message": {"listResponseMessage": {
            "title": "Sales", "singleSelectReply": {"selectedRowID": "sales"},
            "contextInfo": {"stanzaID": row["external_id"]}}}}))
    body, data = ear.wait("on-message", "message.received")
    assert (body["type"], body["content"]) == ("text", "Sales") == (data["type"], data["content"])
    assert body["quoted"]["message_id"] == data["quoted"]["message_id"] == row["external_id"]
    assert data["choice_id"] == "sales"
    inner = body["content_msg"]["_data"]["Message"]["listResponseMessage"]
    assert inner["singleSelectReply"]["selectedRowID"] == "sales"


def test_who_made_a_message_is_told(ear):
    """PAINS 22: one event for both directions; its origin tells a bot what not to answer. Sends
    of others through the API: unit/test_eventd_plan.c"""
    own = {"id": f"true_{CHAT}_{unique('AA')}", "fromMe": True, "source": "app", "to": CHAT}
    for i, fields in enumerate(({"body": "theirs", "source": "app"}, {"body": "ours", **own})):
        ear.emit("message.any", payload(**fields))
        body, data = ear.wait("on-message", "message.received", count=i + 1)
        assert body["fromMe"] is data["from_me"] is (i == 1)
        assert data["origin"] == ("contact", "phone")[i]
        assert "origin" not in body


def test_a_bot_that_answers_everything_it_hears_does_not_loop(ear, company, instance, sim, db):
    """PAINS 22: it answers each on-message, without looking at fromMe; its own sends make none."""
    sim.inbound(ear.session, CONTACT, text="Hello?")
    answered = set()

    def answer():
        for event in ear.heard("growhub", "on-message"):
            if event["id"] not in answered:
                answered.add(event["id"])
                company.send(instance, to=CONTACT, content=f"Answer #{len(answered)}")
        return [e for e in ear.heard("growhub", "on-message-read")]
    wait_until(answer, "the answer to be read")
    # All that the provider told of that send was taken: the echo is one of it.
    wait_until(lambda: db.execute("SELECT count(*) AS n FROM inbound_queue WHERE instance_id = %s",
                                  (instance["id"],)).fetchone()["n"] == 0, "every webhook")
    answer()
    assert len(answered) == 1
    assert [m["text"] for m in sim.messages(ear.session)] == ["Answer #1"]
    rows = db.execute("SELECT direction, origin FROM messages WHERE instance_id = %s ORDER BY id",
                      (instance["id"],)).fetchall()
    assert len(rows) == 2 and rows[0]["direction"] != rows[1]["direction"]
