/* media_urls.c - see media_urls.h.
 *
 *	ASKING  resolving, or fetching the first byte; who asks for the same URL waits with
 *	KNOWN   a finding, good until it expires
 */
#include "media_urls.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "daemon/daemon.h"
#include "daemon/version.h"
#include "http/client.h"
#include "http/egress.h"
#include "loop/dns.h"
#include "senderd.h"

#define KEPT_US         (30 * CLOCK_SEC) /* a finding that will hardly change */
#define UNREACHABLE_US  (4 * CLOCK_SEC)  /* less than the first wait of a retry */
#define DEADLINE_MAX_US (10 * CLOCK_SEC)

struct media_urls {
	struct senderd *sd;
	struct http_client *client;
	struct egress *egress;
	struct list retired; /* struct retired: egress that a question may still follow */
	struct map *known;   /* SHA-256 of the URL -> struct asked */
	struct list by_age;
	unsigned asking;
};

struct retired {
	struct list link;
	struct egress *egress;
};

enum asked_state { ASKED_KNOWN, ASKED_ASKING };

/* One URL. */
struct asked {
	struct list link; /* by_age */
	struct media_urls *m;
	uint8_t key[HASH_SHA256_SIZE];
	enum asked_state state;
	struct list waiting;
	int64_t until_us; /* ASKING: give up then; KNOWN: then it is asked anew */
	unsigned moves;
	const struct egress *egress;
	struct url url; /* of finding.url */
	struct dns_query *query;
	struct http_call *call;
	struct media_finding finding;
};

struct media_query {
	struct list link;
	enum msg_kind kind;
	media_fn *fn;
	void *arg;
};

/* ---- findings ---- */

static void
asked_free(struct asked *as)
{
	list_del(&as->link);
	(void)map_del(as->m->known, slice_make(as->key, sizeof(as->key)));
	if (as->query != NULL)
		dns_cancel(as->query);
	if (as->call != NULL)
		http_cancel(as->call);
	gh_free(as);
}

static void
retired_free(struct media_urls *m)
{
	while (!list_is_empty(&m->retired)) {
		struct retired *r = LIST_ENTRY(list_pop(&m->retired), struct retired, link);

		egress_free(r->egress);
		gh_free(r);
	}
}

static void
tell(const struct media_finding *f, enum msg_kind kind, media_fn *fn, void *arg)
{
	struct media_finding other;

	if (f->verdict != MEDIA_FINE || media_type_may_be(slice_of(f->type), kind)) {
		fn(arg, f);
		return;
	}
	other = *f;
	media_find(&other, MEDIA_REFUSED, "media_type_mismatch",
		   "the file at media_url is of another kind than the message");
	fn(arg, &other);
}

/* Whoever is told may ask for more: nothing of as is looked at any more. */
static void
asked_end(struct asked *as)
{
	struct media_urls *m = as->m;
	struct media_finding finding = as->finding;
	struct list waiting;

	as->state = ASKED_KNOWN;
	as->until_us =
		clock_mono_us() + (finding.verdict == MEDIA_UNREACHABLE ? UNREACHABLE_US : KEPT_US);
	if (finding.verdict == MEDIA_BUSY)
		as->until_us = 0;
	m->asking--;
	if (m->asking == 0)
		retired_free(m);
	list_init(&waiting);
	list_splice_tail(&waiting, &as->waiting);
	while (!list_is_empty(&waiting)) {
		struct media_query *q = LIST_ENTRY(list_pop(&waiting), struct media_query, link);
		struct media_query told = *q;

		gh_free(q);
		tell(&finding, told.kind, told.fn, told.arg);
	}
}

static void
asked_fail(struct asked *as, enum media_verdict verdict, const char *code, const char *text)
{
	media_find(&as->finding, verdict, code, text);
	asked_end(as);
}

/* ---- questions ---- */

static void asked_begin(struct asked *as);

