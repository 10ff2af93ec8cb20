#include "docs_page.h"

#include "base/buf.h"
#include "daemon/version.h"

#include "openapi.h"

const char docs_page_style[] =
	"body{margin:0 auto;max-width:64rem;padding:0 1rem 4rem;font:16px/1.5 sans-serif;"
	"color:#1b1f24;background:#fff}"
	"h2{margin-top:3rem;border-bottom:2px solid #d0d7de}"
	"article{margin:2rem 0;padding-top:.5rem;border-top:1px solid #d0d7de}"
	"h3{margin:.5rem 0;font:600 1rem/1.5 monospace;overflow-wrap:anywhere}"
	"h3 b{display:inline-block;min-width:4.5rem}"
	"h4{margin:1rem 0 .25rem}"
	"table{border-collapse:collapse;width:100%;font-size:.9rem}"
	"th,td{padding:.25rem .5rem;border:1px solid #d0d7de;text-align:left;vertical-align:top}"
	"code,pre{font-family:monospace;overflow-wrap:anywhere}"
	"pre{padding:.75rem;background:#f3f5f7;overflow:auto}"
	".note{color:#57606a}"
	"@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}"
	"pre{background:#161b22}a{color:#6cb6ff}.note{color:#9ea7b3}"
	"h2,article,th,td{border-color:#30363d}}";

/* ---- text ---- */

/* Escaped, for elements and for attributes in double quotes. */
static void
add_text(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_add(b, S("&amp;"));
			break;
		case '<':
			buf_add(b, S("&lt;"));
			break;
		case '>':
			buf_add(b, S("&gt;"));
			break;
		case '"':
			buf_add(b, S("&quot;"));
			break;
		default:
			buf_add_char(b, s.p[i]);
		}
	}
}

static void
add_str(struct buf *b, const char *s)
{
	add_text(b, slice_of(s));
}

/* <tag>text</tag> */
static void
add_element(struct buf *b, const char *tag, const char *text)
{
	buf_add_printf(b, "<%s>", tag);
	add_str(b, text);
	buf_add_printf(b, "</%s>\n", tag);
}

static void
add_table_head(struct buf *b, const char *title)
{
	add_element(b, "h4", title);
	buf_add_cstr(b, "<table><tr><th>Name<th>Type<th>Meaning</tr>\n");
}

/* The cells of a row up to its type. */
static void
add_row_head(struct buf *b, struct slice name, const char *mark)
{
	buf_add_cstr(b, "<tr><td><code>");
	add_text(b, name);
	buf_add_printf(b, "</code>%s<td>", mark);
}

static void
add_row_end(struct buf *b, const char *text)
{
	buf_add_cstr(b, "<td>");
	if (text != NULL)
		add_str(b, text);
	buf_add_cstr(b, "</tr>\n");
}

static void
add_bounds(struct buf *b, int64_t min, int64_t max, const char *unit)
{
	if (min == 0 && max == 0)
		return;
	buf_add_cstr(b, ", ");
	if (max == 0)
		buf_add_cstr(b, "at least ");
	buf_add_i64(b, min);
	if (max != 0)
		buf_add_cstr(b, " to ");
	if (max != 0)
		buf_add_i64(b, max);
	buf_add_cstr(b, unit);
}

/* ---- rules of bodies ---- */

static void
add_rule_type(struct buf *b, const struct json_rule *r)
{
	static const struct {
		const char *name, *unit; /* unit NULL: its bounds are not shown */
	} types[] = {
		[JSON_RULE_STRING] = {"string", " characters"},
		[JSON_RULE_INT] = {"integer", ""},
		[JSON_RULE_BOOL] = {"true or false", NULL},
		[JSON_RULE_DOUBLE] = {"number", ""},
		[JSON_RULE_UUID] = {"UUID", NULL},
		[JSON_RULE_TIME] = {"RFC 3339 time", NULL},
		[JSON_RULE_STRINGS] = {"array of strings", " entries"},
		[JSON_RULE_RAW] = {"", NULL},
		[JSON_RULE_OBJECT] = {"object", NULL},
		[JSON_RULE_ARRAY] = {"array", " entries"},
		[JSON_RULE_WORD] = {"one of", NULL},
		[JSON_RULE_URL] = {"http or https URL", NULL},
	};

	buf_add_cstr(b, types[r->type].name);
	if (types[r->type].unit != NULL)
		add_bounds(b, r->min, r->max, types[r->type].unit);
	for (const struct json_word *w = r->words; w != NULL && w->text != NULL; w++) {
		buf_add_char(b, ' ');
		add_str(b, w->text);
	}
	if (r->schema == NULL)
		return;
	buf_add_cstr(b, "<code>");
	add_str(b, r->schema);
	buf_add_cstr(b, "</code>");
}

