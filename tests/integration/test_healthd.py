"""What healthd looks after: lapsed leases, ends, providers, instances, partitions, gauges."""

import urllib.request

import pytest

from support import Company, unique, wait_until

FAR = "2 days"
TASKS = {"leases", "rehint", "partitions", "providers", "instances", "mend", "purge", "gauges",
         "ledger", "webhooks", "stats", "moves"}


def send_far(company, instance, db, **fields):
    """A message that is accepted and not due for two days."""
    at = db.execute("SELECT to_char(now() AT TIME ZONE 'UTC' + %s::interval,"
                    " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at", (FAR,)).fetchone()["at"]
    return company.send(instance, scheduled_at=at, **fields)["id"]


@pytest.fixture
def waiting(company, instance, db):
    """Factory of such messages."""
    return lambda **fields: send_far(company, instance, db, **fields)


def lose_sender(owner, message_id, status=2):
    """The row as a senderd leaves it that died during the call."""
    owner.execute("UPDATE messages SET status = %s, attempts = 1 WHERE id = %s",
                  (status, message_id))
    owner.execute("UPDATE send_queue SET state = 3, attempt = 1, tries = 1,"
                  " lane_seq = nextval('send_queue_seq') << 12,"
                  " lease_until = now() - interval '1 s' WHERE message_id = %s", (message_id,))
    owner.execute("INSERT INTO message_keys (instance_id, external_id, message_id)"
                  " SELECT instance_id, send_ref, message_id FROM send_queue WHERE message_id = %s", (message_id,))


def event_types(db, message_id):
    return [r["type"] for r in db.execute(
        "SELECT type FROM events WHERE message_id = %s ORDER BY id", (message_id,))]


def metrics(env):
    """{process: {series: value}} of all healthds."""
    pages = {}
    for word in env["GROWHUB_ADMIN_URLS"].split():
        name, url = word.split("=", 1)
        if name.startswith("healthd"):
            with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
            pages[name] = {k: float(v) for k, v in
                           (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}
    return pages


def test_a_lapsed_lease_becomes_in_doubt_and_is_resent(company, instance, waiting, owner, sim, db):
    message_id = waiting(content="Lapsed #1")
    lose_sender(owner, message_id)
    row = company.wait_status(message_id, "in_doubt")
    assert row["error_code"] == "lease_ran_out"
    company.wait_status(message_id, "read", timeout=20)
    states = [t["status"] for t in company.message(message_id, timeline=True)["timeline"]]
    assert states[-5:] == ["in_doubt", "processing", "sent", "delivered", "read"]
    assert [m["text"] for m in sim.messages(instance["external_instance_id"])] == ["Lapsed #1"]
    assert event_types(db, message_id)[0] == 8


def test_a_receipt_proves_that_a_lapsed_send_went_out(company, instance, waiting, owner, sim, db):
    message_id = waiting(content="Proved #1")
    lose_sender(owner, message_id, status=5)
    wait_until(lambda: db.execute("SELECT count(*) AS n FROM send_queue WHERE message_id = %s",
                                  (message_id,)).fetchone()["n"] == 0, "the row to leave")
    assert company.message(message_id)["status"] == "delivered"
    assert sim.messages(instance["external_instance_id"]) == []
    assert event_types(db, message_id) == [3]


@pytest.mark.parametrize("kind, is_id", [("waha", True), ("uazapi", False)])
def test_a_lapsed_send_has_the_id_that_its_provider_gave(admin, provider_of, owner, db, kind, is_id):
    """What we sent as reference is the message's id only where the provider takes it as that."""
    tenant = Company(admin, provider_of(kind))
    message_id = send_far(tenant, tenant.instance(is_connected=False), db, content="Whose #1")
    ref = db.execute("SELECT send_ref FROM send_queue WHERE message_id = %s",
                     (message_id,)).fetchone()["send_ref"]
    lose_sender(owner, message_id, status=5)
    wait_until(lambda: event_types(db, message_id) == [3], "the row to leave")
    row = db.execute("SELECT external_id FROM messages WHERE id = %s", (message_id,)).fetchone()
    assert ref and row["external_id"] == (ref if is_id else None)
    tenant.close()


def test_a_send_past_its_end_fails_as_expired(company, waiting, owner, db):
    message_id = waiting(content="Too late")
    owner.execute("UPDATE send_queue SET expires_at = now() WHERE message_id = %s", (message_id,))
    row = company.wait_status(message_id, "failed")
    assert row["error_code"] == "expired"
    assert db.execute("SELECT reason FROM dead_letters WHERE message_id = %s",
                      (message_id,)).fetchone()["reason"] == "expired"
    assert event_types(db, message_id) == [11]


def test_waiting_sends_of_a_deleted_company_are_cancelled(admin, provider, db):
    gone = Company(admin, provider)
    waiting = gone.instance(is_connected=False)
    db_at = db.execute("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 day',"
                       " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at").fetchone()["at"]
    ids = [gone.send(waiting, content=f"Never #{n}", scheduled_at=db_at)["id"] for n in range(200)]
    admin.delete(f"/api/admin/companies/{gone.id}")
    wait_until(lambda: db.execute("SELECT count(*) AS n FROM send_queue WHERE company_id = %s",
                                  (gone.id,)).fetchone()["n"] == 0, "the queue to empty")
    rows = db.execute("SELECT status, error_code FROM messages WHERE id = ANY(%s)", (ids,)).fetchall()
    assert {(r["status"], r["error_code"]) for r in rows} == {(9, "owner_deleted")}
    ledger = db.execute("SELECT * FROM growhub_ledger WHERE company_id = %s", (gone.id,)).fetchone()
    assert ledger["accepted"] == ledger["cancelled"] == 200 and ledger["pending"] == 0


def test_a_lapsed_delivery_is_posted_again_under_the_same_id(company, instance, owner, sim):
    hook = unique("hook")
    endpoint = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                                {"url": sim.hook_url(hook), "events": ["message.sent"]})
    sim.set_hook(hook, secret=endpoint["secret"])
    company.send(instance, content="Twice")
    wait_until(lambda: len(sim.received(hook)) == 1, "the first post")
    wait_until(lambda: owner.execute(
        "UPDATE webhook_deliveries SET state = 1, lease_until = now() - interval '1 s'"
        " WHERE endpoint_id = %s AND state = 2", (endpoint["id"],)).rowcount == 1,
        "the delivery to be recorded")
    wait_until(lambda: len(sim.received(hook)) == 2, "the second post")
    assert len({r["headers"]["webhook-id"] for r in sim.received(hook)}) == 1


