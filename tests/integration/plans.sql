-- Rows for test_plans.py: a busy installation in small, so that the planner sees tables
-- that are worth an index. Months: the previous one, this one (most), the next.

INSERT INTO admins (name, email, password_hash)
SELECT 'a', format('a%s@growhub.test', n), 'x' FROM generate_series(1, 5) n;
INSERT INTO admin_sessions (token_hash, admin_id, expires_at)
SELECT sha256(format('s%s', n)::bytea), 1 + n % 5, now() + n * interval '1 s'
FROM generate_series(1, 5000) n;
INSERT INTO companies (name) SELECT format('c%s', n) FROM generate_series(1, 1000) n;
INSERT INTO providers (type, name, base_url, health_status)
SELECT 'waha', format('p%s', n), 'http://127.0.0.1:9', 'healthy' FROM generate_series(1, 5) n;
INSERT INTO provider_checks (provider_id, checked_at, ok)
SELECT 1 + n % 5, now() - n * interval '1 min', true FROM generate_series(1, 20000) n;
INSERT INTO instances (company_id, provider_id, instance_name, status, external_instance_id)
SELECT 1 + n % 1000, 1 + n % 5, format('i%s', n), 'connected', format('x%s', n)
FROM generate_series(1, 3000) n;
INSERT INTO tokens (token_hash, kind, company_id, instance_id)
SELECT sha256(format('t%s', i.id)::bytea), 'instance', i.company_id, i.id FROM instances i;
INSERT INTO webhook_keys (key_hash, key_sealed, provider_type, scope, provider_id, company_id,
    instance_id)
SELECT sha256(format('k%s', i.id)::bytea), 'x', 'waha', 'instance', i.provider_id, i.company_id,
    i.id
FROM instances i;
INSERT INTO instance_webhooks (company_id, instance_id, url, events, event_mask)
SELECT i.company_id, i.id, 'http://127.0.0.1:9', '{*}', 1 FROM instances i;
INSERT INTO webhook_secrets (endpoint_id, secret_sealed) SELECT w.id, 'x' FROM instance_webhooks w;
INSERT INTO rate_limits (company_id, window_s, window_start)
SELECT c.id, s, now() FROM companies c, unnest(ARRAY[60, 3600]) s;

-- Three minutes apart: forty days back, three weeks ahead.
CREATE TEMP TABLE ids AS
SELECT n, (1 + n % 3000) AS instance_id, (1 + (1 + n % 3000) % 1000) AS company_id, m.id
FROM generate_series(1, 30000) n
CROSS JOIN LATERAL (SELECT (left(growhub_uuid7_floor(now() + (n - 20000) * interval '3 min')::text, 14)
    || right(gen_random_uuid()::text, 22))::uuid AS id) m;

INSERT INTO messages (id, company_id, instance_id, direction, status, chat_key, reference, sent_at)
SELECT id, company_id, instance_id, n % 2, 4, format('chat%s', n % 500),
    CASE WHEN n % 3 = 0 THEN format('r%s', n) END, now()
FROM ids;
INSERT INTO message_transitions (message_id, to_status, daemon)
SELECT id, s, 'senderd' FROM ids, unnest(ARRAY[2, 4]) s;
INSERT INTO message_keys (instance_id, external_id, message_id)
SELECT instance_id, format('e%s', n), id FROM ids;
INSERT INTO send_queue (message_id, company_id, instance_id, lane, class, state, lane_seq,
    available_at, expires_at, lease_until)
SELECT id, company_id, instance_id, n % 500, 1 + n % 3, n % 6, n, now() + (n % 600) * interval '1 s',
    now() + n * interval '1 s', CASE WHEN n % 6 = 3 THEN now() + (n % 60) * interval '1 s' END
