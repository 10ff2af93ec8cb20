#include "send.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBERS 1000

void
send_write(void *arg, struct buf *out)
{
	struct send_requests *s = arg;
	char body[512];
	int n;

	n = snprintf(body, sizeof(body),
		     "{\"instance_id\":%" PRIu64 ",\"phone_to\":\"5511%09u\",\"content\":"
		     "\"Ol\\u00e1! Your order %08" PRIu64 " has left our store and should arrive "
		     "tomorrow before noon. Reply 1 to follow it, 2 to talk to us.\"}",
		     s->instance_id, 900000000 + (unsigned)(s->count % NUMBERS) * 1009, s->count);
	s->count++;
	buf_add(out, S("POST "));
	buf_add(out, s->path);
	buf_add(out, S(" HTTP/1.1\r\nHost: "));
	buf_add(out, s->host);
	buf_add(out, S("\r\nAuthorization: Bearer "));
	buf_add(out, s->token);
	buf_add(out, S("\r\nContent-Type: application/json\r\nContent-Length: "));
	buf_add_u64(out, (uint64_t)n);
	buf_add(out, S("\r\n\r\n"));
	buf_add(out, slice_make(body, (size_t)n));
}
