/* translate_read.c - what readers of every provider's webhooks and answers share; see translate.h.
 */
#include "provider/translate.h"

#include <limits.h>
#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "http/json.h"

struct slice
translate_id(struct slice id)
{
	return id.n <= PROVIDER_ID_MAX ? id : SLICE_NONE;
}

/* An index of the database refuses what is far longer than an id, and with it the whole body. */
static void
fact_bound(struct provider_fact *f)
{
	bool fits = f->external_id.n <= PROVIDER_ID_MAX && f->target_id.n <= PROVIDER_ID_MAX &&
		    f->full_id.n <= PROVIDER_FULL_ID_MAX;

	f->quoted_id = translate_id(f->quoted_id);
	f->send_ref = translate_id(f->send_ref);
	if (fits)
		return;
	f->kind = PROVIDER_FACT_OTHER;
	f->external_id = f->target_id = f->full_id = SLICE_NONE;
}

void
translate_event_bound(struct provider_event *ev)
{
	ev->event_id = translate_id(ev->event_id);
	ev->own_lid = translate_id(ev->own_lid);
	for (size_t i = 0; i < ev->fact_count; i++)
		fact_bound(&ev->fact[i]);
}

struct slice
translate_phone(struct slice id, struct arena *a)
{
	struct provider_chat chat;

	if (id.n == 0 || provider_chat_parse(id, a, &chat) != GH_OK ||
	    chat.kind != PROVIDER_CHAT_PERSON)
		return SLICE_NONE;
	return chat.user;
}

struct slice
translate_chat_key(struct slice id, struct arena *a)
{
	struct provider_chat chat;

	if (id.n == 0)
		return SLICE_NONE;
	return provider_chat_parse(id, a, &chat) == GH_OK ? chat.key : translate_id(id);
}

static double
number_read(const struct json *v, double dflt)
{
	struct slice text = json_str(v);
	uint64_t n;

	if (text.p == NULL)
		return json_double(v, dflt);
	return parse_u64(text, 0, INT64_MAX, &n) == GH_OK ? (double)n : dflt;
}

int64_t
translate_time(const struct json *v)
{
	double t = number_read(v, 0);
	int64_t us;

	if (json_type(v) == JSON_STRING && !(t > 0))
		return clock_parse_rfc3339(json_str(v), &us) == GH_OK && us > 0 ? us : 0;
	if (!(t > 0) || t >= 1e14)
		return 0;
	if (t < 1e11)
		t *= 1000;
	return (int64_t)llround(t * 1000);
}

int64_t
translate_count(const struct json *v)
{
	double n = number_read(v, -1);

	return n >= 0 && n < 1e15 ? (int64_t)n : -1;
}

struct slice
translate_first_str(const struct json *v, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slice s = json_str(json_path(v, paths[i]));

		if (s.n > 0)
			return s;
	}
	return SLICE_NONE;
}

struct slice
translate_raw(const struct json *v, size_t source_bytes, struct arena *a)
{
	struct buf b;

	/* Escapes may be written longer than they came, at most 6 for 1. */
	buf_init(&b, a, source_bytes * 6 + 64);
	json_write(&b, v);
	return buf_slice(&b);
}

bool
translate_coordinate(const struct json *v, double limit, struct arena *a, double *out)
{
	if (json_type(v) == JSON_STRING && json_parse(json_str(v), a, &v, NULL, NULL) != GH_OK)
		return false;
	*out = json_double(v, NAN);
	return fabs(*out) <= limit;
}

void
translate_fact_init(struct provider_fact *f)
{
	*f = (struct provider_fact){
		.ack = INT_MIN,
		.message_kind = MSG_UNSUPPORTED,
		.file = {.size_bytes = -1, .duration_s = -1},
	};
}