def test_the_health_of_providers(admin, provider, env, db):
    def health(row):
        return admin.get(f"/api/admin/providers/{row['id']}")["health_status"]

    wait_until(lambda: health(provider) == "healthy", "the provider to be healthy", 20)
    assert db.execute("SELECT count(*) AS n FROM provider_checks WHERE ok AND provider_id = %s",
                      (provider["id"],)).fetchone()["n"] > 0
    assert admin.get(f"/api/admin/providers/{provider['id']}")["engine"] == "GOWS"
    stranger = admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("waha"), "base_url": f"{env['GROWHUB_SIM_URL']}/waha",
        "api_key": "wrong", "max_instances": 1})
    try:
        wait_until(lambda: health(stranger) == "unhealthy", "the wrong key to be found", 20)
        detail = db.execute("SELECT health_detail FROM providers WHERE id = %s",
                            (stranger["id"],)).fetchone()["health_detail"]
        assert "provider_unauthorized" in detail and "wrong" not in detail
    finally:
        admin.delete(f"/api/admin/providers/{stranger['id']}")


def test_a_lost_connection_event_strands_nothing(company, instance, owner, db):
    owner.execute("UPDATE instances SET status = 'disconnected', updated_at = now() WHERE id = %s",
                  (instance["id"],))
    sent = company.send(instance, content="Is anybody there?")
    company.wait_status(sent["id"], "read", timeout=20)
    assert db.execute("SELECT status FROM instances WHERE id = %s",
                      (instance["id"],)).fetchone()["status"] == "connected"


def test_a_failed_creation_is_repeated(company, sim, owner, provider, admin):
    sim.fault("waha", "status", value=500, rate=1, for_ms=60000)
    try:
        made = company.instance(is_connected=False)
    finally:
        sim.fault("waha", "status", value=500, rate=0, for_ms=1)
    path = f"/api/instances/{made['id']}"
    assert company.api.get(path)["status"] == "error"
    wait_until(lambda: admin.get(f"/api/admin/providers/{provider['id']}")["health_status"]
               == "healthy", "the provider to be healthy again", 20)
    owner.execute("UPDATE instances SET mend_at = now() WHERE id = %s", (made["id"],))
    wait_until(lambda: company.api.get(path)["status"] == "connected", "the session", 20)
    sent = company.send(made, content="Late but here")
    company.wait_status(sent["id"], "read", timeout=20)


