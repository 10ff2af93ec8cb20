"""Sends without an answer: echo, look-up, resend or hold; late results; receipts in any order.

The stack waits 3 s for proof (sending.in_doubt_wait). A paused eventd keeps the
simulator's echo and receipts from resolving a doubt before the step under test does.
"""

import contextlib
import itertools

import pytest

from support import paused, unique, wait_until

OVER = {"rate": 0, "for_ms": 1}


@pytest.fixture
def broken(sim):
    """broken(kind, **settings): a fault of the simulated server until the block ends."""
    @contextlib.contextmanager
    def fault(kind, **settings):
        sim.fault("waha", kind, **{"rate": 1, "for_ms": 60000, **settings})
        try:
            yield
        finally:
            sim.fault("waha", kind, **OVER)
    return fault


def reasons(company, sent):
    """[(status, reason)] of the timeline."""
    timeline = company.message(sent["id"], timeline=True)["timeline"]
    return [(t["status"], t.get("reason")) for t in timeline]


def texts(sim, instance):
    return [m["text"] for m in sim.messages(instance["external_instance_id"])]


def waha_stats(sim, session):
    return sim.stats()["providers"]["waha"].get(session, {})


def queue_row(db, sent):
    return db.execute("SELECT * FROM send_queue WHERE message_id = %s", (sent["id"],)).fetchone()


def set_policy(company, instance, policy):
    company.api.put(f"/api/instances/{instance['id']}", {"settings": {"in_doubt_policy": policy}})


def test_an_echo_or_receipt_ends_the_doubt(company, instance, sim, broken):
    with broken("reset_after"):
        sent = company.send(instance, content="Echo #1")
        company.wait_status(sent["id"], "read")
    assert texts(sim, instance) == ["Echo #1"]
    assert company.message(sent["id"])["attempts"] == 1


def test_the_look_up_finds_what_was_sent(company, instance, sim, env, broken):
    with paused(env, "eventd"):
        with broken("reset_after"):
            sent = company.send(instance, content="Found #1")
            company.wait_status(sent["id"], "in_doubt")
        row = company.wait_status(sent["id"], "sent", timeout=15)
        assert ("sent", "lookup") in reasons(company, sent)
        assert row["attempts"] == 1 and row["external_id"]
    company.wait_status(sent["id"], "read")
    assert texts(sim, instance) == ["Found #1"]


def test_what_was_not_sent_is_sent_again_with_the_same_reference(company, instance, sim, env, broken):
    with paused(env, "eventd"):
        with broken("reset_before"):
            sent = company.send(instance, content="Again #1")
            after = company.send(instance, content="Behind #2")
            company.wait_status(sent["id"], "in_doubt")
        company.wait_status(after["id"], "sent", timeout=20)
        assert ("sent", "resend") in reasons(company, sent)
    assert texts(sim, instance) == ["Again #1", "Behind #2"]


def test_hold_never_calls_twice_and_frees_the_chat(company, instance, sim, env, db, broken):
    set_policy(company, instance, "hold")
    with paused(env, "eventd"):
        with broken("reset_after"):
            sent = company.send(instance, content="Held #1")
            after = company.send(instance, content="Next #2")
            wait_until(lambda: (row := queue_row(db, sent)) and row["state"] == 5, "HELD", timeout=40)
        assert company.message(sent["id"])["status"] == "in_doubt"
        assert ("in_doubt", "held") in reasons(company, sent)
        company.wait_status(after["id"], "sent", timeout=60)
        assert texts(sim, instance) == ["Held #1", "Next #2"]
    row = company.wait_status(sent["id"], "read", timeout=20)
    assert row["attempts"] == 1
    assert {r for _, r in reasons(company, sent)} & {"echo", "receipt"}
    assert queue_row(db, sent) is None


def test_an_engine_without_preset_ids_gets_nothing_twice(company, instance, sim, db, sim_engine,
                                                         broken):
    """What it sent it knows by an id of its own: no look-up would find it."""
    sim_engine("WEBJS")
    with broken("reset_before"):
        sent = company.send(instance, content="Lost #1")
        company.wait_status(sent["id"], "in_doubt")
    wait_until(lambda: (row := queue_row(db, sent)) and row["state"] == 5, "HELD", timeout=15)
    assert texts(sim, instance) == [] and ("in_doubt", "held") in reasons(company, sent)