FROM ids;
INSERT INTO inbound_events (id, provider_type, company_id, instance_id, body)
SELECT id, 'waha', company_id, instance_id, '{}' FROM ids;
INSERT INTO inbound_queue (id, company_id, instance_id)
SELECT id, company_id, instance_id FROM ids WHERE n % 3 = 0;
INSERT INTO inbound_dedupe (instance_id, event_key, received_at)
SELECT instance_id, format('d%s', n), now() - n * interval '1 s' FROM ids;
INSERT INTO contact_aliases (instance_id, lid, phone, seen_at)
SELECT instance_id, format('%s@lid', n), n::text, now() - n * interval '1 s' FROM ids;
INSERT INTO orphans (instance_id, external_id, inbound_id, occurred_at)
SELECT instance_id, format('o%s', n), id, now() FROM ids WHERE n % 3 = 0;
INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)
SELECT id, company_id, instance_id, id, 1 + n % 9, now(), '{}' FROM ids;
INSERT INTO webhook_deliveries (event_id, endpoint_id, company_id, state, available_at, lease_until)
SELECT id, instance_id, company_id, n % 4, now() + (n % 600) * interval '1 s',
    CASE WHEN n % 4 = 1 THEN now() + (n % 60) * interval '1 s' END
FROM ids;
INSERT INTO webhook_attempts (event_id, endpoint_id, attempt, at, duration_ms)
SELECT id, instance_id, 1, now(), 1 FROM ids;
INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at)
SELECT 1 + n % 3, 1 + n % 3, company_id, instance_id, now() + (n % 600) * interval '1 s' FROM ids;
INSERT INTO target_service (kind, target_id, served_at)
SELECT k, i.id, now() FROM instances i, unnest(ARRAY[1, 2, 3]) k;
INSERT INTO dead_letters (message_id, company_id, instance_id, reason, attempts, created_at, copied_at)
SELECT id, company_id, instance_id, 'x', 1, now() - n * interval '1 s',
    CASE WHEN n % 9 > 0 THEN now() END
FROM ids;
INSERT INTO idempotency_keys (company_id, route, key, fingerprint, object_id, created_at)
SELECT company_id, 1, format('k%s', n), 'x', id, now() - n * interval '1 s' FROM ids;
INSERT INTO idempotent_replies (company_id, route, key, fingerprint, status, content_type, reply,
    created_at)
SELECT company_id, 'createWebhook', format('k%s', n), 'x', 201, 'application/json', 'x',
    now() - n * interval '1 s'
FROM ids;
INSERT INTO media (id, company_id, mime_type, size_bytes, sha256, kept_until)
SELECT id, company_id, 'image/png', 4, sha256(format('m%s', n)::bytea), now() + n * interval '1 s'
FROM ids;
INSERT INTO media_chunks (media_id, ordinal, data) SELECT id, 0, 'x' FROM media;
INSERT INTO queue_metadata (queue_name, company_id, kind, class)
SELECT format('q%s.%s', c.id, k), c.id, k, 2 FROM companies c, unnest(ARRAY[1, 2, 3]) k;
INSERT INTO ledger_accepted (company_id, slot, accepted)
SELECT c.id, s, 1 FROM companies c, generate_series(0, 3) s;
INSERT INTO daemon_heartbeats (daemon, name, host, pid, version, state, started_at)
SELECT 'senderd', format('s%s', n), 'h', n, '1', 'ready', now() FROM generate_series(1, 8) n;
INSERT INTO logs (id, level, daemon, process, event, company_id, instance_id, message_id, line)
SELECT id, n % 4, 'senderd', 'p', 'a.b', company_id, instance_id, id, 'x' FROM ids;
INSERT INTO stats_hours (company_id, hour, what, n)
SELECT c, date_trunc('hour', now(), 'UTC') - h * interval '1 h', w, 1
FROM generate_series(1, 100) c, generate_series(0, 47) h, generate_series(1, 9) w;
INSERT INTO stats_totals (company_id, what, n)
SELECT c, w, 1 FROM generate_series(1, 1000) c, generate_series(1, 9) w;
INSERT INTO outbox_backlog (company_id, pending) SELECT c, 1 FROM generate_series(1, 1000) c;

-- As autovacuum does: a table without rows is never looked at.
DO $$
DECLARE
	name   regclass;
	found  boolean;
BEGIN
	FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO found;
		IF found THEN
			EXECUTE format('ANALYZE %s', name);
		END IF;
	END LOOP;
END
$$;
