/* main.c - growhub-bench: options of one run, its result as text or JSON. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/version.h"
#include "echo.h"
#include "get.h"
#include "http/url.h"
#include "inbound.h"
#include "load.h"
#include "loop/loop.h"
#include "mq/publisher.h"
#include "post.h"
#include "publish.h"
#include "send.h"

#define EXIT_USAGE  64
#define EXIT_ERRORS 1
#define SECONDS_MAX 86400
/* Numbers that --get asks for, as tests/bench/growth stores them. */
#define FIRST_NUMBER 5511900000000
#define NUMBER_STEP  97

static const char usage[] =
	"usage: growhub-bench --url URL --token TOKEN --instance ID [OPTION]...\n"
	"       growhub-bench --url URL --senders FILE [OPTION]...\n"
	"       growhub-bench --url URL --hmac KEY --session NAME [OPTION]...\n"
	"       growhub-bench --url URL --token TOKEN --get TARGET [OPTION]...\n"
	"       growhub-bench --publish AMQP_URL --company ID [OPTION]...\n"
	"       growhub-bench --post URL --token KEY --session NAME [OPTION]...\n"
	"       growhub-bench --echo\n"
	"\n"
	"Sends messages to the gateway at URL (http://ADDRESS:PORT/path, default path\n"
	"/api/messages/send), or posts signed WAHA webhooks to URL, over keep-alive\n"
	"connections; or publishes hints to RabbitMQ, as the relay does, without a relay;\n"
	"or posts texts to a WAHA server, as senderd does, without a senderd; or answers\n"
	"requests with 201 and a constant, as the gateway does, without a gateway.\n"
	"  --url URL          where to; the host is a numeric address\n"
	"  --token TOKEN      of the company; API key of the WAHA server\n"
	"  --get TARGET       path and query to GET; {n} becomes 5511900000000 and on, in turn\n"
	"  --range N          that many numbers, default 1\n"
	"  --instance ID      that sends\n"
	"  --senders FILE     a line \"TOKEN INSTANCE [PRIORITY]\" per sender, in turn\n"
	"  --hmac KEY         that webhooks are signed with\n"
	"  --session NAME     in the webhooks, and that texts are posted for\n"
	"  --connections N    default 64; of posts: in flight\n"
	"  --rate N           open loop: N requests per second are due, whatever comes back;\n"
	"                     without it each connection sends again when it is answered\n"
	"  --status N         status of a success, default 201, of webhooks 200\n"
	"  --company ID       whose queues are published to\n"
	"  --companies N      that company and those behind it, in turn; default 1\n"
	"  --window N         publishings without confirmation, default 256\n"
	"  --seconds N        counted time, default 5\n"
	"  --warmup N         seconds before it, default 1\n"
	"  --json             print one JSON line instead of text\n"
	"  --echo             serve on a free port, printed, until SIGTERM\n"
	"  --help, --version\n"
	"Exit status: 0, 1 when a request failed (the first failure is on stderr), 64 usage.\n";

struct options {
	const char *get, *url, *token, *senders, *hmac_key, *session, *publish_url, *post_url;
	uint64_t instance_id, connections, rate, seconds, warmup, status;
	uint64_t company_id, company_count, window, range;
	bool is_json, is_echo;
};

enum {
	OPT_URL,
	OPT_TOKEN,
	OPT_GET,
	OPT_RANGE,
	OPT_INSTANCE,
	OPT_HMAC,
	OPT_SESSION,
	OPT_SENDERS,
	OPT_PUBLISH,
	OPT_POST,
	OPT_ECHO,
	OPT_CONNECTIONS,
	OPT_RATE,
	OPT_STATUS,
	OPT_COMPANY,
	OPT_COMPANIES,
	OPT_WINDOW,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_JSON,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"url", required_argument, NULL, OPT_URL},
	{"token", required_argument, NULL, OPT_TOKEN},
	{"get", required_argument, NULL, OPT_GET},
	{"range", required_argument, NULL, OPT_RANGE},
	{"instance", required_argument, NULL, OPT_INSTANCE},
	{"hmac", required_argument, NULL, OPT_HMAC},
	{"session", required_argument, NULL, OPT_SESSION},
	{"senders", required_argument, NULL, OPT_SENDERS},
	{"publish", required_argument, NULL, OPT_PUBLISH},
	{"post", required_argument, NULL, OPT_POST},
	{"echo", no_argument, NULL, OPT_ECHO},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"rate", required_argument, NULL, OPT_RATE},
	{"status", required_argument, NULL, OPT_STATUS},
	{"company", required_argument, NULL, OPT_COMPANY},
	{"companies", required_argument, NULL, OPT_COMPANIES},
	{"window", required_argument, NULL, OPT_WINDOW},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"warmup", required_argument, NULL, OPT_WARMUP},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

