/* health.c - GET /health: open to everybody, from what is known already; a probe
 * never touches the database. */
#include "gateway.h"

#include "base/clock.h"

static void
health_get(struct gw_req *req)
{
	bool is_healthy = db_is_up(req->gw->write) && db_is_up(req->gw->read);
	struct json_w *w = gw_begin(req, is_healthy ? "Healthy" : "Degraded");

	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "status", is_healthy ? S("healthy") : S("degraded"));
	json_w_time(w, "timestamp", clock_wall_us());
	json_w_close(w, '}');
	gw_send(req, 200);
}

static const struct gw_schema health_schema = {
	.name = "Health",
	.fields = GW_FIELDS(GW_FIELD("status", STRING, .words = GW_WORDS("healthy", "degraded")),
			    GW_FIELD("timestamp", TIME)),
};

static const struct gw_route routes[] = {
	{HTTP_GET, "/health", GW_ANYONE, 0, 0, health_get,
	 GW_DOC("getHealth", "Gateway", "Whether the database is connected",
		.text = "From what is known already: nothing is probed.", .reply = &health_schema)},
};

const struct gw_module health_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
};
