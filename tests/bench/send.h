/* send.h - the request of bench-accept and of all that follows a send: POST
 * /api/messages/send with a text of about 120 bytes to one of 1000 numbers in turn, from one
 * sender or from several in turn.
 */
#ifndef GH_BENCH_SEND_H
#define GH_BENCH_SEND_H

#include <stdint.h>

#include "base/buf.h"

struct arena;

struct sender {
	struct slice token; /* of the company */
	uint64_t instance_id;
	struct slice priority; /* empty: not named, which is normal */
};

struct send_requests {
	struct slice host; /* of the Host field */
	struct slice path;
	const struct sender *senders; /* take turns */
	unsigned sender_count;
	uint64_t count; /* requests written so far */
};

/* A load_opts.write; arg is a struct send_requests. */
void send_write(void *arg, struct buf *out);

#define SENDERS_MAX 100000

/* The senders of a file: a line each, "TOKEN INSTANCE [PRIORITY]"; a sender that stands there
 * more often sends more. *out and its texts live in a. GH_EINVAL: unreadable, or a line is
 * wrong. */
enum gh_code senders_read(const char *path, struct arena *a, const struct sender **out,
			  unsigned *count, struct gh_err *err) GH_MUST_USE;

#endif
