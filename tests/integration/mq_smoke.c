/* mq_smoke.c - libcommon/mq against a real broker.
 *
 * Usage: mq_smoke [cut]     (GROWHUB_AMQP_URL says where)
 * Each step prints "ok NAME" or "not ok NAME: reason"; exit 1 when one failed. Queues are
 * those of a company number taken from the clock and are deleted at the end. With "cut" it
 * prints "cut now" at the moment when the test is to cut its connections.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "loop/dns.h"
#include "loop/loop.h"
#include "mq/conn.h"
#include "mq/consumer.h"
#include "mq/publisher.h"
#include "mq/topology.h"

#define HINT_COUNT 2000u
#define WAIT_US    (15 * CLOCK_SEC)

struct smoke {
	struct loop *loop;
	struct dns *dns;
	struct mq_conn *out, *in; /* publishing and consuming, as the daemons do */
	struct mq_channel *ch;
	struct mq_publisher *pub;
	struct mq_consumer *con;
	int64_t company;

	enum gh_code reply;
	unsigned reply_count, message_count;
	unsigned outcome[MQ_LOST + 1];
	unsigned delivered, redelivered, bad;
	unsigned started, ended;
	bool must_requeue; /* nack the next delivery once */
	bool must_hold;    /* keep the next delivery unacked */
	struct mq_delivery held;
	unsigned failed;
};

typedef bool until_fn(const struct smoke *s);

/* Run the loop until the condition holds or the time is over. */
static bool
wait_for(struct smoke *s, until_fn *holds, int64_t limit_us)
{
	int64_t end = clock_mono_us() + limit_us;

	while (!holds(s) && clock_mono_us() < end)
		loop_run_once(s->loop, 20 * CLOCK_MS);
	return holds(s);
}

static void
check(struct smoke *s, const char *name, bool is_good)
{
	if (is_good) {
		printf("ok %s\n", name);
		return;
	}
	s->failed++;
	printf("not ok %s: reply %s confirmed %u returned %u nacked %u lost %u delivered %u "
	       "started %u ended %u\n",
	       name, gh_code_name(s->reply), s->outcome[MQ_CONFIRMED], s->outcome[MQ_RETURNED],
	       s->outcome[MQ_NACKED], s->outcome[MQ_LOST], s->delivered, s->started, s->ended);
}

/* ---- callbacks ---- */

static void
on_settle(void *arg, void *token, uint64_t tag, enum mq_outcome outcome, unsigned code)
{
	struct smoke *s = arg;

	(void)token;
	(void)tag;
	s->outcome[outcome]++;
	if (outcome == MQ_RETURNED && code != 312)
		s->bad++;
}

static void
on_deliver(void *arg, struct slice queue, struct mq_delivery d, const struct mq_content *m)
{
	struct smoke *s = arg;
	struct mq_envelope e;

	(void)queue;
	if (mq_envelope_parse(m->body, &e) != GH_OK || e.company_id != s->company ||
	    m->message_id.n != UUID_TEXT_SIZE - 1 || !slice_eq(m->traceparent, S("00-smoke")))
		s->bad++;
	s->delivered++;
	if (m->redelivered)
		s->redelivered++;
	if (s->must_hold) {
		s->must_hold = false;
		s->held = d;
	} else if (s->must_requeue) {
		s->must_requeue = false;
		mq_nack(s->con, d, true);
	} else {
		mq_ack(s->con, d);
	}
}

static void
on_queue(void *arg, struct slice queue, bool is_consuming)
{
	struct smoke *s = arg;

	(void)queue;
	if (is_consuming)
		s->started++;
	else
		s->ended++;
}

static void
on_reply(void *arg, const struct mq_reply *r)
{
	struct smoke *s = arg;

	s->reply = r->code;
	s->message_count = r->message_count;
	s->reply_count++;
}

static void
on_topology(void *arg, enum gh_code code, struct slice text)
{
	struct smoke *s = arg;

	(void)text;
	s->reply = code;
	s->reply_count++;
}

/* ---- conditions ---- */

static bool
is_up(const struct smoke *s)
{
	return mq_channel_is_open(s->ch) && mq_publisher_is_ready(s->pub);
}

static bool
has_reply(const struct smoke *s)
{
	return s->reply_count > 0;
}

static bool
is_settled(const struct smoke *s)
{
	return mq_publisher_in_flight(s->pub) == 0;
}

static bool
has_all(const struct smoke *s)
{
	return s->delivered >= HINT_COUNT && mq_consumer_unacked_count(s->con) == 0;
}

