"""A long backlog before a slow provider: carried all the while, then sent in order."""

import time


def test_backlog_is_never_stranded(new_world, new_driver, judge, pick):
    world = new_world(companies=3, instances=2, chats=pick(100, 500))
    world.fault("latency", value=pick(2000, 5000), rate=1)
    driver = new_driver(world, per_chat=pick(30, 100), senders=32).start()
    verdict = judge(world)
    watch(verdict, driver.is_running, pick(120, 900))
    driver.join(1)
    stood = verdict.open().get("sends", 0)
    world.fault("latency", value=0, rate=0)
    watch(verdict, lambda: verdict.open().get("sends", 0) > 0, pick(90, 900))
    verdict.settle(pick(60, 300), driver.sent)
    verdict.verdict(driver)
    assert stood >= 0.5 * len(driver.sent), stood


def watch(verdict, is_on, seconds):
    """While it lasts: no row without a carrier."""
    deadline = time.monotonic() + seconds
    while is_on() and time.monotonic() < deadline and not verdict.problems["stranded"]:
        verdict.problems["stranded"] += map(str, verdict.stranded())
        time.sleep(0.5)
