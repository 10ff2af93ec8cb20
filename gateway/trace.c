/* trace.c - the trace a request belongs to (contracts/http-conventions.md section 6).
 *
 * A caller's trace id is kept, its sampling flags are not: callers are not
 * trusted to decide what we record.
 */
#include "private.h"

#include "base/random.h"
#include "crypto/encode.h"

#define TRACE_HEX   32 /* digits of a trace id */
#define SPAN_HEX    16
#define PARENT_SIZE 55 /* "00-<trace>-<span>-<flags>" */

/* Lower-case hex, and not all zero. */
static bool
is_id(struct slice s)
{
	bool is_zero = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return false;
		if (c != '0')
			is_zero = false;
	}
	return !is_zero;
}

static bool
is_hex2(struct slice s)
{
	return s.n == 2 && (slice_eq(s, S("00")) || is_id(s));
}

/* The trace id inside a traceparent; SLICE_NONE when the value is not one. */
static struct slice
trace_id_of(struct slice v)
{
	struct slice version = slice_sub(v, 0, 2);
	struct slice trace_id = slice_sub(v, 3, TRACE_HEX);

	if (v.n < PARENT_SIZE || v.p[2] != '-' || v.p[35] != '-' || v.p[52] != '-')
		return SLICE_NONE;
	if (!is_hex2(version) || slice_eq(version, S("ff")))
		return SLICE_NONE;
	if (slice_eq(version, S("00")) ? v.n != PARENT_SIZE
				       : v.n > PARENT_SIZE && v.p[PARENT_SIZE] != '-')
		return SLICE_NONE;
	if (!is_id(trace_id) || !is_id(slice_sub(v, 36, SPAN_HEX)) || !is_hex2(slice_sub(v, 53, 2)))
		return SLICE_NONE;
	return trace_id;
}

void
trace_start(const struct http1_head *head, char out[GW_TRACEPARENT_SIZE])
{
	uint8_t raw[(TRACE_HEX + SPAN_HEX) / 2];
	char hex[ENCODE_HEX_SIZE(sizeof(raw))];
	struct slice trace_id = SLICE_NONE;
	struct buf b = {.p = out, .size = GW_TRACEPARENT_SIZE, .max = GW_TRACEPARENT_SIZE};

	/* Two of them contradict each other: neither counts. */
	if (http1_field_count(head, S("traceparent")) == 1)
		trace_id = trace_id_of(http1_field_get(head, S("traceparent")));
	random_bytes(raw, sizeof(raw));
	encode_hex(slice_make(raw, sizeof(raw)), hex);
	if (trace_id.p == NULL)
		trace_id = slice_make(hex, TRACE_HEX);
	buf_add(&b, S("00-"));
	buf_add(&b, trace_id);
	buf_add(&b, S("-"));
	buf_add(&b, slice_make(hex + TRACE_HEX, SPAN_HEX));
	buf_add(&b, S("-00"));
	buf_add_char(&b, '\0');
}
