/* openapi.h - the OpenAPI 3.1 document of every route in modules_all(). */
#ifndef GH_GATEWAY_OPENAPI_H
#define GH_GATEWAY_OPENAPI_H

#include <stdint.h>

#include "gateway.h"

struct buf;

#define OPENAPI_COMPONENTS_MAX 192

/* What the documents are made from. */
struct openapi_source {
	const struct gw_route *routes[GW_ROUTES_MAX]; /* in the router's order */
	unsigned route_count;
	const struct gw_schema *components[OPENAPI_COMPONENTS_MAX]; /* that a reply leads to */
	unsigned component_count;
};

void openapi_collect(struct openapi_source *src);

/* Append the document. It depends on nothing but the tables: the same in every gateway. */
void openapi_write(struct buf *b);

/* Bits of GW_ERR: what the route may answer besides success, its own and what every route of its
 * kind may. */
uint64_t openapi_errors(const struct gw_route *r);
/* GW_DOC_ flags of the route, those that follow from its other flags included. */
unsigned openapi_flags(const struct gw_route *r);
/* The token that the route asks for: "company", "" for none. */
const char *openapi_token_kind(const struct gw_route *r);
/* The rules of parameter name of the route's path: documented, or those of an integer id. */
const struct gw_field *openapi_path_field(const struct gw_route *r, struct slice name);
/* Take the next {parameter} out of what is left of a pattern; SLICE_NONE: no more. */
struct slice openapi_next_parameter(struct slice *pattern);
/* Is route `at` the first with this chapter (or path)? */
bool openapi_is_first_of_tag(const struct openapi_source *src, unsigned at);
bool openapi_is_first_of_path(const struct openapi_source *src, unsigned at);

#endif
