/* calls.c - the provider call of one claimed message; see calls.h. */
#include "calls.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "claims.h"
#include "daemon/daemon.h"
#include "http/client.h"
#include "http/url.h"
#include "model/facts.h"
#include "outcome.h"
#include "provider/provider.h"
#include "results.h"
#include "routes.h"
#include "senderd.h"
#include "targets.h"

#define RESPONSE_MAX (256 * 1024)

struct calls {
	struct senderd *sd;
	struct http_client *client;
	struct list all;
};

/* ---- the end ---- */

static void
call_facts(struct call *call)
{
	struct send_result *r = &call->result;
	bool is_sent = r->outcome == SEND_DONE_SENT;

	if (r->event_type == EVENT_NONE)
		return;
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

/* pr lives in the call's memory. */
static void
call_end(struct call *call, const struct provider_result *pr)
{
	struct senderd *sd = call->owner->sd;
	const struct conf_common *conf = &sd->conf->common;
	const struct outcome_policy policy = {
		.max_attempts = conf->sending_max_attempts,
		.in_doubt_wait_us = conf->sending_in_doubt_wait_us,
	};
	int64_t now_us = clock_mono_us();
	unsigned label = call->route->provider_label;

	call->http = NULL;
	call->duration_us = now_us - call->started_us;
	call->reason = pr->code;
	call->result.id = call->claim->id;
	call->result.instance_id = call->claim->instance_id;
	call->result.attempt = call->claim->attempt;
	call->result.at_us = clock_wall_us();
	outcome_decide(&policy, call->claim, pr, call->mem->arena, &call->result);
	call_facts(call);

	metrics_add(sd->metrics, M_ATTEMPTS, label, pr->outcome, 1);
	metrics_observe_us(sd->metrics, M_DURATION, label, 0, call->duration_us);
	if (pr->outcome == PROVIDER_OK)
		metrics_observe_us(sd->metrics, M_END_TO_END, STAGE_SENT, 0,
				   call->result.at_us - uuid7_time_us(call->claim->id));
	targets_call_ended(sd->targets, call->target, outcome_parks(pr), now_us);
	results_add(sd->results, call);
	claims_wake(sd->claims);
}

/* The call could not even be made. */
static void
call_end_local(struct call *call, enum provider_outcome outcome, const char *code, const char *text)
{
	struct provider_result *pr = arena_alloc(call->mem->arena, sizeof(*pr));

	pr->outcome = outcome;
	pr->code = code;
	provider_text_set(pr->text, slice_of(text));
	call_end(call, pr);
}

/* ---- the answer ---- */

/* Seconds only: a date would need the provider's clock to be right. */
static int64_t
retry_after_us(const struct http_result *r)
{
	uint64_t seconds;
	enum gh_code rc = parse_u64(slice_trim(http_result_header(r, S("Retry-After"))), 0,
				    UINT32_MAX, &seconds);

	return rc == GH_OK ? (int64_t)seconds * CLOCK_SEC : 0;
}

static void
call_answered(void *arg, const struct http_result *r)
{
	static const enum provider_transport transports[] = {
		[HTTP_DONE] = PROVIDER_ANSWERED,
		[HTTP_NOT_SENT] = PROVIDER_NOT_SENT,
		[HTTP_UNKNOWN] = PROVIDER_NO_ANSWER,
	};
	struct call *call = arg;
	struct arena *a = call->mem->arena;
	struct provider_result *pr = arena_alloc(a, sizeof(*pr));
	const struct provider_answer answer = {
		.transport = transports[r->outcome],
		.status = (int)r->status,
		.body = arena_dup(a, r->body),
		.retry_after_us = retry_after_us(r),
	};

	provider_interpret(call->route->provider, PROVIDER_OP_SEND, &answer, a, pr);
	/* No words of the provider: ours say what happened on the way. */
	if (r->outcome != HTTP_DONE && pr->text[0] == '\0')
		provider_text_set(pr->text, slice_of(http_fail_name(r->fail)));
	call_end(call, pr);
}

/* ---- the request ---- */

static void
call_set_chat(struct call *call)
{
	struct provider_chat chat;
	enum gh_code rc = provider_chat_parse(call->claim->to, call->mem->arena, &chat);

	call->chat = rc == GH_OK ? chat.key : call->claim->chat_key;
}

static enum gh_code
call_build(struct call *call, struct provider_request *out, struct gh_err *err)
{
	const struct send_claim *c = call->claim;
	const struct route *route = call->route;
	struct provider_server *server = arena_alloc(call->mem->arena, sizeof(*server));
	struct provider_send *send = arena_alloc(call->mem->arena, sizeof(*send));
	const struct provider_call pc = {
		.op = PROVIDER_OP_SEND,
		.session = route->session,
		.send = send,
	};

	server->base_url = route->base_url;
	server->api_key = route->api_key;
	send->kind = c->kind;
	send->chat = call->chat;
	send->send_ref = c->send_ref;
	send->content = c->content;
	send->reply_to = c->reply_to;
	send->media_url = c->media_url;
	return provider_build(route->provider, server, &pc, call->mem->arena, out, err);
}

static void
call_send(struct call *call, const struct provider_request *pr)
{
	struct senderd *sd = call->owner->sd;
	struct http_header headers[PROVIDER_HEADER_MAX];
	struct http_request request = {
		.method = slice_of(pr->method),
		.headers = headers,
		.header_count = (unsigned)pr->header_count,
		.body = pr->body,
		.timeout_us = sd->conf->common.sending_deadline_us,
		.response_max = RESPONSE_MAX,
	};
	struct url url;
	struct gh_err err;
	enum gh_code rc;

	for (size_t i = 0; i < pr->header_count; i++)
		headers[i] = (struct http_header){pr->header[i].name, pr->header[i].value};
	rc = url_parse(pr->url, &url, &err);
	if (rc != GH_OK) {
		call_end_local(call, PROVIDER_PARK_PROVIDER, "bad_base_url", err.text);
		return;
	}
	request.url = &url;
	metrics_observe_us(sd->metrics, M_END_TO_END, STAGE_CALLED, 0,
			   clock_wall_us() - uuid7_time_us(call->claim->id));
	rc = http_client_send(call->owner->client, &request, call_answered, call, &call->http);
	if (rc == GH_EINVAL)
		call_end_local(call, PROVIDER_PARK_PROVIDER, "bad_api_key",
			       "the key cannot be sent as a header");
	else if (rc != GH_OK)
		call_end_local(call, PROVIDER_RETRY, "client_busy", gh_code_name(rc));
}

void
calls_start(struct calls *c, struct claim_mem *mem, struct target *target,
	    const struct route *route, const struct send_claim *claim)
{
	struct call *call = gh_alloc(sizeof(*call));
	struct provider_request request;
	struct gh_err err;
	enum gh_code rc;

	call->owner = c;
	call->mem = mem;
	mem->refs++;
	call->target = target;
	call->route = route;
	call->claim = claim;
	call->started_us = clock_mono_us();
	list_add_tail(&c->all, &call->link);
	call_set_chat(call);
	if (route->provider == NULL) {
		call_end_local(call, PROVIDER_PARK_PROVIDER, "unsupported_provider",
			       "this build has no translator for the provider's type");
		return;
	}
	rc = call_build(call, &request, &err);
	if (rc == GH_OK)
		call_send(call, &request);
	else
		call_end_local(call, PROVIDER_REJECTED,
			       rc == GH_EPERM ? "unsupported" : "invalid_request", err.text);
}

/* ---- life ---- */

void
call_free(struct call *call)
{
	list_del(&call->link);
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
