/* messages.h - what the two files of the messages resource share. */
#ifndef GH_GATEWAY_MESSAGES_H
#define GH_GATEWAY_MESSAGES_H

struct gateway;
struct gw_req;
struct json_rules;

/* messages_send.c: POST /api/messages/send, and its group commit (gw->messages). */
extern const struct json_rules message_send_rules; /* of its body */
void messages_send(struct gw_req *req);
void messages_send_start(struct gateway *gw);
void messages_send_release(struct gateway *gw);

#endif
