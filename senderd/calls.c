/* calls.c - the provider call of one claimed message; see calls.h. */
#include "calls.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "claims.h"
#include "daemon/daemon.h"
#include "daemon/provider_client.h"
#include "http/client.h"
#include "http/url.h"
#include "model/facts.h"
#include "model/new_chats.h"
#include "new_chats.h"
#include "numbers.h"
#include "outcome.h"
#include "outgoing.h"
#include "provider/provider.h"
#include "results.h"
#include "routes.h"
#include "senderd.h"
#include "servers.h"
#include "targets.h"

#define RESPONSE_MAX (256 * 1024)

struct calls {
	struct senderd *sd;
	struct http_client *client;
	struct list all;
};

/* ---- the end ---- */

/* Also where the result has no event of its own: a receipt that came first may turn it into sent.
 */
static void
call_facts(struct call *call)
{
	struct send_result *r = &call->result;
	bool is_sent = r->outcome == SEND_DONE_SENT;

	r->event_id = uuid7_new();
	r->facts = facts_message(call->mem->arena,
				 &(struct facts_message){
					 .id = r->id,
					 .external_id = r->external_id,
					 .reference = call->claim->reference,
					 .from = call->route->phone,
					 .to = call->chat,
					 .status = outcome_status(r->outcome),
					 .ack = FACTS_ACK_NONE,
					 .error_code = is_sent ? SLICE_NONE : r->code,
					 .error_message = is_sent ? SLICE_NONE : r->text,
					 .instance_name = call->route->instance_name,
					 .session = call->route->session,
					 .attempt = r->attempt,
				 });
}

static struct outcome_policy
call_policy(const struct call *call, int64_t provider_park_us)
{
	const struct conf_common *conf = &call->owner->sd->conf->common;

	return (struct outcome_policy){
		.max_attempts = call->route->max_attempts,
		.in_doubt_wait_us = conf->sending_in_doubt_wait_us,
		.provider_park_us = provider_park_us,
		.ref_is_id = call->route->provider != NULL && call->route->provider->ref_is_id,
	};
}

/* The slot is free, the outcome decided: store it. */
static void
call_store(struct call *call)
{
	struct senderd *sd = call->owner->sd;

	call->result.id = call->claim->id;
	call->result.instance_id = call->claim->instance_id;
	call->result.attempt = call->claim->attempt;
	call->result.at_us = clock_wall_us();
	call_facts(call);
	if (call->result.outcome == SEND_DONE_SENT)
		metrics_observe_us(sd->metrics, M_END_TO_END, STAGE_SENT, 0,
				   call->result.at_us - uuid7_time_us(call->claim->id));
	results_add(sd->results, call);
	claims_wake(sd->claims);
}

/* Give the slot back. Returns the time until the breaker's next probe, 0: it is closed. */
static int64_t
call_release(struct call *call, enum breaker_news news, bool is_parked)
{
	struct senderd *sd = call->owner->sd;
	int64_t now_us = clock_mono_us();
	int64_t wait_us;
	enum breaker_change change;

	call->http = NULL;
	outgoing_end(call->outgoing);
	call->duration_us = now_us - call->started_us;
	change = targets_call_ended(sd->targets, call->target, news, is_parked, now_us, &wait_us);
	servers_report(sd->servers, call->route, change, wait_us, call->reason);
	return wait_us;
}

/* A call ended. pr lives in the call's memory. */
static void
call_end(struct call *call, const struct provider_result *pr, enum breaker_news news)
{
	struct senderd *sd = call->owner->sd;
	unsigned label = call->route->provider_label;
	struct outcome_policy policy;

	call->reason = pr->code;
	policy = call_policy(call, call_release(call, news, outcome_parks(pr)));
	policy.new_chats_us = new_chats_answered(sd->new_chats, call->route, pr);
	outcome_decide(&policy, call->claim, pr, call->mem->arena, &call->result);
	metrics_add(sd->metrics, M_ATTEMPTS, label, pr->outcome, 1);
	metrics_observe_us(sd->metrics, M_DURATION, label, 0, call->duration_us);
	call_store(call);
}

