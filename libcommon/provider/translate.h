/* translate.h - what the translators of providers share: one row per operation, requests and
 * bodies begun and ended, answers judged by a table. Private to libcommon/provider.
 */
#ifndef GH_TRANSLATE_H
#define GH_TRANSLATE_H

#include "provider/provider.h"

struct buf;
struct json;
struct json_w;
struct message_payload;

/* 65,536 characters, all escaped to six bytes, and room for the frame. */
#define TRANSLATE_BODY_MAX (512 * 1024)

/* ---- operations ---- */

/* Fill method, url and body of *out, which is zeroed; headers are added by the caller. */
typedef enum gh_code translate_build_fn(const struct provider_server *server,
					const struct provider_call *call, struct arena *a,
					struct provider_request *out, struct gh_err *err);
/* Read a 2xx answer; doc is NULL when the body is empty or no JSON. out says OK so far. */
typedef void translate_read_fn(const struct json *doc, struct arena *a,
			       struct provider_result *out);

/* One operation. Without build it cannot be done, and lacks says where the contract says so. */
struct translate_op {
	translate_build_fn *build;
	translate_read_fn *read;
	const char *lacks;
	bool is_of_server; /* names no session */
};

/* A reader of answers that say nothing. */
translate_read_fn translate_read_nothing;

/* ---- requests ---- */

/* Begin a URL of at most URL_MAX bytes in a: the server's base URL, then path ("/api/..."). */
void translate_url_start(struct buf *b, struct arena *a, const struct provider_server *server,
			 const char *path);
/* The URL is complete. */
enum gh_code translate_url_end(const struct buf *b, struct provider_request *out,
			       struct gh_err *err) GH_MUST_USE;

/* Begin a JSON body: an open object. */
void translate_body_start(struct buf *b, struct arena *a, struct json_w *w);
/* Close it. */
enum gh_code translate_body_end(struct buf *b, struct json_w *w, struct provider_request *out,
				struct gh_err *err) GH_MUST_USE;

/* The whole body is there, and a stored file's bytes go where byte file_at is. */
void translate_body_split(struct provider_request *out, size_t file_at);

/* Borrows both. At most PROVIDER_HEADER_MAX. */
void translate_header_add(struct provider_request *r, struct slice name, struct slice value);

/* ---- sends ---- */

/* What a message of its kind lacks ("a place"); NULL: nothing. The accepting gateway has seen to
 * it; a row made otherwise must not become a request that means something else. */
const char *translate_send_lacks(const struct provider_send *m, const struct message_payload *p);

/* The digits of a phone number however it is written. */
struct slice translate_digits(struct slice phone, struct arena *a);

/* A poll leaves as its text where it has fewer or more choices than WhatsApp shows. */
bool translate_is_poll(const struct provider_send *m, const struct message_payload *p);

/* ---- answers ---- */

void translate_set(struct provider_result *out, enum provider_outcome outcome, const char *code);

#define TRANSLATE_OP(o)  (1u << (o))
#define TRANSLATE_OP_ANY (TRANSLATE_OP(PROVIDER_OP_COUNT) - 1u)

/* One row of a table of failures: status within from..to, operation in ops (TRANSLATE_OP), and has
 * (NULL: any) contained in the server's error text, case ignored. */
struct translate_rule {
	int from, to;
	unsigned ops;
	const char *has;
	enum provider_outcome outcome;
	const char *code;
	unsigned retry_after_s; /* RETRY, where the answer does not say when */
};

/* Decide a failure; doc is NULL when its body is no JSON. */
typedef void translate_fail_fn(enum provider_op op, int status, const struct json *doc,
			       struct provider_result *out);

/* struct provider.interpret: an answer of 2xx goes to its operation's reader, any other to fail.
 * A repeat of an operation that is not in once (TRANSLATE_OP) does no harm: where it may have
 * happened or not, that is as good as "not executed". */
void translate_answer(const struct translate_op *ops, translate_fail_fn *fail, unsigned once,
		      enum provider_op op, const struct provider_answer *answer, struct arena *a,
		      struct provider_result *out);

/* Compact JSON; SLICE_NONE of null. */
struct slice translate_text(const struct json *v, struct arena *a);

/* The object without the members named: what they hold is nobody's to see. */
struct slice translate_text_without(const struct json *object, const char *const *names,
				    size_t count, struct arena *a);

/* How a provider lists its sessions: objects with a "name". */
struct translate_listing {
	enum provider_session (*state)(const struct json *session);
	const char *key;            /* member that holds a session's key; NULL: none is told */
	const char *const *secrets; /* members that nobody is shown */
	size_t secret_count;
};

/* SESSION_LIST, SESSION_FIND: fill listed. */
void translate_read_sessions(const struct json *doc, const struct translate_listing *how,
			     struct arena *a, struct provider_result *out);

/* Whether words stand in s, ASCII case folded. */
bool translate_has_words(struct slice s, struct slice words);

/* The first row that fits decides; none: UNKNOWN, "provider_error". */
void translate_fail(const struct translate_rule *rules, size_t count, enum provider_op op,
		    int status, struct slice text, struct provider_result *out);

/* ---- readers of webhooks and answers (translate_read.c) ---- */

/* Digits of a person's id ("...@c.us", "...:7@s.whatsapp.net"); SLICE_NONE for any other. */
struct slice translate_phone(struct slice id, struct arena *a);

/* The id, SLICE_NONE when it is longer than PROVIDER_ID_MAX. */
struct slice translate_id(struct slice id);

/* Every id of the event within its bound: a fact about a longer one becomes OTHER, a quote of one
 * is none. For the end of struct provider.parse_event. */
void translate_event_bound(struct provider_event *ev);

/* Canonical key of a chat or person; what is not understood stays as received, unless it is too
 * long for an id. */
struct slice translate_chat_key(struct slice id, struct arena *a);

/* Microseconds of seconds, fractional seconds, milliseconds, text of any of them, or RFC 3339:
 * told apart by size. 0 when absent or absurd. */
int64_t translate_time(const struct json *v);

/* A number, or text of one; -1 when absent, negative or absurd. */
int64_t translate_count(const struct json *v);

/* A number, or text of one, at most limit either side of 0. */
bool translate_coordinate(const struct json *v, double limit, struct arena *a, double *out);

/* The first of the dotted paths that holds a text that is not empty. */
struct slice translate_first_str(const struct json *v, const char *const *paths, size_t count);

/* Compact JSON of a value that was read from source_bytes of text. */
struct slice translate_raw(const struct json *v, size_t source_bytes, struct arena *a);

/* A fact of kind OTHER that says nothing. */
void translate_fact_init(struct provider_fact *f);

#endif
