/* waha.h - how the files of the WAHA translator plug together. Private to them. Contract:
 * contracts/waha.md.
 */
#ifndef GH_WAHA_H
#define GH_WAHA_H

#include "provider/translate.h"

/* ---- waha_send.c: PROVIDER_OP_SEND, and struct provider.send_ref ---- */
translate_build_fn waha_build_send;
bool waha_send_ref(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE]);

/* ---- waha_session.c ---- */
translate_build_fn waha_build_session_create, waha_build_session_update, waha_build_session_path,
	waha_build_session_list, waha_build_qr, waha_build_pair_code, waha_build_presence,
	waha_build_profile, waha_build_about;
translate_read_fn waha_read_session, waha_read_session_delete, waha_read_session_list, waha_read_qr,
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
translate_build_fn waha_build_action;
void waha_read_action(enum provider_action action, const struct provider_answer *answer,
		      struct arena *a, struct provider_result *out);
struct provider_message_ref waha_split_id(struct slice text);
/* (3.2) "true_<chat>_<bare>[_<participant>]". */
struct slice waha_full_id(const struct provider_message_ref *m, struct arena *a);

#endif
