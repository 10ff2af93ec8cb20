#include "plan.h"

#include <limits.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "codes.h"
#include "inbound_facts.h"
#include "metrics/metrics.h"
#include "model/facts.h"
#include "people.h"
#include "provider/provider.h"
#include "told.h"

/* How long a fact waits for the message it speaks of: 1, 2, 4, 8, 15 s. */
#define PLAN_WAIT_TRIES  5
#define PLAN_WAIT_MAX_US (15 * CLOCK_SEC)
/* How long on-qrcode waits for the code to scan, which lives 20 s: 1, 2, 4 s. */
#define PLAN_CODE_TRIES 3

#define PLAN_FACTS_PER_BODY_MAX 1024
/* Each is a statement of the unit, which holds DB_UNIT_STMTS_MAX (32) and a few others. */
#define PLAN_SESSIONS_MAX 16

/* A body and what its provider made of it. */
struct reading {
	const struct inbound_body *body;
	struct provider_event event;
	struct inbound_settled settled;
	bool is_aside; /* another session of the instance tells it (model/instance_move.h) */
};

struct plan {
	struct arena *a;
	struct slice worker;
	struct metrics_table *table;
	struct codes *codes;
	struct reading *readings;
	unsigned reading_count;
	struct inbound_key *keys;
	unsigned key_count;
	struct people *people;
	const struct inbound_match **matches; /* sorted by key */
	unsigned match_count;
	struct inbound_status *statuses;
	unsigned status_count;
	struct inbound_message *messages;
	unsigned message_count;
	struct inbound_echo *echoes;
	unsigned echo_count;
	struct inbound_session *sessions;
	unsigned session_count;
	struct inbound_change *changes;
	unsigned change_count;
	struct inbound_event *events;
	unsigned event_count;
	struct inbound_orphan *orphans;
	unsigned orphan_count;
	struct send_result *resolved; /* sends in doubt that a receipt proves sent or failed */
	unsigned resolved_count;
	struct told *told;
};

static const char *const body_results[] = {"applied", "waiting", "unreadable", "foreign"};
static const char *const fact_kinds[] = {"other",    "message", "status",  "session",
					 "reaction", "edited",  "revoked", "group",
					 "presence", "call",    "poll"};

const struct metric_def plan_metrics[PLAN_METRIC_COUNT] = {
	[PLAN_BODIES] = {.name = "inbound_bodies_total",
			 .type = METRIC_COUNTER,
			 .help = "Provider webhook bodies looked at, by what became of them.",
			 .labels = {{"result", body_results, GH_COUNT(body_results)}}},
	[PLAN_FACTS] = {.name = "inbound_facts_total",
			.type = METRIC_COUNTER,
			.help = "Statements read from provider webhooks, by kind.",
			.labels = {{"kind", fact_kinds, GH_COUNT(fact_kinds)}}},
};

/* ---- reading ---- */

static void
reading_refuse(struct reading *r, enum inbound_verdict verdict, struct arena *a, const char *why)
{
	r->settled.verdict = verdict;
	r->settled.error = arena_dup(a, slice_of(why));
	r->event.fact_count = 0;
	log_warn("inbound.refused", LOG_INT("instance", r->body->instance_id), LOG_STR("err", why));
}

/* A fact without a time of its own happened when the provider told it, or when we heard. */
static void
reading_date(struct reading *r)
{
	int64_t told_us = r->event.at_us > 0 ? r->event.at_us : uuid7_time_us(r->body->id);

	for (size_t i = 0; i < r->event.fact_count; i++)
		if (r->event.fact[i].at_us <= 0)
			r->event.fact[i].at_us = told_us;
}

static unsigned
reading_session_count(const struct reading *r)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->event.fact_count; i++)
		count += r->event.fact[i].kind == PROVIDER_FACT_SESSION;
	return count;
}

