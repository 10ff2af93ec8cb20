/* send_parts.h - the pieces that bodies of sends are made of, whatever route they came by:
 * chat, place, contact, mentions, file, times. Each reads into an accept_row or its payload and
 * reports every bad field. Pure but for the clock.
 */
#ifndef GH_GATEWAY_SEND_PARTS_H
#define GH_GATEWAY_SEND_PARTS_H

#include "http/json_check.h"
#include "model/accept.h"
#include "model/message_payload.h"

struct endpoint_policy;

#define SEND_TEXT_MAX         65536 /* characters */
#define SEND_CAPTION_MAX      1024
#define SEND_PHONE_MAX        64
#define SEND_PHONES_MAX       320 /* of a contact */
#define SEND_REFERENCE_MAX    255
#define SEND_REPLY_TO_MAX     255
#define SEND_NAME_MAX         255
#define SEND_EMAIL_MAX        254
#define SEND_PRIORITY_DEFAULT 5

/* What one body is read with. */
struct send_reading {
	struct arena *a;
	struct json_errors *e;
	const struct endpoint_policy *policy; /* of URLs */
	struct accept_row *row;
	struct message_payload payload; /* send_read_end writes it into row */
};

void send_complain(const struct send_reading *r, const char *path, const char *text);

/* Who it goes to; absent: nothing happens. */
void send_read_chat(const struct send_reading *r, const char *path, struct slice to);
/* Due time and end (0: absent) into row. */
void send_read_times(const struct send_reading *r, int64_t scheduled_at_us, int64_t expires_at_us);

/* Rules of a place and of a contact (UAZAPI's names are the same fields) in a table whose target is
 * type; at: where in it they stand, with the dot ("place."), or nothing. */
#define SEND_PLACE_RULES(type, at)                                                                 \
	{"latitude", JSON_RULE_DOUBLE, JSON_RULE_REQUIRED,                                         \
	 .min = -90, .max = 90,        .offset = offsetof(type, at latitude)},                     \
		{"longitude", JSON_RULE_DOUBLE, JSON_RULE_REQUIRED,                                \
		 .min = -180, .max = 180,       .offset = offsetof(type, at longitude)},           \
		{"name", JSON_RULE_STRING, .max = SEND_CAPTION_MAX,                                \
		 .offset = offsetof(type, at name)},                                               \
	{                                                                                          \
		"address", JSON_RULE_STRING, .max = SEND_CAPTION_MAX,                              \
					     .offset = offsetof(type, at address)                  \
	}
#define SEND_CONTACT_TEXT(field, type, member)                                                     \
	{                                                                                          \
		field, JSON_RULE_STRING, JSON_RULE_LINE, .max = SEND_NAME_MAX,                     \
							 .offset = offsetof(type, member)          \
	}
#define SEND_CONTACT_PHONE(field, type, member)                                                    \
	{                                                                                          \
		field, JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK,                     \
			.min = 1, .max = SEND_PHONES_MAX, .pattern = send_phone_refusal,           \
			.offset = offsetof(type, member)                                           \
	}
#define SEND_CONTACT_RULES(type, at)                                                               \
	SEND_CONTACT_TEXT("name", type, at name), SEND_CONTACT_TEXT("fullName", type, at name),    \
		SEND_CONTACT_PHONE("phone", type, at phone),                                       \
		SEND_CONTACT_PHONE("phoneNumber", type, at phone),                                 \
		SEND_CONTACT_TEXT("organization", type, at organization),                          \
		{"email",                                                                          \
		 JSON_RULE_STRING,                                                                 \
		 JSON_RULE_LINE,                                                                   \
		 .max = SEND_EMAIL_MAX,                                                            \
		 .pattern = send_email_refusal,                                                    \
		 .offset = offsetof(type, at email)},                                              \
	{                                                                                          \
		"url", JSON_RULE_URL, .offset = offsetof(type, at url)                             \
	}
/* json_pattern_fn: phone numbers (digits and what people write between them) separated by commas;
 * something@something. */
const char *send_phone_refusal(struct slice s);
const char *send_email_refusal(struct slice s);

/* Of objects. */
extern const struct json_rules send_place_rules, send_contact_rules;
void send_read_place(struct send_reading *r, const char *prefix, const struct json *v);
void send_read_contact(struct send_reading *r, const char *prefix, const struct json *v);
/* One that was checked already: what must be there. */
void send_take_contact(struct send_reading *r, const char *prefix, const struct message_contact *c);
/* A vCard as it is. */
void send_read_vcard(struct send_reading *r, const char *path, struct slice vcard);

/* "all" (in a group: the chat is read already), numbers separated by commas, or an array of
 * numbers; NULL: none. */
void send_read_mentions(struct send_reading *r, const char *path, const struct json *v);

/* A file at a URL, which is judged as webhooks are; its MIME type is that of its name, where that
 * fits the kind. name: SLICE_NONE: the URL's. */
void send_read_url(struct send_reading *r, const char *path, struct slice url, struct slice name);

/* The text without which there is nothing to send, or a caption (kind is set). */
void send_read_content(const struct send_reading *r, const char *path, struct slice content);

/* Write the payload. */
void send_read_end(struct send_reading *r);

#endif