static bool
has_started(const struct smoke *s)
{
	return s->started > 0;
}

static bool
has_ended(const struct smoke *s)
{
	return s->ended > 0;
}

static bool
has_five(const struct smoke *s)
{
	return mq_consumer_active_count(s->con) == 5;
}

static bool
has_redelivery(const struct smoke *s)
{
	return s->redelivered > 0 && mq_consumer_unacked_count(s->con) == 0;
}

static bool
is_holding(const struct smoke *s)
{
	return s->held.tag != 0;
}

static bool
has_recovered(const struct smoke *s)
{
	return mq_conn_counters(s->in)->lost_count > 0 &&
	       mq_conn_counters(s->out)->lost_count > 0 && has_five(s) && is_up(s) &&
	       has_redelivery(s);
}

static bool
is_stopped(const struct smoke *s)
{
	return mq_conn_state(s->out) == MQ_STOPPED && mq_conn_state(s->in) == MQ_STOPPED;
}

/* ---- steps ---- */

/* Wait for the answer of one request that was just made with result rc. */
static enum gh_code
answer(struct smoke *s, enum gh_code rc)
{
	if (rc != GH_OK)
		return rc;
	s->reply_count = 0;
	return wait_for(s, has_reply, WAIT_US) ? s->reply : GH_EUNKNOWN;
}

static enum gh_code
send_hint(struct smoke *s, const char *exchange, const char *key)
{
	struct mq_envelope e = {.kind = MQ_KIND_SEND,
				.class = MQ_CLASS_HIGH,
				.company_id = s->company,
				.target_count = 1,
				.target_id = {1}};
	char id[UUID_TEXT_SIZE];
	struct mq_message m = {.exchange = slice_of(exchange),
			       .routing_key = slice_of(key),
			       .content_type = S("application/json"),
			       .type = S("send"),
			       .traceparent = S("00-smoke"),
			       .is_mandatory = true};
	struct buf b;
	enum gh_code rc;

	buf_init(&b, NULL, MQ_ENVELOPE_MAX);
	mq_envelope_write(&e, &b);
	m.body = buf_slice(&b);
	m.message_id = slice_of(uuid_text(uuid7_new(), id));
	rc = mq_publish(s->pub, &m, NULL, NULL);
	buf_free(&b);
	return rc;
}

static void
step_declare(struct smoke *s)
{
	char name[MQ_NAME_SIZE];
	struct mq_queue_args other = {.length_max = 5};
	struct slice queue;

	check(s, "declare topology",
	      answer(s, mq_topology_declare(s->ch, on_topology, s)) == GH_OK);
	check(s, "declare topology again",
	      answer(s, mq_topology_declare(s->ch, on_topology, s)) == GH_OK);
	check(s, "declare company",
	      answer(s, mq_topology_declare_company(s->ch, s->company, false, on_topology, s)) ==
		      GH_OK);
	queue = slice_of(mq_queue_name(MQ_KIND_INBOUND, MQ_CLASS_NORMAL, s->company, name));
	check(s, "redeclare with other arguments is a conflict",
	      answer(s, mq_queue_declare(s->ch, queue, &other, on_reply, s)) == GH_ECONFLICT);
	check(s, "channel reopens", wait_for(s, is_up, WAIT_US));
	check(s, "absent queue is not found",
	      answer(s, mq_queue_inspect(s->ch, S("smoke.absent"), on_reply, s)) == GH_ENOTFOUND);
	check(s, "channel reopens again", wait_for(s, is_up, WAIT_US));
}

