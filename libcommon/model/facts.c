/* facts.c - the neutral JSON of an event; see facts.h. */
#include "model/facts.h"

#include "base/arena.h"
#include "http/json.h"

/* Every text may grow sixfold by escapes; twelve of them, their names and a QR code fit. */
#define FACTS_MAX (16 * 6 * FACTS_TEXT_MAX + 6 * FACTS_QR_MAX)

/* At most FACTS_TEXT_MAX bytes, never half a character. */
static struct slice
facts_cut(struct slice s)
{
	size_t n = FACTS_TEXT_MAX;

	if (s.n <= n)
		return s;
	while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return slice_sub(s, 0, n);
}

static void
facts_add(struct json_w *w, const char *name, struct slice s)
{
	if (s.p != NULL)
		json_w_str(w, name, facts_cut(s));
}

static struct slice
facts_end(struct json_w *w)
{
	json_w_close(w, '}');
	if (w->b->over)
		gh_panic("facts: longer than %d bytes", FACTS_MAX);
	return buf_slice(w->b);
}

struct slice
facts_message(struct arena *a, const struct facts_message *m)
{
	struct buf b;
	struct json_w w;

	buf_init(&b, a, FACTS_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_uuid(&w, "id", m->id);
	json_w_str(&w, "message_id", facts_cut(m->external_id));
	facts_add(&w, "reference", m->reference);
	facts_add(&w, "from", m->from);
	facts_add(&w, "to", m->to);
	json_w_str(&w, "status", slice_of(msg_status_name((int)m->status)));
	if (m->ack != FACTS_ACK_NONE)
		json_w_i64(&w, "ack", m->ack);
	facts_add(&w, "error_code", m->error_code);
	facts_add(&w, "error_message", m->error_message);
	facts_add(&w, "instance_name", m->instance_name);
	facts_add(&w, "session", m->session);
	if (m->attempt > 0)
		json_w_i64(&w, "attempt", m->attempt);
	return facts_end(&w);
}

struct slice
facts_instance(struct arena *a, const struct facts_instance *i)
{
	struct buf b;
	struct json_w w;

	buf_init(&b, a, FACTS_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	facts_add(&w, "status", i->status);
	facts_add(&w, "state", i->state);
	facts_add(&w, "reason", i->reason);
	facts_add(&w, "phone_number", i->phone_number);
	facts_add(&w, "instance_name", i->instance_name);
	facts_add(&w, "session", i->session);
	facts_add(&w, "paused_until", i->paused_until);
	if (i->qr.p != NULL && i->qr.n <= FACTS_QR_MAX)
		json_w_str(&w, "qr", i->qr); /* a part of it would be another code */
	return facts_end(&w);
}
