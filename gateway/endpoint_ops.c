/* endpoint_ops.c - what the owner of a webhook asks for besides changing it: a test
 * event, a new secret, to be posted to again, and what it missed.
 *
 * Nothing is posted from here: events, deliveries and tasks are rows, worked off by
 * eventd and healthd.
 */
#include "endpoints.h"
#include "gateway.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "model/endpoint_ops.h"
#include "model/recovery.h"
#include "model/wake.h"

#define RECOVER_MAX_US (INT64_C(14) * 86400 * CLOCK_SEC)

/* One request; lives in its arena. */
struct op {
	struct endpoint_key key;
	struct uuid id; /* of what it makes */
	struct whsec secret;
	unsigned row_at; /* the statement that reads the endpoint */
};

/* The endpoint of the path; NULL: answered. */
static struct op *
op_start(struct gw_req *req)
{
	struct op *o = arena_alloc(req->a, sizeof(*o));

	req->user = o;
	o->key.company_id = req->who.company_id;
	if (!gw_id_param(req, "id", &o->key.instance_id) || !gw_id_param(req, "wid", &o->key.id))
		return NULL;
	return o;
}

/* Read the endpoint as it stands behind the statements before. */
static void
op_add_row(struct op *o, struct db_unit *u)
{
	o->row_at = db_unit_count(u);
	endpoint_get_add(u, o->key.company_id, o->key.instance_id, o->key.id);
}

/* False: there is no such endpoint, and the request was answered. */
static bool
op_read_row(struct gw_req *req, const struct db_unit *u, struct endpoint_row *row)
{
	const struct op *o = req->user;

	if (endpoint_row_count(u, o->row_at) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return false;
	}
	endpoint_row_read(u, o->row_at, 0, req->a, row);
	return true;
}

static void
reply_row(struct gw_req *req, const struct endpoint_row *row, const char *message,
	  const struct whsec *secret)
{
	struct json_w *w = gw_begin(req, message);

	json_w_open(w, GW_DATA, '{');
	endpoints_json_members(req, w, row, secret);
	json_w_close(w, '}');
	gw_send(req, 200);
}

/* ---- test ---- */

static const struct gw_schema test_schema = {
	.name = "WebhookTest",
	.fields = GW_FIELDS(GW_FIELD("id", UUID, .text = "The delivery, and its event"),
			    GW_FIELD("event_type", STRING)),
};

static void
test_done(struct gw_req *req, const struct db_unit *u)
{
	const struct op *o = req->user;
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));
	struct json_w *w;

	if (!op_read_row(req, u, row))
		return;
	if (!endpoint_test_done(u, 0)) {
		gw_error(req, GW_E_CONFLICT, "The webhook is switched off: enable it first");
		return;
	}
	wake_send(req->gw->wake);
	w = gw_begin(req, "Test event queued");
	json_w_open(w, GW_DATA, '{');
	json_w_uuid(w, "id", o->id);
	json_w_str(w, "event_type",
		   slice_of(event_name(EVENT_WEBHOOK_TEST, EVENT_FORMAT_STANDARD)));
	json_w_close(w, '}');
	gw_send(req, 202);
}

static void
endpoint_test(struct gw_req *req)
{
	struct op *o = op_start(req);
	struct db_unit *u;

	if (o == NULL)
		return;
	o->id = uuid7_new();
	u = db_unit_new();
	endpoint_test_add(u, &o->key, o->id, S("{\"text\":\"GrowHub webhook test\"}"));
	op_add_row(o, u);
	gw_submit(req, req->gw->write, u, test_done, NULL);
}

/* ---- rotation ---- */

struct rotate_body {
	struct slice secret;
	int64_t overlap_s;
};

static const char *
check_secret(struct slice text)
{
	struct whsec secret;
	enum gh_code rc = whsec_parse(text, &secret);

	gh_wipe(&secret, sizeof(secret));
	return rc == GH_OK ? NULL : "must be whsec_ and the base64 of 24 to 64 bytes";
}

static const struct json_rule rotate_rules[] = {
	{.name = "secret",
	 .type = JSON_RULE_STRING,
	 .min = 1,
	 .max = 200,
	 .pattern = check_secret,
	 .offset = offsetof(struct rotate_body, secret),
	 .text = "whsec_ and base64; ours to make when absent"},
	{.name = "overlap_seconds",
	 .type = JSON_RULE_INT,
	 .max = ENDPOINT_OVERLAP_MAX,
	 .offset = offsetof(struct rotate_body, overlap_s),
	 .text = "The old secret signs too for so long; 0: all old ones end at once"},
};

