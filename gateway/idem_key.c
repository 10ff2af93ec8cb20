#include "idem_key.h"

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/hash.h"
#include "http/http1.h"

static bool
is_bare(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || c == ':' || c == '-'))
			return false;
	}
	return true;
}

/* What stands between the quotes: RFC 9651 section 3.3.3, escapes of '"' and '\' only. */
static enum gh_code
unquote(struct slice inner, struct arena *a, struct slice *out)
{
	char *p = arena_alloc(a, inner.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < inner.n; i++) {
		char c = inner.p[i];

		if (c == '\\') {
			i++;
			if (i == inner.n || (inner.p[i] != '"' && inner.p[i] != '\\'))
				return GH_EINVAL;
			c = inner.p[i];
		} else if (c == '"' || c < 0x20 || c > 0x7e) {
			return GH_EINVAL;
		}
		p[n++] = c;
	}
	*out = slice_make(p, n);
	return GH_OK;
}

enum gh_code
idem_key_read(const struct http1_head *head, struct arena *a, struct slice *key)
{
	static const struct slice name = {"Idempotency-Key", sizeof("Idempotency-Key") - 1};
	struct slice value = http1_field_get(head, name);

	*key = SLICE_NONE;
	if (value.p == NULL)
		return GH_OK;
	if (http1_field_count(head, name) > 1)
		return GH_EINVAL;
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"') {
		if (unquote(slice_sub(value, 1, value.n - 2), a, &value) != GH_OK)
			return GH_EINVAL;
	} else if (!is_bare(value)) {
		return GH_EINVAL;
	}
	if (value.n == 0 || value.n > IDEM_KEY_MAX)
		return GH_EINVAL;
	*key = value;
	return GH_OK;
}

void
idem_fingerprint(const struct http1_head *head, struct slice body, struct arena *a, uint8_t out[32])
{
	struct buf b;

	buf_init(&b, a, head->path.n + body.n + 16);
	buf_add_cstr(&b, http_method_name(head->method));
	buf_add_char(&b, ' ');
	buf_add(&b, head->path);
	buf_add_char(&b, '\n');
	buf_add(&b, body);
	hash_sha256(buf_slice(&b), out);
}