/* Options whose value is a text or a number: where it goes, and its bounds. */
struct text_option {
	int opt;
	size_t offset;
};

struct number_option {
	int opt;
	size_t offset;
	uint64_t min, max;
};

#define AT(member) offsetof(struct options, member)

static const struct text_option text_options[] = {
	{OPT_URL, AT(url)},
	{OPT_TOKEN, AT(token)},
	{OPT_HMAC, AT(hmac_key)},
	{OPT_SESSION, AT(session)},
	{OPT_PUBLISH, AT(publish_url)},
	{OPT_SENDERS, AT(senders)},
	{OPT_POST, AT(post_url)},
	{OPT_GET, AT(get)},
};

static const struct number_option number_options[] = {
	{OPT_INSTANCE, AT(instance_id), 1, INT32_MAX},
	{OPT_CONNECTIONS, AT(connections), 1, LOAD_CONNECTIONS_MAX},
	{OPT_RANGE, AT(range), 1, INT32_MAX},
	{OPT_RATE, AT(rate), 1, LOAD_RATE_MAX},
	{OPT_STATUS, AT(status), 100, 599},
	{OPT_COMPANY, AT(company_id), 1, INT32_MAX},
	{OPT_COMPANIES, AT(company_count), 1, INT32_MAX},
	{OPT_WINDOW, AT(window), 1, MQ_WINDOW_MAX},
	{OPT_SECONDS, AT(seconds), 1, SECONDS_MAX},
	{OPT_WARMUP, AT(warmup), 0, SECONDS_MAX},
};

static void
die_usage(const char *what)
{
	(void)fprintf(stderr, "growhub-bench: %s\n%s", what, usage);
	exit(EXIT_USAGE);
}

static uint64_t
number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t v = 0;

	if (parse_u64(slice_of(text), min, max, &v) != GH_OK)
		die_usage("a number is wrong or out of range");
	return v;
}

static bool
option_take_value(struct options *o, int opt)
{
	char *base = (char *)o;

	for (size_t i = 0; i < GH_COUNT(text_options); i++) {
		if (text_options[i].opt == opt) {
			*(const char **)(void *)(base + text_options[i].offset) = optarg;
			return true;
		}
	}
	for (size_t i = 0; i < GH_COUNT(number_options); i++) {
		const struct number_option *n = &number_options[i];

		if (n->opt == opt) {
			*(uint64_t *)(void *)(base + n->offset) = number(optarg, n->min, n->max);
			return true;
		}
	}
	return false;
}

static void
option_take(struct options *o, int opt)
{
	if (option_take_value(o, opt))
		return;
	switch (opt) {
	case OPT_JSON:
		o->is_json = true;
		break;
	case OPT_ECHO:
		o->is_echo = true;
		break;
	case OPT_HELP:
		(void)fputs(usage, stdout);
		exit(0);
	case OPT_VERSION:
		(void)puts("growhub-bench " GH_VERSION);
		exit(0);
	default:
		die_usage("unknown option");
	}
}

