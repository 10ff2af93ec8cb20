/* paging.c - lists in pages: limit, offset, and cursors that nobody can forge or
 * carry elsewhere (contracts/http-conventions.md section 5).
 *
 * A cursor is base64url of version (1), direction (1), scope (8: hash of route,
 * identity and filters), key (the last id shown, or backward the first) and a MAC
 * (16). It is bound to the scope, so that one of another tenant, or used with other
 * filters, is refused; it holds no state, so that it works in every gateway and a
 * day later.
 */
#include "private.h"

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "http/url.h"

#define CURSOR_VERSION 2
#define SCOPE_SIZE     8
#define MAC_SIZE       16
#define SCOPE_AT       2
#define LINK_MAX       16384
#define KEY_AT         (SCOPE_AT + SCOPE_SIZE)
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

enum cursor_way { CURSOR_NEXT = 'n', CURSOR_PREV = 'p' };

static void
cursor_mac(const struct gw_req *req, const uint8_t *data, size_t n, uint8_t out[MAC_SIZE])
{
	uint8_t mac[HASH_SHA256_SIZE];

	hash_hmac_sha256(req->gw->cursor_key, slice_make(data, n), mac);
	memcpy(out, mac, MAC_SIZE);
}

static const char *
cursor_write(const struct gw_req *req, enum cursor_way way, const void *key, size_t key_n)
{
	uint8_t raw[CURSOR_MAX];
	char *text = arena_alloc(req->a, ENCODE_BASE64_SIZE(sizeof(raw)));

	raw[0] = CURSOR_VERSION;
	raw[1] = (uint8_t)way;
	scope_of(req, raw + SCOPE_AT);
	memcpy(raw + KEY_AT, key, key_n);
	cursor_mac(req, raw, KEY_AT + key_n, raw + KEY_AT + key_n);
	return encode_base64url(slice_make(raw, KEY_AT + key_n + MAC_SIZE), text);
}

/* GH_EINVAL for anything but a cursor that this list wrote. */
static enum gh_code
cursor_read(const struct gw_req *req, struct slice text, size_t key_n, struct gw_page *page)
{
	uint8_t raw[CURSOR_MAX], scope[SCOPE_SIZE], mac[MAC_SIZE];
	size_t n;

	if (encode_base64url_parse(text, ENCODE_PAD_REFUSED, raw, sizeof(raw), &n) != GH_OK ||
	    n != KEY_AT + key_n + MAC_SIZE || raw[0] != CURSOR_VERSION)
		return GH_EINVAL;
	cursor_mac(req, raw, KEY_AT + key_n, mac);
	scope_of(req, scope);
	if (!hash_equal(mac, raw + KEY_AT + key_n, MAC_SIZE) ||
	    !hash_equal(scope, raw + SCOPE_AT, SCOPE_SIZE))
		return GH_EINVAL;
	page->is_back = raw[1] == CURSOR_PREV;
	memcpy(page->key, raw + KEY_AT, key_n);
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
	if (cursor_read(req, cursor, key_n, page) != GH_OK) {
		gw_error(req, GW_E_INVALID_CURSOR, NULL);
		return false;
	}
	page->has_cursor = true;
	return true;
}

struct id_page
gw_page_ids(const struct gw_page *page)
{
	struct id_page ids = {
		.key = INT32_MAX,
		.is_back = page->is_back,
		.limit = page->limit + 1,
		.offset = page->offset,
	};

	if (page->has_cursor)
		ids.key = (int32_t)((uint32_t)page->key[0] << 24 | (uint32_t)page->key[1] << 16 |
				    (uint32_t)page->key[2] << 8 | page->key[3]);
	return ids;
}

void
gw_page_uuids(const struct gw_page *page, struct uuid *from, struct uuid *before)
{
	memset(from, 0, sizeof(*from));
	memset(before, 0xff, sizeof(*before));
	if (!page->has_cursor)
		return;
	if (!page->is_back) {
		memcpy(before, page->key, sizeof(*before));
		return;
	}
	memcpy(from, page->key, sizeof(*from));
	for (unsigned i = sizeof(from->b); i-- > 0 && ++from->b[i] == 0;)
		; /* the id behind the key: carries go on */
}

/* ---- the end of a list ---- */

