/* main.c - growhub-sim: options, listener, and the way of a request to its handler. */
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/version.h"
#include "http/router.h"
#include "http/server.h"
#include "loop/loop.h"

#define ROUTES_MAX      192
#define CONNECTIONS_MAX 4096
#define EXIT_USAGE      64

struct options {
	const char *listen, *state_file;
};

static const char usage[] =
	"usage: growhub-sim [--listen HOST:PORT] [--state FILE] [--help] [--version]\n"
	"\n"
	"Plays WAHA under /waha, UAZAPI under /uazapi, company receivers under /hook/{name}, a\n"
	"host of files under /files/{name}; steered under /_sim.\n"
	"  --listen HOST:PORT  numeric address (default 127.0.0.1:0, 0: a free port)\n"
	"  --state FILE        sessions survive a restart there\n"
	"Prints \"growhub-sim: listening on URL\" when ready; GET /_sim/health then answers.\n";

/* ---- requests ---- */

static bool
is_under(struct slice path, struct slice prefix)
{
	return slice_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* Whose faults apply; SLICE_NONE: nobody's. */
static struct slice
scope_of(const struct http_req *req)
{
	static const struct {
		struct slice path, scope;
	} prefixes[] = {{{"/hook/", 6}, {"hook:", 5}}, {{"/files/", 7}, {"file:", 5}}};
	struct slice path = req->head->path;
	struct buf b;

	if (is_under(path, S("/waha")))
		return S("waha");
	if (is_under(path, S("/uazapi")))
		return S("uazapi");
	for (size_t i = 0; i < GH_COUNT(prefixes); i++) {
		if (!slice_starts(path, prefixes[i].path))
			continue;
		buf_init(&b, req->a, path.n + 8);
		buf_add(&b, prefixes[i].scope);
		buf_add(&b, slice_from(path, prefixes[i].path.n));
		return buf_slice(&b);
	}
	return SLICE_NONE;
}

static void
not_found(struct http_req *req, const struct route_match *m, enum route_result result)
{
	if (is_under(req->head->path, S("/uazapi")))
		uazapi_reply_unknown_path(req);
	else if (is_under(req->head->path, S("/waha")))
		waha_reply_unknown_path(req);
	else if (result == ROUTE_BAD_METHOD || m->allow != 0)
		sim_reply_error(req, 405, "method not allowed");
	else
		sim_reply_error(req, 404, "no such path");
}

static void
on_request(void *arg, struct http_req *req)
{
	struct sim *sim = arg;
	struct route_match m = {0};
	enum route_result result;

	if (!sim_exchange_begin(sim, req, scope_of(req)))
		return;
	result = router_match(sim->router, req->head->method, req->head->path, req->a, &m);
	if (result != ROUTE_FOUND)
		not_found(req, &m, result);
	else if ((m.route->flags & SIM_OPEN) == 0 &&
		 !slice_eq(http_req_header(req, S("X-Api-Key")), S(SIM_KEY)))
		waha_reply_unauthorized(req);
	else
		m.route->fn(sim, req, &m);
}

static void
on_cancel(void *arg GH_UNUSED, struct http_req *req)
{
	sim_exchange_cancel(req);
}

/* ---- start and end ---- */

static struct router *
routes_build(struct route all[ROUTES_MAX])
{
	const struct {
		const struct route *routes;
		unsigned count;
	} tables[] = {
		{sim_waha_routes, sim_waha_route_count},
		{sim_waha_send_routes, sim_waha_send_route_count},
		{sim_waha_action_routes, sim_waha_action_route_count},
		{sim_waha_account_routes, sim_waha_account_route_count},
		{sim_uazapi_routes, sim_uazapi_route_count},
		{sim_uazapi_send_routes, sim_uazapi_send_route_count},
		{sim_uazapi_action_routes, sim_uazapi_action_route_count},
		{sim_uazapi_account_routes, sim_uazapi_account_route_count},
		{sim_uazapi_chat_routes, sim_uazapi_chat_route_count},
		{sim_uazapi_group_routes, sim_uazapi_group_route_count},
		{sim_hook_routes, sim_hook_route_count},
		{sim_file_routes, sim_file_route_count},
		{sim_control_routes, sim_control_route_count},
	};
	unsigned n = 0;

	for (size_t t = 0; t < GH_COUNT(tables); t++)
		for (unsigned i = 0; i < tables[t].count; i++) {
			if (n == ROUTES_MAX)
				gh_panic("sim: more than %d routes", ROUTES_MAX);
			all[n++] = tables[t].routes[i];
		}
	return router_new(all, n);
}

static enum gh_code
server_start(struct sim *sim, const char *listen_text, struct gh_err *err)
{
	struct slice text = slice_of(listen_text), port_text;
	struct http_server_opts opts = {
		.connections_max = CONNECTIONS_MAX,
		.body_max = SIM_BODY_MAX,
		.on_request = on_request,
		.on_cancel = on_cancel,
		.arg = sim,
	};
	char host[64];
	uint64_t port;

	if (slice_to_cstr(slice_cut(text, ':', &port_text), host, sizeof(host)) != GH_OK ||
	    parse_u64(port_text, 0, UINT16_MAX, &port) != GH_OK)
		return gh_fail(err, GH_EINVAL, "--listen: must be HOST:PORT");
	opts.host = host;
	opts.port = (uint16_t)port;
	if (http_server_new(&sim->server, sim->loop, &opts, err) != GH_OK)
		return GH_EINVAL;
	printf("growhub-sim: listening on http://%s:%u\n", host,
	       (unsigned)http_server_port(sim->server));
	(void)fflush(stdout);
	return GH_OK;
}

static void
on_term(void *arg)
{
	loop_stop(arg);
}

/* What is in flight ends with the process; nothing here must survive it. */
static enum gh_code
sim_run(const struct options *o, struct gh_err *err)
{
	static struct route routes[ROUTES_MAX];
	static struct sim sim; /* the process context */
	enum gh_code rc;

	sim.loop = loop_new();
	(void)loop_signal_new(sim.loop, SIGTERM, on_term, sim.loop);
	(void)loop_signal_new(sim.loop, SIGINT, on_term, sim.loop);
	sim.router = routes_build(routes);
	sim.ledger = ledger_new();
	sim.calls = calls_new();
	sim.faults = faults_new();
	sim.files = files_new();
	sim.hooks = hooks_new();
	sim.poster = poster_new(&sim);
	sim.waha = waha_new(&sim);
	sim.uazapi = uazapi_new(&sim);
	sim.state_file = o->state_file;
	rc = state_load(&sim, err);
	if (rc == GH_OK)
		rc = server_start(&sim, o->listen, err);
	if (rc == GH_OK)
		loop_run(sim.loop);
	return rc;
}

/* Returns -1 to go on, else the exit code. */
static int
options_read(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			(void)fputs(usage, stdout);
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			(void)puts("growhub-sim " GH_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc) {
			o->listen = argv[++i];
		} else if (strcmp(argv[i], "--state") == 0 && i + 1 < argc) {
			o->state_file = argv[++i];
		} else {
			(void)fprintf(stderr, "growhub-sim: unknown option %s\n%s", argv[i], usage);
			return EXIT_USAGE;
		}
	}
	return -1;
}

int
main(int argc, char **argv)
{
	struct options o = {.listen = "127.0.0.1:0"};
	struct gh_err err = {0};
	int code = options_read(argc, argv, &o);

	if (code >= 0)
		return code;
	(void)signal(SIGPIPE, SIG_IGN);
	log_init("sim", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	if (sim_run(&o, &err) == GH_OK)
		return 0;
	(void)fprintf(stderr, "growhub-sim: %s\n", err.text);
	return GH_EXIT_CONFIG;
}
