/* handshake.c - the methods of channel 0: login, tuning, open, blocked, close.
 *
 * A small state machine (enum mq_step): a method that is not the one awaited ends
 * the connection. Pure protocol: bytes and sockets are conn.c's.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "mq/internal.h"

#define REPLY_ACCESS_REFUSED 403

static amqp_table_entry_t
entry_text(const char *key, const char *value)
{
	return (amqp_table_entry_t){
		.key = amqp_cstring_bytes(key),
		.value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)}};
}

static amqp_table_entry_t
entry_true(const char *key)
{
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(key),
				    .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

static enum gh_code
fail(struct mq_conn *c, const char *why)
{
	(void)snprintf(c->error, sizeof(c->error), "%s", why);
	return GH_EINVAL;
}

/* Is word one of the blank-separated words of list? */
static bool
has_word(struct slice list, struct slice word)
{
	while (list.p != NULL) {
		if (slice_eq(slice_cut(list, ' ', &list), word))
			return true;
	}
	return false;
}

void
mq_handshake_begin(struct mq_conn *c)
{
	c->step = MQ_STEP_START;
	c->frame_max = MQ_FRAME_MAX;
	buf_add(&c->out, S("AMQP\0\0\x09\x01"));
}

/* The SASL PLAIN response: NUL user NUL password. */
static void
add_plain(struct buf *b, const struct mq_url *u)
{
	buf_add_char(b, '\0');
	buf_add_cstr(b, u->user);
	buf_add_char(b, '\0');
	buf_add_cstr(b, u->password);
}

static enum gh_code
on_start(struct mq_conn *c, const amqp_connection_start_t *m)
{
	amqp_table_entry_t able[] = {
		entry_true("publisher_confirms"),
		entry_true("consumer_cancel_notify"),
		entry_true("basic.nack"),
		entry_true("connection.blocked"),
		entry_true("authentication_failure_close"),
	};
	amqp_table_entry_t props[] = {
		entry_text("product", "GrowHub"),
		entry_text("platform", "C"),
		entry_text("connection_name", c->name),
		{.key = amqp_cstring_bytes("capabilities"),
		 .value = {.kind = AMQP_FIELD_KIND_TABLE,
			   .value.table = {.num_entries = GH_COUNT(able), .entries = able}}},
	};
	amqp_connection_start_ok_t ok = {
		.client_properties = {.num_entries = GH_COUNT(props), .entries = props},
		.mechanism = amqp_cstring_bytes("PLAIN"),
		.locale = amqp_cstring_bytes("en_US"),
	};
	struct buf plain;
	enum gh_code rc;

	if (m->version_major != 0 || m->version_minor != 9)
		return fail(c, "the broker does not speak AMQP 0-9-1");
	if (!has_word(mq_slice(m->mechanisms), S("PLAIN")))
		return fail(c, "the broker does not offer PLAIN login");
	buf_init(&plain, NULL, 2048); /* url.c bounds user and password */
	add_plain(&plain, &c->url);
	ok.response = mq_bytes(buf_slice(&plain));
	rc = mq_conn_send(c, 0, AMQP_CONNECTION_START_OK_METHOD, &ok);
	gh_wipe(plain.p, plain.n);
	buf_free(&plain);
	if (rc != GH_OK)
		return fail(c, "login does not fit a frame");
	c->step = MQ_STEP_TUNE;
	return GH_OK;
}

/* The smaller of two limits where 0 means none. */
static uint32_t
least(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static enum gh_code
on_tune(struct mq_conn *c, const amqp_connection_tune_t *m)
{
	amqp_connection_tune_ok_t ok;
	amqp_connection_open_t open = {.virtual_host = amqp_cstring_bytes(c->url.vhost)};

	c->frame_max = least(m->frame_max, MQ_FRAME_MAX);
	if (c->frame_max < MQ_FRAME_MIN)
		return fail(c, "frame_max below the protocol's minimum");
	c->channel_max = least(m->channel_max, MQ_CHANNEL_MAX);
	c->heartbeat_s = least(m->heartbeat, c->heartbeat_wish_s);
	ok = (amqp_connection_tune_ok_t){.channel_max = (uint16_t)c->channel_max,
					 .frame_max = c->frame_max,
					 .heartbeat = (uint16_t)c->heartbeat_s};
	mq_conn_send_sure(c, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
	mq_conn_send_sure(c, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
	c->step = MQ_STEP_OPEN_OK;
	return GH_OK;
}

static enum gh_code
on_close(struct mq_conn *c, const amqp_connection_close_t *m)
{
	amqp_connection_close_ok_t ok = {0};
	struct slice text = mq_slice(m->reply_text);

	mq_conn_send_sure(c, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
	if (m->reply_code == REPLY_ACCESS_REFUSED && c->step != MQ_STEP_DONE)
		c->is_refused = true;
	(void)snprintf(c->error, sizeof(c->error), "broker closed: %u %.*s", m->reply_code,
		       S_FMT(text));
	return GH_ETEMP;
}

static enum gh_code
on_blocked(struct mq_conn *c, const amqp_connection_blocked_t *m)
{
	log_warn("amqp.blocked", LOG_STR("name", c->name), LOG_SLICE("err", mq_slice(m->reason)));
	mq_conn_set_blocked(c, true);
	return GH_OK;
}

enum gh_code
mq_handshake_method(struct mq_conn *c, const amqp_method_t *m)
{
	if (m->id == AMQP_CONNECTION_CLOSE_METHOD)
		return on_close(c, m->decoded);
	if (m->id == AMQP_CONNECTION_START_METHOD && c->step == MQ_STEP_START)
		return on_start(c, m->decoded);
	if (m->id == AMQP_CONNECTION_TUNE_METHOD && c->step == MQ_STEP_TUNE)
		return on_tune(c, m->decoded);
	if (m->id == AMQP_CONNECTION_OPEN_OK_METHOD && c->step == MQ_STEP_OPEN_OK) {
		c->step = MQ_STEP_DONE;
		mq_conn_opened(c);
		return GH_OK;
	}
	if (c->step != MQ_STEP_DONE)
		return fail(c, "unexpected method in the handshake");
	if (m->id == AMQP_CONNECTION_BLOCKED_METHOD)
		return on_blocked(c, m->decoded);
	if (m->id == AMQP_CONNECTION_UNBLOCKED_METHOD) {
		log_info("amqp.unblocked", LOG_STR("name", c->name));
		mq_conn_set_blocked(c, false);
		return GH_OK;
	}
	if (m->id == AMQP_CONNECTION_CLOSE_OK_METHOD && c->state == MQ_CLOSING)
		return fail(c, "closed on request");
	return fail(c, "unexpected method on channel 0");
}
