/* message_text.c - a traced message for people: what it is, where it stands, what happened. */
#include "base/buf.h"
#include "base/clock.h"
#include "message.h"
#include "model/message.h"
#include "model/trace.h"

/* "  label      value" unless the value is absent. */
static void
add_field(struct buf *b, const char *label, struct slice value)
{
	if (value.p == NULL)
		return;
	buf_add_printf(b, "  %-11s ", label);
	trace_add_masked(b, value);
	buf_add_char(b, '\n');
}

static void
add_time(struct buf *b, const char *label, int64_t at_us)
{
	char text[CLOCK_RFC3339_SIZE];

	if (at_us != 0)
		buf_add_printf(b, "  %-11s %s\n", label, clock_rfc3339(at_us, text));
}

static void
add_message(struct buf *b, const struct trace_message *m)
{
	char id[UUID_TEXT_SIZE];

	buf_add_printf(b, "message %s\n", uuid_text(m->id, id));
	buf_add_printf(b, "  %-11s %s%s\n", "status", msg_status_name(m->status),
		       m->is_stalled ? " (stalled)" : "");
	buf_add_printf(b, "  %-11s %s %s, priority %d, %d attempts\n", "kind",
		       msg_direction_name(m->direction), msg_kind_name(m->kind), m->priority,
		       m->attempts);
	buf_add_printf(b, "  %-11s company %d, instance %d\n", "owner", m->company_id,
		       m->instance_id);
	add_field(b, "chat", m->chat);
	add_field(b, "reference", m->reference);
	add_field(b, "external id", m->external_id);
	add_field(b, "error", m->error_code);
	add_field(b, "because", m->error_message);
	add_field(b, "trace", m->traceparent);
	add_time(b, "scheduled", m->scheduled_at_us);
	add_time(b, "expires", m->expires_at_us);
}

static void
add_queue(struct buf *b, const struct trace_queue *q)
{
	buf_add_printf(b, "queue\n  %-11s %s, attempt %d, %d tries\n", "state",
		       trace_send_state(q->state), q->attempt, q->tries);
	add_field(b, "reason", q->reason);
	add_field(b, "send ref", q->send_ref);
	add_time(b, "available", q->available_at_us);
	add_time(b, "lease until", q->lease_until_us);
	add_time(b, "expires", q->expires_at_us);
}

static void
add_delivery(struct buf *b, const struct trace_delivery *d)
{
	char id[UUID_TEXT_SIZE];
	char at[CLOCK_RFC3339_SIZE];

	buf_add_printf(b, "  endpoint %d, event %s: %s, %d attempts", d->endpoint_id,
		       uuid_text(d->event_id, id), trace_delivery_state(d->state), d->attempts);
	if (d->last_status != 0)
		buf_add_printf(b, ", last %d", d->last_status);
	if (d->last_error.p != NULL)
		buf_add_printf(b, ", %.*s", S_FMT(d->last_error));
	if (d->completed_at_us == 0)
		buf_add_printf(b, ", due %s", clock_rfc3339(d->available_at_us, at));
	buf_add_char(b, '\n');
}

static void
add_entry_words(struct buf *b, const struct trace_entry *e)
{
	char id[UUID_TEXT_SIZE];

	switch (e->what) {
	case TRACE_ACCEPTED:
		buf_add(b, S("stored"));
		break;
	case TRACE_TRANSITION:
		if (e->from >= 0)
			buf_add_printf(b, "%s -> ", msg_status_name(e->from));
		buf_add_printf(b, "%s, attempt %d", msg_status_name(e->to), e->attempt);
		break;
	case TRACE_EVENT:
		buf_add_printf(b, "event %s %s", trace_event_name(e->type), uuid_text(e->id, id));
		break;
	case TRACE_POST:
		buf_add_printf(b, "post to endpoint %d, attempt %d: ", e->endpoint_id, e->attempt);
		if (e->http_status != 0)
			buf_add_printf(b, "%d", e->http_status);
		else
			buf_add(b, S("no answer"));
		buf_add_printf(b, " after %d ms", e->duration_ms);
		break;
	case TRACE_DEAD_LETTER:
		buf_add_printf(b, "dead letter after %d attempts", e->attempt);
		break;
	}
}

static void
add_entry(struct buf *b, const struct trace_entry *e)
{
	char at[CLOCK_RFC3339_SIZE];

	buf_add_printf(b, "  %s  ", clock_rfc3339(e->at_us, at));
	add_entry_words(b, e);
	if (e->who.p != NULL)
		buf_add_printf(b, " by %.*s", S_FMT(e->who));
	if (e->reason.p != NULL)
		buf_add_printf(b, ": %.*s", S_FMT(e->reason));
	buf_add_char(b, '\n');
}

void
message_write_text(struct buf *b, const struct trace *t)
{
	add_message(b, &t->message);
	if (t->is_queued)
		add_queue(b, &t->queue);
	if (t->key_count > 0)
		buf_add(b, S("keys\n"));
	for (unsigned i = 0; i < t->key_count; i++) {
		buf_add(b, S("  "));
		trace_add_masked(b, t->keys[i]);
		buf_add_char(b, '\n');
	}
	if (t->delivery_count > 0)
		buf_add(b, S("deliveries\n"));
	for (unsigned i = 0; i < t->delivery_count; i++)
		add_delivery(b, &t->deliveries[i]);
	buf_add(b, S("timeline\n"));
	for (unsigned i = 0; i < t->entry_count; i++)
		add_entry(b, &t->entries[i]);
}
