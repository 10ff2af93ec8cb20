#include "openapi.h"

#include "private.h"

#include "base/buf.h"
#include "daemon/version.h"

#include "openapi_schema.h"
#include "openapi_webhooks.h"

#define JSON_MEDIA    "application/json"
#define PROBLEM_MEDIA "application/problem+json"

/* ---- collecting ---- */

static void
collect_schema(struct openapi_source *src, const struct gw_schema *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < src->component_count; i++)
		if (src->components[i] == s)
			return;
	if (s->name != NULL) {
		if (src->component_count == OPENAPI_COMPONENTS_MAX)
			gh_panic("openapi: more than %d components", OPENAPI_COMPONENTS_MAX);
		src->components[src->component_count++] = s;
	}
	collect_schema(src, s->base);
	for (const struct gw_field *f = s->fields; f->name != NULL; f++)
		collect_schema(src, f->of);
}

void
openapi_collect(struct openapi_source *src)
{
	struct route routes[GW_ROUTES_MAX];
	unsigned count = modules_routes(routes);

	*src = (struct openapi_source){.route_count = 0};
	for (unsigned i = 0; i < count; i++) {
		const struct gw_route *r = routes[i].ctx;

		if (r->doc.id == NULL || r->doc.tag == NULL || r->doc.summary == NULL)
			gh_panic("openapi: %s %s is not documented", http_method_name(r->method),
				 r->pattern);
		src->routes[src->route_count++] = r;
		collect_schema(src, r->doc.reply);
		for (const struct gw_field *f = r->doc.beside; f != NULL && f->name != NULL; f++)
			collect_schema(src, f->of);
	}
}

/* ---- what follows from a row ---- */

const char *
openapi_token_kind(const struct gw_route *r)
{
	static const char *const kinds[] = {
		[GW_ANYONE] = "",
		[GW_ADMIN] = "superadmin",
		[GW_COMPANY] = "company",
		[GW_INSTANCE] = "instance",
	};

	return kinds[r->kind];
}

unsigned
openapi_flags(const struct gw_route *r)
{
	bool is_keyed = (r->flags & (GW_KEYED | GW_KEYED_CALL)) != 0;

	return r->doc.flags | (is_keyed ? GW_DOC_IDEMPOTENCY : 0);
}

uint64_t
openapi_errors(const struct gw_route *r)
{
	const struct gw_doc *doc = &r->doc;
	uint64_t errors = doc->errors | GW_ERR(INVALID_QUERY) | GW_ERR(INTERNAL) |
			  GW_ERR(NOT_READY) | GW_ERR(OVERLOADED);

	if (r->kind != GW_ANYONE)
		errors |= GW_ERR(UNAUTHENTICATED) | GW_ERR(TOKEN_PLACEHOLDER) |
			  GW_ERR(WRONG_TOKEN_KIND) | GW_ERR(TOO_MANY_FAILURES);
	if (r->kind == GW_COMPANY || r->kind == GW_INSTANCE)
		errors |= GW_ERR(COMPANY_INACTIVE);
	if (r->kind == GW_INSTANCE)
		errors |= GW_ERR(INSTANCE_DELETED);
	if ((r->flags & (GW_JSON | GW_JSON_OPTIONAL | GW_RAW)) != 0)
		errors |= GW_ERR(CONTENT_TOO_LARGE) | GW_ERR(UNSUPPORTED_MEDIA_TYPE);
	if ((r->flags & (GW_JSON | GW_JSON_OPTIONAL)) != 0)
		errors |= GW_ERR(INVALID_JSON) | GW_ERR(VALIDATION_FAILED);
	if (strchr(r->pattern, '{') != NULL)
		errors |= GW_ERR(NOT_FOUND);
	if ((doc->flags & GW_DOC_LIST) != 0)
		errors |= GW_ERR(VALIDATION_FAILED) | GW_ERR(INVALID_CURSOR);
	if (doc->query != NULL)
		errors |= GW_ERR(VALIDATION_FAILED);
	if ((openapi_flags(r) & GW_DOC_IDEMPOTENCY) != 0)
		errors |= GW_ERR(INVALID_IDEMPOTENCY_KEY) | GW_ERR(IDEMPOTENCY_IN_PROGRESS) |
			  GW_ERR(IDEMPOTENCY_KEY_REUSED);
	return errors;
}

