/* gateway.c - the life of the gateway: connections, modules, listeners, drain.
 *
 * Order at start: connections (not yet up) -> modules -> listeners, so that no
 * request meets a half-built module. Order at the end is the reverse; requests
 * still waiting for the database are answered by the end of their units.
 */
#include "gaps.h"
#include "private.h"

#include "typing.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "daemon/daemon.h"
#include "daemon/provider_client.h"
#include "loop/loop.h"
#include "model/idempotent_reply.h"
#include "model/wake.h"

#define TABLES_MAX         24 /* statement tables of one connection */
#define PROVIDER_CALLS_MAX 256
#define IDLE_LOOK_US       (20 * CLOCK_MS)

/* The context and what only this file needs. */
struct process {
	struct gateway gw;
	struct http_tls *tls;
	struct route routes[GW_ROUTES_MAX];
	const struct db_stmt_table *write_tables[TABLES_MAX + 1];
	const struct db_stmt_table *read_tables[TABLES_MAX + 1];
	const struct db_stmt_table *create_tables[TABLES_MAX + 1]; /* of modules that create */
	struct loop_timer *idle_timer; /* looks whether the drain is over */
	uint8_t cursor_key[HASH_SHA256_SIZE];
};

/* ---- connections ---- */

/* Add the tables of a module that are not in the list yet. */
static void
merge_tables(const struct db_stmt_table **list, const struct db_stmt_table *const *add)
{
	for (; add != NULL && *add != NULL; add++) {
		unsigned i = 0;

		while (list[i] != NULL && list[i] != *add)
			i++;
		if (i == TABLES_MAX)
			gh_panic("gateway: more than %d statement tables", TABLES_MAX);
		list[i] = *add;
	}
}

static bool
has_keyed_routes(const struct gw_module *m)
{
	for (unsigned i = 0; i < m->route_count; i++)
		if ((m->routes[i].flags & GW_KEYED) != 0)
			return true;
	return false;
}

static enum gh_code
connect_database(struct process *p, struct gh_err *err)
{
	static const struct db_stmt_table *const own[] = {&wake_stmt_table, NULL};
	static const struct db_stmt_table *const keys[] = {&idempotent_reply_stmt_table, NULL};
	struct gateway *gw = &p->gw;
	const struct gw_module *const *modules;
	unsigned count;

	modules = modules_all(&count);
	merge_tables(p->write_tables, own);
	for (unsigned i = 0; i < count; i++) {
		merge_tables(p->write_tables, modules[i]->write_tables);
		merge_tables(p->read_tables, modules[i]->read_tables);
		if (!has_keyed_routes(modules[i]))
			continue;
		merge_tables(p->create_tables, modules[i]->write_tables);
		merge_tables(p->create_tables, modules[i]->read_tables);
	}
	merge_tables(p->create_tables, keys);
	gw->write = daemon_db(gw->daemon, "write", p->write_tables, false, NULL, NULL, err);
	if (gw->write == NULL)
		return GH_EINVAL;
	gw->read = daemon_db(gw->daemon, "read", p->read_tables, false, NULL, NULL, err);
	if (gw->read == NULL)
		return GH_EINVAL;
	gw->create = daemon_db(gw->daemon, "create", p->create_tables, true, NULL, NULL, err);
	if (gw->create == NULL)
		return GH_EINVAL;
	gw->wake = wake_new(gw->loop, gw->write, WAKE_OUTBOX);
	return GH_OK;
}

static enum gh_code
start_modules(struct gateway *gw, struct gh_err *err)
{
	unsigned count;
	const struct gw_module *const *modules = modules_all(&count);

	for (unsigned i = 0; i < count; i++) {
		enum gh_code rc;

		if (modules[i]->start == NULL)
			continue;
		rc = modules[i]->start(gw, err);
		if (rc != GH_OK)
			return rc;
	}
	return GH_OK;
}

/* ---- listeners ---- */

static enum gh_code
load_tls(struct process *p, struct gh_err *err)
{
	const struct gateway_conf *conf = p->gw.conf;

	if (conf->tls_cert == NULL && conf->tls_key == NULL)
		return GH_OK;
	if (conf->tls_cert == NULL || conf->tls_key == NULL)
		return gh_fail(err, GH_EINVAL, "gateway.tls_cert and gateway.tls_key go together");
	return http_tls_new(&p->tls, conf->tls_cert, conf->tls_key, err);
}

static enum gh_code
listen_on(struct process *p, const struct conf_listen *at, struct gh_err *err)
{
	struct gateway *gw = &p->gw;
	const struct http_server_opts opts = {
		.host = at->host[0] != '\0' ? at->host : "::",
		.port = at->port,
		.reuse_port = true,
		.connections_max = (unsigned)gw->conf->max_connections,
		.body_max = gw->conf->body_max,
		.tls = p->tls,
		.on_head = dispatch_head,
		.on_request = dispatch_request,
		.on_refuse = reply_refuse,
		.on_replied = dispatch_replied,
		.arg = gw,
	};
	enum gh_code rc = http_server_new(&gw->servers[gw->server_count], gw->loop, &opts, err);

	if (rc != GH_OK)
		return rc;
	gw->server_count++;
	log_info("gateway.listening", LOG_STR("host", at->host), LOG_INT("port", at->port));
	return GH_OK;
}

