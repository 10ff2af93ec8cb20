"""One company with an instance at WAHA and one at UAZAPI: whoever calls the API or hears its events
cannot tell which is where, and neither has anything to do with the other."""

import pytest

from ear import Ear
from support import Company, unique, wait_until

KINDS = ("waha", "uazapi")
OTHER = {"waha": "uazapi", "uazapi": "waha"}
RECEIPTS = ("message.sent", "message.delivered", "message.read")
CONTACT = "5511977770009"


class Mixed(Company):
    """at[type]: the instance there; ears[type]: what its endpoints hear."""

    def __init__(self, admin, provider_of, sim):
        super().__init__(admin, provider_of("waha"))
        self.sim = sim
        self.at = {kind: self.instance(provider_id=provider_of(kind)["id"]) for kind in KINDS}
        self.ears = {kind: Ear(self, self.at[kind], sim) for kind in KINDS}

    def texts(self, kind):
        """What the provider was given for its instance."""
        session = self.at[kind]["external_instance_id"]
        return [m["text"] for m in self.sim.messages(session, provider=kind)]

    def heard(self, kind, *types):
        """{(type, message id)} at that instance's endpoint of the standard format."""
        ear = self.ears[kind]
        return {(t, data["data"]["id"]) for t in types for data in ear.heard("standard", t)}

    def listed(self, kind, query):
        return self.api.get(f"/api/messages?instance_id={self.at[kind]['id']}&{query}")


@pytest.fixture(scope="module")
def mixed(admin, provider_of, sim):
    made = Mixed(admin, provider_of, sim)
    yield made
    made.close()


def test_both_are_listed_alike(mixed, provider_of):
    rows = {row["id"]: row for row in mixed.api.get("/api/instances")}
    both = [rows[mixed.at[kind]["id"]] for kind in KINDS]
    assert [row["provider_id"] for row in both] == [provider_of(kind)["id"] for kind in KINDS]
    assert both[0].keys() == both[1].keys()
    assert {row["status"] for row in both} == {"connected"}


def test_sends_and_their_events_are_of_one_instance(mixed):
    """The same number and the same text: each is sent where it should, once, and told there."""
    text = unique("To you")
    sent = {kind: mixed.send(mixed.at[kind], to=CONTACT, content=text) for kind in KINDS}
    rows = {kind: mixed.wait_status(sent[kind]["id"], "read") for kind in KINDS}
    assert rows["waha"].keys() == rows["uazapi"].keys()
    for kind in KINDS:
        own = {(t, sent[kind]["id"]) for t in RECEIPTS}
        wait_until(lambda: own <= mixed.heard(kind, *RECEIPTS), f"the events at {kind}")
        assert not own & mixed.heard(OTHER[kind], *RECEIPTS)
        assert mixed.texts(kind).count(text) == 1
        steps = mixed.message(sent[kind]["id"], timeline=True)["timeline"]
        assert [s["status"] for s in steps] == ["queued", "processing", "sent", "delivered", "read"]


def test_a_batch_is_parted(mixed):
    mark = unique("Batch")
    made = mixed.api.post("/api/messages/send-batch", {"messages": [
        {"instance_id": mixed.at[kind]["id"], "phone_to": f"551197777{n:04}",
         "content": f"{mark} {kind} #{n}"} for n in range(10) for kind in KINDS]})
    assert len(made) == 20
    for one in made:
        mixed.wait_status(one["data"]["id"], "read")
    for kind in KINDS:
        got = {text for text in mixed.texts(kind) if text.startswith(mark)}
        assert got == {f"{mark} {kind} #{n}" for n in range(10)}


def test_one_contact_writes_to_both(mixed):
    """Two chats with one person: each instance has its own message, event and list."""
    texts = {kind: unique(f"Hello {kind}") for kind in KINDS}
    for kind in KINDS:
        mixed.sim.inbound(mixed.at[kind]["external_instance_id"], CONTACT, provider=kind,
                          text=texts[kind])
    for kind in KINDS:
        row = wait_until(lambda: [r for r in mixed.listed(kind, "direction=inbound")
                                  if r["content"] == texts[kind]], f"the message at {kind}")[0]
        assert (row["phone_from"], row["status"]) == (f"{CONTACT}@c.us", "received")
        event = {("message.received", row["id"])}
        wait_until(lambda: event <= mixed.heard(kind, "message.received"), "its event")
        assert not event & mixed.heard(OTHER[kind], "message.received")
        others = {r["content"] for r in mixed.listed(OTHER[kind], "direction=inbound")}
        assert texts[kind] not in others


