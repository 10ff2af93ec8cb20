/* stats_json.h - what the company's statistics and the administrator's metrics write alike. */
#ifndef GH_GATEWAY_STATS_JSON_H
#define GH_GATEWAY_STATS_JSON_H

#include "doc.h"
#include "model/backlog.h"
#include "model/stats.h"

struct json_w;

/* One member per status. */
#define STATS_FIELDS                                                                               \
	GW_FIELD("accepted", INT), GW_FIELD("received", INT), GW_FIELD("sent", INT),               \
		GW_FIELD("delivered", INT), GW_FIELD("read", INT), GW_FIELD("played", INT),        \
		GW_FIELD("failed", INT, .text = "Expired ones too"), GW_FIELD("in_doubt", INT),    \
		GW_FIELD("cancelled", INT)
/* The members of counts, indexed by enum stats_what. */
void stats_json_counts(struct json_w *w, const int64_t counts[STATS_COUNTS]);

extern const struct gw_schema stats_queue_schema;
/* An object of an array. */
void stats_json_queue(struct json_w *w, const struct backlog_queue *q);

#endif
