/* admin_instances.c - superadmin: the sessions that the providers themselves have, ours or
 * not.
 *
 * A provider that does not answer is listed with its error, never left out in silence. What
 * is done to a session that is an instance of ours is done to the instance too.
 */
#include "gateway.h"
#include "instances.h"
#include "session.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/session_setup.h"
#include "model/instance_lock.h"
#include "model/instance_state.h"
#include "model/provider_row.h"

#define PROVIDERS_MAX 1000

/* ---- list ---- */

/* A provider's part of the list; lives in the request's arena. */
struct part {
	struct listing *listing;
	struct provider_server_row server;
	const char *code, *text; /* NULL: it answered */
	struct provider_listed *sessions;
	size_t count;
};

struct listing {
	struct gw_req *req;
	struct part *parts;
	unsigned count;
	unsigned left; /* calls without an answer yet, and one for who starts them */
};

static const struct gw_schema provider_session_schema = {
	.name = "ProviderSession",
	.fields = GW_FIELDS(
		GW_FIELD("provider_id", INT), GW_FIELD("provider_name", STRING),
		GW_FIELD("provider_type", STRING), GW_FIELD("external_instance_id", STRING),
		GW_FIELD("status", STRING,
			 .words = GW_WORDS("stopped", "connecting", "scan_qr_code", "connected",
					   "failed", "unknown")),
		GW_FIELD("data", OBJECT, .text = "The provider's own object, without secrets")),
};

static const struct gw_schema provider_error_schema = {
	.name = "ProviderError",
	.fields = GW_FIELDS(GW_FIELD("provider_id", INT), GW_FIELD("provider_name", STRING),
			    GW_FIELD("provider_type", STRING), GW_FIELD("code", STRING),
			    GW_FIELD("message", STRING)),
};

static const struct gw_field list_beside[] = {
	GW_FIELD("total", INT),
	GW_FIELD("next_cursor", STRING, .flags = GW_F_NULL, .text = "Always null: one page"),
	GW_FIELD("provider_errors", OBJECT, .flags = GW_F_MANY, .of = &provider_error_schema),
	{.name = NULL},
};

static void
write_server(struct json_w *w, const struct provider_server_row *p)
{
	json_w_i64(w, "provider_id", p->id);
	json_w_str(w, "provider_name", p->name);
	json_w_str(w, "provider_type", p->type);
}

static size_t
write_sessions(struct json_w *w, const struct listing *l)
{
	size_t total = 0;

	for (unsigned i = 0; i < l->count; i++) {
		const struct part *p = &l->parts[i];

		for (size_t k = 0; k < p->count; k++) {
			json_w_open(w, NULL, '{');
			write_server(w, &p->server);
			json_w_str(w, "external_instance_id", p->sessions[k].session);
			json_w_str(w, "status", slice_of(session_word(p->sessions[k].state)));
			json_w_raw(w, "data", p->sessions[k].raw);
			json_w_close(w, '}');
		}
		total += p->count;
	}
	return total;
}

