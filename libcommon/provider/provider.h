/* provider.h - what the daemons know of a messaging provider: pure translation.
 *
 * A provider is one const struct of functions without I/O, clock or state. It
 * turns an operation into an HTTP request, an HTTP answer into one outcome, and
 * a webhook body into normalised facts. The HTTP client, pacing, breaker and
 * recording are the callers'. Adding a provider is one file and one row of the
 * table in provider.c.
 *
 * Memory: every slice returned lives in the arena given (or in the input, where
 * said) and dies with it. Threading: any thread; nothing is shared.
 */
#ifndef GH_PROVIDER_H
#define GH_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "model/message.h"
#include "provider/action.h"

struct arena;
struct message_payload; /* model/message_payload.h */

/* ---- vocabulary: kinds and statuses are those of model/message.h ---- */

enum provider_session { /* of an instance at its provider */
			PROVIDER_SESSION_UNKNOWN = 0,
			PROVIDER_SESSION_CONNECTED = 1,
			PROVIDER_SESSION_CONNECTING =
				2, /* also: lost and reconnecting. Not a disconnection */
			PROVIDER_SESSION_QR = 3, /* a person must pair: QR, code or passkey */
			PROVIDER_SESSION_DISCONNECTED = 4,
			PROVIDER_SESSION_FAILED = 5
};

/* "connected", "qr", ...; never NULL. */
const char *provider_session_name(enum provider_session session);

/* ---- chats ---- */

enum provider_chat_kind {
	PROVIDER_CHAT_PERSON,
	PROVIDER_CHAT_LID, /* a person known only by WhatsApp's hidden id */
	PROVIDER_CHAT_GROUP,
	PROVIDER_CHAT_NEWSLETTER,
	PROVIDER_CHAT_BROADCAST, /* lists, and status@broadcast */
};

struct provider_chat {
	enum provider_chat_kind kind;
	/* Canonical form, one per chat: "<digits>@c.us", "...@g.us", "<digits>@lid",
	 * "<digits>@newsletter", "...@broadcast". What messages.chat_key holds and
	 * what WAHA takes as chatId. */
	struct slice key;
	/* key with the Brazilian ninth digit folded away (55 + area + 9 + 8 digits ->
	 * the 12-digit twin), so that both spellings share a lane. Never sent to. */
	struct slice lane_key;
	struct slice user; /* the part before '@' */
};

/* Normalise a chat id: E.164 digits (optional '+'; 7-15), "@c.us",
 * "@s.whatsapp.net" (":device" dropped), "@g.us", "@lid", "@newsletter",
 * "@broadcast". GH_EINVAL for anything else; out is then undefined. */
enum gh_code provider_chat_parse(struct slice id, struct arena *a,
				 struct provider_chat *out) GH_MUST_USE;

/* ---- requests ---- */

enum provider_op {
	PROVIDER_OP_SEND,
	PROVIDER_OP_SESSION_CREATE,
	PROVIDER_OP_SESSION_DELETE,
	PROVIDER_OP_SESSION_GET,
	PROVIDER_OP_QR,
	PROVIDER_OP_SERVER_VERSION, /* the health probe: reachable, key accepted, engine */
	PROVIDER_OP_MESSAGE_GET,    /* look-up of one message, to resolve in_doubt */
	PROVIDER_OP_SESSION_UPDATE, /* give the session a new spec; what else was configured stays
				     */
	PROVIDER_OP_SESSION_START,
	PROVIDER_OP_SESSION_STOP, /* stays paired where the provider can do that */
	PROVIDER_OP_SESSION_RESTART,
	PROVIDER_OP_SESSION_LOGOUT, /* unpairs; a running session begins anew */
	PROVIDER_OP_SESSION_LIST,
	PROVIDER_OP_PAIR_CODE,
	PROVIDER_OP_PRESENCE, /* of the account, or in one chat */
	PROVIDER_OP_PROFILE_GET,
	PROVIDER_OP_ABOUT_SET,
	PROVIDER_OP_PRIVACY_GET,
	PROVIDER_OP_PRIVACY_SET,
	PROVIDER_OP_ACTION,      /* provider/action.h; read with provider_read_action */
	PROVIDER_OP_SESSION_FIND /* of one made before: listed with keys, to be known by its name */
};
#define PROVIDER_OP_COUNT 21

