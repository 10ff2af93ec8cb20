#include "provider_call.h"

#include "gateway.h"

#include "base/arena.h"
#include "base/log.h"
#include "http/client.h"

#define ANSWER_MAX  (1024 * 1024)
#define API_KEY_MAX 4096

/* One call under way; lives in the request's arena. */
struct running {
	struct gw_req *req;
	const struct provider *provider;
	enum provider_op op;
	int32_t instance_id;
	struct slice body; /* borrowed by the client */
	provider_call_fn *done;
};

/* Report what never left this process. */
static void
running_refuse(const struct running *r, enum provider_outcome outcome, const char *code,
	       const char *text)
{
	struct provider_result result = {.outcome = outcome, .code = code};

	provider_text_set(result.text, slice_of(text));
	r->done(r->req, &result);
}

static void
running_done(void *arg, const struct http_result *h)
{
	const struct running *r = arg;
	struct provider_answer answer = {.body = h->body, .status = (int)h->status};
	struct provider_result result;

	switch (h->outcome) {
	case HTTP_DONE:
		answer.transport = PROVIDER_ANSWERED;
		break;
	case HTTP_NOT_SENT:
		answer.transport = PROVIDER_NOT_SENT;
		break;
	case HTTP_UNKNOWN:
		answer.transport = PROVIDER_NO_ANSWER;
		break;
	}
	provider_interpret(r->provider, r->op, &answer, r->req->a, &result);
	if (result.outcome != PROVIDER_OK)
		log_warn("provider.call_failed", LOG_INT("instance", r->instance_id),
			 LOG_INT("op", r->op), LOG_STR("code", result.code),
			 LOG_STR("err", h->outcome == HTTP_DONE ? result.text : h->detail),
			 LOG_INT("dur_ms", h->elapsed_us / 1000));
	r->done(r->req, &result);
}

static void
running_send(struct running *r, const struct provider_request *p)
{
	struct http_header headers[PROVIDER_HEADER_MAX];
	struct http_request h = {
		.method = slice_of(p->method),
		.headers = headers,
		.header_count = (unsigned)p->header_count,
		.timeout_us = r->req->gw->conf->common.sending_deadline_us,
		.response_max = ANSWER_MAX,
	};
	struct url url;
	struct gh_err err;
	enum gh_code rc;

	if (url_parse(p->url, &url, &err) != GH_OK) {
		running_refuse(r, PROVIDER_PARK_PROVIDER, "provider_address", err.text);
		return;
	}
	for (size_t i = 0; i < p->header_count; i++)
		headers[i] = (struct http_header){p->header[i].name, p->header[i].value};
	r->body = p->body;
	h.url = &url;
	h.body = r->body;
	rc = http_client_send(r->req->gw->provider_http, &h, running_done, r, NULL);
	if (rc == GH_EBUSY)
		running_refuse(r, PROVIDER_RETRY, "gateway_busy", "too many calls are under way");
	else if (rc != GH_OK)
		running_refuse(r, PROVIDER_PARK_PROVIDER, "provider_address",
			       "the request cannot be sent as configured");
}

void
provider_call(struct gw_req *req, const struct instance_row *i, struct provider_call *call,
	      provider_call_fn *done)
{
	struct running *r = arena_alloc(req->a, sizeof(*r));
	struct provider_server server = {.base_url = i->base_url};
	struct provider_request p;
	struct buf key;
	struct gh_err err;

	r->req = req;
	r->op = call->op;
	r->instance_id = i->id;
	r->done = done;
	r->provider = provider_find(i->provider_type);
	if (r->provider == NULL) {
		running_refuse(r, PROVIDER_REJECTED, "not_supported",
			       "this provider is not yet supported");
		return;
	}
	buf_init(&key, req->a, API_KEY_MAX);
	if (i->api_key_sealed.p != NULL &&
	    seal_open(&req->gw->seal_key, 1, S("provider_key"), i->api_key_sealed, &key) != GH_OK) {
		running_refuse(r, PROVIDER_PARK_PROVIDER, "provider_key",
			       "the provider's key cannot be opened");
		return;
	}
	server.api_key = buf_slice(&key);
	call->session = i->external_id;
	if (provider_build(r->provider, &server, call, req->a, &p, &err) != GH_OK)
		running_refuse(r, PROVIDER_REJECTED, "not_supported", err.text);
	else
		running_send(r, &p);
}
