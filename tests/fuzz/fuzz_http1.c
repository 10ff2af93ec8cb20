/* fuzz_http1.c - the request parser: however the bytes are cut into pieces, the
 * verdict is the same, and every result lies inside the input.
 *
 * First byte of the input: bit 7 chooses the chunk decoder, the rest the piece size.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "http/http1.h"

#define BODY_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static bool
is_inside(struct slice part, struct slice whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* GH_OK: *head_n bytes are a header section. */
static enum gh_code
scan(struct slice in, size_t step_bytes, size_t *head_n, enum http1_reason *reason)
{
	struct http1_scan s;
	enum gh_code rc = GH_EAGAIN;

	http1_scan_init(&s);
	while (rc == GH_EAGAIN && s.n < in.n) {
		size_t used = 0, before = s.n;

		rc = http1_scan(&s, &http1_limits_default, slice_sub(in, before, step_bytes), &used,
				reason);
		require(rc == GH_EINVAL || s.n == before + used);
	}
	*head_n = s.n;
	return rc;
}

static void
check_head(struct slice in, size_t step_bytes)
{
	enum http1_reason reason = HTTP1_OK, reason2 = HTTP1_OK;
	struct http1_head h;
	size_t n, n2;
	enum gh_code rc = scan(in, step_bytes, &n, &reason);

	require(scan(in, in.n, &n2, &reason2) == rc);
	if (rc != GH_OK)
		return;
	require(n == n2);
	if (http1_parse_head(&h, &http1_limits_default, slice_sub(in, 0, n), &reason) != GH_OK) {
		require(reason != HTTP1_OK && reason < HTTP1_REASON_COUNT);
		return;
	}
	require(h.path.n > 0 && is_inside(h.target, in) && is_inside(h.query, in));
	require(h.field_count <= HTTP1_FIELDS_MAX && !(h.is_chunked && h.has_length));
	for (unsigned i = 0; i < h.field_count; i++)
		require(is_inside(h.fields[i].name, in) && is_inside(h.fields[i].value, in));
}

static enum http1_reason
decode(struct slice in, size_t step_bytes, struct buf *out, bool *is_done)
{
	enum http1_reason reason = HTTP1_OK;
	struct http1_chunks c;
	size_t at = 0;

	http1_chunks_init(&c);
	while (at < in.n && !c.is_done) {
		struct slice data;
		size_t used = 0;

		if (http1_chunk_next(&c, &http1_limits_default, BODY_MAX,
				     slice_sub(in, at, step_bytes), &used, &data,
				     &reason) == GH_EINVAL)
			return reason;
		require(used > 0 && is_inside(data, in));
		buf_add(out, data);
		at += used;
	}
	*is_done = c.is_done;
	return HTTP1_OK;
}

static void
check_chunks(struct slice in, size_t step_bytes)
{
	struct buf whole, parts;
	bool is_done = false, is_done2 = false;

	buf_init(&whole, NULL, BODY_MAX);
	buf_init(&parts, NULL, BODY_MAX);
	require(decode(in, in.n, &whole, &is_done) == decode(in, step_bytes, &parts, &is_done2));
	require(is_done == is_done2 && slice_eq(buf_slice(&whole), buf_slice(&parts)));
	require(!whole.over && !parts.over);
	buf_free(&whole);
	buf_free(&parts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;
	size_t step_bytes;

	if (size < 2)
		return 0;
	in = slice_make(data + 1, size - 1);
	step_bytes = (data[0] & 0x7fu) + 1;
	if ((data[0] & 0x80) != 0)
		check_chunks(in, step_bytes);
	else
		check_head(in, step_bytes);
	return 0;
}