/* Nested tables follow their field with its name before theirs. */
static void
add_rules(struct buf *b, const struct json_rules *rules, struct slice prefix)
{
	for (unsigned i = 0; i < rules->count; i++) {
		const struct json_rule *r = &rules->v[i];
		char text[128];
		struct buf path = BUF_FIXED(text);

		buf_add(&path, prefix);
		buf_add_cstr(&path, r->name);
		add_row_head(b, buf_slice(&path),
			     (r->flags & JSON_RULE_REQUIRED) != 0 ? " <b>required</b>" : "");
		add_rule_type(b, r);
		add_row_end(b, r->text);
		if (r->of == NULL)
			continue;
		buf_add_cstr(&path, r->type == JSON_RULE_ARRAY ? "[]." : ".");
		add_rules(b, r->of, buf_slice(&path));
	}
}

static void
add_body(struct buf *b, const struct gw_doc *doc)
{
	if (doc->body != NULL && doc->body->count > 0) {
		add_table_head(b, "Body");
		add_rules(b, doc->body, S(""));
		buf_add_cstr(b, "</table>\n");
	}
	if (doc->example != NULL)
		add_element(b, "pre", doc->example);
}

/* ---- fields ---- */

static void
add_schema_link(struct buf *b, const struct gw_schema *s)
{
	if (s == NULL || s->name == NULL)
		buf_add_cstr(b, "object");
	else
		buf_add_printf(b, "<a href=\"#schema-%s\">%s</a>", s->name, s->name);
}

static void
add_field_type(struct buf *b, const struct gw_field *f)
{
	static const char *const names[] = {
		[GW_T_STRING] = "string",
		[GW_T_INT] = "integer",
		[GW_T_BOOL] = "true or false",
		[GW_T_NUMBER] = "number",
		[GW_T_TIME] = "RFC 3339 time",
		[GW_T_UUID] = "UUID",
		[GW_T_URL] = "URL",
		[GW_T_ANY] = "any",
	};

	if ((f->flags & GW_F_MANY) != 0)
		buf_add_cstr(b, "array of ");
	if (f->type == GW_T_OBJECT)
		add_schema_link(b, f->of);
	else
		buf_add_cstr(b, names[f->type]);
	add_bounds(b, f->min, f->max, "");
	for (const char *const *w = f->words; w != NULL && *w != NULL; w++) {
		buf_add_char(b, ' ');
		add_str(b, *w);
	}
	if ((f->flags & GW_F_NULL) != 0)
		buf_add_cstr(b, ", null");
}

static void
add_field(struct buf *b, struct slice name, const char *mark, const struct gw_field *f)
{
	add_row_head(b, name, mark);
	add_field_type(b, f);
	add_row_end(b, f->text);
}

/* The rows of a schema's own members; those of an object without a name follow it. */
static void
add_members(struct buf *b, const struct gw_schema *s, struct slice prefix)
{
	for (const struct gw_field *f = s->fields; f->name != NULL; f++) {
		char text[128];
		struct buf path = BUF_FIXED(text);

		buf_add(&path, prefix);
		buf_add_cstr(&path, f->name);
		add_field(b, buf_slice(&path), (f->flags & GW_F_OPTIONAL) != 0 ? " (optional)" : "",
			  f);
		if (f->of == NULL || f->of->name != NULL)
			continue;
		buf_add_cstr(&path, (f->flags & GW_F_MANY) != 0 ? "[]." : ".");
		add_members(b, f->of, buf_slice(&path));
	}
}

