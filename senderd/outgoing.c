/* outgoing.c - the provider's request for one claimed message; see outgoing.h. */
#include "outgoing.h"

#include "base/arena.h"
#include "base/clock.h"
#include "db/db.h"
#include "files.h"
#include "http/json.h"
#include "media_urls.h"
#include "model/message_payload.h"
#include "model/message_ref.h"
#include "model/send_queue.h"
#include "routes.h"
#include "senderd.h"

struct outgoing {
	struct senderd *sd;
	struct outgoing_want want;
	int64_t until_us;
	outgoing_fn *done; /* NULL: not started, ended */
	void *arg;
	struct provider_server server;
	struct provider_send send;
	struct message_payload payload;
	struct provider_message_ref quoted;
	bool is_payload_bad;
	struct file_load *file;
	struct media_query *query; /* NULL: none under way */
	struct outgoing_result result;
};

static void
outgoing_finish(struct outgoing *o, enum outgoing_end end, const char *code, const char *text)
{
	outgoing_fn *done = o->done;

	o->done = NULL;
	o->result.end = end;
	o->result.code = code;
	o->result.text = text;
	done(o->arg, &o->result);
}

static void
outgoing_ready(struct outgoing *o)
{
	outgoing_finish(o, OUTGOING_READY, NULL, NULL);
}

/* ---- a file ---- */

static void
file_loaded(void *arg, enum gh_code code, struct slice body)
{
	struct outgoing *o = arg;

	if (code == GH_OK) {
		o->result.request.body = body;
		outgoing_ready(o);
	} else if (code == GH_ENOTFOUND) {
		outgoing_finish(o, OUTGOING_REFUSED, "media_missing",
				"the stored file is not there any more");
	} else {
		outgoing_finish(o, OUTGOING_POSTPONED, "waiting_media",
				code == GH_EBUSY ? "no memory for its file in time"
						 : "its file could not be read");
	}
}

static void
file_load_start(struct outgoing *o)
{
	const struct file_want want = {
		.company_id = o->want.claim->company_id,
		.media_id = o->payload.file.media_id,
		.head = o->result.request.body,
		.tail = o->result.request.body_tail,
		.until_us = o->until_us,
	};

	o->file = file_start(o->sd->files, &want, file_loaded, o);
}

/* ---- the request ---- */

static enum gh_code
request_build(struct outgoing *o, struct gh_err *err)
{
	const struct provider_call call = {
		.op = PROVIDER_OP_SEND,
		.session = o->want.route->session,
		.session_key = o->want.route->session_key,
		.send = &o->send,
	};

	return provider_build(o->want.route->provider, &o->server, &call, o->want.a,
			      &o->result.request, err);
}

/* ---- a file at a URL ---- */

/* It is handed on as it is in the end: the provider need not follow, and goes where we looked. */
static void
url_found(void *arg, const struct media_finding *f)
{
	static const enum outgoing_end ends[] = {
		[MEDIA_FINE] = OUTGOING_READY,      [MEDIA_MOVED] = OUTGOING_RETRY,
		[MEDIA_REFUSED] = OUTGOING_REFUSED, [MEDIA_UNREACHABLE] = OUTGOING_RETRY,
		[MEDIA_BUSY] = OUTGOING_POSTPONED,
	};
	struct outgoing *o = arg;
	enum gh_code rc = GH_OK;

	o->query = NULL;
	if (f->verdict == MEDIA_FINE && !slice_eq(slice_of(f->url), o->send.media_url)) {
		o->send.media_url = arena_dup(o->want.a, slice_of(f->url));
		rc = request_build(o, NULL);
	}
	if (rc != GH_OK)
		outgoing_finish(o, OUTGOING_REFUSED, "invalid_request",
				"the request does not hold the URL that media_url leads to");
	else
		outgoing_finish(o, ends[f->verdict], f->code,
				arena_cstr(o->want.a, slice_of(f->text)));
}

static void
url_check(struct outgoing *o)
{
	/* NULL: url_found has run, and o is not ours any more. */
	struct media_query *q = media_query_start(o->sd->media_urls, o->want.claim->media_url,
						  o->want.claim->kind, url_found, o);

	if (q != NULL)
		o->query = q;
}

static void
outgoing_build(struct outgoing *o)
{
	struct gh_err err;
	enum gh_code rc = request_build(o, &err);

	if (rc != GH_OK) {
		outgoing_finish(o, OUTGOING_REFUSED,
				rc == GH_EPERM ? "unsupported" : "invalid_request",
				arena_cstr(o->want.a, slice_of(err.text)));
	} else if (o->result.request.has_file) {
		file_load_start(o);
	} else if (o->payload.file.mime_type.n > 0) {
		url_check(o);
	} else {
		outgoing_ready(o);
	}
}

