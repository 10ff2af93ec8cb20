#include "posts.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "config/params_eventd.h"
#include "daemon/daemon.h"
#include "daemon/version.h"
#include "db/batch.h"
#include "endpoints.h"
#include "http/client.h"
#include "http/egress.h"
#include "loop/cadence.h"
#include "loop/dns.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "model/wake.h"
#include "render.h"
#include "schedule.h"

#define RESPONSE_MAX      65536
#define EXCERPT_MAX       1024
#define SCRATCH_BYTES     65536
#define OWN_HEADER_COUNT  5
#define WEBHOOK_ID_SIZE   (4 + UUID_TEXT_SIZE) /* "evt_" and the id */
#define RESULTS_QUEUE_MIN 4096
/* A post may wait for its turn as long as the rest of the lease covers its deadline and the
 * commit of its result. */
#define WAIT_MAX_US (POSTS_LEASE_MARGIN_US / 2)
struct post {
	struct db_batch_row row;
	struct list node; /* in posts.all or posts.lost */
	struct list turn; /* in the caller's list of waiting ones, until it is posted */
	struct posts *p;
	void *token;
	const struct endpoint *to;
	int64_t claimed_us; /* monotonic */
	bool is_unrendered; /* its facts make no body */
	bool is_unwanted;   /* the endpoint's options say so */
	struct url url;     /* the endpoint's, or with a target of its own */
	struct buf target;
	struct buf body;
	struct delivery_result result;
	bool is_answered;
	bool is_disabled; /* the receiver wants no more */
	char excerpt[EXCERPT_MAX];
};

/* An address policy that posts under way may still use. */
struct retired {
	struct list node;
	struct egress *egress;
};

struct posts {
	struct posts_opts opts;
	struct loop *loop;
	struct http_client *client;
	struct egress *egress;
	struct list retired;
	struct db_batch *results;
	struct arena *scratch;
	struct list all;
	struct list lost; /* over, their result refused by the batcher */
	struct loop_task *lost_task;
	unsigned count;
	bool is_closing;
};

static void
post_free(struct post *post)
{
	list_del(&post->node);
	list_del(&post->turn);
	buf_free(&post->body);
	buf_free(&post->target);
	endpoint_release(post->to);
	gh_free(post);
}

static void
post_end(struct post *post)
{
	struct posts *p = post->p;
	void *token = post->token;
	bool was_answered = post->is_answered;

	p->count--;
	metrics_adjust(p->opts.table, POSTS_IN_FLIGHT, 0, 0, -1);
	post_free(post);
	if (!p->is_closing)
		p->opts.events.ended(p->opts.events.arg, token, was_answered);
}

/* ---- results ---- */

static void
results_build(void *arg GH_UNUSED, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	struct arena *a = db_unit_arena(u);
	const struct delivery_result **results = arena_alloc_array(a, n, sizeof(results[0]));
	int32_t *disabled = arena_alloc_array(a, n, sizeof(disabled[0]));
	unsigned disabled_count = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct post *post = LIST_ENTRY(rows[i], struct post, row);

		results[i] = &post->result;
		if (post->is_disabled)
			disabled[disabled_count++] = post->result.endpoint_id;
	}
	delivery_finish_add(u, results, n);
	if (disabled_count > 0)
		endpoint_disable_add(u, disabled, disabled_count);
}

/* A row the statement did not take had its lease lapse meanwhile: it is posted again, and
 * nothing is left to do for this one. So every row ends alike. */
static void
results_settle(void *arg, struct db_batch_row *const *rows, unsigned n,
	       const struct db_unit *u GH_UNUSED)
{
	struct posts *p = arg;
	bool has_hints = false;

	for (unsigned i = 0; i < n; i++) {
		struct post *post = LIST_ENTRY(rows[i], struct post, row);

		has_hints |= post->result.outcome == DELIVERY_RETRY ||
			     post->result.outcome == DELIVERY_PARK || post->is_disabled;
		post_end(post);
	}
	if (has_hints)
		wake_send(p->opts.wake);
}

static void
post_lose(struct post *post, const char *why)
{
	metrics_add(post->p->opts.table, POSTS_RESULTS_LOST, 0, 0, 1);
	log_warn("webhook.result_lost", LOG_INT("company", post->to->company_id),
		 LOG_INT("endpoint", post->to->id), LOG_STR("err", why));
}

static void
results_fail(void *arg GH_UNUSED, struct db_batch_row *row, enum gh_code code GH_UNUSED,
	     const struct db_error *err)
{
	struct post *post = LIST_ENTRY(row, struct post, row);

	if (!post->p->is_closing)
		post_lose(post, err->text);
	post_end(post);
}

