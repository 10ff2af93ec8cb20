"""Sends of every kind, by /api/messages/send and by /send/*: what is refused, what is stored for the
sender, and how a request waits for the outcome."""

import threading
import time

import pytest

from support import paused, unique, wait_until
from test_messages_api import ahead, raises

PHONE = "5511999990001"
GROUP = "120363000000000001@g.us"
PLACE = {"latitude": -23.55, "longitude": -46.63, "name": "Loja 3", "address": "Rua A, 1"}
CONTACT = {"name": "Rita", "phone": "+55 11 90000-0003", "organization": "Acme",
           "email": "rita@example.net", "url": "https://example.net"}


@pytest.fixture
def idle(company):
    return company.instance(is_connected=False)


@pytest.fixture
def by_token(company, instance):
    """Speaks with the token of a connected instance."""
    return company.api.with_token(instance["token"])


@pytest.fixture
def idle_token(company, idle):
    """Speaks with the token of an instance whose sends wait."""
    return company.api.with_token(idle["token"])


def post(api, path, body, **headers):
    return api.request("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})


def stored(db, message_id):
    return db.execute("SELECT * FROM messages WHERE id = %s", (message_id,)).fetchone()


# ---- what /api/messages/send takes ----

@pytest.mark.parametrize("fields, payload", [
    ({"message_type": "image", "media_url": "https://x.example/a/b.png?x=1", "content": "cap"},
     {"file": {"mime_type": "image/png", "name": "b.png"}}),
    ({"message_type": "video", "media_url": "https://x.example/clip"},
     {"file": {"mime_type": "video/mp4", "name": "clip"}}),
    ({"message_type": "audio", "media_url": "https://x.example/v.ogg"},
     {"file": {"mime_type": "audio/ogg", "name": "v.ogg"}}),
    ({"message_type": "document", "media_url": "https://x.example/d/fatura%20881.pdf"},
     {"file": {"mime_type": "application/pdf", "name": "fatura 881.pdf"}}),
    ({"message_type": "location", "location": PLACE}, {"place": PLACE}),
    ({"message_type": "contact", "contact": CONTACT}, {"contact": CONTACT}),
])
def test_every_kind_is_stored_with_what_it_needs(company, idle, db, fields, payload):
    row = company.api.post("/api/messages/send",
                           {"instance_id": idle["id"], "phone_to": PHONE, **fields})
    assert row["message_type"] == fields["message_type"]
    assert row["media_url"] == fields.get("media_url") and row["content"] == fields.get("content")
    assert stored(db, row["id"])["payload"] == payload


@pytest.mark.parametrize("fields, bad", [
    ({"message_type": "text", "content": None}, {"content"}),
    ({"message_type": "image"}, {"media_url"}),
    ({"message_type": "video", "media_url": "ftp://x/a", "content": "é" * 1025},
     {"media_url", "content"}),
    ({"message_type": "image", "media_url": "http://8.8.8.8/a.png"}, {"media_url"}),
    ({"message_type": "image", "media_url": "https://10.1.2.3/a.png"}, {"media_url"}),
    ({"message_type": "image", "media_url": "https://[fd00::1]/a.png"}, {"media_url"}),
    ({"message_type": "document", "media_url": "https://u:p@x.example/a"}, {"media_url"}),
    ({"message_type": "location"}, {"location"}),
    ({"message_type": "location", "location": []}, {"location"}),
    ({"message_type": "location", "location": {"latitude": 91, "longitude": "x"}},
     {"location.latitude", "location.longitude"}),
    ({"message_type": "contact", "contact": {}}, {"contact.name", "contact.phone"}),
    ({"message_type": "contact", "contact": {"name": "R", "phone": "11 12, 13", "email": "x",
                                             "url": "x"}},
     {"contact.phone", "contact.email", "contact.url"}),
    ({"message_type": "sticker"}, {"message_type"}),
])
def test_every_bad_field_of_a_kind_at_once(company, idle, fields, bad):
    with raises("validation_failed", 422) as e:
        company.api.post("/api/messages/send", {
            "instance_id": idle["id"], "phone_to": PHONE, "content": "x", "priority": 99, **fields})
    assert set(e.errors) == bad | {"priority"}


# ---- Prefer: wait on /api/messages/send ----

def test_wait_answers_201_with_the_row_as_it_stands(company, instance):
    reply = post(company.api, "/api/messages/send",
                 {"instance_id": instance["id"], "phone_to": PHONE, "content": "wait"},
                 Prefer="respond-async, wait=20")
    assert reply.status == 201
    assert reply.body["data"]["status"] in ("sent", "delivered", "read")
    assert reply.body["data"]["external_id"]


def test_wait_is_over_after_its_time_and_at_once_for_what_is_scheduled(company, idle, env):
    body = {"instance_id": idle["id"], "phone_to": PHONE, "content": "x"}
    with paused(env, "senderd"):
        begun = time.monotonic()
        assert post(company.api, "/api/messages/send", body,
                    Prefer="wait=1").body["data"]["status"] == "queued"
        assert 0.9 < time.monotonic() - begun < 5
    begun = time.monotonic()
    reply = post(company.api, "/api/messages/send", {**body, "scheduled_at": ahead(hours=1)},
                 Prefer="wait=30")
    assert reply.body["data"]["status"] == "scheduled" and time.monotonic() - begun < 5


# ---- /send/* ----

def test_text_waits_until_it_is_sent(by_token, sim, instance):
    text = unique("hello")
    reply = post(by_token, "/send/text", {"number": PHONE, "text": text, "track_id": 7})
    assert reply.status == 200
    data = reply.body["data"]
    assert data["id"] == data["message_id"] and data["status"] == "sent"
    assert data["external_id"] == data["messageid"]
    sent = [m for m in sim.messages(instance["external_instance_id"]) if m["text"] == text]
    assert len(sent) == 1


def test_text_keeps_what_the_sender_needs(idle_token, idle, db):
    reply = post(idle_token, "/send/text", {
        "to": PHONE, "message": "@5511988887777", "replyid": "3EB0A", "delay": 1500,
        "mentions": "5511988887777, 5511977776666", "linkPreview": False, "track_source": "crm",
        "track_id": "t-1"}, Prefer="wait=0")
    assert (reply.status, reply.body["data"]["status"]) == (202, "queued")
    row = stored(db, reply.body["data"]["id"])
    assert (row["instance_id"], row["reply_to"], row["reference"]) == (idle["id"], "3EB0A", "t-1")
    assert row["payload"] == {
        "mentions": ["5511988887777@c.us", "5511977776666@c.us"], "link_preview": False,
        "delay_ms": 1500, "track_source": "crm"}


@pytest.mark.parametrize("mentions, kept", [
    ("all", ["all"]), (["all"], ["all"]), (["5511988887777"], ["5511988887777@c.us"]),
    ("", None), (None, None),
])
def test_forms_of_mentions(idle_token, db, mentions, kept):
    reply = post(idle_token, "/send/text", {"number": GROUP, "text": "x", "mentions": mentions},
                 Prefer="wait=0")
    payload = stored(db, reply.body["data"]["id"])["payload"]
    assert (payload or {}).get("mentions") == kept


@pytest.mark.parametrize("body, contact", [
    ({"contact": {"fullName": "Rita", "phoneNumber": "5511900000003"}},
     {"name": "Rita", "phone": "5511900000003"}),
    ({"contact": CONTACT}, CONTACT),
    ({"vcard": "BEGIN:VCARD\nFN:R\nEND:VCARD"}, {"vcard": "BEGIN:VCARD\nFN:R\nEND:VCARD"}),
    ({"contact": {"vcard": "BEGIN:VCARD\nEND:VCARD"}}, {"vcard": "BEGIN:VCARD\nEND:VCARD"}),
    ({"fullName": "Rita", "phoneNumber": 5511900000003, "organization": "Acme", "email": ""},
     {"name": "Rita", "phone": "5511900000003", "organization": "Acme"}),
    ({"fullName": "Rita", "phoneNumber": "5511900000003,+55 11 90000-0004"},
     {"name": "Rita", "phone": "5511900000003,+55 11 90000-0004"}),
])
def test_forms_of_a_contact(idle_token, db, body, contact):
    reply = post(idle_token, "/send/contact", {"number": PHONE, **body}, Prefer="wait=0")
    assert reply.status == 202
    row = stored(db, reply.body["data"]["id"])
    assert row["kind"] == 6 and row["payload"] == {"contact": contact}


def test_location(idle_token, db):
    reply = post(idle_token, "/send/location", {"number": PHONE, **PLACE}, Prefer="wait=0")
    row = stored(db, reply.body["data"]["id"])
    assert row["kind"] == 5 and row["payload"] == {"place": PLACE}


def test_a_menu_is_stored_as_menu_and_as_numbered_text(idle_token, db):
    menu = {"number": PHONE, "type": "list", "text": "Departments", "footerText": "Acme",
            "listButton": "Open",
            "choices": ["[Main]", "Sales|s|Prices", "Site|https://example.net", "Support"]}
    reply = post(idle_token, "/send/menu", menu, Prefer="wait=0")
    row = stored(db, reply.body["data"]["id"])
    assert row["kind"] == 0
    assert row["content"] == ("Departments\n\n*Main*\n1. Sales - Prices\n"
                              "2. Site: https://example.net\n3. Support\n\nAcme")
    assert row["payload"]["menu"] == {
        "type": "list", "text": "Departments", "choices": menu["choices"], "footer": "Acme",
        "button": "Open"}


@pytest.mark.parametrize("path, body, bad", [
    ("/send/text", {}, {"number", "text"}),
    ("/send/text", {"to": "1@newsletter", "text": "x", "mentions": 5, "delay": -1,
                    "linkPreview": "no"}, {"to", "mentions", "delay", "linkPreview"}),
    ("/send/text", {"number": PHONE, "text": "x", "mentions": ["5511", "all"]}, {"mentions"}),
    ("/send/text", {"number": PHONE, "text": "x", "mentions": "all"}, {"mentions"}),
    ("/send/contact", {"number": PHONE, "fullName": "R",
                       "phoneNumber": ",".join(["5511900000003"] * 11)},
     {"phone", "phoneNumber"}),
    ("/send/contact", {"number": PHONE, "fullName": "R", "phoneNumber": "5511900000003,"},
     {"phone", "phoneNumber"}),
    ("/send/contact", {"number": PHONE}, {"name", "phone"}),
    ("/send/contact", {"number": PHONE, "vcard": "FN:R"}, {"vcard"}),
    ("/send/contact", {"contact": {"phone": "x"}}, {"number", "contact.name", "contact.phone"}),
    ("/send/location", {"number": PHONE, "latitude": "x"}, {"latitude", "longitude"}),
    ("/send/menu", {"number": PHONE}, {"type", "text", "choices"}),
    ("/send/menu", {"number": PHONE, "type": "poll", "text": "x", "choices": [""] + ["a"] * 64},
     {"choices"}),
    ("/send/menu", {"number": PHONE, "type": "poll", "text": "x", "choices": ["a"],
                    "imageButton": "http://10.0.0.1/"}, {"imageButton"}),
])
def test_bad_fields_of_instance_routes(idle_token, path, body, bad):
    with raises("validation_failed", 422) as e:
        idle_token.post(path, body)
    assert set(e.errors) == bad


def test_what_failed_for_good_is_502_with_the_reason(by_token, company, sim):
    sim.fault("waha", "status", value=400, rate=1, for_ms=20000)
    try:
        reply = post(by_token, "/send/text", {"number": PHONE, "text": "never"}, Prefer="wait=20")
    finally:
        sim.fault("waha", "status", rate=0, for_ms=1)
    assert (reply.status, reply.body["code"]) == (502, "provider_rejected")
    assert company.message(reply.body["errors"]["message_id"])["status"] == "failed"
    assert reply.body["errors"]["error_code"]


def test_a_cancelled_message_is_409_for_who_waits(idle_token, company, env):
    replies = []
    waiter = threading.Thread(target=lambda: replies.append(
        post(idle_token, "/send/text", {"number": PHONE, "text": "x"}, Prefer="wait=20")))
    with paused(env, "senderd"):
        waiter.start()
        rows = wait_until(lambda: company.api.get("/api/messages"), "the message")
        company.api.delete(f"/api/messages/{rows[0]['id']}")
        waiter.join(15)
    assert (replies[0].status, replies[0].body["code"]) == (409, "conflict")


def test_key_of_one_instance_is_not_that_of_another(company, db):
    replies = []
    for _ in range(2):
        api = company.api.with_token(company.instance(is_connected=False)["token"])
        for _ in range(2):
            replies.append(post(api, "/send/text", {"number": PHONE, "text": "x"},
                                Idempotency_Key="k", Prefer="wait=0"))
    assert [r.headers["Idempotency-Replayed"] for r in replies] == [None, "true"] * 2
    assert len({r.body["data"]["id"] for r in replies}) == 2
    reply = post(api, "/send/text", {"number": PHONE, "text": "y"}, Idempotency_Key="k")
    assert (reply.status, reply.body["code"]) == (422, "idempotency_key_reused")


def test_hundred_requests_wait_at_a_time(by_token):
    replies = []

    def one(n):
        replies.append(post(by_token, "/send/text", {"number": f"55119999{n:05}", "text": "x"},
                            Prefer="wait=25"))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert {r.status for r in replies} == {200} and len(replies) == 100
