/* http_metrics.c - how many requests, how long, how many refused.
 *
 * The label `route` is method and template ("POST /api/messages/send"); whatever has no route
 * is "other", so that a scanner cannot make series.
 */
#include "private.h"

#include "base/buf.h"

enum { REQUESTS, DURATION, IN_FLIGHT, REJECTED };
const unsigned http_metrics_def_count = REJECTED + 1;

/* The statuses the API uses; the last one stands for all others. */
static const char *const statuses[] = {
	"200", "201", "202", "204", "207", "400", "401", "403", "404", "405", "408", "409",
	"413", "414", "415", "422", "429", "431", "500", "501", "502", "503", "504", "other",
};
static const struct metric_label status_label = {"code", statuses, GH_COUNT(statuses)};

static unsigned
fill_routes(struct http_metrics *m)
{
	struct route routes[GW_ROUTES_MAX];
	unsigned n = modules_routes(routes);

	for (unsigned i = 0; i < n; i++) {
		struct buf b = {.p = m->route_text[i],
				.size = sizeof(m->route_text[i]),
				.max = sizeof(m->route_text[i])};

		buf_add_cstr(&b, http_method_name(routes[i].method));
		buf_add_char(&b, ' ');
		buf_add_cstr(&b, routes[i].pattern);
		buf_add_char(&b, '\0');
		if (b.over)
			gh_panic("gateway: pattern %s is too long", routes[i].pattern);
		m->routes[i] = m->route_text[i];
	}
	m->routes[n] = "other";
	return n + 1;
}

void
http_metrics_init(struct http_metrics *m)
{
	struct metric_label route = {"route", m->routes, fill_routes(m)};
	struct metric_label reason = {"reason", m->reasons, HTTP1_REASON_COUNT - 1};

	for (unsigned i = 1; i < HTTP1_REASON_COUNT; i++)
		m->reasons[i - 1] = http1_reason_info((enum http1_reason)i)->word;
	m->defs[REQUESTS] = (struct metric_def){
		.name = "http_requests_total",
		.type = METRIC_COUNTER,
		.help = "replies by route (method and template) and status",
		.labels = {route, status_label},
		.is_sparse = true,
	};
	m->defs[DURATION] = (struct metric_def){
		.name = "http_request_duration_seconds",
		.type = METRIC_HISTOGRAM,
		.help = "from the end of the header section to the reply",
		.labels = {route},
		.buckets = &METRIC_BUCKETS_REQUEST,
		.is_sparse = true,
	};
	m->defs[IN_FLIGHT] = (struct metric_def){
		.name = "http_in_flight",
		.type = METRIC_GAUGE,
		.help = "requests without a reply yet",
	};
	m->defs[REJECTED] = (struct metric_def){
		.name = "http_rejected_total",
		.type = METRIC_COUNTER,
		.help = "requests that broke HTTP or a limit of the server",
		.labels = {reason},
	};
}

void
http_metrics_count(struct gateway *gw, unsigned route, unsigned status, int64_t us)
{
	char text[16];
	struct buf b = {.p = text, .size = sizeof(text), .max = sizeof(text)};

	buf_add_u64(&b, status);
	metrics_add(gw->metrics, REQUESTS, route, metrics_label_index(&status_label, buf_slice(&b)),
		    1);
	metrics_observe_us(gw->metrics, DURATION, route, 0, us);
}

void
http_metrics_collect(void *arg)
{
	struct gateway *gw = arg;
	int64_t in_flight = 0;

	for (unsigned s = 0; s < gw->server_count; s++)
		in_flight += http_server_in_flight(gw->servers[s]);
	metrics_set(gw->metrics, IN_FLIGHT, 0, 0, in_flight);
	for (unsigned i = 1; i < HTTP1_REASON_COUNT; i++) {
		uint64_t refused = 0;

		for (unsigned s = 0; s < gw->server_count; s++)
			refused += http_server_refused(gw->servers[s], (enum http1_reason)i);
		metrics_set(gw->metrics, REJECTED, i - 1, 0, (int64_t)refused);
	}
}
