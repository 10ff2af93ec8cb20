/* router.c - the route table as a tree of path segments.
 *
 * A node is one segment; its literal children are tried before its parameter
 * child, with a step back when the literal leads nowhere. The depth is that of
 * the longest pattern, so a path costs at most 2^parameters short walks.
 */
#include "http/router.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "http/query.h"

struct node {
	struct slice segment;               /* of a literal; borrowed from the pattern */
	struct node *sibling;               /* next literal of the same parent */
	struct node *child;                 /* first literal below */
	struct node *param;                 /* the parameter below; NULL: none */
	unsigned methods;                   /* bit 1u << method: routes[method] is set */
	unsigned routes[HTTP_METHOD_COUNT]; /* index into the table */
};

struct router {
	const struct route *routes;
	unsigned count;
	struct arena *a; /* the nodes */
	struct node *root;
};

#define BIT(m) (1u << (m))

/* ---- compiling ---- */

static bool
is_param(struct slice segment)
{
	return slice_starts(segment, S("{"));
}

static void
check_segment(const char *pattern, struct slice segment)
{
	bool is_good = segment.n > 0;

	if (is_param(segment))
		is_good = segment.n > 2 && slice_index(segment, '}') == (long)segment.n - 1;
	else if (slice_index(segment, '{') >= 0 || slice_index(segment, '}') >= 0)
		is_good = false;
	if (!is_good)
		gh_panic("router: bad pattern %s", pattern);
}

static struct node *
descend(struct router *r, struct node *n, struct slice segment)
{
	struct node *c;

	if (is_param(segment)) {
		if (n->param == NULL)
			n->param = arena_alloc(r->a, sizeof(*n->param));
		return n->param;
	}
	for (c = n->child; c != NULL; c = c->sibling)
		if (slice_eq(c->segment, segment))
			return c;
	c = arena_alloc(r->a, sizeof(*c));
	c->segment = segment;
	c->sibling = n->child;
	n->child = c;
	return c;
}

static void
add_route(struct router *r, unsigned index)
{
	const struct route *route = &r->routes[index];
	struct slice rest = slice_of(route->pattern);
	struct node *n = r->root;
	unsigned param_count = 0;

	if (rest.n == 0 || rest.p[0] != '/')
		gh_panic("router: pattern %s does not start with '/'", route->pattern);
	rest = slice_from(rest, 1);
	/* "/" alone is the root itself. */
	while (rest.p != NULL && !(n == r->root && rest.n == 0)) {
		struct slice segment = slice_cut(rest, '/', &rest);

		check_segment(route->pattern, segment);
		if (is_param(segment))
			param_count++;
		n = descend(r, n, segment);
	}
	if (param_count > ROUTE_PARAMS_MAX || (n->methods & BIT(route->method)) != 0)
		gh_panic("router: %s %s twice, or too many parameters",
			 http_method_name(route->method), route->pattern);
	n->methods |= BIT(route->method);
	n->routes[route->method] = index;
}

struct router *
router_new(const struct route *routes, unsigned count)
{
	struct router *r = gh_alloc(sizeof(*r));

	r->routes = routes;
	r->count = count;
	r->a = arena_new(0);
	r->root = arena_alloc(r->a, sizeof(*r->root));
	for (unsigned i = 0; i < count; i++)
		add_route(r, i);
	return r;
}

void
router_free(struct router *r)
{
	if (r == NULL)
		return;
	arena_free(r->a);
	gh_free(r);
}

/* ---- matching ---- */

/* The node of what is left of the path; raw parameter values go to m->values. */
static const struct node *
find(const struct node *n, struct slice rest, struct route_match *m)
{
	struct slice segment, behind;
	unsigned param_count = m->param_count;

	if (rest.p == NULL)
		return n->methods != 0 ? n : NULL;
	segment = slice_cut(rest, '/', &behind);
	for (const struct node *c = n->child; c != NULL; c = c->sibling) {
		const struct node *found;

		if (!slice_eq(c->segment, segment))
			continue;
		found = find(c, behind, m);
		if (found != NULL)
			return found;
		m->param_count = param_count;
		break;
	}
	if (n->param == NULL || segment.n == 0 || param_count == ROUTE_PARAMS_MAX)
		return NULL;
	m->values[m->param_count++] = segment;
	return find(n->param, behind, m);
}

/* Decode the values and give them the names of the route's own pattern. */
static enum route_result
take_params(struct route_match *m, struct arena *a)
{
	struct slice rest = slice_of(m->route->pattern);
	unsigned i = 0;

	while (rest.p != NULL) {
		struct slice segment = slice_cut(rest, '/', &rest);

		if (!is_param(segment))
			continue;
		m->names[i] = slice_sub(segment, 1, segment.n - 2);
		if (percent_decode(m->values[i], false, a, &m->values[i]) != GH_OK ||
		    m->values[i].n > ROUTE_PARAM_BYTES_MAX)
			return ROUTE_BAD_PATH;
		i++;
	}
	return ROUTE_FOUND;
}

enum route_result
router_match(const struct router *r, enum http_method method, struct slice path, struct arena *a,
	     struct route_match *m)
{
	struct slice rest = slice_from(path, 1);
	const struct node *n;

	m->route = NULL;
	m->param_count = 0;
	m->allow = 0;
	if (path.n == 0 || path.p[0] != '/')
		return ROUTE_NOT_FOUND;
	n = find(r->root, rest.n == 0 ? SLICE_NONE : rest, m);
	if (n == NULL)
		return ROUTE_NOT_FOUND;
	m->allow = n->methods | BIT(HTTP_OPTIONS);
	if ((n->methods & BIT(HTTP_GET)) != 0)
		m->allow |= BIT(HTTP_HEAD);
	if (method == HTTP_OPTIONS && (n->methods & BIT(HTTP_OPTIONS)) == 0)
		return ROUTE_OPTIONS;
	if (method == HTTP_HEAD && (n->methods & BIT(HTTP_HEAD)) == 0)
		method = HTTP_GET;
	if ((n->methods & BIT(method)) == 0)
		return ROUTE_BAD_METHOD;
	m->index = n->routes[method];
	m->route = &r->routes[m->index];
	return take_params(m, a);
}

struct slice
route_param(const struct route_match *m, struct slice name)
{
	for (unsigned i = 0; i < m->param_count; i++)
		if (slice_eq(m->names[i], name))
			return m->values[i];
	return SLICE_NONE;
}

const char *
route_allow_text(unsigned allow, char dst[ROUTE_ALLOW_SIZE])
{
	struct buf b = {.p = dst, .size = ROUTE_ALLOW_SIZE, .max = ROUTE_ALLOW_SIZE - 1};

	for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++) {
		if ((allow & BIT(i)) == 0)
			continue;
		if (b.n > 0)
			buf_add(&b, S(", "));
		buf_add_cstr(&b, http_method_name((enum http_method)i));
	}
	dst[b.n] = '\0';
	return dst;
}

unsigned
router_count(const struct router *r)
{
	return r->count;
}
