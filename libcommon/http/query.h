/* query.h - query strings and percent-decoding, strict and bounded.
 * The other direction is url_add_encoded of url.h. */
#ifndef GH_QUERY_H
#define GH_QUERY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

struct arena;

#define QUERY_PARAMS_MAX 32

struct query_param {
	struct slice name, value; /* decoded: valid UTF-8 without NUL */
};

struct query {
	unsigned count;
	struct query_param params[QUERY_PARAMS_MAX];
};

/* Decode %XX (and '+' to a space when plus_is_space). The result is raw itself when there is
 * nothing to decode, else lives in a. GH_EINVAL: broken escape, NUL, not UTF-8. */
enum gh_code percent_decode(struct slice raw, bool plus_is_space, struct arena *a,
			    struct slice *out) GH_MUST_USE;

/* Parse "a=1&b=two+words" (raw may be SLICE_NONE: no parameters). Empty pieces between '&' are
 * skipped; a name without '=' has an empty value. GH_EINVAL: bad escape, empty name, or the same
 * name twice (two readers would pick different ones); GH_ELIMIT: too many. err names the parameter.
 */
enum gh_code query_parse(struct slice raw, struct arena *a, struct query *out,
			 struct gh_err *err) GH_MUST_USE;

/* SLICE_NONE when absent; an empty value has p != NULL. */
struct slice query_get(const struct query *q, struct slice name);

#endif
