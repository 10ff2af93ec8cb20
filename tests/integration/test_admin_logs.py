"""GET /api/admin/logs: lines of every process in one list, fed without ever holding up work."""

import glob
import os
import re
import signal
import urllib.parse
import urllib.request

import prometheus
import pytest

from support import unique, wait_until


def logs(admin, **query):
    return admin.get(f"/api/admin/logs?{urllib.parse.urlencode(query)}")


def page(admin, **query):
    return admin.request("GET", f"/api/admin/logs?{urllib.parse.urlencode(query)}").body


@pytest.fixture
def rows(owner):
    """Eight lines of a company and two instances that no other test has; debug and error by turns."""
    event = unique("test").replace("-", "_") + ".line"
    made = owner.execute(
        "INSERT INTO logs (id, level, daemon, process, event, company_id, instance_id, message_id, line)"
        " SELECT (left(growhub_uuid7_floor(now() - (9 - n) * interval '1 min')::text, 14)"
        "         || '7' || right(gen_random_uuid()::text, 21))::uuid, (n %% 2) * 3, 'senderd', 'one', %s,"
        "  2000000000 + pg_backend_pid(), 1500000000 + pg_backend_pid() + n / 5, gen_random_uuid(),"
        "  format('line %%s', n)"
        " FROM generate_series(1, 8) n RETURNING *", [event]).fetchall()
    yield sorted(made, key=lambda r: r["id"], reverse=True)
    owner.execute("DELETE FROM logs WHERE event = %s", [event])


def lines(got):
    return [row["line"] for row in got]


def test_a_row(admin, rows):
    row = logs(admin, message_id=rows[0]["message_id"])
    assert len(row) == 1
    assert row[0] | {"created_at": None} == {
        "id": str(rows[0]["id"]), "created_at": None, "level": "debug", "daemon": "senderd",
        "process": "one", "event": rows[0]["event"], "company_id": rows[0]["company_id"],
        "instance_id": rows[0]["instance_id"], "message_id": str(rows[0]["message_id"]),
        "line": "line 8"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[0]["created_at"])


def test_filters(admin, rows):
    company, first, second = rows[0]["company_id"], rows[-1]["instance_id"], rows[0]["instance_id"]
    newest = [f"line {n}" for n in range(8, 0, -1)]
    assert lines(logs(admin, company_id=company)) == newest
    assert lines(logs(admin, instance_id=first)) == newest[4:]
    assert lines(logs(admin, company_id=company, instance_id=second)) == newest[:4]
    assert logs(admin, company_id=company + 1, instance_id=second) == []
    assert lines(logs(admin, company_id=company, level="error")) == newest[1::2]
    assert lines(logs(admin, company_id=company, level="debug")) == newest
    assert lines(logs(admin, event=rows[0]["event"])) == newest
    assert lines(logs(admin, event=rows[0]["event"], daemon="senderd")) == newest
    assert logs(admin, event=rows[0]["event"], daemon="eventd") == []
    assert logs(admin, message_id=rows[0]["message_id"], level="warn") == []
    since, until = (logs(admin, message_id=rows[i]["message_id"])[0]["created_at"] for i in (5, 2))
    assert lines(logs(admin, company_id=company, since=since, until=until)) == newest[3:6]


@pytest.mark.parametrize("scope", ["company_id", "instance_id", "event"])
def test_pages(admin, rows, scope):
    """Forward by next_cursor and back by prev_cursor, in every scope, show each line once."""
    query = {scope: rows[0][scope], "limit": 2}
    wanted = lines(logs(admin, **{scope: rows[0][scope]}))
    body, seen = page(admin, **query), []
    assert body["total"] == len(wanted)
    while True:
        seen.append(lines(body["data"]))
        if not body["has_more"]:
            break
        body = page(admin, cursor=body["next_cursor"], **query)
    assert sum(seen, []) == wanted
    back = [lines(body["data"])]
    while body["prev_cursor"]:
        body = page(admin, cursor=body["prev_cursor"], **query)
        back.insert(0, lines(body["data"]))
    assert sum(back, []) == wanted


def test_wrong_filters_are_told_together(admin):
    wrong = {"level": "fatal", "company_id": "x", "instance_id": "0", "message_id": "7",
             "daemon": "d" * 65, "event": "e" * 65, "since": "today", "until": "never", "limit": "0"}
    reply = admin.request("GET", f"/api/admin/logs?{urllib.parse.urlencode(wrong)}")
    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert reply.body["errors"].keys() == wrong.keys()