static void
add_parameters(struct buf *b, const struct gw_route *r)
{
	struct slice name, rest = slice_of(r->pattern);
	const struct gw_field *f = r->doc.query;

	if (strchr(r->pattern, '{') == NULL && f == NULL)
		return;
	add_table_head(b, "Parameters");
	for (name = openapi_next_parameter(&rest); name.p != NULL;
	     name = openapi_next_parameter(&rest))
		add_field(b, name, " (path)", openapi_path_field(r, name));
	for (; f != NULL && f->name != NULL; f++)
		add_field(b, slice_of(f->name),
			  (f->flags & GW_F_REQUIRED) != 0 ? " <b>required</b>" : "", f);
	buf_add_cstr(b, "</table>\n");
}

/* ---- a route ---- */

static void
add_flags(struct buf *b, unsigned flags)
{
	if ((flags & GW_DOC_LIST) != 0)
		buf_add_cstr(b, "<p class=\"note\">A <a href=\"#lists\">list</a>.</p>\n");
	if ((flags & GW_DOC_IDEMPOTENCY) != 0)
		buf_add_cstr(b, "<p class=\"note\">Takes <code>Idempotency-Key</code>: the same "
				"key with the same body is done once.</p>\n");
	if ((flags & GW_DOC_WAIT) != 0)
		buf_add_cstr(b, "<p class=\"note\">Takes <code>Prefer: wait=N</code>: seconds to "
				"wait for the outcome.</p>\n");
}

static void
add_reply(struct buf *b, const struct gw_doc *doc)
{
	buf_add_cstr(b, "<p>Answers ");
	buf_add_u64(b, doc->status[0] != 0 ? doc->status[0] : 200);
	for (unsigned i = 1; i < GW_STATUSES_MAX && doc->status[i] != 0; i++)
		buf_add_printf(b, " or %u", doc->status[i]);
	if (doc->media != NULL)
		buf_add_printf(b, " as <code>%s</code>%s", doc->media,
			       doc->reply != NULL ? " or JSON" : "");
	if (doc->reply != NULL) {
		bool is_many = (doc->flags & (GW_DOC_LIST | GW_DOC_ARRAY)) != 0;

		buf_add_printf(b, ", <code>data</code> is %s", is_many ? "an array of " : "");
		add_schema_link(b, doc->reply);
	}
	buf_add_cstr(b, ".</p>\n");
	if (doc->reply == NULL || doc->reply->name != NULL)
		return;
	add_table_head(b, "data");
	add_members(b, doc->reply, S(""));
	buf_add_cstr(b, "</table>\n");
}

static void
add_errors(struct buf *b, uint64_t errors)
{
	buf_add_cstr(b, "<p class=\"note\">Errors:");
	for (unsigned c = 0; c < GW_E_COUNT; c++) {
		const char *word = gw_error_info((enum gw_code)c)->word;

		if ((errors >> c & 1) != 0)
			buf_add_printf(b, " <a href=\"#error-%s\">%s</a>", word, word);
	}
	buf_add_cstr(b, "</p>\n");
}

static void
add_route(struct buf *b, const struct gw_route *r)
{
	const char *kind = openapi_token_kind(r);

	buf_add_printf(b, "<article id=\"%s\"><h3><b>%s</b> ", r->doc.id,
		       http_method_name(r->method));
	add_str(b, r->pattern);
	buf_add_cstr(b, "</h3>\n<p>");
	add_str(b, r->doc.summary);
	buf_add_printf(b, " <span class=\"note\">(%s%s)</span></p>\n",
		       kind[0] != '\0' ? kind : "no", " token");
	if (r->doc.text != NULL)
		add_element(b, "p", r->doc.text);
	add_flags(b, openapi_flags(r));
	add_parameters(b, r);
	add_body(b, &r->doc);
	add_reply(b, &r->doc);
	add_errors(b, openapi_errors(r));
	buf_add_cstr(b, "</article>\n");
}

/* ---- the page ---- */

