/* results.c - store what calls came to; see results.h. */
#include "results.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "calls.h"
#include "claims.h"
#include "daemon/daemon.h"
#include "db/batch.h"
#include "loop/cadence.h"
#include "model/send_queue.h"
#include "model/wake.h"
#include "outcome.h"
#include "senderd.h"
#include "targets.h"

struct results {
	struct senderd *sd;
	struct db_batch *batch;
};

static struct call *
call_of(struct db_batch_row *row)
{
	return LIST_ENTRY(row, struct call, row);
}

static void
results_build(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	const struct results *r = arg;
	const struct send_result **list =
		arena_alloc_array(db_unit_arena(u), n, sizeof(struct send_result *));

	for (unsigned i = 0; i < n; i++)
		list[i] = &call_of(rows[i])->result;
	send_finish_add(u, list, n, slice_of(daemon_worker(r->sd->daemon)));
}

/* ---- the end of a call ---- */

static void
results_log(const struct call *call, bool is_late)
{
	const struct send_result *r = &call->result;
	char id[UUID_TEXT_SIZE], to[LOG_PHONE_SIZE];

	log_info(is_late ? "send.late" : outcome_event(r->outcome),
		 LOG_INT("company", call->claim->company_id), LOG_INT("instance", r->instance_id),
		 LOG_STR("msg", uuid_text(r->id, id)), LOG_STR("to", log_phone(call->chat, to)),
		 LOG_INT("attempt", r->attempt), LOG_STR("code", call->reason),
		 LOG_INT("dur_ms", call->duration_us / CLOCK_MS),
		 LOG_INT("delay_ms", r->delay_us / CLOCK_MS));
}

static void
results_end(struct results *r, struct call *call)
{
	targets_settled(r->sd->targets, call->target);
	call_free(call);
	claims_wake(r->sd->claims);
	senderd_check_drained(r->sd);
}

static void
results_late_stored(void *arg GH_UNUSED, enum gh_code code, const struct db_unit *u)
{
	if (code != GH_OK)
		log_warn("send.late_unstored", LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", db_unit_error(u)->text));
}

/* The timeline tells of calls whose result changed nothing any more: where there were two, the
 * recipient may have the message twice. */
static void
results_note_late(struct results *r, const struct send_late *late, unsigned count)
{
	struct db_unit *u = db_unit_new();
	enum gh_code rc;

	send_late_add(u, late, count, slice_of(daemon_worker(r->sd->daemon)));
	rc = db_submit(r->sd->write, u, results_late_stored, r);
	if (rc != GH_OK)
		log_warn("send.late_unstored", LOG_STR("code", gh_code_name(rc)));
}

static struct send_late
late_of(const struct send_result *r)
{
	return (struct send_late){
		.id = r->id,
		.instance_id = r->instance_id,
		.attempt = r->attempt,
		.status = outcome_status(r->outcome),
		.external_id = r->external_id,
	};
}

static void
results_settle(void *arg, struct db_batch_row *const *rows, unsigned n, const struct db_unit *u)
{
	struct results *r = arg;
	struct send_late late[DB_BATCH_MAX];
	unsigned late_count = 0;

	for (unsigned i = 0; i < n; i++)
		if (!send_finish_applied(u, call_of(rows[i])->result.id))
			late[late_count++] = late_of(&call_of(rows[i])->result);
	if (late_count > 0) /* while the calls' memory lives: the unit copies */
		results_note_late(r, late, late_count);
	/* The commit wrote hints and deliveries. */
	wake_send(r->sd->wake);
	for (unsigned i = 0; i < n; i++) {
		struct call *call = call_of(rows[i]);
		/* A resend or a receipt was faster: the row speaks of another attempt. */
		bool is_late = !send_finish_applied(u, call->result.id);

		metrics_add(r->sd->metrics, M_RESULTS, is_late ? RESULTS_LATE : RESULTS_STORED, 0,
			    1);
		results_log(call, is_late);
		results_end(r, call);
	}
}

/* ---- trouble ---- */

static void
results_lost(struct results *r, struct call *call, enum gh_code code, const char *why)
{
	char id[UUID_TEXT_SIZE];

	metrics_add(r->sd->metrics, M_RESULTS, RESULTS_LOST, 0, 1);
	log_error("send.result_lost", LOG_INT("company", call->claim->company_id),
		  LOG_INT("instance", call->result.instance_id),
		  LOG_STR("msg", uuid_text(call->result.id, id)),
		  LOG_INT("attempt", call->result.attempt),
		  LOG_STR("outcome", outcome_event(call->result.outcome)),
		  LOG_STR("code", gh_code_name(code)), LOG_STR("err", why));
	results_end(r, call);
}

/*
 * The server refuses a value. Losing the result would resend a message that was
 * sent: keep what matters, the outcome, and drop every text a provider gave.
 */
static void
results_strip(struct call *call)
{
	call->is_stripped = true;
	call->result.external_id =
		call->result.outcome == SEND_DONE_SENT ? call->claim->send_ref : SLICE_NONE;
	call->result.text = SLICE_NONE;
	call->result.event_id = (struct uuid){{0}};
	call->result.facts = SLICE_NONE;
}

static void
results_fail(void *arg, struct db_batch_row *row, enum gh_code code, const struct db_error *err)
{
	struct results *r = arg;
	struct call *call = call_of(row);

	if (err->cls == DB_ERR_DATA && !call->is_stripped) {
		log_error("send.result_refused", LOG_INT("instance", call->result.instance_id),
			  LOG_STR("code", err->sqlstate), LOG_STR("err", err->text));
		results_strip(call);
		results_add(r, call);
		return;
	}
	results_lost(r, call, code, err->text);
}

void
results_add(struct results *r, struct call *call)
{
	enum gh_code rc;

	call->row = (struct db_batch_row){0};
	rc = db_batch_add(r->batch, &call->row);
	if (rc != GH_OK)
		results_lost(r, call, rc, "too many results wait for the database");
}

/* ---- life ---- */

struct results *
results_new(struct senderd *sd)
{
	const struct conf_common *conf = &sd->conf->common;
	struct results *r = gh_alloc(sizeof(*r));
	const struct db_batch_def def = {
		.name = "send_results",
		/* targets.c lets twice max_in_flight rows be open. */
		.queue_max = (unsigned)(2 * sd->conf->max_in_flight) + DB_BATCH_MAX,
		.deadline_us = conf->sending_deadline_us + conf->sending_lease_margin_us,
		.gap_us = CADENCE_GAP_US,
		.build = results_build,
		.settle = results_settle,
		.fail = results_fail,
		.arg = r,
	};

	r->sd = sd;
	r->batch = db_batch_new(sd->loop, sd->write, &def);
	return r;
}

void
results_free(struct results *r)
{
	if (r == NULL)
		return;
	db_batch_free(r->batch);
	gh_free(r);
}
