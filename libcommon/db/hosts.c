#include "db/hosts.h"

#include <inttypes.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "loop/dns.h"

#define HOSTS_MAX          16
#define HOSTS_LIST_MAX     8192 /* bytes of one comma-separated list */
#define HOSTS_KEYWORDS_MAX 64

struct db_host {
	struct db_hosts *owner;
	struct slice name; /* as written: name, address, directory or empty */
	struct slice addr; /* written hostaddr, or SLICE_NONE */
	struct slice port; /* empty: the default */
	struct dns_query *query;
	struct addr found[DNS_ADDRS_MAX];
	unsigned found_count;
};

struct db_hosts {
	PQconninfoOption *options;
	struct dns *dns;
	struct db_host host[HOSTS_MAX];
	unsigned count;
	unsigned first; /* rotation */
	unsigned pending;
	db_hosts_fn *done;
	void *arg;
	struct arena *arena; /* of the last db_hosts_params */
	const char *keywords[HOSTS_KEYWORDS_MAX];
	const char *values[HOSTS_KEYWORDS_MAX];
	unsigned param_count;
};

/* Value of an option in the string, or NULL. */
static const char *
hosts_option(const struct db_hosts *h, const char *keyword)
{
	for (const PQconninfoOption *o = h->options; o->keyword != NULL; o++) {
		if (strcmp(o->keyword, keyword) == 0)
			return o->val;
	}
	return NULL;
}

/* Elements of a comma-separated list; an absent or empty list has one empty element. */
static unsigned
hosts_split(const char *list, struct slice out[HOSTS_MAX + 1])
{
	struct slice rest = list != NULL ? slice_of(list) : S("");
	unsigned n = 0;

	while (rest.p != NULL && n <= HOSTS_MAX)
		out[n++] = slice_cut(rest, ',', &rest);
	return n;
}

static enum gh_code
hosts_read(struct db_hosts *h, struct gh_err *err)
{
	struct slice names[HOSTS_MAX + 1], addrs[HOSTS_MAX + 1], ports[HOSTS_MAX + 1];
	const char *addr_list = hosts_option(h, "hostaddr");
	unsigned name_count = hosts_split(hosts_option(h, "host"), names);
	unsigned addr_count = hosts_split(addr_list, addrs);
	unsigned port_count = hosts_split(hosts_option(h, "port"), ports);
	unsigned count = addr_list != NULL && addr_count > name_count ? addr_count : name_count;

	if (count > HOSTS_MAX)
		return gh_fail(err, GH_EINVAL, "more than %d hosts", HOSTS_MAX);
	if (name_count != count && hosts_option(h, "host") != NULL)
		return gh_fail(err, GH_EINVAL, "%u hosts but %u host addresses", name_count,
			       addr_count);
	if (addr_list != NULL && addr_count != count)
		return gh_fail(err, GH_EINVAL, "%u hosts but %u host addresses", name_count,
			       addr_count);
	if (port_count != 1 && port_count != count)
		return gh_fail(err, GH_EINVAL, "%u hosts but %u ports", count, port_count);
	for (unsigned i = 0; i < count; i++) {
		struct db_host *host = &h->host[i];

		host->owner = h;
		host->name = i < name_count ? names[i] : S("");
		host->addr = addr_list != NULL && addrs[i].n > 0 ? addrs[i] : SLICE_NONE;
		host->port = ports[port_count == 1 ? 0 : i];
	}
	h->count = count;
	return GH_OK;
}

enum gh_code
db_hosts_new(struct db_hosts **out, const char *url, struct dns *dns, struct gh_err *err)
{
	struct db_hosts *h = gh_alloc(sizeof(*h));
	char *why = NULL;
	enum gh_code rc;

	*out = NULL;
	h->dns = dns;
	h->arena = arena_new(0);
	h->options = PQconninfoParse(url, &why);
	if (h->options == NULL) {
		/* The message may quote a part of the string, password included. */
		rc = gh_fail(err, GH_EINVAL, "not a PostgreSQL connection string");
		PQfreemem(why);
		goto fail;
	}
	rc = hosts_read(h, err);
	if (rc != GH_OK)
		goto fail;
	*out = h;
	return GH_OK;
fail:
	db_hosts_free(h);
	return rc;
}

void
db_hosts_free(struct db_hosts *h)
{
	if (h == NULL)
		return;
	db_hosts_cancel(h);
	PQconninfoFree(h->options);
	arena_free(h->arena);
	gh_free(h);
}

void
db_hosts_cancel(struct db_hosts *h)
{
	for (unsigned i = 0; i < h->count; i++) {
		if (h->host[i].query != NULL)
			dns_cancel(h->host[i].query);
		h->host[i].query = NULL;
	}
	h->pending = 0;
}

void
db_hosts_rotate(struct db_hosts *h)
{
	h->first = (h->first + 1) % h->count;
}

/* A socket directory, a default, or an address is written: libpq looks nothing up. */
static bool
host_is_direct(const struct db_host *host)
{
	return host->addr.p != NULL || host->name.n == 0 || host->name.p[0] == '/' ||
	       host->name.p[0] == '@';
}

static void
hosts_finish(struct db_hosts *h)
{
	unsigned usable = 0;

	for (unsigned i = 0; i < h->count; i++)
		usable += host_is_direct(&h->host[i]) ? 1 : h->host[i].found_count;
	h->done(h->arg, usable);
}

