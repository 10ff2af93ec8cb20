-- 0002_messages: messages, the send queue, inbound bodies, events, deliveries.
--
-- Month-partitioned tables are partitioned by RANGE on a UUIDv7: its first 48
-- bits are the creation time, so the primary key is also the partition key.
-- That makes ids unique across partitions, lets a look-up by id touch one
-- partition, and needs no creation time beside the id.
--
-- Hot tables hold states as smallint; the values are fixed in the headers named
-- beside each column.

CREATE SEQUENCE send_queue_seq;

CREATE TABLE messages (
	id               uuid NOT NULL PRIMARY KEY,
	company_id       int NOT NULL,
	instance_id      int NOT NULL,
	direction        smallint NOT NULL,                -- enum msg_direction, model/message.h
	status           smallint NOT NULL,                -- enum msg_status, model/message.h
	kind             smallint NOT NULL DEFAULT 0,      -- enum msg_kind, model/message.h
	priority         smallint NOT NULL DEFAULT 5,
	origin           smallint NOT NULL DEFAULT 0,      -- enum msg_origin, model/message.h
	attempts         smallint NOT NULL DEFAULT 0,
	is_stalled       boolean NOT NULL DEFAULT false,   -- sent, and no receipt in time
	chat_key         text NOT NULL,
	to_requested     text,
	to_resolved      text,
	phone_from       text,
	content          text,
	payload          jsonb,
	media_url        text,
	reply_to         text,
	external_id      text,
	reference        text,
	error_code       text,
	error_message    text,
	traceparent      text,
	conversation_id  bigint,
	contact_id       bigint,
	scheduled_at     timestamptz,
	expires_at       timestamptz,
	sent_at          timestamptz,
	acked_at         timestamptz,                      -- first receipt: WhatsApp's server has it
	delivered_at     timestamptz,
	read_at          timestamptz,
	played_at        timestamptz,
	edited_at        timestamptz,
	deleted_at       timestamptz
) PARTITION BY RANGE (id);
CREATE INDEX messages_company ON messages (company_id, id);
CREATE INDEX messages_chat ON messages (company_id, chat_key, id);
CREATE INDEX messages_reference ON messages (company_id, reference, id) WHERE reference IS NOT NULL;

-- One row per state change after acceptance; the acceptance itself is the message's row.
CREATE TABLE message_transitions (
	message_id   uuid NOT NULL,
	at           timestamptz NOT NULL DEFAULT clock_timestamp(),
	from_status  smallint,
	to_status    smallint NOT NULL,
	attempt      smallint NOT NULL DEFAULT 0,
	daemon       text NOT NULL,
	reason       text
) PARTITION BY RANGE (message_id);
CREATE INDEX message_transitions_message ON message_transitions (message_id);

-- Provider ids and our own send_refs -> message; the only place where "this
-- provider message is that row" is decided.
CREATE TABLE message_keys (
	instance_id  int NOT NULL,
	external_id  text NOT NULL,
	message_id   uuid NOT NULL,
	PRIMARY KEY (instance_id, external_id)
);

