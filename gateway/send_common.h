/* send_common.h - what the routes below /send have in common: the fields of every body, the way
 * from a body to the commit, and the answer, which waits for the outcome
 * (contracts/growhub-api.md section 5): 200 sent, 202 still on its way, 502 failed for good.
 */
#ifndef GH_GATEWAY_SEND_COMMON_H
#define GH_GATEWAY_SEND_COMMON_H

#include "send_parts.h"
#include "sending.h"
#include "uazapi_message.h"

struct gw_schema;

#define SEND_DELAY_MAX_MS 60000

struct send_common {
	struct slice number, to;
	struct slice replyid;
	const struct json *mentions;
	int64_t delay_ms;
	struct slice track_source, track_id;
	bool is_async;
};

#define SEND_MENTIONS_SCHEMA                                                                       \
	"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}"

#define SEND_COMMON_AT(type, member) .offset = offsetof(type, c.member)
#define SEND_COMMON_RULES(type)                                                                    \
	{"number",                                                                                 \
	 JSON_RULE_STRING,                                                                         \
	 JSON_RULE_NUMBER_OK | JSON_RULE_LINE,                                                     \
	 .min = 1,                                                                                 \
	 .max = SEND_PHONE_MAX,                                                                    \
	 SEND_COMMON_AT(type, number),                                                             \
	 .text = "Required, under either name"},                                                   \
		{"to",     JSON_RULE_STRING,      JSON_RULE_NUMBER_OK | JSON_RULE_LINE,            \
		 .min = 1, .max = SEND_PHONE_MAX, SEND_COMMON_AT(type, to)},                       \
		{"replyid", JSON_RULE_STRING, JSON_RULE_LINE, .max = SEND_REPLY_TO_MAX,            \
		 SEND_COMMON_AT(type, replyid)},                                                   \
		{"mentions", JSON_RULE_RAW, SEND_COMMON_AT(type, mentions),                        \
		 .schema = SEND_MENTIONS_SCHEMA},                                                  \
		{"delay",                                                                          \
		 JSON_RULE_INT,                                                                    \
		 .min = 0,                                                                         \
		 .max = SEND_DELAY_MAX_MS,                                                         \
		 SEND_COMMON_AT(type, delay_ms),                                                   \
		 .text = "Milliseconds of typing before it is sent"},                              \
		{"track_source", JSON_RULE_STRING, JSON_RULE_LINE, .max = SEND_NAME_MAX,           \
		 SEND_COMMON_AT(type, track_source)},                                              \
		{"track_id",                                                                       \
		 JSON_RULE_STRING,                                                                 \
		 JSON_RULE_LINE | JSON_RULE_NUMBER_OK,                                             \
		 .max = SEND_REFERENCE_MAX,                                                        \
		 SEND_COMMON_AT(type, track_id),                                                   \
		 .text = "The message's reference"},                                               \
	{                                                                                          \
		"async", JSON_RULE_BOOL, SEND_COMMON_AT(type, is_async),                           \
			.text = "Answer 200 as soon as it is queued"                               \
	}

/* One request on its way. */
struct send_job {
	struct send_reading r;
	struct sending *s;
	struct send_common *c; /* in the target of the check; gone once the handler returned */
	bool is_async;
	void *user; /* the kind's */
};

/* Begin: check the body with rules into target, of which c is part. NULL: answered (400). */
struct send_job *send_start(struct gw_req *req, enum idem_route route,
			    const struct json_rules *rules, void *target, struct send_common *c);
/* Read the common fields; the kind's own may be read before or behind. */
void send_read_common(struct send_job *x);
/* Everything is read: refuse every bad field, or commit, wait and answer. */
void send_finish(struct send_job *x);

struct slice send_none_if_empty(struct slice s);

/* Of the answer. */
extern const struct gw_schema send_outcome_schema;

#define SEND_TEXT_OF_DOC                                                                           \
	"Waits 10 s for the outcome, or as long as Prefer says; async does not wait. Beside data " \
	"stand the members of UAZAPI's reply. Its readchat, readmessages, forward, "               \
	"linkPreviewTitle, linkPreviewDescription, linkPreviewImage, linkPreviewLarge, "           \
	"thumbnail and viewOnce are taken and have no effect."
#define SEND_DOC(operation, line, rules, body_example)                                             \
	GW_DOC(operation, "Sending", line, .flags = GW_DOC_IDEMPOTENCY | GW_DOC_WAIT,              \
	       .body = &(rules), .example = (body_example), .status = {200, 202},                  \
	       .reply = &send_outcome_schema, .text = SEND_TEXT_OF_DOC,                            \
	       .beside = uazapi_message_fields,                                                    \
	       .errors = GW_ERR(NOT_SUPPORTED) | GW_ERR(PROVIDER_REJECTED) | GW_ERR(CONFLICT))

#endif