static void
reading_parse(struct reading *r, struct arena *a)
{
	const struct provider *provider = provider_find(r->body->provider_type);
	struct gh_err err = {0};

	if (provider == NULL) {
		reading_refuse(r, INBOUND_BAD, a, "no translator for this provider type");
	} else if (provider_parse_event(provider, r->body->body, a, &r->event, &err) != GH_OK) {
		reading_refuse(r, INBOUND_BAD, a, err.text);
	} else if (r->body->is_elsewhere ||
		   (r->event.session.p != NULL && r->body->other_session.p != NULL &&
		    slice_eq(r->event.session, r->body->other_session))) {
		r->is_aside = true;
	} else if (r->event.session.p != NULL && !slice_eq(r->event.session, r->body->session)) {
		reading_refuse(r, INBOUND_NOT_OURS, a, "names another session");
	} else if (r->event.fact_count > PLAN_FACTS_PER_BODY_MAX ||
		   reading_session_count(r) > PLAN_SESSIONS_MAX) {
		reading_refuse(r, INBOUND_BAD, a, "too many elements");
	}
	reading_date(r);
}

/* The provider's id of the message that a fact is or speaks of. */
static struct slice
fact_message(const struct provider_fact *f)
{
	switch (f->kind) {
	case PROVIDER_FACT_MESSAGE:
	case PROVIDER_FACT_STATUS:
		return f->external_id;
	case PROVIDER_FACT_REACTION:
	case PROVIDER_FACT_EDITED:
	case PROVIDER_FACT_REVOKED:
	case PROVIDER_FACT_POLL:
		return f->target_id;
	case PROVIDER_FACT_OTHER:
	case PROVIDER_FACT_SESSION:
	case PROVIDER_FACT_GROUP:
	case PROVIDER_FACT_PRESENCE:
	case PROVIDER_FACT_CALL:
		break;
	}
	return SLICE_NONE;
}

static void
plan_want_key(struct plan *p, const struct reading *r, struct slice external_id)
{
	if (external_id.p == NULL)
		return;
	p->keys[p->key_count].instance_id = r->body->instance_id;
	p->keys[p->key_count++].external_id = external_id;
}

static void
plan_collect_keys(struct plan *p, unsigned fact_count)
{
	p->keys = arena_alloc_array(p->a, 2 * (size_t)fact_count, sizeof(*p->keys));
	for (unsigned i = 0; i < p->reading_count; i++) {
		const struct reading *r = &p->readings[i];

		for (size_t k = 0; k < r->event.fact_count; k++) {
			const struct provider_fact *f = &r->event.fact[k];

			people_note(p->people, r->body, f);
			plan_want_key(p, r, fact_message(f));
			if (f->kind == PROVIDER_FACT_MESSAGE)
				plan_want_key(p, r, f->send_ref);
		}
	}
}

struct plan *
plan_new(struct arena *a, const struct inbound_body *bodies, unsigned count, struct slice worker,
	 struct codes *codes, struct metrics_table *table)
{
	struct plan *p = arena_alloc(a, sizeof(*p));
	unsigned fact_count = 0, session_count = 0;

	p->a = a;
	p->worker = worker;
	p->table = table;
	p->codes = codes;
	p->readings = arena_alloc_array(a, count, sizeof(*p->readings));
	for (unsigned i = 0; i < count; i++) {
		struct reading *r = &p->readings[i];

		r->body = &bodies[i];
		r->settled.body_id = bodies[i].id;
		reading_parse(r, a);
		session_count += reading_session_count(r);
		if (session_count > PLAN_SESSIONS_MAX)
			break;
		fact_count += (unsigned)r->event.fact_count;
		p->reading_count++;
	}
	p->people = people_new(a, fact_count);
	plan_collect_keys(p, fact_count);
	p->statuses = arena_alloc_array(a, fact_count, sizeof(*p->statuses));
	p->messages = arena_alloc_array(a, fact_count, sizeof(*p->messages));
	p->echoes = arena_alloc_array(a, fact_count, sizeof(*p->echoes));
	p->sessions = arena_alloc_array(a, fact_count, sizeof(*p->sessions));
	p->changes = arena_alloc_array(a, fact_count, sizeof(*p->changes));
	p->events = arena_alloc_array(a, fact_count, sizeof(*p->events));
	p->orphans = arena_alloc_array(a, fact_count, sizeof(*p->orphans));
	p->resolved = arena_alloc_array(a, fact_count, sizeof(*p->resolved));
	p->told = told_new(a, fact_count);
	return p;
}

