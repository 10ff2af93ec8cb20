/* send_media.c - POST /send/media: a file by its URL, which the sender passes on and nobody fetches
 * here, or with its bytes, which are stored before the message is accepted.
 */
#include "gateway.h"
#include "media_in.h"
#include "send_common.h"

#include "base/arena.h"
#include "model/idempotency.h"
#include "model/media_type.h"

#define BODY_MAX   ((size_t)24 * 1024 * 1024) /* base64 of 16 MiB is 21.4 MiB */
#define KIND_NONE  (-1)
#define KIND_VOICE 100 /* an audio that is a voice note */

/* How long a file outlives its message's expiry: for dead letters that are sent again. */
#define KEPT_AFTER_US (INT64_C(30) * 86400 * CLOCK_SEC)

static const struct json_word type_words[] = {
	{"image", MSG_IMAGE},
	{"video", MSG_VIDEO},
	{"audio", MSG_AUDIO},
	{"voice", KIND_VOICE},
	{"ptt", KIND_VOICE},
	{"document", MSG_DOCUMENT},
	{"file", MSG_DOCUMENT},
	{"sticker", MSG_STICKER},
	{"myaudio", KIND_VOICE},
	{"ptv", MSG_VIDEO},
	{NULL, 0},
};

struct media_body {
	struct send_common c;
	struct slice file, media;
	int type;
	struct slice text, caption, doc_name, mime_type;
};

#define AT(member) .offset = offsetof(struct media_body, member)
static const struct json_rule media_table[] = {
	SEND_COMMON_RULES(struct media_body),
	{"file", JSON_RULE_STRING, .min = 1, AT(file),
	 .text = "Required, under either name: an https URL, or a data URL in base64"},
	{"media", JSON_RULE_STRING, .min = 1, AT(media)},
	{"type", JSON_RULE_WORD, .words = type_words, AT(type), .text = "Default: by the file"},
	{"text", JSON_RULE_STRING, .max = SEND_CAPTION_MAX, AT(text), .text = "Caption"},
	{"caption", JSON_RULE_STRING, .max = SEND_CAPTION_MAX, AT(caption)},
	{"docName", JSON_RULE_STRING, JSON_RULE_LINE, .max = SEND_NAME_MAX, AT(doc_name)},
	{"mimetype", JSON_RULE_STRING, JSON_RULE_LINE, .max = MEDIA_IN_TYPE_MAX,
	 .pattern = media_in_type_refusal, AT(mime_type),
	 .text = "Of the file, where its bytes and its data URL do not tell another"},
};
#undef AT
static const struct json_rules media_rules = {media_table, GH_COUNT(media_table)};

/* One request; lives in its arena, as user of the send_job. */
struct media_job {
	struct send_job *x;
	const char *path;  /* of the file in the body */
	struct slice said; /* the MIME type the client names, without parameters */
	bool has_kind;
	struct media_in in;
};

/* ---- the file's type ---- */

static enum msg_kind
kind_of_type(struct slice type)
{
	if (slice_starts(type, S("image/")))
		return MSG_IMAGE;
	if (slice_starts(type, S("video/")))
		return MSG_VIDEO;
	return slice_starts(type, S("audio/")) ? MSG_AUDIO : MSG_DOCUMENT;
}

static bool
says_something(struct slice type)
{
	return type.p != NULL && !slice_eq_nocase(type, S("application/octet-stream"));
}

/* Bytes before words: what they betray, unless that is a container which the words name closer. */
static struct slice
type_of(const struct media_in *in, struct slice name, enum msg_kind kind)
{
	struct slice sniffed = slice_of(in->sniffed), words = in->declared;

	if (!says_something(words))
		words = slice_of(media_type_of_name(name));
	if (sniffed.p == NULL)
		return words.p != NULL ? words : S("application/octet-stream");
	if (words.p != NULL && media_type_is_vague(in->sniffed))
		return words;
	/* MPEG-4 with nothing but sound in it begins like any other. */
	if (kind == MSG_AUDIO && slice_eq(sniffed, S("video/mp4")))
		return S("audio/mp4");
	return sniffed;
}

/* Set kind and type, or complain. */
static void
judge(struct media_job *m)
{
	struct send_reading *r = &m->x->r;
	struct slice name = r->payload.file.name, type;

	if (!m->in.is_base64) {
		send_complain(r, m->path, "must be an https URL, or base64");
		return;
	}
	type = type_of(&m->in, name, m->has_kind ? r->row->kind : MSG_DOCUMENT);
	if (!m->has_kind)
		r->row->kind = kind_of_type(type);
	r->payload.file.mime_type = type;
	/* What is shown as picture, film or sound must prove to be one. */
	if (!media_type_fits(type, r->row->kind) ||
	    (r->row->kind != MSG_DOCUMENT && m->in.sniffed == NULL))
		send_complain(
			r, m->path,
			arena_printf(r->a, "is no %s: its bytes are %s",
				     msg_kind_name((int)r->row->kind),
				     m->in.sniffed != NULL ? m->in.sniffed : "of no known type"));
}