-- Unfinished sends (life of a row: model/send_queue.h).
CREATE TABLE send_queue (
	message_id    uuid PRIMARY KEY,
	company_id    int NOT NULL,
	instance_id   int NOT NULL,
	lane          bigint NOT NULL,                     -- hash of chat and class
	class         smallint NOT NULL,                   -- enum mq_class, mq/envelope.h
	state         smallint NOT NULL DEFAULT 0,         -- enum send_state, model/send_queue.h
	attempt       smallint NOT NULL DEFAULT 0,         -- fence: grows with every claim
	tries         smallint NOT NULL DEFAULT 0,         -- attempts that count against the limit
	lookups       smallint NOT NULL DEFAULT 0,         -- of an in-doubt row, that failed
	is_resent     boolean NOT NULL DEFAULT false,      -- the resend ended in doubt too
	seq           bigint NOT NULL DEFAULT nextval('send_queue_seq'), -- order of acceptance
	lane_seq      bigint,                              -- order within the lane, given when due
	available_at  timestamptz NOT NULL,
	expires_at    timestamptz NOT NULL,
	lease_until   timestamptz,
	send_ref      text,
	reason        text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX send_queue_arrived ON send_queue (instance_id, class, seq) WHERE state = 0;
CREATE INDEX send_queue_head ON send_queue (instance_id, class, lane_seq) WHERE state IN (2, 4);
CREATE INDEX send_queue_lane ON send_queue (instance_id, lane, lane_seq) WHERE state IN (1, 2, 3, 4);
CREATE INDEX send_queue_lease ON send_queue (lease_until) WHERE state = 3;
CREATE INDEX send_queue_expiry ON send_queue (expires_at) WHERE state IN (0, 1, 2, 5);

-- Raw provider webhooks, insert-only; the unprocessed ones are in inbound_queue.
CREATE TABLE inbound_events (
	id             uuid NOT NULL PRIMARY KEY,
	provider_type  text NOT NULL,
	company_id     int,
	instance_id    int,
	state          smallint NOT NULL DEFAULT 0,        -- enum inbound_state, model/inbound.h
	body           bytea NOT NULL,
	error          text
) PARTITION BY RANGE (id);

CREATE TABLE inbound_queue (
	id            uuid PRIMARY KEY,
	company_id    int NOT NULL,
	instance_id   int NOT NULL,
	tries         smallint NOT NULL DEFAULT 0,
	available_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX inbound_queue_instance ON inbound_queue (instance_id, id);

CREATE TABLE inbound_dedupe (
	instance_id  int NOT NULL,
	event_key    text NOT NULL,
	received_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (instance_id, event_key)
);
CREATE INDEX inbound_dedupe_age ON inbound_dedupe USING brin (received_at);

-- Facts about provider messages we never saw, kept after the bounded wait; of the receipts of one
-- body one, whose inbound_id leads to the others.
CREATE TABLE orphans (
	id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	instance_id  int NOT NULL,
	external_id  text NOT NULL,
	inbound_id   uuid NOT NULL,
	status       smallint,
	occurred_at  timestamptz NOT NULL,
	created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orphans_key ON orphans (instance_id, external_id);
CREATE INDEX orphans_created ON orphans (created_at);

-- Hidden ids of people, with the number where it is known (model/contact_alias.h).
CREATE TABLE contact_aliases (
	instance_id  int NOT NULL,
	lid          text NOT NULL,
	phone        text,
	seen_at      timestamptz NOT NULL DEFAULT now(),   -- give or take CONTACT_ALIAS_SEEN_DAYS
	PRIMARY KEY (instance_id, lid)
);
CREATE INDEX contact_aliases_seen ON contact_aliases (seen_at);

CREATE TABLE events (
	id           uuid NOT NULL PRIMARY KEY,
	company_id   int NOT NULL,
	instance_id  int,
	message_id   uuid,
	type         smallint NOT NULL,                    -- enum event_type, model/event.h
	occurred_at  timestamptz NOT NULL,
	facts        text NOT NULL                         -- JSON as written once; bodies are rendered from it
) PARTITION BY RANGE (id);
CREATE INDEX events_company ON events (company_id, id);

CREATE TABLE webhook_deliveries (
	event_id      uuid NOT NULL,
	endpoint_id   int NOT NULL,
	company_id    int NOT NULL,
	state         smallint NOT NULL DEFAULT 0,         -- enum delivery_state, model/delivery.h
	attempts      smallint NOT NULL DEFAULT 0,
	available_at  timestamptz NOT NULL DEFAULT now(),
	lease_until   timestamptz,
	last_status   smallint,
	last_error    text,
	completed_at  timestamptz,
	manual_from   smallint,                            -- asked for by hand: the state before it
	manual_due    timestamptz,                         -- and when it was due then
	PRIMARY KEY (event_id, endpoint_id)
) PARTITION BY RANGE (event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, available_at) WHERE state = 0;
CREATE INDEX webhook_deliveries_lease ON webhook_deliveries (lease_until) WHERE state = 1;

CREATE TABLE webhook_attempts (
	event_id          uuid NOT NULL,
	endpoint_id       int NOT NULL,
	attempt           smallint NOT NULL,
	at                timestamptz NOT NULL,
	duration_ms       int NOT NULL,
	status            smallint,
	error             text,
	response_excerpt  text,
	is_manual         boolean NOT NULL DEFAULT false
) PARTITION BY RANGE (event_id);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (event_id, endpoint_id);
-- For the roll-up of what was posted when: rows are appended in the order of their times.
CREATE INDEX webhook_attempts_at ON webhook_attempts USING brin (at)
	WITH (pages_per_range = 32, autosummarize = on);

-- Endpoints that get again what they missed, worked off in slices by healthd.
CREATE TABLE webhook_recoveries (
	id           uuid PRIMARY KEY,
	company_id   int NOT NULL,
	endpoint_id  int NOT NULL,
	since        timestamptz NOT NULL,
	until        timestamptz NOT NULL,
	looked_at    uuid NOT NULL,                         -- the last event looked at
	matched      bigint NOT NULL DEFAULT 0,
	queued       bigint NOT NULL DEFAULT 0,
	touched_at   timestamptz NOT NULL DEFAULT now(),
	finished_at  timestamptz
);
CREATE UNIQUE INDEX webhook_recoveries_running ON webhook_recoveries (endpoint_id)
	WHERE finished_at IS NULL;
CREATE INDEX webhook_recoveries_open ON webhook_recoveries (touched_at) WHERE finished_at IS NULL;
CREATE INDEX webhook_recoveries_endpoint ON webhook_recoveries (endpoint_id, id);

-- Hints that wait for the broker, and the one timer for everything: a row wakes
-- a target (an instance or an endpoint) at available_at; work itself is found by claims.
CREATE TABLE outbox_messages (
	id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind          smallint NOT NULL,                   -- enum mq_kind, mq/envelope.h
	class         smallint NOT NULL,                   -- enum mq_class, mq/envelope.h
	company_id    int NOT NULL,
	target_id     int NOT NULL,
	available_at  timestamptz NOT NULL DEFAULT now(),
	traceparent   text
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX outbox_messages_due ON outbox_messages (available_at, class);
CREATE INDEX outbox_messages_target ON outbox_messages (kind, target_id, available_at);

-- When a worker last looked after a target: proof that its due rows are carried.
CREATE TABLE target_service (
	kind       smallint NOT NULL,
	target_id  int NOT NULL,
	served_at  timestamptz NOT NULL,
	PRIMARY KEY (kind, target_id)
) WITH (fillfactor = 50);

CREATE TABLE dead_letters (
	message_id   uuid PRIMARY KEY,
	company_id   int NOT NULL,
	instance_id  int NOT NULL,
	reason       text NOT NULL,
	detail       text,
	attempts     smallint NOT NULL,
	created_at   timestamptz NOT NULL DEFAULT now(),
	replayed_at  timestamptz,
	copied_at    timestamptz                            -- when dlq.final got its copy
);
CREATE INDEX dead_letters_company ON dead_letters (company_id, message_id);
CREATE INDEX dead_letters_uncopied ON dead_letters (created_at) WHERE copied_at IS NULL;

CREATE TABLE idempotency_keys (
	company_id   int NOT NULL,
	route        smallint NOT NULL,                    -- enum idem_route, model/idempotency.h
	key          text NOT NULL,
	fingerprint  bytea NOT NULL,                       -- SHA-256 of method, path and raw body
	object_id    uuid NOT NULL,
	object_ids   uuid[],                               -- of a batch: one per item, nil where it was refused
	created_at   timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (company_id, route, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys USING brin (created_at);

-- Idempotency-Key of creations and of calls to a provider: the first reply, for those who ask again.
CREATE TABLE idempotent_replies (
	company_id    int NOT NULL,                        -- 0: superadmins
	route         text NOT NULL,                       -- operationId
	key           text NOT NULL,
	fingerprint   bytea NOT NULL,                      -- SHA-256 of method, path and raw body
	status        smallint,                            -- NULL: the request is under way
	content_type  text,
	reply         bytea,                               -- the body, sealed: it may hold a secret shown once
	created_at    timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (company_id, route, key)
);
CREATE INDEX idempotent_replies_age ON idempotent_replies USING brin (created_at);

-- Files of sends, once per company and content; daemons share no disk.
CREATE TABLE media (
	id          uuid PRIMARY KEY,
	company_id  int NOT NULL,
	mime_type   text NOT NULL,
	size_bytes  bigint NOT NULL,
	sha256      bytea NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT now(),
	kept_until  timestamptz NOT NULL                   -- no message needs it afterwards
);
CREATE UNIQUE INDEX media_content ON media (company_id, sha256);
CREATE INDEX media_kept ON media (kept_until);

CREATE TABLE media_chunks (
	media_id  uuid NOT NULL REFERENCES media ON DELETE CASCADE,
	ordinal   int NOT NULL,
	data      bytea NOT NULL,                          -- MEDIA_CHUNK_SIZE each, model/media.h
	PRIMARY KEY (media_id, ordinal)
);
-- Pictures, sound and video do not shrink: no attempt at compressing them.
ALTER TABLE media_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
