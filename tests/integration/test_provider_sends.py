"""Every kind of message from its row to the provider: what senderd asks of WAHA, and refuses.

Rows are put in as the gateway's acceptance writes them: this is the provider's side alone.
"""

import base64
import hashlib
import os
import urllib.request

import pytest

from sends import (AUDIO, CHAT, CONTACT, DOCUMENT, IMAGE, LOCATION, STICKER, TEXT, VIDEO, accept,
                   received, store, uuid7)
from support import wait_until


def metric(env, name):
    """Sum of a metric over all senders."""
    total = 0
    for entry in env["GROWHUB_ADMIN_URLS"].split():
        who, url = entry.split("=", 1)
        if who.startswith("senderd"):
            with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
            total += sum(float(line.split()[-1]) for line in lines
                         if line.startswith(f"growhub_{name}"))
    return total


PLACE = {"place": {"latitude": -23.55, "longitude": -46.63, "name": "Store 3"}}
CARD = {"contact": {"name": "Rita Sales", "phone": "5511900000003", "organization": "Acme"}}
POLL = {"menu": {"type": "poll", "text": "When?", "choices": ["Morning", "Evening"],
                 "selectable_count": 1}}
LIST = {"menu": {"type": "list", "text": "Pick", "choices": ["[A]", "Sales|s|Prices"]}}


def by_url(env, mime_type, name=None):
    payload = {"file": {"mime_type": mime_type, **({"name": name} if name else {})}}
    return payload, f"{env['GROWHUB_SIM_URL']}/files/a"


@pytest.mark.parametrize("word", ["GOWS", "NOWEB", "WEBJS"])
def test_every_kind_arrives_as_what_it_is(company, instance, sim, owner, env, sim_engine, word):
    """One chat, so they arrive in order; whatever the engine answers, the id is the provider's."""
    sim_engine(word)
    picture, url = by_url(env, "image/jpeg", "menu.jpg")
    film, _ = by_url(env, "video/mp4")
    sound, _ = by_url(env, "audio/mpeg")
    paper, _ = by_url(env, "application/pdf", "invoice.pdf")
    sends = [
        (TEXT, "Hi @5511999990001", {"mentions": [CHAT], "link_preview": False}, None, "text",
         {"mentions": 1, "link_preview": False}),
        (IMAGE, "Our menu", picture, url, "image",
         {"mime": "image/jpeg", "file_name": "menu.jpg", "url": url}),
        (VIDEO, None, film, url, "video", {"mime": "video/mp4", "convert": False}),
        (AUDIO, None, {**sound, "voice": True}, url, "voice",
         {"mime": "audio/mpeg", "convert": True}),
        (DOCUMENT, "Invoice", paper, url, "file", {"file_name": "invoice.pdf"}),
        (LOCATION, None, PLACE, None, "location", {"latitude": -23.55, "longitude": -46.63}),
        (CONTACT, None, CARD, None, "contact", {}),
        (TEXT, "When?\n1. Morning\n2. Evening", POLL, None, "poll", {}),
    ]
    ids = [accept(owner, instance, kind, content, payload, media_url=media_url)
           for kind, content, payload, media_url, _, _ in sends]
    got = received(sim, instance, len(sends))
    for message_id, message, (_, content, _, _, kind, detail) in zip(ids, got, sends):
        row = company.wait_status(message_id, "read")
        assert message["kind"] == kind and message["chat"] == CHAT
        assert detail.items() <= message.get("detail", {}).items()
        assert row["external_id"] == message["id"]
        if kind in ("text", "image", "file"):
            assert message["text"] == content
    assert got[5]["text"] == "Store 3"
    assert got[6]["detail"]["contacts"][0]["phoneNumber"] == "+5511900000003"
    assert got[7]["detail"]["poll"]["options"] == ["Morning", "Evening"]
    # The provider's echoes are our own messages, not others.
    assert len(company.api.get(f"/api/messages?instance_id={instance['id']}")) == len(sends)


def test_a_stored_file_arrives_byte_for_byte(company, instance, sim, owner, env):
    """Sizes around the ends of chunks and of base64 groups."""
    for n, size in enumerate([1, 2, 3, 262144, 262145, 786433, 3_000_001], start=1):
        data = os.urandom(size)
        accept(owner, instance, DOCUMENT, "Offer", {"file": store(owner, instance, data)})
        got = received(sim, instance, n)[-1]
        assert got["detail"] == {"mime": "application/pdf", "file_name": "offer.pdf", "size": size,
                                 "sha256": hashlib.sha256(data).hexdigest()}
        assert got["text"] == "Offer"
    wait_until(lambda: metric(env, "send_files_memory_bytes") == 0, "the memory to be given back")
    assert metric(env, 'send_files_total{result="loaded"}') >= 7


