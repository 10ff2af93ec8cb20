/* instance_delete.c - DELETE /api/instances/{id}: the row, its tokens and keys at
 * once; then the session at the provider; then the waiting sends, in slices.
 *
 * Only the first step decides: once the row is deleted nothing is sent for it. The
 * session's deletion is tried once; where the provider does not confirm it, which is
 * no reason to keep the row, the answer and the log say so. Where sessions have keys,
 * a refused key proves nothing: the server's own list says whether the session is gone.
 * Sends that a crash leaves behind end by their expiry.
 */
#include "cancel.h"
#include "gateway.h"
#include "instances.h"
#include "uazapi_instance.h"

#include "base/arena.h"
#include "base/log.h"
#include "daemon/session_setup.h"
#include "model/wake.h"

/* One deletion on its way; lives in the request's arena. */
struct deletion {
	struct instance_row instance;
	struct provider_call call;
	bool is_gone; /* the session, as its provider says */
};

static void next_slice(struct gw_req *req);

static void
reply(struct gw_req *req)
{
	const struct deletion *d = req->user;
	struct json_w *w = gw_begin(req, d->is_gone ? "Instance deleted"
						    : "Instance deleted; its provider did not "
						      "confirm that its session is");

	json_w_open(w, GW_DATA, '{');
	instances_json_members(w, &d->instance);
	json_w_close(w, '}');
	if (req->who.kind == GW_INSTANCE)
		uazapi_response_members(w, "Instance Deleted");
	gw_send(req, 200);
}

/* The instance is deleted whatever becomes of its sends. */
static bool
slice_failed(struct gw_req *req, const struct db_error *err GH_UNUSED)
{
	reply(req);
	return true;
}

static void
slice_ended(struct gw_req *req, const struct db_unit *u)
{
	wake_send(req->gw->wake);
	/* None of them ended: somebody else is at it, or they are being sent. */
	if (db_row_count(db_unit_result(u, CANCEL_ENDED_STMT)) == 0)
		reply(req);
	else
		next_slice(req);
}

static void
slice_found(struct gw_req *req, const struct db_unit *u)
{
	struct cancel_row *rows;
	unsigned count = cancel_rows(u, 0, req->a, &rows);
	struct db_unit *next;

	if (count == 0) {
		reply(req);
		return;
	}
	next = db_unit_new();
	cancel_add(req, next, rows, count, "the instance was deleted");
	gw_submit(req, req->gw->write, next, slice_ended, slice_failed);
}

static void
next_slice(struct gw_req *req)
{
	const struct deletion *d = req->user;
	struct db_unit *u = db_unit_new();

	cancel_pick_add(u, d->instance.company_id, d->instance.id);
	gw_submit(req, req->gw->write, u, slice_found, slice_failed);
}

/* The last that is asked of the provider. */
static void
session_known(struct gw_req *req, bool is_gone)
{
	struct deletion *d = req->user;

	d->is_gone = is_gone;
	if (!is_gone)
		log_error("instance.session_left", LOG_INT("company", d->instance.company_id),
			  LOG_INT("instance", d->instance.id),
			  LOG_INT("provider", d->instance.provider_id),
			  LOG_SLICE("session", d->instance.external_id));
	next_slice(req);
}

static void
session_ended(void *arg, const struct provider_result *r, int64_t elapsed_us)
{
	struct gw_req *req = arg;
	const struct deletion *d = req->user;

	instances_call_log(&d->instance, &d->call, r, elapsed_us);
	session_known(req, r->outcome == PROVIDER_OK);
}

static void
session_listed(void *arg, const struct provider_result *r, int64_t elapsed_us)
{
	struct gw_req *req = arg;
	struct deletion *d = req->user;
	const struct provider_listed *own = session_setup_find(r, d->instance.external_id);

	instances_call_log(&d->instance, &d->call, r, elapsed_us);
	if (own == NULL) {
		session_known(req, r->outcome == PROVIDER_OK);
		return;
	}
	d->call = (struct provider_call){.op = PROVIDER_OP_SESSION_DELETE,
					 .session_key = own->session_key};
	instances_call(req, &d->instance, &d->call, session_ended);
}

/* The session must not live on unseen because its key was lost, or not known yet. */
static void
session_tried(void *arg, const struct provider_result *r, int64_t elapsed_us)
{
	struct gw_req *req = arg;
	struct deletion *d = req->user;
	const struct provider *provider = provider_find(d->instance.provider_type);

	if (provider == NULL || !provider->has_session_keys || !provider_client_is_lost(r)) {
		session_ended(arg, r, elapsed_us);
		return;
	}
	d->call = (struct provider_call){.op = PROVIDER_OP_SESSION_FIND};
	instances_call(req, &d->instance, &d->call, session_listed);
}

static void
delete_done(struct gw_req *req, const struct db_unit *u)
{
	struct deletion *d = req->user;

	if (instance_row_count(u, 0) == 0) {
		instances_gone(req);
		return;
	}
	gw_auth_forget(req->gw);
	instance_row_read(u, 0, 0, req->a, &d->instance);
	instances_forget(req->gw, d->instance.id);
	d->call.op = PROVIDER_OP_SESSION_DELETE;
	instances_call(req, &d->instance, &d->call, session_tried);
}

void
instances_end(struct gw_req *req, int32_t company_id, int32_t id)
{
	struct db_unit *u = db_unit_new();

	req->user = arena_alloc(req->a, sizeof(struct deletion));
	instance_delete_add(u, company_id, id);
	gw_submit(req, req->gw->write, u, delete_done, NULL);
}

void
instances_delete(struct gw_req *req)
{
	int32_t id;

	if (gw_id_param(req, "id", &id))
		instances_end(req, req->who.company_id, id);
}
