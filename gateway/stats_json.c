#include "stats_json.h"

#include "http/json.h"

const struct gw_schema stats_queue_schema = {
	.name = "QueueBacklog",
	.fields = GW_FIELDS(
		GW_FIELD("queue_name", STRING),
		GW_FIELD("messages", INT, .text = "Rows that it is about, counted every 15 s"),
		GW_FIELD("last_activity", TIME, .flags = GW_F_NULL, .text = "To the minute")),
};

void
stats_json_counts(struct json_w *w, const int64_t counts[STATS_COUNTS])
{
	for (unsigned what = STATS_ACCEPTED; what < STATS_COUNTS; what++) {
		const char *name = stats_name((enum stats_what)what);

		if (name != NULL)
			json_w_i64(w, name, counts[what]);
	}
}

void
stats_json_queue(struct json_w *w, const struct backlog_queue *q)
{
	json_w_open(w, NULL, '{');
	json_w_str(w, "queue_name", q->name);
	json_w_i64(w, "messages", q->messages);
	json_w_time(w, "last_activity", q->last_activity_us);
	json_w_close(w, '}');
}