static void
list_reply(struct listing *l)
{
	struct json_w *w = gw_begin(l->req, "Sessions of the providers");
	size_t total;

	json_w_open(w, GW_DATA, '[');
	total = write_sessions(w, l);
	json_w_close(w, ']');
	json_w_i64(w, "total", (int64_t)total);
	json_w_null(w, "next_cursor");
	json_w_open(w, "provider_errors", '[');
	for (unsigned i = 0; i < l->count; i++) {
		if (l->parts[i].code == NULL)
			continue;
		json_w_open(w, NULL, '{');
		write_server(w, &l->parts[i].server);
		json_w_str(w, "code", slice_of(l->parts[i].code));
		json_w_str(w, "message", slice_of(l->parts[i].text));
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	gw_send(l->req, 200);
}

static void
list_ended(struct listing *l)
{
	if (--l->left == 0)
		list_reply(l);
}

static void
list_answered(void *arg, const struct provider_result *r, int64_t elapsed_us)
{
	struct part *p = arg;
	struct arena *a = p->listing->req->a;

	if (r->outcome != PROVIDER_OK) {
		log_warn("provider.call_failed", LOG_INT("provider", p->server.id),
			 LOG_STR("code", r->code), LOG_STR("err", r->text),
			 LOG_INT("dur_ms", elapsed_us / CLOCK_MS));
		p->code = r->code;
		p->text = arena_printf(a, "%s", r->text);
	}
	p->sessions = arena_alloc_array(a, r->listed_count + 1, sizeof(*p->sessions));
	for (p->count = 0; p->count < r->listed_count; p->count++) {
		const struct provider_listed *from = &r->listed[p->count];

		p->sessions[p->count] = (struct provider_listed){
			.session = arena_dup(a, from->session),
			.state = from->state,
			.raw = arena_dup(a, from->raw),
		};
	}
	list_ended(p->listing);
}

static void
list_found(struct gw_req *req, const struct db_unit *u)
{
	struct listing *l = arena_alloc(req->a, sizeof(*l));

	l->req = req;
	l->count = provider_server_count(u, 0);
	l->left = l->count + 1;
	l->parts = arena_alloc_array(req->a, l->count + 1, sizeof(*l->parts));
	for (unsigned i = 0; i < l->count; i++) {
		struct part *p = &l->parts[i];
		const struct provider_call call = {.op = PROVIDER_OP_SESSION_LIST};

		p->listing = l;
		provider_server_read(u, 0, i, req->a, &p->server);
		provider_client_call(
			req->gw->providers,
			&(struct provider_address){.type = p->server.type,
						   .base_url = p->server.base_url,
						   .api_key_sealed = p->server.api_key_sealed},
			&call, req->gw->conf->common.sending_deadline_us, list_answered, p);
	}
	list_ended(l);
}

static void
sessions_list(struct gw_req *req)
{
	struct db_unit *u = db_unit_new();

	provider_server_list_add(u, PROVIDERS_MAX);
	gw_submit(req, req->gw->read, u, list_found, NULL);
}

/* ---- one session ---- */

/* What comes after the session is found, by route. */
struct aimed {
	session_found_fn *act;
};

/* The server tells the keys of all its sessions to who has its own. */
static void
keys_told(struct session *s, const struct provider_result *r)
{
	const struct aimed *aimed = s->user;
	const struct provider_listed *own = session_setup_find(r, s->row.external_id);

	if (session_refused(s, r))
		return;
	if (own == NULL) {
		gw_error(s->req, GW_E_NOT_FOUND, "The provider has no such session");
		return;
	}
	s->session_key = arena_dup(s->req->a, own->session_key);
	aimed->act(s);
}

static void
aim_done(struct gw_req *req, const struct db_unit *u)
{
	struct session *s = req->user;
	const struct aimed *aimed = s->user;
	const struct provider *provider;
	struct provider_server_row server;

	if (provider_server_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, "No such provider");
		return;
	}
	s->has_row = instance_row_count(u, 1) > 0;
	if (s->has_row) {
		instance_row_read(u, 1, 0, req->a, &s->row);
	} else {
		provider_server_read(u, 0, 0, req->a, &server);
		s->row.provider_id = server.id;
		s->row.provider_type = server.type;
		s->row.base_url = server.base_url;
		s->row.api_key_sealed = server.api_key_sealed;
		s->row.external_id = route_param(&req->match, S("externalInstanceId"));
	}
	provider = provider_find(s->row.provider_type);
	if (!s->has_row && provider != NULL && provider->has_session_keys)
		session_do(s, PROVIDER_OP_SESSION_FIND, keys_told);
	else
		aimed->act(s);
}

static void
aim(struct gw_req *req, session_found_fn *act)
{
	struct session *s = session_new(req);
	struct aimed *aimed = arena_alloc(req->a, sizeof(*aimed));
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "providerId", &id))
		return;
	aimed->act = act;
	s->user = aimed;
	u = db_unit_new();
	provider_server_get_add(u, id);
	instance_external_add(u, id, route_param(&req->match, S("externalInstanceId")));
	gw_submit(req, req->gw->read, u, aim_done, NULL);
}

/* Neither the provider knows it, nor do we; or no session can have that name. */
static bool
is_unknown(struct session *s, const struct provider_result *r)
{
	if (s->has_row ||
	    !(provider_client_is_lost(r) || slice_eq(slice_of(r->code), S("invalid_call"))))
		return false;
	gw_error(s->req, GW_E_NOT_FOUND, "The provider has no such session");
	return true;
}

