"""Plans of every prepared statement: by index, pruned, bounded, from the first row on.

The C program plans prints what the daemons' own connection plans; plan_judge complains.
"""

import contextlib
import glob
import json
import os
import re
import subprocess

import psycopg
import pytest

from life import Databases
from paths import REPO
from plan_judge import Catalog, Judge

PROGRAM = "build/asan/integration/plans"
ROWS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plans.sql")

LEDGER = "healthd, one leader, every ledger_interval: counts everything, that is its purpose"
WHOLE_QUEUE = "healthd, one leader, every rehint_interval: looks for rows that nothing points at"
OPERATOR = "growhubctl message trace: an index for it would cost every send"
SLICE = "healthd, one leader: what happened within a minute, counted once"
ANY_MONTH = "what is due may be of any month; each answers from its small partial index of state"

# (statement, table) -> why its plan may be what the judge complains of.
EXEMPT = {
    **{("gauge_ledger", t): LEDGER for t in ("companies", "ledger_accepted", "messages")},
    **{("gauge_work", t): WHOLE_QUEUE
       for t in ("inbound_queue", "instances", "instance_webhooks", "outbox_messages",
                 "send_queue", "webhook_deliveries")},
    **{("gauge_queues", t): "healthd, one leader, every 15 s: counts each queue, stores it for all"
       for t in ("inbound_queue", "queue_metadata", "send_queue", "target_service",
                 "webhook_deliveries")},
    **{("gauge_outbox", t): "healthd, one leader, every 15 s: counts the outbox, stores it for all"
       for t in ("outbox_backlog", "outbox_messages")},
    **{("stats_fold", t): SLICE for t in ("events", "messages", "webhook_attempts")},
    ("stats_periods", "stats_hours"): "one company's, 7 days of hours or 92 of days at most",
    **{("outbox_rehint", t): WHOLE_QUEUE
       for t in ("companies", "inbound_queue", "instance_webhooks", "send_queue",
                 "webhook_deliveries")},
    ("company_count", "companies"): "a page of the administrator's; stops at 10,001 rows",
    ("delivery_claim", "webhook_deliveries"): ANY_MONTH,
    ("delivery_pending_for", "webhook_deliveries"): ANY_MONTH,
    ("delivery_lapse", "webhook_deliveries"): ANY_MONTH,
    ("new_chats_known", "messages"): "only while an instance is paused: a key of every month's index",
    ("queue_row_list", "queue_metadata"): "once per start of a daemon, which wants them all",
    ("trace_keys", "message_keys"): OPERATOR,
    ("trace_deliveries", "events"): OPERATOR,
    ("trace_entries", "events"): OPERATOR,
}

BAD = {
    "SELECT id FROM messages WHERE content = 'x'": ("messages", "Seq Scan"),
    "SELECT id FROM messages WHERE company_id = 1": ("messages", "every partition visited"),
    "SELECT message_id FROM send_queue WHERE state = 3": ("send_queue", "whole index read"),
    "SELECT id FROM inbound_queue ORDER BY id": ("inbound_queue", "whole index read"),
    "SELECT lane FROM send_queue WHERE instance_id = 1 AND state = 0 ORDER BY lane":
        ("send_queue", "Sort of an unbounded set"),
}
GOOD = [
    "SELECT status FROM messages WHERE id = growhub_uuid7_floor(now())",
    "SELECT id FROM inbound_queue ORDER BY id LIMIT 10",
    "SELECT at FROM message_transitions WHERE message_id = growhub_uuid7_floor(now()) ORDER BY at",
]


def explain_all(url):
    """What the program prints of the database at url."""
    ended = subprocess.run([os.path.join(REPO, PROGRAM)], capture_output=True, text=True, timeout=120,
                           env=dict(os.environ, GROWHUB_DATABASE_URL=url), check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def databases(env):
    """URLs: one as migrated, one with rows."""
    subprocess.run(["make", "-s", "PROFILE=asan", PROGRAM], cwd=REPO, check=True, timeout=300)
    with contextlib.closing(Databases(env)) as made:
        urls = {"empty": made.make_migrated(), "filled": made.make_migrated()}
        with psycopg.connect(urls["filled"], autocommit=True) as connection:
            with open(ROWS, encoding="utf-8") as f:
                connection.execute(f.read())
        yield urls


@pytest.fixture(scope="module")
def plans(databases):
    return {state: explain_all(url) for state, url in databases.items()}


def judge_of(url):
    with psycopg.connect(url) as connection:
        return Judge(Catalog(connection))


def complaints(databases, plans, state):
    """(statement, table, what) of one database."""
    judge = judge_of(databases[state])
    return [(stmt["name"], *complaint) for stmt in plans[state]
            for complaint in judge.complaints(stmt["plan"][0]["Plan"])]


def test_every_table_of_the_model_is_explained(plans):
    declared = set()
    for path in glob.glob(os.path.join(REPO, "libcommon", "model", "*.h")):
        with open(path, encoding="utf-8") as f:
            declared |= set(re.findall(r"extern const struct db_stmt_table (\w+);", f.read()))
    assert {stmt["table"] for stmt in plans["empty"]} == declared


@pytest.mark.parametrize("state", ["empty", "filled"])
def test_statements_read_by_index_what_they_need(databases, plans, state):
    """empty: tables never analyzed; a plan made then lives until somebody analyzes."""
    found = [c for c in complaints(databases, plans, state) if c[:2] not in EXEMPT]
    assert not found, "\n" + "\n".join(" | ".join(c) for c in found)


def test_every_exemption_is_needed(databases, plans):
    needed = {c[:2] for state in plans for c in complaints(databases, plans, state)}
    unneeded = sorted(set(EXEMPT) - needed)
    assert not unneeded, unneeded


def scans_of(plan, table):
    """The nodes below that read partitions of it."""
    own = [plan] if plan.get("Relation Name", "").startswith(f"{table}_2") else []
    return own + [scan for child in plan.get("Plans", []) for scan in scans_of(child, table)]


@pytest.mark.parametrize("state", ["empty", "filled"])
def test_lists_of_messages_are_read_from_their_end_of_the_index(plans, state):
    """Another index, filtered and sorted, gives the same page in seconds where a history is long."""
    keys = {"": "company_id", "_chat": "chat_key", "_reference": "reference"}
    by_name = {stmt["name"]: stmt["plan"][0]["Plan"] for stmt in plans[state]}
    for kind in ("list", "back", "count", "count_all"):
        for suffix, key in keys.items():
            scans = scans_of(by_name[f"message_{kind}{suffix}"], "messages")
            assert scans
            for scan in scans:
                assert re.search(rf"ROW\(\w+\.{key}, \w+\.id\) <", scan.get("Index Cond", "")), (kind, key, scan)


def explain(connection, statement):
    return connection.execute(f"EXPLAIN (FORMAT JSON, VERBOSE) {statement}").fetchone()[0][0]["Plan"]


@pytest.mark.parametrize("statement", BAD)
def test_the_judge_sees(databases, statement):
    with psycopg.connect(databases["filled"], options="-c enable_seqscan=off") as connection:
        plan = explain(connection, statement)
    table, what = BAD[statement]
    found = judge_of(databases["filled"]).complaints(plan)
    assert any(t == table and w.startswith(what) for t, w in found), found


@pytest.mark.parametrize("statement", GOOD)
def test_the_judge_lets_pass(databases, statement):
    with psycopg.connect(databases["filled"], options="-c enable_seqscan=off") as connection:
        plan = explain(connection, statement)
    assert judge_of(databases["filled"]).complaints(plan) == []
