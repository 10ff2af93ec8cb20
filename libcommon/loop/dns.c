/* dns.c - name resolution over evdns.
 *
 * A query is one caller's wish with its deadline; a lookup is one name being
 * asked for, A and AAAA, shared by its queries. A lookup is never cancelled in
 * evdns (its cancel still calls back later): it runs to its end, bounded by
 * evdns' own timeouts, and fills the cache for whoever asks next.
 */
#include "loop/dns.h"

#include <stdio.h>

#include <netinet/in.h>

#include <event2/dns.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "loop/loop.h"

#define TTL_MIN_US     (1 * CLOCK_SEC)
#define TTL_MAX_US     (30 * CLOCK_SEC)
#define TTL_FAILURE_US (1 * CLOCK_SEC)
/* Once one family has answered, the other gets this long: a name server that drops
 * AAAA queries must not cost its full timeout on every name. */
#define OTHER_FAMILY_US (300 * CLOCK_MS)
#define HOSTS_LINE_MAX  1024

/* What is known of a name: a line of the hosts file, or an answer kept for a while. */
struct entry {
	struct list link; /* in dns.by_age; unlinked for the hosts file */
	char *host;
	int64_t expires_us;
	enum gh_code code;
	unsigned count;
	struct sockaddr_storage *addrs;
};

struct dns {
	struct loop *l;
	struct evdns_base *evdns;
	struct map *hosts;   /* name -> entry, never expires */
	struct map *cache;   /* name -> entry */
	struct list by_age;  /* entries of cache, oldest first */
	struct map *waiting; /* name -> lookup that new queries may join */
	struct list lookups; /* all whose evdns callbacks are still to come */
	unsigned lookup_count;
	struct list ready; /* queries answered at once, waiting for their timer */
};

struct lookup {
	struct list link;
	struct dns *d; /* NULL: dns_free happened, only waits for evdns to let go */
	struct list queries;
	struct loop_timer *grace;
	unsigned pending; /* evdns callbacks to come */
	bool is_settled;
	bool has_temp_failure;
	int64_t ttl_us;
	unsigned count;
	struct sockaddr_storage addrs[DNS_ADDRS_MAX];
	char host[DNS_NAME_MAX + 1];
};

struct dns_query {
	struct list link; /* in lookup.queries or dns.ready */
	dns_fn *done;
	void *arg;
	struct loop_timer *timer; /* deadline, or zero delay when the answer is known */
	bool is_ready;
	enum gh_code code;
	unsigned count;
	struct sockaddr_storage addrs[DNS_ADDRS_MAX];
};

/* ---- what is known ---- */

static struct entry *
entry_new(struct slice host, enum gh_code code, const struct sockaddr_storage *addrs,
	  unsigned count)
{
	struct entry *e = gh_alloc(sizeof(*e));

	list_init(&e->link);
	e->host = gh_strndup(host.p, host.n);
	e->code = code;
	e->count = count;
	e->addrs = gh_alloc_array(count, sizeof(*addrs));
	if (count > 0)
		memcpy(e->addrs, addrs, count * sizeof(*addrs));
	return e;
}

static void
entry_free(struct entry *e)
{
	if (e == NULL)
		return;
	list_del(&e->link);
	gh_free(e->host);
	gh_free(e->addrs);
	gh_free(e);
}

static void
cache_drop(struct dns *d, struct entry *e)
{
	map_del(d->cache, slice_of(e->host));
	entry_free(e);
}

static void
cache_put(struct dns *d, struct slice host, enum gh_code code, const struct sockaddr_storage *addrs,
	  unsigned count, int64_t ttl_us)
{
	struct entry *e = entry_new(host, code, addrs, count);

	e->expires_us = clock_mono_us() + ttl_us;
	entry_free(map_put(d->cache, host, e));
	list_add_tail(&d->by_age, &e->link);
	if (map_count(d->cache) > DNS_CACHE_MAX)
		cache_drop(d, LIST_ENTRY(d->by_age.next, struct entry, link));
}

