/* admin.c - the admin port: /livez (the loop turns), /readyz (the cached checks), /metrics.
 * No page asks anybody anything: a probe cannot load the database.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/private.h"
#include "daemon/version.h"
#include "http/http1.h"
#include "http/server.h"
#include "loop/loop.h"

#define ADMIN_CONNECTIONS_MAX 64
#define ADMIN_BODY_MAX        1024
#define METRICS_TEXT_MAX      (8 * 1024 * 1024)
#define READY_TEXT_MAX        (64 * 1024)
/* An idle loop makes a pass every second. */
#define LIVE_MAX_US (5 * CLOCK_SEC)

static void
reply(struct http_req *req, unsigned status, struct slice type, struct slice body)
{
	const struct http_header headers[] = {
		{S("Content-Type"), type},
		{S("Cache-Control"), S("no-store")},
	};

	http_reply(req, status, headers, GH_COUNT(headers), body);
}

/* Nothing external: failing here means "restart me". */
static void
serve_live(struct daemon *d, struct http_req *req)
{
	bool is_live = clock_mono_us() - loop_last_pass_us(d->loop) < LIVE_MAX_US;

	reply(req, is_live ? 200 : 503, S("application/json"),
	      is_live ? S("{\"status\":\"ok\"}\n") : S("{\"status\":\"stalled\"}\n"));
}

static void
serve_ready(struct daemon *d, struct http_req *req)
{
	bool is_ready = checks_status(&d->checks) != CHECKS_UNREADY;
	struct buf b;

	buf_init(&b, req->a, READY_TEXT_MAX);
	checks_write(&d->checks, GH_VERSION, clock_mono_us(), &b);
	reply(req, is_ready ? 200 : 503, S("application/json"), buf_slice(&b));
}

static void
serve_metrics(struct daemon *d, struct http_req *req)
{
	struct buf b;

	buf_init(&b, NULL, METRICS_TEXT_MAX);
	metrics_write(d->metrics, &b);
	if (b.over)
		reply(req, 500, S("text/plain"), S("metrics do not fit\n"));
	else
		reply(req, 200, S(METRICS_CONTENT_TYPE), buf_slice(&b));
	buf_free(&b);
}

static const struct admin_page {
	struct slice path;
	void (*serve)(struct daemon *d, struct http_req *req);
} pages[] = {
	{{"/livez", 6}, serve_live},
	{{"/healthz", 8}, serve_live},
	{{"/readyz", 7}, serve_ready},
	{{"/metrics", 8}, serve_metrics},
};

static void
on_request(void *arg, struct http_req *req)
{
	static const struct http_header allow[] = {{{"Allow", 5}, {"GET, HEAD", 9}}};
	struct daemon *d = arg;

	for (size_t i = 0; i < GH_COUNT(pages); i++) {
		if (!slice_eq(req->head->path, pages[i].path))
			continue;
		if (req->head->method != HTTP_GET && req->head->method != HTTP_HEAD)
			http_reply(req, 405, allow, GH_COUNT(allow), SLICE_NONE);
		else
			pages[i].serve(d, req);
		return;
	}
	reply(req, 404, S("text/plain"), S("try /livez, /readyz or /metrics\n"));
}

enum gh_code
admin_open(struct daemon *d, struct gh_err *err)
{
	const struct conf_listens *listen =
		(const void *)((const char *)d->live + d->def->admin_listen_offset);

	if (listen->count > DAEMON_ADMIN_MAX)
		gh_panic("admin_listen: %zu addresses", listen->count);
	for (size_t i = 0; i < listen->count; i++) {
		const struct conf_listen *at = &listen->v[i];
		struct http_server_opts opts = {
			.host = at->host[0] != '\0' ? at->host : "::",
			.port = at->port,
			.connections_max = ADMIN_CONNECTIONS_MAX,
			.body_max = ADMIN_BODY_MAX,
			.on_request = on_request,
			.arg = d,
		};
		enum gh_code rc = http_server_new(&d->admin[i], d->loop, &opts, err);

		if (rc != GH_OK)
			return rc;
		log_info("daemon.admin_listening", LOG_STR("host", opts.host),
			 LOG_INT("port", http_server_port(d->admin[i])));
	}
	return GH_OK;
}

void
admin_close(struct daemon *d)
{
	for (size_t i = 0; i < DAEMON_ADMIN_MAX; i++) {
		http_server_free(d->admin[i]);
		d->admin[i] = NULL;
	}
}
