#include "send.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"

#define NUMBERS    1000
#define FILE_BYTES ((size_t)16 * 1024 * 1024)
#define READ_BYTES 65536

void
send_write(void *arg, struct buf *out)
{
	struct send_requests *s = arg;
	const struct sender *from = &s->senders[s->count % s->sender_count];
	char body[512], priority[64] = "";
	int n;

	if (from->priority.n > 0)
		(void)snprintf(priority, sizeof(priority), "\"priority\":\"%.*s\",",
			       S_FMT(from->priority));
	n = snprintf(body, sizeof(body),
		     "{\"instance_id\":%" PRIu64 ",%s\"phone_to\":\"5511%09u\",\"content\":"
		     "\"Ol\\u00e1! Your order %08" PRIu64 " has left our store and should arrive "
		     "tomorrow before noon. Reply 1 to follow it, 2 to talk to us.\"}",
		     from->instance_id, priority, 900000000 + (unsigned)(s->count % NUMBERS) * 1009,
		     s->count);
	s->count++;
	buf_add(out, S("POST "));
	buf_add(out, s->path);
	buf_add(out, S(" HTTP/1.1\r\nHost: "));
	buf_add(out, s->host);
	buf_add(out, S("\r\nAuthorization: Bearer "));
	buf_add(out, from->token);
	buf_add(out, S("\r\nContent-Type: application/json\r\nContent-Length: "));
	buf_add_u64(out, (uint64_t)n);
	buf_add(out, S("\r\n\r\n"));
	buf_add(out, slice_make(body, (size_t)n));
}

/* ---- the file of senders ---- */

static enum gh_code
file_read(const char *path, struct buf *out, struct gh_err *err)
{
	FILE *f = fopen(path, "re");
	size_t n = 1;

	if (f == NULL)
		return gh_fail(err, GH_EINVAL, "%s: %s", path, gh_errno_text(errno));
	while (n > 0 && !out->over) {
		char *room = buf_reserve(out, READ_BYTES);

		n = room != NULL ? fread(room, 1, READ_BYTES, f) : 0;
		buf_commit(out, n);
	}
	(void)fclose(f);
	return out->over ? gh_fail(err, GH_EINVAL, "%s: too long", path) : GH_OK;
}

enum gh_code
senders_read(const char *path, struct arena *a, const struct sender **out, unsigned *count,
	     struct gh_err *err)
{
	struct sender *all = arena_alloc_array(a, SENDERS_MAX, sizeof(*all));
	struct slice text, id;
	struct buf b;
	unsigned n = 0;

	buf_init(&b, a, FILE_BYTES);
	if (file_read(path, &b, err) != GH_OK)
		return GH_EINVAL;
	for (text = buf_slice(&b); text.n > 0; n++) {
		struct slice line = slice_cut(text, '\n', &text);

		if (n == SENDERS_MAX)
			return gh_fail(err, GH_EINVAL, "%s: over %d lines", path, SENDERS_MAX);
		all[n].token = slice_cut(line, ' ', &line);
		id = slice_cut(line, ' ', &all[n].priority);
		if (all[n].token.n == 0 ||
		    parse_u64(id, 1, INT32_MAX, &all[n].instance_id) != GH_OK)
			return gh_fail(err, GH_EINVAL, "%s: line %u is no sender", path, n + 1);
	}
	if (n == 0)
		return gh_fail(err, GH_EINVAL, "%s: no sender", path);
	*out = all;
	*count = n;
	return GH_OK;
}
