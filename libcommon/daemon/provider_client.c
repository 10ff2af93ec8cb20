/* provider_client.c - calls about sessions and servers; see provider_client.h. */
#include "daemon/provider_client.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/seal.h"
#include "daemon/daemon.h"
#include "daemon/version.h"
#include "http/client.h"
#include "http/retry_after.h"
#include "http/url.h"

#define ANSWER_MAX         (1024 * 1024)
#define KEY_MAX            4096
#define CONNECT_TIMEOUT_US (5 * CLOCK_SEC)

struct provider_client {
	struct http_client *http;
	struct seal_key key;
	struct list calls;
};

/* One call under way; lives in its own arena. */
struct client_call {
	struct list link; /* in provider_client.calls */
	struct provider_client *owner;
	struct arena *a;
	const struct provider *provider;
	enum provider_op op;
	enum provider_action action;            /* of PROVIDER_OP_ACTION */
	const struct provider_request *or_else; /* NULL: none, or it is what was sent */
	int64_t deadline_us;                    /* monotonic */
	int64_t elapsed_us;                     /* of the request before it */
	provider_client_fn *done;
	void *arg;
};

static void
client_call_end(struct client_call *cc, const struct provider_result *result, int64_t elapsed_us)
{
	list_del(&cc->link);
	cc->done(cc->arg, result, elapsed_us);
	arena_free(cc->a);
}

/* Report what never left this process. */
static void
client_call_refuse(struct client_call *cc, enum provider_outcome outcome, const char *code,
		   const char *text)
{
	struct provider_result result = {.outcome = outcome, .code = code};

	provider_text_set(result.text, slice_of(text));
	client_call_end(cc, &result, 0);
}

static void client_call_send(struct provider_client *c, struct client_call *cc,
			     const struct provider_request *p);

/* The server knows the call in its older form, if at all. */
static bool
client_call_falls_back(struct client_call *cc, const struct http_result *r)
{
	const struct provider_request *older = cc->or_else;

	if (older == NULL || r->outcome != HTTP_DONE || (r->status != 404 && r->status != 405))
		return false;
	cc->or_else = NULL;
	cc->elapsed_us = r->elapsed_us;
	client_call_send(cc->owner, cc, older);
	return true;
}

struct provider_answer
provider_client_answer(const struct http_result *r)
{
	static const enum provider_transport transports[] = {
		[HTTP_DONE] = PROVIDER_ANSWERED,
		[HTTP_NOT_SENT] = PROVIDER_NOT_SENT,
		[HTTP_UNKNOWN] = PROVIDER_NO_ANSWER,
	};
	struct slice wish = slice_trim(http_result_header(r, S("Retry-After")));
	int64_t wait_us =
		http_retry_after_us(wish, clock_wall_us(), PROVIDER_CLIENT_RETRY_AFTER_MAX);

	return (struct provider_answer){
		.transport = transports[r->outcome],
		.status = (int)r->status,
		.body = r->body,
		.retry_after_us = wait_us > 0 ? wait_us : 0,
		.is_cut = r->is_cut,
	};
}

static void
client_call_answered(void *arg, const struct http_result *r)
{
	struct client_call *cc = arg;
	struct provider_result *result = arena_alloc(cc->a, sizeof(*result));
	const struct provider_answer answer = provider_client_answer(r);

	if (client_call_falls_back(cc, r))
		return;
	if (cc->op == PROVIDER_OP_ACTION)
		provider_read_action(cc->provider, cc->action, &answer, cc->a, result);
	else
		provider_interpret(cc->provider, cc->op, &answer, cc->a, result);
	/* No words of the provider: ours say what happened on the way. */
	if (r->outcome != HTTP_DONE && result->text[0] == '\0')
		provider_text_set(result->text, slice_of(http_fail_name(r->fail)));
	client_call_end(cc, result, cc->elapsed_us + r->elapsed_us);
}

static void
client_call_send(struct provider_client *c, struct client_call *cc,
		 const struct provider_request *p)
{
	int64_t left_us = cc->deadline_us - clock_mono_us();
	struct http_header headers[PROVIDER_HEADER_MAX];
	struct http_request request = {
		.method = slice_of(p->method),
		.headers = headers,
		.header_count = (unsigned)p->header_count,
		.body = arena_dup(cc->a, p->body),
		.timeout_us = left_us > CLOCK_MS ? left_us : CLOCK_MS,
		.response_max = p->answer_max > 0 ? p->answer_max : ANSWER_MAX,
	};
	struct url url;
	struct gh_err err;
	enum gh_code rc;

	rc = url_parse(p->url, &url, &err);
	if (rc != GH_OK) {
		client_call_refuse(cc, PROVIDER_PARK_PROVIDER, "provider_address", err.text);
		return;
	}
	for (size_t i = 0; i < p->header_count; i++)
		headers[i] = (struct http_header){p->header[i].name, p->header[i].value};
	request.url = &url;
	rc = http_client_send(c->http, &request, client_call_answered, cc, NULL);
	if (rc == GH_EBUSY)
		client_call_refuse(cc, PROVIDER_RETRY, "client_busy",
				   "too many calls are under way");
	else if (rc != GH_OK)
		client_call_refuse(cc, PROVIDER_PARK_PROVIDER, "provider_address",
				   "the request cannot be sent as configured");
}

