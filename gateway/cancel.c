#include "cancel.h"

#include "base/arena.h"
#include "base/clock.h"
#include "daemon/daemon.h"
#include "gateway.h"
#include "model/facts.h"

static struct slice
cancel_facts(struct arena *a, const struct cancel_row *row)
{
	struct facts_message m = {
		.id = row->id,
		.reference = row->reference,
		.from = row->phone,
		.to = row->chat_key,
		.status = MSG_CANCELLED,
		.ack = FACTS_ACK_NONE,
		.instance_name = row->instance_name,
		.session = row->session,
		.attempt = row->tries,
	};

	return facts_message(a, &m);
}

void
cancel_add(struct gw_req *req, struct db_unit *u, const struct cancel_row *rows, unsigned count,
	   const char *reason)
{
	struct send_result *results = arena_alloc_array(req->a, count, sizeof(*results));
	const struct send_result **list = arena_alloc_array(req->a, count, sizeof(*list));
	int64_t now_us = clock_wall_us();

	for (unsigned i = 0; i < count; i++) {
		results[i] = (struct send_result){
			.id = rows[i].id,
			.instance_id = rows[i].instance_id,
			.attempt = rows[i].attempt,
			.outcome = SEND_DONE_CANCELLED,
			.code = S("cancelled"),
			.text = slice_of(reason),
			.event_id = uuid7_new(),
			.event_type = EVENT_MESSAGE_CANCELLED,
			.facts = cancel_facts(req->a, &rows[i]),
			.at_us = now_us,
		};
		list[i] = &results[i];
	}
	send_finish_add(u, list, count, slice_of(daemon_worker(req->gw->daemon)));
}