unsigned
plan_keys(const struct plan *p, const struct inbound_key **keys)
{
	*keys = p->keys;
	return p->key_count;
}

struct people *
plan_people(const struct plan *p)
{
	return p->people;
}

/* ---- deciding ---- */

static int
key_compare(const struct inbound_key *a, const struct inbound_key *b)
{
	if (a->instance_id != b->instance_id)
		return a->instance_id < b->instance_id ? -1 : 1;
	return slice_cmp(a->external_id, b->external_id);
}

static int
match_compare(const void *a, const void *b)
{
	const struct inbound_match *const *x = a, *const *y = b;

	return key_compare(&(*x)->key, &(*y)->key);
}

static void
plan_sort_matches(struct plan *p, const struct inbound_match *matches, unsigned count)
{
	p->matches = arena_alloc_array(p->a, count, sizeof(*p->matches));
	p->match_count = count;
	for (unsigned i = 0; i < count; i++)
		p->matches[i] = &matches[i];
	qsort(p->matches, count, sizeof(*p->matches), match_compare);
}

static const struct inbound_match *
plan_find(const struct plan *p, int32_t instance_id, struct slice external_id)
{
	const struct inbound_match wanted = {.key = {instance_id, external_id}};
	const struct inbound_match *key = &wanted;
	const struct inbound_match *const *found =
		bsearch(&key, p->matches, p->match_count, sizeof(*p->matches), match_compare);

	return found == NULL ? NULL : *found;
}

static struct slice
reading_own_number(const struct reading *r)
{
	return r->event.own_number.p != NULL ? r->event.own_number : r->body->phone;
}

/* An event of this fact; gives its id. */
static struct uuid
plan_tell(struct plan *p, const struct reading *r, struct uuid message_id, enum event_type type,
	  int64_t at_us, struct slice facts)
{
	return told_add(p->told, r->body,
			(struct delivery_claim){.message_id = message_id,
						.type = type,
						.occurred_at_us = at_us,
						.facts = facts});
}

static struct slice
plan_status_facts(const struct plan *p, const struct reading *r, const struct provider_fact *f,
		  const struct inbound_match *m, enum msg_status status)
{
	struct facts_message facts = {
		.id = m->message_id,
		.external_id = f->external_id,
		.reference = m->reference,
		.from = reading_own_number(r),
		.to = m->chat_key,
		.status = status,
		.ack = f->ack == INT_MIN ? FACTS_ACK_NONE : f->ack,
		.instance_name = r->body->instance_name,
		.session = r->body->session,
	};

	return facts_message(p->a, &facts);
}

/* A send whose answer we never had: the receipt (or our echo) carries its send_ref. */
static void
plan_resolve_doubt(struct plan *p, const struct reading *r, const struct provider_fact *f,
		   const struct inbound_match *m, const char *proof)
{
	bool is_failed = f->has_status && f->status == MSG_FAILED;
	struct send_result *s;

	for (unsigned i = 0; i < p->resolved_count; i++)
		if (uuid_eq(p->resolved[i].id, m->message_id))
			return; /* the echo and a receipt in one run: the first is enough */
	s = &p->resolved[p->resolved_count++];
	s->id = m->message_id;
	s->instance_id = r->body->instance_id;
	s->attempt = m->attempt;
	s->outcome = is_failed ? SEND_DONE_FAILED : SEND_DONE_SENT;
	s->code = slice_of(is_failed ? "provider_reported" : proof);
	s->external_id = f->external_id;
	s->at_us = f->at_us;
	s->event_id = uuid7_new();
	s->event_type = is_failed ? EVENT_MESSAGE_FAILED : EVENT_MESSAGE_SENT;
	s->facts = plan_status_facts(p, r, f, m, is_failed ? MSG_FAILED : MSG_SENT);
}

static void
plan_add_status(struct plan *p, const struct reading *r, const struct provider_fact *f,
		const struct inbound_match *m)
{
	struct inbound_status *s = &p->statuses[p->status_count++];

	s->body_id = r->body->id;
	s->message_id = m->message_id;
	s->status = f->status;
	s->at_us = f->at_us;
	s->event_type = event_of_status(f->status);
	s->facts = plan_status_facts(p, r, f, m, f->status);
	s->event_id = plan_tell(p, r, m->message_id, s->event_type, f->at_us, s->facts);
}

