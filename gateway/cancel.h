/* cancel.h - end waiting sends as cancelled, with the event that says so. */
#ifndef GH_GATEWAY_CANCEL_H
#define GH_GATEWAY_CANCEL_H

#include <stdint.h>

#include "model/cancel.h"
#include "model/send_queue.h"

struct gw_req;

/* The statement that ends these rows (1..CANCEL_SLICE_MAX) into u, two statements; a row that was
 * claimed meanwhile is left alone. reason: a literal for the timeline and the clients. */
void cancel_add(struct gw_req *req, struct db_unit *u, const struct cancel_row *rows,
		unsigned count, const char *reason);
#define CANCEL_ENDED_STMT 1 /* after the first of the two: its rows are those that ended */

#endif
