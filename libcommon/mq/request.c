/* request.c - the requests of a channel: declare, bind, delete, consume. Each
 * fills one AMQP method and queues it; see channel.h for the contracts.
 */
#include "mq/channel_int.h"

#define NAME_MAX_BYTES 255
#define QUEUE_ARGS_MAX 3

static bool
name_fits(struct slice s)
{
	return s.n <= NAME_MAX_BYTES;
}

enum gh_code
mq_exchange_declare(struct mq_channel *ch, struct slice name, struct slice type, mq_reply_fn *done,
		    void *arg)
{
	amqp_exchange_declare_t m = {
		.exchange = mq_bytes(name), .type = mq_bytes(type), .durable = 1};

	if (!name_fits(name) || !name_fits(type))
		return GH_ELIMIT;
	return mq_channel_request(ch, AMQP_EXCHANGE_DECLARE_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD,
				  &m, done, arg);
}

static amqp_table_entry_t
arg_text(const char *key, const char *value)
{
	return (amqp_table_entry_t){
		.key = amqp_cstring_bytes(key),
		.value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)}};
}

static amqp_table_entry_t
arg_int(const char *key, int64_t value)
{
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(key),
				    .value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = value}};
}

enum gh_code
mq_queue_declare(struct mq_channel *ch, struct slice name, const struct mq_queue_args *args,
		 mq_reply_fn *done, void *arg)
{
	amqp_table_entry_t entries[QUEUE_ARGS_MAX];
	amqp_queue_declare_t m = {
		.queue = mq_bytes(name), .durable = 1, .arguments = {.entries = entries}};
	int n = 0;

	if (!name_fits(name))
		return GH_ELIMIT;
	/* Always said: the type would else follow the vhost's default, and a
	 * redeclaration after somebody changed that would be refused (406). */
	entries[n++] =
		arg_text("x-queue-type", args != NULL && args->is_quorum ? "quorum" : "classic");
	if (args != NULL && args->length_max > 0) {
		entries[n++] = arg_int("x-max-length", args->length_max);
		entries[n++] =
			arg_text("x-overflow", args->drop_head ? "drop-head" : "reject-publish");
	}
	m.arguments.num_entries = n;
	return mq_channel_request(ch, AMQP_QUEUE_DECLARE_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD, &m,
				  done, arg);
}

enum gh_code
mq_queue_inspect(struct mq_channel *ch, struct slice name, mq_reply_fn *done, void *arg)
{
	amqp_queue_declare_t m = {.queue = mq_bytes(name), .passive = 1};

	if (!name_fits(name))
		return GH_ELIMIT;
	return mq_channel_request(ch, AMQP_QUEUE_DECLARE_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD, &m,
				  done, arg);
}

enum gh_code
mq_queue_bind(struct mq_channel *ch, struct slice queue, struct slice exchange,
	      struct slice routing_key, mq_reply_fn *done, void *arg)
{
	amqp_queue_bind_t m = {.queue = mq_bytes(queue),
			       .exchange = mq_bytes(exchange),
			       .routing_key = mq_bytes(routing_key)};

	if (!name_fits(queue) || !name_fits(exchange) || !name_fits(routing_key))
		return GH_ELIMIT;
	return mq_channel_request(ch, AMQP_QUEUE_BIND_METHOD, AMQP_QUEUE_BIND_OK_METHOD, &m, done,
				  arg);
}

enum gh_code
mq_queue_delete(struct mq_channel *ch, struct slice name, bool if_unused, bool if_empty,
		mq_reply_fn *done, void *arg)
{
	amqp_queue_delete_t m = {
		.queue = mq_bytes(name), .if_unused = if_unused, .if_empty = if_empty};

	if (!name_fits(name))
		return GH_ELIMIT;
	return mq_channel_request(ch, AMQP_QUEUE_DELETE_METHOD, AMQP_QUEUE_DELETE_OK_METHOD, &m,
				  done, arg);
}

enum gh_code
mq_qos(struct mq_channel *ch, uint16_t prefetch, mq_reply_fn *done, void *arg)
{
	amqp_basic_qos_t m = {.prefetch_count = prefetch};

	return mq_channel_request(ch, AMQP_BASIC_QOS_METHOD, AMQP_BASIC_QOS_OK_METHOD, &m, done,
				  arg);
}

enum gh_code
mq_confirm_select(struct mq_channel *ch, mq_reply_fn *done, void *arg)
{
	amqp_confirm_select_t m = {.nowait = 0};

	return mq_channel_request(ch, AMQP_CONFIRM_SELECT_METHOD, AMQP_CONFIRM_SELECT_OK_METHOD, &m,
				  done, arg);
}

enum gh_code
mq_consume(struct mq_channel *ch, struct slice queue, struct slice consumer_tag, mq_reply_fn *done,
	   void *arg)
{
	amqp_basic_consume_t m = {.queue = mq_bytes(queue), .consumer_tag = mq_bytes(consumer_tag)};

	if (!name_fits(queue) || !name_fits(consumer_tag))
		return GH_ELIMIT;
	return mq_channel_request(ch, AMQP_BASIC_CONSUME_METHOD, AMQP_BASIC_CONSUME_OK_METHOD, &m,
				  done, arg);
}

enum gh_code
mq_cancel(struct mq_channel *ch, struct slice consumer_tag, mq_reply_fn *done, void *arg)
{
	amqp_basic_cancel_t m = {.consumer_tag = mq_bytes(consumer_tag)};

	if (!name_fits(consumer_tag))
		return GH_ELIMIT;
	return mq_channel_request(ch, AMQP_BASIC_CANCEL_METHOD, AMQP_BASIC_CANCEL_OK_METHOD, &m,
				  done, arg);
}
