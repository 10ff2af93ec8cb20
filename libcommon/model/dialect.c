#include "model/dialect.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "model/message.h"

static const struct {
	const char *message_type, *type, *media_type;
} kinds[MSG_KIND_COUNT] = {
	[MSG_TEXT] = {"ExtendedTextMessage", "text", ""},
	[MSG_IMAGE] = {"ImageMessage", "media", "image"},
	[MSG_VIDEO] = {"VideoMessage", "media", "video"},
	[MSG_AUDIO] = {"AudioMessage", "media", "audio"},
	[MSG_DOCUMENT] = {"DocumentMessage", "media", "document"},
	[MSG_LOCATION] = {"LocationMessage", "media", "location"},
	[MSG_CONTACT] = {"ContactMessage", "media", "vcard"},
	[MSG_STICKER] = {"StickerMessage", "media", "sticker"},
	[MSG_REACTION] = {"ReactionMessage", "reaction", ""},
	[MSG_UNSUPPORTED] = {"UnsupportedMessage", "text", ""},
};

static const char hex[] = "0123456789abcdef";

static int
kind_known(int kind)
{
	return kind >= 0 && kind < MSG_KIND_COUNT ? kind : MSG_UNSUPPORTED;
}

const char *
dialect_message_type(int kind)
{
	return kinds[kind_known(kind)].message_type;
}

const char *
dialect_type(int kind)
{
	return kinds[kind_known(kind)].type;
}

const char *
dialect_media_type(int kind, bool is_voice)
{
	return kind == MSG_AUDIO && is_voice ? "ptt" : kinds[kind_known(kind)].media_type;
}

struct slice
dialect_jid(struct slice key, struct arena *a)
{
	struct slice host, user = slice_cut(key, '@', &host);

	if (key.p == NULL)
		return S("");
	if (!slice_eq(host, S("c.us")))
		return key;
	return slice_of(arena_printf(a, "%.*s@s.whatsapp.net", S_FMT(user)));
}

struct slice
dialect_owner(struct slice number, struct arena *a)
{
	struct buf b;

	buf_init(&b, a, number.n + 1);
	for (size_t i = 0; i < number.n && number.p[i] != '@'; i++)
		if (number.p[i] >= '0' && number.p[i] <= '9')
			buf_add_char(&b, number.p[i]);
	return b.n > 0 ? buf_slice(&b) : S("");
}

struct slice
dialect_full_id(struct slice owner, struct slice bare, struct arena *a)
{
	return slice_of(arena_printf(a, "%.*s:%.*s", S_FMT(owner), S_FMT(bare)));
}

struct slice
dialect_bare_id(struct slice id)
{
	struct slice bare, owner = slice_cut(id, ':', &bare);

	if (bare.n == 0 || owner.n == 0)
		return id;
	for (size_t i = 0; i < owner.n; i++)
		if (owner.p[i] < '0' || owner.p[i] > '9')
			return id;
	return bare;
}

struct slice
dialect_time(int64_t wall_us, struct arena *a)
{
	char *text;

	if (wall_us == 0)
		return S("");
	text = arena_alloc(a, CLOCK_RFC3339_SIZE);
	(void)clock_rfc3339(wall_us, text);
	*strchr(text, 'T') = ' ';
	return slice_of(text);
}

const char *
dialect_instance_id(int32_t id, char dst[DIALECT_ID_SIZE])
{
	uint32_t rest = (uint32_t)id;

	dst[0] = 'r';
	for (int i = DIALECT_ID_SIZE - 2; i > 0; i--, rest >>= 4)
		dst[i] = hex[rest & 15];
	dst[DIALECT_ID_SIZE - 1] = '\0';
	return dst;
}

enum gh_code
dialect_instance_id_parse(struct slice text, int32_t *id)
{
	uint64_t v = 0;

	if (text.n != DIALECT_ID_SIZE - 1 || text.p[0] != 'r') {
		if (parse_u64(text, 1, INT32_MAX, &v) != GH_OK)
			return GH_EINVAL;
		*id = (int32_t)v;
		return GH_OK;
	}
	for (size_t i = 1; i < text.n; i++) {
		const char *at = memchr(hex, text.p[i], sizeof(hex) - 1);

		if (at == NULL)
			return GH_EINVAL;
		v = v << 4 | (uint64_t)(at - hex);
	}
	if (v == 0 || v > INT32_MAX)
		return GH_EINVAL;
	*id = (int32_t)v;
	return GH_OK;
}
