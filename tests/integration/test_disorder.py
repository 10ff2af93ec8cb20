"""What arrives twice or out of order, and queues that vanish (PAINS.md rows 7, 11, 28)."""

import pytest

from support import unique, wait_until


@pytest.fixture
def hook(company, instance, sim):
    """A hook of the simulator that hears every event of the instance."""
    name = unique("hook")
    row = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                           {"url": sim.hook_url(name), "events": ["*"]})
    sim.set_hook(name, secret=row["secret"])
    return name


@pytest.fixture
def disorder(sim):
    """Every provider webhook three times, and in another order."""
    sim.fault("waha", "duplicate_webhooks", value=3, rate=1, for_ms=60000)
    sim.fault("waha", "reorder_webhooks", value=50, rate=1, for_ms=60000)
    yield
    sim.fault("waha", "duplicate_webhooks", value=0, rate=0, for_ms=1)
    sim.fault("waha", "reorder_webhooks", value=0, rate=0, for_ms=1)


def heard(sim, hook):
    return [(e["body"]["event"], e["body"].get("id")) for e in sim.received(hook)]


def test_receipts_repeated_and_shuffled_are_told_once(company, instance, sim, hook, disorder):
    ids = [company.send(instance, to=f"55119222200{n:02}", content=f"D #{n}")["id"]
           for n in range(20)]
    for message_id in ids:
        company.wait_status(message_id, "read", timeout=30)
    wanted = {(f"on-message-{word}", i) for i in ids for word in ("sent", "delivered", "read")}
    wait_until(lambda: wanted <= set(heard(sim, hook)), "every event", timeout=20)
    told = [e for e in heard(sim, hook) if e in wanted]
    assert sorted(told) == sorted(wanted)


def test_incoming_messages_repeated_are_one_row_and_one_event(company, instance, sim, hook,
                                                              disorder):
    texts = {f"Question {n}" for n in range(20)}
    for text in texts:
        sim.inbound(instance["external_instance_id"], "5511911110000", text=text)

    def rows():
        return company.api.get(f"/api/messages?instance_id={instance['id']}"
                               "&direction=inbound&limit=200")

    wait_until(lambda: {r["content"] for r in rows()} == texts, "every message", timeout=20)
    wait_until(lambda: len([e for e in heard(sim, hook) if e[0] == "on-message"]) >= 20, "events")
    assert len(rows()) == 20
    told = [i for name, i in heard(sim, hook) if name == "on-message"]
    assert sorted(told) == sorted(r["id"] for r in rows())


def test_deleted_queues_come_back_with_the_next_message(company, instance, amqp):
    company.wait_status(company.send(instance, content="Before")["id"], "read")
    for queue in [f"inbound.company.{company.id}", f"events.company.{company.id}"] + [
            f"outbound.company.{company.id}.priority.{c}" for c in ("high", "normal", "low")]:
        amqp.queue_delete(queue)
    company.wait_status(company.send(instance, content="After")["id"], "read", timeout=20)
