/* topology.c - names, and the declarations that make them exist; see topology.h. */
#include "mq/topology.h"

#include <stdio.h>

#include "base/mem.h"

/* One call of a declare function: counts its requests down. */
struct job {
	mq_topology_fn *done;
	void *arg;
	unsigned pending;
	enum gh_code code; /* the first failure */
	char text[256];
};

const char *
mq_queue_name(enum mq_kind kind, enum mq_class class, int64_t company_id, char dst[MQ_NAME_SIZE])
{
	switch (kind) {
	case MQ_KIND_SEND:
		(void)snprintf(dst, MQ_NAME_SIZE, "outbound.company.%lld.priority.%s",
			       (long long)company_id, mq_class_name(class));
		return dst;
	case MQ_KIND_INBOUND:
		(void)snprintf(dst, MQ_NAME_SIZE, "inbound.company.%lld", (long long)company_id);
		return dst;
	case MQ_KIND_DELIVERY:
		(void)snprintf(dst, MQ_NAME_SIZE, "events.company.%lld", (long long)company_id);
		return dst;
	}
	gh_panic("mq_queue_name: kind %d", (int)kind);
}

const char *
mq_routing_key(enum mq_kind kind, enum mq_class class, int64_t company_id, char dst[MQ_NAME_SIZE])
{
	switch (kind) {
	case MQ_KIND_SEND:
		(void)snprintf(dst, MQ_NAME_SIZE, "company.%lld.priority.%s", (long long)company_id,
			       mq_class_name(class));
		return dst;
	case MQ_KIND_INBOUND:
		(void)snprintf(dst, MQ_NAME_SIZE, "company.%lld", (long long)company_id);
		return dst;
	case MQ_KIND_DELIVERY:
		(void)snprintf(dst, MQ_NAME_SIZE, "event.delivery.%lld", (long long)company_id);
		return dst;
	}
	gh_panic("mq_routing_key: kind %d", (int)kind);
}

const char *
mq_exchange_name(enum mq_kind kind)
{
	switch (kind) {
	case MQ_KIND_SEND:
		return MQ_EXCHANGE_OUTBOUND;
	case MQ_KIND_INBOUND:
		return MQ_EXCHANGE_INBOUND;
	case MQ_KIND_DELIVERY:
		return MQ_EXCHANGE_EVENTS;
	}
	gh_panic("mq_exchange_name: kind %d", (int)kind);
}

static void
job_note(struct job *j, enum gh_code code, struct slice text)
{
	if (code == GH_OK || j->code != GH_OK)
		return;
	j->code = code;
	(void)snprintf(j->text, sizeof(j->text), "%.*s", S_FMT(text));
}

static void
job_on_reply(void *arg, const struct mq_reply *r)
{
	struct job *j = arg;

	job_note(j, r->code, r->text);
	if (--j->pending > 0)
		return;
	if (j->done != NULL)
		j->done(j->arg, j->code, slice_of(j->text));
	gh_free(j);
}

static struct job *
job_new(mq_topology_fn *done, void *arg)
{
	struct job *j = gh_alloc(sizeof(*j));

	j->done = done;
	j->arg = arg;
	return j;
}

/* Account for one request made; false when no more should be made. */
static bool
job_add(struct job *j, enum gh_code rc)
{
	if (rc == GH_OK)
		j->pending++;
	else
		job_note(j, rc, S("the channel takes no more requests"));
	return rc == GH_OK;
}

/* All requests are made: nothing accepted means nothing will call back. */
static enum gh_code
job_start(struct job *j)
{
	enum gh_code rc = j->code;

	if (j->pending > 0)
		return GH_OK;
	gh_free(j);
	return rc;
}

enum gh_code
mq_topology_declare(struct mq_channel *ch, mq_topology_fn *done, void *arg)
{
	static const struct {
		const char *name, *type;
	} exchanges[] = {
		{MQ_EXCHANGE_OUTBOUND, "topic"}, {MQ_EXCHANGE_INBOUND, "topic"},
		{MQ_EXCHANGE_EVENTS, "topic"},   {MQ_EXCHANGE_RETRY, "topic"},
		{MQ_EXCHANGE_DLQ, "direct"},
	};
	static const struct mq_queue_args dlq = {.length_max = MQ_DLQ_LENGTH_MAX,
						 .drop_head = true};
	struct job *j = job_new(done, arg);
	bool go = true;

	for (size_t i = 0; go && i < GH_COUNT(exchanges); i++)
		go = job_add(j, mq_exchange_declare(ch, slice_of(exchanges[i].name),
						    slice_of(exchanges[i].type), job_on_reply, j));
	if (go)
		go = job_add(j, mq_queue_declare(ch, S(MQ_QUEUE_DLQ), &dlq, job_on_reply, j));
	if (go)
		(void)job_add(j, mq_queue_bind(ch, S(MQ_QUEUE_DLQ), S(MQ_EXCHANGE_DLQ),
					       S(MQ_KEY_DLQ), job_on_reply, j));
	return job_start(j);
}

/* The binding's pattern: the routing key, but any event type of the company. */
static const char *
binding_key(enum mq_kind kind, enum mq_class class, int64_t company_id, char dst[MQ_NAME_SIZE])
{
	if (kind != MQ_KIND_DELIVERY)
		return mq_routing_key(kind, class, company_id, dst);
	(void)snprintf(dst, MQ_NAME_SIZE, "event.*.%lld", (long long)company_id);
	return dst;
}

enum gh_code
mq_topology_declare_company(struct mq_channel *ch, int64_t company_id, bool is_quorum,
			    mq_topology_fn *done, void *arg)
{
	static const struct {
		enum mq_kind kind;
		enum mq_class class;
	} queues[] = {
		{MQ_KIND_SEND, MQ_CLASS_HIGH},       {MQ_KIND_SEND, MQ_CLASS_NORMAL},
		{MQ_KIND_SEND, MQ_CLASS_LOW},        {MQ_KIND_INBOUND, MQ_CLASS_NORMAL},
		{MQ_KIND_DELIVERY, MQ_CLASS_NORMAL},
	};
	const struct mq_queue_args args = {.is_quorum = is_quorum};
	struct job *j = job_new(done, arg);
	bool go = true;

	for (size_t i = 0; go && i < GH_COUNT(queues); i++) {
		enum mq_kind kind = queues[i].kind;
		char name[MQ_NAME_SIZE], key[MQ_NAME_SIZE];
		struct slice queue;

		queue = slice_of(mq_queue_name(kind, queues[i].class, company_id, name));
		(void)binding_key(kind, queues[i].class, company_id, key);
		go = job_add(j, mq_queue_declare(ch, queue, &args, job_on_reply, j)) &&
		     job_add(j, mq_queue_bind(ch, queue, slice_of(mq_exchange_name(kind)),
					      slice_of(key), job_on_reply, j));
	}
	return job_start(j);
}
