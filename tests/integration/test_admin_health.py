"""GET /api/admin/health: what others stored, nothing probed."""

import time

from support import wait_until


def test_the_parts(admin, company, instance, provider):
    company.wait_status(company.send(instance)["id"], "read")
    got = admin.get("/api/admin/health")
    assert got["status"] in ("healthy", "degraded") and got["timestamp"]
    row = next(p for p in got["providers"] if p["provider_id"] == provider["id"])
    assert (row["name"], row["type"], row["base_url"]) == (
        provider["name"], "waha", provider["base_url"])
    assert {d["name"] for d in got["daemons"]} >= {"gateway", "outboxd", "senderd", "eventd", "healthd"}
    assert all(d["pid"] > 1 and d["host"] and d["version"] and d["last_seen"] for d in got["daemons"])
    assert got["outbox"]["pending"] >= 0 and got["outbox"]["oldest_age_s"] >= 0
    assert "api_key" not in str(got)


def test_queues_are_counted_by_healthd(admin, company, instance):
    """Sends that wait for a time still to come are in the queue of their class."""
    company.wait_status(company.send(instance)["id"], "read")  # its queues are declared now
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    for n in range(3):
        company.send(instance, priority="low", to=f"551199999000{n}",
                     scheduled_at=tomorrow)
    name = f"outbound.company.{company.id}.priority.low"
    row = wait_until(lambda: next((q for q in admin.get("/api/admin/health")["queues"]
                                   if q["queue_name"] == name and q["messages"]), None),
                     "the count", timeout=30)
    assert (row["messages"], row["company_name"]) == (3, company.row["name"])
    assert row["consumers"] >= 1 and row["last_activity"]


def test_a_daemon_that_is_not_heard_of_is_lost(admin, owner):
    owner.execute(
        "INSERT INTO daemon_heartbeats (daemon, name, host, pid, version, state, started_at, last_seen)"
        " VALUES ('senderd', 'gone', 'h', 7, '0', 'ok', now(), now() - interval '1 min')")
    got = admin.get("/api/admin/health")
    assert [d["state"] for d in got["daemons"] if d["pid"] == 7] == ["lost"]
    owner.execute("DELETE FROM daemon_heartbeats WHERE name = 'gone'")
