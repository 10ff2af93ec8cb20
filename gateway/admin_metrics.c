/* admin_metrics.c - superadmin: counters of every company, from what healthd rolled up. */
#include "gateway.h"
#include "stats_json.h"

#include "base/arena.h"
#include "model/company.h"

struct metrics_page {
	struct gw_page page;
	struct gw_shown shown;
	int64_t total;
	struct company_row *companies; /* newest first; strings in the request's arena */
};

static const struct gw_schema outbox_schema = {
	.fields = GW_FIELDS(
		GW_FIELD("pending", INT, .text = "Later ones included"),
		GW_FIELD("oldest_at", TIME, .flags = GW_F_NULL,
			 .text = "Since when the oldest due one waits, when it was counted")),
};
static const struct gw_schema messages_schema = {
	.fields = GW_FIELDS(STATS_FIELDS),
};
static const struct gw_schema webhooks_schema = {
	.fields = GW_FIELDS(GW_FIELD("pending", INT, .text = "Deliveries that wait"),
			    GW_FIELD("posted", INT),
			    GW_FIELD("failed", INT, .text = "Posts that were not taken")),
};
static const struct gw_schema metrics_schema = {
	.name = "CompanyMetrics",
	.text = "Counters since the company was made; queues, outbox and pending as they are.",
	.fields =
		GW_FIELDS(GW_FIELD("company_id", INT), GW_FIELD("company_name", STRING),
			  GW_FIELD("status", STRING),
			  GW_FIELD("queues", OBJECT, .flags = GW_F_MANY, .of = &stats_queue_schema),
			  GW_FIELD("outbox", OBJECT, .of = &outbox_schema),
			  GW_FIELD("messages", OBJECT, .of = &messages_schema),
			  GW_FIELD("webhooks", OBJECT, .of = &webhooks_schema)),
};

/* ---- one company ---- */

enum { AT_PROGRESS, AT_QUEUES, AT_OUTBOX, AT_TOTALS };

/* Returns how many deliveries wait. */
static int64_t
write_queues(struct json_w *w, const struct db_unit *u, int32_t company_id)
{
	int64_t deliveries = 0;
	struct backlog_queue q;

	json_w_open(w, "queues", '[');
	for (unsigned i = 0; i < backlog_queues_count(u, AT_QUEUES); i++) {
		backlog_queues_read(u, AT_QUEUES, i, &q);
		if (q.company_id != company_id)
			continue;
		stats_json_queue(w, &q);
		if (q.kind == MQ_KIND_DELIVERY)
			deliveries += q.messages;
	}
	json_w_close(w, ']');
	return deliveries;
}

static void
write_outbox(struct json_w *w, const struct db_unit *u, int32_t company_id)
{
	struct backlog_outbox found = {0}, o;

	for (unsigned i = 0; i < backlog_outbox_count(u, AT_OUTBOX); i++) {
		backlog_outbox_read(u, AT_OUTBOX, i, &o);
		if (o.company_id == company_id)
			found = o;
	}
	json_w_open(w, "outbox", '{');
	json_w_i64(w, "pending", found.pending);
	json_w_time(w, "oldest_at", found.oldest_at_us);
	json_w_close(w, '}');
}

static void
read_totals(const struct db_unit *u, int32_t company_id, int64_t counts[STATS_COUNTS])
{
	struct stats_total total;

	for (unsigned i = 0; i < stats_totals_count(u, AT_TOTALS); i++) {
		stats_totals_read(u, AT_TOTALS, i, &total);
		if (total.company_id == company_id && total.what >= 0 && total.what < STATS_COUNTS)
			counts[total.what] = total.count;
	}
}