static void
asked_answered(void *arg, const struct http_result *r)
{
	struct asked *as = arg;

	as->call = NULL;
	media_judge(&as->finding, r, &as->url, (int64_t)as->m->sd->conf->media_url_max);
	if (as->finding.verdict != MEDIA_MOVED)
		asked_end(as);
	else if (++as->moves > MEDIA_MOVES_MAX)
		asked_fail(as, MEDIA_REFUSED, "media_refused", "media_url is moved too often");
	else
		asked_begin(as);
}

static void
asked_fetch(struct asked *as)
{
	static const struct http_header headers[] = {{{"Range", 5}, {"bytes=0-0", 9}}};
	const struct http_request request = {
		.method = S("GET"),
		.url = &as->url,
		.headers = headers,
		.header_count = GH_COUNT(headers),
		.timeout_us = as->until_us - clock_mono_us(),
		.response_max = 1,
		.egress = as->egress,
	};

	if (request.timeout_us <= 0)
		asked_fail(as, MEDIA_UNREACHABLE, "media_unreachable",
			   "the host of media_url: timeout");
	else if (http_client_send(as->m->client, &request, asked_answered, as, &as->call) != GH_OK)
		asked_fail(as, MEDIA_BUSY, "waiting_media", "too many files are asked for");
}

/* The provider resolves the name again: all of its addresses must do. */
static void
asked_resolved(void *arg, enum gh_code code, const struct sockaddr_storage *addrs, unsigned count)
{
	struct asked *as = arg;

	as->query = NULL;
	if (code != GH_OK) {
		asked_fail(as, MEDIA_UNREACHABLE, "media_unreachable",
			   "the name in media_url has no address");
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		if (egress_permits(as->egress, (const struct sockaddr *)&addrs[i],
				   as->url.is_https))
			continue;
		asked_fail(as, MEDIA_REFUSED, "media_url_blocked",
			   "media_url leads to an address that may not be fetched");
		return;
	}
	if (as->m->sd->conf->media_check) {
		asked_fetch(as);
		return;
	}
	as->finding.type[0] = '\0';
	media_find(&as->finding, MEDIA_FINE, "ok", "");
	asked_end(as);
}

static void
asked_begin(struct asked *as)
{
	struct dns *dns = daemon_dns(as->m->sd->daemon);
	struct sockaddr_storage addrs[DNS_ADDRS_MAX];
	int64_t left_us = as->until_us - clock_mono_us();
	unsigned count;
	enum gh_code code;

	if (url_parse(slice_of(as->finding.url), &as->url, NULL) != GH_OK)
		asked_fail(as, MEDIA_REFUSED, "media_url_invalid", "media_url is no URL");
	else if (!egress_permits_port(as->url.port, as->url.is_https))
		asked_fail(as, MEDIA_REFUSED, "media_url_blocked",
			   "media_url names a port that may not be fetched");
	else if (dns_peek(dns, slice_of(as->url.host), &code, addrs, &count))
		asked_resolved(as, code, addrs, count);
	else if (dns_resolve(dns, slice_of(as->url.host), left_us > 0 ? left_us : 1, asked_resolved,
			     as, &as->query) != GH_OK)
		asked_resolved(as, GH_ETEMP, NULL, 0);
}

static void
asked_ask(struct asked *as, struct slice url)
{
	int64_t third_us = as->m->sd->conf->common.sending_deadline_us / 3;

	as->state = ASKED_ASKING;
	as->m->asking++;
	as->moves = 0;
	as->egress = as->m->egress;
	as->until_us = clock_mono_us() + (third_us < DEADLINE_MAX_US ? third_us : DEADLINE_MAX_US);
	if (slice_to_cstr(url, as->finding.url, sizeof(as->finding.url)) != GH_OK)
		asked_fail(as, MEDIA_REFUSED, "media_url_invalid", "media_url is no URL");
	else
		asked_begin(as);
}

/* ---- queries ---- */