/* Who may see or do what: the account's settings, and the words they can be set to. */
enum provider_privacy {
	PROVIDER_PRIVACY_READRECEIPTS,
	PROVIDER_PRIVACY_GROUPS, /* add us to groups */
	PROVIDER_PRIVACY_CALLS,
	PROVIDER_PRIVACY_LAST, /* see when we were there last */
	PROVIDER_PRIVACY_ABOUT,
	PROVIDER_PRIVACY_PICTURE
};
#define PROVIDER_PRIVACY_COUNT 6
enum provider_privacy_word {
	PROVIDER_PRIVACY_UNKNOWN = 0, /* not told; leave it as it is */
	PROVIDER_PRIVACY_ALL,
	PROVIDER_PRIVACY_CONTACTS,  /* those that we know */
	PROVIDER_PRIVACY_BLACKLIST, /* contacts except some */
	PROVIDER_PRIVACY_NONE
};
#define PROVIDER_PRIVACY_WORDS 5

/* The provider server as configured. Borrowed. */
struct provider_server {
	struct slice base_url; /* http(s)://host[:port][/prefix], with or without trailing slash */
	struct slice api_key;
	struct slice engine; /* as answered by SERVER_VERSION; SLICE_NONE: not known */
};

/* One outgoing message. Only what its kind needs is read. Borrowed. */
struct provider_send {
	enum msg_kind kind;
	struct slice chat;                           /* canonical key */
	struct slice send_ref;                       /* SLICE_NONE: none */
	struct slice content;                        /* text, or caption */
	const struct provider_message_ref *reply_to; /* what it quotes; NULL: nothing */
	struct slice media_url; /* of a file that is not stored (payload->file.media_id) */
	bool is_plain;          /* a menu leaves as its content, whatever the engine has */
	const struct message_payload *payload; /* NULL: nothing beyond the above */
};

/* What a new session is told about us. */
struct provider_session_spec {
	struct slice webhook_url;        /* our /webhook/{provider}/{key} */
	struct slice webhook_secret;     /* key of the webhook signature */
	int64_t company_id, instance_id; /* come back in every webhook */
};

enum provider_presence {
	PROVIDER_PRESENCE_AVAILABLE, /* the first two are the account's, the others a chat's */
	PROVIDER_PRESENCE_UNAVAILABLE,
	PROVIDER_PRESENCE_COMPOSING,
	PROVIDER_PRESENCE_RECORDING,
	PROVIDER_PRESENCE_PAUSED
};

struct provider_call {
	enum provider_op op;
	struct slice session;                     /* external_instance_id */
	struct slice session_key;                 /* SLICE_NONE: it has none, or none is known */
	const struct provider_send *send;         /* SEND */
	const struct provider_session_spec *spec; /* SESSION_CREATE, SESSION_UPDATE */
	struct slice chat; /* MESSAGE_GET: canonical; PRESENCE: any form, or SLICE_NONE */
	/* MESSAGE_GET: bare id, where it is known; else the message is looked for by what its send
	 * carried. */
	struct slice external_id, send_ref;
	bool want_image;                 /* QR: base64 PNG instead of the text to draw */
	struct slice config;             /* SESSION_UPDATE: result.config of SESSION_GET */
	struct slice phone;              /* PAIR_CODE: digits */
	enum provider_presence presence; /* PRESENCE */
	struct slice about;              /* ABOUT_SET */
	const struct provider_act *act;  /* ACTION */
	const enum provider_privacy_word *privacy; /* PRIVACY_SET: PROVIDER_PRIVACY_COUNT of them */
};

#define PROVIDER_HEADER_MAX 4
struct provider_header {
	struct slice name, value;
};

struct provider_request {
	const char *method;
	struct slice url; /* absolute */
	struct provider_header header[PROVIDER_HEADER_MAX];
	size_t header_count;
	struct slice body;  /* SLICE_NONE: none */
	bool is_idempotent; /* may be repeated after any outcome */
	/* The stored file (payload->file.media_id) goes behind body, as base64 text (RFC 4648,
	 * padded, no line ends), and body_tail behind it: only the caller has its bytes. */
	bool has_file;
	struct slice body_tail;
	bool carries_ref; /* SEND: the provider will know the message by its send_ref */
	/* SEND: it is not the content itself that leaves but a form of it, a list or a poll: where
	 * the server turns out to lack it, is_plain sends the content. */
	bool is_form;
	size_t answer_max; /* bytes of answer wanted; 0: the caller's own bound */
	/* The form of the call that older servers know: to be sent where this one is answered 404
	 * or 405, which says that nothing was done. NULL: none. */
	struct provider_request *or_else;
};

/* ---- answers ---- */

enum provider_transport {
	PROVIDER_ANSWERED, /* a complete HTTP answer */
	PROVIDER_NOT_SENT, /* failed before the request was written: refused, no name, TLS */
	PROVIDER_NO_ANSWER /* written or perhaps written, no complete answer */
};