static void
step_publish(struct smoke *s)
{
	char key[MQ_NAME_SIZE], name[MQ_NAME_SIZE];
	int64_t start = clock_mono_us();
	unsigned sent = 0;
	struct slice queue;

	(void)mq_routing_key(MQ_KIND_SEND, MQ_CLASS_HIGH, s->company, key);
	while (sent < HINT_COUNT && clock_mono_us() < start + WAIT_US) {
		while (sent < HINT_COUNT && send_hint(s, MQ_EXCHANGE_OUTBOUND, key) == GH_OK)
			sent++;
		loop_run_once(s->loop, CLOCK_MS);
	}
	check(s, "publish settles", wait_for(s, is_settled, WAIT_US));
	check(s, "all confirmed", s->outcome[MQ_CONFIRMED] == HINT_COUNT);
	printf("# %u hints confirmed in %lld ms\n", HINT_COUNT,
	       (long long)((clock_mono_us() - start) / CLOCK_MS));
	queue = slice_of(mq_queue_name(MQ_KIND_SEND, MQ_CLASS_HIGH, s->company, name));
	check(s, "queue counts them",
	      answer(s, mq_queue_inspect(s->ch, queue, on_reply, s)) == GH_OK &&
		      s->message_count == HINT_COUNT);
	check(s, "delete if empty is refused",
	      answer(s, mq_queue_delete(s->ch, queue, true, true, on_reply, s)) == GH_ECONFLICT);
	check(s, "unroutable accepted", send_hint(s, MQ_EXCHANGE_OUTBOUND, "nowhere") == GH_OK);
	check(s, "unroutable is returned",
	      wait_for(s, is_settled, WAIT_US) && s->outcome[MQ_RETURNED] == 1);
	check(s, "unknown exchange accepted", send_hint(s, "smoke.absent", "k") == GH_OK);
	check(s, "unknown exchange is lost",
	      wait_for(s, is_settled, WAIT_US) && s->outcome[MQ_LOST] == 1);
	check(s, "publisher comes back", wait_for(s, is_up, WAIT_US));
}

static void
add_queues(struct smoke *s)
{
	static const enum mq_class classes[] = {MQ_CLASS_HIGH, MQ_CLASS_NORMAL, MQ_CLASS_LOW};
	char name[MQ_NAME_SIZE];

	for (size_t i = 0; i < GH_COUNT(classes); i++)
		(void)!mq_consumer_add(
			s->con, slice_of(mq_queue_name(MQ_KIND_SEND, classes[i], s->company, name)),
			50);
	(void)!mq_consumer_add(s->con,
			       slice_of(mq_queue_name(MQ_KIND_INBOUND, 0, s->company, name)), 10);
	(void)!mq_consumer_add(s->con,
			       slice_of(mq_queue_name(MQ_KIND_DELIVERY, 0, s->company, name)), 10);
	check(s, "consume five queues", wait_for(s, has_five, WAIT_US));
}

static void
step_consume(struct smoke *s)
{
	char key[MQ_NAME_SIZE];

	s->must_requeue = true;
	add_queues(s);
	check(s, "all delivered", wait_for(s, has_all, WAIT_US));
	check(s, "nack requeues", wait_for(s, has_redelivery, WAIT_US));
	mq_consumer_pause(s->con);
	s->delivered = 0;
	(void)mq_routing_key(MQ_KIND_SEND, MQ_CLASS_HIGH, s->company, key);
	check(s, "publish while paused", send_hint(s, MQ_EXCHANGE_OUTBOUND, key) == GH_OK);
	check(s, "confirmed while paused", wait_for(s, is_settled, WAIT_US));
	for (int i = 0; i < 10; i++)
		loop_run_once(s->loop, 10 * CLOCK_MS);
	check(s, "nothing delivered while paused", s->delivered == 0);
	s->must_hold = true;
	mq_consumer_resume(s->con);
	check(s, "delivered after resume", wait_for(s, is_holding, WAIT_US));
	mq_ack(s->con, s->held);
	check(s, "five queues again", wait_for(s, has_five, WAIT_US));
}

/* A queue that appears after it was added, and one that disappears. */
static void
step_come_and_go(struct smoke *s)
{
	char name[MQ_NAME_SIZE];
	struct slice late;

	(void)snprintf(name, sizeof(name), "smoke.late.%lld", (long long)s->company);
	late = slice_of(name);
	s->started = s->ended = 0;
	(void)!mq_consumer_add(s->con, late, 1);
	check(s, "absent queue is told", wait_for(s, has_ended, WAIT_US));
	check(s, "declare late queue",
	      answer(s, mq_queue_declare(s->ch, late, NULL, on_reply, s)) == GH_OK);
	check(s, "late queue is consumed", wait_for(s, has_started, WAIT_US));
	check(s, "other consumers were not disturbed", mq_consumer_active_count(s->con) == 6);
	s->ended = 0;
	check(s, "delete late queue",
	      answer(s, mq_queue_delete(s->ch, late, false, false, on_reply, s)) == GH_OK);
	check(s, "broker's cancel is told", wait_for(s, has_ended, WAIT_US));
	mq_consumer_remove(s->con, late);
}