def test_hold_does_not_trust_an_empty_look_up(company, instance, sim, env, db, broken):
    set_policy(company, instance, "hold")
    with broken("reset_before"):
        sent = company.send(instance, content="Lost #1")
        company.wait_status(sent["id"], "in_doubt")
    wait_until(lambda: queue_row(db, sent)["state"] == 5, "HELD", timeout=15)
    assert texts(sim, instance) == []
    events = db.execute("SELECT facts::json->>'error_code' AS code FROM events "
                        "WHERE message_id = %s AND type = 8 ORDER BY id", (sent["id"],)).fetchall()
    assert [e["code"] for e in events] == ["no_answer", "held"]


def test_resend_may_send_twice_and_says_so(company, instance, sim, env, broken):
    with paused(env, "eventd"):
        with broken("reset_after"):
            sent = company.send(instance, content="Twice #1")
            session = instance["external_instance_id"]
            wait_until(lambda: waha_stats(sim, session).get("accepted") == 2, "the resend",
                       timeout=40)
        company.wait_status(sent["id"], "sent", timeout=60)
    stats = waha_stats(sim, session)
    assert stats["accepted"] == 2 and stats["distinct"] == 1
    marks = reasons(company, sent)
    assert [s for s, _ in marks].count("in_doubt") >= 2
    assert [r for _, r in marks].count("in_doubt_wait_over") >= 2
    assert marks[-1][0] in ("sent", "delivered", "read")


def test_a_result_after_the_receipts_is_noted_as_late(company, instance, sim, env, db, broken):
    with broken("latency", value=1500):
        sent = company.send(instance, content="Late #1")
        wait_until(lambda: waha_stats(sim, instance["external_instance_id"]).get("requests"),
                   "the call")
        with paused(env, "senderd"):
            company.wait_status(sent["id"], "read", timeout=20)
            wait_until(lambda: queue_row(db, sent) is None, "the lease to end", timeout=20)
    wait_until(lambda: "late_result" in {r for _, r in reasons(company, sent)}, "the late result")
    assert texts(sim, instance) == ["Late #1"]
    assert company.message(sent["id"])["status"] == "read"


def foreign_ack(instance, message_id, ack):
    names = {2: "DEVICE", 3: "READ", 4: "PLAYED"}
    return {"event": "message.ack", "payload": {
        "id": f"true_5511999990001@c.us_{message_id}", "from": "5511999990001@c.us", "to": None,
        "participant": None, "fromMe": True, "ack": ack, "ackName": names[ack],
        "_data": {"Info": {"ID": message_id}}}}


def end_state(db, instance, message_id):
    row = db.execute(
        "SELECT m.status, m.delivered_at IS NOT NULL AS delivered, m.read_at IS NOT NULL AS read,"
        " m.played_at IS NOT NULL AS played, (SELECT array_agg(e.type ORDER BY e.type) FROM events e"
        " WHERE e.message_id = m.id AND e.type BETWEEN 4 AND 6) AS events"
        " FROM messages m JOIN message_keys k ON k.message_id = m.id"
        " WHERE k.instance_id = %s AND k.external_id = %s", (instance["id"], message_id)).fetchone()
    return row and tuple(map(str, row.values()))


def test_receipts_in_any_order_end_the_same(company, instance, sim, db):
    session = instance["external_instance_id"]
    ends = {}
    for serial, order in enumerate(itertools.permutations((2, 3, 4))):
        message_id = f"3EB0{serial:018X}"
        sim.inbound(session, "5511999990001", raw={"event": "message.any", "payload": {
            "id": f"true_5511999990001@c.us_{message_id}", "timestamp": 1795185210,
            "from": "5511999990001@c.us", "to": "5511999990001@c.us", "fromMe": True,
            "source": "app", "body": unique("typed"), "hasMedia": False, "ack": 1}})
        wait_until(lambda m=message_id: end_state(db, instance, m), "the typed message")
        for ack in order + order[:1]:
            before = db.execute("SELECT count(*) AS n FROM inbound_events WHERE instance_id = %s",
                                (instance["id"],)).fetchone()["n"]
            sim.inbound(session, "5511999990001", raw=foreign_ack(instance, message_id, ack))
            wait_until(lambda n=before: db.execute(
                "SELECT count(*) > %s AS more, NOT EXISTS (SELECT 1 FROM inbound_queue"
                " WHERE instance_id = %s) AS idle FROM inbound_events WHERE instance_id = %s",
                (n, instance["id"], instance["id"])).fetchone() == {"more": True, "idle": True},
                "the receipt to be applied")
        ends[order] = end_state(db, instance, message_id)
    assert set(ends.values()) == {("7", "True", "True", "True", "[4, 5, 6]")}, ends
