#include "openapi_webhooks.h"

#include "base/buf.h"
#include "base/err.h"
#include "http/json.h"
#include "model/event_body.h"

#include "doc.h"
#include "openapi_schema.h"

#define FIELDS_MAX 64

/* ---- members ---- */

static const struct gw_schema quoted_schema = {
	.fields = GW_FIELDS(GW_FIELD("message_id", STRING, .flags = GW_F_NULL),
			    GW_FIELD("content", STRING, .flags = GW_F_NULL)),
};

static const struct gw_schema file_schema = {
	.fields = GW_FIELDS(GW_FIELD("mimetype", STRING, .flags = GW_F_NULL),
			    GW_FIELD("filename", STRING, .flags = GW_F_NULL),
			    GW_FIELD("fileLength", INT, .flags = GW_F_NULL, .text = "Bytes"),
			    GW_FIELD("caption", STRING, .flags = GW_F_NULL),
			    GW_FIELD("seconds", INT, .flags = GW_F_NULL),
			    GW_FIELD("url", STRING, .flags = GW_F_NULL)),
};

static const struct gw_schema member_schema = {
	.fields = GW_FIELDS(GW_FIELD("id", STRING, .flags = GW_F_NULL),
			    GW_FIELD("phone", STRING, .flags = GW_F_NULL),
			    GW_FIELD("role", STRING, .flags = GW_F_NULL)),
};

/* Of each event_value: everything but the name. */
static const struct gw_field values[EVENT_VALUE_COUNT] = {
	[EVENT_VALUE_ANY] = {.type = GW_T_ANY},
	[EVENT_VALUE_STRING] = {.type = GW_T_STRING},
	[EVENT_VALUE_UUID] = {.type = GW_T_UUID},
	[EVENT_VALUE_INT] = {.type = GW_T_INT},
	[EVENT_VALUE_BOOL] = {.type = GW_T_BOOL},
	[EVENT_VALUE_QUOTED] = {.type = GW_T_OBJECT, .of = &quoted_schema},
	[EVENT_VALUE_FILE] = {.type = GW_T_OBJECT, .of = &file_schema},
	[EVENT_VALUE_MEMBERS] = {.type = GW_T_OBJECT, .flags = GW_F_MANY, .of = &member_schema},
};

static const struct gw_field truncated =
	GW_FIELD("truncated", BOOL, .flags = GW_F_OPTIONAL,
		 .text = "The body was too long: parts of it were left out or cut");

/* Fields of an object as they are put together. */
struct list {
	struct gw_field v[FIELDS_MAX + 1];
	const char *words[FIELDS_MAX][2]; /* of a member that is always the same text */
	unsigned count;
};