/* Make room: the oldest that nobody waits for. False: everything is being asked. */
static bool
evict(struct media_urls *m)
{
	for (struct list *l = m->by_age.next; l != &m->by_age; l = l->next) {
		struct asked *as = LIST_ENTRY(l, struct asked, link);

		if (as->state == ASKED_KNOWN) {
			asked_free(as);
			return true;
		}
	}
	return false;
}

/* NULL: no room. */
static struct asked *
asked_of(struct media_urls *m, struct slice url)
{
	uint8_t key[HASH_SHA256_SIZE];
	struct asked *as;

	hash_sha256(url, key);
	as = map_get(m->known, slice_make(key, sizeof(key)));
	if (as != NULL)
		return as;
	if (map_count(m->known) >= MEDIA_URLS_MAX && !evict(m))
		return NULL;
	as = gh_alloc(sizeof(*as));
	as->m = m;
	memcpy(as->key, key, sizeof(key));
	list_init(&as->waiting);
	list_add_tail(&m->by_age, &as->link);
	(void)map_put(m->known, slice_make(as->key, sizeof(as->key)), as);
	return as;
}

struct media_query *
media_query_start(struct media_urls *m, struct slice url, enum msg_kind kind, media_fn *fn,
		  void *arg)
{
	struct asked *as = asked_of(m, url);
	struct media_finding busy = {0};
	struct media_query *q;

	if (as == NULL) {
		media_find(&busy, MEDIA_BUSY, "waiting_media", "too many files are asked for");
		fn(arg, &busy);
		return NULL;
	}
	if (as->state == ASKED_KNOWN && clock_mono_us() >= as->until_us) {
		list_del(&as->link);
		list_add_tail(&m->by_age, &as->link);
		asked_ask(as, url);
	}
	if (as->state == ASKED_KNOWN) {
		const struct media_finding finding = as->finding;

		tell(&finding, kind, fn, arg);
		return NULL;
	}
	q = gh_alloc(sizeof(*q));
	*q = (struct media_query){.kind = kind, .fn = fn, .arg = arg};
	list_add_tail(&as->waiting, &q->link);
	return q;
}

void
media_query_end(struct media_query *q)
{
	if (q == NULL)
		return;
	list_del(&q->link);
	gh_free(q);
}

/* ---- life ---- */

void
media_urls_reload(struct media_urls *m)
{
	struct retired *r = gh_alloc(sizeof(*r));

	r->egress = m->egress;
	list_add_tail(&m->retired, &r->link);
	m->egress = egress_new_allowing(&m->sd->conf->common.egress_allow);
	if (m->asking == 0)
		retired_free(m);
	/* What was found under the old rules counts no more. */
	for (struct list *l = m->by_age.next; l != &m->by_age; l = l->next) {
		struct asked *as = LIST_ENTRY(l, struct asked, link);

		if (as->state == ASKED_KNOWN)
			as->until_us = 0;
	}
}

struct media_urls *
media_urls_new(struct senderd *sd)
{
	struct media_urls *m = gh_alloc(sizeof(*m));

	m->sd = sd;
	m->egress = egress_new_allowing(&sd->conf->common.egress_allow);
	m->known = map_new();
	list_init(&m->by_age);
	list_init(&m->retired);
	m->client = http_client_new(sd->loop, daemon_dns(sd->daemon),
				    &(struct http_client_config){
					    .policy = HTTP_POLICY_TENANT,
					    .egress = m->egress,
					    .in_flight_max = (unsigned)sd->conf->max_in_flight,
					    .connect_timeout_us = sd->conf->connect_timeout_us,
					    .user_agent = "GrowHub/" GH_VERSION,
				    });
	return m;
}

void
media_urls_free(struct media_urls *m)
{
	if (m == NULL)
		return;
	while (!list_is_empty(&m->by_age))
		asked_free(LIST_ENTRY(m->by_age.next, struct asked, link));
	http_client_free(m->client);
	map_free(m->known);
	retired_free(m);
	egress_free(m->egress);
	gh_free(m);
}
