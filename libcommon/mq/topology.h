/* topology.h - the exchanges and queues of GrowHub and their names.
 *
 * messaging.outbound.exchange  topic   company.{id}.priority.{high|normal|low}
 * messaging.inbound.exchange   topic   company.{id}
 * events.exchange              topic   event.delivery.{id}, bound as event.*.{id}
 * retry.exchange               topic   kept for the first GrowHub's tools
 * dlq.exchange                 direct  final -> dlq.final (10,000 newest)
 *
 * Queues per company: outbound.company.{id}.priority.{class}, inbound.company.{id},
 * events.company.{id}. A queue is never known by its name: the company of a
 * hint comes from the envelope.
 */
#ifndef GH_MQ_TOPOLOGY_H
#define GH_MQ_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "mq/channel.h"
#include "mq/envelope.h"

#define MQ_EXCHANGE_OUTBOUND "messaging.outbound.exchange"
#define MQ_EXCHANGE_INBOUND  "messaging.inbound.exchange"
#define MQ_EXCHANGE_EVENTS   "events.exchange"
#define MQ_EXCHANGE_RETRY    "retry.exchange"
#define MQ_EXCHANGE_DLQ      "dlq.exchange"
#define MQ_QUEUE_DLQ         "dlq.final"
#define MQ_KEY_DLQ           "final"
#define MQ_DLQ_LENGTH_MAX    10000

#define MQ_NAME_SIZE 96

/* class matters for MQ_KIND_SEND only. Return dst, NUL-terminated. */
const char *mq_queue_name(enum mq_kind kind, enum mq_class class, int64_t company_id,
			  char dst[MQ_NAME_SIZE]);
const char *mq_routing_key(enum mq_kind kind, enum mq_class class, int64_t company_id,
			   char dst[MQ_NAME_SIZE]);
const char *mq_exchange_name(enum mq_kind kind);

/* Called exactly once per accepted call: GH_OK, or the first failure with its text
 * (valid in the callback; codes as struct mq_reply). Declaring again is harmless. */
typedef void mq_topology_fn(void *arg, enum gh_code code, struct slice text);

/* Declare the five exchanges, dlq.final and its binding.
 * Returns GH_OK, or GH_EAGAIN/GH_EBUSY of the channel (done is not called then). */
enum gh_code mq_topology_declare(struct mq_channel *ch, mq_topology_fn *done,
				 void *arg) GH_MUST_USE;
/* Declare and bind the five queues of a company. Same results. */
enum gh_code mq_topology_declare_company(struct mq_channel *ch, int64_t company_id, bool is_quorum,
					 mq_topology_fn *done, void *arg) GH_MUST_USE;

#endif