static void
host_resolved(void *arg, enum gh_code code, const struct sockaddr_storage *addrs, unsigned count)
{
	struct db_host *host = arg;
	struct db_hosts *h = host->owner;

	host->query = NULL;
	host->found_count = 0;
	for (unsigned i = 0; code == GH_OK && i < count; i++) {
		const struct sockaddr *sa = (const struct sockaddr *)(const void *)&addrs[i];

		if (addr_from_sockaddr(sa, &host->found[host->found_count], NULL) == GH_OK)
			host->found_count++;
	}
	h->pending--;
	if (h->pending == 0)
		hosts_finish(h);
}

void
db_hosts_resolve(struct db_hosts *h, int64_t timeout_us, db_hosts_fn *done, void *arg)
{
	db_hosts_cancel(h);
	h->done = done;
	h->arg = arg;
	for (unsigned i = 0; i < h->count; i++) {
		struct db_host *host = &h->host[i];
		/* A direct host makes a pass over the loop too, so that done has one caller. */
		struct slice name = host_is_direct(host) ? S("127.0.0.1") : host->name;

		host->found_count = 0;
		if (dns_resolve(h->dns, name, timeout_us, host_resolved, host, &host->query) ==
		    GH_OK)
			h->pending++;
	}
	if (h->pending == 0)
		hosts_finish(h);
}

/* ---- parameters ---- */

static void
params_add(struct db_hosts *h, const char *keyword, const char *value)
{
	if (h->param_count + 1 >= HOSTS_KEYWORDS_MAX)
		gh_panic("db: more than %d connection parameters", HOSTS_KEYWORDS_MAX);
	h->keywords[h->param_count] = keyword;
	h->values[h->param_count] = value;
	h->param_count++;
}

static void
params_add_default(struct db_hosts *h, const char *keyword, const char *value)
{
	if (hosts_option(h, keyword) == NULL)
		params_add(h, keyword, value);
}

/* Lists with one element per address. */
struct host_lists {
	struct buf name, addr, port;
	unsigned count;
};

static void
lists_add(struct host_lists *l, const struct db_host *host, struct slice addr)
{
	if (l->count++ > 0) {
		buf_add_char(&l->name, ',');
		buf_add_char(&l->addr, ',');
		buf_add_char(&l->port, ',');
	}
	buf_add(&l->name, host->name);
	buf_add(&l->addr, addr);
	buf_add(&l->port, host->port);
}

static void
params_add_hosts(struct db_hosts *h)
{
	struct host_lists l = {.count = 0};

	buf_init(&l.name, h->arena, HOSTS_LIST_MAX * 4);
	buf_init(&l.addr, h->arena, HOSTS_LIST_MAX * 4);
	buf_init(&l.port, h->arena, HOSTS_LIST_MAX * 4);
	for (unsigned i = 0; i < h->count; i++) {
		const struct db_host *host = &h->host[(h->first + i) % h->count];
		char text[ADDR_TEXT_SIZE];

		if (host_is_direct(host)) {
			lists_add(&l, host, host->addr.p != NULL ? host->addr : S(""));
			continue;
		}
		for (unsigned j = 0; j < host->found_count; j++)
			lists_add(&l, host, slice_of(addr_text(&host->found[j], text)));
	}
	params_add(h, "host", buf_cstr(&l.name));
	params_add(h, "hostaddr", buf_cstr(&l.addr));
	params_add(h, "port", buf_cstr(&l.port));
}

static bool
params_are_ours(const char *keyword)
{
	static const char *const ours[] = {"host",    "hostaddr",         "port",
					   "options", "application_name", "client_encoding"};

	for (size_t i = 0; i < GH_COUNT(ours); i++) {
		if (strcmp(keyword, ours[i]) == 0)
			return true;
	}
	return false;
}

void
db_hosts_params(struct db_hosts *h, const struct db_hosts_defaults *def,
		const char *const **keywords, const char *const **values)
{
	const char *written = hosts_option(h, "options");

	arena_reset(h->arena);
	h->param_count = 0;
	params_add_hosts(h);
	for (const PQconninfoOption *o = h->options; o->keyword != NULL; o++) {
		if (o->val != NULL && !params_are_ours(o->keyword))
			params_add(h, o->keyword, o->val);
	}
	params_add(h, "application_name", def->application_name);
	params_add(h, "client_encoding", "UTF8");
	if (h->count > 1)
		params_add_default(h, "target_session_attrs", "read-write");
	params_add_default(h, "gssencmode", "disable"); /* Kerberos look-ups block */
	params_add_default(h, "keepalives_idle", "10");
	params_add_default(h, "keepalives_interval", "5");
	params_add_default(h, "keepalives_count", "3");
	params_add_default(h, "tcp_user_timeout", "15000");
	if (def->sends_options) {
		/* A transaction whose client vanished must not hold its locks for hours; a
		 * compiled plan costs more than our short statements. Plans are made once, maybe
		 * while a table is still empty: without the bans they would read it whole for ever,
		 * as they would a queue that was nearly empty when it was analysed. Our statements
		 * look up rows by index, one after the other. Bitmap scans stay: purges need
		 * them for their BRIN indexes. */
		params_add(h, "options",
			   arena_printf(h->arena,
					"-c statement_timeout=%" PRId64
					" -c idle_in_transaction_session_timeout=60000"
					" -c timezone=UTC -c jit=off -c enable_seqscan=off"
					" -c enable_hashjoin=off -c enable_mergejoin=off"
					" -c plan_cache_mode=force_generic_plan %s",
					def->statement_timeout_us / 1000,
					written != NULL ? written : ""));
	} else if (written != NULL) {
		params_add(h, "options", written);
	}
	h->keywords[h->param_count] = NULL;
	h->values[h->param_count] = NULL;
	*keywords = h->keywords;
	*values = h->values;
}
