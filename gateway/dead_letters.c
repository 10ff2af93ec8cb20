/* dead_letters.c - superadmin: messages that ended in failure; look at them, send them again, drop
 * them.
 */
#include "filters.h"
#include "gateway.h"
#include "message_json.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "model/dead_letter_row.h"
#include "model/message_row.h"
#include "model/wake.h"
#include "provider/provider.h"

#define EXPIRE_US  (INT64_C(86400) * CLOCK_SEC)
#define REASON_MAX 64

struct list {
	struct gw_page page;
	struct dead_letter_filter filter;
};

/* ---- the row ---- */

#define LETTER_FIELDS                                                                              \
	GW_FIELD("id", UUID, .text = "Of the message"), GW_FIELD("company_id", INT),               \
		GW_FIELD("instance_id", INT), GW_FIELD("reason", STRING),                          \
		GW_FIELD("detail", STRING, .flags = GW_F_NULL), GW_FIELD("attempts", INT),         \
		GW_FIELD("status", STRING, .flags = GW_F_NULL,                                     \
			 .text = "Of the message now; null: no longer kept"),                      \
		GW_FIELD("created_at", TIME), GW_FIELD("replayed_at", TIME, .flags = GW_F_NULL)

static const struct gw_schema letter_schema = {
	.name = "DeadLetter",
	.fields = GW_FIELDS(LETTER_FIELDS),
};
static const struct gw_schema letter_message_schema = {
	.name = "DeadLetterWithMessage",
	.base = &letter_schema,
	.fields = GW_FIELDS(GW_FIELD("message", OBJECT, .flags = GW_F_NULL | GW_F_OPTIONAL,
				     .of = &message_timeline_schema)),
};

static void
write_members(struct json_w *w, const struct dead_letter_row *row)
{
	json_w_uuid(w, "id", row->message_id);
	json_w_i64(w, "company_id", row->company_id);
	json_w_i64(w, "instance_id", row->instance_id);
	json_w_str(w, "reason", row->reason);
	json_w_str(w, "detail", row->detail);
	json_w_i64(w, "attempts", row->attempts);
	json_w_str(w, "status",
		   row->has_message ? slice_of(msg_status_name(row->status)) : SLICE_NONE);
	json_w_time(w, "created_at", row->created_at_us);
	json_w_time(w, "replayed_at", row->replayed_at_us);
}

/* ---- the list ---- */

static void
filter_read(struct gw_req *req, const struct gw_page *page, struct dead_letter_filter *f)
{
	struct slice replayed = gw_query(req, "replayed");

	f->company_id = filters_id(req, "company_id");
	f->instance_id = filters_id(req, "instance_id");
	f->reason = gw_query(req, "reason");
	f->replayed = -1;
	if (slice_eq(replayed, S("true")) || slice_eq(replayed, S("false")))
		f->replayed = slice_eq(replayed, S("true"));
	else if (replayed.p != NULL)
		gw_field_error(req, "replayed", "must be true or false");
	f->is_back = page->is_back;
	gw_page_uuids(page, &f->from, &f->before);
	filters_times(req, &f->from, &f->before);
}

static void
list_done(struct gw_req *req, const struct db_unit *u)
{
	const struct list *l = req->user;
	struct gw_shown shown = gw_page_shown(&l->page, dead_letter_list_count(u, 0));
	struct dead_letter_row row;
	struct uuid first, last, end;
	bool is_cut = dead_letter_list_is_cut(u, 0, &end);
	int64_t examined, total = dead_letter_count_of(u, 1, &examined);
	struct json_w *w = gw_begin(req, "Dead letters");

	first = last = end;
	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < shown.count; i++) {
		dead_letter_row_read(u, 0, shown.first + i, req->a, &row);
		if (i == 0)
			first = row.message_id;
		last = row.message_id;
		json_w_open(w, NULL, '{');
		write_members(w, &row);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	gw_page_cut(&l->page, is_cut, end.b, &shown, first.b, last.b);
	gw_send_page(req, &l->page, total, examined > DEAD_LETTER_WINDOW_MAX, &shown, first.b,
		     last.b);
}

