/* admin_login.c - superadmins come in: login, who am I, change of the password.
 *
 * Passwords are verified on the worker thread. An unknown address costs the same
 * work as a wrong password, so that the time tells nothing; both count against the
 * failures of the caller's address. An attempt counts from its start and is forgiven
 * when it succeeds: many at once get no more tries than one after the other.
 */
#include "private.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "loop/loop.h"
#include "model/admin.h"
#include "model/admin_session.h"

#define FAILURES_PER_MINUTE 20

struct admin_login {
	struct budget *failures;
};

/* A hash of no password: what an unknown address is compared with. */
static const char nobody_hash[] = "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
				  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* One verification; lives in the request's arena. Filled before the worker starts. */
struct attempt {
	struct gw_req *req;
	struct slice email;
	struct slice password;
	struct slice new_password; /* absent for a login */
	struct slice hash;         /* stored */
	int32_t admin_id;          /* 0: nobody */
	enum gh_code code;         /* from the worker */
	char new_hash[PASSWORD_TEXT_SIZE];
	char token[GW_TOKEN_SIZE];
	uint8_t token_hash[HASH_SHA256_SIZE];
};

static const struct gw_schema admin_schema = {
	.name = "Admin",
	.fields =
		GW_FIELDS(GW_FIELD("id", INT), GW_FIELD("name", STRING), GW_FIELD("email", STRING),
			  GW_FIELD("is_superadmin", BOOL), GW_FIELD("status", STRING),
			  GW_FIELD("last_login", TIME, .flags = GW_F_NULL),
			  GW_FIELD("created_at", TIME), GW_FIELD("updated_at", TIME)),
};

static const struct gw_schema session_schema = {
	.name = "AdminSession",
	.text = "The token of a superadmin session, shown this once.",
	.fields =
		GW_FIELDS(GW_FIELD("admin", OBJECT, .of = &admin_schema), GW_FIELD("token", UUID)),
};

static void
write_admin(struct json_w *w, const char *name, const struct admin_view *v)
{
	json_w_open(w, name, '{');
	json_w_i64(w, "id", v->id);
	json_w_str(w, "name", v->name);
	json_w_str(w, "email", v->email);
	json_w_bool(w, "is_superadmin", v->is_superadmin);
	json_w_str(w, "status", v->status);
	json_w_time(w, "last_login", v->last_login_us);
	json_w_time(w, "created_at", v->created_at_us);
	json_w_time(w, "updated_at", v->updated_at_us);
	json_w_close(w, '}');
}

/* ---- verification, on the worker ---- */

static void
verify(void *arg)
{
	struct attempt *t = arg;

	t->code = password_verify(t->password, t->hash);
	if (t->code == GH_OK && t->new_password.p != NULL)
		t->code = password_hash(t->new_password, t->new_hash);
}

/* It was no failure. */
static void
forgive(const struct gw_req *req)
{
	budget_refund(req->gw->admin_login->failures, req->http->peer);
}

/* A session was made: the last step of both ways in. */
static void
session_made(struct gw_req *req, const struct db_unit *u)
{
	struct attempt *t = req->user;
	struct admin_view v;
	struct json_w *w;

	if (!admin_session_row(u, 0, &v)) {
		gw_error(req, GW_E_UNAUTHENTICATED,
			 "The account was changed or switched off meanwhile");
		return;
	}
	if (t->new_password.p != NULL)
		gw_auth_forget(req->gw);
	log_info(t->new_password.p != NULL ? "admin.password_changed" : "admin.logged_in",
		 LOG_INT("admin", v.id), LOG_STR("peer", req->http->peer));
	w = gw_begin(req, t->new_password.p != NULL ? "Password changed" : "Logged in");
	json_w_open(w, GW_DATA, '{');
	write_admin(w, "admin", &v);
	json_w_str(w, "token", slice_of(t->token));
	json_w_close(w, '}');
	gw_send(req, 200);
}

static void
verified(void *arg)
{
	struct attempt *t = arg;
	struct gw_req *req = t->req;
	struct slice token_hash = slice_make(t->token_hash, sizeof(t->token_hash));
	int64_t ttl_us = req->gw->conf->session_ttl_us;
	struct db_unit *u;

	if (t->code == GH_ETEMP) {
		forgive(req);
		gw_error_retry(req, GW_E_OVERLOADED, NULL, 1);
		return;
	}
	if (t->code != GH_OK || t->admin_id == 0) {
		gw_error(req, GW_E_UNAUTHENTICATED, "The e-mail address or the password is wrong");
		return;
	}
	forgive(req);
	gw_token_new(t->token, t->token_hash);
	u = db_unit_new();
	if (t->new_password.p != NULL)
		admin_session_password_add(u, t->admin_id, t->hash, slice_of(t->new_hash),
					   token_hash, ttl_us);
	else
		admin_session_login_add(u, t->admin_id, token_hash, ttl_us);
	gw_submit(req, req->gw->write, u, session_made, NULL);
}

/* False: this address failed too often, and was told so. */
static bool
may_try(struct gw_req *req)
{
	int64_t retry_s;

	if (!budget_is_spent(req->gw->admin_login->failures, req->http->peer, &retry_s))
		return true;
	gw_error_retry(req, GW_E_TOO_MANY_FAILURES, NULL, retry_s);
	return false;
}

static void
start_verify(struct attempt *t)
{
	struct gw_req *req = t->req;

	/* Again: others of the same address may have started since this one came in. */
	if (!may_try(req))
		return;
	budget_charge(req->gw->admin_login->failures, req->http->peer);
	if (loop_work(req->gw->loop, verify, verified, t) == GH_OK)
		return;
	forgive(req);
	gw_error_retry(req, GW_E_OVERLOADED, NULL, 1);
}

