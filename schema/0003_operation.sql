-- 0003_operation: partitions, queues, ledger, stranded work, heartbeats, logs, roles.

CREATE TABLE queue_metadata (
	queue_name     text PRIMARY KEY,
	company_id     int NOT NULL,
	kind           smallint NOT NULL,                   -- enum mq_kind, mq/envelope.h
	class          smallint NOT NULL,
	declared_at    timestamptz NOT NULL DEFAULT now(),
	messages       bigint NOT NULL DEFAULT 0,           -- rows that it is about, as healthd counted
	last_activity  timestamptz                          -- to the minute
);
CREATE INDEX queue_metadata_messages ON queue_metadata (messages);
CREATE INDEX queue_metadata_company ON queue_metadata (company_id);

-- Outbox rows per company, as healthd counted; companies without any have no row.
CREATE TABLE outbox_backlog (
	company_id  int PRIMARY KEY,
	pending     bigint NOT NULL,
	oldest_at   timestamptz                             -- since when the oldest due one waits
) WITH (fillfactor = 70);

-- What happened in each hour (model/stats.h): made by healthd from ranges of ids, never on the way
-- of a message.
CREATE TABLE stats_hours (
	company_id  int NOT NULL,
	hour        timestamptz NOT NULL,
	what        smallint NOT NULL,                      -- enum stats_what, model/stats.h
	n           bigint NOT NULL,
	PRIMARY KEY (company_id, hour, what)
) WITH (fillfactor = 70);
CREATE INDEX stats_hours_age ON stats_hours USING brin (hour);
CREATE TABLE stats_totals (
	company_id  int NOT NULL,
	what        smallint NOT NULL,
	n           bigint NOT NULL,
	PRIMARY KEY (company_id, what)
) WITH (fillfactor = 50);
-- One row: everything before done_until is in the tables above.
CREATE TABLE stats_progress (
	is_one      boolean PRIMARY KEY DEFAULT true CHECK (is_one),
	done_until  timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO stats_progress (done_until) VALUES (now());

CREATE TABLE daemon_heartbeats (
	daemon     text NOT NULL,
	name       text NOT NULL,                           -- instance_name of the process
	host       text NOT NULL,
	pid        int NOT NULL,
	version    text NOT NULL,
	state      text NOT NULL,
	started_at timestamptz NOT NULL,
	last_seen  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (daemon, name)
);

-- Log lines of log.store_level or worse; the journal has all of them.
CREATE TABLE logs (
	id           uuid NOT NULL PRIMARY KEY,
	level        smallint NOT NULL,                     -- enum log_level, base/log.h
	daemon       text NOT NULL,
	process      text NOT NULL,                         -- its instance_name
	event        text NOT NULL,
	company_id   int,
	instance_id  int,
	message_id   uuid,
	line         text NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX logs_company ON logs (company_id, id) WHERE company_id IS NOT NULL;
CREATE INDEX logs_instance ON logs (instance_id, id) WHERE instance_id IS NOT NULL;
CREATE INDEX logs_message ON logs (message_id, id) WHERE message_id IS NOT NULL;

CREATE TABLE audit_log (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at          timestamptz NOT NULL DEFAULT now(),
	actor_kind  text NOT NULL CHECK (actor_kind IN ('admin', 'company', 'instance', 'operator', 'daemon')),
	actor_id    int,
	action      text NOT NULL,
	object      text NOT NULL,
	detail      jsonb
);

CREATE TABLE alerts (
	name         text NOT NULL,
	object       text NOT NULL,
	state        text NOT NULL CHECK (state IN ('firing', 'resolved')),
	since        timestamptz NOT NULL DEFAULT now(),
	detail       text,
	PRIMARY KEY (name, object)
);

-- accepted is counted here, at acceptance, apart from the messages themselves.
-- slot keeps gateways from waiting for each other on one counter row.
CREATE TABLE ledger_accepted (
	company_id  int NOT NULL,
	slot        smallint NOT NULL,
	accepted    bigint NOT NULL,
	PRIMARY KEY (company_id, slot)
) WITH (fillfactor = 50);

-- Outcomes of messages whose partition was dropped.
CREATE TABLE ledger_closed (
	company_id  int PRIMARY KEY,
	sent        bigint NOT NULL DEFAULT 0,
	failed      bigint NOT NULL DEFAULT 0,
	cancelled   bigint NOT NULL DEFAULT 0
);

-- ---- partitions -----------------------------------------------------------

-- First possible UUIDv7 of an instant: a lower bound.
CREATE FUNCTION growhub_uuid7_floor(t timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT (lpad(to_hex(floor(extract(epoch FROM t) * 1000)::bigint), 12, '0')
	        || '00000000000000000000')::uuid
$$;

-- The instant a UUIDv7 was made, to the millisecond.
CREATE FUNCTION growhub_uuid7_time(id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT to_timestamp((('x' || lpad(translate(left(id::text, 13), '-', ''), 16, '0'))::bit(64)::bigint) / 1000.0)
$$;

-- Make the month partitions from this month to `months` ahead. Each is created
-- apart and then attached, which takes no lock that stops inserts.
CREATE FUNCTION growhub_ensure_partitions(months int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	parent  text;
	month   timestamptz;
	child   text;
	made    int := 0;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('growhub_ensure_partitions'));
	FOREACH parent IN ARRAY ARRAY['messages', 'message_transitions', 'inbound_events', 'events',
	                              'webhook_deliveries', 'webhook_attempts', 'logs'] LOOP
		-- The previous month too: ids are made by daemons whose clocks may be a minute behind.
		FOR ahead IN -1 .. months LOOP
			month := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
			month := ((month AT TIME ZONE 'UTC') + make_interval(months => ahead)) AT TIME ZONE 'UTC';
			child := format('%s_%s', parent, to_char(month AT TIME ZONE 'UTC', 'YYYYMM'));
			CONTINUE WHEN to_regclass(child) IS NOT NULL;
			EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
			EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child,
				growhub_uuid7_floor(month),
				growhub_uuid7_floor(((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
			IF parent = 'messages' THEN
				-- Room for the in-page updates of a row's life: claimed, sent, delivered, read.
				-- Vacuumed after so many rows, not after a fifth of the table: what is not known
				-- to be visible is looked up in the heap by counts that the index could answer.
				EXECUTE format('ALTER TABLE %I SET (fillfactor = 50, autovacuum_vacuum_insert_threshold = 20000,
					autovacuum_vacuum_insert_scale_factor = 0)', child);
			END IF;
			made := made + 1;
		END LOOP;
	END LOOP;
	RETURN made;
END
$$;

SELECT growhub_ensure_partitions(2);

-- ---- promises, checkable ----------------------------------------------------

-- accepted = sent + failed + cancelled + pending, per company. Status numbers:
-- enum msg_status in model/message.h.
CREATE VIEW growhub_ledger AS
SELECT c.id AS company_id,
       coalesce(a.accepted, 0) AS accepted,
       coalesce(m.sent, 0) + coalesce(k.sent, 0) AS sent,
       coalesce(m.failed, 0) + coalesce(k.failed, 0) AS failed,
       coalesce(m.cancelled, 0) + coalesce(k.cancelled, 0) AS cancelled,
       coalesce(m.pending, 0) AS pending
FROM companies c
LEFT JOIN (SELECT company_id, sum(accepted)::bigint AS accepted FROM ledger_accepted GROUP BY 1) a
       ON a.company_id = c.id
LEFT JOIN ledger_closed k ON k.company_id = c.id
LEFT JOIN (SELECT company_id,
                  count(*) FILTER (WHERE status BETWEEN 4 AND 7) AS sent,
                  count(*) FILTER (WHERE status = 8) AS failed,
                  count(*) FILTER (WHERE status = 9) AS cancelled,
                  count(*) FILTER (WHERE status BETWEEN 0 AND 3) AS pending
           FROM messages WHERE direction = 0 AND origin = 0 GROUP BY 1) m
       ON m.company_id = c.id;

-- Unfinished rows that nothing will wake. A due row counts as carried for 60 s
-- after it became due or after a worker last served its target (that long a
-- hint may be on its way; then healthd hints again), while an outbox row for its
-- target exists, while its lease lives, while a predecessor holds its lane, or
-- while its instance or company is parked (the connection event, the end of a move, or the
-- administrator's change, wakes it), or its provider (the senderd whose breaker is
-- open hints them all when it closes; model/provider_park.h).
CREATE VIEW growhub_stranded AS
WITH carried AS ( -- what an outbox row or a hint of this kind (enum mq_kind) must carry
	SELECT 1 AS kind, q.message_id AS id, q.instance_id AS target_id, q.available_at
	FROM send_queue q
	JOIN instances i ON i.id = q.instance_id
	JOIN companies c ON c.id = q.company_id
	JOIN providers p ON p.id = i.provider_id
	WHERE q.state IN (0, 2, 4) AND i.status = 'connected' AND c.status = 'active'
	  AND (q.state = 4 OR coalesce(i.moving_until <= now(), true))
	  AND coalesce(p.parked_until <= now() - interval '60 s', true)
	UNION ALL
	SELECT 2, q.id, q.instance_id, q.available_at
	FROM inbound_queue q
	UNION ALL
	SELECT 3, d.event_id, d.endpoint_id, d.available_at
	FROM webhook_deliveries d
	JOIN instance_webhooks w ON w.id = d.endpoint_id
	WHERE d.state = 0 AND w.is_active AND w.disabled_at IS NULL AND w.deleted_at IS NULL
)
SELECT (ARRAY['send', 'inbound', 'delivery'])[r.kind] AS kind, r.id, r.target_id,
       CASE WHEN r.available_at > now() THEN 'no timer' ELSE 'no hint' END AS missing
FROM carried r
WHERE r.available_at NOT BETWEEN now() - interval '60 s' AND clock_timestamp()
  AND NOT EXISTS (SELECT 1 FROM outbox_messages o
                  WHERE o.kind = r.kind AND o.target_id = r.target_id
                    AND o.available_at <= greatest(r.available_at, now()) + interval '2 s')
  AND NOT EXISTS (SELECT 1 FROM target_service s
                  WHERE s.kind = r.kind AND s.target_id = r.target_id AND r.available_at <= now()
                    AND s.served_at > now() - interval '60 s')
UNION ALL
SELECT 'send', q.message_id, q.instance_id, 'no predecessor'
FROM send_queue q
WHERE q.state = 1
  AND NOT EXISTS (SELECT 1 FROM send_queue p
                  WHERE p.instance_id = q.instance_id AND p.lane = q.lane
                    AND p.state IN (1, 2, 3, 4) AND p.lane_seq < q.lane_seq)
UNION ALL
SELECT 'send', q.message_id, q.instance_id, 'lease ran out'
FROM send_queue q
WHERE q.state = 3 AND q.lease_until < now() - interval '60 s'
UNION ALL
SELECT 'delivery', d.event_id, d.endpoint_id, 'lease ran out'
FROM webhook_deliveries d
WHERE d.state = 1 AND d.lease_until < now() - interval '60 s';

-- ---- roles ------------------------------------------------------------------
-- The role that runs this owns everything. growhub_read, where the operator made
-- it, may read everything: dashboards, the stack's tests.
DO $$
BEGIN
	IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'growhub_read') THEN
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO growhub_read;
		ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO growhub_read;
	END IF;
END
$$;
