/* render.h - the body of a webhook post, from the facts of its event
 * (contracts/growhub-api.md section 7). Pure and deterministic: the same event
 * gives the same bytes at every attempt, as webhook-id promises.
 */
#ifndef GH_EVENTD_RENDER_H
#define GH_EVENTD_RENDER_H

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
 * Returns  GH_EINVAL when the facts are no JSON object, GH_ELIMIT when the rest is too large
 *          all the same; out is then undefined */
enum gh_code render_body(const struct delivery_claim *c, enum event_format format, struct arena *a,
			 struct buf *out) GH_MUST_USE;

#endif
