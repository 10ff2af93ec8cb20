/* uazapi_find.c - POST /message/find, from our own messages, and what waits in the instance's
 * queue: GET and DELETE /message/async (contracts/uazapi.md sections 5.1 and 6).
 */
#include "cancel.h"
#include "direct.h"
#include "gateway.h"
#include "uazapi_message.h"

#include "base/arena.h"
#include "model/dialect.h"
#include "model/dialect_content.h"
#include "model/instance.h"
#include "model/message_found.h"
#include "model/message_payload.h"
#include "model/message_ref.h"
#include "model/message_row.h"
#include "model/send_queue.h"
#include "model/wake.h"

#define FIND_DEFAULT 100
#define FIND_MAX     200
#define OFFSET_MAX   10000
#define ID_MAX       256
#define TEXT_MAX     255

/* ---- what is looked for ---- */

struct find {
	struct slice id, chatid, track_source, track_id;
	int64_t limit, offset;
	struct instance_row instance;
	struct message_row *row; /* count of them */
	struct found_rest *rest; /* in the same order */
	unsigned count;
	bool has_more;
};
#define AT(member) .offset = offsetof(struct find, member)

/* What the row of a message leaves out; of one that is gone meanwhile nothing. */
struct found_rest {
	struct message_found row;
	struct message_payload payload; /* of a send */
};

static const struct json_rule find_rules[] = {
	{"id", JSON_RULE_STRING, JSON_RULE_LINE, .max = ID_MAX, AT(id),
	 .text = "Any form of either id"},
	{"chatid", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK, .max = 64, AT(chatid)},
	{"track_source", JSON_RULE_STRING, JSON_RULE_LINE, .max = TEXT_MAX, AT(track_source),
	 .text = "Leaves out others among those that the rest finds"},
	{"track_id", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK, .max = TEXT_MAX,
	 AT(track_id)},
	{"limit", JSON_RULE_INT, .min = 1, .max = FIND_MAX, AT(limit), .text = "Default 100"},
	{"offset", JSON_RULE_INT, .min = 0, .max = OFFSET_MAX, AT(offset)},
};
#undef AT

/* ---- the answer ---- */

static const struct gw_schema found_schema = {
	.name = "UazapiMessage",
	.fields = uazapi_message_fields,
};

#define FOUND_FIELDS                                                                               \
	GW_FIELD("returnedMessages", INT),                                                         \
		GW_FIELD("messages", OBJECT, .flags = GW_F_MANY, .of = &found_schema),             \
		GW_FIELD("limit", INT), GW_FIELD("offset", INT), GW_FIELD("nextOffset", INT),      \
		GW_FIELD("hasMore", BOOL)

static const struct gw_field found_fields[] = {FOUND_FIELDS, {.name = NULL}};

static const struct gw_schema count_schema = {
	.name = "MessagesFound",
	.fields = GW_FIELDS(GW_FIELD("count", INT)),
};

static void
write_found(struct gw_req *req, struct json_w *w, const struct message_row *row,
	    const struct found_rest *rest)
{
	const struct find *f = req->user;
	struct slice owner = dialect_owner(f->instance.phone_number, req->a);
	bool is_out = row->direction == MSG_OUT;
	char id[UUID_TEXT_SIZE];
	struct uazapi_message m = {
		.owner = owner,
		.id = row->external_id.n > 0 ? row->external_id : slice_of(uuid_text(row->id, id)),
		.chat = rest->row.chat_key,
		.sender = is_out ? slice_of(arena_printf(req->a, "%.*s@c.us", S_FMT(owner)))
				 : row->phone_from,
		.is_from_me = is_out,
		.type = dialect_sent_type(row->kind, &rest->payload),
		.status = uazapi_message_status(row->status),
		.at_us = row->sent_at_us != 0 ? row->sent_at_us : uuid7_time_us(row->id),
		.text = dialect_text(row->content, &rest->payload),
		.options = dialect_options(&rest->payload, req->a),
		.content = dialect_content(row->kind, row->content, row->media_url, &rest->payload,
					   req->a),
		.quoted = rest->row.reply_to,
		.track_source = rest->payload.track_source,
		.track_id = row->reference,
	};

	json_w_open(w, NULL, '{');
	uazapi_message_members(w, &m, req->a);
	json_w_close(w, '}');
}

static bool
is_wanted(const struct find *f, const struct found_rest *rest)
{
	return f->track_source.n == 0 || slice_eq(rest->payload.track_source, f->track_source);
}

static void
rest_read(struct gw_req *req, const struct db_unit *u, struct find *f)
{
	f->rest = arena_alloc_array(req->a, f->count + 1, sizeof(*f->rest));
	for (unsigned i = 0; i < message_found_count(u, 0); i++) {
		struct found_rest one = {.payload = {.is_voice = false}};

		message_found_read(u, 0, i, req->a, &one.row);
		if (message_payload_read(one.row.payload, req->a, &one.payload) != GH_OK)
			one.payload = (struct message_payload){.is_voice = false};
		for (unsigned r = 0; r < f->count; r++)
			if (uuid_eq(f->row[r].id, one.row.id))
				f->rest[r] = one;
	}
}

