/* paging.c - lists in pages: limit, offset, and cursors that nobody can forge or
 * carry elsewhere (contracts/http-conventions.md section 5).
 *
 * A cursor is base64url of version (1), scope (8: hash of route, identity and
 * filters), key (the last id shown) and a MAC (16). It is bound to the scope, so
 * that one of another tenant, or used with other filters, is refused; it holds no
 * state, so that it works in every gateway and a day later.
 */
#include "private.h"

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "http/url.h"

#define CURSOR_VERSION 1
#define SCOPE_SIZE     8
#define MAC_SIZE       16
#define KEY_AT         (1 + SCOPE_SIZE)
#define CURSOR_MAX     (KEY_AT + GW_CURSOR_KEY_MAX + MAC_SIZE)

/* ---- the scope ---- */

static bool
is_paging(struct slice name)
{
	return slice_eq(name, S("limit")) || slice_eq(name, S("offset")) ||
	       slice_eq(name, S("cursor"));
}

/* A hash that does not depend on the order of the parameters: the sum of one per parameter. */
static void
scope_of(const struct gw_req *req, uint8_t out[SCOPE_SIZE])
{
	uint64_t sum = 0;
	uint8_t hash[HASH_SHA256_SIZE];
	const char *head =
		arena_printf(req->a, "%s\n%d\n%d\n%d\n%d", req->route->pattern, (int)req->who.kind,
			     req->who.admin_id, req->who.company_id, req->who.instance_id);

	hash_sha256(slice_of(head), hash);
	memcpy(out, hash, SCOPE_SIZE);
	for (unsigned i = 0; i < req->query->count; i++) {
		const struct query_param *p = &req->query->params[i];
		uint64_t part;

		if (is_paging(p->name))
			continue;
		hash_sha256(slice_of(arena_printf(req->a, "%zu=%.*s=%.*s", p->name.n,
						  S_FMT(p->name), S_FMT(p->value))),
			    hash);
		memcpy(&part, hash, sizeof(part));
		sum += part;
	}
	for (unsigned i = 0; i < SCOPE_SIZE; i++)
		out[i] ^= (uint8_t)(sum >> (8 * i));
}

/* ---- cursors ---- */

static void
cursor_mac(const struct gw_req *req, const uint8_t *data, size_t n, uint8_t out[MAC_SIZE])
{
	uint8_t mac[HASH_SHA256_SIZE];

	hash_hmac_sha256(req->gw->cursor_key, slice_make(data, n), mac);
	memcpy(out, mac, MAC_SIZE);
}

static const char *
cursor_write(const struct gw_req *req, const void *key, size_t key_n)
{
	uint8_t raw[CURSOR_MAX];
	char *text = arena_alloc(req->a, ENCODE_BASE64_SIZE(sizeof(raw)));

	raw[0] = CURSOR_VERSION;
	scope_of(req, raw + 1);
	memcpy(raw + KEY_AT, key, key_n);
	cursor_mac(req, raw, KEY_AT + key_n, raw + KEY_AT + key_n);
	return encode_base64url(slice_make(raw, KEY_AT + key_n + MAC_SIZE), text);
}

/* GH_EINVAL for anything but a cursor that this list wrote. */
static enum gh_code
cursor_read(const struct gw_req *req, struct slice text, size_t key_n, uint8_t *key)
{
	uint8_t raw[CURSOR_MAX], scope[SCOPE_SIZE], mac[MAC_SIZE];
	size_t n;

	if (encode_base64url_parse(text, ENCODE_PAD_REFUSED, raw, sizeof(raw), &n) != GH_OK ||
	    n != KEY_AT + key_n + MAC_SIZE || raw[0] != CURSOR_VERSION)
		return GH_EINVAL;
	cursor_mac(req, raw, KEY_AT + key_n, mac);
	scope_of(req, scope);
	if (!hash_equal(mac, raw + KEY_AT + key_n, MAC_SIZE) ||
	    !hash_equal(scope, raw + 1, SCOPE_SIZE))
		return GH_EINVAL;
	memcpy(key, raw + KEY_AT, key_n);
	return GH_OK;
}

