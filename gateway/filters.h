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

#endif
