/* render.h - the body of a webhook post, from the facts of its event
 * (contracts/growhub-api.md section 7). Pure and deterministic: the same event
 * gives the same bytes at every attempt, as webhook-id promises. The format uazapi
 * is render_uazapi.c.
 */
#ifndef GH_EVENTD_RENDER_H
#define GH_EVENTD_RENDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/delivery.h"
#include "model/event.h"

struct arena;

#define RENDER_BODY_MAX (256u * 1024)

/* Append the body to out (empty, max at least RENDER_BODY_MAX).
 *
 * growhub  event names and legacy keys (usalid, api, ... are what the prototype sent, where
 * harmless); an event without a name there keeps its standard one standard
 * {"type","timestamp","data":{"company_id","instance_id",facts...}} A body over RENDER_BODY_MAX
 * loses the provider's own object (raw, content_msg), then every text over 4 KiB, and carries
 * "truncated":true.
 *
 * a        scratch
 * Returns  GH_EINVAL when the facts are no JSON object or the format has no body for the
 *          type, GH_ELIMIT when the rest is too large
 *          all the same; out is then undefined */
enum gh_code render_body(const struct delivery_claim *c, enum event_format format, struct arena *a,
			 struct buf *out) GH_MUST_USE;

/* What the options of an endpoint of the format uazapi say of the event: it is not wanted, or what
 * its URL's path is given at the end (may be empty; in a). Facts that make no body: neither. */
void render_options(const struct delivery_claim *c, unsigned options, struct arena *a,
		    bool *is_unwanted, struct slice *suffix);

#endif