/* The call could not even be made. Where the provider's row is to blame, its breaker opens. */
static void
call_end_local(struct call *call, enum provider_outcome outcome, const char *code, const char *text)
{
	struct provider_result *pr = arena_alloc(call->mem->arena, sizeof(*pr));

	pr->outcome = outcome;
	pr->code = code;
	provider_text_set(pr->text, slice_of(text));
	call_end(call, pr, outcome == PROVIDER_PARK_PROVIDER ? BREAKER_DOWN : BREAKER_NONE);
}

/* ---- the answer ---- */

static struct provider_result *
call_interpret(struct call *call, enum provider_op op, const struct http_result *r)
{
	struct arena *a = call->mem->arena;
	struct provider_result *pr = arena_alloc(a, sizeof(*pr));
	struct provider_answer answer = provider_client_answer(r);

	answer.body = arena_dup(a, answer.body);
	if (op == PROVIDER_OP_MESSAGE_GET)
		answer.send_ref = call->claim->send_ref;
	if (op == PROVIDER_OP_ACTION)
		provider_read_action(call->route->provider, ACTION_NUMBER_CHECK, &answer, a, pr);
	else
		provider_interpret(call->route->provider, op, &answer, a, pr);
	/* A server that cannot be reached is not the message's fault, whatever the table of the
	 * provider says of one try. */
	if (r->outcome == HTTP_NOT_SENT)
		pr->outcome = PROVIDER_PARK_PROVIDER;
	/* No words of the provider: ours say what happened on the way. */
	if (r->outcome != HTTP_DONE && pr->text[0] == '\0')
		provider_text_set(pr->text, slice_of(http_fail_name(r->fail)));
	return pr;
}

/* ---- the request ---- */

static void
call_set_chat(struct call *call)
{
	struct provider_chat chat;
	enum gh_code rc = provider_chat_parse(call->claim->to, call->mem->arena, &chat);

	call->chat = rc == GH_OK ? chat.key : call->claim->chat_key;
}

/* Of sending.deadline; the lease outlives it. */
static int64_t
call_left_us(const struct call *call)
{
	int64_t left_us = call->owner->sd->conf->common.sending_deadline_us -
			  (clock_mono_us() - call->started_us);

	return left_us > CLOCK_MS ? left_us : CLOCK_MS;
}

/* Put a request on its way. GH_EINVAL with a reason: the provider's row is wrong. */
static enum gh_code
call_transmit(struct call *call, const struct provider_request *pr, int64_t timeout_us,
	      http_done_fn *done, struct gh_err *err)
{
	struct http_header headers[PROVIDER_HEADER_MAX];
	struct http_request request = {
		.method = slice_of(pr->method),
		.headers = headers,
		.header_count = (unsigned)pr->header_count,
		.body = pr->body,
		.timeout_us = timeout_us,
		.response_max = RESPONSE_MAX,
	};
	struct url url;
	enum gh_code rc;

	for (size_t i = 0; i < pr->header_count; i++)
		headers[i] = (struct http_header){pr->header[i].name, pr->header[i].value};
	rc = url_parse(pr->url, &url, err);
	if (rc != GH_OK)
		return GH_EINVAL;
	request.url = &url;
	rc = http_client_send(call->owner->client, &request, done, call, &call->http);
	if (rc == GH_EINVAL)
		return gh_fail(err, rc, "the key cannot be sent as a header");
	return rc == GH_OK ? rc : gh_fail(err, rc, "%s", gh_code_name(rc));
}

/* It is not called now, and neither the message nor its provider is to blame. delay_us 0: until the
 * usual time. */
