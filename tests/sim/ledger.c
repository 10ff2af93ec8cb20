/* ledger.c - what providers received, and whether it came once and in order.
 *
 * Two sends are the same message when they carry the same identity, or the same
 * "#N" at the end of their text in the same chat. A lower N after a higher one is
 * an order violation. Statistics count everything; texts are kept for the newest
 * LEDGER_KEEP messages only, one block of memory each.
 */
#include "sim.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/json.h"

struct session_stats {
	uint64_t requests, accepted, distinct, duplicates, order_violations;
	struct idset seen;
	struct map *last_n; /* chat -> struct chat_order */
};

struct chat_order {
	uint64_t n;
};

struct ledger {
	struct ledger_message **ring;
	uint64_t count;       /* messages ever; the newest is ring[(count - 1) % KEEP] */
	struct map *by_id;    /* "provider session id" -> message in the ring */
	struct map *sessions; /* "provider session" -> struct session_stats */
	struct buf key;
};

struct ledger *
ledger_new(void)
{
	struct ledger *l = gh_alloc(sizeof(*l));

	l->ring = gh_alloc_array(LEDGER_KEEP, sizeof(struct ledger_message *));
	l->by_id = map_new();
	l->sessions = map_new();
	buf_init(&l->key, NULL, 1024 * 1024);
	return l;
}

static void
stats_free(struct session_stats *s)
{
	struct slice key;
	void *value;
	size_t it = 0;

	while (map_next(s->last_n, &it, &key, &value))
		gh_free(value);
	map_free(s->last_n);
	idset_free(&s->seen);
	gh_free(s);
}

static void
clear(struct ledger *l)
{
	struct slice key;
	void *value;
	size_t it = 0;

	for (size_t i = 0; i < LEDGER_KEEP; i++)
		gh_free(l->ring[i]);
	while (map_next(l->sessions, &it, &key, &value))
		stats_free(value);
	map_free(l->by_id);
	map_free(l->sessions);
}

void
ledger_reset(struct ledger *l)
{
	clear(l);
	memset(l->ring, 0, LEDGER_KEEP * sizeof(struct ledger_message *));
	l->by_id = map_new();
	l->sessions = map_new();
	l->count = 0;
}

static struct slice
joined(struct ledger *l, struct slice a, char sep, struct slice b)
{
	buf_reset(&l->key);
	buf_add(&l->key, a);
	buf_add_char(&l->key, sep);
	buf_add(&l->key, b);
	return buf_slice(&l->key);
}

static struct slice
message_key(struct ledger *l, struct slice provider, struct slice session, struct slice id)
{
	(void)joined(l, provider, ' ', session);
	buf_add_char(&l->key, ' ');
	buf_add(&l->key, id);
	return buf_slice(&l->key);
}

static struct session_stats *
stats_of(struct ledger *l, struct slice provider, struct slice session)
{
	struct slice key = joined(l, provider, ' ', session);
	struct session_stats *s = map_get(l->sessions, key);

	if (s == NULL) {
		s = gh_alloc(sizeof(*s));
		s->last_n = map_new();
		map_put(l->sessions, key, s);
	}
	return s;
}

void
ledger_request(struct ledger *l, struct slice provider, struct slice session)
{
	stats_of(l, provider, session)->requests++;
}

/* ---- judging ---- */

/* "Order 881 #17" -> 17. */
static bool
number_of(struct slice text, uint64_t *n)
{
	size_t from = text.n;

	while (from > 0 && text.p[from - 1] >= '0' && text.p[from - 1] <= '9')
		from--;
	if (from == 0 || from == text.n || text.p[from - 1] != '#')
		return false;
	return parse_u64(slice_from(text, from), 0, UINT64_MAX, n) == GH_OK;
}

static void
judge_order(struct session_stats *s, struct slice chat, uint64_t n)
{
	struct chat_order *o = map_get(s->last_n, chat);

	if (o == NULL) {
		o = gh_alloc(sizeof(*o));
		map_put(s->last_n, chat, o);
	}
	if (n < o->n)
		s->order_violations++;
	else
		o->n = n;
}

static void
judge(struct ledger *l, struct session_stats *s, const struct ledger_send *send)
{
	bool is_new = true;
	uint64_t n;

	s->accepted++;
	if (send->identity.p != NULL)
		is_new = idset_add(&s->seen, map_hash(joined(l, S("id"), ' ', send->identity)));
	if (number_of(send->text, &n)) {
		char digits[24];
		struct buf b = {.p = digits, .size = sizeof(digits), .max = sizeof(digits)};

		buf_add_u64(&b, n);
		if (!idset_add(&s->seen, map_hash(joined(l, send->chat, '#', buf_slice(&b)))))
			is_new = false;
		if (is_new)
			judge_order(s, send->chat, n);
	}
	if (is_new)
		s->distinct++;
	else
		s->duplicates++;
}

