/* waha.h - what the files of the WAHA translator share; private to them. The functions are those
 * of struct provider, by operation. Contract: contracts/waha.md.
 */
#ifndef GH_WAHA_H
#define GH_WAHA_H

#include "provider/provider.h"

struct buf;

/* Begin a URL of at most URL_MAX bytes in a: the server's base URL, then path ("/api/..."). */
void waha_url_start(struct buf *b, struct arena *a, const struct provider_server *server,
		    const char *path);

/* waha_send.c: PROVIDER_OP_SEND, and struct provider.send_ref. The headers are the caller's. */
enum gh_code waha_build_send(const struct provider_server *server, const struct provider_call *call,
			     struct arena *a, struct provider_request *out, struct gh_err *err);
bool waha_send_ref(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE]);

/* waha_action.c: PROVIDER_OP_ACTION, struct provider.action_gap, read_action, split_id. */
enum gh_code waha_build_action(const struct provider_server *server,
			       const struct provider_call *call, struct arena *a,
			       struct provider_request *out, struct gh_err *err);
const char *waha_action_gap(enum provider_action action);
void waha_read_action(enum provider_action action, const struct provider_answer *answer,
		      struct arena *a, struct provider_result *out);
struct provider_message_ref waha_split_id(struct slice text);

#endif
