#include "inbound_facts.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"

/* Of the facts: each text of a body comes at most three times (content, caption, raw), and
 * escapes may write one byte as six. */
#define GROWTH_MAX 24
#define FRAME_MAX  65536

struct writer {
	struct json_w w;
	struct arena *a;
	const struct provider_fact *f;
};

struct slice
inbound_known_as(struct arena *a, const struct provider_fact *f, struct slice key)
{
	if (f->phone.n == 0 || key.n == 0 || !slice_eq(key, f->lid))
		return key;
	return slice_of(arena_printf(a, "%.*s@c.us", S_FMT(f->phone)));
}

static void
write_person(struct writer *x, const char *name, struct slice key)
{
	json_w_str(&x->w, name, inbound_known_as(x->a, x->f, key));
}

/* Who and where, of anything about a message. */
static void
write_frame(struct writer *x, struct uuid id, struct slice external_id)
{
	const struct provider_fact *f = x->f;

	json_w_uuid(&x->w, "id", id);
	json_w_str(&x->w, "message_id", external_id);
	write_person(x, "from", f->from);
	write_person(x, "to", f->to);
	write_person(x, "chat", f->chat);
	json_w_str(&x->w, "phone", f->phone);
	json_w_str(&x->w, "lid", f->lid);
	json_w_str(&x->w, "push_name", f->push_name);
	json_w_bool(&x->w, "from_me", f->is_from_me);
	json_w_bool(&x->w, "is_group", f->is_group);
	write_person(x, "participant", f->participant);
	json_w_str(&x->w, "participant_lid", f->is_group ? f->lid : SLICE_NONE);
}

static void
write_quoted(struct writer *x)
{
	if (x->f->quoted_id.p == NULL)
		return;
	json_w_open(&x->w, "quoted", '{');
	json_w_str(&x->w, "message_id", x->f->quoted_id);
	json_w_str(&x->w, "content", x->f->quoted_text);
	json_w_close(&x->w, '}');
}

static void
write_file(struct writer *x)
{
	const struct provider_file *file = &x->f->file;

	if (!file->is_present)
		return;
	json_w_open(&x->w, "file", '{');
	json_w_str(&x->w, "mimetype", file->mime_type);
	json_w_str(&x->w, "filename", file->name);
	if (file->size_bytes >= 0)
		json_w_i64(&x->w, "size_bytes", file->size_bytes);
	json_w_str(&x->w, "caption", x->f->text);
	if (file->duration_s >= 0)
		json_w_i64(&x->w, "seconds", file->duration_s);
	json_w_str(&x->w, "url", file->url);
	if (file->error.n > 0)
		json_w_str(&x->w, "error", file->error);
	json_w_close(&x->w, '}');
}

static void
write_place(struct writer *x)
{
	const struct provider_place *place = &x->f->place;

	if (x->f->message_kind != MSG_LOCATION || !place->is_present)
		return;
	json_w_open(&x->w, "location", '{');
	json_w_double(&x->w, "latitude", place->latitude);
	json_w_double(&x->w, "longitude", place->longitude);
	json_w_str(&x->w, "name", place->name);
	json_w_str(&x->w, "address", place->address);
	json_w_close(&x->w, '}');
}

static void
write_cards(struct writer *x)
{
	if (x->f->message_kind != MSG_CONTACT || x->f->vcard_count == 0)
		return;
	json_w_open(&x->w, "vcards", '[');
	for (size_t i = 0; i < x->f->vcard_count; i++)
		json_w_str(&x->w, NULL, x->f->vcards[i]);
	json_w_close(&x->w, ']');
}

static void
write_content(struct writer *x)
{
	json_w_str(&x->w, "type", slice_of(msg_kind_name((int)x->f->message_kind)));
	json_w_str(&x->w, "content", x->f->text);
	if (x->f->choice_id.n > 0)
		json_w_str(&x->w, "choice_id", x->f->choice_id);
	write_quoted(x);
	write_file(x);
	write_place(x);
	write_cards(x);
}

/* ---- one writer per kind ---- */

/* Who made it: a bot that answers what is not "contact" answers itself. */
static struct slice
origin_word(const struct provider_fact *f)
{
	if (!f->is_from_me)
		return S("contact");
	return f->is_from_api ? S("api") : S("phone");
}

static void
write_message(struct writer *x, struct uuid id)
{
	write_frame(x, id, x->f->external_id);
	json_w_str(&x->w, "origin", origin_word(x->f));
	write_content(x);
}

