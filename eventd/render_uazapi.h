/* render_uazapi.h - the body of a post to a webhook of the format uazapi, from the facts of its
 * event (contracts/uazapi.md section 10); which of them such a webhook does not want; and what it
 * wants behind its URL. Pure and deterministic, as render.h.
 */
#ifndef GH_EVENTD_RENDER_UAZAPI_H
#define GH_EVENTD_RENDER_UAZAPI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "model/delivery.h"

struct arena;
struct json;
struct json_w;

/* Write the body. Texts longer than text_max bytes are cut. token and BaseUrl are always "": no
 * secret and no address of ours is in a body. */
void render_uazapi(const struct delivery_claim *c, const struct json *facts, size_t text_max,
		   struct json_w *w, struct arena *a);

/* By the options of the endpoint (model/endpoint.h, ENDPOINT_EXCLUDE_*): messages only. */
bool render_uazapi_is_excluded(const struct delivery_claim *c, const struct json *facts,
			       unsigned options);

/* What the options append to the URL's path: "/messages/ExtendedTextMessage", or "". In a. */
struct slice render_uazapi_suffix(const struct delivery_claim *c, const struct json *facts,
				  unsigned options, struct arena *a);

#endif
