/* outgoing.h - the provider's request for one claimed message, and what must be known before it
 * can be written.
 *
 * A text that quotes nothing is built at once. Else: the quoted message is looked up (which of
 * the provider's messages is it?), a stored file is loaded (files.h), and a file's URL is handed
 * to the provider only when the file is there and may be fetched (media_urls.h).
 *
 * XXX the provider resolves the name again: a name that answers otherwise to it is stopped only
 * by the network the provider runs in. Stated in BUGS.
 */
#ifndef GH_SENDERD_OUTGOING_H
#define GH_SENDERD_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "provider/provider.h"

struct arena;
struct outgoing;
struct route;
struct send_claim;
struct senderd;

struct outgoing_want {
	struct arena *a; /* all memory but that of files */
	const struct route *route;
	const struct send_claim *claim;
	struct slice chat;
};

enum outgoing_end {
	OUTGOING_READY,
	OUTGOING_REFUSED,  /* for good: the message is to blame */
	OUTGOING_RETRY,    /* not now: a try counts, or it would wait for ever */
	OUTGOING_POSTPONED /* not now: we are to blame */
};

struct outgoing_result {
	enum outgoing_end end;
	struct provider_request request; /* READY: body is whole, and lives until outgoing_end */
	const char *code;                /* else: why */
	const char *text;
};

/* The want's members must live as long as the outgoing. */
struct outgoing *outgoing_new(struct senderd *sd, const struct outgoing_want *want);

/* Would the provider know the message by its send_ref? */
bool outgoing_carries_ref(struct outgoing *o);

/* How long the client wants typing to be shown before it is sent; 0: not at all. */
int64_t outgoing_delay_us(const struct outgoing *o);

/* After the request was refused as something the server lacks: make it anew without, and return
 * true; false where it was the content itself. The old request is gone. */
bool outgoing_plain(struct outgoing *o, struct provider_request *out);

/* Before outgoing_start: the message goes to this chat. chat must live as long as the outgoing. */
void outgoing_set_chat(struct outgoing *o, struct slice chat);

/* Get the request ready until until_us (monotonic). done is called once, maybe before this
 * returns; *r lives until outgoing_end. */
typedef void outgoing_fn(void *arg, const struct outgoing_result *r);
void outgoing_start(struct outgoing *o, int64_t until_us, outgoing_fn *done, void *arg);

/* Give up, or give back what the request holds: done is not called any more. Legal inside done,
 * at any time when no database connection is left, and twice. NULL is legal. */
void outgoing_end(struct outgoing *o);

#endif