/* What the body speaks of may be on its way into the tables: look again later, a few times. */
static bool
reading_wait(struct reading *r)
{
	int64_t delay_us;

	if (r->body->tries >= PLAN_WAIT_TRIES)
		return false;
	delay_us = CLOCK_SEC << r->body->tries;
	r->settled.verdict = INBOUND_LATER;
	r->settled.delay_us = delay_us < PLAN_WAIT_MAX_US ? delay_us : PLAN_WAIT_MAX_US;
	return true;
}

/* A receipt of hundreds of messages of another client of the number is one row, not hundreds. */
static bool
plan_is_kept(const struct plan *p, const struct reading *r, const struct provider_fact *f)
{
	const struct inbound_orphan *last = &p->orphans[p->orphan_count];

	if (f->kind != PROVIDER_FACT_STATUS || p->orphan_count == 0)
		return false;
	last--;
	return last->has_status && uuid_eq(last->body_id, r->body->id);
}

/* Wait, then keep the fact. True while it waits. */
static bool
plan_await_message(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	if (reading_wait(r))
		return true;
	if (plan_is_kept(p, r, f))
		return false;
	p->orphans[p->orphan_count++] = (struct inbound_orphan){
		.body_id = r->body->id,
		.external_id = fact_message(f),
		.has_status = f->kind == PROVIDER_FACT_STATUS,
		.status = f->status,
		.at_us = f->at_us,
	};
	return false;
}

static void
plan_status(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	const struct inbound_match *m = plan_find(p, r->body->instance_id, f->external_id);

	if (!f->has_status || !f->is_from_me)
		return; /* an incoming message was read on another of our devices */
	if (m == NULL) {
		(void)plan_await_message(p, r, f); /* what nobody knows makes no event */
		return;
	}
	/* The others of a batch that waits for one of its messages were applied by the first look.
	 */
	if (m->direction != MSG_OUT || (!m->is_in_doubt && (m->receipts & 1u << f->status) != 0))
		return;
	if (m->is_in_doubt)
		plan_resolve_doubt(p, r, f, m, "receipt");
	plan_add_status(p, r, f, m);
}

/*
 * Where the provider chooses the id, the answer that tells it is behind its echo, or lost: the
 * reference that both carry was a key of the message before the call. The echo says as much as
 * the answer, and that it comes first decides (model/send_queue.h). A resend that was one too many
 * has an echo of its own: its id means the same message.
 */
static bool
plan_echo(struct plan *p, const struct reading *r, const struct provider_fact *f)
{
	const struct inbound_match *m =
		f->send_ref.p == NULL ? NULL : plan_find(p, r->body->instance_id, f->send_ref);
	struct provider_fact told = *f;

	if (m == NULL || m->direction != MSG_OUT)
		return false;
	p->echoes[p->echo_count++] = (struct inbound_echo){
		.body_id = r->body->id,
		.message_id = m->message_id,
		.external_id = f->external_id,
		.send_ref = f->send_ref,
	};
	if (!told.has_status) {
		told.has_status = true;
		told.status = MSG_SENT;
	}
	if (m->is_in_doubt)
		plan_resolve_doubt(p, r, &told, m, "echo");
	plan_add_status(p, r, &told, m);
	return true;
}

