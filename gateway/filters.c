/* filters.c - what lists of messages and of their events are filtered by. */
#include "filters.h"

#include "gateway.h"

#include "base/clock.h"
#include "provider/provider.h"

#define REFERENCE_MAX 255 /* characters */

int32_t
filters_id(struct gw_req *req, const char *name)
{
	struct slice text = gw_query(req, name);
	uint64_t v = 0;

	if (text.p != NULL && parse_u64(text, 1, INT32_MAX, &v) != GH_OK)
		gw_field_error(req, name, "must be a positive integer");
	return (int32_t)v;
}

static void
filter_words(struct gw_req *req, struct message_filter *f)
{
	struct slice status = gw_query(req, "status"), direction = gw_query(req, "direction");
	enum msg_status v;

	f->status = f->direction = -1;
	if (status.p != NULL && msg_status_parse(status, &v) != GH_OK)
		gw_field_error(req, "status", "is no status of messages");
	else if (status.p != NULL)
		f->status = (int)v;
	for (int d = MSG_OUT; d <= MSG_IN; d++)
		if (slice_eq(direction, slice_of(msg_direction_name(d))))
			f->direction = d;
	if (direction.p != NULL && f->direction < 0)
		gw_field_error(req, "direction", "must be outbound or inbound");
}

static void
filter_texts(struct gw_req *req, struct message_filter *f)
{
	struct slice phone = gw_query(req, "phone");
	struct provider_chat chat;

	f->reference = gw_query(req, "reference");
	if (f->reference.n > REFERENCE_MAX * 4)
		gw_field_error(req, "reference", "longer than 255 characters");
	if (phone.p == NULL)
		return;
	if (provider_chat_parse(phone, req->a, &chat) == GH_OK)
		f->chat_key = chat.key;
	else
		gw_field_error(req, "phone", "is no number or chat id");
}

int64_t
filters_time(struct gw_req *req, const char *name, int64_t dflt)
{
	struct slice text = gw_query(req, name);
	int64_t us = dflt;

	if (text.p != NULL && clock_parse_rfc3339(text, &us) != GH_OK)
		gw_field_error(req, name, "must be an RFC 3339 time");
	return us;
}

void
filters_clip(int64_t since_us, int64_t until_us, struct uuid *from, struct uuid *before)
{
	struct uuid since = uuid7_floor(since_us), until;

	if (since_us > 0 && uuid_cmp(since, *from) > 0)
		*from = since;
	if (until_us == INT64_MAX)
		return;
	until = uuid7_floor(until_us > 0 ? until_us : 0);
	if (uuid_cmp(until, *before) < 0)
		*before = until;
}

void
filters_times(struct gw_req *req, struct uuid *from, struct uuid *before)
{
	int64_t since_us = filters_time(req, "since", 0);
	int64_t until_us = filters_time(req, "until", INT64_MAX);

	filters_clip(since_us, until_us, from, before);
}

void
filters_read(struct gw_req *req, const struct gw_page *page, struct message_filter *f)
{
	f->company_id = req->who.company_id;
	gw_page_uuids(page, &f->from, &f->before);
	f->is_back = page->is_back;
	f->instance_id = filters_id(req, "instance_id");
	filter_words(req, f);
	filter_texts(req, f);
	filters_times(req, &f->from, &f->before);
}
