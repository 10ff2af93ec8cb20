"""RabbitMQ away, silent, or back without its data."""

import time


def test_broker_away(new_world, new_driver, killer, judge, pick):
    """Sends are accepted as ever, and delivered within seconds of the broker's return."""
    world = new_world(instances=3, chats=30)
    driver = new_driver(world, per_chat=pick(10, 40), rate=pick(30, 40)).start()
    killer.kill("rabbitmq")
    time.sleep(pick(8, 30))
    driver.join(60)
    accepted = len(driver.sent)
    killer.restart("rabbitmq")
    verdict = judge(world)
    took = verdict.settle(15, driver.sent)
    slow = [s for s in driver.sent if s.took > 2]
    assert not slow and not driver.refused, (len(slow), driver.refused)
    assert accepted == len(driver.sent)
    verdict.verdict(driver, killer)
    assert took < 15


def test_broker_wiped_under_load(new_world, new_driver, killer, judge, pick):
    """Queues, bindings and every hint in them are gone, nothing is sent afterwards that could
    wake the instances, and whoever had taken a hint is dead: the rows bring the work back."""
    world = new_world(instances=3, chats=30)
    driver = new_driver(world, per_chat=pick(15, 60), rate=60).start()
    time.sleep(2)
    senders = [name for name in killer.names if name.startswith("senderd")]
    killer.kill(*senders)
    driver.join(90)
    killer.wipe_broker()
    killer.restart("rabbitmq", *senders)
    verdict = judge(world)
    verdict.settle(20, driver.sent)
    verdict.verdict(driver, killer)


def test_silent_broker_leaves_every_hint_in_the_outbox(new_world, new_driver, killer, judge):
    """A broker that answers nothing has confirmed nothing: the row stays what carries the work."""
    world = new_world(instances=4, chats=8)
    killer.signal("rabbitmq", "STOP")
    try:
        driver = new_driver(world, per_chat=2).start().join(30)
        verdict, until = judge(world), time.monotonic() + 7
        while time.monotonic() < until:
            hinted = {row["target_id"] for row in verdict.rows(
                "SELECT DISTINCT target_id FROM outbox_messages WHERE kind = 1")}
            for instance_id in set(world.instance_ids()) - hinted:
                verdict.problems["hint gone without a confirm"].append(f"instance {instance_id}")
            if verdict.problems:
                break
            time.sleep(0.1)
    finally:
        killer.signal("rabbitmq", "CONT")
    verdict.settle(30, driver.sent)
    verdict.verdict(driver, killer)
