/* events.c - what happened to a company's messages and instances: list, one. */
#include "filters.h"
#include "gateway.h"

#include "base/arena.h"
#include "model/event_row.h"

struct list {
	struct gw_page page;
	struct event_filter filter;
};

static const struct gw_schema event_schema = {
	.name = "Event",
	.fields = GW_FIELDS(
		GW_FIELD("id", UUID), GW_FIELD("company_id", INT),
		GW_FIELD("instance_id", INT, .flags = GW_F_NULL),
		GW_FIELD("message_id", UUID, .flags = GW_F_NULL),
		GW_FIELD("event_type", STRING, .text = "The name in standard bodies"),
		GW_FIELD("event", STRING, .flags = GW_F_NULL, .text = "The name in growhub bodies"),
		GW_FIELD("occurred_at", TIME), GW_FIELD("created_at", TIME),
		GW_FIELD("facts", OBJECT, .flags = GW_F_NULL),
		GW_FIELD("facts_omitted", BOOL, .flags = GW_F_OPTIONAL)),
};

/* `facts` are the neutral facts that webhook bodies are rendered from. */
static void
write_row(struct json_w *w, const char *name, int32_t company_id, const struct event_row *row)
{
	const char *legacy = event_name(row->type, EVENT_FORMAT_GROWHUB);

	json_w_open(w, name, '{');
	json_w_uuid(w, "id", row->id);
	json_w_i64(w, "company_id", company_id);
	if (row->instance_id == 0)
		json_w_null(w, "instance_id");
	else
		json_w_i64(w, "instance_id", row->instance_id);
	json_w_uuid(w, "message_id", row->message_id);
	json_w_str(w, "event_type", slice_of(event_name(row->type, EVENT_FORMAT_STANDARD)));
	json_w_str(w, "event", slice_of(legacy));
	json_w_time(w, "occurred_at", row->occurred_at_us);
	json_w_time(w, "created_at", uuid7_time_us(row->id));
	json_w_raw(w, "facts", row->facts);
	if (row->facts.p == NULL)
		json_w_bool(w, "facts_omitted", true);
	json_w_close(w, '}');
}

/* ---- one ---- */

static void
get_done(struct gw_req *req, const struct db_unit *u)
{
	struct event_row row;

	if (!event_get_read(u, 0, &row)) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	write_row(gw_begin(req, "Event"), GW_DATA, req->who.company_id, &row);
	gw_send(req, 200);
}

static void
events_get(struct gw_req *req)
{
	struct uuid id;
	struct db_unit *u;

	if (!gw_uuid_param(req, "id", &id))
		return;
	u = db_unit_new();
	event_get_add(u, req->who.company_id, id);
	gw_submit(req, req->gw->read, u, get_done, NULL);
}

/* ---- the list ---- */

/* The bits of the types that report this status. */
static int64_t
mask_of_status(int status)
{
	enum event_type type = event_of_status((enum msg_status)status);
	int64_t mask = INT64_C(1) << type;

	if (status == MSG_FAILED)
		mask |= INT64_C(1) << EVENT_MESSAGE_EXPIRED;
	return mask; /* of EVENT_NONE: a bit that no event has */
}

/* ?event_type= takes what subscriptions take, and may be a list with commas. */
static int64_t
read_types(struct gw_req *req)
{
	struct slice rest = gw_query(req, "event_type");
	int64_t mask = 0;

	if (rest.p == NULL)
		return ~INT64_C(0);
	while (rest.p != NULL) {
		struct slice word = slice_cut(rest, ',', &rest);

		if (event_mask_add(word, &mask) != GH_OK)
			gw_field_error(req, "event_type", "is no event type");
	}
	/* Names that are known and never fire: no event has this bit. */
	return mask == 0 ? INT64_C(1) << EVENT_NONE : mask;
}

static void
read_filter(struct gw_req *req, const struct gw_page *page, struct event_filter *f)
{
	struct message_filter m = {0};
	int64_t mask = read_types(req);

	filters_read(req, page, &m);
	if (m.status >= 0)
		mask &= mask_of_status(m.status);
	if (mask == 0)
		mask = INT64_C(1) << EVENT_NONE; /* type and status exclude each other */
	*f = (struct event_filter){
		.company_id = m.company_id,
		.from = m.from,
		.before = m.before,
		.is_back = m.is_back,
		.instance_id = m.instance_id,
		.mask = mask == ~INT64_C(0) ? 0 : mask,
		.direction = m.direction,
		.chat_key = m.chat_key,
		.reference = m.reference,
	};
}

static void
list_done(struct gw_req *req, const struct db_unit *u)
{
	const struct list *l = req->user;
	struct gw_shown shown = gw_page_shown(&l->page, event_list_count(u, 0));
	struct event_row row = {0};
	struct uuid first, last, end;
	bool is_cut = event_list_is_cut(u, 0, &end);
	struct json_w *w = gw_begin(req, "Events");
	int64_t examined, total = event_count_of(u, 1, &examined);

	first = last = end;
	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < shown.count; i++) {
		event_list_read(u, 0, shown.first + i, &row);
		if (i == 0)
			first = row.id;
		last = row.id;
		write_row(w, NULL, req->who.company_id, &row);
	}
	json_w_close(w, ']');
	gw_page_cut(&l->page, is_cut, end.b, &shown, first.b, last.b);
	gw_send_page(req, &l->page, total, examined > EVENT_WINDOW_MAX, &shown, first.b, last.b);
}

static void
events_list(struct gw_req *req)
{
	struct list *l = arena_alloc(req->a, sizeof(*l));
	struct event_filter counted;
	struct db_unit *u;

	req->user = l;
	/* The total is that of the whole list, whatever page of it is shown. Read first: bad
	 * filters are told together with a bad page. */
	read_filter(req, &(struct gw_page){.limit = 0}, &counted);
	if (!gw_page_read(req, sizeof(struct uuid), &l->page))
		return;
	read_filter(req, &l->page, &l->filter);
	u = db_unit_new();
	event_list_add(u, &l->filter, l->page.limit + 1, l->page.offset);
	event_count_add(u, &counted);
	gw_submit(req, req->gw->read, u, list_done, NULL);
}

static const struct gw_field list_query[] = {
	FILTER_FIELDS,
	GW_FIELD("event_type", STRING, .text = "Names as subscriptions take them, with commas"),
	{.name = NULL},
};
static const struct gw_field id_path[] = {GW_FIELD("id", UUID), {.name = NULL}};

static const struct gw_route events_routes[] = {
	{HTTP_GET, "/api/events", GW_COMPANY, 0, 0, events_list,
	 GW_DOC("listEvents", "Events", "List what happened to messages and instances",
		.text = "A page looks at 10,000 events at most; one that finds less than its "
			"limit goes on with next_cursor. Facts over 64 KiB are left out.",
		.flags = GW_DOC_LIST, .query = list_query, .reply = &event_schema)},
	{HTTP_GET, "/api/events/{id}", GW_COMPANY, 0, 0, events_get,
	 GW_DOC("getEvent", "Events", "One event with all its facts", .path = id_path,
		.reply = &event_schema)},
};

static const struct db_stmt_table *const events_tables[] = {&event_row_stmt_table, NULL};

const struct gw_module events_module = {
	.routes = events_routes,
	.route_count = GH_COUNT(events_routes),
	.read_tables = events_tables,
};
