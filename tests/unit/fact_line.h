/* fact_line.h - a fact as one line of text, for tables of expected ones. */
#ifndef GH_TEST_FACT_LINE_H
#define GH_TEST_FACT_LINE_H

#include <inttypes.h>

#include "base/buf.h"
#include "provider/provider.h"

static inline void
fact_line_add_text(struct buf *b, const char *key, struct slice value)
{
	if (value.p == NULL)
		return;
	buf_add_printf(b, " %s=%.*s", key, S_FMT(value));
}

/* What one kind of fact only has. */
static inline void
fact_line_add_rest(struct buf *b, const struct provider_fact *f)
{
	if (f->place.is_present)
		buf_add_printf(b, " place=%g,%g", f->place.latitude, f->place.longitude);
	fact_line_add_text(b, "place-name", f->place.name);
	fact_line_add_text(b, "place-address", f->place.address);
	for (size_t i = 0; i < f->vcard_count; i++)
		buf_add_printf(b, " vcard=%zu", f->vcards[i].n);
	fact_line_add_text(b, "description", f->description);
	fact_line_add_text(b, "invite", f->invite);
	for (size_t i = 0; i < f->member_count; i++)
		buf_add_printf(b, " member=%.*s,%.*s,%.*s", S_FMT(f->members[i].id),
			       S_FMT(f->members[i].phone), S_FMT(f->members[i].role));
	if (f->is_self)
		buf_add_cstr(b, " self");
	if (f->is_video)
		buf_add_cstr(b, " video");
	if (f->last_seen_us != 0)
		buf_add_printf(b, " seen=%" PRId64, f->last_seen_us);
}

static inline void
fact_line_add(struct buf *b, const struct provider_fact *f)
{
	buf_add_cstr(b, provider_fact_name(f->kind));
	fact_line_add_text(b, "id", f->external_id);
	fact_line_add_text(b, "target", f->target_id);
	fact_line_add_text(b, "chat", f->chat);
	fact_line_add_text(b, "part", f->participant);
	fact_line_add_text(b, "lid", f->lid);
	fact_line_add_text(b, "phone", f->phone);
	fact_line_add_text(b, "name", f->push_name);
	if (f->is_from_me)
		buf_add_cstr(b, f->is_from_api ? " own-api" : " own-app");
	fact_line_add_text(b, "ref", f->send_ref);
	if (f->is_group)
		buf_add_cstr(b, " group");
	if (f->kind == PROVIDER_FACT_MESSAGE)
		buf_add_printf(b, " type=%s", msg_kind_name((int)f->message_kind));
	fact_line_add_text(b, "text", f->text);
	fact_line_add_text(b, "choice", f->choice_id);
	fact_line_add_text(b, "quoted", f->quoted_id);
	if (f->file.is_present)
		buf_add_cstr(b, " file");
	fact_line_add_text(b, "file-name", f->file.name);
	fact_line_add_text(b, "mime", f->file.mime_type);
	if (f->file.size_bytes >= 0)
		buf_add_printf(b, " size=%" PRId64, f->file.size_bytes);
	if (f->file.duration_s >= 0)
		buf_add_printf(b, " secs=%" PRId64, f->file.duration_s);
	if (f->has_status)
		buf_add_printf(b, " status=%s", msg_status_name((int)f->status));
	if (f->kind == PROVIDER_FACT_SESSION)
		buf_add_printf(b, " state=%s", provider_session_name(f->session));
	fact_line_add_text(b, "word", f->word);
	fact_line_add_rest(b, f);
	buf_add_printf(b, " at=%" PRId64, f->at_us);
}

#endif
