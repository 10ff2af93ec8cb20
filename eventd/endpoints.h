/* endpoints.h - where and how to post for an endpoint: looked up, unsealed,
 * cached for 4 s (so a change reaches every eventd within 5 s).
 *
 * Threading: loop thread only.
 */
#ifndef GH_EVENTD_ENDPOINTS_H
#define GH_EVENTD_ENDPOINTS_H

#include <stdint.h>

#include "base/err.h"
#include "crypto/whsec.h"
#include "http/request.h"
#include "model/endpoint_route.h"
#include "model/lookup.h"

struct arena;
struct conf_key;
struct db;
struct endpoints;
struct loop;

#define ENDPOINT_HEADERS_MAX 32

/* Shared by everybody who posts there; endpoint_release when done with it. */
struct endpoint {
	unsigned refs; /* private */
	int32_t id;
	int32_t company_id;
	/* Why nothing can be posted there, a literal; NULL: all is well. Then only the ids count.
	 */
	const char *fault;
	struct url url; /* its target lies in the arena */
	enum event_format format;
	unsigned options;         /* model/endpoint.h */
	unsigned max_concurrency; /* at least 1 */
	struct whsec secrets[ENDPOINT_SECRETS_MAX];
	unsigned secret_count; /* at least 1; current first */
	struct http_header headers[ENDPOINT_HEADERS_MAX];
	unsigned header_count;
	struct arena *arena;
};

/* loop, db and key are borrowed; db's tables hold endpoint_route_stmt_table. */
struct endpoints *endpoints_new(struct loop *l, struct db *db, const struct conf_key *key);
/* Waiters are dropped without a call; endpoints held elsewhere stay valid. NULL is legal. */
void endpoints_free(struct endpoints *e);

/* Ask for an endpoint, by the rules of lookup_get: GH_OK (*out, valid during this pass of the
 * loop unless held), GH_ENOTFOUND (gone, switched off or disabled), or GH_EAGAIN: fn is called
 * later with one of these or GH_ETEMP, and a const struct endpoint * as value. */
enum gh_code endpoints_get(struct endpoints *e, int32_t id, const struct endpoint **out,
			   lookup_fn *fn, void *arg) GH_MUST_USE;
/* The next endpoints_get asks the database again. */
void endpoints_forget(struct endpoints *e, int32_t id);

const struct endpoint *endpoint_hold(const struct endpoint *e);
void
endpoint_release(const struct endpoint *e); /* wipes and frees with the last one; NULL is legal */

#endif
