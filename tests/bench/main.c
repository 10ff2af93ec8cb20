/* main.c - growhub-bench: options of one closed-loop run, its result as text or JSON. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/version.h"
#include "http/url.h"
#include "load.h"
#include "loop/loop.h"
#include "send.h"

#define EXIT_USAGE  64
#define EXIT_ERRORS 1
#define SECONDS_MAX 86400

static const char usage[] =
	"usage: growhub-bench --url URL --token TOKEN --instance ID [OPTION]...\n"
	"\n"
	"Sends messages to the gateway at URL (http://ADDRESS:PORT/path, default path\n"
	"/api/messages/send) over keep-alive connections, each with one request under way.\n"
	"  --url URL          where to; the host is a numeric address\n"
	"  --token TOKEN      of the company\n"
	"  --instance ID      that sends\n"
	"  --connections N    default 64\n"
	"  --seconds N        counted time, default 5\n"
	"  --warmup N         seconds before it, default 1\n"
	"  --status N         status of a success, default 201\n"
	"  --json             print one JSON line instead of text\n"
	"  --help, --version\n"
	"Exit status: 0, 1 when a request failed (the first failure is on stderr), 64 usage.\n";

struct options {
	const char *url, *token;
	uint64_t instance_id, connections, seconds, warmup, status;
	bool is_json;
};

enum {
	OPT_URL,
	OPT_TOKEN,
	OPT_INSTANCE,
	OPT_CONNECTIONS,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_STATUS,
	OPT_JSON,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"url", required_argument, NULL, OPT_URL},
	{"token", required_argument, NULL, OPT_TOKEN},
	{"instance", required_argument, NULL, OPT_INSTANCE},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"warmup", required_argument, NULL, OPT_WARMUP},
	{"status", required_argument, NULL, OPT_STATUS},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
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

static void
option_take(struct options *o, int opt)
{
	switch (opt) {
	case OPT_URL:
		o->url = optarg;
		break;
	case OPT_TOKEN:
		o->token = optarg;
		break;
	case OPT_INSTANCE:
		o->instance_id = number(optarg, 1, INT32_MAX);
		break;
	case OPT_CONNECTIONS:
		o->connections = number(optarg, 1, LOAD_CONNECTIONS_MAX);
		break;
	case OPT_SECONDS:
		o->seconds = number(optarg, 1, SECONDS_MAX);
		break;
	case OPT_WARMUP:
		o->warmup = number(optarg, 0, SECONDS_MAX);
		break;
	case OPT_STATUS:
		o->status = number(optarg, 100, 599);
		break;
	case OPT_JSON:
		o->is_json = true;
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
	struct options o = {.connections = 64, .seconds = 5, .warmup = 1, .status = 201};
	int opt;

	opterr = 0;
	for (opt = getopt_long(argc, argv, "", long_options, NULL); opt != -1;
	     opt = getopt_long(argc, argv, "", long_options, NULL))
		option_take(&o, opt);
	if (optind != argc || o.url == NULL || o.token == NULL || o.instance_id == 0)
		die_usage("--url, --token and --instance are needed, and nothing else but options");
	return o;
}

static void
report_json(const struct load_result *r, double seconds)
{
	printf("{\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"seconds\":%.3f,\"rate\":%.1f,"
	       "\"p50_us\":%" PRId64 ",\"p90_us\":%" PRId64 ",\"p99_us\":%" PRId64
	       ",\"max_us\":%" PRId64 "}\n",
	       r->requests, r->errors, seconds, (double)r->requests / seconds,
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

int
main(int argc, char **argv)
{
	struct options o = options_read(argc, argv);
	struct send_requests requests = {.token = slice_of(o.token), .instance_id = o.instance_id};
	struct load_opts load = {.connections = (unsigned)o.connections,
				 .warmup_us = (int64_t)o.warmup * CLOCK_SEC,
				 .run_us = (int64_t)o.seconds * CLOCK_SEC,
				 .status = (unsigned)o.status,
				 .write = send_write,
				 .arg = &requests};
	struct load_result *result = gh_alloc(sizeof(*result));
	struct loop *loop;
	struct gh_err err;
	struct url url;
	bool has_failed;

	if (url_parse(slice_of(o.url), &url, &err) != GH_OK)
		die_usage(err.text);
	if (url.is_https || addr_parse(slice_of(url.host), &load.addr) != GH_OK)
		die_usage("--url: must be http:// with a numeric address");
	load.port = url.port;
	requests.host = slice_of(url.host);
	requests.path = slice_eq(url.target, S("/")) ? S("/api/messages/send") : url.target;
	log_init("bench", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	loop = loop_new();
	load_run(loop, &load, result);
	loop_free(loop);
	(o.is_json ? report_json : report_text)(result, (double)result->elapsed_us / 1e6);
	has_failed = result->errors > 0;
	if (has_failed)
		(void)fprintf(stderr, "growhub-bench: first error: %s\n", result->first_error);
	gh_free(result);
	return has_failed ? EXIT_ERRORS : 0;
}
