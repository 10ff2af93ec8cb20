"""kill -9 of everything, at random, under load, and forged webhooks in between."""

from forger import Forger


def test_random_kills(new_world, new_driver, killer, judge, sim, pick):
    world = new_world(companies=3, instances=pick(2, 3), chats=pick(60, 500))
    world.fault("latency", value=100, rate=0.5)  # so that calls are in flight at each kill
    driver = new_driver(world, per_chat=pick(25, 40), rate=pick(60, 150), senders=24).start()
    forger = Forger(world, sim).start()
    killer.start(count=pick(10, 60))
    killer.join(pick(120, 900))
    driver.join(pick(120, 900))
    verdict = judge(world)
    verdict.problems["forged"] += forger.stop().errors
    verdict.check_nothing_forged(Forger.TEXT)
    verdict.settle(pick(45, 120), driver.sent)
    verdict.verdict(driver, killer)