static void
rest_found(struct gw_req *req, const struct db_unit *u)
{
	struct find *f = req->user;
	struct json_w *w = gw_begin(req, "Messages");
	unsigned shown = 0;

	rest_read(req, u, f);
	for (unsigned i = 0; i < f->count; i++)
		shown += is_wanted(f, &f->rest[i]);
	json_w_open(w, GW_DATA, '{');
	json_w_i64(w, "count", shown);
	json_w_close(w, '}');
	json_w_i64(w, "returnedMessages", shown);
	json_w_open(w, "messages", '[');
	for (unsigned i = 0; i < f->count; i++)
		if (is_wanted(f, &f->rest[i]))
			write_found(req, w, &f->row[i], &f->rest[i]);
	json_w_close(w, ']');
	json_w_i64(w, "limit", f->limit);
	json_w_i64(w, "offset", f->offset);
	json_w_i64(w, "nextOffset", f->offset + f->count);
	json_w_bool(w, "hasMore", f->has_more);
	gw_send(req, 200);
}

/* Rows of statement 0: limit of them, and maybe one that says that there are more. */
static void
rows_found(struct gw_req *req, const struct db_unit *u)
{
	struct find *f = req->user;
	unsigned found = message_row_count(u, 0);
	struct db_unit *next = db_unit_new();
	struct uuid *ids;

	f->has_more = found > (unsigned)f->limit;
	f->count = f->has_more ? (unsigned)f->limit : found;
	f->row = arena_alloc_array(req->a, f->count + 1, sizeof(*f->row));
	ids = arena_alloc_array(req->a, f->count + 1, sizeof(*ids));
	for (unsigned i = 0; i < f->count; i++) {
		message_row_read(u, 0, i, req->a, &f->row[i]);
		ids[i] = f->row[i].id;
	}
	message_found_add(next, ids, f->count);
	gw_submit(req, req->gw->read, next, rest_found, NULL);
}

static void
one_found(struct direct *d)
{
	struct gw_req *req = d->req;
	struct find *f = d->user;
	struct db_unit *u = db_unit_new();

	req->user = f;
	f->instance = d->instance;
	/* Not ours: nil finds nothing. */
	message_get_add(u, req->who.company_id, d->message[0].id);
	gw_submit(req, req->gw->read, u, rows_found, NULL);
}

static void
instance_found(struct gw_req *req, const struct db_unit *u)
{
	struct find *f = req->user;
	struct message_filter filter = {.company_id = req->who.company_id,
					.instance_id = req->who.instance_id,
					.status = -1,
					.direction = -1,
					.chat_key = f->chatid,
					.reference = f->track_id};
	struct db_unit *next;

	if (instance_row_count(u, 0) == 0) {
		gw_error(req, GW_E_INSTANCE_DELETED, NULL);
		return;
	}
	instance_row_read(u, 0, 0, req->a, &f->instance);
	memset(&filter.before, 0xff, sizeof(filter.before));
	next = db_unit_new();
	message_list_add(next, &filter, (unsigned)f->limit + 1, (unsigned)f->offset);
	gw_submit(req, req->gw->read, next, rows_found, NULL);
}

static void
find_post(struct gw_req *req)
{
	struct find *f = arena_alloc(req->a, sizeof(*f));
	struct db_unit *u;

	f->limit = FIND_DEFAULT;
	req->user = f;
	(void)json_check(req->body, find_rules, GH_COUNT(find_rules), "", f, NULL, gw_errors(req));
	if (f->chatid.n > 0)
		f->chatid = direct_chat(req, "chatid", f->chatid);
	else
		f->chatid = SLICE_NONE;
	if (f->track_id.n == 0)
		f->track_id = SLICE_NONE;
	if (gw_refuse_fields(req))
		return;
	if (f->id.n > 0) {
		direct_find(direct_new(req, f), &f->id, 1, one_found);
		return;
	}
	u = db_unit_new();
	instance_get_add(u, req->who.company_id, req->who.instance_id);
	gw_submit(req, req->gw->read, u, instance_found, NULL);
}

/* ---- the queue ---- */

static const struct gw_schema queue_schema = {
	.fields = GW_FIELDS(
		GW_FIELD("status", STRING,
			 .words = GW_WORDS("idle", "queued", "processing", "waiting_connection")),
		GW_FIELD("pending", INT, .text = "At most 10000 are counted"),
		GW_FIELD("processingNow", BOOL), GW_FIELD("acceptingNewMessages", BOOL),
		GW_FIELD("sessionReady", BOOL), GW_FIELD("resetting", BOOL)),
};