/* Both connections break while a delivery is held: all comes back by itself. */
static void
step_cut(struct smoke *s)
{
	char key[MQ_NAME_SIZE];

	check(s, "declare topology",
	      answer(s, mq_topology_declare(s->ch, on_topology, s)) == GH_OK);
	check(s, "declare company",
	      answer(s, mq_topology_declare_company(s->ch, s->company, false, on_topology, s)) ==
		      GH_OK);
	add_queues(s);
	s->must_hold = true;
	(void)mq_routing_key(MQ_KIND_SEND, MQ_CLASS_HIGH, s->company, key);
	check(s, "publish", send_hint(s, MQ_EXCHANGE_OUTBOUND, key) == GH_OK);
	check(s, "hold a delivery", wait_for(s, is_holding, WAIT_US));
	printf("cut now\n");
	(void)fflush(stdout);
	check(s, "recovered, held delivery came again", wait_for(s, has_recovered, WAIT_US));
	mq_ack(s->con, s->held);
	check(s, "old handle is void", mq_conn_counters(s->in)->stale_ack_count == 1);
	check(s, "publish again", send_hint(s, MQ_EXCHANGE_OUTBOUND, key) == GH_OK);
	check(s, "confirmed again",
	      wait_for(s, is_settled, WAIT_US) && s->outcome[MQ_CONFIRMED] == 2);
}

static void
step_clean(struct smoke *s)
{
	static const struct {
		enum mq_kind kind;
		enum mq_class class;
	} queues[] = {{MQ_KIND_SEND, MQ_CLASS_HIGH},
		      {MQ_KIND_SEND, MQ_CLASS_NORMAL},
		      {MQ_KIND_SEND, MQ_CLASS_LOW},
		      {MQ_KIND_INBOUND, MQ_CLASS_NORMAL},
		      {MQ_KIND_DELIVERY, MQ_CLASS_NORMAL}};
	char name[MQ_NAME_SIZE];
	bool is_good = true;

	for (size_t i = 0; i < GH_COUNT(queues); i++) {
		(void)mq_queue_name(queues[i].kind, queues[i].class, s->company, name);
		mq_consumer_remove(s->con, slice_of(name));
		is_good = answer(s, mq_queue_delete(s->ch, slice_of(name), false, false, on_reply,
						    s)) == GH_OK &&
			  is_good;
	}
	check(s, "queues deleted", is_good);
	mq_conn_close(s->out);
	mq_conn_close(s->in);
	check(s, "closed politely", wait_for(s, is_stopped, WAIT_US));
	check(s, "bodies and properties intact", s->bad == 0);
}

static bool
smoke_open(struct smoke *s, const char *url)
{
	struct mq_conn_opts o = {.url = slice_of(url), .name = "mq_smoke"};
	struct mq_publisher_opts p = {.on_settle = on_settle, .arg = s};
	struct mq_consumer_opts c = {.on_deliver = on_deliver, .on_queue = on_queue, .arg = s};
	struct gh_err err = {0};

	s->loop = loop_new();
	s->dns = dns_new(s->loop, NULL, NULL);
	s->company = clock_wall_us();
	if (mq_conn_new(&s->out, s->loop, s->dns, &o, &err) != GH_OK ||
	    mq_conn_new(&s->in, s->loop, s->dns, &o, &err) != GH_OK) {
		(void)fprintf(stderr, "mq_smoke: %s\n", err.text);
		return false;
	}
	s->ch = mq_channel_new(s->out, &(struct mq_channel_opts){0});
	s->pub = mq_publisher_new(s->out, &p);
	s->con = mq_consumer_new(s->in, &c);
	return true;
}

int
main(int argc, char **argv)
{
	struct smoke s = {0};
	const char *url = getenv("GROWHUB_AMQP_URL");

	if (url == NULL || !smoke_open(&s, url)) {
		(void)fprintf(stderr, "mq_smoke: GROWHUB_AMQP_URL is missing or wrong\n");
		return 2;
	}
	check(&s, "connect", wait_for(&s, is_up, WAIT_US));
	if (s.failed == 0 && argc == 2 && slice_eq(slice_of(argv[1]), S("cut"))) {
		step_cut(&s);
		step_clean(&s);
	} else if (s.failed == 0) {
		step_declare(&s);
		step_publish(&s);
		step_consume(&s);
		step_come_and_go(&s);
		step_clean(&s);
	}
	mq_consumer_free(s.con);
	mq_publisher_free(s.pub);
	mq_channel_free(s.ch);
	mq_conn_free(s.out);
	mq_conn_free(s.in);
	dns_free(s.dns);
	loop_run_once(s.loop, 0);
	loop_free(s.loop);
	return s.failed == 0 ? 0 : 1;
}
