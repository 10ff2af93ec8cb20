#include "get.h"

void
get_write(void *arg, struct buf *out)
{
	struct get_requests *g = arg;
	struct slice mark = S("{n}");
	struct slice rest = g->target;

	buf_add(out, S("GET "));
	while (rest.n > 0) {
		if (slice_starts(rest, mark)) {
			buf_add_u64(out, g->first + g->count % g->range * g->step);
			rest = slice_from(rest, mark.n);
		} else {
			buf_add_char(out, rest.p[0]);
			rest = slice_from(rest, 1);
		}
	}
	g->count++;
	buf_add(out, S(" HTTP/1.1\r\nHost: "));
	buf_add(out, g->host);
	buf_add(out, S("\r\nAuthorization: Bearer "));
	buf_add(out, g->token);
	buf_add(out, S("\r\n\r\n"));
}
