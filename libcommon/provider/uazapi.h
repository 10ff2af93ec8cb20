/* uazapi.h - how the files of the UAZAPI translator plug together. Private to them. Contract:
 * contracts/uazapi.md.
 */
#ifndef GH_UAZAPI_H
#define GH_UAZAPI_H

#include "provider/translate.h"

struct json;

/* ---- uazapi_send.c: PROVIDER_OP_SEND, MESSAGE_GET (by track_id), struct provider.send_ref,
 * send_gap ---- */
translate_build_fn uazapi_build_send, uazapi_build_message_get;
translate_read_fn uazapi_read_send, uazapi_read_message;
bool uazapi_send_ref(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE]);
const char *uazapi_send_gap(enum msg_kind kind);
/* (3) What a call names the chat by: the digits of a person, the whole id of anything else. */
struct slice uazapi_number(const struct provider_chat *chat);
/* (5) What a person reads, such that the server replaces nothing in it. */
struct slice uazapi_text(struct slice text, struct arena *a);
/* (5.1) Bare id of a message object: "messageid", else what stands behind the owner in "id". May be
 * empty. Borrows. */
struct slice uazapi_message_id(const struct json *message);
/* (11) The status word of a message, case ignored; false for one that says nothing: "", "Queued".
 */
bool uazapi_status(struct slice word, enum msg_status *status);

/* ---- uazapi_session.c: sessions made, steered, asked about (sections 4, 7, 16.5) ---- */
translate_build_fn uazapi_build_session_create, uazapi_build_session_list, uazapi_build_session_get,
	uazapi_build_session_update, uazapi_build_session_connect, uazapi_build_session_disconnect,
	uazapi_build_session_delete, uazapi_build_session_reset, uazapi_build_presence,
	uazapi_build_privacy_get, uazapi_build_privacy_set;
translate_read_fn uazapi_read_session, uazapi_read_session_create, uazapi_read_session_down,
	uazapi_read_session_reset, uazapi_read_session_list, uazapi_read_session_find,
	uazapi_read_qr, uazapi_read_pair_code, uazapi_read_profile, uazapi_read_privacy,
	uazapi_read_server;
/* (4.1) The word of instance.status. */
enum provider_session uazapi_session_state(struct slice word);
/* The same of an instance object: connecting with a code at hand is QR. */
enum provider_session uazapi_instance_state(const struct json *instance);
/* Of one that is disconnected: no connect brings it back without a person. */
bool uazapi_instance_is_unpaired(const struct json *instance);

/* ---- uazapi_action.c, uazapi_group.c: PROVIDER_OP_ACTION and struct provider.read_action,
 * split_id, action_gap (sections 6, 16) ---- */
translate_build_fn uazapi_build_action;
void uazapi_read_action(enum provider_action action, const struct provider_answer *answer,
			struct arena *a, struct provider_result *out);
struct provider_message_ref uazapi_split_id(struct slice text);
const char *uazapi_action_gap(enum provider_action action, struct slice engine);

/* ---- uazapi_event.c, uazapi_message.c, uazapi_secret.c: webhook bodies (sections 9, 10) ---- */
enum gh_code uazapi_parse_event(struct slice body, struct arena *a, struct provider_event *out,
				struct gh_err *err);
enum gh_code uazapi_verify(struct slice key, struct slice signature, struct slice body);
void uazapi_redact(struct slice key, char *body, size_t n);

#endif
