"""A long history of one company, quickly: what stored messages leave behind, in bulk.

Each message has its row, its keys, its transitions and the last of its events, with every index
entry they have in life. Three of four are outbound (most were read; others are on their way,
failed, cancelled), the others inbound. They are spread evenly over this month and the last, over
the instances and over chats of PER_CHAT messages; every tenth has a reference. Indexes are
dropped first and built from the whole tables: rows then come at the speed of the heap.
"""

import concurrent.futures
import contextlib
import os
import re

import psycopg

import benchlib
from full import wait_for

PER_CHAT = 20
TABLES = ("messages", "message_transitions", "message_keys", "events")
CHUNK = 50_000
WORKERS = 2
VACUUM_SECONDS = 300
STATUSES = ("queued", "processing", "sent", "delivered", "read", "failed", "cancelled", "received")
FACTS = ('{"id":"01935f3e-7c10-7b2a-9c11-aa52b3f0d9e1","instance_id":1,"external_id":"3EB0C767D097B7C7C030",'
         '"chat":"5511999990001@c.us","from":"5511900000000","to":"5511999990001","type":"text",'
         '"timestamp":"2026-11-21T12:00:00.000Z","ack":3}')

# Row n of all: the larger n, the later. Whose hash it is makes both sides' rows alike.
_CHUNK = """
    WITH row AS MATERIALIZED (
      SELECT n, at, status, status = {received} AS is_in, status NOT IN ({failed}, {cancelled}) AS is_sent,
             (lpad(to_hex((date_part('epoch', at) * 1000)::bigint), 12, '0') || '7' || left(hash, 3)
              || 'a' || right(hash, 15))::uuid AS id,
             (%(instances)s::int[])[1 + n %% cardinality(%(instances)s::int[])] AS instance_id,
             (5511900000000 + (n * 7919 %% %(chats)s) * 97)::text AS number,
             '3EB0' || upper(left(hash, 20)) AS ext
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
           LATERAL (SELECT md5(n::text) AS hash,
                           %(since)s::timestamptz
                           + (%(until)s::timestamptz - %(since)s) * (n::float8 / %(rows)s) AS at,
                           CASE WHEN n %% 4 = 3 THEN {received} WHEN n %% 50 = 0 THEN {failed}
                                WHEN n %% 50 = 1 THEN {cancelled} WHEN n %% 50 = 2 THEN {sent}
                                WHEN n %% 50 < 10 THEN {delivered} ELSE {read} END AS status) drawn
    ), message AS (
      INSERT INTO messages (id, company_id, instance_id, direction, status, kind, priority, origin, attempts,
          chat_key, to_requested, phone_from, content, external_id, reference, error_code, traceparent, expires_at,
          sent_at, acked_at, delivered_at, read_at)
      SELECT id, %(company)s, instance_id, is_in::int, status, %(kind)s, 5, 2 * is_in::int, (NOT is_in)::int,
             number || %(suffix)s, CASE WHEN NOT is_in THEN number END, CASE WHEN is_in THEN number END,
             %(content)s, CASE WHEN is_sent THEN ext END, CASE WHEN n %% 10 = 0 THEN 'order-' || n END,
             CASE WHEN status = {failed} THEN 'number_invalid' END,
             CASE WHEN NOT is_in THEN %(traceparent)s END, CASE WHEN NOT is_in THEN at + interval '1 day' END,
             CASE WHEN is_sent THEN at END, CASE WHEN is_sent AND NOT is_in THEN at END,
             CASE WHEN status IN ({delivered}, {read}) THEN at END, CASE WHEN status = {read} THEN at END
      FROM row
    ), key AS (
      INSERT INTO message_keys (instance_id, external_id, message_id)
      SELECT instance_id, ext, id FROM row WHERE is_sent
      UNION ALL
      SELECT instance_id, 'ref-' || ext, id FROM row WHERE NOT is_in
    ), transition AS (
      INSERT INTO message_transitions (message_id, at, from_status, to_status, attempt, daemon)
      SELECT id, at, step.from_status, step.to_status, 1, 'growhub-senderd'
      FROM row
      JOIN LATERAL (VALUES ({queued}, {processing}, status <> {cancelled} AND NOT is_in),
                           ({processing}, {sent}, is_sent AND NOT is_in),
                           ({sent}, {delivered}, status IN ({delivered}, {read})),
                           ({delivered}, {read}, status = {read}),
                           ({processing}, {failed}, status = {failed}),
                           ({queued}, {cancelled}, status = {cancelled}))
           AS step(from_status, to_status, is_taken) ON step.is_taken
    )
    INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)
    SELECT id, %(company)s, instance_id, id, CASE WHEN is_in THEN 1 ELSE 5 END, at, %(facts)s FROM row"""


def fill(url, db, company, instances, rows):
    """Have the database at url, whose owner db is, hold so many messages of the company and
    no others. Texts are those of a message that is there already."""
    kind, chat_key, number, content, traceparent = db.execute("""
        SELECT kind, chat_key, to_requested, content, traceparent FROM messages LIMIT 1""").fetchone()
    since, until = db.execute("SELECT date_trunc('month', now()) - interval '1 month', now()").fetchone()
    values = {"company": company, "instances": instances, "kind": kind, "suffix": chat_key.removeprefix(number),
              "content": content, "traceparent": traceparent, "facts": FACTS, "rows": rows,
              "chats": rows // PER_CHAT, "since": since, "until": until}
    text = _CHUNK.format(**status_codes())

    def insert(first):
        with _session(url) as session:
            session.execute(text, {**values, "first": first, "last": min(first + CHUNK - 1, rows)})

    db.execute(f"TRUNCATE {', '.join(TABLES)}, send_queue, outbox_messages, ledger_accepted")
    with _without_indexes(url, db), concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(insert, range(1, rows + 1, CHUNK)))
    # As autovacuum leaves a history: known to be visible. One that meets a snapshot of
    # autovacuum's own leaves the newest part out.
    wait_for(lambda: _vacuum(db), "every page to be known as visible", VACUUM_SECONDS, 1)


def status_codes():
    """The numbers of model/message.h, from the source: the fill must not drift from it."""
    with open(os.path.join(benchlib.REPO, "libcommon", "model", "message.h")) as f:
        text = f.read()
    return {name: int(re.search(rf"\bMSG_{name.upper()}\s*=\s*(\d+)", text)[1]) for name in STATUSES}


@contextlib.contextmanager
def _session(url):
    """A connection whose work need not be on the disk before the next does its own."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("SET synchronous_commit = off")
        session.execute("SET work_mem = '256MB'")
        session.execute("SET maintenance_work_mem = '1GB'")
        yield session


@contextlib.contextmanager
def _without_indexes(url, db):
    """While the block runs the TABLES have none; afterwards the same ones."""
    keys = db.execute("""
        SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'p' AND conrelid = ANY (%s::regclass[])""", [list(TABLES)]).fetchall()
    indexes = db.execute("""
        SELECT indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index
        WHERE NOT indisprimary AND indrelid = ANY (%s::regclass[])""", [list(TABLES)]).fetchall()
    for table, name, _ in keys:
        db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    yield

    def build(statement):
        with _session(url) as session:
            session.execute(statement)

    made = [f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" for table, name, definition in keys]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(build, [*made, *(definition for _, definition in indexes)]))


def _vacuum(db):
    for table in TABLES:
        db.execute(f"VACUUM (ANALYZE) {table}")
    return db.execute("""
        SELECT sum(relpages) = sum(relallvisible) FROM pg_class
        WHERE oid IN (SELECT relid FROM pg_partition_tree('messages') WHERE isleaf)""").fetchone()[0]