static void
rotate_done(struct gw_req *req, const struct db_unit *u)
{
	const struct op *o = req->user;
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));

	if (!op_read_row(req, u, row))
		return;
	if (!endpoint_rotate_done(u, ENDPOINT_ROTATE_STMTS - 1)) {
		gw_error(req, GW_E_CONFLICT, "Two old secrets are still good: wait for one to end");
		return;
	}
	reply_row(req, row, "Secret rotated", &o->secret);
}

static void
endpoint_rotate(struct gw_req *req)
{
	struct rotate_body body = {.overlap_s = ENDPOINT_OVERLAP_DFLT};
	struct op *o = op_start(req);
	struct db_unit *u;

	if (o == NULL || !gw_check(req, rotate_rules, GH_COUNT(rotate_rules), &body, NULL))
		return;
	if (body.secret.p == NULL)
		whsec_generate(&o->secret);
	else if (whsec_parse(body.secret, &o->secret) != GH_OK)
		gh_panic("endpoint_ops: a secret that was checked is none");
	u = db_unit_new();
	endpoint_rotate_add(u, &o->key, endpoints_seal_secret(req, &o->secret),
			    (int32_t)body.overlap_s);
	op_add_row(o, u);
	gw_submit(req, req->gw->write, u, rotate_done, NULL);
}

/* ---- enable ---- */

static void
enable_done(struct gw_req *req, const struct db_unit *u)
{
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));

	if (!op_read_row(req, u, row))
		return;
	wake_send(req->gw->wake);
	reply_row(req, row, "Webhook enabled", NULL);
}

static void
endpoint_enable(struct gw_req *req)
{
	struct op *o = op_start(req);
	struct db_unit *u;

	if (o == NULL)
		return;
	u = db_unit_new();
	endpoint_enable_add(u, &o->key);
	op_add_row(o, u);
	gw_submit(req, req->gw->write, u, enable_done, NULL);
}

/* ---- recovery ---- */

struct recover_body {
	int64_t since_us, until_us;
};

static const struct json_rule recover_rules[] = {
	{.name = "since",
	 .type = JSON_RULE_TIME,
	 .flags = JSON_RULE_REQUIRED,
	 .offset = offsetof(struct recover_body, since_us),
	 .text = "At most 14 days ago"},
	{.name = "until",
	 .type = JSON_RULE_TIME,
	 .offset = offsetof(struct recover_body, until_us),
	 .text = "Exclusive; now when absent"},
};

static const struct gw_schema recovery_schema = {
	.name = "WebhookRecovery",
	.text = "A task that gives a webhook again what it missed.",
	.fields = GW_FIELDS(
		GW_FIELD("id", UUID),
		GW_FIELD("status", STRING, .words = GW_WORDS("running", "finished")),
		GW_FIELD("since", TIME), GW_FIELD("until", TIME),
		GW_FIELD("matched", INT, .text = "Events so far that the webhook subscribes to"),
		GW_FIELD("queued", INT, .text = "Of these: missed, and now due"),
		GW_FIELD("remaining", INT,
			 .text = "Events of the company still to be looked at; 10,000: or more"),
		GW_FIELD("created_at", TIME), GW_FIELD("finished_at", TIME, .flags = GW_F_NULL)),
};

static void
write_recovery(struct json_w *w, const char *name, const struct recovery_row *row)
{
	json_w_open(w, name, '{');
	json_w_uuid(w, "id", row->id);
	json_w_str(w, "status", row->finished_at_us == 0 ? S("running") : S("finished"));
	json_w_time(w, "since", row->since_us);
	json_w_time(w, "until", row->until_us);
	json_w_i64(w, "matched", row->matched);
	json_w_i64(w, "queued", row->queued);
	json_w_i64(w, "remaining", row->remaining > GW_TOTAL_MAX ? GW_TOTAL_MAX : row->remaining);
	json_w_time(w, "created_at", uuid7_time_us(row->id));
	json_w_time(w, "finished_at", row->finished_at_us);
	json_w_close(w, '}');
}

/* Statement 0 reads the endpoint, 1 inserts, 2 lists: the newest is ours. */
static void
recover_done(struct gw_req *req, const struct db_unit *u)
{
	struct endpoint_row *endpoint = arena_alloc(req->a, sizeof(*endpoint));
	struct recovery_row row;

	if (!op_read_row(req, u, endpoint))
		return;
	recovery_row_read(u, 2, 0, &row);
	write_recovery(gw_begin(req, "Recovery queued"), GW_DATA, &row);
	gw_send(req, 202);
}

static bool
recover_failed(struct gw_req *req, const struct db_error *err)
{
	if (!slice_eq(slice_of(err->constraint), S(RECOVERY_CONSTRAINT)))
		return false;
	gw_error(req, GW_E_CONFLICT, "A recovery of this webhook is running");
	return true;
}

