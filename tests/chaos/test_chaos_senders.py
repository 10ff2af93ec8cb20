"""A sender that sleeps through its lease and then reports what it did."""

import time

CLAIMS_SQL = """
SELECT t.daemon, count(*) FILTER (WHERE q.state = 3 AND q.attempt = 1) AS held,
       count(*) FILTER (WHERE q.state = 3 AND q.attempt > 1) AS resent
FROM message_transitions t JOIN send_queue q ON q.message_id = t.message_id
WHERE q.company_id = ANY(%(companies)s) AND t.to_status = 2 AND t.attempt = 1
GROUP BY t.daemon ORDER BY held DESC"""


def wait_for(predicate, seconds):
    deadline = time.monotonic() + seconds
    while not predicate() and time.monotonic() < deadline:
        time.sleep(0.05)
    return predicate()


def test_a_late_result_of_an_older_attempt_changes_nothing(new_world, new_driver, killer, judge):
    """It sleeps in calls that hang; the resend by another runs when it wakes and gives up."""
    world = new_world(companies=6, instances=1, chats=24)
    verdict = judge(world)

    def claims():
        return verdict.rows(CLAIMS_SQL, companies=world.company_ids())
    world.fault("hang", rate=1)
    driver = new_driver(world, per_chat=1).start().join(30)
    assert wait_for(lambda: sum(row["held"] for row in claims()) == len(driver.sent), 3)
    killer.note_in_flight()
    worker = claims()[0]["daemon"]
    sleeper = killer.name_of_worker(worker)
    killer.signal(sleeper, "STOP")
    try:
        world.fault("hang", rate=0)
        # Shorter than a look-up's deadline, long enough to wake the sleeper meanwhile.
        world.fault("latency", value=1500, rate=1)
        is_resent = wait_for(
            lambda: any(row["resent"] for row in claims() if row["daemon"] == worker), 60)
    finally:
        killer.signal(sleeper, "CONT")
    world.fault("latency", value=0, rate=0)
    assert is_resent, "no message of the sleeping sender was sent again"
    verdict.settle(60, driver.sent)
    verdict.verdict(driver, killer)