struct provider_answer {
	enum provider_transport transport;
	int status; /* HTTP status when answered */
	struct slice body;
	int64_t retry_after_us; /* Retry-After as a duration; 0: none */
	bool is_cut;            /* the body was longer than the caller took: its beginning */
	struct slice send_ref;  /* MESSAGE_GET: the reference asked for; absent: by its id */
};

enum provider_outcome {
	PROVIDER_OK,
	PROVIDER_RETRY,         /* proved not executed: repeat later */
	PROVIDER_REJECTED,      /* refused for good; speaks of this message or call */
	PROVIDER_UNKNOWN,       /* may have happened; never repeat without a look */
	PROVIDER_PARK_INSTANCE, /* not executed; the session cannot work now */
	PROVIDER_PARK_PROVIDER  /* not executed; key, address or server is wrong */
};
const char *provider_outcome_name(enum provider_outcome outcome);

/* One session of SESSION_LIST. */
struct provider_listed {
	struct slice session;     /* external_instance_id */
	struct slice session_key; /* SLICE_NONE: none */
	enum provider_session state;
	/* The provider's own object as JSON, without secrets. */
	struct slice raw;
};

#define PROVIDER_TEXT_MAX 200

/* Bytes of an id that a provider tells: WhatsApp's have at most some 60. A longer one is no id, and
 * is never kept. A full id holds a chat and an author as well. */
#define PROVIDER_ID_MAX      256
#define PROVIDER_FULL_ID_MAX (3 * PROVIDER_ID_MAX)

struct provider_result {
	enum provider_outcome outcome;
	/* Stable snake_case reason, a literal, never NULL; "ok" when all is well. */
	const char *code;
	/* Provider's own words, bounded, printable, without anything we sent. */
	char text[PROVIDER_TEXT_MAX + 1];
	int64_t retry_after_us; /* 0: the caller's own schedule */
	bool is_lacking;        /* this build of the server has no such call, whoever asks */
	/* SEND refused as "first_contact_refused": wall time until which WhatsApp lets the account
	 * open no conversation; 0: not told. */
	int64_t until_us;

	struct slice external_id;      /* SEND, MESSAGE_GET: bare id; SLICE_NONE when not told */
	struct slice asked_ref;        /* MESSAGE_GET: send_ref of the answer, for its reader */
	bool is_found;                 /* MESSAGE_GET with PROVIDER_OK: the message exists */
	bool has_status;               /* MESSAGE_GET: it tells how far the message is */
	enum msg_status status;        /* MSG_SENT..MSG_FAILED */
	struct slice session_key;      /* SESSION_CREATE; SLICE_NONE: none */
	enum provider_session session; /* when the answer tells */
	struct slice session_word;     /* provider's own word for it */
	bool is_unpaired;              /* it is disconnected until a person pairs it (again) */
	struct slice own_number;       /* SESSION_GET: digits of the paired phone */
	struct slice qr, qr_type;      /* QR: text to draw, or base64 with its MIME type */
	struct slice version, engine;  /* SERVER_VERSION */
	/* SESSION_GET: the account's address with its device, the name it shows. */
	struct slice own_jid, own_name;
	struct slice config;          /* SESSION_GET: as JSON */
	const struct slice *webhooks; /* SESSION_GET: webhook_count URLs it posts to */
	size_t webhook_count;
	struct slice pair_code;               /* PAIR_CODE */
	struct slice picture_url;             /* PROFILE_GET; SLICE_NONE: hidden or none */
	const struct provider_listed *listed; /* SESSION_LIST: listed_count of them */
	size_t listed_count;
	struct slice chat; /* ACTION, where it says so: canonical */
	struct slice data; /* ACTION: JSON text; SLICE_NONE: none */
	enum provider_privacy_word privacy[PROVIDER_PRIVACY_COUNT]; /* PRIVACY_GET, PRIVACY_SET */
};

/* ---- webhooks ---- */

enum provider_fact_kind {
	PROVIDER_FACT_OTHER, /* understood as "not for us": kept, ignored */
	PROVIDER_FACT_MESSAGE,
	PROVIDER_FACT_STATUS,
	PROVIDER_FACT_SESSION,
	PROVIDER_FACT_REACTION,
	PROVIDER_FACT_EDITED,
	PROVIDER_FACT_REVOKED,
	PROVIDER_FACT_GROUP,
	PROVIDER_FACT_PRESENCE,
	PROVIDER_FACT_CALL,
	PROVIDER_FACT_POLL
};
const char *provider_fact_name(enum provider_fact_kind kind);

