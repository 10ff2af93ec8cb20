/* json_check.h - from a JSON object to a typed struct by a table of rules.
 *
 * All bad fields are collected, each as (path, text), for one 422 reply. Fields
 * without a rule are ignored. A field that is absent leaves its place in the
 * struct untouched, so defaults are set before the check.
 */
#ifndef GH_JSON_CHECK_H
#define GH_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "http/json.h"

struct arena;

/* What a member is, and the type of the target's member at `offset`. */
enum json_rule_type {
	JSON_RULE_STRING,  /* struct slice; min..max code points, max 0: no upper bound */
	JSON_RULE_INT,     /* int64_t; min..max, both 0: unbounded */
	JSON_RULE_BOOL,    /* bool */
	JSON_RULE_DOUBLE,  /* double, finite; min..max, both 0: unbounded */
	JSON_RULE_UUID,    /* struct uuid */
	JSON_RULE_TIME,    /* int64_t wall microseconds, from RFC 3339 text */
	JSON_RULE_STRINGS, /* struct json_strings; min..max elements, max 0: 100; words: each is one
			    */
	JSON_RULE_RAW,     /* const struct json *, of any type */
	JSON_RULE_OBJECT,  /* const struct json *, an object: check it with a table of its own */
	JSON_RULE_ARRAY,   /* const struct json *, an array; min..max elements, max 0: unbounded */
	JSON_RULE_WORD,    /* int, the value of the word in words */
	JSON_RULE_URL      /* struct slice; what url_parse accepts; max 0: 2048 bytes */
};

#define JSON_RULE_REQUIRED  1u /* absent or null is an error */
#define JSON_RULE_NULLABLE  2u /* null is noted in json_given.null (else it counts as absent) */
#define JSON_RULE_NUMBER_OK 4u /* STRING: an integer is taken as its text */
#define JSON_RULE_LINE      8u /* STRING: no control characters */

struct json_word {
	const char *text; /* NULL ends the list */
	int value;
};

struct json_strings {
	struct slice *v; /* in the arena */
	unsigned count;
};

/* NULL when s is fine, else what is wrong ("must be a phone number"). */
typedef const char *json_pattern_fn(struct slice s);

struct json_rule;

/* A table, where it is spoken of as a whole: JSON_RULES(create_rules) at file scope. */
struct json_rules {
	const struct json_rule *v;
	unsigned count;
};
#define JSON_RULES(table) (&(const struct json_rules){(table), GH_COUNT(table)})

struct json_rule {
	const char *name;
	enum json_rule_type type;
	unsigned flags;
	int64_t min, max;
	const struct json_word *words; /* WORD; STRINGS optional */
	json_pattern_fn *pattern;      /* STRING, STRINGS: further check; NULL: none */
	size_t offset;                 /* offsetof(struct target, member) */
	/* For who describes the table to a reader; the check does not look at them. */
	const char *text;            /* what the field means; NULL: its name says it */
	const char *schema;          /* RAW: its JSON Schema as text; NULL: anything */
	const struct json_rules *of; /* OBJECT, ARRAY: what its members, or those of each element,
				      * are checked with; NULL: not told */
};

#define JSON_RULES_MAX 64

/* Bit i: rule i. */
struct json_given {
	uint64_t present; /* had a value (well-formed or not) */
	uint64_t null;    /* JSON_RULE_NULLABLE and null */
};

struct json_error {
	struct slice path; /* "content.text", "webhooks[1].url" */
	struct slice text; /* "longer than 4096 characters" */
};

#define JSON_ERRORS_MAX 64 /* more are counted, not kept */

struct json_errors {
	struct arena *a;
	unsigned count; /* all */
	unsigned kept;
	struct json_error v[JSON_ERRORS_MAX];
};

void json_errors_init(struct json_errors *e, struct arena *a);
/* Add one found outside the tables. path and text are copied; a path already there is left as it
 * is. */
void json_errors_add(struct json_errors *e, struct slice path, const char *text);
/* As member `name`: {"path":"text",...}; an empty object when there are none. */
void json_errors_write(const struct json_errors *e, struct json_w *w, const char *name);

/* Check the members of v against count rules (at most JSON_RULES_MAX).
 *
 * prefix  path of v inside the document, put before names with a dot; "" at the top
 * target  the struct filled; strings and raw values live as long as v's document
 * given   may be NULL
 * Returns true when this call added no error. A v that is no object is one error.
 */
bool json_check(const struct json *v, const struct json_rule *rules, unsigned count,
		const char *prefix, void *target, struct json_given *given, struct json_errors *e);

#endif
