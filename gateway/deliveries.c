/* deliveries.c - what was posted to a webhook, what will be, and one more try. */
#include "gateway.h"

#include "base/arena.h"
#include "model/delivery_row.h"
#include "model/endpoint.h"
#include "model/wake.h"

struct request {
	int32_t instance_id, endpoint_id;
	struct uuid event_id;
	struct gw_page page;
};

/* The webhook of the path; NULL: answered. */
static struct request *
request_start(struct gw_req *req)
{
	struct request *r = arena_alloc(req->a, sizeof(*r));

	req->user = r;
	if (!gw_id_param(req, "id", &r->instance_id) || !gw_id_param(req, "wid", &r->endpoint_id))
		return NULL;
	return r;
}

/* The webhook itself, as the first statement of a unit. */
static void
add_endpoint(struct gw_req *req, struct db_unit *u)
{
	const struct request *r = req->user;

	endpoint_get_add(u, req->who.company_id, r->instance_id, r->endpoint_id);
}

/* False: there is none, and the request was answered. *is_on: it may be posted to. */
static bool
read_endpoint(struct gw_req *req, const struct db_unit *u, bool *is_on)
{
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));

	if (endpoint_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return false;
	}
	endpoint_row_read(u, 0, 0, req->a, row);
	*is_on = row->is_active && row->disabled_at_us == 0;
	return true;
}

/* ---- the row ---- */

static const struct gw_schema attempt_schema = {
	.fields = GW_FIELDS(
		GW_FIELD("attempt", INT), GW_FIELD("at", TIME), GW_FIELD("duration_ms", INT),
		GW_FIELD("status", INT, .flags = GW_F_NULL, .text = "Of HTTP; null: no answer"),
		GW_FIELD("error", STRING, .flags = GW_F_NULL),
		GW_FIELD("response_excerpt", STRING, .flags = GW_F_NULL),
		GW_FIELD("is_manual", BOOL)),
};

static const struct gw_schema delivery_schema = {
	.name = "Delivery",
	.fields = GW_FIELDS(
		GW_FIELD("id", UUID, .text = "Of the event: webhook-id is evt_ and this"),
		GW_FIELD("event_type", STRING),
		GW_FIELD("status", STRING,
			 .words = GW_WORDS("pending", "held", "posting", "delivered", "failed"),
			 .text = "held: the webhook is switched off"),
		GW_FIELD("attempts", INT), GW_FIELD("next_attempt_at", TIME, .flags = GW_F_NULL),
		GW_FIELD("completed_at", TIME, .flags = GW_F_NULL), GW_FIELD("created_at", TIME),
		GW_FIELD("last_attempt", OBJECT, .flags = GW_F_NULL, .of = &attempt_schema)),
};

static struct slice
status_word(const struct delivery_row *row, bool is_on)
{
	switch (row->state) {
	case DELIVERY_PENDING:
		return is_on ? S("pending") : S("held");
	case DELIVERY_LEASED:
		return S("posting");
	case DELIVERY_DELIVERED:
		return S("delivered");
	case DELIVERY_EXHAUSTED:
		break;
	}
	return S("failed");
}

static void
write_attempt(struct json_w *w, const struct delivery_row *row)
{
	if (!row->has_attempt) {
		json_w_null(w, "last_attempt");
		return;
	}
	json_w_open(w, "last_attempt", '{');
	json_w_i64(w, "attempt", row->attempt);
	json_w_time(w, "at", row->at_us);
	json_w_i64(w, "duration_ms", row->duration_ms);
	if (row->status == 0)
		json_w_null(w, "status");
	else
		json_w_i64(w, "status", row->status);
	json_w_str(w, "error", row->error);
	json_w_str(w, "response_excerpt", row->excerpt);
	json_w_bool(w, "is_manual", row->is_manual);
	json_w_close(w, '}');
}

static void
write_row(struct json_w *w, const char *name, const struct delivery_row *row, bool is_on)
{
	bool is_due = row->state == DELIVERY_PENDING && is_on;

	json_w_open(w, name, '{');
	json_w_uuid(w, "id", row->event_id);
	json_w_str(w, "event_type", slice_of(event_name(row->type, EVENT_FORMAT_STANDARD)));
	json_w_str(w, "status", status_word(row, is_on));
	json_w_i64(w, "attempts", row->attempts);
	json_w_time(w, "next_attempt_at", is_due ? row->available_at_us : 0);
	json_w_time(w, "completed_at", row->completed_at_us);
	json_w_time(w, "created_at", uuid7_time_us(row->event_id));
	write_attempt(w, row);
	json_w_close(w, '}');
}

/* ---- the list ---- */

enum { LIST_AT_ROWS = 1, LIST_AT_COUNT = LIST_AT_ROWS + DELIVERY_LIST_STMTS };

