#include "render.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"

#define TEXT_CUT_BYTES 4096

/* What is left out, tried in this order until the body fits. */
enum render_level { RENDER_WHOLE, RENDER_NO_RAW, RENDER_CUT_TEXTS, RENDER_LEVELS };

struct render {
	struct json_w w;
	const struct delivery_claim *c;
	const struct json *facts;
	struct arena *a;
	enum render_level level;
};

/* A member of a growhub body. */
enum field_kind {
	FIELD_FACT, /* null when the facts do not tell */
	FIELD_SEEN, /* left out when the facts do not tell */
	FIELD_INSTANCE_ID,
	FIELD_TIMESTAMP, /* milliseconds: of the fact, else of the event */
	FIELD_DEVICE,    /* own number, whatever the facts call it */
	FIELD_FILE,
	FIELD_RAW,
	FIELD_IS_KNOWN, /* true when the fact is there */
	FIELD_TEXT      /* always `fact` itself */
};

struct field {
	const char *name;
	enum field_kind kind;
	const char *fact; /* member of the facts */
};

static const struct field received_fields[] = {
	{"id", FIELD_FACT, "id"},
	{"message_id", FIELD_FACT, "message_id"},
	{"instance_id", FIELD_INSTANCE_ID, NULL},
	{"instance_name", FIELD_FACT, "instance_name"},
	{"session", FIELD_FACT, "session"},
	{"device", FIELD_DEVICE, NULL},
	{"from", FIELD_FACT, "from"},
	{"lid", FIELD_FACT, "lid"},
	{"pushName", FIELD_FACT, "push_name"},
	{"fromMe", FIELD_FACT, "from_me"},
	{"isgroup", FIELD_FACT, "is_group"},
	{"participant", FIELD_FACT, "participant"},
	{"participant_lid", FIELD_FACT, "participant_lid"},
	{"type", FIELD_FACT, "type"},
	{"isMedia", FIELD_IS_KNOWN, "file"},
	{"content", FIELD_FACT, "content"},
	{"quoted", FIELD_FACT, "quoted"},
	{"file", FIELD_FILE, "file"},
	{"timestamp", FIELD_TIMESTAMP, NULL},
	{"content_msg", FIELD_RAW, "raw"},
	/* Legacy keys: clients of the prototype read them; none may tell a URL or a key. */
	{"usalid", FIELD_IS_KNOWN, "lid"},
	{"api", FIELD_FACT, "provider"},
	{"tipo_api", FIELD_FACT, "provider"},
	{"container", FIELD_FACT, "session"},
	{"webhook", FIELD_TEXT, "growhub"},
	{"ambiente", FIELD_TEXT, "production"},
	{NULL, FIELD_TEXT, NULL},
};

/* Head of what is about a message that is there: reaction, edit, deletion, poll vote. */
static const struct field about_fields[] = {
	{"id", FIELD_FACT, "id"},
	{"message_id", FIELD_FACT, "message_id"},
	{"instance_id", FIELD_INSTANCE_ID, NULL},
	{"instance_name", FIELD_FACT, "instance_name"},
	{"session", FIELD_FACT, "session"},
	{"device", FIELD_DEVICE, NULL},
	{"from", FIELD_FACT, "from"},
	{"chat", FIELD_FACT, "chat"},
	{"lid", FIELD_FACT, "lid"},
	{"pushName", FIELD_FACT, "push_name"},
	{"fromMe", FIELD_FACT, "from_me"},
	{"isgroup", FIELD_FACT, "is_group"},
	{"participant", FIELD_FACT, "participant"},
	{"participant_lid", FIELD_FACT, "participant_lid"},
	{NULL, FIELD_TEXT, NULL},
};

/* Head of what is about the account: groups, presence, calls. */
static const struct field account_fields[] = {
	{"instance_id", FIELD_INSTANCE_ID, NULL},
	{"instance_name", FIELD_FACT, "instance_name"},
	{"session", FIELD_FACT, "session"},
	{"device", FIELD_DEVICE, NULL},
	{NULL, FIELD_TEXT, NULL},
};

static const struct field end_fields[] = {
	{"timestamp", FIELD_TIMESTAMP, NULL},
	{"content_msg", FIELD_RAW, "raw"},
	{NULL, FIELD_TEXT, NULL},
};

