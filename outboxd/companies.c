/* companies.c - whose queues are declared at the broker.
 *
 * Declared before the first publish for a company on each connection (a broker
 * that lost its data comes back without queues), recorded in queue_metadata, and
 * the consumers are told. One company is declared once however many envelopes wait.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "model/queue_row.h"
#include "model/wake.h"
#include "mq/topology.h"
#include "outboxd.h"

#define COMPANIES_RETRY_US (500 * CLOCK_MS)

enum company_state {
	COMPANY_WANTED, /* waits for the channel, or for the retry timer */
	COMPANY_DECLARING,
	COMPANY_RECORDING, /* declared; its row in queue_metadata is on its way */
	COMPANY_DECLARED
};

struct company {
	struct companies *all;
	int32_t id;
	enum company_state state;
};

struct companies {
	struct outboxd *o;
	struct mq_channel *channel;
	struct map *by_id;
	bool has_exchanges; /* on this channel opening */
	struct loop_timer *retry;
};

static void companies_declare_wanted(struct companies *c);

static void
company_recorded(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct company *k = arg;
	struct outboxd *o = k->all->o;

	if (code != GH_OK) {
		log_warn("outbox.record_failed", LOG_INT("company", k->id),
			 LOG_STR("err", db_unit_error(u)->text));
		k->state = COMPANY_WANTED;
		loop_timer_set(k->all->retry, COMPANIES_RETRY_US);
		return;
	}
	if (k->state == COMPANY_RECORDING)
		k->state = COMPANY_DECLARED;
	metrics_add(o->metrics, OUTBOXD_DECLARED, 0, 0, 1);
	wake_send(o->queues_wake);
	for (unsigned i = 0; i < RELAY_CLAIMS; i++)
		claim_drain(o->claims[i]);
}

static void
company_record(struct company *k)
{
	struct db_unit *u = db_unit_new();

	k->state = COMPANY_RECORDING;
	queue_row_record_add(u, &k->id, 1);
	if (db_submit(k->all->o->db, u, company_recorded, k) != GH_OK) {
		k->state = COMPANY_WANTED;
		loop_timer_set(k->all->retry, COMPANIES_RETRY_US);
	}
}

static void
company_declared(void *arg, enum gh_code code, struct slice text)
{
	struct company *k = arg;

	if (k->state != COMPANY_DECLARING)
		return; /* the channel closed meanwhile: wanted again */
	if (code == GH_OK) {
		company_record(k);
		return;
	}
	log_error("outbox.declare_failed", LOG_INT("company", k->id), LOG_SLICE("err", text));
	k->state = COMPANY_WANTED;
	loop_timer_set(k->all->retry, COMPANIES_RETRY_US);
}

static void
company_declare(struct company *k)
{
	bool is_quorum = k->all->o->conf->common.mq_queue_type == PARAMS_QUEUE_QUORUM;
	enum gh_code rc =
		mq_topology_declare_company(k->all->channel, k->id, is_quorum, company_declared, k);

	if (rc == GH_OK)
		k->state = COMPANY_DECLARING;
	else
		loop_timer_set(k->all->retry, COMPANIES_RETRY_US);
}

static void
companies_declare_wanted(struct companies *c)
{
	struct slice key;
	void *value;

	if (!c->has_exchanges)
		return;
	for (size_t it = 0; map_next(c->by_id, &it, &key, &value);) {
		struct company *k = value;

		if (k->state == COMPANY_WANTED)
			company_declare(k);
	}
}

static void
companies_exchanges_declared(void *arg, enum gh_code code, struct slice text)
{
	struct companies *c = arg;

	c->has_exchanges = code == GH_OK;
	if (code == GH_OK) {
		companies_declare_wanted(c);
		relay_broker_back(c->o);
	} else {
		log_error("outbox.declare_failed", LOG_STR("what", "exchanges"),
			  LOG_SLICE("err", text));
		loop_timer_set(c->retry, COMPANIES_RETRY_US);
	}
}

static void
companies_declare_exchanges(struct companies *c)
{
	if (mq_topology_declare(c->channel, companies_exchanges_declared, c) != GH_OK)
		loop_timer_set(c->retry, COMPANIES_RETRY_US);
}

static void
companies_retry(void *arg)
{
	struct companies *c = arg;

	if (!mq_channel_is_open(c->channel))
		return; /* opening it starts over */
	if (c->has_exchanges)
		companies_declare_wanted(c);
	else
		companies_declare_exchanges(c);
}

static void
companies_opened(void *arg)
{
	companies_declare_exchanges(arg);
}

static void
companies_closed(void *arg, unsigned code GH_UNUSED, struct slice text GH_UNUSED)
{
	struct companies *c = arg;
	struct slice key;
	void *value;

	c->has_exchanges = false;
	for (size_t it = 0; map_next(c->by_id, &it, &key, &value);)
		((struct company *)value)->state = COMPANY_WANTED;
}

struct companies *
companies_new(struct outboxd *o)
{
	static const struct mq_channel_events events = {
		.on_open = companies_opened,
		.on_close = companies_closed,
	};
	struct companies *c = gh_alloc(sizeof(*c));

	c->o = o;
	c->by_id = map_new();
	c->retry = loop_timer_new(o->loop, companies_retry, c);
	c->channel = mq_channel_new(o->mq, &(struct mq_channel_opts){.events = &events, .arg = c});
	return c;
}

void
companies_free(struct companies *c)
{
	struct slice key;
	void *value;

	if (c == NULL)
		return;
	mq_channel_free(c->channel);
	for (size_t it = 0; map_next(c->by_id, &it, &key, &value);)
		gh_free(value);
	map_free(c->by_id);
	loop_timer_free(c->retry);
	gh_free(c);
}

bool
companies_are_declared(struct companies *c, int32_t company_id)
{
	struct company *k = map_get_i64(c->by_id, company_id);

	if (k == NULL) {
		k = gh_alloc(sizeof(*k));
		k->all = c;
		k->id = company_id;
		map_put_i64(c->by_id, company_id, k);
		if (c->has_exchanges)
			company_declare(k);
	}
	return k->state == COMPANY_DECLARED;
}

void
companies_forget(struct companies *c, int32_t company_id)
{
	struct company *k = map_get_i64(c->by_id, company_id);

	if (k == NULL || k->state != COMPANY_DECLARED)
		return;
	k->state = COMPANY_WANTED;
	if (c->has_exchanges)
		company_declare(k);
}
