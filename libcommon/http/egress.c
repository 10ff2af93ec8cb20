/* egress.c - deny lists for tenant requests.
 *
 * The tables are webhooks-out.md section 11 plus the rest of IANA's special
 * registries. base/addr.h turns IPv4-mapped IPv6 into the IPv4 address it
 * embeds, so that it is judged as such.
 */
#include "http/egress.h"

#include <stddef.h>

#include "base/addr.h"
#include "base/mem.h"
#include "config/conf.h"

static const char *const denied_v4[] = {
	"0.0.0.0/8",       /* "this host" */
	"10.0.0.0/8",      /* private */
	"100.64.0.0/10",   /* carrier NAT */
	"127.0.0.0/8",     /* loopback */
	"169.254.0.0/16",  /* link local, cloud metadata */
	"172.16.0.0/12",   /* private */
	"192.0.0.0/24",    /* protocol assignments */
	"192.0.2.0/24",    /* documentation */
	"192.88.99.0/24",  /* 6to4 relays */
	"192.168.0.0/16",  /* private */
	"198.18.0.0/15",   /* benchmarks */
	"198.51.100.0/24", /* documentation */
	"203.0.113.0/24",  /* documentation */
	"224.0.0.0/4",     /* multicast */
	"240.0.0.0/4",     /* reserved, broadcast */
};

/* Global unicast; everything outside (loopback, NAT64 64:ff9b::/96, discard 100::/64,
 * 5f00::/16, unique local, link and site local, multicast) is refused by not being in it. */
static const char global_v6[] = "2000::/3";

static const char *const denied_v6[] = {
	"2001::/23",     /* protocol assignments: Teredo, ORCHID, benchmarks */
	"2001:db8::/32", /* documentation */
	"2002::/16",     /* 6to4: any IPv4 address inside */
	"3fff::/20",     /* documentation */
};

/* Above 1023: databases, brokers, caches, orchestration. */
static const uint16_t denied_ports[] = {
	1433, 1521, 2049, 2375, 2376, 2379, 2380,  3306,  3389,  5432,  5671,  5672,
	5984, 6379, 6443, 9042, 9200, 9300, 10250, 10255, 11211, 15672, 25672, 27017,
};

struct cidr_list {
	struct addr_cidr *cidrs;
	size_t count;
};

struct egress {
	struct addr_cidr global_v6;
	struct cidr_list special; /* the tables above */
	struct cidr_list allow, deny;
};

static enum gh_code
list_add(struct cidr_list *l, struct slice text)
{
	struct addr_cidr c;
	enum gh_code rc = addr_cidr_parse(text, &c);

	if (rc != GH_OK)
		return rc;
	l->cidrs = gh_realloc(l->cidrs, (l->count + 1) * sizeof(*l->cidrs));
	l->cidrs[l->count++] = c;
	return GH_OK;
}

static bool
list_has(const struct cidr_list *l, const struct addr *a)
{
	return addr_cidr_match_any(l->cidrs, l->count, a);
}

static void
list_add_table(struct cidr_list *l, const char *const *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list_add(l, slice_of(table[i])) != GH_OK)
			gh_panic("egress: bad range %s in the table", table[i]);
}

struct egress *
egress_new(void)
{
	struct egress *e = gh_alloc(sizeof(*e));

	if (addr_cidr_parse(slice_of(global_v6), &e->global_v6) != GH_OK)
		gh_panic("egress: bad range %s", global_v6);
	list_add_table(&e->special, denied_v4, GH_COUNT(denied_v4));
	list_add_table(&e->special, denied_v6, GH_COUNT(denied_v6));
	return e;
}

struct egress *
egress_new_allowing(const struct conf_cidrs *allow)
{
	struct egress *e = egress_new();
	char text[ADDR_CIDR_TEXT_SIZE];

	for (size_t i = 0; i < allow->count; i++) {
		const char *cidr = addr_cidr_text(&allow->v[i], text);

		if (egress_add_allow(e, slice_of(cidr)) != GH_OK)
			gh_panic("egress: range %s is not read back", cidr);
	}
	return e;
}

void
egress_free(struct egress *e)
{
	if (e == NULL)
		return;
	gh_free(e->special.cidrs);
	gh_free(e->allow.cidrs);
	gh_free(e->deny.cidrs);
	gh_free(e);
}

enum gh_code
egress_add_allow(struct egress *e, struct slice cidr)
{
	return list_add(&e->allow, cidr);
}

enum gh_code
egress_add_deny(struct egress *e, struct slice cidr)
{
	return list_add(&e->deny, cidr);
}

static bool
is_public(const struct egress *e, const struct addr *a)
{
	if (!addr_is_v4(a) && !addr_cidr_match(&e->global_v6, a))
		return false;
	return !list_has(&e->special, a);
}

bool
egress_permits(const struct egress *e, const struct sockaddr *addr, bool is_https)
{
	struct addr a;

	if (addr_from_sockaddr(addr, &a, NULL) != GH_OK)
		return false;
	if (list_has(&e->deny, &a))
		return false;
	if (list_has(&e->allow, &a))
		return true;
	return is_https && is_public(e, &a);
}

bool
egress_permits_port(uint16_t port, bool is_https)
{
	if (port < 1024)
		return port == 443 || (port == 80 && !is_https);
	for (size_t i = 0; i < GH_COUNT(denied_ports); i++)
		if (denied_ports[i] == port)
			return false;
	return true;
}