static const struct gw_field queue_fields[] = {
	GW_FIELD("response", STRING),
	GW_FIELD("instanceId", STRING),
	GW_FIELD("queue", OBJECT, .of = &queue_schema),
	{.name = NULL},
};

static const struct gw_schema pending_schema = {
	.name = "Pending",
	.fields = GW_FIELDS(GW_FIELD("pending", INT)),
};

static const char *
queue_word(const struct message_waiting *q, bool is_ready)
{
	if (q->processing > 0)
		return "processing";
	if (q->pending == 0)
		return "idle";
	return is_ready ? "queued" : "waiting_connection";
}

static void
queue_reply(struct gw_req *req, const struct db_unit *u)
{
	const struct message_waiting q = message_waiting_read(u, 1);
	char id[DIALECT_ID_SIZE];
	struct instance_row row;
	struct json_w *w;
	bool is_ready;

	if (instance_row_count(u, 0) == 0) {
		gw_error(req, GW_E_INSTANCE_DELETED, NULL);
		return;
	}
	instance_row_read(u, 0, 0, req->a, &row);
	is_ready = slice_eq(row.status, S("connected"));
	w = gw_begin(req, "Queue");
	json_w_open(w, GW_DATA, '{');
	json_w_i64(w, "pending", q.pending);
	json_w_close(w, '}');
	json_w_str(w, "response", S("Queue status"));
	json_w_str(w, "instanceId", slice_of(dialect_instance_id(row.id, id)));
	json_w_open(w, "queue", '{');
	json_w_str(w, "status", slice_of(queue_word(&q, is_ready)));
	json_w_i64(w, "pending", q.pending);
	json_w_bool(w, "processingNow", q.processing > 0);
	json_w_bool(w, "acceptingNewMessages", true);
	json_w_bool(w, "sessionReady", is_ready);
	json_w_bool(w, "resetting", false);
	json_w_close(w, '}');
	gw_send(req, 200);
}

static void
queue_get(struct gw_req *req)
{
	struct db_unit *u = db_unit_new();

	instance_get_add(u, req->who.company_id, req->who.instance_id);
	message_waiting_add(u, req->who.instance_id);
	gw_submit(req, req->gw->read, u, queue_reply, NULL);
}

/* ---- the queue emptied ---- */

static void cancel_next(struct gw_req *req);

static void
slice_ended(struct gw_req *req, const struct db_unit *u)
{
	wake_send(req->gw->wake);
	/* None of them ended: they are being sent. */
	if (db_row_count(db_unit_result(u, CANCEL_ENDED_STMT)) == 0)
		queue_get(req);
	else
		cancel_next(req);
}

static void
slice_picked(struct gw_req *req, const struct db_unit *u)
{
	struct cancel_row *rows;
	unsigned count = cancel_rows(u, 0, req->a, &rows);
	struct db_unit *next;

	if (count == 0) {
		queue_get(req);
		return;
	}
	next = db_unit_new();
	cancel_add(req, next, rows, count, "the queue was emptied");
	gw_submit(req, req->gw->write, next, slice_ended, NULL);
}

static void
cancel_next(struct gw_req *req)
{
	struct db_unit *u = db_unit_new();

	cancel_pick_add(u, req->who.company_id, req->who.instance_id);
	gw_submit(req, req->gw->write, u, slice_picked, NULL);
}

/* ---- the module ---- */

static const struct gw_route routes[] = {
	{HTTP_POST, "/message/find", GW_INSTANCE, GW_JSON, 0, find_post,
	 GW_DOC("uazapiFind", "UAZAPI", "Find messages, newest first, as UAZAPI does",
		.body = JSON_RULES(find_rules), .example = "{\"track_id\":\"order-881\"}",
		.reply = &count_schema, .beside = found_fields)},
	{HTTP_GET, "/message/async", GW_INSTANCE, 0, 0, queue_get,
	 GW_DOC("uazapiQueue", "UAZAPI", "What of the instance waits to be sent",
		.reply = &pending_schema, .beside = queue_fields)},
	{HTTP_DELETE, "/message/async", GW_INSTANCE, 0, 0, cancel_next,
	 GW_DOC("uazapiEmptyQueue", "UAZAPI",
		"Cancel all that waits to be sent, scheduled sends too", .reply = &pending_schema,
		.beside = queue_fields)},
};

static const struct db_stmt_table *const read_tables[] = {
	&instance_stmt_table,
	&message_row_stmt_table,
	&message_found_stmt_table,
	&message_ref_stmt_table,
	NULL,
};

static const struct db_stmt_table *const write_tables[] = {
	&cancel_stmt_table,
	&send_queue_stmt_table,
	NULL,
};

const struct gw_module uazapi_find_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = write_tables,
	.read_tables = read_tables,
};