static void
call_postpone(struct call *call, const char *code, const char *text, int64_t delay_us)
{
	outcome_postpone(call->claim, code, text, &call->result);
	if (delay_us > 0)
		call->result.delay_us = delay_us;
	call->reason = code;
	(void)call_release(call, BREAKER_NONE, false);
	call_store(call);
}

static void call_send(struct call *call, const struct provider_request *request);

static bool
is_refused_as(const struct provider_result *pr, const char *code)
{
	return pr->outcome == PROVIDER_REJECTED && slice_eq(slice_of(pr->code), slice_of(code));
}

/* The server runs another engine than we knew of: a refusal of the form leaves the content. */
static void
call_answered(void *arg, const struct http_result *r)
{
	struct call *call = arg;
	const struct provider_result *pr = call_interpret(call, PROVIDER_OP_SEND, r);
	struct provider_request plain;

	call->http = NULL;
	if (is_refused_as(pr, "unsupported") && outgoing_plain(call->outgoing, &plain)) {
		call_send(call, &plain);
		return;
	}
	if (call->phone.n > 0 && is_refused_as(pr, "recipient_unknown"))
		numbers_forget(call->owner->sd->numbers, call->route->provider_id, call->phone,
			       call->chat);
	call_end(call, pr, outcome_news(pr, false));
}

static void
call_send(struct call *call, const struct provider_request *request)
{
	struct senderd *sd = call->owner->sd;
	struct gh_err err;
	enum gh_code rc;

	if (!request->carries_ref)
		call->claim->send_ref = SLICE_NONE;
	metrics_observe_us(sd->metrics, M_END_TO_END, STAGE_CALLED, 0,
			   clock_wall_us() - uuid7_time_us(call->claim->id));
	rc = call_transmit(call, request, call_left_us(call), call_answered, &err);
	if (rc == GH_EINVAL)
		call_end_local(call, PROVIDER_PARK_PROVIDER, "provider_misconfigured", err.text);
	else if (rc != GH_OK)
		call_end_local(call, PROVIDER_RETRY, "client_busy", err.text);
}

/* The last try ends it under its own reason; a call before it that is in doubt is another matter.
 */
static void
call_retry_local(struct call *call, const struct outgoing_result *r)
{
	const struct send_claim *c = call->claim;
	bool is_last = c->tries >= call->route->max_attempts;

	call_end_local(call, is_last && !c->is_in_doubt ? PROVIDER_REJECTED : PROVIDER_RETRY,
		       r->code, r->text);
}

static void
call_prepared(void *arg, const struct outgoing_result *r)
{
	struct call *call = arg;

	switch (r->end) {
	case OUTGOING_READY:
		call_send(call, &r->request);
		return;
	case OUTGOING_REFUSED:
		call_end_local(call, PROVIDER_REJECTED, r->code, r->text);
		return;
	case OUTGOING_RETRY:
		call_retry_local(call, r);
		return;
	case OUTGOING_POSTPONED:
		call_postpone(call, r->code, r->text, 0);
		return;
	}
}

/* ---- the spelling of a number of Brazil ---- */

static void call_make(struct call *call);

/* The answer stands: send there, or end what nobody would get. */
static void
call_spell(struct call *call, const struct number_answer *answer, bool is_noted)
{
	if (!answer->exists) {
		call_end_local(call, PROVIDER_REJECTED, "recipient_unknown",
			       "the number is not on WhatsApp");
		return;
	}
	if (answer->chat.n > 0 && !slice_eq(answer->chat, call->chat)) {
		call->chat = arena_dup(call->mem->arena, answer->chat);
		outgoing_set_chat(call->outgoing, call->chat);
		if (!is_noted)
			numbers_resolved(call->owner->sd->numbers, call->claim->id, call->chat);
	}
	call_make(call);
}

