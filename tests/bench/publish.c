#include "publish.h"

#include <string.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "loop/dns.h"
#include "loop/loop.h"
#include "mq/conn.h"
#include "mq/publisher.h"
#include "mq/topology.h"

struct publish {
	struct loop *loop;
	const struct publish_opts *opts;
	struct publish_result *out;
	struct mq_publisher *publisher;
	struct loop_timer *timer; /* end of the warm-up, then of the run */
	bool is_counting;
	int64_t started_us;
	uint64_t count;
};

static enum gh_code
publish_one(struct publish *p)
{
	struct mq_envelope e = {.kind = MQ_KIND_SEND, .class = MQ_CLASS_NORMAL, .target_count = 1};
	char text[MQ_ENVELOPE_MAX], key[MQ_NAME_SIZE], id[UUID_TEXT_SIZE];
	struct buf body = {.p = text, .size = sizeof(text), .max = sizeof(text)};
	struct mq_message m = {
		.exchange = slice_of(mq_exchange_name(e.kind)),
		.message_id = slice_of(uuid_text(uuid7_new(), id)),
		.content_type = S("application/json"),
		.type = slice_of(mq_kind_name(e.kind)),
		.is_mandatory = true,
	};

	e.company_id = p->opts->first_company + (int64_t)(p->count % p->opts->company_count);
	e.target_id[0] = e.company_id * 8; /* as tests/bench/relay numbers its targets */
	m.routing_key = slice_of(mq_routing_key(e.kind, e.class, e.company_id, key));
	mq_envelope_write(&e, &body);
	m.body = buf_slice(&body);
	return mq_publish(p->publisher, &m, NULL, NULL);
}

static void
publish_fill(void *arg)
{
	struct publish *p = arg;

	while (mq_publisher_ask(p->publisher) && publish_one(p) == GH_OK)
		p->count++;
	p->out->published = p->count;
}

static void
publish_settled(void *arg, void *token, uint64_t tag, enum mq_outcome outcome, unsigned reply_code)
{
	struct publish *p = arg;

	(void)token;
	(void)tag;
	(void)reply_code;
	if (outcome != MQ_CONFIRMED)
		p->out->failed++;
	else if (p->is_counting)
		p->out->confirmed++;
	publish_fill(p);
}

static void
publish_phase_over(void *arg)
{
	struct publish *p = arg;

	if (p->is_counting) {
		p->out->elapsed_us = clock_mono_us() - p->started_us;
		loop_stop(p->loop);
		return;
	}
	p->is_counting = true;
	p->started_us = clock_mono_us();
	loop_timer_set(p->timer, p->opts->run_us);
}

enum gh_code
publish_run(struct loop *l, const struct publish_opts *opts, struct publish_result *out,
	    struct gh_err *err)
{
	struct publish p = {.loop = l, .opts = opts, .out = out};
	struct mq_publisher_opts publisher = {.window = opts->window,
					      .on_settle = publish_settled,
					      .on_ready = publish_fill,
					      .arg = &p};
	struct mq_conn_opts conn = {.url = opts->url, .name = "growhub-bench"};
	struct dns *dns = dns_new(l, NULL, NULL);
	struct mq_conn *c = NULL;
	enum gh_code rc;

	memset(out, 0, sizeof(*out));
	rc = mq_conn_new(&c, l, dns, &conn, err);
	if (rc == GH_OK) {
		p.publisher = mq_publisher_new(c, &publisher);
		p.timer = loop_timer_new(l, publish_phase_over, &p);
		loop_timer_set(p.timer, opts->warmup_us);
		loop_run(l);
		loop_timer_free(p.timer);
		mq_publisher_free(p.publisher);
		mq_conn_free(c);
	}
	dns_free(dns);
	loop_run_once(l, 0); /* as dns_free wants it */
	return rc;
}
