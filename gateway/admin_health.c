/* admin_health.c - superadmin: how the installation is. Everything shown was stored by somebody
 * else before; nothing is probed here.
 */
#include "gateway.h"

#include "base/clock.h"
#include "model/health.h"

#define OUTBOX_LATE_S 60 /* a due row that waits longer: the relay does not keep up */

static const struct gw_schema provider_schema = {
	.fields = GW_FIELDS(
		GW_FIELD("provider_id", INT), GW_FIELD("name", STRING), GW_FIELD("type", STRING),
		GW_FIELD("status", STRING, .words = GW_WORDS("healthy", "unhealthy", "unknown")),
		GW_FIELD("base_url", STRING), GW_FIELD("latency_ms", INT),
		GW_FIELD("checked_at", TIME, .flags = GW_F_NULL)),
};
static const struct gw_schema queue_schema = {
	.fields = GW_FIELDS(
		GW_FIELD("queue_name", STRING), GW_FIELD("company_id", INT),
		GW_FIELD("company_name", STRING, .flags = GW_F_NULL),
		GW_FIELD("messages", INT, .text = "Rows that it is about, counted every 15 s"),
		GW_FIELD("consumers", INT, .text = "Processes alive that serve its kind"),
		GW_FIELD("last_activity", TIME, .flags = GW_F_NULL, .text = "To the minute")),
};
static const struct gw_schema outbox_schema = {
	.fields = GW_FIELDS(GW_FIELD("pending", INT, .text = "Counted to 10,000"),
			    GW_FIELD("oldest_age_s", INT)),
};
static const struct gw_schema daemon_schema = {
	.fields = GW_FIELDS(GW_FIELD("name", STRING), GW_FIELD("host", STRING),
			    GW_FIELD("pid", INT), GW_FIELD("version", STRING),
			    GW_FIELD("state", STRING, .text = "lost: not heard of for 30 s"),
			    GW_FIELD("last_seen", TIME)),
};
static const struct gw_schema health_schema = {
	.name = "InstallationHealth",
	.fields =
		GW_FIELDS(GW_FIELD("status", STRING, .words = GW_WORDS("healthy", "degraded")),
			  GW_FIELD("providers", OBJECT, .flags = GW_F_MANY, .of = &provider_schema),
			  GW_FIELD("queues", OBJECT, .flags = GW_F_MANY, .of = &queue_schema),
			  GW_FIELD("outbox", OBJECT, .of = &outbox_schema),
			  GW_FIELD("daemons", OBJECT, .flags = GW_F_MANY, .of = &daemon_schema),
			  GW_FIELD("timestamp", TIME)),
};

/* ---- what is wrong ---- */

static bool
providers_are_healthy(const struct db_unit *u)
{
	for (unsigned i = 0; i < health_count(u, HEALTH_AT_PROVIDERS); i++) {
		struct health_provider p;

		health_provider_read(u, i, &p);
		if (p.is_active && slice_eq(p.status, S("unhealthy")))
			return false;
	}
	return true;
}

/* Of every kind one is alive and well at least. */
static bool
daemons_are_healthy(const struct db_unit *u)
{
	static const char *const kinds[] = {"gateway", "outboxd", "senderd", "eventd", "healthd"};
	unsigned well = 0;

	for (unsigned i = 0; i < health_count(u, HEALTH_AT_DAEMONS); i++) {
		struct health_daemon d;

		health_daemon_read(u, i, &d);
		for (unsigned k = 0; k < GH_COUNT(kinds); k++)
			if (d.is_alive && slice_eq(d.state, S("ok")) &&
			    slice_eq(d.daemon, slice_of(kinds[k])))
				well |= 1u << k;
	}
	return well == (1u << GH_COUNT(kinds)) - 1;
}

/* ---- the reply ---- */

static void
write_providers(struct json_w *w, const struct db_unit *u)
{
	json_w_open(w, "providers", '[');
	for (unsigned i = 0; i < health_count(u, HEALTH_AT_PROVIDERS); i++) {
		struct health_provider p;

		health_provider_read(u, i, &p);
		json_w_open(w, NULL, '{');
		json_w_i64(w, "provider_id", p.id);
		json_w_str(w, "name", p.name);
		json_w_str(w, "type", p.type);
		json_w_str(w, "status", p.status);
		json_w_str(w, "base_url", p.base_url);
		json_w_i64(w, "latency_ms", p.latency_ms);
		json_w_time(w, "checked_at", p.checked_at_us);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
}

static void
write_queues(struct json_w *w, const struct db_unit *u)
{
	json_w_open(w, "queues", '[');
	for (unsigned i = 0; i < health_count(u, HEALTH_AT_QUEUES); i++) {
		struct health_queue q;

		health_queue_read(u, i, &q);
		json_w_open(w, NULL, '{');
		json_w_str(w, "queue_name", q.name);
		json_w_i64(w, "company_id", q.company_id);
		json_w_str(w, "company_name", q.company_name);
		json_w_i64(w, "messages", q.messages);
		json_w_i64(w, "consumers", q.consumers);
		json_w_time(w, "last_activity", q.last_activity_us);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
}

static void
write_outbox(struct json_w *w, const struct health_outbox *o)
{
	json_w_open(w, "outbox", '{');
	json_w_i64(w, "pending", o->pending > GW_TOTAL_MAX ? GW_TOTAL_MAX : o->pending);
	json_w_i64(w, "oldest_age_s", o->oldest_age_s);
	json_w_close(w, '}');
}

static void
write_daemons(struct json_w *w, const struct db_unit *u)
{
	json_w_open(w, "daemons", '[');
	for (unsigned i = 0; i < health_count(u, HEALTH_AT_DAEMONS); i++) {
		struct health_daemon d;

		health_daemon_read(u, i, &d);
		json_w_open(w, NULL, '{');
		json_w_str(w, "name", d.daemon);
		json_w_str(w, "host", d.host);
		json_w_i64(w, "pid", d.pid);
		json_w_str(w, "version", d.version);
		json_w_str(w, "state", d.is_alive ? d.state : S("lost"));
		json_w_time(w, "last_seen", d.last_seen_us);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
}

static void
health_done(struct gw_req *req, const struct db_unit *u)
{
	struct health_outbox outbox;
	struct json_w *w = gw_begin(req, "Health");
	bool is_healthy;

	health_outbox_read(u, &outbox);
	is_healthy = providers_are_healthy(u) && daemons_are_healthy(u) &&
		     outbox.oldest_age_s < OUTBOX_LATE_S;
	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "status", is_healthy ? S("healthy") : S("degraded"));
	write_providers(w, u);
	write_queues(w, u);
	write_outbox(w, &outbox);
	write_daemons(w, u);
	json_w_time(w, "timestamp", clock_wall_us());
	json_w_close(w, '}');
	gw_send(req, 200);
}

static void
admin_health(struct gw_req *req)
{
	struct db_unit *u = db_unit_new();

	health_read_add(u);
	gw_submit(req, req->gw->read, u, health_done, NULL);
}

static const struct gw_route admin_health_routes[] = {
	{HTTP_GET, "/api/admin/health", GW_ADMIN, 0, 0, admin_health,
	 GW_DOC("getInstallationHealth", "Operation", "How the installation is",
		.text = "From what checks stored; nothing is probed within the request. The 500 "
			"fullest queues are shown.",
		.reply = &health_schema)},
};

static const struct db_stmt_table *const admin_health_tables[] = {&health_stmt_table, NULL};

const struct gw_module admin_health_module = {
	.routes = admin_health_routes,
	.route_count = GH_COUNT(admin_health_routes),
	.read_tables = admin_health_tables,
};
