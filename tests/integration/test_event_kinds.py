"""Events that no provider webhook makes end at real endpoints, in both formats
(growhub-api.md section 7; those of webhooks: test_inbound_kinds.py)."""

import pytest

from ear import Ear
from support import unique, wait_until


@pytest.fixture
def ear(company, instance, sim):
    return Ear(company, instance, sim)


def types_of(db, message_id):
    return [r["type"] for r in db.execute("SELECT type FROM events WHERE message_id = %s",
                                          (message_id,))]


def tomorrow(db):
    return db.execute("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 day',"
                      " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at").fetchone()["at"]


def test_an_accepted_send_is_told_as_queued(company, instance, ear, db):
    sent = company.send(instance, content="Hi", reference="order-9")
    company.wait_status(sent["id"], "read")
    events = wait_until(lambda: ear.heard("standard", "message.queued"), "message.queued")
    assert [e["data"]["id"] for e in events] == [sent["id"]]
    data = events[0]["data"]
    assert (data["status"], data["reference"], data["message_id"]) == ("queued", "order-9", None)
    assert data["to"] == "5511999990001@c.us" and data["session"] == ear.session
    assert data["instance_id"] == instance["id"] and data["company_id"] == company.id
    assert events[0]["timestamp"] == company.api.get("/api/events?event_type=message.queued")[0][
        "occurred_at"]
    wait_until(lambda: ear.heard("growhub", "on-message-read"), "the end")
    names = [e["body"]["event"] for e in ear.sim.received(ear.hooks["growhub"])]
    assert [n for n in names if "queued" in n] == []  # that format has no name for it


def test_a_scheduled_one_and_a_replayed_key_are_told_once(company, instance, ear, db):
    body = {"instance_id": instance["id"], "phone_to": "5511999990002", "content": "Later",
            "scheduled_at": tomorrow(db)}
    key = {"Idempotency-Key": unique("key")}
    first = company.api.request("POST", "/api/messages/send", body, headers=key).body["data"]
    again = company.api.request("POST", "/api/messages/send", body, headers=key).body["data"]
    assert first["id"] == again["id"]
    events = wait_until(lambda: ear.heard("standard", "message.queued"), "message.queued")
    assert [(e["data"]["id"], e["data"]["status"]) for e in events] == [(first["id"], "scheduled")]
    assert types_of(db, first["id"]) == [2]


def test_every_message_of_a_batch_is_told_as_queued(company, instance, ear):
    items = [{"instance_id": instance["id"], "phone_to": f"55119999900{n:02}", "content": "All"}
             for n in range(20)]
    reply = company.api.request("POST", "/api/messages/send-batch", {"messages": items})
    ids = {item["data"]["id"] for item in reply.body["data"]}
    assert len(ids) == 20
    wait_until(lambda: len(ear.heard("standard", "message.queued")) == 20, "twenty events")
    assert {e["data"]["id"] for e in ear.heard("standard", "message.queued")} == ids


def test_nothing_is_written_where_nobody_wants_it(company, instance, sim, db):
    hook = unique("hook")
    row = company.api.post(f"/api/instances/{instance['id']}/webhooks", {
        "url": sim.hook_url(hook), "events": ["message.sent"], "format": "standard"})
    sent = company.send(instance)
    company.wait_status(sent["id"], "read")
    assert 2 not in types_of(db, sent["id"])
    # Wanted from now on: the gateway that was told of it knows at once.
    company.api.put(f"/api/instances/{instance['id']}/webhooks/{row['id']}",
                    {"events": ["message.queued"]})
    sent = wait_until(
        lambda: (m := company.send(instance)) and 2 in types_of(db, m["id"]) and m, "the event")
    wait_until(lambda: sent["id"] in [e["body"]["data"]["id"] for e in sim.received(hook)
                                      if e["body"]["type"] == "message.queued"], "its post")


def test_a_send_past_its_end_is_told_as_expired(company, instance, ear, owner, db):
    sent = company.send(instance, content="Too late", reference="order-1",
                        scheduled_at=tomorrow(db))
    owner.execute("UPDATE send_queue SET expires_at = now() WHERE message_id = %s", (sent["id"],))
    body, data = ear.wait("on-message-failed", "message.expired")
    assert body["id"] == data["id"] == sent["id"] and data["reference"] == "order-1"
    assert body["status"] == data["status"] == "failed"
    assert body["error_code"] == data["error_code"] == "expired"
    assert ear.heard("standard", "message.failed") == []


def test_a_failed_creation_is_told_once(company, sim, provider, owner, admin):
    hooks = {form: unique(form) for form in ("growhub", "standard")}
    sim.fault("waha", "status", value=500, rate=1, for_ms=60000)
    try:
        made = company.instance(is_connected=False, webhooks=[
            {"url": sim.hook_url(hook), "events": ["*"], "format": form}
            for form, hook in hooks.items()])
        for hook, row in zip(hooks.values(), made["webhooks"]):
            sim.set_hook(hook, secret=row["secret"])

        def heard(form):
            return [e["body"] for e in sim.received(hooks[form])]

        wait_until(lambda: heard("growhub") and heard("standard"), "the event of both formats")
        body, data = heard("growhub")[0], heard("standard")[0]["data"]
        assert body["event"] == "on-instance-error" and body["status"] == data["status"] == "error"
        assert heard("standard")[0]["type"] == "instance.error"
        assert body["instance_id"] == data["instance_id"] == made["id"]
        assert body["instance_name"] == data["instance_name"] == made["instance_name"]
        assert body["reason"] == data["reason"] and data["reason"].startswith("provider_")
        # healthd tries again and fails again: no news.
        owner.execute("UPDATE providers SET health_status = 'healthy' WHERE id = %s",
                      (provider["id"],))
        owner.execute("UPDATE instances SET mend_at = now() WHERE id = %s", (made["id"],))

        def tried():
            owner.execute("UPDATE providers SET health_status = 'healthy' WHERE id = %s",
                          (provider["id"],))
            row = owner.execute("SELECT mend_tries, status FROM instances WHERE id = %s",
                                (made["id"],)).fetchone()
            return row["mend_tries"] > 0 and row["status"] == "error"
        wait_until(tried, "a second try", 30)
    finally:
        sim.fault("waha", "status", value=500, rate=0, for_ms=1)
    wait_until(lambda: admin.get(f"/api/admin/providers/{provider['id']}")["health_status"]
               == "healthy", "the provider to be healthy again", 20)
    owner.execute("UPDATE instances SET mend_at = now() WHERE id = %s", (made["id"],))
    path = f"/api/instances/{made['id']}"
    wait_until(lambda: company.api.get(path)["status"] == "connected", "the session", 20)
    wait_until(lambda: [b for b in heard("growhub") if b["event"] == "on-connected"], "on-connected")
    assert [b["type"] for b in heard("standard")].count("instance.error") == 1
    assert [b["event"] for b in heard("growhub")].count("on-instance-error") == 1