static const struct field reaction_fields[] = {
	{"reaction_id", FIELD_FACT, "reaction_id"},
	{"type", FIELD_FACT, "type"},
	{"content", FIELD_FACT, "content"},
	{"removed", FIELD_FACT, "is_removed"},
	{NULL, FIELD_TEXT, NULL},
};

static const struct field edited_fields[] = {
	{"type", FIELD_FACT, "type"},       {"isMedia", FIELD_IS_KNOWN, "file"},
	{"content", FIELD_FACT, "content"}, {"quoted", FIELD_FACT, "quoted"},
	{"file", FIELD_FILE, "file"},       {NULL, FIELD_TEXT, NULL},
};

static const struct field poll_fields[] = {
	{"vote_id", FIELD_FACT, "vote_id"},
	{"status", FIELD_FACT, "status"},
	{"selectedOptions", FIELD_FACT, "selected_options"},
	{NULL, FIELD_TEXT, NULL},
};

static const struct field group_fields[] = {
	{"group", FIELD_FACT, "group_id"},  {"action", FIELD_FACT, "action"},
	{"subject", FIELD_FACT, "subject"}, {"description", FIELD_FACT, "description"},
	{"invite", FIELD_FACT, "invite"},   {"participants", FIELD_FACT, "participants"},
	{NULL, FIELD_TEXT, NULL},
};

static const struct field presence_fields[] = {
	{"chat", FIELD_FACT, "chat"},
	{"participant", FIELD_FACT, "participant"},
	{"isgroup", FIELD_FACT, "is_group"},
	{"presence", FIELD_FACT, "presence"},
	{"lastSeen", FIELD_FACT, "last_seen_ms"},
	{NULL, FIELD_TEXT, NULL},
};

static const struct field call_fields[] = {
	{"call_id", FIELD_FACT, "call_id"},  {"from", FIELD_FACT, "from"},
	{"status", FIELD_FACT, "status"},    {"isVideo", FIELD_FACT, "is_video"},
	{"isgroup", FIELD_FACT, "is_group"}, {NULL, FIELD_TEXT, NULL},
};

static const struct field status_fields[] = {
	{"id", FIELD_FACT, "id"},
	{"message_id", FIELD_FACT, "message_id"},
	{"reference", FIELD_FACT, "reference"},
	{"from", FIELD_FACT, "from"},
	{"to", FIELD_FACT, "to"},
	{"status", FIELD_FACT, "status"},
	{"ack", FIELD_FACT, "ack"},
	{"error_code", FIELD_SEEN, "error_code"},
	{"error_message", FIELD_SEEN, "error_message"},
	{"timestamp", FIELD_TIMESTAMP, NULL},
	{"instance_id", FIELD_INSTANCE_ID, NULL},
	{"session", FIELD_FACT, "session"},
	{"device", FIELD_DEVICE, NULL},
	{NULL, FIELD_TEXT, NULL},
};

static const struct field instance_fields[] = {
	{"status", FIELD_FACT, "status"},
	{"state", FIELD_FACT, "state"},
	{"phone_number", FIELD_FACT, "phone_number"},
	{"instance_name", FIELD_FACT, "instance_name"},
	{"timestamp", FIELD_TIMESTAMP, NULL},
	{"instance_id", FIELD_INSTANCE_ID, NULL},
	{"session", FIELD_FACT, "session"},
	{"device", FIELD_DEVICE, NULL},
	{"reason", FIELD_FACT, "reason"},
	{"qrcode", FIELD_SEEN, "qr"},
	{NULL, FIELD_TEXT, NULL},
};

