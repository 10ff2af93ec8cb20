/* message.h - a traced message as text for people and as JSON for programs. */
#ifndef GH_CTL_MESSAGE_H
#define GH_CTL_MESSAGE_H

struct buf;
struct trace;

void message_write_text(struct buf *b, const struct trace *t);
void message_write_json(struct buf *b, const struct trace *t);

#endif