const struct gw_field *
openapi_path_field(const struct gw_route *r, struct slice name)
{
	static const struct gw_field integer_id = GW_FIELD("id", INT, .min = 1, .max = INT32_MAX);
	const struct gw_field *f = r->doc.path;

	for (; f != NULL && f->name != NULL; f++)
		if (slice_eq(slice_of(f->name), name))
			return f;
	return &integer_id;
}

struct slice
openapi_next_parameter(struct slice *pattern)
{
	while (pattern->p != NULL) {
		struct slice segment = slice_cut(*pattern, '/', pattern);

		if (slice_starts(segment, S("{")))
			return slice_sub(segment, 1, segment.n - 2);
	}
	return SLICE_NONE;
}

bool
openapi_is_first_of_path(const struct openapi_source *src, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (strcmp(src->routes[i]->pattern, src->routes[at]->pattern) == 0)
			return false;
	return true;
}

bool
openapi_is_first_of_tag(const struct openapi_source *src, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (strcmp(src->routes[i]->doc.tag, src->routes[at]->doc.tag) == 0)
			return false;
	return true;
}

/* ---- small things ---- */

/* The member $ref of an open object: to components/kind/target. */
static void
write_ref_member(struct json_w *w, const char *kind, const char *target)
{
	char text[96];
	struct buf b = BUF_FIXED(text);

	buf_add_printf(&b, "#/components/%s/%s", kind, target);
	json_w_str(w, "$ref", buf_slice(&b));
}

/* As member name: an object that holds nothing else. */
static void
write_ref(struct json_w *w, const char *name, const char *kind, const char *target)
{
	json_w_open(w, name, '{');
	write_ref_member(w, kind, target);
	json_w_close(w, '}');
}

/* As an open member content: this media type with the schema of a component. */
static void
write_media_ref(struct json_w *w, const char *media, const char *component)
{
	json_w_open(w, media, '{');
	write_ref(w, "schema", "schemas", component);
	json_w_close(w, '}');
}

/* ---- parameters ---- */

static void
write_path_parameters(struct json_w *w, const struct gw_route *r)
{
	struct slice name, rest = slice_of(r->pattern);

	for (name = openapi_next_parameter(&rest); name.p != NULL;
	     name = openapi_next_parameter(&rest))
		openapi_parameter(w, NULL, name, "path", true, openapi_path_field(r, name));
}

static void
write_parameters(struct json_w *w, const struct gw_route *r)
{
	static const struct {
		unsigned flag;
		const char *component;
	} shared[] = {
		{GW_DOC_LIST, "Limit"},  {GW_DOC_LIST, "Offset"},
		{GW_DOC_LIST, "Cursor"}, {GW_DOC_IDEMPOTENCY, "IdempotencyKey"},
		{GW_DOC_WAIT, "Prefer"},
	};

	json_w_open(w, "parameters", '[');
	write_path_parameters(w, r);
	for (const struct gw_field *f = r->doc.query; f != NULL && f->name != NULL; f++)
		openapi_parameter(w, NULL, slice_of(f->name), "query",
				  (f->flags & GW_F_REQUIRED) != 0, f);
	for (size_t i = 0; i < GH_COUNT(shared); i++)
		if ((openapi_flags(r) & shared[i].flag) != 0)
			write_ref(w, NULL, "parameters", shared[i].component);
	json_w_close(w, ']');
}

/* ---- the body ---- */

