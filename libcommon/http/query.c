/* query.c - query strings and percent-decoding. */
#include "http/query.h"

#include <string.h>

#include "base/arena.h"
#include "base/hex.h"

static bool
is_encoded(struct slice raw, bool plus_is_space)
{
	return memchr(raw.p, '%', raw.n) != NULL ||
	       (plus_is_space && memchr(raw.p, '+', raw.n) != NULL);
}

enum gh_code
percent_decode(struct slice raw, bool plus_is_space, struct arena *a, struct slice *out)
{
	char *p;
	size_t n = 0;

	*out = raw;
	if (raw.n == 0)
		return GH_OK;
	if (is_encoded(raw, plus_is_space)) {
		p = arena_alloc(a, raw.n);
		for (size_t i = 0; i < raw.n; i++) {
			char c = raw.p[i];

			if (c == '%') {
				int byte = hex_byte(raw, i + 1);

				if (byte < 0)
					return GH_EINVAL;
				c = (char)byte;
				i += 2;
			} else if (c == '+' && plus_is_space) {
				c = ' ';
			}
			p[n++] = c;
		}
		*out = slice_make(p, n);
	}
	if (memchr(out->p, '\0', out->n) != NULL || !utf8_valid(*out))
		return GH_EINVAL;
	return GH_OK;
}

static enum gh_code
add_param(struct query *q, struct slice piece, struct arena *a, struct gh_err *err)
{
	struct slice value, name = slice_cut(piece, '=', &value), plain;
	struct query_param *param = &q->params[q->count];

	if (q->count == QUERY_PARAMS_MAX)
		return gh_fail(err, GH_ELIMIT, "more than %d query parameters", QUERY_PARAMS_MAX);
	if (percent_decode(name, true, a, &plain) != GH_OK)
		return gh_fail(err, GH_EINVAL, "malformed name in the query string");
	if (plain.n == 0)
		return gh_fail(err, GH_EINVAL, "parameter without a name in the query string");
	if (query_get(q, plain).p != NULL)
		return gh_fail(err, GH_EINVAL, "query parameter '%.*s' is given twice",
			       S_FMT(plain));
	param->name = plain;
	if (percent_decode(value, true, a, &param->value) != GH_OK)
		return gh_fail(err, GH_EINVAL, "query parameter '%.*s' is malformed", S_FMT(plain));
	if (param->value.p == NULL)
		param->value = S("");
	q->count++;
	return GH_OK;
}

enum gh_code
query_parse(struct slice raw, struct arena *a, struct query *out, struct gh_err *err)
{
	struct slice rest = raw;

	out->count = 0;
	while (rest.p != NULL) {
		struct slice piece = slice_cut(rest, '&', &rest);
		enum gh_code rc;

		if (piece.n == 0)
			continue;
		rc = add_param(out, piece, a, err);
		if (rc != GH_OK)
			return rc;
	}
	return GH_OK;
}

struct slice
query_get(const struct query *q, struct slice name)
{
	for (unsigned i = 0; i < q->count; i++)
		if (slice_eq(q->params[i].name, name))
			return q->params[i].value;
	return SLICE_NONE;
}
