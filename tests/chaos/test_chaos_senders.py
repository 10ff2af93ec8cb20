"""A sender that sleeps through its lease and then reports what it did."""

import time

RESENT_SQL = """SELECT count(*) AS n FROM send_queue
WHERE company_id = ANY(%(companies)s) AND state = 3 AND attempt > 1"""
HELD_SQL = """SELECT count(*) AS n FROM send_queue
WHERE company_id = ANY(%(companies)s) AND state = 3"""


def wait_for(predicate, seconds):
    deadline = time.monotonic() + seconds
    while not predicate() and time.monotonic() < deadline:
        time.sleep(0.05)
    return predicate()


def test_a_late_result_of_an_older_attempt_changes_nothing(new_world, new_driver, killer, judge, sim):
    """Every sender sleeps but one, through lease and doubt; the resend runs when they wake."""
    world = new_world(instances=6, chats=24)
    sim.fault("waha", "latency", value=3000, rate=1)
    sleepers = [n for n in killer.names if n.startswith("senderd")][:-1]
    driver = new_driver(world, per_chat=1).start().join(30)
    verdict = judge(world)

    def count(sql):
        return verdict.rows(sql, companies=world.company_ids())[0]["n"]
    assert wait_for(lambda: count(HELD_SQL) >= 12, 10)
    killer.note_in_flight()
    for name in sleepers:
        killer.signal(name, "STOP")
    try:
        is_resent = wait_for(lambda: count(RESENT_SQL) > 0, 60)
    finally:
        for name in sleepers:
            killer.signal(name, "CONT")
    sim.fault("waha", "latency", value=0, rate=0)
    assert is_resent, "no message of the sleeping senders was sent again"
    verdict.settle(60, driver.sent)
    verdict.verdict(driver, killer)
