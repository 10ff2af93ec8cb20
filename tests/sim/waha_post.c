/* waha_post.c - webhook bodies as each engine writes them (10, 11, 13). */
#include "waha.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "http/json.h"

#define BODY_MAX (SIM_BODY_MAX * 2)

/* "evt_" and 26 characters of an ULID, lower case. */
static void
event_id(char dst[32])
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	struct uuid id = uuid7_new();
	unsigned bits = 2, at = 0; /* 26 characters hold 130 bits: two leading zeros */
	unsigned value = 0;

	memcpy(dst, "evt_", 4);
	for (size_t i = 0; i < sizeof(id.b); i++) {
		value = value << 8 | id.b[i];
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			dst[4 + at++] = alphabet[value >> bits & 31];
		}
	}
	dst[4 + at] = '\0';
}

static bool
is_subscribed(const struct waha_hook *h, struct slice event)
{
	for (size_t i = 0; h->events != NULL && i < h->event_count; i++)
		if (slice_eq(h->events[i], event))
			return true;
	return h->events == NULL;
}

static void
me_write(const struct waha_session *s, struct json_w *w)
{
	char id[64];

	if (s->status != SESSION_WORKING) {
		json_w_null(w, "me");
		return;
	}
	json_w_open(w, "me", '{');
	(void)snprintf(id, sizeof(id), "%s@c.us", s->number);
	json_w_str(w, "id", slice_of(id));
	json_w_str(w, "pushName", S("Sim"));
	(void)snprintf(id, sizeof(id), "2%s@lid", s->number);
	json_w_str(w, "lid", slice_of(id));
	json_w_close(w, '}');
}

static void
envelope_write(const struct waha_session *s, const char *event, struct slice payload, int64_t at_ms,
	       struct json_w *w)
{
	struct slice engine = slice_of(waha_engine_name(s->w->engine));
	char id[32];

	event_id(id);
	json_w_open(w, NULL, '{');
	json_w_str(w, "id", slice_of(id));
	json_w_i64(w, "timestamp", at_ms);
	json_w_str(w, "event", slice_of(event));
	json_w_str(w, "session", slice_of(s->name));
	if (s->metadata.p != NULL)
		json_w_raw(w, "metadata", s->metadata);
	me_write(s, w);
	json_w_raw(w, "payload", payload);
	if (s->w->engine != ENGINE_GOWS) /* (10) missing there */
		json_w_str(w, "engine", engine);
	json_w_open(w, "environment", '{');
	json_w_str(w, "version", S("2026.7.1"));
	json_w_str(w, "engine", engine);
	json_w_str(w, "tier", S("CORE"));
	json_w_null(w, "browser");
	json_w_close(w, '}');
	json_w_close(w, '}');
}

unsigned
waha_post(struct waha_session *s, const char *event, struct slice payload)
{
	int64_t at_ms = clock_wall_us() / CLOCK_MS;
	struct json_w w;
	struct buf b;
	unsigned count = 0;

	if (s->w->sim->is_silent)
		return 0;
	buf_init(&b, NULL, BODY_MAX);
	for (size_t i = 0; i < s->hook_count; i++) {
		if (!is_subscribed(&s->hook[i], slice_of(event)))
			continue;
		if (b.n == 0) {
			json_w_init(&w, &b);
			envelope_write(s, event, payload, at_ms, &w);
		}
		if (b.over)
			gh_panic("sim: webhook over %zu bytes", BODY_MAX);
		poster_send(s->w->sim->poster, s->hook[i].target, buf_slice(&b), at_ms);
		count++;
	}
	buf_free(&b);
	return count;
}

/* ---- payloads ---- */

static const char *
ack_name(int ack)
{
	static const char *const names[] = {"ERROR",  "PENDING", "SERVER",
					    "DEVICE", "READ",    "PLAYED"};

	return ack >= -1 && ack <= 4 ? names[ack + 1] : "UNKNOWN";
}

void
waha_write_full_id(const struct waha_session *s, const struct waha_facts *f, struct buf *b)
{
	buf_add_cstr(b, f->is_from_me ? "true_" : "false_");
	buf_add(b, f->chat);
	buf_add_char(b, '_');
	buf_add(b, f->id);
	if (slice_ends(f->chat, S("@g.us"))) {
		buf_add_char(b, '_');
		if (f->participant.p != NULL)
			buf_add(b, f->participant);
		else
			buf_add_printf(b, "%s@c.us", s->number);
	}
}

static void
people_write(const struct waha_session *s, const struct waha_facts *f, struct json_w *w)
{
	char text[512], me[32];
	struct buf id = {.p = text, .size = sizeof(text), .max = sizeof(text)};
	bool is_webjs = s->w->engine == ENGINE_WEBJS;
	struct slice own;

	(void)snprintf(me, sizeof(me), "%s@c.us", s->number);
	own = slice_of(me);
	waha_write_full_id(s, f, &id);
	json_w_str(w, "id", buf_slice(&id));
	/* (13) from is the chat, except on WEBJS where it is who wrote. */
	json_w_str(w, "from", is_webjs && f->is_from_me ? own : f->chat);
	if (is_webjs)
		json_w_str(w, "to", f->is_from_me ? f->chat : own);
	else
		json_w_null(w, "to");
	json_w_str(w, "participant", f->participant);
	json_w_bool(w, "fromMe", f->is_from_me);
	json_w_i64(w, "ack", f->ack);
	json_w_str(w, "ackName", slice_of(ack_name(f->ack)));
}

static void
data_write(const struct waha_session *s, const struct waha_facts *f, struct json_w *w)
{
	json_w_open(w, "_data", '{');
	if (s->w->engine == ENGINE_GOWS) {
		json_w_open(w, "Info", '{');
		json_w_str(w, "ID", f->id);
		json_w_close(w, '}');
	} else if (s->w->engine == ENGINE_NOWEB) {
		json_w_open(w, "key", '{');
		json_w_str(w, "id", f->id);
		json_w_bool(w, "fromMe", f->is_from_me);
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
}

void
waha_write_message(const struct waha_session *s, const struct waha_facts *f, struct json_w *w)
{
	json_w_open(w, NULL, '{');
	people_write(s, f, w);
	json_w_i64(w, "timestamp", f->at_ms / 1000);
	json_w_str(w, "source", f->is_from_me ? S("api") : S("app"));
	json_w_str(w, "body", f->text);
	json_w_bool(w, "hasMedia", false);
	json_w_null(w, "media");
	json_w_null(w, "location");
	json_w_open(w, "vCards", '[');
	json_w_close(w, ']');
	json_w_null(w, "replyTo");
	data_write(s, f, w);
	json_w_close(w, '}');
}

void
waha_write_ack(const struct waha_session *s, const struct waha_facts *f, struct json_w *w)
{
	/* (13) WEBJS sends the whole message. */
	if (s->w->engine == ENGINE_WEBJS) {
		waha_write_message(s, f, w);
		return;
	}
	json_w_open(w, NULL, '{');
	people_write(s, f, w);
	data_write(s, f, w);
	json_w_close(w, '}');
}
