/* doc.h - what a route says about itself: /openapi.json and /docs are made from it.
 *
 * The documentation is a member of the route's row, so that none can be without a route, and a
 * route without one does not compile. Request bodies are described by the very rules that check
 * them; replies by a struct gw_schema that stands beside the function that writes the row and is
 * compared with real replies by tests/integration.
 *
 *	static const struct gw_schema company_schema = {
 *		.name = "Company",
 *		.fields = GW_FIELDS(GW_FIELD("id", INT), GW_FIELD("name", STRING),
 *				    GW_FIELD("phone", STRING, .flags = GW_F_NULL)),
 *	};
 *
 *	{HTTP_PUT, "/api/admin/companies/{id}", GW_ADMIN, GW_JSON, 0, companies_update,
 *	 GW_DOC("updateCompany", "Companies", "Change a company",
 *		.body = JSON_RULES(update_rules), .reply = &company_schema)},
 *
 * What follows from the row itself is not repeated: the token, the path parameters, and the errors
 * that every route of that kind may answer.
 */
#ifndef GH_GATEWAY_DOC_H
#define GH_GATEWAY_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/json_check.h"

/* ---- fields: of reply rows, of the query, of the path ---- */

enum gw_type {
	GW_T_STRING,
	GW_T_INT,
	GW_T_BOOL,
	GW_T_NUMBER,
	GW_T_TIME, /* RFC 3339, as json_w_time writes it */
	GW_T_UUID,
	GW_T_URL,
	GW_T_OBJECT, /* `of` says which; NULL: any members */
	GW_T_ANY     /* any JSON value */
};

#define GW_F_NULL     1u /* may be null */
#define GW_F_OPTIONAL 2u /* may be absent; of the query: every parameter without GW_F_REQUIRED */
#define GW_F_MANY     4u /* an array of such values */
#define GW_F_REQUIRED 8u /* of the query: must be given */

struct gw_schema;

struct gw_field {
	const char *name; /* NULL ends the list */
	enum gw_type type;
	unsigned flags;
	const char *const *words;   /* the only values of a STRING; NULL: any */
	const struct gw_schema *of; /* OBJECT */
	int64_t min, max;           /* INT of the query; both 0: unbounded */
	const char *text;           /* what it means, where the name does not say it; NULL: none */
};

/* GW_FIELD("status", STRING, .words = GW_WORDS("active", "inactive"), .text = "...") */
#define GW_FIELD(field, kind, ...)                                                                 \
	{                                                                                          \
		.name = (field), .type = GW_T_##kind, __VA_ARGS__                                  \
	}
#define GW_FIELDS(...) ((const struct gw_field[]){__VA_ARGS__, {.name = NULL}})
#define GW_WORDS(...)  ((const char *const[]){__VA_ARGS__, NULL})

/* An object of replies: a component of the OpenAPI document. */
struct gw_schema {
	const char *name;             /* "Company"; NULL: written in place */
	const char *text;             /* may be NULL */
	const struct gw_schema *base; /* has these members as well; may be NULL */
	const struct gw_field *fields;
	bool is_open; /* members beside these are promised nothing about, and may come */
};

/* ---- routes ---- */

#define GW_STATUSES_MAX 3

/* Flags of a gw_doc. */
#define GW_DOC_LIST        1u  /* a page: takes limit, offset, cursor; `reply` is one element */
#define GW_DOC_ARRAY       2u  /* `data` is an array of `reply`, all at once */
#define GW_DOC_IDEMPOTENCY 4u  /* takes Idempotency-Key */
#define GW_DOC_WAIT        8u  /* takes Prefer: wait=N */
#define GW_DOC_NULL        16u /* `data` may be null */
#define GW_DOC_ROOT        64u /* the members of `data` stand beside it too, as UAZAPI has them */
#define GW_DOC_BARE        32u /* no envelope: the reply itself is what `data` would be */

struct gw_doc {
	const char *id;      /* operationId, "createCompany": unique, a verb and a noun */
	const char *tag;     /* the chapter it stands in */
	const char *summary; /* one line, without full stop */
	const char *text;    /* more than the line says; may be NULL */
	unsigned flags;
	const struct json_rules *body;    /* JSON_RULES(...), of routes with a JSON body */
	const char *example;              /* a body as JSON text; may be NULL */
	const struct gw_field *query;     /* GW_FIELDS(...); may be NULL */
	const struct gw_field *path;      /* parameters of the path that are no integer ids */
	unsigned status[GW_STATUSES_MAX]; /* of success, 0 ends; none: 200 */
	const struct gw_schema *reply;    /* `data`; NULL: any value */
	const struct gw_field *beside; /* GW_FIELDS(...): members of the envelope beside `data` */
	const char *media;             /* the reply is no envelope but this: "image/png"; with
					* reply: either, as the request asks */
	uint64_t errors;               /* GW_ERR(CONFLICT) | ...: beside those of its kind */
};

#define GW_DOC(operation, chapter, line, ...)                                                      \
	.doc = {.id = (operation), .tag = (chapter), .summary = (line), __VA_ARGS__}
#define GW_ERR(code) (UINT64_C(1) << GW_E_##code)
/* What a call to the provider within the request may end in. */
#define GW_ERR_PROVIDER                                                                            \
	(GW_ERR(NOT_SUPPORTED) | GW_ERR(PROVIDER_ERROR) | GW_ERR(PROVIDER_REJECTED) |              \
	 GW_ERR(PROVIDER_UNAVAILABLE) | GW_ERR(PROVIDER_TIMEOUT))

#endif
