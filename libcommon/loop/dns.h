/* dns.h - asynchronous name resolution (A and AAAA) with a small cache.
 *
 * /etc/hosts (read once, at dns_new) is asked first, then the name servers of
 * resolv.conf. Queries for the same name at the same time share one lookup.
 * Answers are kept for their TTL, 1 to 30 s; failures for 1 s.
 *
 * Threading: loop thread only.
 */
#ifndef GH_DNS_H
#define GH_DNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"

#define DNS_ADDRS_MAX     16
#define DNS_NAME_MAX      253
#define DNS_CACHE_MAX     4096 /* names; the oldest leaves first */
#define DNS_IN_FLIGHT_MAX 1024 /* lookups waiting for a name server */

struct dns;
struct dns_query;
struct loop;

/* GH_OK with 1..DNS_ADDRS_MAX addresses (port 0; valid during the call only); otherwise
 * count is 0: GH_ENOTFOUND the name has no address, GH_ETEMP no answer in time or the
 * name server failed. The query is gone when this is called. */
typedef void dns_fn(void *arg, enum gh_code code, const struct sockaddr_storage *addrs,
		    unsigned count);

/* resolv_conf, hosts: paths, NULL for the ones in /etc. A missing file is not an error:
 * the name server is then 127.0.0.1. */
struct dns *dns_new(struct loop *l, const char *resolv_conf, const char *hosts);
/* Callbacks of waiting queries are not called. The loop must make one more pass before
 * it is freed. Not legal inside dns_fn; NULL is legal. */
void dns_free(struct dns *d);

/* Resolve host: a name, or a numeric IPv4 or IPv6 address (no brackets).
 *
 * done  called once, from the loop, never before this returns, at the latest after
 *       timeout_us
 * out   the handle for dns_cancel; valid until done is called
 * Returns GH_EINVAL for a host that cannot be a name (empty, longer than DNS_NAME_MAX,
 * control bytes), GH_EBUSY when DNS_IN_FLIGHT_MAX lookups wait; done is then not called. */
enum gh_code dns_resolve(struct dns *d, struct slice host, int64_t timeout_us, dns_fn *done,
			 void *arg, struct dns_query **out) GH_MUST_USE;

/* Forget a query: done is not called. The lookup itself goes on and fills the cache. */
void dns_cancel(struct dns_query *q);

/* What is known without waiting: a numeric address, hosts file or cache (failures too).
 * Returns false when dns_resolve is needed; otherwise *code and addrs as for dns_fn. */
bool dns_peek(struct dns *d, struct slice host, enum gh_code *code,
	      struct sockaddr_storage addrs[DNS_ADDRS_MAX], unsigned *count) GH_MUST_USE;

#endif