/* ---- the messages ---- */

static struct slice
place(char **at, struct slice s)
{
	char *p = *at;

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return slice_make(p, s.n);
}

struct ledger_message *
ledger_accept(struct ledger *l, const struct ledger_send *send)
{
	struct ledger_message *m =
		gh_alloc(sizeof(*m) + send->provider.n + send->session.n + send->id.n +
			 send->chat.n + send->text.n + send->kind.n + send->detail.n);
	struct ledger_message **slot = &l->ring[l->count % LEDGER_KEEP];
	char *at = (char *)(m + 1);
	struct slice key;

	judge(l, stats_of(l, send->provider, send->session), send);
	m->n = ++l->count;
	m->at_us = clock_wall_us();
	m->provider = place(&at, send->provider);
	m->session = place(&at, send->session);
	m->id = place(&at, send->id);
	m->chat = place(&at, send->chat);
	m->text = place(&at, send->text);
	m->kind = place(&at, send->kind);
	m->detail = place(&at, send->detail);
	if (*slot != NULL) {
		key = message_key(l, (*slot)->provider, (*slot)->session, (*slot)->id);
		/* A duplicate took over the id: it stays findable. */
		if (map_get(l->by_id, key) == *slot)
			map_del(l->by_id, key);
		gh_free(*slot);
	}
	*slot = m;
	map_put(l->by_id, message_key(l, send->provider, send->session, send->id), m);
	return m;
}

struct ledger_message *
ledger_find(struct ledger *l, struct slice provider, struct slice session, struct slice id)
{
	return map_get(l->by_id, message_key(l, provider, session, id));
}

bool
ledger_has_chat(const struct ledger *l, struct slice provider, struct slice session,
		struct slice chat)
{
	uint64_t first = l->count > LEDGER_KEEP ? l->count - LEDGER_KEEP : 0;

	for (uint64_t i = first; i < l->count; i++) {
		const struct ledger_message *m = l->ring[i % LEDGER_KEEP];

		if (slice_eq(chat, m->chat) && slice_eq(session, m->session) &&
		    slice_eq(provider, m->provider))
			return true;
	}
	return false;
}

/* ---- answers ---- */

void
ledger_write_stats(const struct ledger *l, struct slice provider, struct json_w *w)
{
	struct slice key, name;
	void *value;
	size_t it = 0;

	while (map_next(l->sessions, &it, &key, &value)) {
		const struct session_stats *s = value;
		char text[128];

		if (!slice_eq(slice_cut(key, ' ', &name), provider) ||
		    slice_to_cstr(name, text, sizeof(text)) != GH_OK)
			continue;
		json_w_open(w, text, '{');
		json_w_i64(w, "requests", (int64_t)s->requests);
		json_w_i64(w, "accepted", (int64_t)s->accepted);
		json_w_i64(w, "distinct", (int64_t)s->distinct);
		json_w_i64(w, "duplicates", (int64_t)s->duplicates);
		json_w_i64(w, "order_violations", (int64_t)s->order_violations);
		json_w_close(w, '}');
	}
}

void
ledger_write_messages(const struct ledger *l, struct slice provider, struct slice session,
		      uint64_t since, struct json_w *w)
{
	uint64_t first = l->count > LEDGER_KEEP ? l->count - LEDGER_KEEP : 0;

	for (uint64_t i = since > first ? since : first; i < l->count; i++) {
		const struct ledger_message *m = l->ring[i % LEDGER_KEEP];

		if ((provider.p != NULL && !slice_eq(provider, m->provider)) ||
		    (session.p != NULL && !slice_eq(session, m->session)))
			continue;
		if (w->b->n > SIM_LIST_MAX)
			return;
		json_w_open(w, NULL, '{');
		json_w_i64(w, "n", (int64_t)m->n);
		json_w_str(w, "id", m->id);
		json_w_str(w, "chat", m->chat);
		json_w_str(w, "text", m->text);
		json_w_str(w, "kind", m->kind);
		if (m->detail.n > 0)
			json_w_raw(w, "detail", m->detail);
		json_w_i64(w, "at_ms", m->at_us / CLOCK_MS);
		json_w_i64(w, "at_us", m->at_us);
		json_w_close(w, '}');
	}
}
