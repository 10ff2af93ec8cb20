/* json_private.h - shared by json_scan.c and json_read.c only. */
#ifndef GH_JSON_PRIVATE_H
#define GH_JSON_PRIVATE_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct arena;

/* cJSON copies a number into 64 bytes before reading it. */
#define JSON_NUMBER_MAX 63
/* Larger powers of ten mean nothing to a double, and PostgreSQL's jsonb expands them digit by
 * digit. */
#define JSON_EXPONENT_MAX 307

/* What the scan hands to the reader: the numbers' text in document order. */
struct json_numbers {
	struct slice *v; /* in the arena */
	size_t count, size;
};

/* Walk the whole text and prove it to be one JSON value as json.h promises.
 * Errors as json_parse. Never recurses. */
enum gh_code json_scan(struct slice text, struct arena *a, struct json_numbers *numbers,
		       size_t *offset, struct gh_err *err) GH_MUST_USE;

#endif
