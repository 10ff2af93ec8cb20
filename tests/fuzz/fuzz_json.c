/* fuzz_json.c - what the scan accepts, cJSON accepts (json_parse panics
 * otherwise), and writing it back is stable.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct slice text = slice_make(data, size);
	const struct json *v, *again;
	struct buf first, second;
	size_t offset = 0;
	struct gh_err err;

	if (json_parse(text, a, &v, &offset, &err) != GH_OK) {
		if (offset > size)
			abort();
		arena_free(a);
		return 0;
	}
	/* A raw control character may grow to six bytes, never more. */
	buf_init(&first, a, size * 6 + 16);
	buf_init(&second, a, size * 6 + 16);
	json_write(&first, v);
	if (first.over || json_parse(buf_slice(&first), a, &again, NULL, &err) != GH_OK)
		abort();
	json_write(&second, again);
	if (!slice_eq(buf_slice(&first), buf_slice(&second)))
		abort();
	arena_free(a);
	return 0;
}
