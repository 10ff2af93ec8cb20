-- 0001_tenants: who may do what, and where their numbers live.
--
-- Cold tables: states are words with a CHECK, so that psql reads like the API.

CREATE TABLE admins (
	id             int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name           text NOT NULL,
	email          text NOT NULL,
	password_hash  text NOT NULL,                      -- scrypt, PHC-like text
	is_superadmin  boolean NOT NULL DEFAULT true,
	status         text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
	last_login     timestamptz,
	created_at     timestamptz NOT NULL DEFAULT now(),
	updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX admins_email ON admins (lower(email));

CREATE TABLE admin_sessions (
	token_hash  bytea PRIMARY KEY,                     -- SHA-256 of the token text
	admin_id    int NOT NULL REFERENCES admins ON DELETE CASCADE,
	created_at  timestamptz NOT NULL DEFAULT now(),
	expires_at  timestamptz NOT NULL,
	revoked_at  timestamptz
);
CREATE INDEX admin_sessions_admin ON admin_sessions (admin_id);

CREATE TABLE companies (
	id               int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name             text NOT NULL,
	status           text NOT NULL DEFAULT 'active'
	                 CHECK (status IN ('active', 'inactive', 'suspended', 'deleted')),
	rate_per_minute  int NOT NULL DEFAULT 60,
	rate_per_hour    int NOT NULL DEFAULT 1000,
	created_at       timestamptz NOT NULL DEFAULT now(),
	updated_at       timestamptz NOT NULL DEFAULT now(),
	deleted_at       timestamptz
);
CREATE INDEX companies_deleted ON companies (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE providers (
	id               int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	type             text NOT NULL CHECK (type IN ('waha', 'uazapi', 'meta', 'evolution')),
	name             text NOT NULL,
	base_url         text NOT NULL,
	api_key_sealed   bytea,
	max_instances    int NOT NULL DEFAULT 100,
	max_concurrency  int NOT NULL DEFAULT 0,           -- 0: no limit of its own
	is_active        boolean NOT NULL DEFAULT true,
	health_status    text NOT NULL DEFAULT 'unknown'
	                 CHECK (health_status IN ('healthy', 'unhealthy', 'unknown')),
	health_detail    text,
	engine           text,                             -- as it names it itself; NULL: not asked yet, or it has none
	latency_ms       int,
	last_check       timestamptz,
	parked_until     timestamptz,                      -- a senderd's breaker is open (model/provider_park.h)
	created_at       timestamptz NOT NULL DEFAULT now(),
	updated_at       timestamptz NOT NULL DEFAULT now(),
	deleted_at       timestamptz                       -- kept for the instances it had; then not active
);
CREATE UNIQUE INDEX providers_name ON providers (lower(name)) WHERE deleted_at IS NULL;

CREATE TABLE provider_checks (
	provider_id  int NOT NULL REFERENCES providers ON DELETE CASCADE,
	checked_at   timestamptz NOT NULL DEFAULT now(),
	ok           boolean NOT NULL,
	latency_ms   int,
	detail       text,
	PRIMARY KEY (provider_id, checked_at)
);

CREATE TABLE instances (
	id                    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	company_id            int NOT NULL REFERENCES companies,
	provider_id           int NOT NULL REFERENCES providers,
	instance_name         text NOT NULL,
	phone_number          text,
	status                text NOT NULL DEFAULT 'creating'
	                      CHECK (status IN ('creating', 'connecting', 'qr', 'connected',
	                                        'disconnected', 'failed', 'error', 'deleted')),
	status_reason         text,
	status_at             timestamptz NOT NULL DEFAULT '-infinity', -- provider time of the last state applied
	external_instance_id  text NOT NULL,
	session_key_sealed    bytea,                       -- where the provider gives each session one
	own_lid               text,
	last_disconnect_at    timestamptz,                 -- connected until then
	last_disconnect_reason text,
	mend_tries            int NOT NULL DEFAULT 0,      -- healthd's, since it was last connected
	mend_at               timestamptz NOT NULL DEFAULT 'epoch', -- not before
	-- It was connected, and neither unpaired nor disconnected by a person since.
	may_reconnect         boolean NOT NULL DEFAULT false,
	silent_since          timestamptz,                 -- no webhook of it since (model/silence.h)
	new_chats_paused_until  timestamptz,               -- no first contacts before (model/new_chats.h)
	new_chats_refusals    int NOT NULL DEFAULT 0,      -- in a row, the last then:
	new_chats_refused_at  timestamptz,
	moving_until          timestamptz,                 -- no new send before; infinity: until its move goes on
	webhook_url           text,
	settings              jsonb NOT NULL DEFAULT '{}',
	created_at            timestamptz NOT NULL DEFAULT now(),
	updated_at            timestamptz NOT NULL DEFAULT now(),
	deleted_at            timestamptz
);
CREATE UNIQUE INDEX instances_name ON instances (company_id, instance_name) WHERE status <> 'deleted';
CREATE UNIQUE INDEX instances_external ON instances (provider_id, external_instance_id)
	WHERE status <> 'deleted';
CREATE INDEX instances_company ON instances (company_id, id);
CREATE INDEX instances_mend ON instances (mend_at)
	WHERE status IN ('creating', 'error', 'failed') OR status = 'disconnected' AND may_reconnect;
CREATE INDEX instances_silent ON instances (silent_since) WHERE silent_since IS NOT NULL;
CREATE INDEX instances_deleted ON instances (deleted_at) WHERE deleted_at IS NOT NULL;

-- Instances on their way to another provider, and those that went (model/instance_move.h).
CREATE TABLE instance_moves (
	id                int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	company_id        int NOT NULL REFERENCES companies,
	instance_id       int NOT NULL REFERENCES instances,
	from_provider_id  int NOT NULL REFERENCES providers,
	to_provider_id    int NOT NULL REFERENCES providers,
	state             text NOT NULL DEFAULT 'creating'
	                  CHECK (state IN ('creating', 'pairing', 'draining', 'cleaning', 'done',
	                                   'aborting', 'aborted')),
	from_session      text NOT NULL,                   -- external_instance_id there
	to_session        text NOT NULL,
	from_key_sealed   bytea,                           -- of the session left, from the switch on
	to_key_sealed     bytea,                           -- of the new session, until the switch
	error             text,                            -- why the last try failed
	tries             int NOT NULL DEFAULT 0,          -- in a row that failed
	next_at           timestamptz NOT NULL DEFAULT now(),
	state_at          timestamptz NOT NULL DEFAULT now(),
	drain_until       timestamptz,                     -- what is in doubt then is held
	is_told           boolean NOT NULL DEFAULT false,  -- the event that somebody is to pair it
	started_at        timestamptz NOT NULL DEFAULT now(),
	switched_at       timestamptz,
	finished_at       timestamptz
);
CREATE UNIQUE INDEX instance_moves_open ON instance_moves (instance_id) WHERE finished_at IS NULL;
CREATE INDEX instance_moves_instance ON instance_moves (instance_id, id);
CREATE INDEX instance_moves_due ON instance_moves (next_at) WHERE state NOT IN ('done', 'aborted');
CREATE INDEX instance_moves_target ON instance_moves (to_provider_id)
	WHERE state IN ('creating', 'pairing', 'draining', 'aborting');
CREATE INDEX instance_moves_draining ON instance_moves (drain_until)
	WHERE switched_at IS NULL AND drain_until IS NOT NULL;

-- API tokens of companies and instances; admin sessions have a table of their own.
CREATE TABLE tokens (
	token_hash    bytea PRIMARY KEY,                   -- SHA-256 of the token text
	kind          text NOT NULL CHECK (kind IN ('company', 'instance')),
	company_id    int NOT NULL REFERENCES companies,
	instance_id   int REFERENCES instances,
	created_at    timestamptz NOT NULL DEFAULT now(),
	expires_at    timestamptz,                         -- end of the overlap after a rotation
	revoked_at    timestamptz,
	last_used_at  timestamptz,
	CHECK ((kind = 'instance') = (instance_id IS NOT NULL))
);
CREATE INDEX tokens_owner ON tokens (company_id, instance_id);

-- Path secrets of POST /webhook/{provider}/{key}.
CREATE TABLE webhook_keys (
	key_hash            bytea PRIMARY KEY,             -- SHA-256 of the key text
	key_sealed          bytea NOT NULL,                -- to write the URL again at the provider
	hmac_secret_sealed  bytea,
	provider_type       text NOT NULL,
	scope               text NOT NULL CHECK (scope IN ('provider', 'instance')),
	provider_id         int NOT NULL REFERENCES providers,
	company_id          int REFERENCES companies,
	instance_id         int REFERENCES instances,
	told_base           text NOT NULL DEFAULT '',      -- public URL the provider was given with it
	tell_at             timestamptz NOT NULL DEFAULT 'epoch', -- another one is not told before
	created_at          timestamptz NOT NULL DEFAULT now(),
	revoked_at          timestamptz
);
CREATE INDEX webhook_keys_told ON webhook_keys (told_base) WHERE scope = 'instance' AND revoked_at IS NULL;
CREATE INDEX webhook_keys_instance ON webhook_keys (instance_id);

-- Company endpoints; instance_id NULL: all instances of the company.
CREATE TABLE instance_webhooks (
	id                     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	company_id             int NOT NULL REFERENCES companies,
	instance_id            int REFERENCES instances,
	url                    text NOT NULL,
	events                 text[] NOT NULL,             -- as the client wrote them
	event_mask             bigint NOT NULL,             -- bit n: event type n (model/event.h)
	format                 text NOT NULL DEFAULT 'growhub' CHECK (format IN ('growhub', 'standard', 'uazapi')),
	options                int NOT NULL DEFAULT 0,      -- bits of model/endpoint.h, of the format uazapi
	custom_headers_sealed  bytea,
	is_active              boolean NOT NULL DEFAULT true,
	max_concurrency        int NOT NULL DEFAULT 16,
	failure_state          text NOT NULL DEFAULT 'ok' CHECK (failure_state IN ('ok', 'failing', 'disabled')),
	last_success_at        timestamptz,
	disabled_at            timestamptz,
	created_at             timestamptz NOT NULL DEFAULT now(),
	updated_at             timestamptz NOT NULL DEFAULT now(),
	deleted_at             timestamptz
);
CREATE INDEX instance_webhooks_owner ON instance_webhooks (company_id, instance_id)
	WHERE deleted_at IS NULL;

CREATE TABLE webhook_secrets (
	id             int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	endpoint_id    int NOT NULL REFERENCES instance_webhooks ON DELETE CASCADE,
	secret_sealed  bytea NOT NULL,
	created_at     timestamptz NOT NULL DEFAULT now(),
	expires_at     timestamptz                          -- NULL: the current secret
);
CREATE INDEX webhook_secrets_endpoint ON webhook_secrets (endpoint_id);

CREATE TABLE rate_limits (
	company_id    int NOT NULL REFERENCES companies ON DELETE CASCADE,
	window_s      int NOT NULL,
	window_start  timestamptz NOT NULL,
	used          bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (company_id, window_s)
) WITH (fillfactor = 50);

CREATE TABLE validated_phone_numbers (
	provider_id  int NOT NULL,
	phone        text NOT NULL,
	exists_there boolean NOT NULL,
	chat_id      text,
	checked_at   timestamptz NOT NULL DEFAULT now(),
	expires_at   timestamptz NOT NULL,
	PRIMARY KEY (provider_id, phone)
);
