/* uazapi_instance.h - an instance and its session as UAZAPI's replies show them
 * (contracts/uazapi.md section 4): beside success, message and data on the routes that both have.
 */
#ifndef GH_GATEWAY_UAZAPI_INSTANCE_H
#define GH_GATEWAY_UAZAPI_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "doc.h"

#include "base/slice.h"
#include "provider/provider.h"

struct arena;
struct gw_req;
struct instance_row;
struct json_w;

/* Absent slices are written as "". */
struct uazapi_instance {
	const struct instance_row *row;
	const char *status; /* "disconnected", "connecting", "connected" */
	struct slice token; /* only where the instance is made */
	struct slice qrcode, paircode, profile_name, picture_url;
};

/* By what the row says. */
const char *uazapi_instance_word(const struct instance_row *row);
const char *uazapi_session_word(enum provider_session state);

/* The members of an instance, into an open object. */
void uazapi_instance_members(struct json_w *w, const struct uazapi_instance *i, struct arena *a);
extern const struct gw_schema uazapi_instance_schema;
/* What it writes where it stands in the envelope itself. */
extern const struct gw_field uazapi_instance_fields[];

/* Change an instance of the request's company and answer with it; else 404, 409. */
struct instance_change;
void uazapi_instance_change(struct gw_req *req, int32_t id, const struct instance_change *change);

/* "status": {connected, loggedIn, jid, resetting} */
void uazapi_status_member(struct json_w *w, bool is_connected, struct slice jid, struct arena *a);

/* Beside data of what brings a session up or down: connected, loggedIn, jid, response, info,
 * status, instance. */
struct session;
struct session_state;
void uazapi_session_members(struct session *s, struct json_w *w, const char *response,
			    const struct session_state *st);
extern const struct gw_field uazapi_session_fields[];
/* Of GET /instance/status: status, instance. */
extern const struct gw_field uazapi_status_fields[];

/* "response" and "info", of what was done. */
extern const struct gw_field uazapi_response_fields[];
void uazapi_response_members(struct json_w *w, const char *response);

/* Members of instances.settings that these routes keep; settings_rules of instances.c leaves them
 * as they are. */
#define UAZAPI_SYSTEM_NAME "system_name"
#define UAZAPI_FIELD_01    "admin_field_01"
#define UAZAPI_FIELD_02    "admin_field_02"

#endif