static void
write_company(struct json_w *w, const struct db_unit *u, const struct company_row *row)
{
	int64_t counts[STATS_COUNTS] = {0};
	int64_t deliveries;

	json_w_open(w, NULL, '{');
	json_w_i64(w, "company_id", row->id);
	json_w_str(w, "company_name", row->name);
	json_w_str(w, "status", row->status);
	deliveries = write_queues(w, u, row->id);
	write_outbox(w, u, row->id);
	read_totals(u, row->id, counts);
	json_w_open(w, "messages", '{');
	stats_json_counts(w, counts);
	json_w_close(w, '}');
	json_w_open(w, "webhooks", '{');
	json_w_i64(w, "pending", deliveries);
	json_w_i64(w, "posted", counts[STATS_POSTED]);
	json_w_i64(w, "failed", counts[STATS_POST_FAILED]);
	json_w_close(w, '}');
	json_w_close(w, '}');
}

/* ---- the list ---- */

static void
metrics_done(struct gw_req *req, const struct db_unit *u)
{
	const struct metrics_page *m = req->user;
	unsigned n = m->shown.count;
	struct stats_progress progress;
	struct json_w *w = gw_begin(req, "Metrics");

	stats_progress_read(u, AT_PROGRESS, &progress);
	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < n; i++)
		write_company(w, u, &m->companies[i]);
	json_w_close(w, ']');
	json_w_time(w, "as_of", progress.done_us);
	gw_send_id_page(req, &m->page, m->total, &m->shown, n > 0 ? m->companies[0].id : 0,
			n > 0 ? m->companies[n - 1].id : 0);
}

static void
companies_read(struct gw_req *req, const struct db_unit *u)
{
	struct metrics_page *m = req->user;
	unsigned found = company_row_count(u, 0);
	int32_t ids[GW_LIMIT_MAX];
	struct db_unit *next;

	m->shown = gw_page_shown(&m->page, found);
	m->total = company_count(u, 1);
	m->companies = arena_alloc_array(req->a, m->shown.count, sizeof(*m->companies));
	for (unsigned i = 0; i < m->shown.count; i++) {
		struct company_row *row = &m->companies[i];

		company_row_read(u, 0, m->shown.first + i, row);
		row->name = arena_dup(req->a, row->name);
		row->status = arena_dup(req->a, row->status);
		ids[i] = row->id;
	}
	next = db_unit_new();
	stats_progress_add(next);
	backlog_queues_add(next, ids, m->shown.count);
	backlog_outbox_add(next, ids, m->shown.count);
	stats_totals_add(next, ids, m->shown.count);
	gw_submit(req, req->gw->read, next, metrics_done, NULL);
}

static void
metrics_list(struct gw_req *req)
{
	struct metrics_page *m = arena_alloc(req->a, sizeof(*m));
	struct id_page ids;
	struct db_unit *u;

	if (!gw_page_read(req, GW_ID_KEY_SIZE, &m->page))
		return;
	req->user = m;
	u = db_unit_new();
	ids = gw_page_ids(&m->page);
	company_list_add(u, SLICE_NONE, &ids);
	company_count_add(u, SLICE_NONE);
	gw_submit(req, req->gw->read, u, companies_read, NULL);
}

static const struct gw_field metrics_beside[] = {
	GW_FIELD("as_of", TIME, .text = "Messages and posts are counted until then"),
	{.name = NULL},
};

static const struct gw_route admin_metrics_routes[] = {
	{HTTP_GET, "/api/admin/metrics", GW_ADMIN, 0, 0, metrics_list,
	 GW_DOC("listCompanyMetrics", "Operation",
		"Queues, outbox, messages and webhooks by company",
		.text = "From what growhub-healthd counted: queues and outbox every 15 s, messages "
			"and posts until as_of. Deleted companies are left out.",
		.flags = GW_DOC_LIST, .reply = &metrics_schema, .beside = metrics_beside)},
};

static const struct db_stmt_table *const admin_metrics_tables[] = {
	&company_stmt_table, &stats_stmt_table, &backlog_stmt_table, NULL};

const struct gw_module admin_metrics_module = {
	.routes = admin_metrics_routes,
	.route_count = GH_COUNT(admin_metrics_routes),
	.read_tables = admin_metrics_tables,
};
