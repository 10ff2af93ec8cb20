/* uazapi_message.c - messages said in an instance, and the forms they are told in: the answer of a
 * send (5.1), what find returns (6), the event (10.2). The newest KEEP are found again.
 */
#include "uazapi.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"

#define KEEP     ((size_t)65536)
#define BODY_MAX (SIM_BODY_MAX * 2)

struct uz_store {
	struct uz_message **ring;
	uint64_t count;
	struct map *by_id;    /* "<instance> <id>" */
	struct map *by_track; /* "<instance> <track_id>" -> newest */
	struct buf key;
};

struct uz_store *
uz_store_new(void)
{
	struct uz_store *s = gh_alloc(sizeof(*s));

	s->ring = gh_alloc_array(KEEP, sizeof(struct uz_message *));
	s->by_id = map_new();
	s->by_track = map_new();
	buf_init(&s->key, NULL, SIM_BODY_MAX * 2);
	return s;
}

void
uz_store_clear(struct uz_store *s)
{
	for (size_t i = 0; i < KEEP; i++) {
		gh_free(s->ring[i]);
		s->ring[i] = NULL;
	}
	map_free(s->by_id);
	map_free(s->by_track);
	s->by_id = map_new();
	s->by_track = map_new();
	s->count = 0;
}

static struct slice
key_of(struct uz_store *s, const char *instance, struct slice word)
{
	buf_reset(&s->key);
	buf_add_cstr(&s->key, instance);
	buf_add_char(&s->key, ' ');
	buf_add(&s->key, word);
	return buf_slice(&s->key);
}

static void
forget(struct uz_store *s, struct uz_message *m)
{
	struct slice key = key_of(s, m->instance, m->id);

	if (map_get(s->by_id, key) == m)
		map_del(s->by_id, key);
	if (m->newer != NULL)
		m->newer->older = m->older;
	if (m->older != NULL)
		m->older->newer = m->newer;
	key = key_of(s, m->instance, m->track_id);
	if (m->track_id.n > 0 && map_get(s->by_track, key) == m)
		map_del(s->by_track, key);
	gh_free(m);
}

#define TEXTS 17
static void
texts_of(struct uz_message *m, struct slice *at[TEXTS])
{
	struct slice *all[TEXTS] = {
		&m->id,           &m->chat,       &m->person,  &m->text,      &m->type,
		&m->message_type, &m->media_type, &m->content, &m->quoted,    &m->edited,
		&m->reaction,     &m->vote,       &m->convert, &m->button_id, &m->track_id,
		&m->track_source, &m->sender_name};

	memcpy(at, all, sizeof(all));
}

struct uz_message *
uz_store_add(struct uz_store *s, const struct uz_message *m)
{
	struct uz_message from = *m, *copy;
	struct slice *src[TEXTS], *dst[TEXTS];
	size_t n = 0;
	char *at;

	texts_of(&from, src);
	for (size_t i = 0; i < TEXTS; i++)
		n += src[i]->n;
	copy = gh_alloc(sizeof(*copy) + n);
	*copy = *m;
	texts_of(copy, dst);
	at = (char *)(copy + 1);
	for (size_t i = 0; i < TEXTS; i++) {
		if (src[i]->n > 0)
			memcpy(at, src[i]->p, src[i]->n);
		*dst[i] = slice_make(at, src[i]->n);
		at += src[i]->n;
	}
	if (s->ring[s->count % KEEP] != NULL)
		forget(s, s->ring[s->count % KEEP]);
	s->ring[s->count++ % KEEP] = copy;
	map_put(s->by_id, key_of(s, copy->instance, copy->id), copy);
	copy->older = copy->newer = NULL;
	if (copy->track_id.n > 0) {
		copy->older = map_put(s->by_track, key_of(s, copy->instance, copy->track_id), copy);
		if (copy->older != NULL)
			copy->older->newer = copy;
	}
	return copy;
}

struct uz_message *
uz_store_find(struct uz_store *s, const struct uz_instance *i, struct slice id)
{
	struct slice bare;
	struct slice owner = slice_cut(id, ':', &bare);

	if (bare.p != NULL && !slice_eq(owner, slice_of(i->owner)))
		return NULL;
	return map_get(s->by_id, key_of(s, i->id, bare.p != NULL ? bare : id));
}

struct uz_message *
uz_store_track(struct uz_store *s, const struct uz_instance *i, struct slice track_id)
{
	return map_get(s->by_track, key_of(s, i->id, track_id));
}

struct uz_message *
uz_store_nth(const struct uz_store *s, uint64_t at)
{
	return at < s->count && at < KEEP ? s->ring[(s->count - 1 - at) % KEEP] : NULL;
}

const char *
uz_msg_status_name(enum uz_msg_status s)
{
	static const char *const names[] = {
		[UZ_MSG_NONE] = "",
		[UZ_MSG_QUEUED] = "Queued",
		[UZ_MSG_PENDING] = "Pending",
		[UZ_MSG_SENT] = "Sent",
		[UZ_MSG_DELIVERED] = "Delivered",
		[UZ_MSG_READ] = "Read",
		[UZ_MSG_FAILED] = "Failed",
		[UZ_MSG_CANCELED] = "Canceled",
		[UZ_MSG_DELETED] = "Deleted",
	};

	return names[s];
}