static void
write_reaction(struct writer *x, struct uuid id)
{
	write_frame(x, id, x->f->target_id);
	json_w_str(&x->w, "reaction_id", x->f->external_id);
	json_w_str(&x->w, "type", slice_of(msg_kind_name(MSG_REACTION)));
	json_w_str(&x->w, "content", x->f->text);
	json_w_bool(&x->w, "is_removed", x->f->text.n == 0);
}

static void
write_edited(struct writer *x, struct uuid id)
{
	write_frame(x, id, x->f->target_id);
	json_w_str(&x->w, "edit_id", x->f->external_id);
	write_content(x);
}

static void
write_revoked(struct writer *x, struct uuid id)
{
	write_frame(x, id, x->f->target_id);
	json_w_str(&x->w, "revoke_id", x->f->external_id);
}

static void
write_poll(struct writer *x, struct uuid id)
{
	write_frame(x, id, x->f->target_id);
	json_w_str(&x->w, "vote_id", x->f->external_id);
	json_w_str(&x->w, "status", x->f->word);
	json_w_raw(&x->w, "selected_options", x->f->text);
}

static void
write_group(struct writer *x, struct uuid id GH_UNUSED)
{
	const struct provider_fact *f = x->f;

	json_w_str(&x->w, "group_id", f->chat);
	json_w_str(&x->w, "action", f->word);
	json_w_str(&x->w, "subject", f->text);
	json_w_str(&x->w, "description", f->description);
	json_w_str(&x->w, "invite", f->invite);
	json_w_open(&x->w, "participants", '[');
	for (size_t i = 0; i < f->member_count; i++) {
		json_w_open(&x->w, NULL, '{');
		json_w_str(&x->w, "id", f->members[i].id);
		json_w_str(&x->w, "phone", f->members[i].phone);
		json_w_str(&x->w, "role", f->members[i].role);
		json_w_close(&x->w, '}');
	}
	json_w_close(&x->w, ']');
}

static void
write_presence(struct writer *x, struct uuid id GH_UNUSED)
{
	json_w_str(&x->w, "chat", x->f->chat);
	json_w_str(&x->w, "participant", x->f->participant);
	json_w_str(&x->w, "presence", x->f->word);
	json_w_bool(&x->w, "is_group", x->f->is_group);
	if (x->f->last_seen_us != 0)
		json_w_i64(&x->w, "last_seen_ms", x->f->last_seen_us / CLOCK_MS);
}

static void
write_call(struct writer *x, struct uuid id GH_UNUSED)
{
	json_w_str(&x->w, "call_id", x->f->external_id);
	json_w_str(&x->w, "from", x->f->from);
	json_w_str(&x->w, "status", x->f->word);
	json_w_bool(&x->w, "is_video", x->f->is_video);
	json_w_bool(&x->w, "is_group", x->f->is_group);
}

static void (*const writers[])(struct writer *x, struct uuid id) = {
	[PROVIDER_FACT_MESSAGE] = write_message,   [PROVIDER_FACT_REACTION] = write_reaction,
	[PROVIDER_FACT_EDITED] = write_edited,     [PROVIDER_FACT_REVOKED] = write_revoked,
	[PROVIDER_FACT_GROUP] = write_group,       [PROVIDER_FACT_CALL] = write_call,
	[PROVIDER_FACT_PRESENCE] = write_presence, [PROVIDER_FACT_POLL] = write_poll,
};

struct slice
inbound_facts(struct arena *a, struct uuid id, const struct inbound_body *body,
	      const struct provider_fact *f, struct slice own_number)
{
	struct writer x = {.a = a, .f = f};
	struct buf b;

	buf_init(&b, a, body->body.n * GROWTH_MAX + FRAME_MAX);
	json_w_init(&x.w, &b);
	json_w_open(&x.w, NULL, '{');
	writers[f->kind](&x, id);
	json_w_i64(&x.w, "timestamp_ms", f->at_us / CLOCK_MS);
	json_w_str(&x.w, "instance_name", body->instance_name);
	json_w_str(&x.w, "session", body->session);
	json_w_str(&x.w, "own_number", own_number);
	json_w_str(&x.w, "provider", body->provider_type);
	json_w_raw(&x.w, "raw", f->raw);
	json_w_close(&x.w, '}');
	if (b.over)
		gh_panic("inbound_facts: over %zu bytes", b.max);
	return buf_slice(&b);
}
