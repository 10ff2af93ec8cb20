/* documentation.c - GET /openapi.json and GET /docs: written once at start from the
 * route tables, then served as they are.
 *
 * The page asks for nothing from elsewhere: no script, one style sheet inside, and a
 * policy that lets the browser load nothing else.
 */
#include "gateway.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "crypto/encode.h"
#include "crypto/hash.h"

#include "docs_page.h"
#include "openapi.h"

#define DOCUMENT_MAX (4 * 1024 * 1024)
#define ETAG_BYTES   16
#define POLICY_SIZE  256

/* What one of the two routes serves. */
struct document {
	struct buf body;
	const char *type;
	char etag[ENCODE_HEX_SIZE(ETAG_BYTES) + 2]; /* with its quotes */
};

struct documentation {
	struct document openapi, page;
	char policy[POLICY_SIZE]; /* Content-Security-Policy of the page */
};

/* ---- replies ---- */

/* Is the copy that the client has (If-None-Match) this one? Weak comparison, RFC 9110. */
static bool
is_known(const struct gw_req *req, const struct document *d)
{
	struct slice tags = http_req_header(req->http, S("If-None-Match"));

	while (tags.p != NULL) {
		struct slice tag = slice_trim(slice_cut(tags, ',', &tags));

		if (slice_starts(tag, S("W/")))
			tag = slice_from(tag, 2);
		if (slice_eq(tag, slice_of(d->etag)) || slice_eq(tag, S("*")))
			return true;
	}
	return false;
}

static void
serve(struct gw_req *req, const struct document *d)
{
	bool is_there = is_known(req, d);

	gw_header(req, S("Content-Type"), slice_of(d->type));
	gw_header(req, S("ETag"), slice_of(d->etag));
	gw_header(req, S("Cache-Control"), S("no-cache"));
	gw_header(req, S("X-Content-Type-Options"), S("nosniff"));
	http_reply(req->http, is_there ? 304 : 200, req->headers, req->header_count,
		   is_there ? SLICE_NONE : buf_slice(&d->body));
}

static void
openapi_get(struct gw_req *req)
{
	serve(req, &req->gw->documentation->openapi);
}

static void
docs_get(struct gw_req *req)
{
	gw_header(req, S("Content-Security-Policy"), slice_of(req->gw->documentation->policy));
	gw_header(req, S("Referrer-Policy"), S("no-referrer"));
	serve(req, &req->gw->documentation->page);
}

/* ---- life ---- */

static void
document_init(struct document *d, const char *type, void write(struct buf *b))
{
	uint8_t hash[HASH_SHA256_SIZE];
	char hex[ENCODE_HEX_SIZE(ETAG_BYTES)];
	struct buf etag = BUF_FIXED(d->etag);

	buf_init(&d->body, NULL, DOCUMENT_MAX);
	d->type = type;
	write(&d->body);
	if (d->body.over)
		gh_panic("gateway: documentation over %d bytes", DOCUMENT_MAX);
	hash_sha256(buf_slice(&d->body), hash);
	buf_add_printf(&etag, "\"%s\"", encode_hex(slice_make(hash, ETAG_BYTES), hex));
	(void)buf_cstr(&etag);
}

static enum gh_code
documentation_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	struct documentation *d = gh_alloc(sizeof(*d));
	struct buf policy = BUF_FIXED(d->policy);
	uint8_t hash[HASH_SHA256_SIZE];
	char base64[ENCODE_BASE64_SIZE(HASH_SHA256_SIZE)];

	gw->documentation = d;
	document_init(&d->openapi, "application/json", openapi_write);
	document_init(&d->page, "text/html; charset=utf-8", docs_page_write);
	hash_sha256(slice_of(docs_page_style), hash);
	buf_add_printf(&policy,
		       "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; "
		       "form-action 'none'; frame-ancestors 'none'",
		       encode_base64(slice_make(hash, sizeof(hash)), base64));
	(void)buf_cstr(&policy);
	return GH_OK;
}

static void
documentation_stop(struct gateway *gw)
{
	if (gw->documentation == NULL)
		return;
	buf_free(&gw->documentation->openapi.body);
	buf_free(&gw->documentation->page.body);
	gh_free(gw->documentation);
	gw->documentation = NULL;
}

static const struct gw_route routes[] = {
	{HTTP_GET, "/openapi.json", GW_ANYONE, 0, 0, openapi_get,
	 GW_DOC("getOpenapi", "Gateway", "This API as an OpenAPI 3.1 document",
		.media = "application/json")},
	{HTTP_GET, "/docs", GW_ANYONE, 0, 0, docs_get,
	 GW_DOC("getDocs", "Gateway", "This API as a page for readers", .media = "text/html")},
};

const struct gw_module documentation_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.start = documentation_start,
	.stop = documentation_stop,
};