static void
map_drop_entries(struct map *m)
{
	struct slice key;
	void *value;
	size_t it = 0;

	while (map_next(m, &it, &key, &value))
		entry_free(value);
	map_free(m);
}

/* ---- hosts file ---- */

static void
hosts_add(struct dns *d, struct slice name, const struct sockaddr_storage *addr)
{
	char host[DNS_NAME_MAX + 1];
	struct entry *e;

	if (name.n == 0 || name.n > DNS_NAME_MAX)
		return;
	for (size_t i = 0; i < name.n; i++)
		host[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
	name = slice_make(host, name.n);
	e = map_get(d->hosts, name);
	if (e == NULL) {
		map_put(d->hosts, name, entry_new(name, GH_OK, addr, 1));
	} else if (e->count < DNS_ADDRS_MAX) {
		e->addrs = gh_realloc(e->addrs, (e->count + 1) * sizeof(*e->addrs));
		e->addrs[e->count++] = *addr;
	}
}

/* Split off the next blank-separated word. */
static struct slice
next_word(struct slice *rest)
{
	struct slice s = slice_trim(*rest);
	size_t n = 0;

	while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	*rest = slice_from(s, n);
	return slice_sub(s, 0, n);
}

static void
hosts_add_line(struct dns *d, struct slice line)
{
	struct sockaddr_storage ss;
	struct slice rest = slice_cut(line, '#', &(struct slice){0});
	struct slice word = next_word(&rest);
	struct addr a;

	if (addr_parse(word, &a) != GH_OK)
		return; /* empty, a comment, or a zone we could not use anyway */
	addr_to_sockaddr(&a, 0, &ss);
	word = next_word(&rest);
	while (word.n > 0) {
		hosts_add(d, word, &ss);
		word = next_word(&rest);
	}
}

static void
hosts_read(struct dns *d, const char *path)
{
	char line[HOSTS_LINE_MAX];
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		hosts_add_line(d, slice_cut(slice_of(line), '\n', &(struct slice){0}));
	fclose(f);
}

/* ---- queries ---- */

static void
query_free(struct dns_query *q)
{
	list_del(&q->link);
	loop_timer_free(q->timer);
	gh_free(q);
}

static void
query_finish(struct dns_query *q, enum gh_code code, const struct sockaddr_storage *addrs,
	     unsigned count)
{
	dns_fn *done = q->done;
	void *arg = q->arg;

	list_del(&q->link);
	loop_timer_free(q->timer);
	q->timer = NULL;
	done(arg, code, addrs, count);
	gh_free(q); /* last: addrs may be its own */
}

static void
query_timer(void *arg)
{
	struct dns_query *q = arg;

	if (q->is_ready)
		query_finish(q, q->code, q->addrs, q->count);
	else
		query_finish(q, GH_ETEMP, q->addrs, 0);
}

void
dns_cancel(struct dns_query *q)
{
	query_free(q);
}

/* ---- lookups ---- */

static void
lookup_free(struct lookup *lk)
{
	if (lk->d != NULL) {
		list_del(&lk->link);
		lk->d->lookup_count--;
		loop_timer_free(lk->grace);
	}
	gh_free(lk);
}

/* Answer everybody with what has come so far. */
static void
lookup_settle(struct lookup *lk)
{
	enum gh_code code = GH_OK;
	int64_t ttl_us = lk->ttl_us < TTL_MIN_US ? TTL_MIN_US : lk->ttl_us;
	struct slice host = slice_of(lk->host);
	struct list *n;

	if (lk->count == 0) {
		code = lk->has_temp_failure ? GH_ETEMP : GH_ENOTFOUND;
		ttl_us = TTL_FAILURE_US;
	}
	lk->is_settled = true;
	loop_timer_cancel(lk->grace);
	map_del(lk->d->waiting, host);
	cache_put(lk->d, host, code, lk->addrs, lk->count, ttl_us);
	n = lk->queries.next;
	while (n != &lk->queries) {
		query_finish(LIST_ENTRY(n, struct dns_query, link), code, lk->addrs, lk->count);
		n = lk->queries.next;
	}
}

static void
lookup_grace_over(void *arg)
{
	lookup_settle(arg);
}

static void
lookup_add(struct lookup *lk, int family, const void *address)
{
	struct sockaddr_storage *ss = &lk->addrs[lk->count++];

	ss->ss_family = (sa_family_t)family;
	if (family == AF_INET)
		memcpy(&((struct sockaddr_in *)(void *)ss)->sin_addr, address,
		       sizeof(struct in_addr));
	else
		memcpy(&((struct sockaddr_in6 *)(void *)ss)->sin6_addr, address,
		       sizeof(struct in6_addr));
}

/* evdns' answer for one family. */
static void
lookup_answered(int result, char type, int count, int ttl, void *addresses, void *arg)
{
	struct lookup *lk = arg;
	int family = type == DNS_IPv6_AAAA ? AF_INET6 : AF_INET;
	size_t size = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);

	lk->pending--;
	if (lk->d == NULL || lk->is_settled) {
		if (lk->pending == 0)
			lookup_free(lk);
		return;
	}
	if (result != DNS_ERR_NONE && result != DNS_ERR_NOTEXIST && result != DNS_ERR_NODATA)
		lk->has_temp_failure = true;
	if (result == DNS_ERR_NONE && count > 0) {
		/* Half for each family, so that many A records leave room for AAAA. */
		for (int i = 0; i < count && i < DNS_ADDRS_MAX / 2; i++)
			lookup_add(lk, family, (const char *)addresses + (size_t)i * size);
		if (ttl * CLOCK_SEC < lk->ttl_us)
			lk->ttl_us = ttl * CLOCK_SEC;
	}
	if (lk->pending == 0) {
		lookup_settle(lk);
		lookup_free(lk);
	} else if (lk->count > 0) {
		loop_timer_set(lk->grace, OTHER_FAMILY_US);
	}
}

