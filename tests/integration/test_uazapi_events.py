"""UAZAPI's webhooks end as events, and its echoes as proof (contracts/uazapi.md sections 8 to 11).

Bodies are the contract's examples (tests/vectors/uazapi), posted as the server posts them.
"""

import contextlib
import json
import os
import urllib.error
import urllib.request

import pytest

from ear import Ear
from paths import REPO
from support import Company, paused, unique, wait_until

VECTORS = os.path.join(REPO, "tests", "vectors", "uazapi")
CONTACT = "5511900000002@c.us"


@pytest.fixture(scope="module")
def company(admin, env):
    """A tenant at the simulated UAZAPI."""
    provider = admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("uazapi"), "base_url": f"{env['GROWHUB_SIM_URL']}/uazapi",
        "api_key": "sim", "max_instances": 10000})
    made = Company(admin, provider)
    yield made
    made.close()


def call(method, url, body=None, **headers):
    """(status, JSON)"""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers},
                                     method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as e:
        return e.code, None


class Server:
    """What the provider knows of one instance, and posts about it."""

    def __init__(self, env, name):
        base = f"{env['GROWHUB_SIM_URL']}/uazapi"
        _, listed = call("GET", f"{base}/instance/all", admintoken="sim")
        self.base, self.name = base, name
        self.token = next(i["token"] for i in listed if i["name"] == name)
        _, hooks = call("GET", f"{base}/webhook", token=self.token)
        self.url = hooks[0]["url"]

    def body(self, vector, **members):
        """An example with the instance's token, its message or event changed by members."""
        with open(os.path.join(VECTORS, f"hook_{vector}.json"), encoding="utf-8") as f:
            body = json.load(f)
        body["token"] = self.token
        if members:
            (body["message"] if "message" in body else body["event"]).update(members)
        return body

    def post(self, vector, **members):
        status, _ = call("POST", self.url, self.body(vector, **members))
        assert status == 200

    def ask(self, path):
        """What a person does on the server's own pages."""
        assert call("POST", f"{self.base}{path}", {}, token=self.token)[0] == 200

    def message(self, vector, **members):
        """A message of an id of its own; returns the id."""
        bare = "3A" + unique("").replace("-", "").rjust(18, "0")
        self.post(vector, id=f"5511900000001:{bare}", messageid=bare, **members)
        return bare


@pytest.fixture(scope="module")
def instance(company):
    return company.instance()


@pytest.fixture
def server(env, instance):
    return Server(env, instance["external_instance_id"])


@pytest.fixture
def ear(company, instance, sim):
    return Ear(company, instance, sim)


@pytest.mark.parametrize("vector, kind, content", [
    ("message_text", "text", "Is it open today?"),
    ("message_extended", "text", "See https://example.net"),
    ("message_image", "image", "The door"),
    ("message_video", "video", ""),
    ("message_gif", "video", ""),
    ("message_voice", "audio", ""),
    ("message_audio", "audio", ""),
    ("message_document", "document", "Invoice 881"),
    ("message_sticker", "sticker", ""),
    ("message_location", "location", ""),
    ("message_contact", "contact", "Rita: +55 11 90000-0003"),
    ("message_contacts", "contact", ""),
    ("message_poll", "text", "Delivery time?"),
    ("message_list_choice", "text", "Sales"),
    ("message_button_choice", "text", "Other day"),
    ("message_unknown", "unsupported", ""),
])
def test_every_type_of_message_is_told(server, ear, vector, kind, content):
    bare = server.message(vector)
    body, data = ear.wait("on-message", "message.received")
    assert body["message_id"] == data["message_id"] == bare
    assert (body["type"], body["content"]) == (data["type"], data["content"]) == (kind, content)
    assert body["from"] == data["chat"] == CONTACT and body["fromMe"] is False
    assert body["lid"] == "210000000000002@lid" and body["pushName"] == "Rui"
    assert body["timestamp"] == 1791000000000 and data["origin"] == "contact"
    assert body["content_msg"]["messageid"] == bare
    assert body["isMedia"] is (kind in ("image", "video", "audio", "document", "sticker"))
    assert server.token not in json.dumps([body, data])


