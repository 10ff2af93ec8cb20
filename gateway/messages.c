/* messages.c - the messages of a company: list, one with its timeline, cancel.
 * Sending is messages_send.c.
 */
#include "messages.h"

#include "cancel.h"
#include "filters.h"
#include "gateway.h"
#include "message_json.h"

#include "base/arena.h"
#include "base/clock.h"
#include "model/accept.h"
#include "model/idempotency.h"
#include "model/instance_lock.h"
#include "model/message_row.h"
#include "model/queued_event.h"
#include "model/wake.h"

/* ---- one ---- */

static void
get_done(struct gw_req *req, const struct db_unit *u)
{
	struct message_row row;
	struct json_w *w;

	if (message_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	message_row_read(u, 0, 0, req->a, &row);
	w = gw_begin(req, "Message");
	json_w_open(w, GW_DATA, '{');
	message_json_members(w, &row);
	if (db_unit_count(u) > 1)
		message_json_timeline(w, u, 1, &row);
	json_w_close(w, '}');
	gw_send(req, 200);
}

static void
messages_get(struct gw_req *req)
{
	struct slice timeline = gw_query(req, "timeline");
	bool is_wanted = slice_eq(timeline, S("1")) || slice_eq(timeline, S("true"));
	struct uuid id;
	struct db_unit *u;

	if (timeline.p != NULL && !is_wanted && !slice_eq(timeline, S("0")) &&
	    !slice_eq(timeline, S("false")))
		gw_field_error(req, "timeline", "must be one of 1, true, 0, false");
	if (gw_refuse_fields(req) || !gw_uuid_param(req, "id", &id))
		return;
	u = db_unit_new();
	message_get_add(u, req->who.company_id, id);
	if (is_wanted)
		message_steps_add(u, id);
	gw_submit(req, req->gw->read, u, get_done, NULL);
}

/* ---- the list ---- */

struct list {
	struct gw_page page;
	struct message_filter filter;
	struct message_row *rows;
	struct gw_shown shown; /* of rows */
	int64_t total;
	bool is_capped;
};

/* end: the last message that was looked at, if there are others beyond it. */
static void
list_send(struct gw_req *req, const struct uuid *end)
{
	struct list *l = req->user;
	const struct message_row *shown = l->rows + l->shown.first;
	struct uuid first = {0}, last = {0};
	struct json_w *w = gw_begin(req, "Messages");

	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < l->shown.count; i++) {
		json_w_open(w, NULL, '{');
		message_json_members(w, &shown[i]);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	if (l->shown.count > 0) {
		first = shown[0].id;
		last = shown[l->shown.count - 1].id;
	}
	if (end != NULL)
		gw_page_cut(&l->page, true, end->b, &l->shown, first.b, last.b);
	gw_send_page(req, &l->page, l->total, l->is_capped, &l->shown, first.b, last.b);
}

static void
list_end_done(struct gw_req *req, const struct db_unit *u)
{
	const struct list *l = req->user;
	struct uuid end;

	if (message_row_count(u, 0) == 0) {
		list_send(req, NULL);
		return;
	}
	end = message_row_id(u, 0, 0);
	/* New messages moved it: what the page shows is never shown again. */
	for (unsigned i = 0; i < l->shown.count; i++) {
		struct uuid id = l->rows[l->shown.first + i].id;

		if (l->page.is_back ? uuid_cmp(id, end) > 0 : uuid_cmp(id, end) < 0)
			end = id;
	}
	list_send(req, &end);
}

static void
list_done(struct gw_req *req, const struct db_unit *u)
{
	struct list *l = req->user;
	unsigned found = message_row_count(u, 0);
	int64_t examined;
	struct db_unit *next;

	l->shown = gw_page_shown(&l->page, found);
	l->total = message_count_of(u, 1, &examined);
	l->is_capped = examined > MESSAGE_WINDOW_MAX;
	l->rows = arena_alloc_array(req->a, found > 0 ? found : 1, sizeof(*l->rows));
	for (unsigned i = 0; i < found; i++)
		message_row_read(u, 0, i, req->a, &l->rows[i]);
	if (found > l->page.limit || !message_list_is_search(&l->filter)) {
		list_send(req, NULL);
		return;
	}
	next = db_unit_new();
	message_list_end_add(next, &l->filter);
	gw_submit(req, req->gw->read, next, list_end_done, NULL);
}

static void
messages_list(struct gw_req *req)
{
	struct list *l = arena_alloc(req->a, sizeof(*l));
	struct message_filter counted = {0};
	struct db_unit *u;

	req->user = l;
	/* The total is that of the whole list, whatever page of it is shown. Read first: bad
	 * filters are told together with a bad page. */
	filters_read(req, &(struct gw_page){.limit = 0}, &counted);
	if (!gw_page_read(req, sizeof(struct uuid), &l->page))
		return;
	filters_read(req, &l->page, &l->filter);
	u = db_unit_new();
	message_list_add(u, &l->filter, l->page.limit + 1, l->page.offset);
	message_count_add(u, &counted);
	gw_submit(req, req->gw->read, u, list_done, NULL);
}

/* ---- cancel ---- */

/* Lock, finish, and the row as it then stands, in one transaction. */
enum { CANCEL_AT_LOCK, CANCEL_AT_FINISH, CANCEL_AT_ROW };

static void
refuse_cancel(struct gw_req *req)
{
	gw_error(req, GW_E_CONFLICT, "Only scheduled and queued messages can be cancelled");
}

static void
cancel_done(struct gw_req *req, const struct db_unit *u)
{
	struct message_row row;
	struct json_w *w;

	if (db_row_count(db_unit_result(u, CANCEL_AT_FINISH)) == 0) {
		refuse_cancel(req); /* claimed since we looked */
		return;
	}
	wake_send(req->gw->wake);
	message_row_read(u, CANCEL_AT_ROW, 0, req->a, &row);
	w = gw_begin(req, "Message cancelled");
	json_w_open(w, GW_DATA, '{');
	message_json_members(w, &row);
	json_w_close(w, '}');
	gw_send(req, 200);
}

static void
cancel_found(struct gw_req *req, const struct db_unit *u)
{
	struct cancel_row *rows;
	struct db_unit *next;

	if (message_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	if (cancel_rows(u, 1, req->a, &rows) == 0) {
		refuse_cancel(req);
		return;
	}
	next = db_unit_new();
	cancel_add(req, next, rows, 1, "cancelled by the client");
	message_get_add(next, req->who.company_id, rows[0].id);
	gw_submit(req, req->gw->write, next, cancel_done, NULL);
}

static void
messages_cancel(struct gw_req *req)
{
	struct uuid id;
	struct db_unit *u;

	if (!gw_uuid_param(req, "id", &id))
		return;
	u = db_unit_new();
	message_get_add(u, req->who.company_id, id);
	cancel_find_add(u, req->who.company_id, id);
	gw_submit(req, req->gw->read, u, cancel_found, NULL);
}

/* ---- the module ---- */

static const struct gw_field id_path[] = {GW_FIELD("id", UUID), {.name = NULL}};

static const struct gw_field list_query[] = {FILTER_FIELDS, {.name = NULL}};

static const struct gw_route messages_routes[] = {
	{HTTP_POST, "/api/messages/send", GW_COMPANY, GW_JSON, 0, messages_send,
	 GW_DOC("sendMessage", "Messages", "Send a message",
		.text = "201 comes after the commit: what was accepted is sent, or visibly failed.",
		.flags = GW_DOC_IDEMPOTENCY | GW_DOC_WAIT, .body = &message_send_rules,
		.example = "{\"instance_id\":1,\"phone_to\":\"5511999990001\","
			   "\"content\":\"Hello\"}",
		.status = {201}, .reply = &message_schema,
		.errors = GW_ERR(NOT_FOUND) | GW_ERR(NOT_SUPPORTED))},
	{HTTP_POST, "/api/messages/send-batch", GW_COMPANY, GW_JSON, MESSAGE_BATCH_BODY_MAX,
	 messages_send_batch,
	 GW_DOC("sendMessages", "Messages", "Send up to 1000 messages",
		.text = "Each is judged by itself; those that are accepted are committed together.",
		.flags = GW_DOC_IDEMPOTENCY | GW_DOC_ARRAY, .body = &message_batch_rules,
		.example = "{\"messages\":[{\"instance_id\":1,\"phone_to\":\"5511999990001\","
			   "\"content\":\"Hello\"}]}",
		.status = {207}, .reply = &message_batch_schema)},
	{HTTP_GET, "/api/messages", GW_COMPANY, 0, 0, messages_list,
	 GW_DOC("listMessages", "Messages", "List messages",
		.text = "A page looks at 10,000 messages at most (of the phone, or the reference, "
			"where one is given); one that finds less than its limit goes on with "
			"next_cursor. total counts those that match among the newest 10,000; where "
			"there are more, total_capped says so.",
		.flags = GW_DOC_LIST, .query = list_query, .reply = &message_schema)},
	{HTTP_GET, "/api/messages/{id}", GW_COMPANY, 0, 0, messages_get,
	 GW_DOC("getMessage", "Messages", "One message", .path = id_path,
		.query = GW_FIELDS(GW_FIELD("timeline", STRING,
					    .words = GW_WORDS("1", "true", "0", "false"),
					    .text = "1 or true adds every transition")),
		.reply = &message_timeline_schema)},
	{HTTP_DELETE, "/api/messages/{id}", GW_COMPANY, 0, 0, messages_cancel,
	 GW_DOC("cancelMessage", "Messages", "Cancel a message that was not sent yet",
		.path = id_path, .reply = &message_schema, .errors = GW_ERR(CONFLICT))},
};

static const struct db_stmt_table *const messages_write_tables[] = {
	&accept_stmt_table,        &queued_event_stmt_table, &send_queue_stmt_table,
	&instance_lock_stmt_table, &message_row_stmt_table,  NULL,
};

static const struct db_stmt_table *const messages_read_tables[] = {
	&message_row_stmt_table,
	&cancel_stmt_table,
	&idem_stmt_table,
	NULL,
};

const struct gw_module messages_module = {
	.routes = messages_routes,
	.route_count = GH_COUNT(messages_routes),
	.write_tables = messages_write_tables,
	.read_tables = messages_read_tables,
	.start = messages_batch_start,
	.release = messages_batch_release,
};
