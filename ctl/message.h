/* message.h - a traced message as text for people and as JSON for programs. */
#ifndef GH_CTL_MESSAGE_H
#define GH_CTL_MESSAGE_H

#include "base/slice.h"

struct buf;
struct trace;

/* Append s with the phone numbers masked: "true_5511*****0002@c.us_3EB0AA". */
void message_add_masked(struct buf *b, struct slice s);
/* Words for the numbers; never NULL. */
const char *message_send_state(int state);
const char *message_delivery_state(int state);
const char *message_event_name(int type);

void message_write_text(struct buf *b, const struct trace *t);
void message_write_json(struct buf *b, const struct trace *t);

#endif