/* One after the other. No first: the facts as they are. */
#define PARTS_MAX 3
static const struct field *const parts_by_type[EVENT_TYPE_COUNT][PARTS_MAX] = {
	[EVENT_MESSAGE_RECEIVED] = {received_fields},
	[EVENT_MESSAGE_QUEUED] = {status_fields},
	[EVENT_MESSAGE_SENT] = {status_fields},
	[EVENT_MESSAGE_DELIVERED] = {status_fields},
	[EVENT_MESSAGE_READ] = {status_fields},
	[EVENT_MESSAGE_PLAYED] = {status_fields},
	[EVENT_MESSAGE_FAILED] = {status_fields},
	[EVENT_MESSAGE_IN_DOUBT] = {status_fields},
	[EVENT_MESSAGE_STALLED] = {status_fields},
	[EVENT_MESSAGE_CANCELLED] = {status_fields},
	[EVENT_MESSAGE_EXPIRED] = {status_fields},
	[EVENT_MESSAGE_EDITED] = {about_fields, edited_fields, end_fields},
	[EVENT_MESSAGE_DELETED] = {about_fields, end_fields},
	[EVENT_MESSAGE_REACTION] = {about_fields, reaction_fields, end_fields},
	[EVENT_INSTANCE_CONNECTED] = {instance_fields},
	[EVENT_INSTANCE_DISCONNECTED] = {instance_fields},
	[EVENT_INSTANCE_QR] = {instance_fields},
	[EVENT_INSTANCE_ERROR] = {instance_fields},
	[EVENT_INSTANCE_INBOUND_STALLED] = {instance_fields},
	[EVENT_GROUP_JOINED] = {account_fields, group_fields, end_fields},
	[EVENT_GROUP_LEFT] = {account_fields, group_fields, end_fields},
	[EVENT_GROUP_UPDATED] = {account_fields, group_fields, end_fields},
	[EVENT_PRESENCE_UPDATED] = {account_fields, presence_fields, end_fields},
	[EVENT_POLL_VOTED] = {about_fields, poll_fields, end_fields},
	[EVENT_CALL_RECEIVED] = {account_fields, call_fields, end_fields},
};

