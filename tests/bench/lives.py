"""The rows of whole lives, written by PostgreSQL alone: what no arrangement of daemons goes under
with this schema. A procedure writes what the daemons' statements write, in batches of their size
and in as many commits, but reads, compares and transfers nothing."""

import time

import psycopg

import benchlib
import cpu

LIVES = 20  # a batch at some 900 lives a second: rows per statement in bench-e2e
BODY = 700  # bytes of a provider's webhook
FACTS = 380  # bytes of an event

# One message, three webhooks, three events, three deliveries, at the first try. Ids as in
# subjects.BASELINE. Result, receipts and the end of a post update their rows once each.
PROCEDURE = """
CREATE FUNCTION pg_temp.ids(n int) RETURNS uuid[] LANGUAGE sql AS $$
    SELECT array_agg(('0' || to_hex((date_part('epoch', clock_timestamp()) * 1000)::bigint) || '7'
                      || right(gen_random_uuid()::text, 21))::uuid)
    FROM generate_series(1, n) $$;

CREATE PROCEDURE pg_temp.receive(bodies uuid[], company int, instance int) LANGUAGE sql AS $$
    INSERT INTO inbound_dedupe (instance_id, event_key) SELECT instance, b::text FROM unnest(bodies) b;
    INSERT INTO inbound_queue (id, company_id, instance_id) SELECT b, company, instance FROM unnest(bodies) b;
    INSERT INTO inbound_events (id, provider_type, company_id, instance_id, body)
    SELECT b, 'waha', company, instance, repeat('b', {body})::bytea FROM unnest(bodies) b; $$;

CREATE PROCEDURE pg_temp.tell(messages uuid[], happened uuid[], was int, now_is int, company int,
                              instance int, endpoint int) LANGUAGE sql AS $$
    INSERT INTO message_transitions (message_id, from_status, to_status, daemon)
    SELECT m, was, now_is, 'floor' FROM unnest(messages) m;
    INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)
    SELECT e, company, instance, m, now_is, now(), repeat('f', {facts}) FROM unnest(messages, happened) t(m, e);
    INSERT INTO webhook_deliveries (event_id, endpoint_id, company_id, state, lease_until)
    SELECT e, endpoint, company, 1, now() FROM unnest(happened) e; $$;

CREATE PROCEDURE pg_temp.posted(happened uuid[], endpoint int) LANGUAGE sql AS $$
    UPDATE webhook_deliveries SET state = 2, attempts = 1, last_status = 200, completed_at = now()
    WHERE event_id = ANY (happened) AND endpoint_id = endpoint;
    INSERT INTO webhook_attempts (event_id, endpoint_id, attempt, at, duration_ms, status)
    SELECT e, endpoint, 1, now(), 1, 200 FROM unnest(happened) e; $$;

CREATE PROCEDURE pg_temp.lives(n int, company int, instance int, endpoint int) LANGUAGE plpgsql AS $$
DECLARE
    m uuid[] := pg_temp.ids(n);
    happened uuid[];
    bodies uuid[];
BEGIN
    INSERT INTO messages (id, company_id, instance_id, direction, status, chat_key, to_requested, content)
    SELECT i, company, instance, 0, 1, right(i::text, 12) || '@c.us', right(i::text, 12), repeat('t', 60)
    FROM unnest(m) i;
    INSERT INTO send_queue (message_id, company_id, instance_id, lane, class, available_at, expires_at)
    SELECT i, company, instance, hashtextextended(i::text, 0), 1, now(), now() + interval '1 d'
    FROM unnest(m) i;
    COMMIT;
    UPDATE send_queue SET state = 3, attempt = 1, lease_until = now() WHERE message_id = ANY (m);
    INSERT INTO message_keys (instance_id, external_id, message_id) SELECT instance, i::text, i FROM unnest(m) i;
    COMMIT;
    FOR step IN 3..5 LOOP
        happened := pg_temp.ids(n);
        IF step = 3 THEN
            DELETE FROM send_queue WHERE message_id = ANY (m);
        END IF;
        UPDATE messages SET status = step WHERE id = ANY (m);
        CALL pg_temp.tell(m, happened, step - 1, step, company, instance, endpoint);
        COMMIT;
        CALL pg_temp.posted(happened, endpoint);
        COMMIT;
        bodies := pg_temp.ids(n);
        CALL pg_temp.receive(bodies, company, instance);
        COMMIT;
        DELETE FROM inbound_queue WHERE id = ANY (bodies);
        COMMIT;
    END LOOP;
END $$;
"""


class Lives:
    """Rounds of one connection that writes lives as fast as it can; directory: the stack's."""

    def __init__(self, url, directory, tenant):
        self.session = psycopg.connect(url, autocommit=True)
        # As the daemons' connections plan: what is planned while tables are empty must not scan.
        self.session.execute("SET enable_seqscan = off")
        self.session.execute(PROCEDURE.format(body=BODY, facts=FACTS))
        self.postgres = {"postgres": cpu.processes(directory)["postgres"]}
        self.target = (LIVES, tenant.company, tenant.instance, 1)

    def round(self, seconds=benchlib.SECONDS):
        before, end, count = self._cpu_s(), time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self.session.execute("CALL pg_temp.lives(%s, %s, %s, %s)", self.target)
            count += LIVES
        return {"rate": count / seconds, "cpu_us": 1e6 * (self._cpu_s() - before) / count}

    def stop(self):
        self.session.close()

    def _cpu_s(self):
        return cpu.seconds(self.postgres)["postgres"]