static void
dead_letters_list(struct gw_req *req)
{
	struct list *l = arena_alloc(req->a, sizeof(*l));
	struct dead_letter_filter counted = {0};
	struct db_unit *u;

	req->user = l;
	/* The total is that of the whole list, whatever page of it is shown. Read first: bad
	 * filters are told together with a bad page. */
	filter_read(req, &(struct gw_page){.limit = 0}, &counted);
	if (!gw_page_read(req, sizeof(struct uuid), &l->page))
		return;
	filter_read(req, &l->page, &l->filter);
	u = db_unit_new();
	dead_letter_list_add(u, &l->filter, l->page.limit + 1, l->page.offset);
	dead_letter_count_add(u, &counted);
	gw_submit(req, req->gw->read, u, list_done, NULL);
}

/* ---- one ---- */

/* Statement 0: the dead letter of the path. NULL: refused. */
static struct db_unit *
letter_unit(struct gw_req *req, struct uuid *id)
{
	struct db_unit *u;

	if (!gw_uuid_param(req, "id", id))
		return NULL;
	u = db_unit_new();
	dead_letter_get_add(u, *id);
	return u;
}

static void
reply_letter(struct gw_req *req, unsigned status, const char *text,
	     const struct dead_letter_row *row)
{
	struct json_w *w = gw_begin(req, text);

	json_w_open(w, GW_DATA, '{');
	write_members(w, row);
	json_w_close(w, '}');
	gw_send(req, status);
}

