/* openapi_schema.h - JSON Schema (draft 2020-12, as OpenAPI 3.1 takes it) of what
 * routes declare: rules of bodies, fields of the query, rows of replies.
 */
#ifndef GH_GATEWAY_OPENAPI_SCHEMA_H
#define GH_GATEWAY_OPENAPI_SCHEMA_H

#include <stdbool.h>

#include "base/slice.h"

struct gw_field;
struct gw_schema;
struct json_rules;
struct json_w;

/* As member name (NULL in arrays): the object that rules check. */
void openapi_rules(struct json_w *w, const char *name, const struct json_rules *rules);
/* One value. */
void openapi_field(struct json_w *w, const char *name, const struct gw_field *f);
/* A parameter, as member (NULL in an array); in: "path", "query" or "header". */
void openapi_parameter(struct json_w *w, const char *member, struct slice name, const char *in,
		       bool is_required, const struct gw_field *f);
/* A component's own definition. */
void openapi_component(struct json_w *w, const struct gw_schema *s);

#endif