static struct options
options_read(int argc, char **argv)
{
	struct options o = {.connections = 64,
			    .seconds = 5,
			    .warmup = 1,
			    .company_count = 1,
			    .range = 1,
			    .window = MQ_WINDOW_DEFAULT};
	bool is_send, is_inbound, is_publish, is_post, is_get;
	int opt;

	opterr = 0;
	for (opt = getopt_long(argc, argv, "", long_options, NULL); opt != -1;
	     opt = getopt_long(argc, argv, "", long_options, NULL))
		option_take(&o, opt);
	is_send = o.url != NULL && ((o.token != NULL && o.instance_id > 0) || o.senders != NULL);
	is_get = o.url != NULL && o.token != NULL && o.get != NULL;
	is_inbound = o.url != NULL && o.hmac_key != NULL && o.session != NULL;
	is_publish = o.publish_url != NULL && o.company_id > 0;
	is_post = o.post_url != NULL && o.token != NULL && o.session != NULL;
	if (optind != argc || is_send + is_get + is_inbound + is_publish + is_post + o.is_echo != 1)
		die_usage("give the options of one of the uses");
	if (o.status == 0)
		o.status = is_inbound || is_get ? 200 : 201;
	return o;
}

/* ---- publishing ---- */

static int
publish(struct loop *loop, const struct options *o)
{
	const struct publish_opts opts = {.url = slice_of(o->publish_url),
					  .window = (unsigned)o->window,
					  .first_company = (int64_t)o->company_id,
					  .company_count = (unsigned)o->company_count,
					  .warmup_us = (int64_t)o->warmup * CLOCK_SEC,
					  .run_us = (int64_t)o->seconds * CLOCK_SEC};
	struct publish_result r;
	struct gh_err err;
	double seconds;

	if (publish_run(loop, &opts, &r, &err) != GH_OK)
		die_usage(err.text);
	seconds = (double)r.elapsed_us / 1e6;
	printf(o->is_json ? "{\"published\":%" PRIu64 ",\"confirmed\":%" PRIu64
			    ",\"errors\":%" PRIu64 ",\"seconds\":%.3f,\"rate\":%.1f}\n"
			  : "%" PRIu64 " published, of these counted: %" PRIu64
			    " confirmed, %" PRIu64 " errors in %.2f s: %.0f/s\n",
	       r.published, r.confirmed, r.failed, seconds, (double)r.confirmed / seconds);
	return r.failed > 0 || r.confirmed == 0 ? EXIT_ERRORS : 0;
}

/* ---- floors ---- */

static int
post(struct loop *loop, const struct options *o)
{
	const struct post_opts opts = {.base_url = slice_of(o->post_url),
				       .api_key = slice_of(o->token),
				       .session = slice_of(o->session),
				       .in_flight = (unsigned)o->connections,
				       .warmup_us = (int64_t)o->warmup * CLOCK_SEC,
				       .run_us = (int64_t)o->seconds * CLOCK_SEC};
	struct post_result r;
	struct gh_err err;
	double seconds;

	if (post_run(loop, &opts, &r, &err) != GH_OK)
		die_usage(err.text);
	seconds = (double)r.elapsed_us / 1e6;
	printf(o->is_json ? "{\"requests\":%" PRIu64 ",\"errors\":%" PRIu64
			    ",\"seconds\":%.3f,\"rate\":%.1f,\"cpu_us\":%.2f}\n"
			  : "%" PRIu64 " answered, %" PRIu64
			    " errors in %.2f s: %.0f/s, %.1f us CPU each\n",
	       r.answered, r.errors, seconds, (double)r.answered / seconds,
	       r.answered > 0 ? (double)r.cpu_us / (double)r.answered : 0);
	if (r.errors > 0)
		(void)fprintf(stderr, "growhub-bench: first error: %s\n", r.first_error);
	return r.errors > 0 || r.answered == 0 ? EXIT_ERRORS : 0;
}

static int
echo(struct loop *loop)
{
	struct gh_err err;

	if (echo_run(loop, &err) == GH_OK)
		return 0;
	(void)fprintf(stderr, "growhub-bench: %s\n", err.text);
	return EXIT_ERRORS;
}

/* ---- requests ---- */

static void
report_json(const struct load_result *r, double seconds)
{
	printf("{\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"due\":%" PRIu64
	       ",\"seconds\":%.3f,\"rate\":%.1f,\"p50_us\":%" PRId64 ",\"p90_us\":%" PRId64
	       ",\"p99_us\":%" PRId64 ",\"max_us\":%" PRId64 "}\n",
	       r->requests, r->errors, r->due, seconds, (double)r->requests / seconds,
	       hist_quantile_us(&r->latency, 500), hist_quantile_us(&r->latency, 900),
	       hist_quantile_us(&r->latency, 990), r->latency.max_us);
}

