"""PostgreSQL away under load: what is answered with success is committed."""

import time


def test_database_away(new_world, new_driver, killer, judge, pick):
    """Longer than any batch waits: sends are refused, then accepted; webhooks come again."""
    world = new_world(instances=2, chats=30)
    driver = new_driver(world, per_chat=pick(10, 40), rate=60).start()
    time.sleep(2)
    killer.kill("postgres")
    time.sleep(8)
    killer.restart("postgres")
    driver.join(90)
    verdict = judge(world)
    verdict.settle(40, driver.sent)
    verdict.verdict(driver, killer)


def test_database_killed_again_and_again(new_world, new_driver, killer, judge, pick):
    """Between any two commits: a key must not outlive the row it speaks of."""
    world = new_world(instances=3, chats=60)
    driver = new_driver(world, per_chat=pick(15, 60), rate=90).start()
    for _ in range(pick(6, 12)):
        killer.kill("postgres")
        killer.restart("postgres")
        time.sleep(0.7)
    driver.join(90)
    verdict = judge(world)
    verdict.settle(40, driver.sent)
    verdict.verdict(driver, killer)