static void
posts_end_lost(void *arg)
{
	struct posts *p = arg;

	for (struct list *n = list_pop(&p->lost); n != NULL; n = list_pop(&p->lost))
		post_end(LIST_ENTRY(n, struct post, node));
}

static void
post_log(const struct post *post)
{
	const struct delivery_result *r = &post->result;
	char event[UUID_TEXT_SIZE];
	const struct log_kv kv[] = {
		LOG_INT("company", post->to->company_id),
		LOG_INT("endpoint", post->to->id),
		LOG_STR("webhook", uuid_text(r->event_id, event)),
		LOG_STR("host", post->to->url.host),
		LOG_INT("attempt", r->attempt),
		LOG_INT("status", r->status),
		LOG_INT("dur_ms", r->duration_ms),
		LOG_SLICE("err", r->error),
	};

	switch (r->outcome) {
	case DELIVERY_OK:
		log_write(LOG_LEVEL_DEBUG, "webhook.delivered", kv, GH_COUNT(kv) - 1);
		break;
	case DELIVERY_RETRY:
		log_write(LOG_LEVEL_INFO, "webhook.failed", kv, GH_COUNT(kv));
		break;
	case DELIVERY_GIVE_UP:
		log_write(LOG_LEVEL_WARN, "webhook.exhausted", kv, GH_COUNT(kv));
		break;
	case DELIVERY_PARK:
		log_write(LOG_LEVEL_WARN, "webhook.parked", kv, GH_COUNT(kv));
		break;
	}
	if (post->is_disabled)
		log_write(LOG_LEVEL_WARN, "webhook.disabled", kv, GH_COUNT(kv));
}

/* outcome, status and error are set: hand the result to the batcher. */
static void
post_record(struct post *post, unsigned result)
{
	struct posts *p = post->p;
	enum gh_code rc;

	post->result.at_us = clock_wall_us();
	metrics_add(p->opts.table, POSTS_ATTEMPTS, result, 0, 1);
	if (result != POSTS_GIVEN_BACK && result != POSTS_EXCLUDED)
		post_log(post);
	rc = db_batch_add(p->results, &post->row);
	if (rc == GH_OK)
		return;
	post_lose(post, gh_code_name(rc));
	list_del(&post->node);
	list_add_tail(&p->lost, &post->node);
	loop_task_mark(p->lost_task);
}

/* No post was made, and none will be for this row now. */
static void
post_refuse(struct post *post, enum delivery_outcome outcome, struct slice error, unsigned result)
{
	struct schedule_verdict v = schedule_decide(&(struct schedule_answer){
		.is_own_fault = true, .draw = (unsigned)random_below(SCHEDULE_DRAWS)});

	post->result.outcome = outcome;
	post->result.delay_us = v.delay_us;
	post->result.error = error;
	post_record(post, result);
}

/* The row is as it was before its claim, but for when it is due. */
static void
post_give_back(struct post *post, int64_t delay_us)
{
	post->result.outcome = DELIVERY_PARK;
	post->result.delay_us = delay_us;
	post->result.error = S("not_posted");
	post_record(post, POSTS_GIVEN_BACK);
}

/* ---- the answer ---- */

/*
 * A name without an address is the receiver's fault; a name server that does not
 * answer is ours. The client reports both alike (and as a timeout when the
 * deadline ends the lookup), but the resolver's cache still tells them apart.
 */
static bool
post_is_own_fault(const struct post *post, const struct http_result *r)
{
	struct sockaddr_storage addrs[DNS_ADDRS_MAX];
	enum gh_code code = GH_ETEMP;
	unsigned count;

	if (r->outcome != HTTP_NOT_SENT)
		return false;
	if (r->fail == HTTP_FAIL_INTERNAL)
		return true;
	if (r->fail != HTTP_FAIL_DNS && r->fail != HTTP_FAIL_TIMEOUT)
		return false;
	if (!dns_peek(daemon_dns(post->p->opts.daemon), slice_of(post->to->url.host), &code, addrs,
		      &count))
		return true;
	return code != GH_OK && code != GH_ENOTFOUND;
}

/* The first bytes of the body as text PostgreSQL takes: other bytes become '?'. */
static struct slice
post_excerpt(struct post *post, struct slice body)
{
	size_t n = 0;

	while (body.n > 0) {
		size_t len = utf8_len(body);
		size_t taken = len > 0 ? len : 1;

		if (n + taken > sizeof(post->excerpt))
			break;
		if (len == 0 || body.p[0] == '\0')
			post->excerpt[n] = '?';
		else
			memcpy(post->excerpt + n, body.p, len);
		n += taken;
		body = slice_from(body, taken);
	}
	return n > 0 ? slice_make(post->excerpt, n) : SLICE_NONE;
}

