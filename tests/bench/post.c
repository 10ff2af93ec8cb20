#include "post.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/client.h"
#include "http/url.h"
#include "loop/dns.h"
#include "loop/loop.h"
#include "provider/provider.h"

#define TIMEOUT_US   (30 * CLOCK_SEC)
#define RESPONSE_MAX (256 * 1024)

struct post {
	struct loop *loop;
	const struct post_opts *opts;
	struct post_result *out;
	struct http_client *client;
	struct http_request request;
	struct http_header headers[PROVIDER_HEADER_MAX];
	struct url url;
	struct loop_timer *timer; /* end of the warm-up, then of the run */
	bool is_counting;
	int64_t started_us, started_cpu_us;
};

static int64_t
cpu_us(void)
{
	struct rusage r;

	if (getrusage(RUSAGE_SELF, &r) != 0)
		gh_panic("bench: getrusage failed");
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * CLOCK_SEC + r.ru_utime.tv_usec +
	       r.ru_stime.tv_usec;
}

static void
post_error(struct post *p, unsigned status, const char *detail, struct slice body)
{
	struct post_result *r = p->out;

	if (r->errors++ == 0)
		(void)snprintf(r->first_error, sizeof(r->first_error), "%u %s %.*s", status, detail,
			       S_FMT(slice_sub(body, 0, POST_ERROR_MAX / 2)));
}

static void post_one(struct post *p);

static void
post_answered(void *arg, const struct http_result *r)
{
	struct post *p = arg;

	if (r->outcome != HTTP_DONE || r->status / 100 != 2)
		post_error(p, r->status, r->detail, r->body);
	else if (p->is_counting)
		p->out->answered++;
	post_one(p);
}

static void
post_one(struct post *p)
{
	if (http_client_send(p->client, &p->request, post_answered, p, NULL) != GH_OK)
		gh_panic("bench: the client takes no request");
}

static void
post_phase_over(void *arg)
{
	struct post *p = arg;

	if (p->is_counting) {
		p->out->elapsed_us = clock_mono_us() - p->started_us;
		p->out->cpu_us = cpu_us() - p->started_cpu_us;
		loop_stop(p->loop);
		return;
	}
	p->is_counting = true;
	p->started_us = clock_mono_us();
	p->started_cpu_us = cpu_us();
	loop_timer_set(p->timer, p->opts->run_us);
}

/* The request of one send; its texts live in a. */
static enum gh_code
post_build(struct post *p, struct arena *a, struct gh_err *err)
{
	const struct provider_server server = {.base_url = p->opts->base_url,
					       .api_key = p->opts->api_key};
	const struct provider_send send = {
		.kind = MSG_TEXT,
		.chat = S("5511900000000@c.us"),
		.send_ref = S("3EB00123456789ABCDEF01"),
		.content = S("Ol\xc3\xa1! Your order 00000000 has left our store and should arrive "
			     "tomorrow before noon. Reply 1 to follow it, 2 to talk to us."),
	};
	const struct provider_call call = {
		.op = PROVIDER_OP_SEND, .session = p->opts->session, .send = &send};
	struct provider_request made;

	if (provider_build(provider_find(S("waha")), &server, &call, a, &made, err) != GH_OK ||
	    url_parse(made.url, &p->url, err) != GH_OK)
		return GH_EINVAL;
	for (size_t i = 0; i < made.header_count; i++)
		p->headers[i] = (struct http_header){made.header[i].name, made.header[i].value};
	p->request = (struct http_request){
		.method = slice_of(made.method),
		.url = &p->url,
		.headers = p->headers,
		.header_count = (unsigned)made.header_count,
		.body = made.body,
		.timeout_us = TIMEOUT_US,
		.response_max = RESPONSE_MAX,
	};
	if (!http_request_is_valid(&p->request))
		return gh_fail(err, GH_EINVAL, "the key cannot be sent as a header");
	return GH_OK;
}

static void
post_loop(struct post *p)
{
	struct dns *dns = dns_new(p->loop, NULL, NULL);
	const struct http_client_config config = {.policy = HTTP_POLICY_PROVIDER,
						  .in_flight_max = p->opts->in_flight};

	p->client = http_client_new(p->loop, dns, &config);
	p->timer = loop_timer_new(p->loop, post_phase_over, p);
	loop_timer_set(p->timer, p->opts->warmup_us);
	for (unsigned i = 0; i < p->opts->in_flight; i++)
		post_one(p);
	loop_run(p->loop);
	loop_timer_free(p->timer);
	http_client_free(p->client);
	dns_free(dns);
	loop_run_once(p->loop, 0); /* as dns_free wants it */
}

enum gh_code
post_run(struct loop *l, const struct post_opts *opts, struct post_result *out, struct gh_err *err)
{
	struct post p = {.loop = l, .opts = opts, .out = out};
	struct arena *a = arena_new(0);
	enum gh_code rc;

	*out = (struct post_result){0};
	rc = post_build(&p, a, err);
	if (rc == GH_OK)
		post_loop(&p);
	arena_free(a);
	return rc;
}
