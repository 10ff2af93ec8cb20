/* messages.h - what the two files of the messages resource share. */
#ifndef GH_GATEWAY_MESSAGES_H
#define GH_GATEWAY_MESSAGES_H

struct gateway;
struct gw_req;

/* messages_send.c: POST /api/messages/send, and its group commit (gw->messages). */
void messages_send(struct gw_req *req);
void messages_send_start(struct gateway *gw);
void messages_send_release(struct gateway *gw);

#endif
