/* router.h - from (method, path) to a route.
 *
 * The table is compiled once into a tree by segment; a literal segment wins over
 * a parameter ("/api/messages/search" before "/api/messages/{id}"). Matching is
 * exact: no trailing slash, no case folding, literals are not percent-decoded.
 * A path either belongs to a route or is 404; a path known under other methods
 * only is 405. HEAD is served by GET where it has no route of its own.
 */
#ifndef GH_ROUTER_H
#define GH_ROUTER_H

#include "base/err.h"
#include "base/slice.h"
#include "http/http1.h"

struct arena;
struct http_req;
struct route_match;
struct router;

#define ROUTE_PARAMS_MAX      8
#define ROUTE_PARAM_BYTES_MAX 255
#define ROUTE_ALLOW_SIZE      64

typedef void route_fn(void *app, struct http_req *req, const struct route_match *m);

/* One line of the table. */
struct route {
	enum http_method method;
	const char *pattern; /* "/api/messages/{id}/events": a parameter is a whole segment */
	route_fn *fn;
	const void *ctx; /* whatever the handler family needs; may be NULL */
	unsigned flags;  /* the caller's */
	size_t body_max; /* bytes; 0: the server's default. The caller applies it in on_head */
};

struct route_match {
	const struct route *route; /* NULL unless ROUTE_FOUND */
	unsigned index;            /* of the route in the table, for per-route metrics */
	unsigned allow; /* bit 1u << method for each method the path has (HEAD, OPTIONS included) */
	unsigned param_count;
	struct slice names[ROUTE_PARAMS_MAX];
	struct slice values[ROUTE_PARAMS_MAX]; /* percent-decoded */
};

enum route_result {
	ROUTE_FOUND,
	ROUTE_NOT_FOUND,  /* 404 */
	ROUTE_BAD_METHOD, /* 405: allow is set */
	ROUTE_OPTIONS,    /* OPTIONS without a route of its own: 204 with allow */
	ROUTE_BAD_PATH    /* a parameter that does not decode, or is too long: 404 */
};

/* Borrows routes for the router's life. A table that contradicts itself (bad pattern, the
 * same method and path twice) is a bug: gh_panic. */
struct router *router_new(const struct route *routes, unsigned count);
void router_free(struct router *r); /* NULL is legal */

/* path: raw, as in http1_head. Decoded parameters live in a (or in path). */
enum route_result router_match(const struct router *r, enum http_method method, struct slice path,
			       struct arena *a, struct route_match *m);

/* Value of a parameter; SLICE_NONE when the pattern has none of that name. */
struct slice route_param(const struct route_match *m, struct slice name);

/* "GET, HEAD, POST, OPTIONS" for the Allow field. Returns dst. */
const char *route_allow_text(unsigned allow, char dst[ROUTE_ALLOW_SIZE]);

/* Routes of the table. */
unsigned router_count(const struct router *r);

#endif