# ---- how the rows come there ----

def conf_of(env, name):
    return os.path.join(os.path.dirname(env["GROWHUB_CONF"]), f"{name}.conf")


def pids(env, kind):
    run = os.path.join(os.path.dirname(os.path.dirname(env["GROWHUB_CONF"])), "run")
    return [int(open(p, encoding="ascii").read()) for p in glob.glob(f"{run}/{kind}-*.pid")]


@pytest.fixture
def everything_is_stored(env, db):
    """log.store_level = "debug" in all daemons, by SIGHUP; undone afterwards."""
    with open(env["GROWHUB_CONF"], encoding="utf-8") as f:
        before = f.read()

    def reload(text):
        with open(env["GROWHUB_CONF"], "r+", encoding="utf-8") as f:
            f.write(text)
            f.truncate()
        for kind in ("gateway", "outboxd", "senderd", "eventd", "healthd"):
            for pid in pids(env, kind):
                os.kill(pid, signal.SIGHUP)

    start = db.execute("SELECT growhub_uuid7_floor(now()) AS id").fetchone()["id"]
    reload(before.replace('level = "info";', 'level = "info"; store_level = "debug";'))
    wait_until(lambda: db.execute(
        "SELECT count(DISTINCT daemon) AS n FROM logs WHERE id > %s AND event = 'daemon.reloaded'",
        [start]).fetchone()["n"] == 5, "all daemons to store what they log", timeout=20)
    yield start
    reload(before)


def test_lines_hold_no_secrets(admin, company, sim, db, everything_is_stored):
    """Whatever a message passes through, at the most talkative level: no body, token, key or number."""
    words = {name: unique(name) for name in ("body", "caption", "failing", "inbound")}
    number, sender = "5511987654321", "5521976543210"
    instance = company.instance()
    hook = unique("hook")
    row = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                           {"url": sim.hook_url(hook), "events": ["*"]})
    sim.set_hook(hook, secret=row["secret"])
    sent = company.send(instance, to=number, content=words["body"])
    company.wait_status(sent["id"], "read")
    sim.fault("waha", "status", value=422, rate=1, for_ms=30000)
    failed = company.send(instance, to=number, content=words["failing"])
    company.wait_status(failed["id"], "failed")
    sim.fault("waha", "status", value=422, rate=0, for_ms=1)
    sim.inbound(instance["external_instance_id"], sender, text=words["inbound"])
    wait_until(lambda: any(words["inbound"] in str(r["body"]) for r in sim.received(hook)),
               "the inbound message at the endpoint")
    stored = wait_until(lambda: logs(admin, message_id=sent["id"]), "lines about the message")
    assert {row["company_id"] for row in stored} == {company.id}
    text = "\n".join(r["line"] for r in db.execute("SELECT line FROM logs WHERE id > %s",
                                                    [everything_is_stored]))
    forbidden = [*words.values(), number, sender, company.token, instance["token"], row["secret"],
                 admin.token, sent["phone_to"]]
    assert [f for f in forbidden if f in text] == []
    assert "api_key" not in text


def metric(env, name, metric_name):
    urls = dict(pair.split("=", 1) for pair in env["GROWHUB_ADMIN_URLS"].split())
    with urllib.request.urlopen(f"{urls[name]}/metrics", timeout=10) as answer:
        return prometheus.read(answer.read().decode())[metric_name].of("")


def test_lines_of_a_lost_connection_come_later(env, admin, owner):
    """What is logged while the database is away waits, and is in the list once it is back."""
    start = owner.execute("SELECT growhub_uuid7_floor(now()) AS id").fetchone()["id"]
    before = metric(env, "outboxd-1", "growhub_log_rows_stored_total")
    owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                  " WHERE application_name LIKE %s", ["outboxd-%"])
    wait_until(lambda: [r for r in logs(admin, daemon="outboxd", event="db.lost")
                        if r["id"] > str(start)], "the loss in the list", timeout=15)
    assert metric(env, "outboxd-1", "growhub_log_rows_stored_total") > before
    assert metric(env, "outboxd-1", "growhub_log_rows_dropped_total") == 0