static struct slice
post_error(const struct http_result *r)
{
	if (r->fail != HTTP_FAIL_NONE)
		return slice_of(http_fail_name(r->fail));
	return r->status >= 300 && r->status <= 399 ? S("redirect") : S("status");
}

static void
post_count(const struct post *post, const struct http_result *r)
{
	struct metrics_table *t = post->p->opts.table;

	metrics_observe_us(t, POSTS_DURATION, 0, 0, r->elapsed_us);
	if (r->fail == HTTP_FAIL_BLOCKED)
		metrics_add(t, POSTS_BLOCKED, 0, 0, 1);
}

static void
post_answered(void *arg, const struct http_result *r)
{
	struct post *post = arg;
	const struct posts_events *events = &post->p->opts.events;
	struct schedule_answer answer = {
		.attempt = post->result.attempt,
		.is_own_fault = post_is_own_fault(post, r),
		.status = r->outcome == HTTP_DONE ? r->status : 0,
		.retry_after = http_result_header(r, S("retry-after")),
		.directive = http_result_header(r, S("webhook-delivery")),
		.now_us = clock_wall_us(),
		.draw = (unsigned)random_below(SCHEDULE_DRAWS),
	};
	struct schedule_verdict v = schedule_decide(&answer);
	bool is_success = v.outcome == DELIVERY_OK;
	unsigned result = is_success ? POSTS_DELIVERED : (unsigned)r->fail;

	post->result.outcome = v.outcome;
	post->result.delay_us = v.delay_us;
	post->result.status = (int16_t)answer.status;
	post->result.error = is_success ? SLICE_NONE : post_error(r);
	post->result.duration_ms = (int32_t)(r->elapsed_us / CLOCK_MS);
	post->result.excerpt = post_excerpt(post, r->body);
	post->is_disabled = v.is_disabled;
	post->is_answered = true;
	post_count(post, r);
	if (v.is_disabled)
		events->disabled(events->arg, post->token);
	events->answered(events->arg, post->token,
			 &(struct posts_answer){.is_own_fault = answer.is_own_fault,
						.is_success = is_success,
						.slow_us = v.slow_us,
						.took_us = r->elapsed_us});
	post_record(post, answer.is_own_fault ? (unsigned)POSTS_PARKED : result);
}

/* ---- the request ---- */

static enum gh_code
post_send(struct post *post)
{
	const struct endpoint *to = post->to;
	int64_t now_s = clock_wall_us() / CLOCK_SEC;
	char id[WEBHOOK_ID_SIZE] = "evt_", timestamp[24], signatures[WHSEC_SIGNATURES_SIZE];
	struct http_header headers[OWN_HEADER_COUNT + ENDPOINT_HEADERS_MAX];
	unsigned count = 0;
	enum gh_code rc;

	uuid_text(post->result.event_id, id + 4);
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)now_s);
	rc = whsec_sign(to->secrets, to->secret_count, slice_of(id), now_s, buf_slice(&post->body),
			signatures);
	if (rc != GH_OK)
		return rc;
	headers[count++] = (struct http_header){S("content-type"), S("application/json")};
	headers[count++] = (struct http_header){S("webhook-id"), slice_of(id)};
	headers[count++] = (struct http_header){S("webhook-timestamp"), slice_of(timestamp)};
	headers[count++] = (struct http_header){S("webhook-signature"), slice_of(signatures)};
	headers[count++] = (struct http_header){S("x-webhook-source"), S("GrowHub-Gateway")};
	memcpy(headers + count, to->headers, to->header_count * sizeof(headers[0]));
	return http_client_send(post->p->client,
				&(struct http_request){
					.method = S("POST"),
					.url = &post->url,
					.headers = headers,
					.header_count = count + to->header_count,
					.body = buf_slice(&post->body),
					.timeout_us = post->p->opts.conf->delivery_timeout_us,
					.response_max = RESPONSE_MAX,
					.egress = post->p->egress,
				},
				post_answered, post, NULL);
}

/* Behind the path, before what may follow it. */
static void
post_extend(struct post *post, struct slice suffix)
{
	struct slice target = post->to->url.target;
	long mark = slice_index(target, '?');
	size_t path = mark >= 0 ? (size_t)mark : target.n;

	buf_init(&post->target, NULL, target.n + suffix.n);
	if (suffix.n == 0)
		return;
	buf_add(&post->target, slice_sub(target, 0, path));
	if (path > 0 && target.p[path - 1] == '/')
		suffix = slice_from(suffix, 1);
	buf_add(&post->target, suffix);
	buf_add(&post->target, slice_from(target, path));
	post->url.target = buf_slice(&post->target);
}