static bool
list_has(const struct list *l, const char *name)
{
	for (unsigned i = 0; i < l->count; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return true;
	return false;
}

static struct gw_field *
list_add(struct list *l, struct gw_field f)
{
	if (l->count == FIELDS_MAX)
		gh_panic("openapi: an event has more than %d members", FIELDS_MAX);
	l->v[l->count] = f;
	return &l->v[l->count++];
}

static void
list_add_text(struct list *l, const char *name, const char *text)
{
	l->words[l->count][0] = text;
	list_add(l,
		 (struct gw_field){.name = name, .type = GW_T_STRING, .words = l->words[l->count]});
}

/* ---- bodies ---- */

/* A member of the growhub body, as eventd/render.c writes it. */
static void
add_member(struct list *l, const struct event_field *member)
{
	struct gw_field *f;

	if (member->kind == EVENT_FIELD_TEXT) {
		list_add_text(l, member->name, member->fact);
		return;
	}
	f = list_add(l, values[member->value]);
	f->name = member->name;
	switch (member->kind) {
	case EVENT_FIELD_FACT:
	case EVENT_FIELD_DEVICE:
	case EVENT_FIELD_INSTANCE_ID:
		f->flags |= GW_F_NULL;
		break;
	case EVENT_FIELD_SEEN:
	case EVENT_FIELD_FILE:
		f->flags |= GW_F_OPTIONAL;
		break;
	case EVENT_FIELD_RAW:
		f->flags |= GW_F_OPTIONAL;
		f->text = "The provider's own object";
		break;
	case EVENT_FIELD_TIMESTAMP:
		f->text = "Milliseconds since 1970";
		break;
	case EVENT_FIELD_IS_KNOWN:
	case EVENT_FIELD_TEXT:
		break;
	}
}

static void
add_growhub(struct list *l, enum event_type type)
{
	const struct event_field *const *parts = event_body_parts(type);

	for (unsigned i = 0; i < EVENT_PARTS_MAX && parts[i] != NULL; i++)
		for (const struct event_field *f = parts[i]; f->name != NULL; f++)
			add_member(l, f);
	if (parts[0] == NULL) {
		list_add(l, (struct gw_field)GW_FIELD("instance_id", INT, .flags = GW_F_NULL));
		list_add(l, (struct gw_field)GW_FIELD("timestamp", INT,
						      .text = "Milliseconds since 1970"));
	}
	list_add(l, truncated);
}

/* The facts under their own names: those that the growhub body is made from. */
static void
add_facts(struct list *l, enum event_type type)
{
	const struct event_field *const *parts = event_body_parts(type);

	list_add(l, (struct gw_field)GW_FIELD("company_id", INT));
	list_add(l, (struct gw_field)GW_FIELD("instance_id", INT, .flags = GW_F_NULL));
	for (unsigned i = 0; i < EVENT_PARTS_MAX && parts[i] != NULL; i++) {
		for (const struct event_field *f = parts[i]; f->name != NULL; f++) {
			bool is_fact = f->kind == EVENT_FIELD_FACT || f->kind == EVENT_FIELD_SEEN ||
				       f->kind == EVENT_FIELD_RAW;
			struct gw_field fact = values[f->value];

			fact.name = f->fact;
			fact.flags |= GW_F_OPTIONAL | GW_F_NULL;
			if (is_fact && !list_has(l, f->fact))
				list_add(l, fact);
		}
	}
	list_add(l, truncated);
}

static void
write_growhub(struct json_w *w, enum event_type type, const char *event)
{
	struct list l = {.count = 0};
	/* Without a list of its own a body has all facts as they are. */
	const struct gw_schema body = {.fields = l.v, .is_open = event_body_parts(type)[0] == NULL};

	list_add_text(&l, "event", event);
	add_growhub(&l, type);
	openapi_field(w, "schema", &(struct gw_field){.type = GW_T_OBJECT, .of = &body});
}

static void
write_standard(struct json_w *w, enum event_type type, const char *event)
{
	struct list l = {.count = 0}, facts = {.count = 0};
	const struct gw_schema data = {.fields = facts.v, .is_open = true};
	const struct gw_schema body = {.fields = l.v};

	add_facts(&facts, type);
	list_add_text(&l, "type", event);
	list_add(&l, (struct gw_field)GW_FIELD("timestamp", TIME, .text = "When it happened"));
	list_add(&l, (struct gw_field)GW_FIELD("data", OBJECT, .of = &data));
	openapi_field(w, "schema", &(struct gw_field){.type = GW_T_OBJECT, .of = &body});
}

/* Its inner objects are its vendor's, and open. */
static void
write_uazapi(struct json_w *w, const char *event)
{
	static const char *const inner[] = {"message", "chat", "event", "call", "instance"};
	static const char *const texts[] = {"type", "state", "event_id", "chatSource"};
	struct list l = {.count = 0};
	const struct gw_schema body = {.fields = l.v};

	list_add_text(&l, "EventType", event);
	list_add_text(&l, "BaseUrl", "");
	list_add_text(&l, "token", "");
	list_add(&l, (struct gw_field)GW_FIELD("instanceName", STRING));
	list_add(&l, (struct gw_field)GW_FIELD("owner", STRING, .text = "Digits of the number"));
	for (size_t i = 0; i < GH_COUNT(texts); i++)
		list_add(&l, (struct gw_field){.name = texts[i],
					       .type = GW_T_STRING,
					       .flags = GW_F_OPTIONAL});
	for (size_t i = 0; i < GH_COUNT(inner); i++)
		list_add(&l, (struct gw_field){.name = inner[i],
					       .type = GW_T_OBJECT,
					       .flags = GW_F_OPTIONAL});
	openapi_field(w, "schema", &(struct gw_field){.type = GW_T_OBJECT, .of = &body});
}

/* ---- entries ---- */

static const struct gw_field headers[] = {
	GW_FIELD("webhook-id", STRING,
		 .text = "evt_ and the id of the event: the same at every try"),
	GW_FIELD("webhook-timestamp", INT, .text = "Unix seconds of this try"),
	GW_FIELD("webhook-signature", STRING,
		 .text = "v1, and the base64 of the HMAC-SHA256 over id.timestamp.body; "
			 "several, with blanks between, while a secret is rotated"),
	GW_FIELD("X-Webhook-Source", STRING, .words = GW_WORDS("GrowHub-Gateway")),
	GW_FIELD("User-Agent", STRING, .text = "GrowHub-Webhooks/ and the version"),
};

static void
write_headers(struct json_w *w)
{
	json_w_open(w, "parameters", '[');
	for (size_t i = 0; i < GH_COUNT(headers); i++)
		openapi_parameter(w, NULL, slice_of(headers[i].name), "header", true, &headers[i]);
	json_w_close(w, ']');
}

static void
write_answers(struct json_w *w)
{
	static const struct {
		const char *status, *text;
	} answers[] = {
		{"2XX", "Taken"},
		{"410", "The receiver is gone: the webhook is disabled"},
		{"default", "Not taken: tried again on the schedule"},
	};

	json_w_open(w, "responses", '{');
	for (size_t i = 0; i < GH_COUNT(answers); i++) {
		json_w_open(w, answers[i].status, '{');
		json_w_str(w, "description", slice_of(answers[i].text));
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
}

static void
write_event(struct json_w *w, enum event_type type, enum event_format format, const char *event)
{
	char text[96];
	struct buf key = BUF_FIXED(text);

	buf_add_printf(&key, "%s/%s", event_format_name(format), event);
	if (key.over)
		gh_panic("openapi: the name %s is too long", event);
	json_w_open(w, buf_cstr(&key), '{');
	json_w_open(w, "post", '{');
	json_w_str(w, "summary", slice_of(event));
	write_headers(w);
	json_w_open(w, "requestBody", '{');
	json_w_bool(w, "required", true);
	json_w_open(w, "content", '{');
	json_w_open(w, "application/json", '{');
	if (format == EVENT_FORMAT_GROWHUB)
		write_growhub(w, type, event);
	else if (format == EVENT_FORMAT_STANDARD)
		write_standard(w, type, event);
	else
		write_uazapi(w, event);
	json_w_close(w, '}');
	json_w_close(w, '}');
	json_w_close(w, '}');
	write_answers(w);
	json_w_close(w, '}');
	json_w_close(w, '}');
}

void
openapi_webhooks(struct json_w *w)
{
	json_w_open(w, "webhooks", '{');
	for (int f = 0; f < EVENT_FORMAT_COUNT; f++) {
		for (int t = EVENT_NONE + 1; t < EVENT_TYPE_COUNT; t++) {
			const char *name = event_own_name((enum event_type)t, (enum event_format)f);

			if (name != NULL)
				write_event(w, (enum event_type)t, (enum event_format)f, name);
		}
	}
	json_w_close(w, '}');
}