static void
plan_message(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	const struct inbound_match *m = plan_find(p, r->body->instance_id, f->external_id);
	struct inbound_message *row;

	if (f->external_id.p == NULL)
		return;
	if (m != NULL) {
		if (m->is_in_doubt && f->is_from_me)
			plan_resolve_doubt(p, r, f, m, "echo");
		return; /* our echo, or the second webhook of one message */
	}
	if (plan_echo(p, r, f))
		return;
	/*
	 * A send that cannot carry our reference is known by the id in its answer. The echo
	 * overtakes that answer; taken for somebody else's message it would be a second row, and
	 * the receipts would be that row's. integration/test_provider_sends.py
	 */
	if (f->is_from_me && f->is_from_api && f->send_ref.p == NULL && reading_wait(r))
		return;
	row = &p->messages[p->message_count++];
	row->body_id = r->body->id;
	row->id = uuid7_new();
	row->external_id = f->external_id;
	row->direction = f->is_from_me ? MSG_OUT : MSG_IN;
	row->status = f->is_from_me ? MSG_SENT : MSG_RECEIVED;
	row->origin = f->is_from_me ? MSG_FROM_PHONE : MSG_FROM_CONTACT;
	row->kind = f->message_kind;
	row->chat_key = f->chat.p != NULL ? inbound_known_as(p->a, f, f->chat) : S("unknown");
	row->from = inbound_known_as(p->a, f, f->from);
	row->to = inbound_known_as(p->a, f, f->to);
	row->content = f->text;
	row->payload = f->raw;
	row->reply_to = f->quoted_id;
	row->at_us = f->at_us;
	row->facts = inbound_facts(p->a, row->id, r->body, f, reading_own_number(r));
	row->event_id = plan_tell(p, r, row->id, EVENT_MESSAGE_RECEIVED, f->at_us, row->facts);
}

static void
plan_event(struct plan *p, const struct reading *r, const struct provider_fact *f,
	   const struct inbound_match *m, enum event_type type)
{
	struct inbound_event *e = &p->events[p->event_count++];

	e->body_id = r->body->id;
	if (m != NULL)
		e->message_id = m->message_id;
	e->type = type;
	e->at_us = f->at_us;
	e->facts = inbound_facts(p->a, e->message_id, r->body, f, reading_own_number(r));
	e->id = plan_tell(p, r, e->message_id, type, f->at_us, e->facts);
}

static void
plan_change(struct plan *p, const struct reading *r, const struct provider_fact *f,
	    const struct inbound_match *m, enum event_type type)
{
	struct inbound_change *c = &p->changes[p->change_count++];

	c->body_id = r->body->id;
	c->message_id = m->message_id;
	c->at_us = f->at_us;
	c->content = f->text;
	c->event_type = type;
	c->facts = inbound_facts(p->a, m->message_id, r->body, f, reading_own_number(r));
	c->event_id = plan_tell(p, r, m->message_id, type, f->at_us, c->facts);
}

/* Speaks of a message. One that never comes is older than we are: the company may know it by
 * the provider's id, so the event goes without ours. */
static void
plan_about(struct plan *p, struct reading *r, const struct provider_fact *f, enum event_type type)
{
	const struct inbound_match *m = NULL;

	if (f->target_id.p != NULL) {
		m = plan_find(p, r->body->instance_id, f->target_id);
		if (m == NULL && plan_await_message(p, r, f))
			return;
	}
	if (m != NULL && (type == EVENT_MESSAGE_EDITED || type == EVENT_MESSAGE_DELETED))
		plan_change(p, r, f, m, type);
	else
		plan_event(p, r, f, m, type);
}

static void
plan_reaction(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	plan_about(p, r, f, EVENT_MESSAGE_REACTION);
}

static void
plan_edited(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	plan_about(p, r, f, EVENT_MESSAGE_EDITED);
}

static void
plan_revoked(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	plan_about(p, r, f, EVENT_MESSAGE_DELETED);
}

static void
plan_poll(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	plan_about(p, r, f, EVENT_POLL_VOTED);
}

/* A person who joins or leaves is an update of the group, whose word says which. */
static void
plan_group(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	enum event_type type = EVENT_GROUP_UPDATED;

	if (f->is_self && slice_eq(f->word, S("join")))
		type = EVENT_GROUP_JOINED;
	else if (f->is_self && slice_eq(f->word, S("leave")))
		type = EVENT_GROUP_LEFT;
	plan_event(p, r, f, NULL, type);
}

static void
plan_presence(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	plan_event(p, r, f, NULL, EVENT_PRESENCE_UPDATED);
}

static void
plan_call(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	plan_event(p, r, f, NULL, EVENT_CALL_RECEIVED);
}

/* Our word for the instance and the events on a change; NULL word: says nothing of it. A QR
 * code makes its event by itself (plan_code). */