def test_what_is_said_of_a_message_finds_it(server, ear, company):
    bare = server.message("message_text")
    received, _ = ear.wait("on-message", "message.received")
    server.message("message_reaction", reaction=bare)
    body, _ = ear.wait("on-reaction", "message.reaction")
    assert body["id"] == received["id"] and body["content"] == "\U0001F44D"
    server.message("message_edited", edited=bare)
    body, _ = ear.wait("on-edited", "message.edited")
    assert body["id"] == received["id"] and body["content"] == "Is it open on Monday?"
    assert company.message(received["id"])["content"] == "Is it open on Monday?"
    server.post("deleted", MessageIDs=[bare])
    body, _ = ear.wait("on-revoked", "message.deleted")
    assert (body["id"], body["message_id"]) == (received["id"], bare)
    server.message("message_poll_vote", quoted=bare)
    body, data = ear.wait("on-poll-vote", "poll.voted")
    assert body["id"] == received["id"]
    assert data["selected_options"] == ["Morning", "Late", "very"]


def test_a_contact_may_write_a_nul(server, ear, company, instance):
    """It costs the character, not the message."""
    server.message("message_text", text="open\0today\\u0000?", content="open\0today\\u0000?")
    body, _ = ear.wait("on-message", "message.received")
    assert body["content"] == "open\ufffdtoday\\u0000?"
    shown = company.api.get(f"/api/messages?instance_id={instance['id']}&limit=1")[0]
    assert shown["content"] == body["content"]


def test_the_rest_is_told_in_the_words_of_the_other_provider(server, ear):
    server.post("group_promote")
    body, data = ear.wait("on-group-update", "group.updated")
    assert data["action"] == "promote" and data["group_id"] == "120363000000000001@g.us"
    assert data["participants"] == [{"id": "5511900000005@c.us", "phone": "5511900000005",
                                     "role": "admin"}]
    server.post("group_joined")
    _, data = ear.wait("on-group-join", "group.joined")
    assert data["subject"] == "Acme team" and len(data["participants"]) == 3
    server.post("presence_recording")
    _, data = ear.wait("on-presence-update", "presence.updated")
    assert (data["presence"], data["chat"]) == ("recording", CONTACT)
    server.post("call_event")
    _, data = ear.wait("on-call", "call.received")
    assert (data["status"], data["from"]) == ("rejected", CONTACT)
    before = len(ear.heard("growhub", "on-message"))
    server.post("history")
    server.post("presence_own")
    server.message("message_text")
    wait_until(lambda: len(ear.heard("growhub", "on-message")) > before, "the text behind them")
    assert len(ear.heard("growhub", "on-message")) == before + 1
    assert len(ear.heard("growhub", "on-presence-update")) == 1


def test_the_end_of_a_session_says_why_and_the_next_shows_its_code(company, env, sim):
    instance = company.instance()
    server, ear = Server(env, instance["external_instance_id"]), Ear(company, instance, sim)
    server.ask("/instance/disconnect")
    body, data = ear.wait("on-disconnected", "instance.disconnected")
    assert body["state"] == data["state"] == "disconnected"
    assert body["reason"] == data["reason"] and data["reason"].startswith("401")
    server.ask("/instance/connect")
    body, data = ear.wait("on-qrcode", "instance.qr")
    assert body["qrcode"] == data["qr"] and data["status"] == "qr"
    assert data["qr"].startswith("data:image/png;base64,iVBOR")
    sim.session(server.name, provider="uazapi", is_paired=True)
    ear.wait("on-connected", "instance.connected")


def test_a_body_without_the_token_is_nobodys(server, db, instance):
    body = server.body("message_text")
    assert call("POST", server.url, {**body, "token": server.token[:-1] + "x"})[0] == 401
    del body["token"]
    assert call("POST", server.url, body)[0] == 401
    bare = server.message("message_text", note=f"hidden {server.token} here")
    kept = wait_until(
        lambda: [bytes(r["body"]) for r in db.execute(
            "SELECT body FROM inbound_events WHERE instance_id = %s", (instance["id"],))
            if bare.encode() in bytes(r["body"])], "the body to be kept")
    assert len(kept) == 1 and server.token.encode() not in kept[0]
    assert json.loads(kept[0])["message"]["messageid"] == bare


def test_a_batch_of_receipts_reaches_its_messages(server, company, instance, owner):
    sent = [company.send(instance, content=f"Batch #{n}") for n in range(3)]
    rows = [company.wait_status(s["id"], "read") for s in sent]
    strangers = [f"3EB0{n:016X}" for n in range(240)]
    server.post("receipt_batch", MessageIDs=[r["external_id"] for r in rows] + strangers)
    server.post("receipt_played", MessageIDs=[r["external_id"] for r in rows])
    for s in sent:
        company.wait_status(s["id"], "played")
    # The wait for the strangers ends now: they are one row, not 240.
    wait_until(lambda: owner.execute("UPDATE inbound_queue SET tries = 5 WHERE instance_id = %s"
                                     " AND tries > 0", (instance["id"],)).rowcount == 1, "a look")
    orphans = wait_until(lambda: owner.execute(
        "SELECT external_id, status FROM orphans WHERE instance_id = %s",
        (instance["id"],)).fetchall(), "the wait to end", 20)
    assert [(o["external_id"], o["status"]) for o in orphans] == [(strangers[0], 6)]