void
posts_prepare(struct posts *p, const struct delivery_claim *row, const struct endpoint *to,
	      void *token, struct list *waiting)
{
	struct post *post = gh_alloc(sizeof(*post));
	struct slice suffix = S("");

	post->p = p;
	post->token = token;
	post->to = endpoint_hold(to);
	post->claimed_us = clock_mono_us();
	post->result.event_id = row->event_id;
	post->result.endpoint_id = row->endpoint_id;
	post->result.attempt = row->attempt;
	buf_init(&post->body, NULL, RENDER_BODY_MAX);
	list_init(&post->node);
	list_add_tail(&p->all, &post->node);
	list_init(&post->turn);
	list_add_tail(waiting, &post->turn);
	p->count++;
	metrics_adjust(p->opts.table, POSTS_IN_FLIGHT, 0, 0, 1);
	post->url = to->url;
	post->is_unrendered = render_body(row, to->format, p->scratch, &post->body) != GH_OK;
	if (to->format == EVENT_FORMAT_UAZAPI)
		render_options(row, to->options, p->scratch, &post->is_unwanted, &suffix);
	post_extend(post, suffix);
	arena_reset(p->scratch);
}

void
posts_send_first(struct list *waiting)
{
	struct post *post = LIST_ENTRY(list_pop(waiting), struct post, turn);
	enum gh_code rc;

	if (post->is_unrendered) {
		/* The facts never change: another attempt would end here again. */
		post_refuse(post, DELIVERY_GIVE_UP, S("unrendered"), POSTS_UNRENDERED);
		return;
	}
	if (post->is_unwanted) {
		post->result.outcome = DELIVERY_OK;
		post_record(post, POSTS_EXCLUDED);
		return;
	}
	if (clock_mono_us() - post->claimed_us > WAIT_MAX_US) {
		post_give_back(post, 0);
		return;
	}
	rc = post_send(post);
	if (rc != GH_OK)
		post_refuse(post, DELIVERY_PARK, slice_of(gh_code_name(rc)), POSTS_PARKED);
}

void
posts_give_back_first(struct list *waiting, int64_t delay_us)
{
	post_give_back(LIST_ENTRY(list_pop(waiting), struct post, turn), delay_us);
}

/* ---- life ---- */

void
posts_reload(struct posts *p)
{
	struct retired *old = gh_alloc(sizeof(*old));

	/* Kept: the client borrows the first one for life, posts under way the others. */
	old->egress = p->egress;
	list_init(&old->node);
	list_add_tail(&p->retired, &old->node);
	p->egress = egress_new_allowing(&p->opts.conf->common.egress_allow);
}

unsigned
posts_count(const struct posts *p)
{
	return p->count;
}

struct posts *
posts_new(const struct posts_opts *opts)
{
	struct posts *p = gh_alloc(sizeof(*p));
	unsigned in_flight_max = (unsigned)opts->conf->max_in_flight;

	p->opts = *opts;
	p->loop = daemon_loop(opts->daemon);
	list_init(&p->retired);
	list_init(&p->all);
	list_init(&p->lost);
	p->scratch = arena_new(SCRATCH_BYTES);
	p->lost_task = loop_task_new(p->loop, LOOP_PHASE_COLLECT, posts_end_lost, p);
	p->egress = egress_new_allowing(&opts->conf->common.egress_allow);
	p->client = http_client_new(p->loop, daemon_dns(opts->daemon),
				    &(struct http_client_config){
					    .policy = HTTP_POLICY_TENANT,
					    .egress = p->egress,
					    .in_flight_max = in_flight_max,
					    .connect_timeout_us = opts->conf->connect_timeout_us,
					    .user_agent = "GrowHub-Webhooks/" GH_VERSION,
				    });
	p->results = db_batch_new(p->loop, opts->db,
				  &(struct db_batch_def){
					  .name = "webhook_results",
					  .queue_max = in_flight_max > RESULTS_QUEUE_MIN
							       ? in_flight_max
							       : RESULTS_QUEUE_MIN,
					  .deadline_us = POSTS_LEASE_MARGIN_US,
					  .gap_us = CADENCE_GAP_US,
					  .build = results_build,
					  .settle = results_settle,
					  .fail = results_fail,
					  .arg = p,
				  });
	return p;
}

void
posts_free(struct posts *p)
{
	if (p == NULL)
		return;
	p->is_closing = true;
	http_client_free(p->client);
	db_batch_free(p->results);
	posts_end_lost(p);
	LIST_FOREACH_SAFE(n, &p->all)
	post_end(LIST_ENTRY(n, struct post, node));
	LIST_FOREACH_SAFE(n, &p->retired)
	{
		struct retired *old = LIST_ENTRY(n, struct retired, node);

		egress_free(old->egress);
		gh_free(old);
	}
	egress_free(p->egress);
	loop_task_free(p->lost_task);
	arena_free(p->scratch);
	gh_free(p);
}