static const struct {
	const char *status;
	enum event_type events[INBOUND_SESSION_EVENTS];
} session_words[] = {
	[PROVIDER_SESSION_UNKNOWN] = {NULL, {EVENT_NONE}},
	[PROVIDER_SESSION_CONNECTED] = {"connected", {EVENT_INSTANCE_CONNECTED}},
	[PROVIDER_SESSION_CONNECTING] = {"connecting", {EVENT_NONE}},
	[PROVIDER_SESSION_QR] = {"qr", {EVENT_NONE}},
	[PROVIDER_SESSION_DISCONNECTED] = {"disconnected", {EVENT_INSTANCE_DISCONNECTED}},
	[PROVIDER_SESSION_FAILED] = {"failed", {EVENT_INSTANCE_DISCONNECTED, EVENT_INSTANCE_ERROR}},
};

static struct slice
plan_session_facts(const struct plan *p, const struct reading *r, const struct provider_fact *f,
		   struct slice qr)
{
	struct facts_instance facts = {
		.status = slice_of(session_words[f->session].status),
		.state = f->word,
		.reason = f->text,
		.phone_number = reading_own_number(r),
		.instance_name = r->body->instance_name,
		.session = r->body->session,
		.qr = qr,
	};

	return facts_instance(p->a, &facts);
}

/*
 * The provider says that a person must scan, not what: the code is asked for, so the event
 * waits a moment for it, and goes without it if it does not come. A code that is no longer
 * wanted makes no event.
 */
static void
plan_code(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	struct slice code = SLICE_NONE;
	struct inbound_event *e;
	bool is_known;

	if (r->body->tries > 0 && !slice_eq(r->body->status, S("qr")))
		return;
	is_known = codes_take(p->codes, r->body->id, p->a, &code);
	if (!is_known && r->body->tries < PLAN_CODE_TRIES) {
		codes_want(p->codes, r->body->instance_id, r->body->id);
		r->settled.verdict = INBOUND_LATER;
		r->settled.delay_us = CLOCK_SEC << r->body->tries;
		return;
	}
	e = &p->events[p->event_count++];
	e->body_id = r->body->id;
	e->type = EVENT_INSTANCE_QR;
	e->at_us = f->at_us;
	e->facts = plan_session_facts(p, r, f, code);
	e->id = plan_tell(p, r, e->message_id, e->type, f->at_us, e->facts);
}

static void
plan_session(struct plan *p, struct reading *r, const struct provider_fact *f)
{
	struct inbound_session *s;

	if (session_words[f->session].status == NULL)
		return;
	if (f->session == PROVIDER_SESSION_QR)
		plan_code(p, r, f);
	if (r->body->tries > 0)
		return; /* the first look took the state over */
	s = &p->sessions[p->session_count++];
	s->body_id = r->body->id;
	s->status = slice_of(session_words[f->session].status);
	s->reason = f->text.n > 0 ? f->text : f->word;
	s->is_unpaired = f->is_unpaired;
	s->at_us = f->at_us;
	s->phone = r->event.own_number;
	s->own_lid = r->event.own_lid;
	for (size_t i = 0; i < INBOUND_SESSION_EVENTS; i++) {
		s->events[i].type = session_words[f->session].events[i];
		if (s->events[i].type != EVENT_NONE)
			s->events[i].id = uuid7_new();
	}
	s->facts = plan_session_facts(p, r, f, SLICE_NONE);
}

typedef void plan_fact_fn(struct plan *p, struct reading *r, const struct provider_fact *f);

/* A kind without a function is counted and stays in inbound_events. */
static plan_fact_fn *const plan_fact_fns[] = {
	[PROVIDER_FACT_OTHER] = NULL,
	[PROVIDER_FACT_MESSAGE] = plan_message,
	[PROVIDER_FACT_STATUS] = plan_status,
	[PROVIDER_FACT_SESSION] = plan_session,
	[PROVIDER_FACT_REACTION] = plan_reaction,
	[PROVIDER_FACT_EDITED] = plan_edited,
	[PROVIDER_FACT_REVOKED] = plan_revoked,
	[PROVIDER_FACT_GROUP] = plan_group,
	[PROVIDER_FACT_PRESENCE] = plan_presence,
	[PROVIDER_FACT_CALL] = plan_call,
	[PROVIDER_FACT_POLL] = plan_poll,
};

