#include "message_facts.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"

#define MESSAGE_FACTS_MAX (8u << 20) /* a raw body is at most 4 MiB; escaping may grow it */

static void
message_facts_quoted(struct json_w *w, const struct provider_fact *f)
{
	if (f->quoted_id.p == NULL)
		return;
	json_w_open(w, "quoted", '{');
	json_w_str(w, "message_id", f->quoted_id);
	json_w_str(w, "content", f->quoted_text);
	json_w_close(w, '}');
}

static void
message_facts_file(struct json_w *w, const struct provider_fact *f)
{
	const struct provider_file *file = &f->file;

	if (!file->is_present)
		return;
	json_w_open(w, "file", '{');
	json_w_str(w, "mimetype", file->mime_type);
	json_w_str(w, "filename", file->name);
	if (file->size_bytes >= 0)
		json_w_i64(w, "size_bytes", file->size_bytes);
	json_w_str(w, "caption", f->text);
	if (file->duration_s >= 0)
		json_w_i64(w, "seconds", file->duration_s);
	json_w_close(w, '}');
}

struct slice
message_facts(struct arena *a, struct uuid id, const struct inbound_body *body,
	      const struct provider_fact *f, struct slice own_number)
{
	struct buf b;
	struct json_w w;

	buf_init(&b, a, MESSAGE_FACTS_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_uuid(&w, "id", id);
	json_w_str(&w, "message_id", f->external_id);
	json_w_str(&w, "from", f->from);
	json_w_str(&w, "to", f->to);
	json_w_str(&w, "chat", f->chat);
	json_w_str(&w, "lid", f->lid);
	json_w_str(&w, "push_name", f->push_name);
	json_w_bool(&w, "from_me", f->is_from_me);
	json_w_bool(&w, "is_group", f->is_group);
	json_w_str(&w, "participant", f->participant);
	json_w_str(&w, "participant_lid", f->is_group ? f->lid : SLICE_NONE);
	json_w_str(&w, "type", slice_of(msg_kind_name((int)f->message_kind)));
	json_w_str(&w, "content", f->text);
	message_facts_quoted(&w, f);
	message_facts_file(&w, f);
	json_w_i64(&w, "timestamp_ms", f->at_us / CLOCK_MS);
	json_w_str(&w, "instance_name", body->instance_name);
	json_w_str(&w, "session", body->session);
	json_w_str(&w, "own_number", own_number);
	json_w_str(&w, "provider", body->provider_type);
	json_w_raw(&w, "raw", f->raw);
	json_w_close(&w, '}');
	if (b.over)
		gh_panic("message_facts: over %u bytes", MESSAGE_FACTS_MAX);
	return buf_slice(&b);
}
