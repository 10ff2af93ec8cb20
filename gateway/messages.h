/* messages.h - what the files of the messages resource share. */
#ifndef GH_GATEWAY_MESSAGES_H
#define GH_GATEWAY_MESSAGES_H

#include <stdbool.h>

struct accept_row;
struct gateway;
struct gw_req;
struct json;
struct json_errors;
struct json_rules;

/* ---- messages_send.c: POST /api/messages/send ---- */
extern const struct json_rules message_send_rules; /* of its body */
void messages_send(struct gw_req *req);
/* Read one message of a body into row. Every bad field goes into e; true: none. */
bool message_send_read(struct gw_req *req, const struct json *v, struct json_errors *e,
		       struct accept_row *row);

#endif
