/* body.c - what a provider looks at in the body of a call: fields, types, files. */
#include "sim.h"

#include "base/arena.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "http/json.h"

bool
field_fits(const struct json *v, enum field_type type)
{
	switch (type) {
	case FIELD_STRING:
		return json_type(v) == JSON_STRING;
	case FIELD_NUMBER:
		return json_type(v) == JSON_INT || json_type(v) == JSON_DOUBLE;
	case FIELD_BOOL:
		return json_type(v) == JSON_BOOL;
	case FIELD_OBJECT:
		return json_type(v) == JSON_OBJECT;
	case FIELD_ARRAY:
		return json_type(v) == JSON_ARRAY;
	}
	return false;
}

const struct field *
fields_first_wrong(const struct field *fields, size_t max, const struct json *body)
{
	for (size_t i = 0; i < max && fields[i].name != NULL; i++) {
		const struct json *v = json_get(body, fields[i].name);

		if (json_is_null(v) ? fields[i].is_required : !field_fits(v, fields[i].type))
			return &fields[i];
	}
	return NULL;
}

bool
file_data_note(struct slice text, struct arena *a, struct json_w *detail, struct slice *bytes)
{
	char *p = arena_alloc(a, text.n + 1);
	char hex[ENCODE_HEX_SIZE(HASH_SHA256_SIZE)];
	uint8_t hash[HASH_SHA256_SIZE];
	size_t n;

	if (encode_base64_parse(text, ENCODE_PAD_REQUIRED, p, text.n + 1, &n) != GH_OK || n == 0)
		return false;
	*bytes = slice_make(p, n);
	hash_sha256(*bytes, hash);
	json_w_i64(detail, "size", (int64_t)n);
	json_w_str(detail, "sha256", slice_of(encode_hex(slice_make(hash, sizeof(hash)), hex)));
	return true;
}