/* ---- reading the query ---- */

/* An absent parameter leaves *out as it is. */
static void
read_count(struct gw_req *req, const char *name, unsigned min, unsigned max, unsigned *out)
{
	struct slice text = gw_query(req, name);
	uint64_t v;

	if (text.p == NULL)
		return;
	if (parse_u64(text, min, max, &v) == GH_OK)
		*out = (unsigned)v;
	else
		gw_field_error(req, name,
			       arena_printf(req->a, "must be an integer from %u to %u", min, max));
}

bool
gw_page_read(struct gw_req *req, size_t key_n, struct gw_page *page)
{
	struct slice cursor = gw_query(req, "cursor");

	if (key_n == 0 || key_n > GW_CURSOR_KEY_MAX)
		gh_panic("gateway: a cursor key of %zu bytes", key_n);
	*page = (struct gw_page){.limit = GW_LIMIT_DEFAULT, .key_n = key_n};
	read_count(req, "limit", 1, GW_LIMIT_MAX, &page->limit);
	read_count(req, "offset", 0, GW_OFFSET_MAX, &page->offset);
	if (cursor.p != NULL && page->offset > 0)
		gw_field_error(req, "offset", "cannot be combined with cursor");
	if (gw_refuse_fields(req))
		return false;
	if (cursor.p == NULL)
		return true;
	if (cursor_read(req, cursor, key_n, page->key) != GH_OK) {
		gw_error(req, GW_E_INVALID_CURSOR, NULL);
		return false;
	}
	page->has_cursor = true;
	return true;
}

int32_t
gw_page_id(const struct gw_page *page)
{
	uint32_t id;

	if (!page->has_cursor)
		return INT32_MAX;
	id = (uint32_t)page->key[0] << 24 | (uint32_t)page->key[1] << 16 |
	     (uint32_t)page->key[2] << 8 | page->key[3];
	return (int32_t)id;
}

struct uuid
gw_page_uuid(const struct gw_page *page)
{
	struct uuid id;

	memset(&id, 0xff, sizeof(id));
	if (page->has_cursor)
		memcpy(&id, page->key, sizeof(id));
	return id;
}

/* ---- the end of a list ---- */

/* The Link field: the same list with the same filters, from the cursor on. */
static struct slice
next_link(struct gw_req *req, const struct gw_page *page, const char *cursor)
{
	struct buf b;

	buf_init(&b, req->a, 16384);
	buf_add_printf(&b, "<?limit=%u", page->limit);
	for (unsigned i = 0; i < req->query->count; i++) {
		const struct query_param *p = &req->query->params[i];

		if (is_paging(p->name))
			continue;
		buf_add_char(&b, '&');
		url_add_encoded(&b, p->name);
		buf_add_char(&b, '=');
		url_add_encoded(&b, p->value);
	}
	buf_add_printf(&b, "&cursor=%s>; rel=\"next\"", cursor);
	return b.over ? SLICE_NONE : buf_slice(&b);
}

void
gw_send_list(struct gw_req *req, const struct gw_page *page, int64_t total, bool is_capped,
	     bool has_more, const void *last_key)
{
	const char *next = has_more ? cursor_write(req, last_key, page->key_n) : NULL;
	struct json_w *w = &req->w;

	if (total >= 0)
		json_w_i64(w, "total", total > GW_TOTAL_MAX ? GW_TOTAL_MAX : total);
	if (is_capped)
		json_w_bool(w, "total_capped", true);
	json_w_str(w, "next_cursor", slice_of(next));
	json_w_bool(w, "has_more", has_more);
	if (next != NULL)
		gw_header(req, S("Link"), next_link(req, page, next));
	gw_send(req, 200);
}

void
gw_send_id_list(struct gw_req *req, const struct gw_page *page, int64_t total, bool has_more,
		int32_t last_id)
{
	uint32_t id = (uint32_t)last_id;
	const uint8_t key[GW_ID_KEY_SIZE] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16),
					     (uint8_t)(id >> 8), (uint8_t)id};

	gw_send_list(req, page, total, total > GW_TOTAL_MAX, has_more, key);
}