static void
add_contents(struct buf *b, const struct openapi_source *src)
{
	buf_add_cstr(b, "<nav><ul>\n");
	for (unsigned i = 0; i < src->route_count; i++) {
		if (!openapi_is_first_of_tag(src, i))
			continue;
		buf_add_printf(b, "<li>%s:", src->routes[i]->doc.tag);
		for (unsigned j = i; j < src->route_count; j++)
			if (strcmp(src->routes[i]->doc.tag, src->routes[j]->doc.tag) == 0)
				buf_add_printf(b, " <a href=\"#%s\">%s</a>", src->routes[j]->doc.id,
					       src->routes[j]->doc.id);
		buf_add_cstr(b, "</li>\n");
	}
	buf_add_cstr(b, "<li><a href=\"#rows\">Rows</a> <a href=\"#errors\">Errors</a></li>\n"
			"</ul></nav>\n");
}

static void
add_chapters(struct buf *b, const struct openapi_source *src)
{
	for (unsigned i = 0; i < src->route_count; i++) {
		if (!openapi_is_first_of_tag(src, i))
			continue;
		add_element(b, "h2", src->routes[i]->doc.tag);
		for (unsigned j = i; j < src->route_count; j++)
			if (strcmp(src->routes[i]->doc.tag, src->routes[j]->doc.tag) == 0)
				add_route(b, src->routes[j]);
	}
}

static void
add_components(struct buf *b, const struct openapi_source *src)
{
	buf_add_cstr(b, "<h2 id=\"rows\">Rows</h2>\n");
	for (unsigned i = 0; i < src->component_count; i++) {
		const struct gw_schema *s = src->components[i];

		buf_add_printf(b, "<article id=\"schema-%s\"><h3>%s</h3>\n", s->name, s->name);
		if (s->text != NULL)
			add_element(b, "p", s->text);
		if (s->base != NULL) {
			buf_add_cstr(b, "<p>All of ");
			add_schema_link(b, s->base);
			buf_add_cstr(b, ", and:</p>\n");
		}
		add_table_head(b, "Members");
		add_members(b, s, S(""));
		buf_add_cstr(b, "</table></article>\n");
	}
}

static void
add_codes(struct buf *b)
{
	buf_add_cstr(b, "<h2 id=\"errors\">Errors</h2>\n"
			"<table><tr><th>Code<th>Status<th>Meaning<th>Try again</tr>\n");
	for (unsigned c = 0; c < GW_E_COUNT; c++) {
		const struct gw_error_info *info = gw_error_info((enum gw_code)c);

		buf_add_printf(b,
			       "<tr><td id=\"error-%s\"><code>%s</code><td>%u<td>%s<td>%s</tr>\n",
			       info->word, info->word, info->status, info->title,
			       info->is_retryable ? "may succeed later" : "");
	}
	buf_add_cstr(b, "</table>\n");
}

static const char introduction[] =
	"<h1>GrowHub API " GH_VERSION "</h1>\n"
	"<p>Also as an <a href=\"/openapi.json\">OpenAPI 3.1 document</a>.</p>\n"
	"<p>JSON in and out. A success is <code>{\"success\":true,\"message\":\"...\","
	"\"data\":...}</code>; an error is <code>{\"success\":false,\"message\":\"...\","
	"\"errors\":{},\"code\":\"...\",\"request_id\":\"...\"}</code>, or problem details where "
	"<code>Accept</code> prefers <code>application/problem+json</code>. Unknown fields are "
	"ignored.</p>\n"
	"<p>The token goes into <code>Authorization: Bearer</code>; instance routes take the "
	"header "
	"<code>token</code> as well, superadmin routes <code>admintoken</code>.</p>\n"
	"<p id=\"lists\">Lists are newest first and take <code>limit</code> (1 to 200, default "
	"50) and <code>offset</code> (to 10000) or <code>cursor</code>; beside <code>data</code> "
	"they hold <code>total</code>, <code>next_cursor</code> and <code>has_more</code>.</p>\n";

void
docs_page_write(struct buf *b)
{
	struct openapi_source src;

	openapi_collect(&src);
	buf_add_cstr(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
			"<title>GrowHub API</title>\n<style>");
	buf_add_cstr(b, docs_page_style);
	buf_add_cstr(b, "</style></head><body>\n");
	buf_add_cstr(b, introduction);
	add_contents(b, &src);
	add_chapters(b, &src);
	add_components(b, &src);
	add_codes(b);
	buf_add_cstr(b, "</body></html>\n");
}