static struct lookup *
lookup_new(struct dns *d, struct slice host)
{
	struct lookup *lk = gh_alloc(sizeof(*lk));

	list_init(&lk->queries);
	lk->d = d;
	lk->ttl_us = TTL_MAX_US;
	lk->grace = loop_timer_new(d->l, lookup_grace_over, lk);
	memcpy(lk->host, host.p, host.n);
	list_add_tail(&d->lookups, &lk->link);
	d->lookup_count++;
	/* evdns calls back later even when it knows at once; NULL: it refused the name. */
	if (evdns_base_resolve_ipv4(d->evdns, lk->host, 0, lookup_answered, lk) != NULL)
		lk->pending++;
	if (evdns_base_resolve_ipv6(d->evdns, lk->host, 0, lookup_answered, lk) != NULL)
		lk->pending++;
	if (lk->pending == 0) {
		lookup_free(lk);
		return NULL;
	}
	map_put(d->waiting, host, lk);
	return lk;
}

/* ---- the interface ---- */

/* Lower case into dst; GH_EINVAL for what cannot be a name. */
static enum gh_code
normalise(struct slice host, char dst[DNS_NAME_MAX + 1])
{
	if (host.n == 0 || host.n > DNS_NAME_MAX)
		return GH_EINVAL;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (c <= ' ' || c > '~')
			return GH_EINVAL;
		dst[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	dst[host.n] = '\0';
	return GH_OK;
}

bool
dns_peek(struct dns *d, struct slice host, enum gh_code *code,
	 struct sockaddr_storage addrs[DNS_ADDRS_MAX], unsigned *count)
{
	char name[DNS_NAME_MAX + 1];
	struct addr a;
	struct entry *e;

	*count = 0;
	if (normalise(host, name) != GH_OK)
		return false;
	host = slice_of(name);
	if (addr_parse(host, &a) == GH_OK) {
		addr_to_sockaddr(&a, 0, &addrs[0]);
		*count = 1;
		*code = GH_OK;
		return true;
	}
	e = map_get(d->hosts, host);
	if (e == NULL) {
		e = map_get(d->cache, host);
		if (e == NULL)
			return false;
		if (e->expires_us <= clock_mono_us()) {
			cache_drop(d, e);
			return false;
		}
	}
	*code = e->code;
	*count = e->count;
	memcpy(addrs, e->addrs, e->count * sizeof(*addrs));
	return true;
}

enum gh_code
dns_resolve(struct dns *d, struct slice host, int64_t timeout_us, dns_fn *done, void *arg,
	    struct dns_query **out)
{
	char name[DNS_NAME_MAX + 1];
	struct dns_query *q;
	struct lookup *lk;

	if (normalise(host, name) != GH_OK)
		return GH_EINVAL;
	host = slice_of(name);
	q = gh_alloc(sizeof(*q));
	list_init(&q->link);
	q->done = done;
	q->arg = arg;
	q->is_ready = dns_peek(d, host, &q->code, q->addrs, &q->count);
	if (q->is_ready) {
		list_add_tail(&d->ready, &q->link);
		timeout_us = 0;
	} else {
		lk = map_get(d->waiting, host);
		if (lk == NULL && d->lookup_count < DNS_IN_FLIGHT_MAX)
			lk = lookup_new(d, host);
		if (lk == NULL) {
			gh_free(q);
			return GH_EBUSY;
		}
		list_add_tail(&lk->queries, &q->link);
	}
	q->timer = loop_timer_new(d->l, query_timer, q);
	loop_timer_set(q->timer, timeout_us);
	*out = q;
	return GH_OK;
}

/* ---- life ---- */

static void
evdns_says(int is_warning, const char *text)
{
	if (is_warning != 0)
		log_warn("dns.server", LOG_STR("err", text));
	else
		log_debug("dns.server", LOG_STR("err", text));
}

struct dns *
dns_new(struct loop *l, const char *resolv_conf, const char *hosts)
{
	struct dns *d = gh_alloc(sizeof(*d));
	int rc;

	d->l = l;
	d->hosts = map_new();
	d->cache = map_new();
	d->waiting = map_new();
	list_init(&d->by_age);
	list_init(&d->lookups);
	list_init(&d->ready);
	evdns_set_log_fn(evdns_says);
	d->evdns = evdns_base_new(loop_base(l), 0);
	if (d->evdns == NULL)
		gh_panic("dns: evdns_base_new failed");
	rc = evdns_base_resolv_conf_parse(
		d->evdns, DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC,
		resolv_conf == NULL ? "/etc/resolv.conf" : resolv_conf);
	if (rc != 0)
		log_warn("dns.config", LOG_STR("err", "resolv.conf is missing or incomplete"));
	/* One question per lookup and family: the default of 64 would queue them in evdns. */
	if (evdns_base_set_option(d->evdns, "max-inflight", "2048") != 0)
		gh_panic("dns: evdns refused an option");
	hosts_read(d, hosts == NULL ? "/etc/hosts" : hosts);
	return d;
}

static void
queries_drop(struct list *queries)
{
	LIST_FOREACH_SAFE(n, queries)
	query_free(LIST_ENTRY(n, struct dns_query, link));
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	queries_drop(&d->ready);
	LIST_FOREACH_SAFE(n, &d->lookups)
	{
		struct lookup *lk = LIST_ENTRY(n, struct lookup, link);

		queries_drop(&lk->queries);
		loop_timer_free(lk->grace);
		list_del(&lk->link);
		lk->d = NULL;
	}
	/* Calls back for every open question in the next pass: that frees the lookups. */
	evdns_base_free(d->evdns, 1);
	map_drop_entries(d->hosts);
	map_drop_entries(d->cache);
	map_free(d->waiting);
	gh_free(d);
}
