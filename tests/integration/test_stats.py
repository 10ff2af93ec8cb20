"""GET /api/stats and GET /api/admin/metrics: what healthd rolled up is what happened."""

import time
import urllib.parse

import pytest

from support import Company, paused, unique, wait_until

STATUSES = ("accepted", "received", "sent", "delivered", "read", "played", "failed", "in_doubt",
            "cancelled")
ROLLED_UP = 40  # s: interval and delay of the stack, and a pause behind a lost leader
HOUR, DAY = 3600, 86400


def rfc3339(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def stats(company, **query):
    return company.api.get(f"/api/stats?{urllib.parse.urlencode(query)}")


def counted(got):
    return {name: n for name in STATUSES if (n := got[name])}


def events_of(db, company):
    """What the roll-up must come to: each message and event of the company, once."""
    names = {3: "sent", 4: "delivered", 5: "read", 6: "played", 7: "failed", 8: "in_doubt",
             10: "cancelled", 11: "failed"}
    expected = dict.fromkeys(STATUSES, 0)
    for row in db.execute("SELECT type, count(*) AS n FROM events WHERE company_id = %s GROUP BY 1",
                          [company.id]):
        if row["type"] in names:
            expected[names[row["type"]]] += row["n"]
    row = db.execute("SELECT count(*) FILTER (WHERE direction = 0 AND origin = 0) AS accepted,"
                     " count(*) FILTER (WHERE direction = 1) AS received"
                     " FROM messages WHERE company_id = %s", [company.id]).fetchone()
    return {name: n for name, n in (expected | row).items() if n}


def wait_counted(company, db, what="what happened to be counted"):
    """The statistics of everything up to now."""
    now = db.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
                     " AS at").fetchone()["at"]
    return wait_until(lambda: (got := stats(company)) and got["as_of"] > now and got, what, ROLLED_UP)


@pytest.fixture
def hours(owner):
    """Write rolled-up hours of a company that has nothing else: [(hours ago, what, n)]."""
    written = []

    def write(company, rows):
        written.append(company.id)
        for ago, what, n in rows:
            owner.execute(
                "INSERT INTO stats_hours VALUES (%s, date_trunc('hour', now() - %s * interval '1 h',"
                " 'UTC'), %s, %s)", [company.id, ago, what, n])

    yield write
    owner.execute("DELETE FROM stats_hours WHERE company_id = ANY (%s)", [written])


def test_every_status_once(admin, provider, company, sim, db):
    instance = company.instance()
    hook = unique("stats")
    company.api.post(f"/api/instances/{instance['id']}/webhooks",
                     {"url": sim.hook_url(hook), "events": ["on-message-sent"]})
    sent = [company.send(instance, to=f"551199999000{n}") for n in range(3)]
    for row in sent:
        company.wait_status(row["id"], "read")
    held = company.send(instance, scheduled_at=rfc3339(time.time() + DAY))
    company.api.delete(f"/api/messages/{held['id']}")
    sim.fault("waha", "status", value=422, rate=1, for_ms=30000)
    company.wait_status(company.send(instance)["id"], "failed")
    sim.fault("waha", "status", value=422, rate=0, for_ms=1)
    sim.inbound(instance["external_instance_id"], "5521976543210", text="Hi")
    wait_until(lambda: company.api.get("/api/messages?direction=inbound"), "the inbound message")
    wait_until(lambda: len(sim.received(hook)) == 3, "three posts")
    other = Company(admin, provider)

    got = wait_counted(company, db)
    assert counted(got["totals"]) == events_of(db, company) == {
        "accepted": 5, "received": 1, "sent": 3, "delivered": 3, "read": 3, "failed": 1, "cancelled": 1}
    for name in STATUSES:
        assert sum(p[name] for p in got["periods"]) == got["totals"][name]
    latency = got["send_latency"]
    assert latency["count"] == 3
    assert 0 < latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"] < 20000
    assert {q["queue_name"] for q in got["queues"]} == {
        f"inbound.company.{company.id}", f"events.company.{company.id}",
        *(f"outbound.company.{company.id}.priority.{c}" for c in ("high", "normal", "low"))}

    assert counted(stats(other)["totals"]) == {} and stats(other)["queues"] == []
    assert stats(other)["send_latency"] is None
    other.close()

    row = next(r for r in admin.get("/api/admin/metrics") if r["company_id"] == company.id)
    assert counted(row["messages"]) == counted(got["totals"])
    assert (row["company_name"], row["status"]) == (company.row["name"], "active")
    assert {q["queue_name"] for q in row["queues"]} == {q["queue_name"] for q in got["queues"]}
    assert (row["webhooks"]["posted"], row["webhooks"]["failed"]) == (3, 0)


def test_posts_that_failed(admin, company, instance, sim, db):
    hook = unique("deaf")
    sim.set_hook(hook, status=500)
    company.api.post(f"/api/instances/{instance['id']}/webhooks",
                     {"url": sim.hook_url(hook), "events": ["on-message-read"]})
    company.wait_status(company.send(instance)["id"], "read")
    wait_until(lambda: sim.received(hook), "the post")
    wait_counted(company, db)

    def row():
        return next(r for r in admin.get("/api/admin/metrics") if r["company_id"] == company.id)

    assert row()["webhooks"]["failed"] >= 1 and row()["webhooks"]["posted"] == 0
    wait_until(lambda: row()["webhooks"]["pending"] == 1, "the retry among what waits", 30)


