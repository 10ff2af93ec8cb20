/* messages.h - what the files of the messages resource share. */
#ifndef GH_GATEWAY_MESSAGES_H
#define GH_GATEWAY_MESSAGES_H

#include <stdbool.h>

#include "base/err.h"

struct accept_row;
struct gateway;
struct gw_req;
struct gw_schema;
struct json;
struct json_errors;
struct json_rules;

/* ---- messages_send.c: POST /api/messages/send ---- */
extern const struct json_rules message_send_rules; /* of its body */
void messages_send(struct gw_req *req);
/* Read one message of a body into row. Every bad field goes into e; true: none. */
bool message_send_read(struct gw_req *req, const struct json *v, struct json_errors *e,
		       struct accept_row *row);

/* ---- messages_batch.c: POST /api/messages/send-batch ---- */
#define MESSAGE_BATCH_BODY_MAX ((size_t)8 * 1024 * 1024)
extern const struct json_rules message_batch_rules;
extern const struct gw_schema message_batch_schema;
void messages_send_batch(struct gw_req *req);
/* Life of gw->batches, behind that of gw->sendings. */
enum gh_code messages_batch_start(struct gateway *gw, struct gh_err *err);
void messages_batch_release(struct gateway *gw);

#endif