static void
report_text(const struct load_result *r, double seconds)
{
	printf("%" PRIu64 " requests in %.2f s: %.0f/s, %" PRIu64 " errors\n"
	       "latency in ms: p50 %.2f  p90 %.2f  p99 %.2f  max %.2f\n",
	       r->requests, seconds, (double)r->requests / seconds, r->errors,
	       (double)hist_quantile_us(&r->latency, 500) / 1e3,
	       (double)hist_quantile_us(&r->latency, 900) / 1e3,
	       (double)hist_quantile_us(&r->latency, 990) / 1e3, (double)r->latency.max_us / 1e3);
}

/* Who sends: the file's senders, or the one of the options. */
static void
senders_set(const struct options *o, struct arena *a, struct send_requests *sends)
{
	struct sender *one;
	struct gh_err err;

	if (o->senders != NULL) {
		if (senders_read(o->senders, a, &sends->senders, &sends->sender_count, &err) !=
		    GH_OK)
			die_usage(err.text);
		return;
	}
	one = arena_alloc(a, sizeof(*one));
	one->token = slice_of(o->token);
	one->instance_id = o->instance_id;
	sends->senders = one;
	sends->sender_count = 1;
}

static int
load(struct loop *loop, const struct options *o)
{
	bool is_inbound = o->hmac_key != NULL, is_get = o->get != NULL;
	struct arena *a = arena_new(0);
	struct send_requests sends = {0};
	struct inbound_requests inbound = {.session = slice_of(o->session),
					   .hmac_key = slice_of(o->hmac_key)};
	struct get_requests get = {.token = slice_of(o->token),
				   .target = slice_of(o->get),
				   .first = FIRST_NUMBER,
				   .step = NUMBER_STEP,
				   .range = o->range};
	struct load_opts opts = {.connections = (unsigned)o->connections,
				 .rate = (unsigned)o->rate,
				 .warmup_us = (int64_t)o->warmup * CLOCK_SEC,
				 .run_us = (int64_t)o->seconds * CLOCK_SEC,
				 .status = (unsigned)o->status};
	struct load_result *result;
	struct gh_err err;
	struct url url;
	bool has_failed;

	if (url_parse(slice_of(o->url), &url, &err) != GH_OK)
		die_usage(err.text);
	if (url.is_https || addr_parse(slice_of(url.host), &opts.addr) != GH_OK)
		die_usage("--url: must be http:// with a numeric address");
	opts.port = url.port;
	sends.host = inbound.host = get.host = slice_of(url.host);
	sends.path = slice_eq(url.target, S("/")) ? S("/api/messages/send") : url.target;
	inbound.path = url.target;
	if (!is_inbound && !is_get)
		senders_set(o, a, &sends);
	opts.write = is_get ? get_write : is_inbound ? inbound_write : send_write;
	opts.arg = is_get ? (void *)&get : is_inbound ? (void *)&inbound : (void *)&sends;
	result = gh_alloc(sizeof(*result));
	load_run(loop, &opts, result);
	(o->is_json ? report_json : report_text)(result, (double)result->elapsed_us / 1e6);
	has_failed = result->errors > 0;
	if (has_failed)
		(void)fprintf(stderr, "growhub-bench: first error: %s\n", result->first_error);
	gh_free(result);
	arena_free(a);
	return has_failed ? EXIT_ERRORS : 0;
}

static int
run(struct loop *loop, const struct options *o)
{
	if (o->is_echo)
		return echo(loop);
	if (o->publish_url != NULL)
		return publish(loop, o);
	return o->post_url != NULL ? post(loop, o) : load(loop, o);
}

int
main(int argc, char **argv)
{
	struct options o = options_read(argc, argv);
	struct loop *loop;
	int status;

	log_init("bench", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	loop = loop_new();
	status = run(loop, &o);
	loop_free(loop);
	return status;
}
