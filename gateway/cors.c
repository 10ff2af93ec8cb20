/* cors.c - which pages may read replies: the CORS protocol of the Fetch standard.
 *
 * Off without gateway.cors_origins. Every reply then says that it depends on Origin, so that no
 * cache hands one page's copy to another; a page that is allowed is told so, also with errors.
 * There are no cookies, hence no Access-Control-Allow-Credentials: a page needs a token like
 * anybody. Providers' webhooks are no business of pages.
 */
#include "private.h"

#define MAX_AGE "7200" /* seconds a preflight is remembered: the most that browsers keep it */

/* Beyond those that any page may read; RateLimit as in http-conventions.md section 3. */
#define EXPOSED                                                                                    \
	"X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Link, ETag, "                     \
	"Idempotency-Replayed, WWW-Authenticate"
/* What the API reads beyond those that any page may send, and the id some clients always send. */
#define ACCEPTED                                                                                   \
	"Authorization, token, admintoken, Content-Type, Idempotency-Key, Prefer, If-None-Match, " \
	"traceparent, X-Request-Id"

/* What Access-Control-Allow-Origin says to this request; SLICE_NONE: nothing. */
static struct slice
allowed_origin(const struct gateway *gw, const struct http_req *http)
{
	const struct conf_strings *origins = &gw->conf->cors_origins;
	struct slice origin = http1_field_get(http->head, S("Origin"));

	if (origin.p == NULL || http1_field_count(http->head, S("Origin")) != 1)
		return SLICE_NONE;
	for (size_t i = 0; i < origins->count; i++) {
		struct slice known = slice_of(origins->v[i]);

		if (slice_eq(known, origin) || slice_eq(known, S("*")))
			return known;
	}
	return SLICE_NONE;
}

static bool
is_on(const struct gateway *gw, const struct http_req *http)
{
	return gw->conf->cors_origins.count > 0 && !slice_starts(http->head->path, S("/webhook/"));
}

unsigned
cors_fields(const struct gateway *gw, const struct http_req *http,
	    struct http_header out[CORS_FIELDS_MAX])
{
	struct slice origin;

	if (!is_on(gw, http))
		return 0;
	out[0] = (struct http_header){S("Vary"), S("Origin")};
	origin = allowed_origin(gw, http);
	if (origin.p == NULL)
		return 1;
	out[1] = (struct http_header){S("Access-Control-Allow-Origin"), origin};
	out[2] = (struct http_header){S("Access-Control-Expose-Headers"), S(EXPOSED)};
	return 3;
}

void
cors_preflight(struct gw_req *req, struct slice methods)
{
	const struct http_req *http = req->http;

	if (!is_on(req->gw, http) || allowed_origin(req->gw, http).p == NULL ||
	    http_req_header(http, S("Access-Control-Request-Method")).p == NULL)
		return;
	gw_header(req, S("Access-Control-Allow-Methods"), methods);
	gw_header(req, S("Access-Control-Allow-Headers"), S(ACCEPTED));
	gw_header(req, S("Access-Control-Max-Age"), S(MAX_AGE));
}
