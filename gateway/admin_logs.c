/* admin_logs.c - superadmin: what the daemons said, of all processes on all hosts. */
#include "filters.h"
#include "gateway.h"

#include "base/arena.h"
#include "model/log_row.h"

#define WORD_MAX 64 /* of daemon and event */

struct list {
	struct gw_page page;
	struct log_filter filter;
};

/* In the order of enum log_level. */
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};

static const struct gw_schema log_schema = {
	.name = "LogLine",
	.fields = GW_FIELDS(GW_FIELD("id", UUID), GW_FIELD("created_at", TIME),
			    GW_FIELD("level", STRING, .words = levels), GW_FIELD("daemon", STRING),
			    GW_FIELD("process", STRING, .text = "Its instance_name"),
			    GW_FIELD("event", STRING, .text = "As the daemon's manual lists it"),
			    GW_FIELD("company_id", INT, .flags = GW_F_NULL),
			    GW_FIELD("instance_id", INT, .flags = GW_F_NULL),
			    GW_FIELD("message_id", UUID, .flags = GW_F_NULL),
			    GW_FIELD("line", STRING, .text = "As written to standard error")),
};

static void
write_id(struct json_w *w, const char *name, int32_t id)
{
	if (id == 0)
		json_w_null(w, name);
	else
		json_w_i64(w, name, id);
}

static void
write_row(struct json_w *w, const struct log_row *row)
{
	json_w_open(w, NULL, '{');
	json_w_uuid(w, "id", row->id);
	json_w_time(w, "created_at", uuid7_time_us(row->id));
	json_w_str(w, "level", slice_of(levels[row->level]));
	json_w_str(w, "daemon", row->daemon);
	json_w_str(w, "process", row->process);
	json_w_str(w, "event", row->event);
	write_id(w, "company_id", row->company_id);
	write_id(w, "instance_id", row->instance_id);
	json_w_uuid(w, "message_id", row->message_id);
	json_w_str(w, "line", row->line);
	json_w_close(w, '}');
}

/* ---- the filter ---- */

static void
read_level(struct gw_req *req, struct log_filter *f)
{
	struct slice text = gw_query(req, "level");
	unsigned i = 0;

	if (text.p == NULL)
		return;
	while (levels[i] != NULL && !slice_eq(text, slice_of(levels[i])))
		i++;
	if (levels[i] == NULL)
		gw_field_error(req, "level", "must be one of debug, info, warn, error");
	else
		f->level = (enum log_level)i;
}

static struct slice
read_word(struct gw_req *req, const char *name)
{
	struct slice text = gw_query(req, name);

	if (text.n > WORD_MAX)
		gw_field_error(req, name, "longer than 64 bytes");
	return text;
}

static void
read_filter(struct gw_req *req, const struct gw_page *page, struct log_filter *f)
{
	struct slice message = gw_query(req, "message_id");

	*f = (struct log_filter){.is_back = page->is_back};
	read_level(req, f);
	f->company_id = filters_id(req, "company_id");
	f->instance_id = filters_id(req, "instance_id");
	if (message.p != NULL && uuid_parse(message, &f->message_id) != GH_OK)
		gw_field_error(req, "message_id", "must be a UUID");
	f->daemon = read_word(req, "daemon");
	f->event = read_word(req, "event");
	gw_page_uuids(page, &f->from, &f->before);
	filters_times(req, &f->from, &f->before);
}

/* ---- the list ---- */

static void
list_done(struct gw_req *req, const struct db_unit *u)
{
	const struct list *l = req->user;
	struct gw_shown shown = gw_page_shown(&l->page, log_list_count(u, 0));
	struct log_row row;
	struct uuid first, last, end;
	bool is_cut = log_list_is_cut(u, 0, &end) && shown.count < l->page.limit;
	int64_t examined, total = log_count_of(u, 1, &examined);
	struct json_w *w = gw_begin(req, "Log lines");

	first = last = end;
	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < shown.count; i++) {
		log_list_read(u, 0, shown.first + i, &row);
		if (i == 0)
			first = row.id;
		last = row.id;
		write_row(w, &row);
	}
	json_w_close(w, ']');
	gw_page_cut(&l->page, is_cut, end.b, &shown, first.b, last.b);
	gw_send_page(req, &l->page, total, examined > LOG_WINDOW_MAX, &shown, first.b, last.b);
}

static void
logs_list(struct gw_req *req)
{
	struct list *l = arena_alloc(req->a, sizeof(*l));
	struct log_filter counted;
	struct db_unit *u;

	req->user = l;
	/* The total is that of the whole list, whatever page of it is shown. Read first: bad
	 * filters are told together with a bad page. */
	read_filter(req, &(struct gw_page){.limit = 0}, &counted);
	if (!gw_page_read(req, sizeof(struct uuid), &l->page))
		return;
	read_filter(req, &l->page, &l->filter);
	u = db_unit_new();
	log_list_add(u, &l->filter, l->page.limit + 1, l->page.offset);
	log_count_add(u, &counted);
	gw_submit(req, req->gw->read, u, list_done, NULL);
}

static const struct gw_field list_query[] = {
	GW_FIELD("level", STRING, .words = levels, .text = "This one or worse"),
	GW_FIELD("company_id", INT, .min = 1, .max = INT32_MAX),
	GW_FIELD("instance_id", INT, .min = 1, .max = INT32_MAX),
	GW_FIELD("message_id", UUID),
	GW_FIELD("daemon", STRING, .text = "gateway, senderd, ..."),
	GW_FIELD("event", STRING, .text = "A word pair: send.result_lost"),
	GW_FIELD("since", TIME, .text = "Inclusive"),
	GW_FIELD("until", TIME, .text = "Exclusive"),
	{.name = NULL},
};

static const struct gw_route admin_logs_routes[] = {
	{HTTP_GET, "/api/admin/logs", GW_ADMIN, 0, 0, logs_list,
	 GW_DOC("listLogLines", "Operation", "List what the daemons logged",
		.text = "Lines of log.store_level (warn) or worse, kept for healthd.log_retention "
			"(7 days), about a second after they were written. A page looks at 10,000 "
			"lines at most; one that finds less than its limit goes on with "
			"next_cursor.",
		.flags = GW_DOC_LIST, .query = list_query, .reply = &log_schema)},
};

static const struct db_stmt_table *const admin_logs_tables[] = {&log_row_stmt_table, NULL};

const struct gw_module admin_logs_module = {
	.routes = admin_logs_routes,
	.route_count = GH_COUNT(admin_logs_routes),
	.read_tables = admin_logs_tables,
};