/* ---- bytes ---- */

static struct media_job *
job_of(const struct gw_req *req)
{
	const struct sending *s = req->user;
	const struct send_job *x = s->user;

	return x->user;
}

static void
kept(struct gw_req *req, struct uuid media_id)
{
	struct media_job *m = job_of(req);

	m->x->r.payload.file.media_id = media_id;
	send_finish(m->x);
}

static void
refuse_size(struct gw_req *req, const char *path)
{
	const char *text = arena_printf(req->a, "The file may have %zu bytes at most",
					req->gw->conf->media_max);

	gw_field_error(req, path, text);
	gw_error(req, GW_E_CONTENT_TOO_LARGE, text);
}

static void
media_decoded(struct gw_req *req)
{
	struct media_job *m = job_of(req);
	const struct send_reading *r = &m->x->r;

	if (m->in.data.n > req->gw->conf->media_max) {
		refuse_size(req, m->path);
		return;
	}
	judge(m);
	if (!gw_refuse_fields(req))
		media_in_keep(req, &m->in, r->payload.file.mime_type,
			      r->row->expires_at_us + KEPT_AFTER_US, kept);
}

static void
read_bytes(struct gw_req *req, struct media_job *m, struct slice text)
{
	const char *why = media_in_parse(text, &m->in);

	if (m->in.declared.p == NULL)
		m->in.declared = m->said;
	if (why != NULL) {
		send_complain(&m->x->r, m->path, why);
		send_finish(m->x);
	} else if (m->in.size_max > req->gw->conf->media_max + 6) {
		refuse_size(req, m->path);
	} else if (!media_in_decode(req, &m->in, media_decoded)) {
		return; /* answered */
	}
}

/* ---- the route ---- */

static void
read_type(struct media_job *m, const struct media_body *body, struct slice file)
{
	struct send_reading *r = &m->x->r;
	struct slice query, path = slice_cut(file, '?', &query), type = m->said;
	const char *guess;

	m->has_kind = body->type != KIND_NONE;
	r->payload.is_voice = body->type == KIND_VOICE;
	if (m->has_kind) {
		r->row->kind = r->payload.is_voice ? MSG_AUDIO : (enum msg_kind)body->type;
		return;
	}
	guess = media_type_of_name(body->doc_name.n > 0 ? body->doc_name : path);
	if (guess != NULL)
		type = slice_of(guess);
	r->row->kind = type.p != NULL ? kind_of_type(type) : MSG_DOCUMENT;
}

static void
send_media(struct gw_req *req)
{
	struct media_body body = {.type = KIND_NONE};
	struct media_job *m = arena_alloc(req->a, sizeof(*m));
	struct slice file, caption, name, params;

	m->x = send_start(req, IDEM_SEND_MEDIA, &media_rules, &body, &body.c);
	if (m->x == NULL)
		return;
	m->x->user = m;
	send_read_common(m->x);
	m->path = body.file.p != NULL || body.media.p == NULL ? "file" : "media";
	file = body.file.p != NULL ? body.file : body.media;
	caption = send_none_if_empty(body.text.p != NULL ? body.text : body.caption);
	name = send_none_if_empty(body.doc_name);
	m->said = slice_trim(slice_cut(body.mime_type, ';', &params));
	m->x->r.row->content = caption;
	m->x->r.payload.file.name = name;
	if (file.p != NULL && !slice_starts(file, S("http://")) &&
	    !slice_starts(file, S("https://"))) {
		read_type(m, &body, SLICE_NONE);
		read_bytes(req, m, file);
		return;
	}
	if (file.p == NULL)
		send_complain(&m->x->r, m->path, "is required");
	read_type(m, &body, file);
	send_read_url(&m->x->r, m->path, file, name);
	if (m->said.p != NULL && media_type_fits(m->said, m->x->r.row->kind))
		m->x->r.payload.file.mime_type = m->said;
	send_finish(m->x);
}

static const struct gw_route send_media_routes[] = {
	{HTTP_POST, "/send/media", GW_INSTANCE, GW_JSON, BODY_MAX, send_media,
	 SEND_DOC("sendMedia", "Send an image, a video, sound, a document or a sticker",
		  media_rules,
		  "{\"number\":\"5511999990001\",\"type\":\"image\","
		  "\"file\":\"https://cdn.example.com/cat.jpg\"}")},
};

const struct gw_module send_media_module = {
	.routes = send_media_routes,
	.route_count = GH_COUNT(send_media_routes),
	.start = media_in_start,
	.stop = media_in_stop,
};