static void
write_body(struct json_w *w, const struct gw_route *r)
{
	const struct gw_doc *doc = &r->doc;

	if ((r->flags & (GW_JSON | GW_JSON_OPTIONAL | GW_RAW)) == 0)
		return;
	json_w_open(w, "requestBody", '{');
	json_w_bool(w, "required", (r->flags & GW_JSON) != 0);
	json_w_open(w, "content", '{');
	json_w_open(w, (r->flags & GW_RAW) != 0 ? "*/*" : JSON_MEDIA, '{');
	if (doc->body != NULL) {
		openapi_rules(w, "schema", doc->body);
	} else if ((r->flags & GW_RAW) == 0) {
		json_w_open(w, "schema", '{');
		json_w_str(w, "type", S("object"));
		json_w_close(w, '}');
	}
	if (doc->example != NULL)
		json_w_raw(w, "example", slice_of(doc->example));
	json_w_close(w, '}');
	json_w_close(w, '}');
	json_w_close(w, '}');
}

/* ---- replies ---- */

/* What the reply is about, as this member. */
static void
write_data(struct json_w *w, const char *name, const struct gw_doc *doc)
{
	struct gw_field data = {
		.name = name,
		.type = doc->reply != NULL ? GW_T_OBJECT : GW_T_ANY,
		.of = doc->reply,
	};

	if ((doc->flags & (GW_DOC_LIST | GW_DOC_ARRAY)) != 0)
		data.flags |= GW_F_MANY;
	if ((doc->flags & GW_DOC_NULL) != 0)
		data.flags |= GW_F_NULL;
	openapi_field(w, name, &data);
}

static void
write_envelope(struct json_w *w, const struct gw_doc *doc)
{
	json_w_open(w, "schema", '{');
	json_w_open(w, "allOf", '[');
	write_ref(w, NULL, "schemas", (doc->flags & GW_DOC_LIST) != 0 ? "Page" : "Success");
	if ((doc->flags & GW_DOC_ROOT) != 0)
		write_ref(w, NULL, "schemas", doc->reply->name);
	json_w_open(w, NULL, '{');
	json_w_str(w, "type", S("object"));
	json_w_open(w, "properties", '{');
	write_data(w, "data", doc);
	for (const struct gw_field *f = doc->beside; f != NULL && f->name != NULL; f++)
		openapi_field(w, f->name, f);
	json_w_close(w, '}');
	json_w_open(w, "required", '[');
	json_w_str(w, NULL, S("data"));
	json_w_close(w, ']');
	json_w_close(w, '}');
	json_w_close(w, ']');
	json_w_close(w, '}');
}