def test_changing_leaders_count_nothing_twice(company, instance, owner, db):
    """Whoever counts, and however often it is interrupted: each slice is counted once."""
    for n in range(40):
        company.send(instance, to=f"55119999900{n:02}")
        if n % 8 == 0:
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE application_name LIKE %s", ["healthd-%"])
    wait_until(lambda: events_of(db, company).get("read") == 40, "all to be read", 30)
    got = wait_counted(company, db)
    assert counted(got["totals"]) == events_of(db, company)
    assert events_of(db, company)["accepted"] == 40


def test_a_slice_is_counted_by_one_of_two(env, company, instance, owner, db):
    """Who waits for another leader's slice finds the progress elsewhere, and adds nothing."""
    with paused(env, "healthd"):
        for n in range(3):
            company.wait_status(company.send(instance, to=f"551199999000{n}")["id"], "read")
        end = owner.execute("SELECT now() + interval '6 s' AS at").fetchone()["at"]
        wait_until(lambda: owner.execute("SELECT now() > %s AS v", [end]).fetchone()["v"],
                   "the messages to be old enough for a slice", 15)
        owner.execute("BEGIN")
        owner.execute("SELECT FROM stats_progress FOR UPDATE")
    wait_until(lambda: db.execute(
        "SELECT FROM pg_stat_activity WHERE application_name LIKE %s AND wait_event_type = 'Lock'",
        ["healthd-%"]).fetchone() is not None, "a healthd that waits with its slice", ROLLED_UP)
    # As if the other one had counted them, though it added nothing: then nobody may.
    owner.execute("UPDATE stats_progress SET done_until = date_trunc('milliseconds', clock_timestamp())")
    owner.execute("COMMIT")
    assert counted(wait_counted(company, db)["totals"]) == {}


# ---- periods ----

def test_hours_and_days(company, hours):
    hours(company, [(0, 1, 5), (1, 1, 7), (1, 3, 2), (30, 1, 11), (24 * 40, 1, 13)])
    got = stats(company)
    assert (got["interval"], len(got["periods"])) == ("hour", 24)
    assert [counted(p) for p in got["periods"][-2:]] == [{"accepted": 7, "sent": 2}, {"accepted": 5}]
    assert counted(got["totals"]) == {"accepted": 12, "sent": 2}
    assert got["periods"][0]["start"] == got["since"]
    starts = [p["start"] for p in got["periods"]]
    assert starts == sorted(set(starts)) and all(s.endswith(":00:00.000Z") for s in starts)
    daily = stats(company, interval="day")
    assert len(daily["periods"]) == 30
    assert counted(daily["totals"]) == {"accepted": 23, "sent": 2}
    assert all(p["start"].endswith("T00:00:00.000Z") for p in daily["periods"])
    far = stats(company, interval="day", since=rfc3339(time.time() - 91 * DAY))
    assert len(far["periods"]) == 92
    assert counted(far["totals"]) == {"accepted": 36, "sent": 2}


def test_a_range_is_widened_to_whole_periods(company, hours):
    hours(company, [(n, 1, 10 ** n) for n in range(4)])
    now = time.time() // HOUR * HOUR
    got = stats(company, since=rfc3339(now - 3 * HOUR + 1800), until=rfc3339(now - HOUR + 1))
    assert [counted(p) for p in got["periods"]] == [{"accepted": 1000}, {"accepted": 100}, {"accepted": 10}]
    assert (got["since"], got["until"]) == tuple(
        rfc3339(t).replace("Z", ".000Z") for t in (now - 3 * HOUR, now))
    got = stats(company, since=rfc3339(now - 2 * HOUR), until=rfc3339(now - HOUR))
    assert [counted(p) for p in got["periods"]] == [{"accepted": 100}]


def test_percentiles(company, hours):
    """Linear within the step of the scale: 100..150 ms is the 13th, an hour and more the last."""
    hours(company, [(1, 64 + 12, 100), (2, 64 + 12, 98), (2, 64 + 30, 2)])
    periods = stats(company)["periods"]
    assert periods[-2]["send_latency"] == {"count": 100, "p50_ms": 125, "p90_ms": 145, "p99_ms": 149}
    assert periods[-3]["send_latency"]["p99_ms"] == 3600000
    assert periods[-1]["send_latency"] is None


@pytest.mark.parametrize("query,wrong", [
    ({"interval": "minute"}, {"interval"}),
    ({"since": "yesterday", "until": "x"}, {"since", "until"}),
    ({"since": rfc3339(time.time() - 8 * DAY)}, {"since"}),
    ({"interval": "day", "since": rfc3339(time.time() - 93 * DAY)}, {"since"}),
    ({"since": rfc3339(time.time() + 2 * HOUR)}, {"since"}),
    ({"until": "1970-01-01T00:00:00Z"}, {"since"}),
])
def test_wrong_ranges(company, query, wrong):
    reply = company.api.request("GET", f"/api/stats?{urllib.parse.urlencode(query)}")
    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert reply.body["errors"].keys() == wrong


# ---- metrics ----

def test_pages_of_metrics(admin, new_company):
    made = [new_company().id for _ in range(3)][::-1]
    body = admin.request("GET", "/api/admin/metrics?limit=2").body
    assert body["as_of"] and body["total"] >= 3
    assert [r["company_id"] for r in body["data"]] == made[:2]
    query = urllib.parse.urlencode({"limit": 2, "cursor": body["next_cursor"]})
    assert admin.get(f"/api/admin/metrics?{query}")[0]["company_id"] == made[2]


def test_the_outbox_by_company(admin, company, instance):
    """A timer of tomorrow waits there."""
    company.send(instance, scheduled_at=rfc3339(time.time() + DAY))
    row = wait_until(lambda: next((r for r in admin.get("/api/admin/metrics")
                                   if r["company_id"] == company.id and r["outbox"]["pending"]), None),
                     "the count", 30)
    assert row["outbox"] == {"pending": 1, "oldest_at": None}