/*
 * Of the session that an instance moves to, or came from: both tell of the same account. What is
 * known by a message's id is the same twice; the rest is the instance's own session's to tell, and
 * so is its state. A message of ours that is not known yet may be one whose answer is on its way to
 * senderd. integration/test_instance_move.py
 */
static bool
is_said_aside(const struct plan *p, const struct reading *r, const struct provider_fact *f)
{
	switch (f->kind) {
	case PROVIDER_FACT_MESSAGE:
		return !f->is_from_me || f->send_ref.p != NULL ||
		       plan_find(p, r->body->instance_id, f->external_id) != NULL;
	case PROVIDER_FACT_STATUS:
		return true;
	case PROVIDER_FACT_EDITED:
	case PROVIDER_FACT_REVOKED:
		return plan_find(p, r->body->instance_id, f->target_id) != NULL;
	default:
		return false;
	}
}

static unsigned
verdict_label(enum inbound_verdict verdict)
{
	static const unsigned labels[] = {
		[INBOUND_DONE] = 0, [INBOUND_LATER] = 1, [INBOUND_BAD] = 2, [INBOUND_NOT_OURS] = 3};

	return labels[verdict];
}

void
plan_resolve(struct plan *p, const struct inbound_match *matches, unsigned count)
{
	plan_sort_matches(p, matches, count);
	for (unsigned i = 0; i < p->reading_count; i++) {
		struct reading *r = &p->readings[i];

		for (size_t k = 0; k < r->event.fact_count; k++) {
			struct provider_fact *f = &r->event.fact[k];
			plan_fact_fn *fn = plan_fact_fns[f->kind];

			people_fold(p->people, r->body, reading_own_number(r), f);
			metrics_add(p->table, PLAN_FACTS, (unsigned)f->kind, 0, 1);
			if (fn != NULL && (!r->is_aside || is_said_aside(p, r, f)))
				fn(p, r, f);
		}
		metrics_add(p->table, PLAN_BODIES, verdict_label(r->settled.verdict), 0, 1);
	}
}

/* ---- applying ---- */

static void
plan_add_resolved(const struct plan *p, struct db_unit *u)
{
	const struct send_result **list =
		arena_alloc_array(p->a, p->resolved_count, sizeof(const struct send_result *));

	for (unsigned i = 0; i < p->resolved_count; i++)
		list[i] = &p->resolved[i];
	send_finish_add(u, list, p->resolved_count, p->worker);
}

static void
plan_add_settled(const struct plan *p, struct db_unit *u)
{
	struct inbound_settled *rows = arena_alloc_array(p->a, p->reading_count, sizeof(*rows));

	for (unsigned i = 0; i < p->reading_count; i++)
		rows[i] = p->readings[i].settled;
	inbound_settle_add(u, rows, p->reading_count);
}

struct told *
plan_told(struct plan *p)
{
	return p->told;
}

void
plan_add(struct plan *p, struct db_unit *u, const struct delivery_take *take)
{
	people_add(p->people, u);
	if (p->message_count > 0) {
		inbound_message_add(u, p->messages, p->message_count, take);
		told_note(p->told, u);
	}
	if (p->echo_count > 0)
		inbound_echo_add(u, p->echoes, p->echo_count);
	if (p->resolved_count > 0)
		plan_add_resolved(p, u);
	if (p->status_count > 0) {
		inbound_status_add(u, p->statuses, p->status_count, p->worker, take);
		told_note(p->told, u);
	}
	for (unsigned i = 0; i < p->session_count; i++)
		inbound_session_add(u, &p->sessions[i]);
	if (p->change_count > 0) {
		inbound_change_add(u, p->changes, p->change_count, take);
		told_note(p->told, u);
	}
	if (p->event_count > 0) {
		inbound_event_add(u, p->events, p->event_count, take);
		told_note(p->told, u);
	}
	if (p->orphan_count > 0)
		inbound_orphan_add(u, p->orphans, p->orphan_count);
	plan_add_settled(p, u);
}
