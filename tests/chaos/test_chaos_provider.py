"""A provider that is down, or that accepts and then breaks the connection."""

import collections
import time


def test_provider_down_and_up(new_world, new_driver, killer, judge, pick):
    """Nothing is lost, nothing fails, and each chat goes on in order."""
    world = new_world(instances=2, chats=20)
    killer.stack("kill", "sim")
    driver = new_driver(world, per_chat=pick(10, 50), rate=60).start()
    time.sleep(pick(6, 60))
    killer.stack("restart", "sim")
    driver.join(60)
    verdict = judge(world)
    verdict.settle(pick(60, 180), driver.sent)
    verdict.verdict(driver)
    burnt = [row["attempts"] for row in verdict.messages(driver.sent).values()]
    assert max(burnt) <= 3, collections.Counter(burnt)


def test_provider_accepts_and_breaks_the_connection(new_world, new_driver, judge):
    """At most one copy more, and only of messages that say so."""
    world = new_world(instances=2, chats=20)
    world.fault("reset_after", rate=0.4, for_ms=5000)
    driver = new_driver(world, per_chat=10, rate=60).start().join(30)
    verdict = judge(world)
    verdict.settle(30, driver.sent)
    verdict.verdict(driver)
    copies = collections.Counter(m["text"] for m in world.received())
    assert max(copies.values()) <= 2
    assert verdict.count_in_doubt(driver.sent) > 0, "no connection was broken"


def test_lost_answers_are_found_by_look_up(new_world, new_driver, judge):
    """No echo tells what became of a call whose answer was lost: it is asked for, and nothing is
    sent again that is there."""
    world = new_world(instances=2, chats=12)
    world.silence()
    world.fault("reset_after", rate=0.5, for_ms=1500)  # over before the first look-up
    driver = new_driver(world, per_chat=4, rate=60).start().join(30)
    verdict = judge(world)
    verdict.settle(30, driver.sent)
    verdict.verdict(driver)
    copies = collections.Counter(m["text"] for m in world.received())
    assert max(copies.values()) == 1
    assert verdict.count_in_doubt(driver.sent) > 0, "no connection was broken"