/* Media of a message, as far as the provider tells. */
struct provider_file {
	bool is_present;
	struct slice url, mime_type, name;
	struct slice error; /* download failed at the provider */
	int64_t size_bytes; /* -1: not told */
	int64_t duration_s; /* -1: not told */
};

/* A place that a message shows. */
struct provider_place {
	bool is_present;
	double latitude, longitude;
	struct slice name, address;
};

/* A person of a group, as far as the provider tells. */
struct provider_member {
	struct slice id;    /* canonical key */
	struct slice phone; /* digits of the same person when known */
	struct slice role;  /* provider's word: participant, admin, superadmin, left */
};

/* One normalised statement. Slices that do not apply are SLICE_NONE; ids of
 * people and chats are canonical keys (or as received when not understood, up to PROVIDER_ID_MAX).
 * A statement about an id that is too long to be one is OTHER. */
struct provider_fact {
	enum provider_fact_kind kind;
	int64_t at_us; /* provider's time of the fact; 0: not told */

	struct slice external_id; /* bare id of the message, call, reaction, vote */
	struct slice full_id;     /* as the provider wrote it: needed to quote or react */
	struct slice target_id;   /* REACTION, EDITED, REVOKED, POLL: bare id it is about */
	struct slice chat;        /* the conversation, whoever wrote */
	struct slice from, to;
	struct slice participant; /* author inside a group */
	struct slice lid;         /* hidden id of the other side (in groups: of the author) */
	struct slice phone;       /* digits of the same person when known */
	struct slice push_name;
	bool is_from_me;
	bool is_from_api; /* own message sent through the provider's API: our echo */
	/* Of that message: what its send carried as reference, where that is not its id. */
	struct slice send_ref;
	bool is_group;

	enum msg_kind message_kind;
	struct slice text;      /* text, caption, emoji (empty: removed), poll options (JSON) */
	struct slice choice_id; /* what was picked from a list or buttons; its words are in text */
	struct slice quoted_id, quoted_text;
	struct provider_file file;

	/* STATUS, and own messages that carry one: MSG_SENT..MSG_PLAYED or MSG_FAILED. The
	 * order of the numbers is the ladder: a status never moves a message back, and
	 * FAILED counts only while the message is processing or sent. */
	bool has_status;
	enum msg_status status;
	int ack; /* provider's number; INT_MIN: not told */

	enum provider_session session; /* SESSION */
	bool is_unpaired;              /* SESSION: disconnected until a person pairs it again */
	/* Provider's own word: session state, ack name, group or call action, presence. */
	struct slice word;

	struct slice raw; /* the provider's own object, compact JSON */

	struct provider_place place; /* MESSAGE */
	const struct slice *vcards;  /* MESSAGE */
	size_t vcard_count;
	struct slice description, invite;      /* GROUP; its subject is in text */
	const struct provider_member *members; /* GROUP: those it speaks of */
	size_t member_count;
	bool is_self;         /* GROUP: the account itself joined or left */
	bool is_video;        /* CALL */
	int64_t last_seen_us; /* PRESENCE; 0: not told */
};

struct provider_event {
	struct slice event_id; /* provider's id of the event; SLICE_NONE: none */
	struct slice name;     /* provider's event name */
	struct slice session;  /* external_instance_id */
	struct slice engine;
	struct slice own_number; /* digits of the account; SLICE_NONE while not paired */
	struct slice own_lid;
	int64_t at_us; /* 0: not told */
	struct provider_fact *fact;
	size_t fact_count; /* at least 1 */
};

/* ---- the provider ---- */

#define PROVIDER_SEND_REF_SIZE 64

/* What proves a webhook genuine, besides the path it came by. */
enum provider_proof {
	PROVIDER_PROOF_SIGNATURE,  /* signature_header, made with the session's webhook_secret */
	PROVIDER_PROOF_SESSION_KEY /* its body names the session's key */
};

struct provider {
	const char *name;             /* "waha": the type column and the webhook path */
	const char *event_id_header;  /* header that identifies a webhook post; NULL: none */
	const char *signature_header; /* NULL: the provider does not sign */
	enum provider_proof proof;
	bool reports_receipts; /* a sent message without any is stalled */
	/* A request that carries a send_ref gives the message that id: it is known before the
	 * answer, and without one, and a send repeated with it is the same message. Else the
	 * provider chooses, only its answer, a look-up or an echo tells, and a repeated send is a
	 * second message. */
	bool ref_is_id;