static void
call_number_checked(void *arg, const struct http_result *r)
{
	struct call *call = arg;
	const struct provider_result *pr = call_interpret(call, PROVIDER_OP_ACTION, r);
	const struct number_answer answer = {.exists = pr->is_found, .chat = pr->chat};

	/* A check that failed is no answer: send to the number as given. */
	if (pr->outcome != PROVIDER_OK || (pr->is_found && pr->chat.n == 0)) {
		call_make(call);
		return;
	}
	numbers_keep(call->owner->sd->numbers, call->route->provider_id, call->phone, &answer,
		     call->claim->id);
	call_spell(call, &answer, true);
}

/* Within a quarter of the call's time: the lease must cover what follows. */
static bool
call_check_number(struct call *call)
{
	struct arena *a = call->mem->arena;
	struct provider_act *act = arena_alloc(a, sizeof(*act));
	const struct provider_call pc = {
		.op = PROVIDER_OP_ACTION,
		.session = call->route->session,
		.session_key = call->route->session_key,
		.act = act,
	};
	int64_t timeout_us = call->owner->sd->conf->common.sending_deadline_us / 4;
	const struct provider_server server = route_server(call->route);
	struct provider_request request;
	struct gh_err err;

	act->action = ACTION_NUMBER_CHECK;
	act->text = call->phone;
	return provider_build(call->route->provider, &server, &pc, a, &request, &err) == GH_OK &&
	       call_transmit(call, &request, timeout_us, call_number_checked, &err) == GH_OK;
}

static void
call_number_known(void *arg, enum gh_code code, const struct number_answer *answer)
{
	struct call *call = arg;

	if (code == GH_OK)
		call_spell(call, answer, false);
	else if (code != GH_ENOTFOUND || !call_check_number(call))
		call_make(call);
}

/* ---- a delay, in which typing is shown ---- */

/* Half of what is left of the call's time to get ready. */
static void
call_prepare(struct call *call)
{
	outgoing_start(call->outgoing, clock_mono_us() + call_left_us(call) / 2, call_prepared,
		       call);
}

/* It counts from the acceptance: what waited longer anyway has had its delay. */
static int64_t
call_delay_us(const struct call *call)
{
	int64_t delay_us = outgoing_delay_us(call->outgoing);
	int64_t left_us = uuid7_time_us(call->claim->id) + delay_us - clock_wall_us();

	return left_us < delay_us ? left_us : delay_us;
}

/* The rest of the delay nobody waits here: the row comes back, at the head of its chat. */
static void
call_shown(void *arg, const struct http_result *r GH_UNUSED)
{
	struct call *call = arg;
	int64_t left_us = call_delay_us(call);

	call->http = NULL;
	if (left_us > 0)
		call_postpone(call, "waiting_delay", "typing is shown", left_us);
	else
		call_prepare(call);
}

/* A sign is a courtesy: what becomes of it changes nothing, and a retry shows none. */
static void
call_show(struct call *call)
{
	const struct provider_server server = route_server(call->route);
	struct provider_call pc = {
		.op = PROVIDER_OP_PRESENCE,
		.session = call->route->session,
		.session_key = call->route->session_key,
		.chat = call->chat,
		.presence = call->claim->kind == MSG_AUDIO ? PROVIDER_PRESENCE_RECORDING
							   : PROVIDER_PRESENCE_COMPOSING,
	};
	struct provider_request request;

	if (outgoing_delay_us(call->outgoing) == 0 || call->claim->is_in_doubt ||
	    call->claim->tries > 1) {
		call_prepare(call);
		return;
	}
	if (call_delay_us(call) <= 0)
		pc.presence = PROVIDER_PRESENCE_PAUSED;
	if (provider_build(call->route->provider, &server, &pc, call->mem->arena, &request, NULL) !=
		    GH_OK ||
	    call_transmit(call, &request, call_left_us(call) / 4, call_shown, NULL) != GH_OK)
		call_shown(call, NULL);
}

/* ---- no new chats ---- */

/* What waits comes back a little after the message that was refused: while it is refused again, it
 * is the only one. */
