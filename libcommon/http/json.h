/* json.h - strict JSON at the edge: scan, read, write.
 *
 * A document is scanned before cJSON sees it (HARNESS.md "Facts": cJSON keeps
 * duplicate keys, accepts invalid UTF-8 and trailing text, cuts strings at
 * \u0000 and loses integers over 2^53). What passes the scan is UTF-8 without
 * NUL, without duplicate keys, bounded in depth, one value, nothing behind it.
 * cJSON values never leave http/json*.c: readers see `struct json`.
 */
#ifndef GH_JSON_H
#define GH_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"

struct arena;
struct json; /* a value inside a document; lives as long as the arena given to json_parse */

#define JSON_DEPTH_MAX 64

/* Parse text (any size; the caller bounds it). On error *offset (may be NULL) is
 * the byte where it went wrong and err says why. GH_EINVAL syntax, duplicate
 * key, bad UTF-8, \u0000, trailing text; GH_ELIMIT nesting deeper than JSON_DEPTH_MAX. */
enum gh_code json_parse(struct slice text, struct arena *a, const struct json **out, size_t *offset,
			struct gh_err *err) GH_MUST_USE;

/* Write \ufffd over every \u0000, in place: what another program lets through in the text of a
 * third one, and json_parse refuses, loses that character instead of the document. True: there was
 * one. */
bool json_replace_nul(char *text, size_t n);

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_DOUBLE,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* Type of a value; v NULL (absent) counts as JSON_NULL. JSON_INT: written without
 * fraction or exponent and within int64_t. */
enum json_type json_type(const struct json *v);

/* Member of an object by name, NULL when absent or when v is no object (or NULL):
 * chains like json_get(json_get(v, "a"), "b") are safe. */
const struct json *json_get(const struct json *v, const char *name);
/* Follow a dotted path of member names: "payload._data.Info.ID". */
const struct json *json_path(const struct json *v, const char *path);

/* Typed readers: the default answer (SLICE_NONE, dflt, false) when v is absent or of another type.
 */
struct slice json_str(const struct json *v);
int64_t json_i64(const struct json *v, int64_t dflt); /* also a DOUBLE with integral value */
double json_double(const struct json *v, double dflt);
bool json_bool(const struct json *v, bool dflt);
bool json_is_null(const struct json *v); /* absent or null */

/* Array and object walk. */
size_t json_count(const struct json *v);             /* members or elements, else 0 */
const struct json *json_first(const struct json *v); /* NULL when none */
const struct json *json_next(const struct json *v);  /* sibling, NULL at the end */
struct slice json_name(const struct json *v);        /* member name; SLICE_NONE in arrays */

/* Write any parsed value back as compact JSON (numbers keep their original text). */
void json_write(struct buf *b, const struct json *v);

/* ---- writing: json_w_* append to a buf and place commas themselves ---- */
struct json_w {
	struct buf *b;
	bool need_comma;
};

void json_w_init(struct json_w *w, struct buf *b);
void json_w_open(struct json_w *w, const char *name,
		 char bracket);                    /* name NULL in arrays and at top; '{' or '[' */
void json_w_close(struct json_w *w, char bracket); /* '}' or ']' */
/* Text is escaped; must be valid UTF-8; non-ASCII stays as it is. s.p NULL writes null. */
void json_w_str(struct json_w *w, const char *name, struct slice s);
void json_w_i64(struct json_w *w, const char *name, int64_t v);
void json_w_double(struct json_w *w, const char *name, double v);
void json_w_bool(struct json_w *w, const char *name, bool v);
void json_w_null(struct json_w *w, const char *name);
void json_w_uuid(struct json_w *w, const char *name, struct uuid id); /* nil writes null */
/* RFC 3339 UTC with milliseconds; 0 writes null. */
void json_w_time(struct json_w *w, const char *name, int64_t wall_us);
/* JSON text that is already valid (from json_write or the database); SLICE_NONE or empty writes
 * null. */
void json_w_raw(struct json_w *w, const char *name, struct slice json_text);

#endif