/* ---- what requests bring ---- */

#define PASSWORD_MAX (PASSWORD_LEN_MAX / 4) /* characters */
#define TEXT_RULE(key, least, most, member)                                                        \
	{                                                                                          \
		.name = (key), .type = JSON_RULE_STRING, .flags = JSON_RULE_REQUIRED,              \
		.min = (least), .max = (most), .offset = offsetof(struct attempt, member)          \
	}

/* NULL: the request was answered. */
static struct attempt *
attempt_read(struct gw_req *req, const struct json_rule *rules, unsigned count)
{
	struct attempt *t = arena_alloc(req->a, sizeof(*t));

	t->req = req;
	req->user = t;
	return may_try(req) && gw_check(req, rules, count, t, NULL) ? t : NULL;
}

/* ---- login ---- */

static void
login_found(struct gw_req *req, const struct db_unit *u)
{
	struct attempt *t = req->user;
	struct admin_row row;

	t->hash = slice_of(nobody_hash);
	if (admin_find_row(u, 0, req->a, &row) && row.is_active) {
		t->hash = row.password_hash;
		t->admin_id = row.id;
	}
	start_verify(t);
}

static const struct json_rule login_rules[] = {
	TEXT_RULE("email", 1, ADMIN_EMAIL_MAX, email),
	TEXT_RULE("password", 1, PASSWORD_MAX, password),
};

static void
login_post(struct gw_req *req)
{
	struct attempt *t = attempt_read(req, login_rules, GH_COUNT(login_rules));
	struct db_unit *u;

	if (t == NULL)
		return;
	u = db_unit_new();
	admin_find_add(u, t->email);
	gw_submit(req, req->gw->read, u, login_found, NULL);
}

/* ---- logged in ---- */

/* false: the session's admin is gone, the request was answered. */
static bool
admin_read(struct gw_req *req, const struct db_unit *u, struct admin_view *v)
{
	if (admin_session_row(u, 0, v))
		return true;
	gw_error(req, GW_E_UNAUTHENTICATED, NULL);
	return false;
}

static void
me_found(struct gw_req *req, const struct db_unit *u)
{
	struct admin_view v;

	if (!admin_read(req, u, &v))
		return;
	write_admin(gw_begin(req, "Admin"), GW_DATA, &v);
	gw_send(req, 200);
}

static void
me_get(struct gw_req *req)
{
	struct db_unit *u = db_unit_new();

	admin_session_get_add(u, req->who.admin_id);
	gw_submit(req, req->gw->read, u, me_found, NULL);
}

static void
password_found(struct gw_req *req, const struct db_unit *u)
{
	struct attempt *t = req->user;
	struct admin_view v;

	if (!admin_read(req, u, &v))
		return;
	t->admin_id = v.id;
	t->hash = arena_dup(req->a, v.password_hash);
	start_verify(t);
}

static const struct json_rule password_rules[] = {
	TEXT_RULE("current_password", 1, PASSWORD_MAX, password),
	TEXT_RULE("new_password", ADMIN_PASSWORD_MIN, PASSWORD_MAX, new_password),
};

static void
password_post(struct gw_req *req)
{
	struct attempt *t = attempt_read(req, password_rules, GH_COUNT(password_rules));
	struct db_unit *u;

	if (t == NULL)
		return;
	u = db_unit_new();
	admin_session_get_add(u, req->who.admin_id);
	gw_submit(req, req->gw->read, u, password_found, NULL);
}

/* ---- module ---- */

static enum gh_code
start(struct gateway *gw, struct gh_err *err)
{
	(void)err;
	gw->admin_login = gh_alloc(sizeof(*gw->admin_login));
	gw->admin_login->failures = budget_new(FAILURES_PER_MINUTE, 60 * CLOCK_SEC);
	return GH_OK;
}

static void
release(struct gateway *gw)
{
	if (gw->admin_login == NULL)
		return;
	budget_free(gw->admin_login->failures);
	gh_free(gw->admin_login);
	gw->admin_login = NULL;
}

static const struct gw_route routes[] = {
	{HTTP_POST, "/api/admin/login", GW_ANYONE, GW_JSON, 16384, login_post,
	 GW_DOC("login", "Superadmin", "Open a session", .body = JSON_RULES(login_rules),
		.example = "{\"email\":\"root@example.com\",\"password\":\"correct horse\"}",
		.reply = &session_schema,
		.errors = GW_ERR(UNAUTHENTICATED) | GW_ERR(TOO_MANY_FAILURES))},
	{HTTP_GET, "/api/admin/me", GW_ADMIN, 0, 0, me_get,
	 GW_DOC("getMe", "Superadmin", "The administrator of the session", .reply = &admin_schema)},
	{HTTP_POST, "/api/admin/change-password", GW_ADMIN, GW_JSON, 16384, password_post,
	 GW_DOC("changePassword", "Superadmin", "New password",
		.text = "The other sessions end and a fresh token is returned.",
		.body = JSON_RULES(password_rules),
		.example = "{\"current_password\":\"correct horse\","
			   "\"new_password\":\"battery staple\"}",
		.reply = &session_schema)},
};

static const struct db_stmt_table *const read_tables[] = {&admin_stmt_table,
							  &admin_session_stmt_table, NULL};
static const struct db_stmt_table *const write_tables[] = {&admin_session_stmt_table, NULL};

const struct gw_module admin_login_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = write_tables,
	.read_tables = read_tables,
	.start = start,
	.release = release,
};
