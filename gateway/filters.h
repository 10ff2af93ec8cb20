/* filters.h - what lists of messages and of their events are filtered by. */
#ifndef GH_GATEWAY_FILTERS_H
#define GH_GATEWAY_FILTERS_H

#include "doc.h"
#include "model/message_row.h"

struct gw_page;
struct gw_req;

/* Read ?instance_id= status= direction= phone= reference= since= until= and the page's bounds into
 * f, which is zeroed. What is wrong is added to the request's errors. Slices live as long as the
 * request. */
#define FILTER_FIELDS                                                                              \
	GW_FIELD("instance_id", INT, .min = 1, .max = INT32_MAX), GW_FIELD("status", STRING),      \
		GW_FIELD("direction", STRING, .words = GW_WORDS("outbound", "inbound")),           \
		GW_FIELD("phone", STRING, .text = "A number or chat id"),                          \
		GW_FIELD("reference", STRING, .text = "The client's own id"),                      \
		GW_FIELD("since", TIME, .text = "Inclusive"),                                      \
		GW_FIELD("until", TIME, .text = "Exclusive")
void filters_read(struct gw_req *req, const struct gw_page *page, struct message_filter *f);

/* An integer id, 0 where it is absent or wrong; what is wrong is added to the request's errors. */
int32_t filters_id(struct gw_req *req, const char *name);

/* An RFC 3339 time; dflt where it is absent or wrong. */
int64_t filters_time(struct gw_req *req, const char *name, int64_t dflt);

/* Read ?since= (inclusive) and ?until= (exclusive), which are bounds of ids that hold the time, and
 * narrow from <= id < before to them. */
void filters_times(struct gw_req *req, struct uuid *from, struct uuid *before);
/* The same of times known already; until_us INT64_MAX: none. */
void filters_clip(int64_t since_us, int64_t until_us, struct uuid *from, struct uuid *before);

#endif