def test_the_companys_list_has_both_in_order(mixed):
    made = [mixed.send(mixed.at[kind], content=unique("Listed"))["id"]
            for _ in range(3) for kind in KINDS]
    rows = mixed.api.get("/api/messages?limit=50&direction=outbound")
    assert [row["id"] for row in rows if row["id"] in made] == made[::-1]
    for kind in KINDS:
        own = {row["id"] for row in mixed.listed(kind, "limit=200")}
        assert {one in own for one in made[KINDS.index(kind)::2]} == {True}
        assert {one in own for one in made[1 - KINDS.index(kind)::2]} == {False}


@pytest.mark.parametrize("down", KINDS)
def test_a_silent_provider_does_not_hold_the_other(mixed, down):
    """One takes every call and answers none; what goes by the other is read meanwhile."""
    up = OTHER[down]
    with mixed.sim.failing("hang", 0, scope=down):
        held = [mixed.send(mixed.at[down], to=f"551197778{n:04}", content=unique("Held"))["id"]
                for n in range(20)]
        for n in range(20):
            sent = mixed.send(mixed.at[up], to=f"551197778{n:04}", content=unique("Through"))
            mixed.wait_status(sent["id"], "read", timeout=4)
        statuses = {mixed.message(one)["status"] for one in held}
        assert statuses <= {"queued", "processing", "in_doubt"}, statuses
    for one in held:
        mixed.wait_status(one, "read", timeout=60)
    texts = [text for text in mixed.texts(down) if text.startswith("Held")]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("first", KINDS)
def test_a_disconnected_instance_does_not_hold_the_other(mixed, first):
    """Its sends wait for it, burning no attempt."""
    lost, other = mixed.at[first], mixed.at[OTHER[first]]
    path = f"/api/instances/{lost['id']}"
    with mixed.sim.failing("disconnected", 0, scope=first):
        wait_until(lambda: mixed.api.get(path)["status"] != "connected", "the loss to be heard")
        waiting = mixed.send(lost, content="When you are back")
        mixed.wait_status(mixed.send(other, content="Now")["id"], "read")
        assert mixed.message(waiting["id"])["status"] == "queued"
    row = mixed.wait_status(waiting["id"], "read", timeout=40)
    assert row["attempts"] == 1


def test_one_number_at_one_provider_then_at_the_other(mixed, provider_of):
    """What was said through the first stays its history; what comes after is of the second."""
    old = mixed.instance()
    number = wait_until(lambda: mixed.api.get(f"/api/instances/{old['id']}")["phone_number"],
                        "its number")
    before = mixed.send(old, to=CONTACT, content=unique("Before"))
    mixed.wait_status(before["id"], "read")
    mixed.api.with_token(old["token"]).post("/instance/disconnect", {})
    new = mixed.instance(provider_id=provider_of("uazapi")["id"])
    session, api = new["external_instance_id"], mixed.api.with_token(new["token"])
    path = f"/api/instances/{new['id']}"
    mixed.sim.session(session, provider="uazapi", is_paired=False)
    wait_until(lambda: mixed.api.get(path)["status"] == "disconnected", "the log-out")
    api.post("/instance/connect", {"phone": number})
    mixed.sim.session(session, provider="uazapi", is_paired=True)
    wait_until(lambda: mixed.api.get(path)["status"] == "connected", "the pairing")
    wait_until(lambda: mixed.api.get(path)["phone_number"] == number, "the same number")
    after = mixed.send(new, to=CONTACT, content=unique("After"))
    mixed.wait_status(after["id"], "read")
    answer = unique("Answer")
    mixed.sim.inbound(session, CONTACT, provider="uazapi", text=answer)

    def contents(row):
        return [r["content"] for r in mixed.api.get(f"/api/messages?instance_id={row['id']}")]
    wait_until(lambda: answer in contents(new), "the answer")
    assert sorted(contents(new)) == sorted([answer, after["content"]])
    assert contents(old) == [before["content"]]
    assert mixed.api.get(f"/api/instances/{old['id']}")["phone_number"] == number
