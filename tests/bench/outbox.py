"""Rows of the outbox and the queues their hints go to: what the benchmarks of the relay share."""

import pika

import benchlib
from benchlib import BenchError

COMPANIES = 600  # more than claim_max (512): a claim never meets a company twice
STACK_FLAGS = ["--gateways", "0", "--senders", "0", "--events", "0", "--healths", "0", "--no-sim"]

_INSERT = """
    INSERT INTO outbox_messages (kind, class, company_id, target_id)
    SELECT 1, 2, %(first)s + company, (%(first)s + company) * 8 + instance
    FROM (SELECT {company} AS company, {instance} AS instance
          FROM generate_series(0, %(rows)s - 1) AS n) AS drawn"""
SHAPES = {
    "row per hint": _INSERT.format(company="n %% %(companies)s", instance="0"),
    "spread": _INSERT.format(company="floor(%(companies)s * random() ^ 2)::int", instance="floor(4 * random())::int"),
}


def insert(db, shape, first, rows):
    db.execute(SHAPES[shape], {"first": first, "companies": COMPANIES, "rows": rows})


def wake(db):
    db.execute("NOTIFY growhub_outbox")


def counts(env, relay="outboxd-1"):
    """Rows confirmed, envelopes published."""
    lines = benchlib.metrics(env, relay)
    return (int(lines['growhub_outbox_published_total{result="confirmed"}']),
            int(lines["growhub_outbox_envelopes_total"]))


def make_companies(db):
    """Ids without gaps; gives the first."""
    first, last = db.execute("""
        WITH made AS (INSERT INTO companies (name) SELECT 'bench' || n FROM generate_series(1, %s) n
                      RETURNING id)
        SELECT min(id), max(id) FROM made""", [COMPANIES]).fetchone()
    if last - first != COMPANIES - 1:
        raise BenchError("ids of companies have gaps")
    return first


def purge(env, first):
    """Empty the queues; a connection per use, since one that rests loses its heartbeat."""
    with pika.BlockingConnection(pika.URLParameters(env["GROWHUB_AMQP_URL"])) as connection:
        channel = connection.channel()
        for company in range(first, first + COMPANIES):
            channel.queue_purge(f"outbound.company.{company}.priority.normal")