def test_many_files_at_once_wait_for_memory_and_all_arrive(company, instance, sim, owner):
    data = os.urandom(300_000)
    file = store(owner, instance, data)
    for n in range(30):
        accept(owner, instance, DOCUMENT, f"{n}", {"file": file}, chat=f"55119{n:08}@c.us")
    got = received(sim, instance, 30)
    assert {m["detail"]["sha256"] for m in got} == {hashlib.sha256(data).hexdigest()}
    assert len({m["chat"] for m in got}) == 30


def test_a_file_that_is_not_there_fails_visibly(company, new_company, instance, sim, owner):
    """Cut short, gone, another company's."""
    short = store(owner, instance, os.urandom(300_000), size=700_000)
    gone = {**short, "media_id": str(uuid7())}
    foreign = store(owner, new_company().instance(), b"secret")
    for file in (short, gone, foreign):
        sent = accept(owner, instance, DOCUMENT, None, {"file": file})
        row = company.wait_status(sent, "failed")
        assert row["error_code"] == "media_missing"
    assert sim.messages(instance["external_instance_id"]) == []


def test_a_url_that_leads_inside_is_not_handed_on(company, instance, sim, owner):
    sends = [
        ("http://10.1.2.3/a.jpg", "media_url_blocked"),
        ("https://169.254.169.254/latest/meta-data", "media_url_blocked"),
        ("https://[fd00::1]/a.jpg", "media_url_blocked"),
        ("https://8.8.8.8:5432/a.jpg", "media_url_blocked"),
        ("http://8.8.8.8/a.jpg", "media_url_blocked"),
        ("ftp://example.net/a.jpg", "media_url_invalid"),
        ("https://user@example.net/a.jpg", "media_url_invalid"),
    ]
    ids = [accept(owner, instance, IMAGE, None, {"file": {"mime_type": "image/jpeg"}},
                  media_url=url) for url, _ in sends]
    codes = [company.wait_status(message_id, "failed")["error_code"] for message_id in ids]
    assert codes == [code for _, code in sends]
    assert sim.messages(instance["external_instance_id"]) == []


def test_what_cannot_be_sent_fails_at_once(company, instance, sim, owner):
    sends = [
        (STICKER, {"file": {"mime_type": "image/webp"}}, "unsupported"),
        (IMAGE, None, "invalid_request"),
        (LOCATION, None, "invalid_request"),
        (TEXT, None, "invalid_request"),
    ]
    ids = [accept(owner, instance, kind, None, payload, media_url="https://example.net/a")
           for kind, payload, _ in sends]
    codes = [company.wait_status(message_id, "failed")["error_code"] for message_id in ids]
    assert codes == [code for _, _, code in sends]
    assert sim.messages(instance["external_instance_id"]) == []


def test_a_quote_names_the_providers_message(company, instance, sim, owner, db):
    session, group = instance["external_instance_id"], "120363000000000001@g.us"
    first = accept(owner, instance, TEXT, "First")
    ours = company.wait_status(first, "read")["external_id"]
    sim.inbound(session, "5511999990001", text="Theirs", id="3A0000000000000000AA")
    sim.inbound(session, "5511999990005", text="In a group", id="3A0000000000000000BB", chat=group)
    wait_until(lambda: db.execute("SELECT count(*) AS n FROM messages WHERE instance_id = %s AND"
                                  " direction = 1", (instance["id"],)).fetchone()["n"] == 2,
               "both inbound messages")
    quotes = [
        (first, CHAT, f"true_{CHAT}_{ours}"),
        (ours, CHAT, f"true_{CHAT}_{ours}"),
        ("3A0000000000000000AA", CHAT, f"false_{CHAT}_3A0000000000000000AA"),
        ("3A0000000000000000BB", group,
         f"false_{group}_3A0000000000000000BB_5511999990005@c.us"),
        (f"false_{CHAT}_3A0000000000000000CC", CHAT, f"false_{CHAT}_3A0000000000000000CC"),
        ("3A0000000000000000DD", CHAT, f"false_{CHAT}_3A0000000000000000DD"),
    ]
    for n, (reply_to, chat, wanted) in enumerate(quotes, start=2):
        accept(owner, instance, TEXT, f"Quote {n}", chat=chat, reply_to=reply_to)
        assert received(sim, instance, n)[-1]["detail"]["reply_to"] == wanted
    lost = accept(owner, instance, TEXT, "Lost", reply_to=str(uuid7()))
    assert company.wait_status(lost, "failed")["error_code"] == "reply_to_unknown"