static struct slice
text_cut(struct slice s)
{
	if (s.n <= TEXT_CUT_BYTES)
		return s;
	s.n = TEXT_CUT_BYTES;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static void
render_number(struct render *r, const char *name, const struct json *v)
{
	struct buf text;

	/* As it was written: a double would change digits. */
	buf_init(&text, r->a, RENDER_BODY_MAX);
	json_write(&text, v);
	json_w_raw(&r->w, name, text.over ? SLICE_NONE : buf_slice(&text));
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static void
render_value(struct render *r, const char *name, const struct json *v)
{
	enum json_type type = json_type(v);

	switch (type) {
	case JSON_STRING:
		json_w_str(&r->w, name,
			   r->level < RENDER_CUT_TEXTS ? json_str(v) : text_cut(json_str(v)));
		break;
	case JSON_BOOL:
		json_w_bool(&r->w, name, json_bool(v, false));
		break;
	case JSON_INT:
	case JSON_DOUBLE:
		render_number(r, name, v);
		break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		json_w_open(&r->w, name, type == JSON_OBJECT ? '{' : '[');
		for (const struct json *m = json_first(v); m != NULL; m = json_next(m))
			render_value(r, arena_cstr(r->a, json_name(m)), m);
		json_w_close(&r->w, type == JSON_OBJECT ? '}' : ']');
		break;
	case JSON_NULL:
		json_w_null(&r->w, name);
		break;
	}
}

static void
render_instance_id(struct render *r)
{
	if (r->c->instance_id == 0)
		json_w_null(&r->w, "instance_id");
	else
		json_w_i64(&r->w, "instance_id", r->c->instance_id);
}

static void
render_device(struct render *r, const char *name)
{
	const struct json *own = json_get(r->facts, "own_number");

	if (own == NULL)
		own = json_get(r->facts, "phone_number");
	/* A status event is about our own message: its sender is the device. */
	if (own == NULL && parts_by_type[r->c->type][0] == status_fields)
		own = json_get(r->facts, "from");
	render_value(r, name, own);
}

static void
render_file(struct render *r, const char *name, const struct json *file)
{
	if (json_type(file) != JSON_OBJECT)
		return;
	json_w_open(&r->w, name, '{');
	render_value(r, "mimetype", json_get(file, "mimetype"));
	render_value(r, "filename", json_get(file, "filename"));
	render_value(r, "fileLength", json_get(file, "size_bytes"));
	render_value(r, "caption", json_get(file, "caption"));
	render_value(r, "seconds", json_get(file, "seconds"));
	render_value(r, "url", json_get(file, "url"));
	json_w_close(&r->w, '}');
}

static void
render_field(struct render *r, const struct field *f)
{
	const struct json *fact = f->fact != NULL ? json_get(r->facts, f->fact) : NULL;

	switch (f->kind) {
	case FIELD_FACT:
		render_value(r, f->name, fact);
		break;
	case FIELD_SEEN:
		if (!json_is_null(fact))
			render_value(r, f->name, fact);
		break;
	case FIELD_INSTANCE_ID:
		render_instance_id(r);
		break;
	case FIELD_TIMESTAMP:
		json_w_i64(&r->w, f->name,
			   json_i64(json_get(r->facts, "timestamp_ms"),
				    r->c->occurred_at_us / CLOCK_MS));
		break;
	case FIELD_DEVICE:
		render_device(r, f->name);
		break;
	case FIELD_FILE:
		render_file(r, f->name, fact);
		break;
	case FIELD_RAW:
		if (r->level == RENDER_WHOLE)
			render_value(r, f->name, fact);
		break;
	case FIELD_IS_KNOWN:
		json_w_bool(&r->w, f->name, !json_is_null(fact));
		break;
	case FIELD_TEXT:
		json_w_str(&r->w, f->name, slice_of(f->fact));
		break;
	}
}

/* Every fact under its own name; those the caller writes itself are left out. */
static void
render_facts(struct render *r)
{
	for (const struct json *m = json_first(r->facts); m != NULL; m = json_next(m)) {
		struct slice name = json_name(m);

		if (slice_eq(name, S("company_id")) || slice_eq(name, S("instance_id")) ||
		    slice_eq(name, S("truncated")))
			continue;
		if (r->level == RENDER_WHOLE || !slice_eq(name, S("raw")))
			render_value(r, arena_cstr(r->a, name), m);
	}
}

static void
render_truncated(struct render *r)
{
	if (r->level > RENDER_WHOLE)
		json_w_bool(&r->w, "truncated", true);
}

static void
render_growhub(struct render *r)
{
	const struct field *const *parts = parts_by_type[r->c->type];
	const char *name = event_name(r->c->type, EVENT_FORMAT_GROWHUB);

	if (name == NULL)
		name = event_name(r->c->type, EVENT_FORMAT_STANDARD);
	json_w_open(&r->w, NULL, '{');
	json_w_str(&r->w, "event", slice_of(name));
	for (size_t i = 0; i < PARTS_MAX && parts[i] != NULL; i++)
		for (const struct field *f = parts[i]; f->name != NULL; f++)
			render_field(r, f);
	if (parts[0] == NULL) {
		render_facts(r);
		render_instance_id(r);
		if (json_get(r->facts, "timestamp") == NULL)
			json_w_i64(&r->w, "timestamp", r->c->occurred_at_us / CLOCK_MS);
	}
	render_truncated(r);
	json_w_close(&r->w, '}');
}

static void
render_standard(struct render *r)
{
	json_w_open(&r->w, NULL, '{');
	json_w_str(&r->w, "type", slice_of(event_name(r->c->type, EVENT_FORMAT_STANDARD)));
	json_w_time(&r->w, "timestamp", r->c->occurred_at_us);
	json_w_open(&r->w, "data", '{');
	json_w_i64(&r->w, "company_id", r->c->company_id);
	render_instance_id(r);
	render_facts(r);
	render_truncated(r);
	json_w_close(&r->w, '}');
	json_w_close(&r->w, '}');
}

enum gh_code
render_body(const struct delivery_claim *c, enum event_format format, struct arena *a,
	    struct buf *out)
{
	struct render r = {.c = c, .a = a};
	enum gh_code rc;

	if (c->type <= EVENT_NONE || c->type >= EVENT_TYPE_COUNT)
		return GH_EINVAL;
	rc = json_parse(c->facts, a, &r.facts, NULL, NULL);
	if (rc != GH_OK || json_type(r.facts) != JSON_OBJECT)
		return GH_EINVAL;
	for (r.level = RENDER_WHOLE; r.level < RENDER_LEVELS; r.level++) {
		buf_reset(out);
		json_w_init(&r.w, out);
		if (format == EVENT_FORMAT_GROWHUB)
			render_growhub(&r);
		else
			render_standard(&r);
		if (!out->over && out->n <= RENDER_BODY_MAX)
			return GH_OK;
	}
	return GH_ELIMIT;
}