static enum gh_code
listen_all(struct process *p, struct gh_err *err)
{
	const struct conf_listens *listen = &p->gw.conf->listen;
	enum gh_code rc = load_tls(p, err);

	for (size_t i = 0; i < listen->count && rc == GH_OK; i++)
		rc = listen_on(p, &listen->v[i], err);
	return rc;
}

/* ---- start and stop ---- */

static void
process_free(struct process *p)
{
	struct gateway *gw = &p->gw;
	unsigned count;
	const struct gw_module *const *modules = modules_all(&count);

	metrics_collector_del(daemon_metrics(gw->daemon), http_metrics_collect, gw);
	for (unsigned i = 0; i < gw->server_count; i++)
		http_server_free(gw->servers[i]);
	for (unsigned i = count; i > 0; i--)
		if (modules[i - 1]->stop != NULL)
			modules[i - 1]->stop(gw);
	provider_client_free(gw->providers);
	gaps_free(gw->gaps);
	wake_free(gw->wake);
	db_free(gw->create);
	db_free(gw->read);
	db_free(gw->write);
	for (unsigned i = count; i > 0; i--)
		if (modules[i - 1]->release != NULL)
			modules[i - 1]->release(gw);
	loop_timer_free(p->idle_timer);
	http_tls_free(p->tls);
	router_free(gw->router);
	gh_wipe(&gw->seal_key, sizeof(gw->seal_key));
	gh_wipe(p->cursor_key, sizeof(p->cursor_key));
	gh_free(p);
}

/* Once the last connection is gone: what was accepted must also have left for the database. */
static void
look_idle(void *arg)
{
	struct process *p = arg;

	if (p->gw.servers_draining == 0 && db_is_idle(p->gw.create) && db_is_idle(p->gw.write) &&
	    db_is_idle(p->gw.read) && typing_is_idle(&p->gw))
		daemon_drained(p->gw.daemon);
	else
		loop_timer_set(p->idle_timer, IDLE_LOOK_US);
}

static void
make_keys(struct process *p)
{
	const struct conf_key *key = &p->gw.conf->common.secrets_key;

	seal_key_init(&p->gw.seal_key, key->b);
	/* A key of its own, the same in every gateway of the installation. */
	hash_hmac_sha256(slice_make(key->b, sizeof(key->b)), S("growhub cursor"), p->cursor_key);
	p->gw.cursor_key = slice_make(p->cursor_key, sizeof(p->cursor_key));
}

enum gh_code
gateway_start(struct daemon *d, struct gh_err *err)
{
	struct process *p = gh_alloc(sizeof(*p));
	struct gateway *gw = &p->gw;
	enum gh_code rc;

	gw->daemon = d;
	gw->loop = daemon_loop(d);
	gw->conf = daemon_conf(d);
	gw->metrics = daemon_table(d, 0);
	gw->router = router_new(p->routes, modules_routes(p->routes));
	gw->providers = provider_client_new(d, PROVIDER_CALLS_MAX);
	gw->gaps = gaps_new();
	p->idle_timer = loop_timer_new(gw->loop, look_idle, p);
	metrics_collector_add(daemon_metrics(d), http_metrics_collect, gw);
	make_keys(p);
	rc = connect_database(p, err);
	if (rc == GH_OK)
		rc = start_modules(gw, err);
	if (rc == GH_OK)
		rc = listen_all(p, err);
	if (rc != GH_OK) {
		process_free(p);
		return rc;
	}
	daemon_set_context(d, p);
	return GH_OK;
}

static void
server_drained(void *arg)
{
	struct gateway *gw = arg;

	gw->servers_draining--;
}

void
gateway_drain(struct daemon *d)
{
	struct process *p = daemon_context(d);
	struct gateway *gw = &p->gw;
	const struct gw_module *const *modules;
	unsigned count;

	modules = modules_all(&count);
	for (unsigned i = 0; i < count; i++)
		if (modules[i]->drain != NULL)
			modules[i]->drain(gw);
	gw->servers_draining = gw->server_count;
	for (unsigned i = 0; i < gw->server_count; i++)
		http_server_drain(gw->servers[i], server_drained, gw);
	loop_timer_set(p->idle_timer, 0);
}

void
gateway_stop(struct daemon *d)
{
	process_free(daemon_context(d));
}

void
gateway_reload(struct daemon *d)
{
	struct process *p = daemon_context(d);
	struct gh_err err = {0};

	if (p->tls != NULL && http_tls_reload(p->tls, &err) != GH_OK)
		log_error("gateway.tls_reload_failed", LOG_STR("err", err.text));
}
