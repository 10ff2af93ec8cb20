/* message_json.c - a traced message for programs: one JSON object. */
#include "base/buf.h"
#include "http/json.h"
#include "message.h"
#include "model/message.h"
#include "model/trace.h"

#define MASKED_MAX 8192

static void
write_masked(struct json_w *w, const char *name, struct slice s)
{
	struct buf b;

	if (s.p == NULL) {
		json_w_null(w, name);
		return;
	}
	buf_init(&b, NULL, MASKED_MAX);
	trace_add_masked(&b, s);
	json_w_str(w, name, b.n > 0 ? buf_slice(&b) : S(""));
	buf_free(&b);
}

static void
write_message(struct json_w *w, const struct trace_message *m)
{
	json_w_uuid(w, "id", m->id);
	json_w_i64(w, "company_id", m->company_id);
	json_w_i64(w, "instance_id", m->instance_id);
	json_w_str(w, "direction", slice_of(msg_direction_name(m->direction)));
	json_w_str(w, "status", slice_of(msg_status_name(m->status)));
	json_w_str(w, "type", slice_of(msg_kind_name(m->kind)));
	json_w_i64(w, "priority", m->priority);
	json_w_i64(w, "attempts", m->attempts);
	json_w_bool(w, "is_stalled", m->is_stalled);
	write_masked(w, "chat", m->chat);
	json_w_str(w, "reference", m->reference);
	write_masked(w, "external_id", m->external_id);
	json_w_str(w, "error_code", m->error_code);
	json_w_str(w, "error_message", m->error_message);
	json_w_str(w, "traceparent", m->traceparent);
	json_w_time(w, "scheduled_at", m->scheduled_at_us);
	json_w_time(w, "expires_at", m->expires_at_us);
}

static void
write_queue(struct json_w *w, const struct trace *t)
{
	const struct trace_queue *q = &t->queue;

	if (!t->is_queued) {
		json_w_null(w, "queue");
		return;
	}
	json_w_open(w, "queue", '{');
	json_w_str(w, "state", slice_of(trace_send_state(q->state)));
	json_w_i64(w, "attempt", q->attempt);
	json_w_i64(w, "tries", q->tries);
	json_w_str(w, "reason", q->reason);
	json_w_str(w, "send_ref", q->send_ref);
	json_w_time(w, "available_at", q->available_at_us);
	json_w_time(w, "lease_until", q->lease_until_us);
	json_w_time(w, "expires_at", q->expires_at_us);
	json_w_close(w, '}');
}

static void
write_delivery(struct json_w *w, const struct trace_delivery *d)
{
	json_w_open(w, NULL, '{');
	json_w_uuid(w, "event_id", d->event_id);
	json_w_i64(w, "endpoint_id", d->endpoint_id);
	json_w_str(w, "state", slice_of(trace_delivery_state(d->state)));
	json_w_i64(w, "attempts", d->attempts);
	json_w_i64(w, "last_status", d->last_status);
	json_w_str(w, "last_error", d->last_error);
	json_w_time(w, "available_at", d->available_at_us);
	json_w_time(w, "completed_at", d->completed_at_us);
	json_w_close(w, '}');
}

static void
write_entry(struct json_w *w, const struct trace_entry *e)
{
	static const char *const kinds[] = {
		[TRACE_ACCEPTED] = "stored",
		[TRACE_TRANSITION] = "transition",
		[TRACE_EVENT] = "event",
		[TRACE_POST] = "post",
		[TRACE_DEAD_LETTER] = "dead_letter",
	};

	json_w_open(w, NULL, '{');
	json_w_time(w, "at", e->at_us);
	json_w_str(w, "what", slice_of(kinds[e->what]));
	if (e->what == TRACE_TRANSITION) {
		json_w_str(w, "from",
			   e->from >= 0 ? slice_of(msg_status_name(e->from)) : SLICE_NONE);
		json_w_str(w, "to", slice_of(msg_status_name(e->to)));
		json_w_str(w, "by", e->who);
	}
	if (e->what == TRACE_EVENT)
		json_w_str(w, "type", slice_of(trace_event_name(e->type)));
	if (e->what == TRACE_EVENT || e->what == TRACE_POST)
		json_w_uuid(w, "event_id", e->id);
	if (e->what == TRACE_POST) {
		json_w_i64(w, "endpoint_id", e->endpoint_id);
		json_w_i64(w, "status", e->http_status);
		json_w_i64(w, "duration_ms", e->duration_ms);
	}
	if (e->what != TRACE_ACCEPTED && e->what != TRACE_EVENT) {
		json_w_i64(w, "attempt", e->attempt);
		json_w_str(w, "reason", e->reason);
	}
	json_w_close(w, '}');
}

void
message_write_json(struct buf *b, const struct trace *t)
{
	struct json_w w;

	json_w_init(&w, b);
	json_w_open(&w, NULL, '{');
	write_message(&w, &t->message);
	write_queue(&w, t);
	json_w_open(&w, "keys", '[');
	for (unsigned i = 0; i < t->key_count; i++)
		write_masked(&w, NULL, t->keys[i]);
	json_w_close(&w, ']');
	json_w_open(&w, "deliveries", '[');
	for (unsigned i = 0; i < t->delivery_count; i++)
		write_delivery(&w, &t->deliveries[i]);
	json_w_close(&w, ']');
	json_w_open(&w, "timeline", '[');
	for (unsigned i = 0; i < t->entry_count; i++)
		write_entry(&w, &t->entries[i]);
	json_w_close(&w, ']');
	json_w_close(&w, '}');
	buf_add_char(b, '\n');
}