static void
list_done(struct gw_req *req, const struct db_unit *u)
{
	const struct request *r = req->user;
	struct gw_shown shown = gw_page_shown(&r->page, delivery_row_count(u, LIST_AT_ROWS));
	struct delivery_row row = {0};
	struct uuid first, last, end;
	int64_t examined, total = delivery_count_of(u, LIST_AT_COUNT, &examined);
	bool is_on, is_cut;
	struct json_w *w;

	if (!read_endpoint(req, u, &is_on))
		return;
	is_cut = delivery_list_is_cut(u, LIST_AT_ROWS, &end);
	first = last = end;
	w = gw_begin(req, "Deliveries");
	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < shown.count; i++) {
		delivery_row_read(u, LIST_AT_ROWS, shown.first + i, &row);
		if (i == 0)
			first = row.event_id;
		last = row.event_id;
		write_row(w, NULL, &row, is_on);
	}
	json_w_close(w, ']');
	gw_page_cut(&r->page, is_cut, end.b, &shown, first.b, last.b);
	gw_send_page(req, &r->page, total, examined > DELIVERY_WINDOW_MAX, &shown, first.b, last.b);
}

static void
deliveries_list(struct gw_req *req)
{
	struct request *r = request_start(req);
	struct delivery_filter f = {.company_id = req->who.company_id};
	struct db_unit *u;

	if (r == NULL || !gw_page_read(req, sizeof(struct uuid), &r->page))
		return;
	f.endpoint_id = r->endpoint_id;
	f.is_back = r->page.is_back;
	gw_page_uuids(&r->page, &f.from, &f.before);
	u = db_unit_new();
	add_endpoint(req, u);
	delivery_list_add(u, &f, r->page.limit + 1, r->page.offset);
	/* The total is that of the whole list, whatever page of it is shown. */
	gw_page_uuids(&(struct gw_page){.limit = 0}, &f.from, &f.before);
	delivery_count_add(u, &f);
	gw_submit(req, req->gw->read, u, list_done, NULL);
}

/* ---- one more try ---- */

static void
retry_done(struct gw_req *req, const struct db_unit *u)
{
	struct delivery_row row;

	if (!delivery_retry_done(u, 0)) {
		gw_error(req, GW_E_CONFLICT, "It is being posted just now");
		return;
	}
	wake_send(req->gw->wake);
	delivery_row_read(u, 1, 0, &row);
	write_row(gw_begin(req, "Delivery is due again"), GW_DATA, &row, true);
	gw_send(req, 202);
}

static void
retry_found(struct gw_req *req, const struct db_unit *u)
{
	const struct request *r = req->user;
	struct db_unit *next;
	bool is_on;

	if (!read_endpoint(req, u, &is_on))
		return;
	if (delivery_row_count(u, 1) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	if (!is_on) {
		gw_error(req, GW_E_CONFLICT, "The webhook is switched off: enable it first");
		return;
	}
	next = db_unit_new();
	delivery_retry_add(next, req->who.company_id, r->endpoint_id, r->event_id);
	delivery_get_add(next, r->endpoint_id, r->event_id);
	gw_submit(req, req->gw->write, next, retry_done, NULL);
}

static void
deliveries_retry(struct gw_req *req)
{
	struct request *r = request_start(req);
	struct db_unit *u;

	if (r == NULL || !gw_uuid_param(req, "did", &r->event_id))
		return;
	u = db_unit_new();
	add_endpoint(req, u);
	delivery_get_add(u, r->endpoint_id, r->event_id);
	gw_submit(req, req->gw->read, u, retry_found, NULL);
}

/* ---- the module ---- */

static const struct gw_field did_path[] = {GW_FIELD("did", UUID), {.name = NULL}};

static const struct gw_route deliveries_routes[] = {
	{HTTP_GET, "/api/instances/{id}/webhooks/{wid}/deliveries", GW_COMPANY, 0, 0,
	 deliveries_list,
	 GW_DOC("listDeliveries", "Webhooks", "What was posted to a webhook, and will be",
		.text = "A page looks at 10,000 events of the company at most; one that finds less "
			"than its limit goes on with next_cursor.",
		.flags = GW_DOC_LIST, .reply = &delivery_schema)},
	{HTTP_POST, "/api/instances/{id}/webhooks/{wid}/deliveries/{did}/retry", GW_COMPANY,
	 GW_KEYED, 0, deliveries_retry,
	 GW_DOC("retryDelivery", "Webhooks", "Post an event to a webhook again",
		.text = "In any state; a failure leaves the schedule as it was.", .path = did_path,
		.status = {202}, .reply = &delivery_schema, .errors = GW_ERR(CONFLICT))},
};

static const struct db_stmt_table *const deliveries_tables[] = {&endpoint_stmt_table,
								&delivery_row_stmt_table, NULL};

const struct gw_module deliveries_module = {
	.routes = deliveries_routes,
	.route_count = GH_COUNT(deliveries_routes),
	.write_tables = deliveries_tables,
	.read_tables = deliveries_tables,
};