@pytest.fixture
def broken(sim):
    @contextlib.contextmanager
    def fault(kind):
        sim.fault("uazapi", kind, rate=1, for_ms=60000)
        try:
            yield
        finally:
            sim.fault("uazapi", kind, rate=0, for_ms=1)
    return fault


def told(sim, instance, text):
    """How often the provider sent it."""
    messages = sim.messages(instance["external_instance_id"], provider="uazapi")
    return [m["text"] for m in messages].count(text)


def proofs(company, sent):
    """What said that it was sent."""
    timeline = company.message(sent["id"], timeline=True)["timeline"]
    return {t.get("reason") for t in timeline if t["status"] == "sent"}


def keys_of(db, message_id):
    return {r["external_id"] for r in db.execute(
        "SELECT external_id FROM message_keys WHERE message_id = %s", (message_id,))}


def test_an_echo_proves_a_send_whose_answer_was_lost(company, instance, sim, db, broken):
    with broken("reset_after"):
        sent = company.send(instance, content="Echo #1")
        row = company.wait_status(sent["id"], "read", timeout=20)
        assert proofs(company, sent) & {"echo", "receipt"}
    assert told(sim, instance, "Echo #1") == 1 and row["attempts"] == 1
    # Ours by both names: the reference that was sent, and the id that the provider chose.
    assert keys_of(db, sent["id"]) == {sent["id"], row["external_id"]}
    assert row["external_id"] != sent["id"]
    assert db.execute("SELECT count(*) AS n FROM events WHERE message_id = %s AND type = 3",
                      (sent["id"],)).fetchone()["n"] == 1
    assert db.execute("SELECT count(*) AS n FROM send_queue WHERE message_id = %s",
                      (sent["id"],)).fetchone()["n"] == 0


def test_an_echo_ends_a_doubt(company, instance, sim, db, env, broken):
    with broken("reset_after"):
        with paused(env, "eventd"):
            sent = company.send(instance, content="Doubt #1")
            company.wait_status(sent["id"], "in_doubt")
        row = company.wait_status(sent["id"], "read", timeout=20)
    assert "echo" in proofs(company, sent) and row["attempts"] == 1
    assert told(sim, instance, "Doubt #1") == 1
    assert keys_of(db, sent["id"]) == {sent["id"], row["external_id"]}


def test_without_an_echo_the_look_up_finds_it(company, instance, sim, db, env, broken):
    with paused(env, "eventd"):
        with broken("reset_after"):
            sent = company.send(instance, content="Found #1")
            company.wait_status(sent["id"], "in_doubt")
        row = company.wait_status(sent["id"], "sent", timeout=20)
        assert proofs(company, sent) == {"lookup"}
    assert told(sim, instance, "Found #1") == 1 and row["attempts"] == 1
    company.wait_status(sent["id"], "read", timeout=20)
    assert keys_of(db, sent["id"]) == {sent["id"], row["external_id"]}


def test_nothing_is_sent_again_that_could_not_be_looked_up(company, instance, sim, db, env, broken):
    """A repeated track_id is a second message there (section 13.13): without an answer to the
    look-ups it is held, and the chat goes on."""
    with paused(env, "eventd"):
        with broken("reset_after"):
            sent = company.send(instance, content="Held #1")
            wait_until(lambda: db.execute(
                "SELECT 1 FROM send_queue WHERE message_id = %s AND state = 5",
                (sent["id"],)).fetchone() or told(sim, instance, "Held #1") > 1, "HELD", 40)
        assert told(sim, instance, "Held #1") == 1
        assert company.message(sent["id"])["status"] == "in_doubt"
    row = company.wait_status(sent["id"], "read", timeout=20)
    assert proofs(company, sent) & {"echo", "receipt"} and row["attempts"] == 1


def test_an_echo_that_overtakes_the_answer_makes_no_second_message(company, instance, sim, db):
    rows = [company.send(instance, to=f"55119999800{n:02}", content="Fast") for n in range(20)]
    rows = [company.wait_status(r["id"], "read", timeout=20) for r in rows]
    ids = [r["external_id"] for r in rows]
    assert len(set(ids)) == 20
    count = db.execute("SELECT count(*) AS n FROM messages WHERE instance_id = %s"
                       " AND external_id = ANY(%s)", (instance["id"], ids)).fetchone()["n"]
    assert count == 20
    for r in rows:
        assert keys_of(db, r["id"]) == {r["id"], r["external_id"]}
