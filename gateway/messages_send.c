/* messages_send.c - POST /api/messages/send: the hot path; and the reading of its body, which
 * those of a batch share. The path itself is sending.c.
 *
 * 201 goes out only behind the commit, written from what was stored.
 */
#include "endpoints.h"
#include "gateway.h"
#include "message_json.h"
#include "messages.h"
#include "send_parts.h"
#include "sending.h"
#include "waits.h"

#include "base/arena.h"
#include "model/message_row.h"

/* ---- reading the request ---- */

static const struct json_word kind_words[] = {
	{"text", MSG_TEXT},         {"image", MSG_IMAGE},
	{"video", MSG_VIDEO},       {"audio", MSG_AUDIO},
	{"document", MSG_DOCUMENT}, {"location", MSG_LOCATION},
	{"contact", MSG_CONTACT},   {NULL, 0},
};

/* The body as checked by the table. */
struct send_body {
	int64_t instance_id;
	struct slice phone_to;
	int kind; /* enum msg_kind */
	struct slice content;
	struct slice media_url;
	const struct json *location;
	const struct json *contact;
	struct slice reply_to;
	struct slice reference;
	const struct json *priority;
	int64_t scheduled_at_us;
	int64_t expires_at_us;
};

#define AT(member) .offset = offsetof(struct send_body, member)

static const struct json_rule send_rules[] = {
	{"instance_id", JSON_RULE_INT, JSON_RULE_REQUIRED, .min = 1, .max = INT32_MAX,
	 AT(instance_id)},
	{"phone_to", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_NUMBER_OK | JSON_RULE_LINE,
	 .min = 1, .max = SEND_PHONE_MAX, AT(phone_to)},
	{"message_type", JSON_RULE_WORD, .words = kind_words, AT(kind), .text = "Default: text"},
	{"content", JSON_RULE_STRING, .min = 1, .max = SEND_TEXT_MAX, AT(content),
	 .text = "Required of a text; of a file its caption, 1,024 characters at most"},
	{"media_url", JSON_RULE_STRING, .min = 1, .max = 2048, AT(media_url),
	 .text = "Required of an image, a video, an audio and a document; https, a public address"},
	{"location", JSON_RULE_OBJECT, AT(location), .of = &send_place_rules,
	 .text = "Required of a location"},
	{"contact", JSON_RULE_OBJECT, AT(contact), .of = &send_contact_rules,
	 .text = "Required of a contact, with name and phone"},
	{"reply_to", JSON_RULE_STRING, JSON_RULE_LINE, .min = 1, .max = SEND_REPLY_TO_MAX,
	 AT(reply_to), .text = "A message id, ours or the provider's"},
	{"reference", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK, .min = 1,
	 .max = SEND_REFERENCE_MAX, AT(reference)},
	{"priority", JSON_RULE_RAW, AT(priority),
	 .schema = "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
		   "{\"type\":\"string\",\"enum\":[\"high\",\"normal\",\"low\"]}],\"default\":5}"},
	{"scheduled_at", JSON_RULE_TIME, AT(scheduled_at_us), .text = "At most 60 days ahead"},
	{"expires_at", JSON_RULE_TIME, AT(expires_at_us), .text = "Default: a day after it is due"},
};

const struct json_rules message_send_rules = {send_rules, GH_COUNT(send_rules)};

static int16_t
read_priority(const struct send_reading *r, const struct json *v)
{
	static const struct json_word words[] = {{"high", 9}, {"normal", 5}, {"low", 2}};
	int64_t number = json_i64(v, 0);

	if (json_is_null(v))
		return SEND_PRIORITY_DEFAULT;
	if (number >= 1 && number <= 10)
		return (int16_t)number;
	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq(json_str(v), slice_of(words[i].text)))
			return (int16_t)words[i].value;
	send_complain(r, "priority", "must be an integer from 1 to 10, or high, normal, low");
	return SEND_PRIORITY_DEFAULT;
}

/* What the kind asks for. */
static void
read_kind(struct send_reading *r, const struct send_body *body)
{
	switch (r->row->kind) {
	case MSG_LOCATION:
		if (body->location == NULL)
			send_complain(r, "location", "is required");
		send_read_place(r, "location", body->location);
		return;
	case MSG_CONTACT:
		if (body->contact == NULL)
			send_complain(r, "contact", "is required");
		send_read_contact(r, "contact", body->contact);
		return;
	case MSG_TEXT:
		send_read_content(r, "content", body->content);
		return;
	default:
		send_read_content(r, "content", body->content);
		if (body->media_url.p == NULL)
			send_complain(r, "media_url", "is required");
		send_read_url(r, "media_url", body->media_url, SLICE_NONE);
	}
}

bool
message_send_read(struct gw_req *req, const struct json *v, struct json_errors *e,
		  struct accept_row *row)
{
	struct send_body body = {.kind = MSG_TEXT};
	struct send_reading r = {.a = req->a, .e = e, .policy = endpoints_policy(req), .row = row};
	unsigned before = e->count;

	(void)json_check(v, send_rules, GH_COUNT(send_rules), "", &body, NULL, e);
	row->kind = (enum msg_kind)body.kind;
	read_kind(&r, &body);
	row->priority = read_priority(&r, body.priority);
	send_read_times(&r, body.scheduled_at_us, body.expires_at_us);
	send_read_chat(&r, "phone_to", body.phone_to);
	send_read_end(&r);
	row->instance_id = (int32_t)body.instance_id;
	row->reply_to = body.reply_to;
	row->reference = body.reference;
	return e->count == before;
}

/* ---- the reply ---- */

static void
reply_row(struct gw_req *req, const struct message_row *row)
{
	struct json_w *w = gw_begin(req, "Message queued for sending");

	json_w_open(w, GW_DATA, '{');
	message_json_members(w, row);
	json_w_close(w, '}');
	gw_send(req, 201);
}

static void
accepted(struct gw_req *req, const struct message_row *row)
{
	int64_t wait_us;

	if (waits_preferred(req, &wait_us))
		waits_add(req, row, wait_us, reply_row);
	else
		reply_row(req, row);
}

void
messages_send(struct gw_req *req)
{
	struct sending *s = sending_new(req, IDEM_MESSAGE_SEND, accepted);

	if (s == NULL)
		return;
	(void)message_send_read(req, req->body, gw_errors(req), &s->row);
	if (!gw_refuse_fields(req))
		sending_commit(s);
}