#define NEW_CHATS_AFTER_US (2 * CLOCK_SEC)

static void
call_chat_known(void *arg, enum gh_code code)
{
	struct call *call = arg;

	if (code == GH_OK) {
		call_show(call);
		return;
	}
	if (code != GH_ENOTFOUND) {
		call_postpone(call, "waiting_database", "the database does not answer", 0);
		return;
	}
	metrics_add(call->owner->sd->metrics, M_NEW_CHATS, NEW_CHATS_M_HELD, 0, 1);
	call_postpone(call, NEW_CHATS_WAITING, "WhatsApp lets the number open no conversation",
		      call->claim->new_chats_us + NEW_CHATS_AFTER_US);
}

/* The provider call itself, in what is left of the call's time. */
static void
call_make(struct call *call)
{
	if (!call->is_spelled) {
		call->is_spelled = true;
		call->phone = numbers_phone(call->chat);
		if (call->phone.p != NULL) {
			numbers_find(call->owner->sd->numbers, call->mem->arena,
				     call->route->provider_id, call->phone, call_number_known,
				     call);
			return;
		}
	}
	if (call->claim->new_chats_us > 0)
		new_chats_find(call->owner->sd->new_chats, call->mem->arena, call->claim,
			       call->chat, call_chat_known, call);
	else
		call_show(call);
}

/* ---- a row in doubt ---- */

static void
call_looked_up(void *arg, const struct http_result *r)
{
	struct call *call = arg;
	struct senderd *sd = call->owner->sd;
	const struct provider_result *pr = call_interpret(call, PROVIDER_OP_MESSAGE_GET, r);
	struct outcome_policy policy = call_policy(call, 0);
	bool is_answer = pr->outcome == PROVIDER_OK;

	metrics_add(sd->metrics, M_LOOKUPS,
		    is_answer ? (pr->is_found ? LOOKUP_FOUND : LOOKUP_ABSENT) : LOOKUP_FAILED, 0,
		    1);
	call->is_looked_up = true;
	call->reason = is_answer && pr->is_found ? "lookup" : pr->code;
	if (outcome_looked_up(&policy, call->claim, pr, &call->result)) {
		call_make(call);
		return;
	}
	policy.provider_park_us = call_release(call, outcome_news(pr, true), outcome_parks(pr));
	(void)outcome_looked_up(&policy, call->claim, pr, &call->result);
	call_store(call);
}

/* False: the provider cannot be asked for this message. */
static bool
call_look_up(struct call *call)
{
	const struct provider_server server = route_server(call->route);
	const struct provider_call pc = {
		.op = PROVIDER_OP_MESSAGE_GET,
		.session = call->route->session,
		.session_key = call->route->session_key,
		.chat = call->chat,
		.send_ref = call->claim->send_ref,
	};
	/* Half of the call's time: the lease must cover the call that may follow. */
	int64_t timeout_us = call->owner->sd->conf->common.sending_deadline_us / 2;
	struct provider_request request;
	struct gh_err err;

	return provider_build(call->route->provider, &server, &pc, call->mem->arena, &request,
			      &err) == GH_OK &&
	       call_transmit(call, &request, timeout_us, call_looked_up, &err) == GH_OK;
}

/* The row needs no call: end it. */
static void
call_skip(struct call *call, void (*decide)(struct send_result *out))
{
	decide(&call->result);
	call->reason = "no_call";
	(void)call_release(call, BREAKER_NONE, false);
	call_store(call);
}

/* A row in doubt that the provider does not know by the send_ref cannot be looked up, and a resend
 * would not be the same message: the default is to hold it. */
static void
call_set_outgoing(struct call *call)
{
	struct send_claim *claim = call->claim;

	call->outgoing = outgoing_new(call->owner->sd, &(struct outgoing_want){
							       .a = call->mem->arena,
							       .route = call->route,
							       .claim = claim,
							       .chat = call->chat,
						       });
	if (claim->is_in_doubt && !outgoing_carries_ref(call->outgoing)) {
		claim->send_ref = SLICE_NONE;
		claim->is_hold = !claim->wants_resend;
	}
}