/* Statement 0 is the message, 1 its steps. */
static void
get_message(struct gw_req *req, const struct db_unit *u)
{
	const struct dead_letter_row *row = req->user;
	struct message_row message;
	struct json_w *w = gw_begin(req, "Dead letter");

	json_w_open(w, GW_DATA, '{');
	write_members(w, row);
	if (message_row_count(u, 0) == 0) {
		json_w_null(w, "message");
	} else {
		message_row_read(u, 0, 0, req->a, &message);
		json_w_open(w, "message", '{');
		message_json_members(w, &message);
		message_json_timeline(w, u, 1, &message);
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
	gw_send(req, 200);
}

static void
get_done(struct gw_req *req, const struct db_unit *u)
{
	struct dead_letter_row *row = arena_alloc(req->a, sizeof(*row));
	struct db_unit *next;

	if (dead_letter_get_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	dead_letter_row_read(u, 0, 0, req->a, row);
	req->user = row;
	next = db_unit_new();
	message_get_add(next, row->company_id, row->message_id);
	message_steps_add(next, row->message_id);
	gw_submit(req, req->gw->read, next, get_message, NULL);
}

static void
dead_letters_get(struct gw_req *req)
{
	struct uuid id;
	struct db_unit *u = letter_unit(req, &id);

	if (u != NULL)
		gw_submit(req, req->gw->read, u, get_done, NULL);
}

static void
delete_done(struct gw_req *req, const struct db_unit *u)
{
	struct dead_letter_row row;

	if (dead_letter_get_count(u, 0) == 0 || !dead_letter_deleted(u, 1)) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	dead_letter_row_read(u, 0, 0, req->a, &row);
	reply_letter(req, 200, "Dead letter deleted", &row);
}

static void
dead_letters_delete(struct gw_req *req)
{
	struct uuid id;
	struct db_unit *u = letter_unit(req, &id);

	if (u == NULL)
		return;
	dead_letter_delete_add(u, id);
	gw_submit(req, req->gw->write, u, delete_done, NULL);
}

/* ---- replay ---- */

/* False: it cannot be sent again. Texts live in the request's arena. */
static bool
replay_of(struct gw_req *req, const struct dead_letter_row *row, struct dead_letter_replay *out)
{
	const struct provider *p = provider_find(row->provider_type);
	char *send_ref = arena_alloc(req->a, PROVIDER_SEND_REF_SIZE);
	struct provider_chat chat;

	if (!row->has_message || row->status != MSG_FAILED || row->replayed_at_us != 0 ||
	    row->is_ownerless || p == NULL || provider_chat_parse(row->to, req->a, &chat) != GH_OK)
		return false;
	*out = (struct dead_letter_replay){
		.message_id = row->message_id,
		.lane_key = chat.lane_key,
		.priority = row->priority,
		.expires_at_us = clock_wall_us() + EXPIRE_US,
	};
	if (provider_send_ref(p, (enum msg_kind)row->kind, row->message_id, send_ref))
		out->send_ref = slice_of(send_ref);
	return true;
}

static void
replay_log(const struct gw_req *req, unsigned count)
{
	log_info("dead_letter.replayed", LOG_INT("rows", count),
		 LOG_INT("admin", req->who.admin_id));
}

static void
replay_done(struct gw_req *req, const struct db_unit *u)
{
	struct dead_letter_row row;

	if (dead_letter_replayed(u, 0) == 0) {
		gw_error(req, GW_E_CONFLICT, "The message is not failed any more");
		return;
	}
	wake_send(req->gw->wake);
	replay_log(req, 1);
	dead_letter_row_read(u, 1, 0, req->a, &row);
	reply_letter(req, 202, "Message queued again", &row);
}

static void
replay_found(struct gw_req *req, const struct db_unit *u)
{
	struct dead_letter_row row;
	struct dead_letter_replay *replay = arena_alloc(req->a, sizeof(*replay));
	struct db_unit *next;

	if (dead_letter_get_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	dead_letter_row_read(u, 0, 0, req->a, &row);
	if (!replay_of(req, &row, replay)) {
		gw_error(req, GW_E_CONFLICT,
			 "Only failed messages whose instance exists can be sent again");
		return;
	}
	next = db_unit_new();
	dead_letter_replay_add(next, replay, 1, slice_of(daemon_worker(req->gw->daemon)));
	dead_letter_get_add(next, replay->message_id);
	gw_submit(req, req->gw->write, next, replay_done, NULL);
}

static void
dead_letters_replay_one(struct gw_req *req)
{
	struct uuid id;
	struct db_unit *u = letter_unit(req, &id);

	if (u != NULL)
		gw_submit(req, req->gw->write, u, replay_found, NULL);
}

/* ---- replay of many: one slice per request, the oldest first ---- */

struct replay_body {
	int64_t company_id, instance_id;
	struct slice reason;
	int64_t since_us, until_us;
	struct uuid after;
};

struct slice_replay {
	unsigned skipped;
	bool has_more;
	struct uuid last; /* looked at */
};

#define AT(member) .offset = offsetof(struct replay_body, member)
static const struct json_rule replay_rules[] = {
	{"company_id", JSON_RULE_INT, .min = 1, .max = INT32_MAX, AT(company_id)},
	{"instance_id", JSON_RULE_INT, .min = 1, .max = INT32_MAX, AT(instance_id)},
	{"reason", JSON_RULE_STRING, JSON_RULE_LINE, .min = 1, .max = REASON_MAX, AT(reason)},
	{"since", JSON_RULE_TIME, AT(since_us), .text = "Messages accepted from then on"},
	{"until", JSON_RULE_TIME, AT(until_us), .text = "Exclusive"},
	{"after", JSON_RULE_UUID, AT(after), .text = "next_after of the slice before"},
};

static const struct gw_schema slice_schema = {
	.name = "DeadLetterReplay",
	.fields = GW_FIELDS(GW_FIELD("replayed", INT),
			    GW_FIELD("skipped", INT, .text = "Their message or instance is gone"),
			    GW_FIELD("has_more", BOOL),
			    GW_FIELD("next_after", UUID, .flags = GW_F_NULL,
				     .text = "Send it as `after` to replay the next slice")),
};

static void
slice_reply(struct gw_req *req, unsigned replayed)
{
	const struct slice_replay *s = req->user;
	struct json_w *w = gw_begin(req, "Messages queued again");

	json_w_open(w, GW_DATA, '{');
	json_w_i64(w, "replayed", replayed);
	json_w_i64(w, "skipped", s->skipped);
	json_w_bool(w, "has_more", s->has_more);
	if (s->has_more)
		json_w_uuid(w, "next_after", s->last);
	else
		json_w_null(w, "next_after");
	json_w_close(w, '}');
	gw_send(req, 202);
}

static void
slice_done(struct gw_req *req, const struct db_unit *u)
{
	unsigned count = dead_letter_replayed(u, 0);

	wake_send(req->gw->wake);
	replay_log(req, count);
	slice_reply(req, count);
}

/* The list is newest first; the messages are queued in the order they were accepted in. */
static void
slice_found(struct gw_req *req, const struct db_unit *u)
{
	struct slice_replay *s = req->user;
	unsigned found = dead_letter_list_count(u, 0), count = 0;
	struct dead_letter_replay *rows =
		arena_alloc_array(req->a, found > 0 ? found : 1, sizeof(*rows));
	struct db_unit *next;

	s->has_more = dead_letter_list_is_cut(u, 0, &s->last);
	for (unsigned i = found; i-- > 0;) {
		struct dead_letter_row row;

		dead_letter_row_read(u, 0, i, req->a, &row);
		if (replay_of(req, &row, &rows[count]))
			count++;
		if (found == DEAD_LETTER_SLICE_MAX)
			s->last = row.message_id;
	}
	s->has_more = s->has_more || found == DEAD_LETTER_SLICE_MAX;
	s->skipped = found - count;
	if (count == 0) {
		slice_reply(req, 0);
		return;
	}
	next = db_unit_new();
	dead_letter_replay_add(next, rows, count, slice_of(daemon_worker(req->gw->daemon)));
	gw_submit(req, req->gw->write, next, slice_done, NULL);
}

static void
dead_letters_replay(struct gw_req *req)
{
	struct replay_body body = {0};
	struct gw_page page = {.has_cursor = true, .is_back = true};
	struct dead_letter_filter f = {.is_back = true};
	struct db_unit *u;

	if (!gw_check(req, replay_rules, GH_COUNT(replay_rules), &body, NULL))
		return;
	memcpy(page.key, &body.after, sizeof(body.after));
	gw_page_uuids(&page, &f.from, &f.before);
	filters_clip(body.since_us, body.until_us == 0 ? INT64_MAX : body.until_us, &f.from,
		     &f.before);
	f.company_id = (int32_t)body.company_id;
	f.instance_id = (int32_t)body.instance_id;
	f.reason = body.reason;
	req->user = arena_alloc(req->a, sizeof(struct slice_replay));
	u = db_unit_new();
	dead_letter_list_add(u, &f, DEAD_LETTER_SLICE_MAX, 0);
	gw_submit(req, req->gw->write, u, slice_found, NULL);
}

/* ---- the module ---- */

static const struct gw_field list_query[] = {
	GW_FIELD("company_id", INT, .min = 1, .max = INT32_MAX),
	GW_FIELD("instance_id", INT, .min = 1, .max = INT32_MAX),
	GW_FIELD("reason", STRING),
	GW_FIELD("replayed", STRING, .words = GW_WORDS("true", "false")),
	GW_FIELD("since", TIME, .text = "Messages accepted from then on"),
	GW_FIELD("until", TIME, .text = "Exclusive"),
	{.name = NULL},
};
static const struct gw_field id_path[] = {GW_FIELD("id", UUID), {.name = NULL}};

static const struct gw_route dead_letters_routes[] = {
	{HTTP_GET, "/api/admin/dlq", GW_ADMIN, 0, 0, dead_letters_list,
	 GW_DOC("listDeadLetters", "Dead letters", "List messages that ended in failure",
		.flags = GW_DOC_LIST, .query = list_query, .reply = &letter_schema)},
	{HTTP_POST, "/api/admin/dlq/replay", GW_ADMIN, GW_JSON_OPTIONAL | GW_KEYED, 0,
	 dead_letters_replay,
	 GW_DOC("replayDeadLetters", "Dead letters", "Send failed messages again",
		.text = "One slice of at most 500, the oldest first; next_after leads to the next.",
		.body = JSON_RULES(replay_rules), .example = "{\"reason\":\"expired\"}",
		.status = {202}, .reply = &slice_schema)},
	{HTTP_GET, "/api/admin/dlq/{id}", GW_ADMIN, 0, 0, dead_letters_get,
	 GW_DOC("getDeadLetter", "Dead letters", "One, with its message and timeline",
		.path = id_path, .reply = &letter_message_schema)},
	{HTTP_DELETE, "/api/admin/dlq/{id}", GW_ADMIN, 0, 0, dead_letters_delete,
	 GW_DOC("deleteDeadLetter", "Dead letters", "Drop a dead letter",
		.text = "The message stays failed.", .path = id_path, .reply = &letter_schema)},
	{HTTP_POST, "/api/admin/dlq/{id}/replay", GW_ADMIN, GW_KEYED, 0, dead_letters_replay_one,
	 GW_DOC("replayDeadLetter", "Dead letters", "Send a failed message again", .path = id_path,
		.status = {202}, .reply = &letter_schema, .errors = GW_ERR(CONFLICT))},
};

static const struct db_stmt_table *const dead_letters_tables[] = {&dead_letter_row_stmt_table,
								  &message_row_stmt_table, NULL};

const struct gw_module dead_letters_module = {
	.routes = dead_letters_routes,
	.route_count = GH_COUNT(dead_letters_routes),
	.write_tables = dead_letters_tables,
	.read_tables = dead_letters_tables,
};