/* ---- what it quotes ---- */

static void
quoted_read(struct outgoing *o, const struct db_unit *u)
{
	const struct provider *p = o->want.route->provider;
	const struct json *raw = NULL;
	struct message_ref ref;

	message_ref_read(u, 0, 0, o->want.a, &ref);
	/* What a provider told us of a message has the id in the provider's own words. */
	if (!ref.is_outgoing && json_parse(ref.payload, o->want.a, &raw, NULL, NULL) == GH_OK &&
	    json_str(json_get(raw, "id")).n > 0)
		o->quoted = p->split_id(json_str(json_get(raw, "id")));
	if (o->quoted.full.n > 0)
		return;
	o->quoted.bare = ref.external_id;
	o->quoted.chat = ref.chat_key;
	o->quoted.is_from_me = ref.is_outgoing;
}

static void
quoted_found(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct outgoing *o = arg;

	if (code != GH_OK) {
		outgoing_finish(o, OUTGOING_POSTPONED, "waiting_database",
				"the quoted message could not be looked up");
		return;
	}
	if (message_ref_count(u, 0) > 0)
		quoted_read(o, u);
	if (o->quoted.bare.n > 0 || o->quoted.full.n > 0)
		outgoing_build(o);
	else
		outgoing_finish(o, OUTGOING_REFUSED, "reply_to_unknown",
				"the quoted message is not known at the provider");
}

/* Clients name it by our id or by the provider's, bare or full. A bare one that we have no
 * message for is older than the instance: the other side's, for what else would be quoted. */
static void
quoted_find(struct outgoing *o)
{
	const struct send_claim *c = o->want.claim;
	struct message_ref_key key = {.external_id = SLICE_NONE};
	struct db_unit *u;

	o->send.reply_to = &o->quoted;
	if (uuid_parse(c->reply_to, &key.id) != GH_OK) {
		o->quoted = o->want.route->provider->split_id(c->reply_to);
		if (o->quoted.full.n > 0) {
			outgoing_build(o);
			return;
		}
		o->quoted.chat = o->want.chat;
		key.external_id = o->quoted.bare;
	}
	u = db_unit_new();
	message_ref_add(u, c->company_id, c->instance_id, &key, 1);
	if (db_submit(o->sd->read, u, quoted_found, o) != GH_OK)
		quoted_found(o, GH_EBUSY, NULL);
}

/* ---- life ---- */

void
outgoing_start(struct outgoing *o, int64_t until_us, outgoing_fn *done, void *arg)
{
	o->until_us = until_us;
	o->done = done;
	o->arg = arg;
	if (o->is_payload_bad)
		outgoing_finish(o, OUTGOING_REFUSED, "invalid_request", "its payload is damaged");
	else if (o->want.claim->reply_to.n > 0)
		quoted_find(o);
	else
		outgoing_build(o);
}

bool
outgoing_carries_ref(struct outgoing *o)
{
	return request_build(o, NULL) == GH_OK && o->result.request.carries_ref;
}

int64_t
outgoing_delay_us(const struct outgoing *o)
{
	return o->payload.delay_ms * CLOCK_MS;
}

bool
outgoing_plain(struct outgoing *o, struct provider_request *out)
{
	if (!o->result.request.is_form)
		return false;
	o->send.is_plain = true;
	if (request_build(o, NULL) != GH_OK)
		return false;
	*out = o->result.request;
	return true;
}

void
outgoing_end(struct outgoing *o)
{
	if (o == NULL)
		return;
	o->done = NULL;
	media_query_end(o->query);
	o->query = NULL;
	file_end(o->file);
	o->file = NULL;
}

void
outgoing_set_chat(struct outgoing *o, struct slice chat)
{
	o->want.chat = chat;
	o->send.chat = chat;
}

struct outgoing *
outgoing_new(struct senderd *sd, const struct outgoing_want *want)
{
	struct outgoing *o = arena_alloc(want->a, sizeof(*o));
	const struct send_claim *c = want->claim;

	o->sd = sd;
	o->want = *want;
	o->server = route_server(want->route);
	o->send.kind = c->kind;
	o->send.chat = want->chat;
	o->send.send_ref = c->send_ref;
	o->send.content = c->content;
	o->send.media_url = c->media_url;
	if (c->payload.p == NULL)
		return o;
	o->send.payload = &o->payload;
	o->is_payload_bad = message_payload_read(c->payload, want->a, &o->payload) != GH_OK;
	return o;
}