static void
write_success(struct json_w *w, const struct gw_doc *doc, unsigned status)
{
	char text[8];
	struct buf b = BUF_FIXED(text);

	buf_add_u64(&b, status);
	json_w_open(w, buf_cstr(&b), '{');
	json_w_str(w, "description", slice_of(doc->summary));
	json_w_open(w, "headers", '{');
	write_ref(w, "X-Request-Id", "headers", "X-Request-Id");
	json_w_close(w, '}');
	json_w_open(w, "content", '{');
	if (doc->media != NULL) {
		json_w_open(w, doc->media, '{');
		json_w_close(w, '}');
	}
	if (doc->media == NULL || doc->reply != NULL) {
		json_w_open(w, JSON_MEDIA, '{');
		if ((doc->flags & GW_DOC_BARE) != 0)
			write_data(w, "schema", doc);
		else
			write_envelope(w, doc);
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
	json_w_close(w, '}');
}

/* The codes of one status, as text: "`conflict`, `duplicate_name`". False: none. */
static bool
codes_text(uint64_t errors, unsigned status, struct buf *b)
{
	buf_reset(b);
	for (unsigned c = 0; c < GW_E_COUNT; c++) {
		const struct gw_error_info *info = gw_error_info((enum gw_code)c);

		if (info->status == status && (errors >> c & 1) != 0)
			buf_add_printf(b, "%s`%s`", b->n > 0 ? ", " : "", info->word);
	}
	return b->n > 0;
}

/* Of every status that has a code: call write with the name of its shared response. */
static void
write_errors(struct json_w *w, uint64_t errors,
	     void write(struct json_w *w, const char *name, unsigned status, struct slice codes))
{
	char text[1024], name[16];
	struct buf codes = BUF_FIXED(text);

	for (unsigned status = 400; status < 600; status++) {
		struct buf b = BUF_FIXED(name);

		if (!codes_text(errors, status, &codes))
			continue;
		buf_add_printf(&b, "Error%u", status);
		write(w, buf_cstr(&b), status, buf_slice(&codes));
	}
}

static void
write_error_use(struct json_w *w, const char *name, unsigned status GH_UNUSED, struct slice codes)
{
	json_w_open(w, name + strlen("Error"), '{');
	write_ref_member(w, "responses", name);
	json_w_str(w, "description", codes);
	json_w_close(w, '}');
}

static void
write_responses(struct json_w *w, const struct gw_route *r)
{
	const struct gw_doc *doc = &r->doc;

	json_w_open(w, "responses", '{');
	if (doc->status[0] == 0)
		write_success(w, doc, 200);
	for (unsigned i = 0; i < GW_STATUSES_MAX && doc->status[i] != 0; i++)
		write_success(w, doc, doc->status[i]);
	write_errors(w, openapi_errors(r), write_error_use);
	json_w_close(w, '}');
}

/* ---- operations ---- */

static void
write_scheme(struct json_w *w, const char *name)
{
	json_w_open(w, NULL, '{');
	json_w_open(w, name, '[');
	json_w_close(w, ']');
	json_w_close(w, '}');
}

/* Any one of the headers that may carry the token (auth.c). */
static void
write_security(struct json_w *w, const struct gw_route *r)
{
	json_w_open(w, "security", '[');
	if (r->kind != GW_ANYONE)
		write_scheme(w, "bearer");
	if (r->kind == GW_INSTANCE)
		write_scheme(w, "token");
	if (r->kind == GW_ADMIN || (r->flags & GW_ADMINTOKEN) != 0)
		write_scheme(w, "admintoken");
	json_w_close(w, ']');
	if (r->kind != GW_ANYONE)
		json_w_str(w, "x-token-kind", slice_of(openapi_token_kind(r)));
}

static void
write_operation(struct json_w *w, const struct gw_route *r)
{
	char method[16];
	struct buf b = BUF_FIXED(method);

	for (const char *p = http_method_name(r->method); *p != '\0'; p++)
		buf_add_char(&b, (char)(*p | 0x20));
	json_w_open(w, buf_cstr(&b), '{');
	json_w_str(w, "operationId", slice_of(r->doc.id));
	json_w_open(w, "tags", '[');
	json_w_str(w, NULL, slice_of(r->doc.tag));
	json_w_close(w, ']');
	json_w_str(w, "summary", slice_of(r->doc.summary));
	if (r->doc.text != NULL)
		json_w_str(w, "description", slice_of(r->doc.text));
	write_security(w, r);
	write_parameters(w, r);
	write_body(w, r);
	write_responses(w, r);
	json_w_close(w, '}');
}

static void
write_paths(struct json_w *w, const struct openapi_source *src)
{
	json_w_open(w, "paths", '{');
	for (unsigned i = 0; i < src->route_count; i++) {
		if (!openapi_is_first_of_path(src, i))
			continue;
		json_w_open(w, src->routes[i]->pattern, '{');
		for (unsigned j = i; j < src->route_count; j++)
			if (strcmp(src->routes[i]->pattern, src->routes[j]->pattern) == 0)
				write_operation(w, src->routes[j]);
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
}

/* ---- components ---- */

static const struct gw_schema success_schema = {
	.name = "Success",
	.text = "What every successful reply holds; data is told by the operation.",
	.fields = GW_FIELDS(GW_FIELD("success", BOOL), GW_FIELD("message", STRING),
			    GW_FIELD("data", ANY)),
};

static const struct gw_schema page_schema = {
	.name = "Page",
	.text = "A part of a list, newest first.",
	.base = &success_schema,
	.fields = GW_FIELDS(GW_FIELD("total", INT, .flags = GW_F_OPTIONAL,
				     .text = "Exact up to 10000, then 10000 with total_capped"),
			    GW_FIELD("total_capped", BOOL, .flags = GW_F_OPTIONAL),
			    GW_FIELD("next_cursor", STRING, .flags = GW_F_NULL,
				     .text = "For the parameter cursor of the next request"),
			    GW_FIELD("prev_cursor", STRING, .flags = GW_F_NULL,
				     .text = "The same, towards newer rows"),
			    GW_FIELD("has_more", BOOL)),
};

static const struct gw_schema error_schema = {
	.name = "Error",
	.fields = GW_FIELDS(
		GW_FIELD("success", BOOL), GW_FIELD("message", STRING),
		GW_FIELD("errors", OBJECT, .text = "Name of a field to what is wrong with it"),
		GW_FIELD("code", STRING, .text = "Stable: the word to branch on"),
		GW_FIELD("request_id", UUID),
		GW_FIELD("error", STRING, .flags = GW_F_OPTIONAL,
			 .text = "UAZAPI's form of the same, on its routes and to whoever sends "
				 "token or admintoken: message, and the first bad field")),
};

static const struct gw_schema problem_schema = {
	.name = "Problem",
	.text = "Problem details (RFC 9457), where Accept prefers application/problem+json.",
	.fields =
		GW_FIELDS(GW_FIELD("type", URL), GW_FIELD("title", STRING), GW_FIELD("status", INT),
			  GW_FIELD("detail", STRING), GW_FIELD("instance", URL),
			  GW_FIELD("code", STRING), GW_FIELD("errors", OBJECT),
			  GW_FIELD("retryable", BOOL), GW_FIELD("request_id", UUID)),
};

static void
write_schemas(struct json_w *w, const struct openapi_source *src)
{
	json_w_open(w, "schemas", '{');
	openapi_component(w, &success_schema);
	openapi_component(w, &page_schema);
	openapi_component(w, &error_schema);
	openapi_component(w, &problem_schema);
	for (unsigned i = 0; i < src->component_count; i++)
		openapi_component(w, src->components[i]);
	json_w_close(w, '}');
}

static void
write_shared_parameters(struct json_w *w)
{
	static const struct {
		const char *component, *name, *in;
		struct gw_field field;
	} shared[] = {
		{"Limit", "limit", "query",
		 GW_FIELD("limit", INT, .min = 1, .max = GW_LIMIT_MAX, .text = "Default 50")},
		{"Offset", "offset", "query",
		 GW_FIELD("offset", INT, .min = 0, .max = GW_OFFSET_MAX,
			  .text = "Not together with cursor")},
		{"Cursor", "cursor", "query",
		 GW_FIELD("cursor", STRING, .text = "next_cursor of the page before")},
		{"IdempotencyKey", "Idempotency-Key", "header",
		 GW_FIELD("key", STRING,
			  .text = "The same key with the same body is done once, and answered "
				  "the same again; kept 72 hours")},
		{"Prefer", "Prefer", "header",
		 GW_FIELD("prefer", STRING, .text = "wait=N: seconds to wait for the outcome")},
	};

	json_w_open(w, "parameters", '{');
	for (size_t i = 0; i < GH_COUNT(shared); i++)
		openapi_parameter(w, shared[i].component, slice_of(shared[i].name), shared[i].in,
				  false, &shared[i].field);
	json_w_close(w, '}');
}

static void
write_error_response(struct json_w *w, const char *name, unsigned status, struct slice codes)
{
	json_w_open(w, name, '{');
	json_w_str(w, "description", codes);
	json_w_open(w, "headers", '{');
	write_ref(w, "X-Request-Id", "headers", "X-Request-Id");
	if (status == 401)
		write_ref(w, "WWW-Authenticate", "headers", "WWW-Authenticate");
	if (status == 429 || status == 503)
		write_ref(w, "Retry-After", "headers", "Retry-After");
	json_w_close(w, '}');
	json_w_open(w, "content", '{');
	write_media_ref(w, JSON_MEDIA, "Error");
	write_media_ref(w, PROBLEM_MEDIA, "Problem");
	json_w_close(w, '}');
	json_w_close(w, '}');
}

static void
write_headers(struct json_w *w)
{
	static const struct gw_field headers[] = {
		GW_FIELD("X-Request-Id", UUID, .text = "Finds the request in the log"),
		GW_FIELD("Retry-After", INT, .text = "Seconds"),
		GW_FIELD("WWW-Authenticate", STRING),
	};

	json_w_open(w, "headers", '{');
	for (size_t i = 0; i < GH_COUNT(headers); i++) {
		json_w_open(w, headers[i].name, '{');
		openapi_field(w, "schema", &headers[i]);
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
}

static void
write_key_scheme(struct json_w *w, const char *name, const char *text)
{
	json_w_open(w, name, '{');
	json_w_str(w, "type", S("apiKey"));
	json_w_str(w, "in", S("header"));
	json_w_str(w, "name", slice_of(name));
	json_w_str(w, "description", slice_of(text));
	json_w_close(w, '}');
}

static void
write_security_schemes(struct json_w *w)
{
	json_w_open(w, "securitySchemes", '{');
	json_w_open(w, "bearer", '{');
	json_w_str(w, "type", S("http"));
	json_w_str(w, "scheme", S("bearer"));
	json_w_str(w, "description",
		   S("A superadmin session, company or instance token; x-token-kind of an "
		     "operation says which it asks for."));
	json_w_close(w, '}');
	write_key_scheme(w, "token", "The instance token, on instance routes.");
	write_key_scheme(w, "admintoken",
			 "The superadmin session token, on superadmin routes; the "
			 "company token, on those of a company that take it here.");
	json_w_close(w, '}');
}

static void
write_components(struct json_w *w, const struct openapi_source *src)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < src->route_count; i++)
		used |= openapi_errors(src->routes[i]);
	json_w_open(w, "components", '{');
	write_schemas(w, src);
	write_shared_parameters(w);
	json_w_open(w, "responses", '{');
	write_errors(w, used, write_error_response);
	json_w_close(w, '}');
	write_headers(w);
	write_security_schemes(w);
	json_w_close(w, '}');
}

/* ---- the whole ---- */

static void
write_info(struct json_w *w)
{
	json_w_str(w, "openapi", S("3.1.0"));
	json_w_open(w, "info", '{');
	json_w_str(w, "title", S("GrowHub"));
	json_w_str(w, "version", S(GH_VERSION));
	json_w_str(w, "summary", S("Multi-tenant WhatsApp messaging gateway"));
	json_w_str(w, "description",
		   S("Unknown fields of bodies are ignored. Every path answers 405 with Allow for "
		     "methods it does not know."));
	json_w_close(w, '}');
}

static void
write_tags(struct json_w *w, const struct openapi_source *src)
{
	json_w_open(w, "tags", '[');
	for (unsigned i = 0; i < src->route_count; i++) {
		if (!openapi_is_first_of_tag(src, i))
			continue;
		json_w_open(w, NULL, '{');
		json_w_str(w, "name", slice_of(src->routes[i]->doc.tag));
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
}

void
openapi_write(struct buf *b)
{
	struct openapi_source src;
	struct json_w w;

	openapi_collect(&src);
	json_w_init(&w, b);
	json_w_open(&w, NULL, '{');
	write_info(&w);
	write_tags(&w, &src);
	write_paths(&w, &src);
	openapi_webhooks(&w);
	write_components(&w, &src);
	json_w_close(&w, '}');
}