static void
call_begin(struct call *call)
{
	struct outcome_policy policy;
	enum outcome_step step;

	call_set_outgoing(call);
	policy = call_policy(call, 0);
	step = outcome_first_step(&policy, call->claim, true);
	if (step == OUTCOME_LOOK_UP) {
		if (call_look_up(call))
			return;
		step = outcome_first_step(&policy, call->claim, false);
	}
	if (step == OUTCOME_HOLD)
		call_skip(call, outcome_hold);
	else
		call_make(call);
}

/* ---- a message that was accepted for another provider ---- */

static void
call_renamed(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct call *call = arg;

	if (code == GH_OK && send_rename_applied(u))
		call_begin(call);
	else
		call_postpone(call, "unnamed", "its reference for the provider is not stored", 0);
}

/* True: the name that its provider is to know it by is being stored first. */
static bool
call_rename(struct call *call)
{
	struct send_claim *claim = call->claim;
	char *ref = arena_alloc(call->mem->arena, PROVIDER_SEND_REF_SIZE);
	struct slice wanted = SLICE_NONE;
	struct db_unit *u;

	if (provider_send_ref(call->route->provider, claim->kind, claim->id, ref))
		wanted = slice_of(ref);
	if (slice_eq(wanted, claim->send_ref))
		return false;
	claim->send_ref = wanted;
	u = db_unit_new();
	send_rename_add(u, claim, wanted);
	if (db_submit(call->owner->sd->write, u, call_renamed, call) != GH_OK)
		call_postpone(call, "unnamed", "its reference for the provider is not stored", 0);
	return true;
}

void
calls_start(struct calls *c, struct claim_mem *mem, struct target *target,
	    const struct route *route, struct send_claim *claim)
{
	struct call *call = gh_alloc(sizeof(*call));

	call->owner = c;
	call->mem = mem;
	mem->refs++;
	call->target = target;
	call->route = route;
	call->claim = claim;
	call->started_us = clock_mono_us();
	list_add_tail(&c->all, &call->link);
	call_set_chat(call);
	if (claim->is_settled) {
		if (route->provider != NULL && route->provider->ref_is_id)
			call->result.external_id = claim->send_ref;
		call_skip(call, outcome_settled);
		return;
	}
	if (route->provider == NULL) {
		call_end_local(call, PROVIDER_PARK_PROVIDER, "unsupported_provider",
			       "this build has no translator for the provider's type");
		return;
	}
	if (route->provider->has_session_keys && route->session_key.n == 0) {
		call_end_local(call, PROVIDER_PARK_INSTANCE, "session_missing",
			       "the session's key is not known");
		return;
	}
	if (!call_rename(call))
		call_begin(call);
}

/* ---- life ---- */

void
call_free(struct call *call)
{
	list_del(&call->link);
	outgoing_end(call->outgoing);
	claim_mem_unref(call->mem);
	gh_free(call);
}

struct calls *
calls_new(struct senderd *sd)
{
	struct calls *c = gh_alloc(sizeof(*c));
	const struct http_client_config config = {
		.policy = HTTP_POLICY_PROVIDER,
		.in_flight_max = (unsigned)sd->conf->max_in_flight,
		.connect_timeout_us = sd->conf->connect_timeout_us,
	};

	c->sd = sd;
	list_init(&c->all);
	c->client = http_client_new(sd->loop, daemon_dns(sd->daemon), &config);
	return c;
}

void
calls_free(struct calls *c)
{
	if (c == NULL)
		return;
	http_client_free(c->client);
	while (!list_is_empty(&c->all))
		call_free(LIST_ENTRY(c->all.next, struct call, link));
	gh_free(c);
}
