/* waha.h - how the files of the WAHA translator plug together: one row per operation,
 * and what their builders and readers share. Private to them. Contract: contracts/waha.md.
 */
#ifndef GH_WAHA_H
#define GH_WAHA_H

#include "provider/provider.h"

struct buf;
struct json;
struct json_w;

/* 65,536 characters, all escaped to six bytes, and room for the frame. */
#define WAHA_BODY_MAX (512 * 1024)

/* Fill method, url and body of *out, which is zeroed; headers are added by the caller. */
typedef enum gh_code waha_build_fn(const struct provider_server *server,
				   const struct provider_call *call, struct arena *a,
				   struct provider_request *out, struct gh_err *err);
/* Read a 2xx answer; doc is NULL when the body is empty or no JSON. out says OK so far. */
typedef void waha_read_fn(const struct json *doc, struct arena *a, struct provider_result *out);

/* One operation. Without build it cannot be done, and lacks says where the contract says so. */
struct waha_op {
	waha_build_fn *build;
	waha_read_fn *read;
	const char *lacks;
	bool is_of_server; /* names no session */
};

/* Begin a URL of at most URL_MAX bytes in a: the server's base URL, then path ("/api/..."). */
void waha_url_start(struct buf *b, struct arena *a, const struct provider_server *server,
		    const char *path);
/* The URL is complete. */
enum gh_code waha_url_end(const struct buf *b, struct provider_request *out,
			  struct gh_err *err) GH_MUST_USE;

/* Begin a JSON body: an open object. */
void waha_body_start(struct buf *b, struct arena *a, struct json_w *w);
/* Close it. */
enum gh_code waha_body_end(struct buf *b, struct json_w *w, struct provider_request *out,
			   struct gh_err *err) GH_MUST_USE;

void waha_result_set(struct provider_result *out, enum provider_outcome outcome, const char *code);

/* A reader of answers that say nothing. */
waha_read_fn waha_read_nothing;

/* ---- waha_send.c: PROVIDER_OP_SEND, and struct provider.send_ref ---- */
waha_build_fn waha_build_send;
bool waha_send_ref(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE]);

/* ---- waha_session.c ---- */
waha_build_fn waha_build_session_create, waha_build_session_update, waha_build_session_path,
	waha_build_session_list, waha_build_qr, waha_build_pair_code, waha_build_presence,
	waha_build_profile, waha_build_about;
waha_read_fn waha_read_session, waha_read_session_delete, waha_read_session_list, waha_read_qr,
	waha_read_pair_code, waha_read_profile;

/* ---- waha_engine.c: struct provider.action_gap, send_gap ---- */
enum waha_engine { WAHA_UNKNOWN, WAHA_WEBJS, WAHA_WPP, WAHA_NOWEB, WAHA_GOWS };
enum waha_engine waha_engine_of(struct slice name);
/* (5) It knows a message by the id that the sender chose; false while it is not known itself. */
bool waha_engine_takes_id(enum waha_engine engine);
bool waha_engine_has_lists(enum waha_engine engine);
const char *waha_action_gap(enum provider_action action, struct slice engine);
const char *waha_send_gap(enum msg_kind kind);

/* ---- waha_action.c: PROVIDER_OP_ACTION, struct provider.read_action, split_id ---- */
waha_build_fn waha_build_action;
void waha_read_action(enum provider_action action, const struct provider_answer *answer,
		      struct arena *a, struct provider_result *out);
struct provider_message_ref waha_split_id(struct slice text);
/* (3.2) "true_<chat>_<bare>[_<participant>]". */
struct slice waha_full_id(const struct provider_message_ref *m, struct arena *a);

#endif