/* False: answered. */
static bool
recover_read(struct gw_req *req, struct recover_body *body)
{
	int64_t now_us = clock_wall_us();

	body->until_us = now_us;
	if (!gw_check(req, recover_rules, GH_COUNT(recover_rules), body, NULL))
		return false;
	if (body->since_us < now_us - RECOVER_MAX_US)
		gw_field_error(req, "since", "must be at most 14 days ago");
	if (body->since_us >= body->until_us)
		gw_field_error(req, "since", "must be before until, and not in the future");
	if (body->until_us > now_us)
		gw_field_error(req, "until", "must not be in the future");
	return !gw_refuse_fields(req);
}

static void
endpoint_recover(struct gw_req *req)
{
	struct recover_body body = {0};
	struct op *o = op_start(req);
	struct db_unit *u;

	if (o == NULL || !recover_read(req, &body))
		return;
	u = db_unit_new();
	op_add_row(o, u);
	recovery_insert_add(u, &o->key, uuid7_new(), body.since_us, body.until_us);
	recovery_list_add(u, o->key.id);
	gw_submit(req, req->gw->write, u, recover_done, recover_failed);
}

static void
recoveries_done(struct gw_req *req, const struct db_unit *u)
{
	struct endpoint_row *endpoint = arena_alloc(req->a, sizeof(*endpoint));
	struct recovery_row row;
	struct json_w *w;

	if (!op_read_row(req, u, endpoint))
		return;
	w = gw_begin(req, "Recoveries");
	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < recovery_row_count(u, 1); i++) {
		recovery_row_read(u, 1, i, &row);
		write_recovery(w, NULL, &row);
	}
	json_w_close(w, ']');
	gw_send(req, 200);
}

static void
endpoint_recoveries(struct gw_req *req)
{
	struct op *o = op_start(req);
	struct db_unit *u;

	if (o == NULL)
		return;
	u = db_unit_new();
	op_add_row(o, u);
	recovery_list_add(u, o->key.id);
	gw_submit(req, req->gw->read, u, recoveries_done, NULL);
}

/* ---- the module ---- */

static const struct gw_route endpoint_ops_routes[] = {
	{HTTP_POST, "/api/instances/{id}/webhooks/{wid}/test", GW_COMPANY, GW_KEYED, 0,
	 endpoint_test,
	 GW_DOC("testWebhook", "Webhooks", "Post a test event to a webhook", .status = {202},
		.reply = &test_schema, .errors = GW_ERR(CONFLICT))},
	{HTTP_POST, "/api/instances/{id}/webhooks/{wid}/rotate-secret", GW_COMPANY,
	 GW_JSON_OPTIONAL | GW_KEYED, 0, endpoint_rotate,
	 GW_DOC("rotateWebhookSecret", "Webhooks", "New secret of a webhook",
		.text = "Both secrets sign until the overlap is over.",
		.body = JSON_RULES(rotate_rules), .example = "{\"overlap_seconds\":3600}",
		.reply = &endpoint_secret_schema, .errors = GW_ERR(CONFLICT))},
	{HTTP_POST, "/api/instances/{id}/webhooks/{wid}/enable", GW_COMPANY, 0, 0, endpoint_enable,
	 GW_DOC("enableWebhook", "Webhooks", "Switch a webhook on again",
		.text = "What was held meanwhile is posted, at the webhook's own pace.",
		.reply = &endpoint_schema)},
	{HTTP_POST, "/api/instances/{id}/webhooks/{wid}/recover", GW_COMPANY, GW_JSON | GW_KEYED, 0,
	 endpoint_recover,
	 GW_DOC("recoverWebhook", "Webhooks", "Post again what a webhook missed",
		.text = "Events it subscribes to whose delivery failed for good or was never made.",
		.body = JSON_RULES(recover_rules),
		.example = "{\"since\":\"2026-11-20T00:00:00Z\"}", .status = {202},
		.reply = &recovery_schema, .errors = GW_ERR(CONFLICT))},
	{HTTP_GET, "/api/instances/{id}/webhooks/{wid}/recover", GW_COMPANY, 0, 0,
	 endpoint_recoveries,
	 GW_DOC("listWebhookRecoveries", "Webhooks", "The last recoveries of a webhook",
		.flags = GW_DOC_ARRAY, .reply = &recovery_schema)},
};

static const struct db_stmt_table *const endpoint_ops_tables[] = {
	&endpoint_stmt_table, &endpoint_ops_stmt_table, &recovery_stmt_table, NULL};

const struct gw_module endpoint_ops_module = {
	.routes = endpoint_ops_routes,
	.route_count = GH_COUNT(endpoint_ops_routes),
	.write_tables = endpoint_ops_tables,
	.read_tables = endpoint_ops_tables,
};
