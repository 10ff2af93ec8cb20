/* media_in.h - a file that comes inside a request: decode it off the loop, see what it is, keep
 * the bytes (model/media.h) before the message that needs them is accepted.
 */
#ifndef GH_GATEWAY_MEDIA_IN_H
#define GH_GATEWAY_MEDIA_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"

struct arena;
struct gateway;
struct gw_req;

#define MEDIA_IN_TYPE_MAX 128 /* bytes of a MIME type, parameters included */

/* json_pattern_fn of a MIME type, which may have parameters. */
const char *media_in_type_refusal(struct slice s);

struct media_in {
	/* From media_in_parse. */
	struct slice declared; /* MIME type that the data URL tells; may be absent */
	struct slice base64;   /* borrows the text */
	size_t size_max;       /* bytes it can hold, as the length of base64 says */
	/* From media_in_decode. */
	bool is_base64;
	struct slice data;
	uint8_t sha256[32];
	const char *sniffed; /* media_type_sniff */
};

/* "data:<type>[;parameters];base64,<data>", or bare base64. NULL when it may be one, else what is
 * wrong. Does not look at the data. */
const char *media_in_parse(struct slice text, struct media_in *in);

typedef void media_in_fn(struct gw_req *req);
/* Decode in->base64 on the worker thread, then call done. False: answered (503). */
bool media_in_decode(struct gw_req *req, struct media_in *in, media_in_fn *done) GH_MUST_USE;

typedef void media_in_kept_fn(struct gw_req *req, struct uuid media_id);
/* Keep in->data, once per company and content, at least until kept_until_us; else answered. */
void media_in_keep(struct gw_req *req, const struct media_in *in, struct slice mime_type,
		   int64_t kept_until_us, media_in_kept_fn *done);

/* Life of gw->media. */
enum gh_code media_in_start(struct gateway *gw, struct gh_err *err);
void media_in_stop(struct gateway *gw);

#endif
