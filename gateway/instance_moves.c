/* instance_moves.c - superadmin: move an instance to another provider, watch it, call it off.
 *
 * The gateway writes the row only; growhub-healthd does what it says (model/instance_move.h), so a
 * request that was answered goes on whatever becomes of this process.
 */
#include "gateway.h"
#include "instances.h"

#include "base/arena.h"
#include "base/random.h"
#include "crypto/encode.h"
#include "model/instance_lock.h"
#include "model/instance_move.h"
#include "model/wake.h"

#define SUFFIX_BYTES (INSTANCE_MOVE_SUFFIX / 2)

struct move_body {
	int64_t provider_id;
};

static const struct json_rule move_rules[] = {
	{"provider_id", JSON_RULE_INT, JSON_RULE_REQUIRED, .min = 1, .max = INT32_MAX,
	 .offset = offsetof(struct move_body, provider_id), .text = "Where it is to move"},
};

static const struct gw_schema move_schema = {
	.name = "InstanceMove",
	.text = "A move of an instance to another provider.",
	.fields = GW_FIELDS(
		GW_FIELD("id", INT), GW_FIELD("company_id", INT), GW_FIELD("instance_id", INT),
		GW_FIELD("from_provider_id", INT), GW_FIELD("to_provider_id", INT),
		GW_FIELD("state", STRING,
			 .words = GW_WORDS("creating", "pairing", "draining", "cleaning", "done",
					   "aborting", "aborted")),
		GW_FIELD("from_session", STRING), GW_FIELD("to_session", STRING),
		GW_FIELD("error", STRING, .flags = GW_F_NULL,
			 .text = "Why the last try failed; it is tried again"),
		GW_FIELD("started_at", TIME), GW_FIELD("switched_at", TIME, .flags = GW_F_NULL),
		GW_FIELD("finished_at", TIME, .flags = GW_F_NULL)),
};

static void
write_time(struct json_w *w, const char *name, int64_t at_us)
{
	if (at_us == 0)
		json_w_null(w, name);
	else
		json_w_time(w, name, at_us);
}

static void
reply(struct gw_req *req, const struct instance_move *m, unsigned status, const char *message)
{
	struct json_w *w = gw_begin(req, message);

	json_w_open(w, GW_DATA, '{');
	json_w_i64(w, "id", m->id);
	json_w_i64(w, "company_id", m->company_id);
	json_w_i64(w, "instance_id", m->instance_id);
	json_w_i64(w, "from_provider_id", m->from_provider_id);
	json_w_i64(w, "to_provider_id", m->to_provider_id);
	json_w_str(w, "state", m->state);
	json_w_str(w, "from_session", m->from_session);
	json_w_str(w, "to_session", m->to_session);
	json_w_str(w, "error", m->error);
	json_w_time(w, "started_at", m->started_us);
	write_time(w, "switched_at", m->switched_us);
	write_time(w, "finished_at", m->finished_us);
	json_w_close(w, '}');
	gw_send(req, status);
}

/* ---- begin ---- */

static void
begun(struct gw_req *req, const struct db_unit *u)
{
	struct instance_move m;
	enum instance_move_begun why = instance_move_begun_of(u, 0, req->a, &m);

	if (why == INSTANCE_MOVE_BEGUN)
		reply(req, &m, 202, "Moving");
	else if (why == INSTANCE_MOVE_NO_INSTANCE || why == INSTANCE_MOVE_NO_PROVIDER)
		gw_error(req, GW_E_NOT_FOUND, instance_move_begun_text(why));
	else
		gw_error(req, GW_E_CONFLICT, instance_move_begun_text(why));
}

static void
move_post(struct gw_req *req)
{
	struct move_body body = {0};
	uint8_t bytes[SUFFIX_BYTES];
	char *suffix = arena_alloc(req->a, ENCODE_HEX_SIZE(SUFFIX_BYTES));
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id) ||
	    !gw_check(req, move_rules, GH_COUNT(move_rules), &body, NULL))
		return;
	random_bytes(bytes, sizeof(bytes));
	encode_hex(slice_make(bytes, sizeof(bytes)), suffix);
	u = db_unit_new();
	instance_move_begin_add(u, id, (int32_t)body.provider_id, slice_of(suffix));
	gw_submit(req, req->gw->write, u, begun, NULL);
}

/* ---- watch ---- */

static void
found(struct gw_req *req, const struct db_unit *u)
{
	struct instance_move m;

	if (instance_move_read(u, 0, req->a, &m))
		reply(req, &m, 200, "Move");
	else
		gw_error(req, GW_E_NOT_FOUND, "The instance was never moved");
}

static void
move_get(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	instance_move_get_add(u, id);
	gw_submit(req, req->gw->read, u, found, NULL);
}

/* ---- call off ---- */

/* Statement ABORT_STMTS is the last move, whatever became of it. */
static void
aborted(struct gw_req *req, const struct db_unit *u)
{
	struct instance_move m;

	wake_send(req->gw->wake);
	if (instance_move_read(u, INSTANCE_MOVE_ABORT_STMTS - 1, req->a, &m))
		reply(req, &m, 202, "Calling off");
	else if (!instance_move_read(u, INSTANCE_MOVE_ABORT_STMTS, req->a, &m) ||
		 m.finished_us != 0)
		gw_error(req, GW_E_NOT_FOUND, "The instance is not moving");
	else
		gw_error(req, GW_E_CONFLICT,
			 "The instance is at the new provider already; move it back instead");
}

static void
move_delete(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	instance_move_abort_add(u, id);
	instance_move_get_add(u, id);
	gw_submit(req, req->gw->write, u, aborted, NULL);
}

/* ---- the module ---- */

static const struct gw_route routes[] = {
	{HTTP_POST, "/api/admin/instances/{id}/move", GW_ADMIN, GW_JSON, 0, move_post,
	 GW_DOC("moveInstance", "Providers", "Move an instance to another provider",
		.text = "A new session is made there and waits to be paired (GET "
			"/api/instances/{id}/qrcode shows its code); the old one works on until "
			"the "
			"new one is connected, then the instance changes over and the old session "
			"is deleted. Messages, history, tokens and webhooks stay.",
		.status = {202}, .body = JSON_RULES(move_rules), .example = "{\"provider_id\":2}",
		.reply = &move_schema, .errors = GW_ERR(NOT_FOUND) | GW_ERR(CONFLICT))},
	{HTTP_GET, "/api/admin/instances/{id}/move", GW_ADMIN, 0, 0, move_get,
	 GW_DOC("getInstanceMove", "Providers", "The last move of an instance",
		.reply = &move_schema, .errors = GW_ERR(NOT_FOUND))},
	{HTTP_DELETE, "/api/admin/instances/{id}/move", GW_ADMIN, 0, 0, move_delete,
	 GW_DOC("abortInstanceMove", "Providers", "Call a move off",
		.text = "Until it has changed over: then the new session is deleted, and the "
			"instance stays where it is.",
		.status = {202}, .reply = &move_schema,
		.errors = GW_ERR(NOT_FOUND) | GW_ERR(CONFLICT))},
};

static const struct db_stmt_table *const write_tables[] = {
	&instance_lock_stmt_table,
	&instance_move_stmt_table,
	NULL,
};

static const struct db_stmt_table *const read_tables[] = {
	&instance_move_stmt_table,
	NULL,
};

const struct gw_module instance_moves_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = write_tables,
	.read_tables = read_tables,
};