static void
acted(struct session *s)
{
	struct json_w *w = gw_begin(s->req, "Session disconnected");

	json_w_open(w, GW_DATA, '{');
	json_w_i64(w, "provider_id", s->row.provider_id);
	json_w_str(w, "external_instance_id", s->row.external_id);
	json_w_str(w, "status", slice_of(session_word(PROVIDER_SESSION_DISCONNECTED)));
	json_w_close(w, '}');
	gw_send(s->req, 200);
}

static void
disconnect_known(struct session *s, const struct provider_result *r)
{
	if (!is_unknown(s, r) && !session_refused(s, r))
		session_disconnect(s, acted);
}

static void
deleted(struct session *s, const struct provider_result *r)
{
	if (!provider_client_is_lost(r) && session_refused(s, r))
		return;
	if (s->has_row)
		instances_end(s->req, s->row.company_id, s->row.id);
	else
		acted(s);
}

/* A session that we know is deleted even if the provider lost it: then only the row goes. */
static void
delete_known(struct session *s, const struct provider_result *r)
{
	if (is_unknown(s, r))
		return;
	if (r->outcome != PROVIDER_OK && !provider_client_is_lost(r)) {
		if (session_refused(s, r))
			return;
	}
	session_do(s, PROVIDER_OP_SESSION_DELETE, deleted);
}

static void
disconnect_aimed(struct session *s)
{
	session_do(s, PROVIDER_OP_SESSION_GET, disconnect_known);
}

static void
delete_aimed(struct session *s)
{
	session_do(s, PROVIDER_OP_SESSION_GET, delete_known);
}

static void
session_disconnect_post(struct gw_req *req)
{
	aim(req, disconnect_aimed);
}

static void
session_delete(struct gw_req *req)
{
	aim(req, delete_aimed);
}

/* ---- the module ---- */

static const struct gw_schema session_acted_schema = {
	.name = "ProviderSessionState",
	.fields = GW_FIELDS(GW_FIELD("provider_id", INT), GW_FIELD("external_instance_id", STRING),
			    GW_FIELD("status", STRING)),
};

static const struct gw_field session_path[] = {
	GW_FIELD("externalInstanceId", STRING, .text = "The session's name at the provider"),
	{.name = NULL},
};

#define ERRORS (GW_ERR_PROVIDER | GW_ERR(NOT_FOUND))

static const struct gw_route routes[] = {
	{HTTP_GET, "/api/admin/instances", GW_ADMIN, 0, 0, sessions_list,
	 GW_DOC("listProviderSessions", "Providers", "Sessions that the providers have",
		.text = "All at once. provider_errors beside data names each provider that did "
			"not answer.",
		.flags = GW_DOC_ARRAY, .reply = &provider_session_schema, .beside = list_beside)},
	{HTTP_POST, "/api/admin/instances/{providerId}/{externalInstanceId}/disconnect", GW_ADMIN,
	 0, 0, session_disconnect_post,
	 GW_DOC("disconnectProviderSession", "Providers", "Log a session out and stop it",
		.text = "The instance that it belongs to, if any, is disconnected.",
		.path = session_path, .reply = &session_acted_schema,
		.errors = ERRORS | GW_ERR(INSTANCE_NOT_CONNECTED))},
	{HTTP_DELETE, "/api/admin/instances/{providerId}/{externalInstanceId}", GW_ADMIN, 0, 0,
	 session_delete,
	 GW_DOC("deleteProviderSession", "Providers", "Delete a session",
		.text = "The instance that it belongs to, if any, is deleted and answered.",
		.path = session_path, .errors = ERRORS)},
};

static const struct db_stmt_table *const write_tables[] = {
	&instance_state_stmt_table,
	&instance_lock_stmt_table,
	&instance_stmt_table,
	NULL,
};

static const struct db_stmt_table *const read_tables[] = {
	&instance_stmt_table,
	&provider_stmt_table,
	NULL,
};

const struct gw_module admin_instances_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = write_tables,
	.read_tables = read_tables,
};