PICK = "Pick\n1. Sales"


@pytest.mark.parametrize("word,chat,kind", [
    ("GOWS", CHAT, "list"), ("NOWEB", CHAT, "list"),
    ("GOWS", "120363000000000001@g.us", "text"), ("WEBJS", CHAT, "text")])
def test_a_list_leaves_as_one_where_the_engine_can(company, instance, sim, owner, sim_engine,
                                                   word, chat, kind):
    sim_engine(word)
    company.wait_status(accept(owner, instance, TEXT, PICK, LIST, chat=chat), "read")
    got = received(sim, instance)[0]
    assert got["kind"] == kind
    if kind == "list":
        assert got["detail"]["message"]["sections"] == [
            {"title": "A", "rows": [{"title": "Sales", "rowId": "s", "description": "Prices"}]}]
    else:
        assert got["text"] == PICK


def test_a_list_without_a_known_engine_leaves_as_numbered_text(company, instance, sim, owner,
                                                               provider):
    owner.execute("UPDATE providers SET engine = NULL, is_active = false WHERE id = %s",
                  (provider["id"],))  # one that is switched off is not asked
    try:
        sent = accept(owner, instance, TEXT, PICK, LIST)
        company.wait_status(sent, "read")
        assert [(m["kind"], m["text"]) for m in received(sim, instance)] == [("text", PICK)]
    finally:
        owner.execute("UPDATE providers SET is_active = true WHERE id = %s", (provider["id"],))


def test_a_list_that_the_engine_turns_out_to_lack_leaves_as_text(company, instance, sim, owner,
                                                                 sim_engine):
    """The server was started anew with another engine, and nobody has asked it since."""
    company.wait_status(accept(owner, instance, TEXT, "First"), "read")  # the route is cached
    sim.engine("WEBJS")
    row = company.wait_status(accept(owner, instance, TEXT, PICK, LIST), "read")
    assert (row["attempts"], received(sim, instance, 2)[1]["text"]) == (1, PICK)
    sim_engine("WEBJS")


def test_a_poll_of_one_choice_leaves_as_numbered_text(company, instance, sim, owner):
    menu = {"menu": {**POLL["menu"], "choices": ["Morning"]}}
    company.wait_status(accept(owner, instance, TEXT, "When?\n1. Morning", menu), "read")
    assert [(m["kind"], m["text"]) for m in received(sim, instance)] == [
        ("text", "When?\n1. Morning")]


def test_a_file_in_doubt_is_held_by_default(company, instance, sim, owner, env):
    """Files carry no reference: a second send would be a second message."""
    payload, url = by_url(env, "image/jpeg")
    sim.fault("waha", "reset_after", rate=1, for_ms=60000)
    try:
        sent = accept(owner, instance, IMAGE, "Once", payload, media_url=url)
        company.wait_status(sent, "in_doubt")
    finally:
        sim.fault("waha", "reset_after", rate=0, for_ms=1)
    wait_until(lambda: any(t["reason"] == "held" for t in
                           company.message(sent, timeline=True)["timeline"])
               or company.message(sent)["status"] in ("sent", "delivered", "read"),
               "it to be held, or proved by its echo", timeout=15)
    assert len(sim.messages(instance["external_instance_id"])) == 1


def test_an_uploaded_file_goes_all_the_way(company, instance, sim):
    """From base64 in the request, through our store, to base64 at the provider."""
    data = b"%PDF-1.4\n" + os.urandom(400_000) + b"\n%%EOF\n"
    by_token = company.api.with_token(instance["token"])
    reply = by_token.request("POST", "/send/media", {
        "number": CHAT, "type": "document", "text": "Invoice", "docName": "invoice.pdf",
        "file": "data:application/pdf;base64," + base64.b64encode(data).decode()})
    assert reply.status == 200 and reply.body["data"]["status"] == "sent"
    got = received(sim, instance)[0]
    assert reply.body["data"]["external_id"] == got["id"] and got["text"] == "Invoice"
    assert got["detail"] == {"mime": "application/pdf", "file_name": "invoice.pdf",
                             "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