def test_one_process_leads_each_task_and_all_of_them_succeed(env):
    def led():
        pages = metrics(env).values()
        done = {t for page in pages for t in TASKS
                if page.get(f'growhub_last_success_timestamp_seconds{{task="{t}"}}', 0) > 0}
        return done == TASKS and pages

    pages = wait_until(led, "a success of every task", 20)
    for task in TASKS:
        assert sum(p[f'growhub_task_leader{{task="{task}"}}'] for p in pages) == 1


def test_leadership_returns_and_partitions_are_made(owner, db):
    name = db.execute(
        "SELECT 'logs_' || to_char(date_trunc('month', now() AT TIME ZONE 'UTC')"
        " + interval '2 months', 'YYYYMM') AS name").fetchone()["name"]
    owner.execute(f"DROP TABLE {name}")
    # Its connection is its leadership: without it every task begins anew, this one too.
    assert owner.execute(
        "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.classid = 2 AND l.objsubid = 2"
        " GROUP BY a.pid").rowcount >= 1
    wait_until(lambda: db.execute("SELECT to_regclass(%s) AS t", (name,)).fetchone()["t"],
               "the partition", 15)


def test_old_rows_are_removed(owner, db, company):
    owner.execute("INSERT INTO inbound_dedupe SELECT 0, 'old-' || g, now() - interval '8 d'"
                  " FROM generate_series(1, 2500) g")
    owner.execute("INSERT INTO inbound_dedupe VALUES (0, 'young', now() - interval '6 d')")
    owner.execute("INSERT INTO idempotency_keys (company_id, route, key, fingerprint, object_id,"
                  " created_at) VALUES (%s, 1, 'old', '', gen_random_uuid(),"
                  " now() - interval '73 h')", (company.id,))
    owner.execute("INSERT INTO idempotent_replies (company_id, route, key, fingerprint, created_at)"
                  " VALUES (%s, 'x', 'old', '', now() - interval '73 h')", (company.id,))
    owner.execute("INSERT INTO logs (id, level, daemon, process, event, line)"
                  " SELECT growhub_uuid7_floor(now() - d * interval '1 d'), 2, 'x', 'x', 'x.x', d::text"
                  " FROM unnest(ARRAY[6, 8, 9]) d")
    owner.execute("INSERT INTO contact_aliases (instance_id, lid, phone, seen_at)"
                  " SELECT 0, 'old-' || g, '55', now() - interval '366 d'"
                  " FROM generate_series(1, 1500) g"
                  " UNION ALL SELECT 0, 'young', '55', now() - interval '364 d'")
    owner.execute("INSERT INTO orphans (instance_id, external_id, inbound_id, occurred_at, created_at)"
                  " SELECT 0, d::text, gen_random_uuid(), now(), now() - d * interval '1 d'"
                  " FROM unnest(ARRAY[6, 8]) d")
    owner.execute("SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a"
                  " JOIN pg_locks l USING (pid) WHERE l.locktype = 'advisory' AND l.classid = 2"
                  " AND l.objsubid = 2 GROUP BY a.pid")

    def left():
        return [r["event_key"] for r in db.execute(
            "SELECT event_key FROM inbound_dedupe WHERE instance_id = 0")]

    wait_until(lambda: left() == ["young"], "the old keys to go", 15)
    for table in ("idempotency_keys", "idempotent_replies"):
        wait_until(lambda: db.execute(f"SELECT count(*) AS n FROM {table} WHERE company_id = %s",
                                      (company.id,)).fetchone()["n"] == 0,
                   f"the old row of {table} to go", 15)
    wait_until(lambda: [r["line"] for r in db.execute("SELECT line FROM logs WHERE event = 'x.x'")]
               == ["6"], "the old log lines to go", 15)
    owner.execute("DELETE FROM logs WHERE event = 'x.x'")
    wait_until(lambda: [r["lid"] for r in db.execute(
        "SELECT lid FROM contact_aliases WHERE instance_id = 0")] == ["young"],
        "people not heard of for a year to go", 15)
    wait_until(lambda: [r["external_id"] for r in db.execute(
        "SELECT external_id FROM orphans WHERE instance_id = 0")] == ["6"],
        "facts without a message to go", 15)
    owner.execute("DELETE FROM orphans WHERE instance_id = 0")
    owner.execute("DELETE FROM inbound_dedupe WHERE instance_id = 0")
    owner.execute("DELETE FROM contact_aliases WHERE instance_id = 0")


def test_the_balance_is_on_the_page(env):
    page = wait_until(lambda: [p for p in metrics(env).values()
                               if p['growhub_task_leader{task="ledger"}'] == 1], "a leader", 10)[0]
    assert page["growhub_ledger_difference"] == 0 and page["growhub_stranded_rows"] == 0