/* ---- forms ---- */

/* Absent text fields are "", not null (10.2). */
static void
text_write(const char *name, struct slice s, struct json_w *w)
{
	json_w_str(w, name, s.n > 0 ? s : S(""));
}

/* Who wrote: LID or phone form in sender, both in fields of their own on a new build (10.2). */
static void
sender_write(const struct uz_instance *i, const struct uz_message *m, enum uz_form form,
	     struct json_w *w)
{
	struct arena *a = arena_new(0);
	struct slice own = slice_of(arena_printf(a, "%s@s.whatsapp.net", i->owner));
	struct slice person = m->from_me ? own : m->person, lid = uz_lid_of(person, a);
	bool is_pn = form == UZ_FORM_ANSWER || i->u->opt.sender_is_pn || i->u->opt.is_old_build;

	text_write("sender", is_pn ? person : lid, w);
	if (form != UZ_FORM_ANSWER && !i->u->opt.is_old_build) {
		text_write("sender_pn", person, w);
		text_write("sender_lid", lid, w);
		text_write("chatlid", uz_lid_of(m->chat, a), w);
	}
	text_write("senderName", m->from_me ? slice_of(i->profile_name) : m->sender_name, w);
	arena_free(a);
}

static void
ids_write(const struct uz_instance *i, const struct uz_message *m, struct json_w *w)
{
	char text[UZ_JID_SIZE];

	(void)snprintf(text, sizeof(text), "%s:%.*s", i->owner, S_FMT(m->id));
	json_w_str(w, "id", slice_of(text));
	json_w_str(w, "messageid", m->id);
	json_w_str(w, "chatid", m->chat);
	json_w_str(w, "owner", slice_of(i->owner));
	json_w_bool(w, "fromMe", m->from_me);
	json_w_bool(w, "isGroup", uz_is_group(m->chat));
	text_write("messageType", m->message_type, w);
	json_w_i64(w, "messageTimestamp", m->at_ms);
}

static void
rest_write(const struct uz_message *m, enum uz_form form, const struct uz_instance *i,
	   struct json_w *w)
{
	if (form == UZ_FORM_ANSWER) {
		json_w_bool(w, "readChatAttempted", false);
		return;
	}
	if (form != UZ_FORM_HISTORY) {
		text_write("type", m->type, w);
		text_write("mediaType", m->media_type, w);
		json_w_str(w, "groupName", uz_is_group(m->chat) ? S("Sim group") : S("Unknown"));
	}
	text_write("vote", m->vote, w);
	text_write("buttonOrListid", m->button_id, w);
	if (!i->u->opt.is_old_build)
		json_w_bool(w, "pinned", false);
	json_w_bool(w, "wasSentByApi", m->by_api);
}

void
uz_message_write(const struct uz_instance *i, const struct uz_message *m, enum uz_form form,
		 struct json_w *w)
{
	ids_write(i, m, w);
	text_write("status",
		   form == UZ_FORM_EVENT ? S("") : slice_of(uz_msg_status_name(m->status)), w);
	text_write("text", m->text, w);
	json_w_raw(w, "content", m->content);
	sender_write(i, m, form, w);
	json_w_str(w, "source", m->by_api ? S("web") : S("android"));
	text_write("quoted", m->quoted, w);
	text_write("reaction", m->reaction, w);
	text_write("edited", m->edited, w);
	text_write("convertOptions", m->convert, w);
	text_write("track_source", m->track_source, w);
	text_write("track_id", m->track_id, w);
	rest_write(m, form, i, w);
}

unsigned
uz_message_post(struct uz_instance *i, const struct uz_message *m)
{
	char type[64];
	const struct uz_traits traits = {
		.is_message = true,
		.from_me = m->from_me,
		.by_api = m->by_api,
		.is_group = uz_is_group(m->chat),
		.type = slice_to_cstr(m->type, type, sizeof(type)) == GH_OK ? type : NULL,
	};
	enum uz_event event =
		slice_ends(m->chat, S("@newsletter")) ? UZ_EV_NEWSLETTER_MESSAGES : UZ_EV_MESSAGES;
	struct json_w w;
	struct buf b;
	unsigned count;

	buf_init(&b, NULL, BODY_MAX);
	json_w_init(&w, &b);
	uz_body_open(i, event, &w);
	json_w_str(&w, "chatSource", S("updated"));
	json_w_open(&w, "chat", '{');
	uz_chat_write_brief(i, m->chat, &w);
	json_w_close(&w, '}');
	json_w_open(&w, "message", '{');
	uz_message_write(i, m, UZ_FORM_EVENT, &w);
	json_w_close(&w, '}');
	count = uz_body_post(i, event, &traits, &w);
	buf_free(&b);
	return count;
}