struct gw_shown
gw_page_shown(const struct gw_page *page, unsigned found)
{
	bool is_over = found > page->limit; /* the row beyond the page, on its far side */

	return (struct gw_shown){
		.first = page->is_back && is_over ? 1 : 0,
		.count = is_over ? page->limit : found,
		/* A page reached by a cursor has, on its near side, the row that was left. */
		.has_more = found > 0 && (page->is_back || is_over),
		.has_less = found > 0 &&
			    (page->is_back ? is_over : page->has_cursor || page->offset > 0),
	};
}

void
gw_page_cut(const struct gw_page *page, bool is_cut, const void *end, struct gw_shown *shown,
	    void *first_key, void *last_key)
{
	if (!is_cut || (page->is_back ? shown->has_less : shown->has_more))
		return; /* a row beyond the page is known */
	if (page->is_back) {
		shown->has_less = true;
		memcpy(first_key, end, page->key_n);
	} else {
		shown->has_more = true;
		memcpy(last_key, end, page->key_n);
	}
}

/* One link of the Link field: the same list with the same filters, from the cursor on. */
static void
add_link(struct buf *b, const struct gw_req *req, const struct gw_page *page, const char *cursor,
	 const char *rel)
{
	buf_add_printf(b, "%s<?limit=%u", b->n > 0 ? ", " : "", page->limit);
	for (unsigned i = 0; i < req->query->count; i++) {
		const struct query_param *p = &req->query->params[i];

		if (is_paging(p->name))
			continue;
		buf_add_char(b, '&');
		url_add_encoded(b, p->name);
		buf_add_char(b, '=');
		url_add_encoded(b, p->value);
	}
	buf_add_printf(b, "&cursor=%s>; rel=\"%s\"", cursor, rel);
}

static void
link_header(struct gw_req *req, const struct gw_page *page, const char *next, const char *prev)
{
	struct buf b;

	if (next == NULL && prev == NULL)
		return;
	buf_init(&b, req->a, LINK_MAX);
	if (next != NULL)
		add_link(&b, req, page, next, "next");
	if (prev != NULL)
		add_link(&b, req, page, prev, "prev");
	if (!b.over)
		gw_header(req, S("Link"), buf_slice(&b));
}

static void
write_total(struct json_w *w, int64_t total, bool is_capped)
{
	if (total >= 0)
		json_w_i64(w, "total", total > GW_TOTAL_MAX ? GW_TOTAL_MAX : total);
	if (is_capped)
		json_w_bool(w, "total_capped", true);
}

void
gw_send_page(struct gw_req *req, const struct gw_page *page, int64_t total, bool is_capped,
	     const struct gw_shown *shown, const void *first_key, const void *last_key)
{
	struct json_w *w = &req->w;
	const char *next = NULL, *prev = NULL;

	if (shown->has_more)
		next = cursor_write(req, CURSOR_NEXT, last_key, page->key_n);
	if (shown->has_less)
		prev = cursor_write(req, CURSOR_PREV, first_key, page->key_n);
	write_total(w, total, is_capped);
	json_w_str(w, "next_cursor", slice_of(next));
	json_w_str(w, "prev_cursor", slice_of(prev));
	json_w_bool(w, "has_more", shown->has_more);
	link_header(req, page, next, prev);
	gw_send(req, 200);
}

static void
id_key(int32_t id, uint8_t key[GW_ID_KEY_SIZE])
{
	for (unsigned i = 0; i < GW_ID_KEY_SIZE; i++)
		key[i] = (uint8_t)((uint32_t)id >> (8 * (GW_ID_KEY_SIZE - 1 - i)));
}

void
gw_send_id_page(struct gw_req *req, const struct gw_page *page, int64_t total,
		const struct gw_shown *shown, int32_t first_id, int32_t last_id)
{
	uint8_t first[GW_ID_KEY_SIZE], last[GW_ID_KEY_SIZE];

	id_key(first_id, first);
	id_key(last_id, last);
	gw_send_page(req, page, total, total > GW_TOTAL_MAX, shown, first, last);
}

void
gw_send_id_list(struct gw_req *req, const struct gw_page *page, const char *message,
		const struct db_unit *u, unsigned found, int64_t total, gw_id_row_fn *write)
{
	const struct gw_shown shown = gw_page_shown(page, found);
	struct json_w *w = gw_begin(req, message);
	int32_t first_id = 0, last_id = 0;

	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < shown.count; i++) {
		last_id = write(req, u, shown.first + i, w);
		if (i == 0)
			first_id = last_id;
	}
	json_w_close(w, ']');
	gw_send_id_page(req, page, total, &shown, first_id, last_id);
}