bool
provider_client_is_lost(const struct provider_result *result)
{
	struct slice code = slice_of(result->code);

	return slice_eq(code, S("session_missing")) || slice_eq(code, S("session_key_refused"));
}

/* Plain text of a sealed key, SLICE_NONE when there is none. */
static enum gh_code
key_open(const struct provider_client *c, struct slice aad, struct slice sealed, struct arena *a,
	 struct slice *plain)
{
	struct buf b;
	enum gh_code rc;

	*plain = SLICE_NONE;
	if (sealed.p == NULL)
		return GH_OK;
	buf_init(&b, a, KEY_MAX);
	rc = seal_open(&c->key, 1, aad, sealed, &b);
	if (rc == GH_OK)
		*plain = buf_slice(&b);
	return rc;
}

/* Of the server: the others speak of one session. */
static bool
is_of_server(enum provider_op op)
{
	return op == PROVIDER_OP_SESSION_CREATE || op == PROVIDER_OP_SESSION_FIND ||
	       op == PROVIDER_OP_SESSION_LIST || op == PROVIDER_OP_SERVER_VERSION;
}

/* False: there is no key, and the call needs one. */
static bool
session_key_set(const struct provider_client *c, const struct client_call *cc, struct slice sealed,
		struct provider_call *call)
{
	enum gh_code rc;

	if (!cc->provider->has_session_keys || is_of_server(call->op) || call->session_key.n > 0)
		return true;
	rc = key_open(c, S("session_key"), sealed, cc->a, &call->session_key);
	if (rc != GH_OK)
		log_error("provider.session_key_unreadable", LOG_SLICE("session", call->session),
			  LOG_STR("err", gh_code_name(rc)));
	return call->session_key.n > 0;
}

void
provider_client_call(struct provider_client *c, const struct provider_address *address,
		     const struct provider_call *call, int64_t timeout_us, provider_client_fn *done,
		     void *arg)
{
	struct arena *a = arena_new(0);
	struct client_call *cc = arena_alloc(a, sizeof(*cc));
	struct provider_server server = {.base_url = address->base_url, .engine = address->engine};
	struct provider_call keyed = *call;
	struct provider_request *request = arena_alloc(a, sizeof(*request));
	struct gh_err err;
	enum gh_code rc;

	*cc = (struct client_call){
		.owner = c,
		.a = a,
		.provider = provider_find(address->type),
		.op = call->op,
		.action = call->op == PROVIDER_OP_ACTION ? call->act->action : 0,
		.deadline_us = clock_mono_us() + timeout_us,
		.done = done,
		.arg = arg,
	};
	list_add_tail(&c->calls, &cc->link);
	if (cc->provider == NULL) {
		client_call_refuse(cc, PROVIDER_REJECTED, "not_supported",
				   "this provider is not yet supported");
		return;
	}
	rc = key_open(c, S("provider_key"), address->api_key_sealed, a, &server.api_key);
	if (rc != GH_OK) {
		client_call_refuse(cc, PROVIDER_PARK_PROVIDER, "provider_key",
				   "the provider's key cannot be opened");
		return;
	}
	if (!session_key_set(c, cc, address->session_key_sealed, &keyed)) {
		client_call_refuse(cc, PROVIDER_PARK_INSTANCE, "session_missing",
				   "the session's key is not known");
		return;
	}
	rc = provider_build(cc->provider, &server, &keyed, a, request, &err);
	if (rc != GH_OK) {
		client_call_refuse(cc, PROVIDER_REJECTED,
				   rc == GH_EPERM ? "not_supported" : "invalid_call", err.text);
		return;
	}
	cc->or_else = request->or_else;
	client_call_send(c, cc, request);
}

struct provider_client *
provider_client_new(struct daemon *d, unsigned in_flight_max)
{
	struct provider_client *c = gh_alloc(sizeof(*c));
	const struct http_client_config config = {
		.policy = HTTP_POLICY_PROVIDER,
		.in_flight_max = in_flight_max,
		.connect_timeout_us = CONNECT_TIMEOUT_US,
		.user_agent = "GrowHub/" GH_VERSION,
	};

	list_init(&c->calls);
	seal_key_init(&c->key, daemon_common(d)->secrets_key.b);
	c->http = http_client_new(daemon_loop(d), daemon_dns(d), &config);
	return c;
}

void
provider_client_free(struct provider_client *c)
{
	if (c == NULL)
		return;
	http_client_free(c->http);
	while (!list_is_empty(&c->calls)) {
		struct client_call *cc = LIST_ENTRY(c->calls.next, struct client_call, link);

		list_del(&cc->link);
		arena_free(cc->a);
	}
	gh_free(c);
}
