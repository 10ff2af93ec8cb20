"""kill -9 of everything, at random, under load."""


def test_random_kills(new_world, new_driver, killer, judge, pick):
    world = new_world(companies=3, instances=pick(2, 3), chats=pick(60, 500))
    world.fault("latency", value=100, rate=0.5)  # so that calls are in flight at each kill
    driver = new_driver(world, per_chat=pick(25, 40), rate=pick(60, 150), senders=24).start()
    killer.start(count=pick(10, 60))
    killer.join(pick(120, 900))
    driver.join(pick(120, 900))
    verdict = judge(world)
    verdict.settle(pick(45, 120), driver.sent)
    verdict.verdict(driver, killer)