	/* Calls about one session need its session_key, which SESSION_CREATE answers: keep it
	 * sealed, and before the first of setup. When that answer was lost SESSION_FIND tells it.
	 */
	bool has_session_keys;
	/* The operations that follow SESSION_CREATE, in this order, until the session tells us what
	 * happens and can be paired; NULL: none. */
	const enum provider_op *setup;
	unsigned setup_count;

	/* PAIR_CODE starts a session that rests; one that shows a QR code has no other code. */
	bool pairs_from_rest;

	/* Fill *out. GH_EPERM with a reason in err: this provider (or we, yet) cannot
	 * do that kind or operation. GH_EINVAL: the call breaks a rule (session name,
	 * chat id). The request borrows from call and server. */
	enum gh_code (*build)(const struct provider_server *server,
			      const struct provider_call *call, struct arena *a,
			      struct provider_request *out, struct gh_err *err);

	/* Decide the outcome; never fails. out->code and out->text are always set. */
	void (*interpret)(enum provider_op op, const struct provider_answer *answer,
			  struct arena *a, struct provider_result *out);

	/* Read one webhook body. GH_EINVAL only when it is not a JSON object; an unknown
	 * event is one OTHER fact, an unknown content a message of kind UNSUPPORTED. */
	enum gh_code (*parse_event)(struct slice body, struct arena *a, struct provider_event *out,
				    struct gh_err *err);

	/* Check the proof over the raw bytes, in constant time; key is the webhook_secret or the
	 * session_key, as proof says. GH_EAUTH when it is absent or wrong. An empty key never
	 * verifies. */
	enum gh_code (*verify)(struct slice key, struct slice signature, struct slice body);

	/* Overwrite the secrets in a webhook body, key (of verify) among them, in place, before it
	 * is kept. NULL: it has none. */
	void (*redact)(struct slice key, char *body, size_t n);

	/* Write the reference that the provider may carry for this kind into dst
	 * (NUL-terminated); provider_request.carries_ref tells of each request. False when the
	 * provider carries none. */
	bool (*send_ref)(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE]);

	/* Where the provider's contract says that this engine of it has no such call ("section
	 * 18.5"); NULL: it has one, or the engine is not known (SLICE_NONE) and some have. */
	const char *(*action_gap)(enum provider_action action, struct slice engine);

	/* After interpret of PROVIDER_OP_ACTION came to PROVIDER_OK: read the answer into out,
	 * whose outcome changes when it says in words that nothing was done. */
	void (*read_action)(enum provider_action action, const struct provider_answer *answer,
			    struct arena *a, struct provider_result *out);

	/* What a message id of any form the provider writes says by itself; slices borrow. A text
	 * of no such form is taken as a bare id. */
	struct provider_message_ref (*split_id)(struct slice text);

	/* Where its contract says that no call sends messages of the kind; NULL: one does. */
	const char *(*send_gap)(enum msg_kind kind);
};

extern const struct provider provider_waha, provider_uazapi;

/* The provider of a type word, NULL when there is none. */
const struct provider *provider_find(struct slice name);

/* The functions of the table, with their arguments checked for GH_MUST_USE. */
enum gh_code provider_build(const struct provider *p, const struct provider_server *server,
			    const struct provider_call *call, struct arena *a,
			    struct provider_request *out, struct gh_err *err) GH_MUST_USE;
void provider_interpret(const struct provider *p, enum provider_op op,
			const struct provider_answer *answer, struct arena *a,
			struct provider_result *out);
enum gh_code provider_parse_event(const struct provider *p, struct slice body, struct arena *a,
				  struct provider_event *out, struct gh_err *err) GH_MUST_USE;
enum gh_code provider_verify(const struct provider *p, struct slice key, struct slice signature,
			     struct slice body) GH_MUST_USE;
/* Deterministic: a resend of the same message carries the same reference. */
bool provider_send_ref(const struct provider *p, enum msg_kind kind, struct uuid message,
		       char dst[PROVIDER_SEND_REF_SIZE]) GH_MUST_USE;

/* Interpret an action's answer, its body included (interpret, then read_action). */
void provider_read_action(const struct provider *p, enum provider_action action,
			  const struct provider_answer *answer, struct arena *a,
			  struct provider_result *out);

const char *provider_send_gap(const struct provider *p, enum msg_kind kind);

/* For people: "waha, engine GOWS", or the type alone. Borrows type, or lives in a. */
struct slice provider_words(struct slice type, struct slice engine, struct arena *a);

/* For translators: copy the provider's words into dst, printable and bounded:
 * control characters become blanks, broken UTF-8 becomes '?'. */
void provider_text_set(char dst[PROVIDER_TEXT_MAX + 1], struct slice words);

#endif
