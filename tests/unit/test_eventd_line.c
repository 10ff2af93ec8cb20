/* test_eventd_line.c - what an endpoint may be given: by a claim, and without one. Posts and
 * routes are played by the test; nothing reaches a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eventd/breaker.c"
#include "eventd/claims.c"
#include "eventd/line.c"
#include "eventd/offers.c"
#include "eventd/targets.c"

#define COMPANY     7
#define ENDPOINT    70
#define CONCURRENCY 16

static struct eventd_conf conf = {.max_in_flight = 1000, .delivery_timeout_us = 15 * CLOCK_SEC};
static struct loop *loop;
static struct deliveries *x;
static struct line *line;
static struct arena *arena;

/* ---- what eventd/posts.c and eventd/endpoints.c would do ---- */

static struct {
	unsigned count, sent, given_back;
	enum gh_code route;
	struct endpoint to;
} play;

struct waiting_post {
	struct list turn;
};

void
posts_prepare(struct posts *p, const struct delivery_claim *row, const struct endpoint *to,
	      void *token, struct list *waiting)
{
	struct waiting_post *w = gh_alloc(sizeof(*w));

	assert_null(p);
	assert_int_equal(row->endpoint_id, to->id);
	assert_ptr_equal(token, line);
	list_init(&w->turn);
	list_add_tail(waiting, &w->turn);
	play.count++;
}

void
posts_send_first(struct list *waiting)
{
	gh_free(LIST_ENTRY(list_pop(waiting), struct waiting_post, turn));
	play.sent++;
}

void
posts_give_back_first(struct list *waiting, int64_t delay_us GH_UNUSED)
{
	gh_free(LIST_ENTRY(list_pop(waiting), struct waiting_post, turn));
	play.given_back++;
}

unsigned
posts_count(const struct posts *p GH_UNUSED)
{
	return play.count;
}

enum gh_code
endpoints_get(struct endpoints *e GH_UNUSED, int32_t id, const struct endpoint **out,
	      lookup_fn *fn GH_UNUSED, void *arg GH_UNUSED)
{
	assert_int_equal(id, ENDPOINT);
	*out = &play.to;
	return play.route;
}

const struct endpoint *
endpoint_hold(const struct endpoint *e)
{
	play.to.refs++;
	return e;
}

void
endpoint_release(const struct endpoint *e)
{
	if (e != NULL)
		play.to.refs--;
}

/* ---- the bench ---- */

static void
nothing(void *arg GH_UNUSED)
{
}

static int
setup(void **state)
{
	(void)state;
	memset(&play, 0, sizeof(play));
	play.route = GH_OK;
	play.to.id = ENDPOINT;
	play.to.max_concurrency = CONCURRENCY;
	loop = loop_new();
	arena = arena_new(0);
	x = gh_alloc(sizeof(*x));
	x->conf = &conf;
	x->lines = map_new();
	x->crews = map_new();
	list_init(&x->ready);
	x->task = loop_task_new(loop, LOOP_PHASE_COMMIT, nothing, x);
	x->cadence = cadence_new(loop, CADENCE_GAP_US, x->task);
	x->sweeper = loop_timer_new(loop, lines_sweep, x);
	line = line_get(x, ENDPOINT, COMPANY);
	line->max_concurrency = CONCURRENCY;
	return 0;
}

static int
teardown(void **state)
{
	struct slice key;
	void *value;

	(void)state;
	assert_int_equal(play.to.refs, 0);
	for (size_t it = 0; map_next(x->lines, &it, &key, &value);) {
		line_give_back(value, 0);
		line_free(value);
	}
	assert_int_equal(map_count(x->crews), 0);
	map_free(x->lines);
	map_free(x->crews);
	loop_timer_free(x->sweeper);
	cadence_free(x->cadence);
	loop_task_free(x->task);
	gh_free(x);
	arena_free(arena);
	loop_free(loop);
	return 0;
}

static struct delivery_claim *
events(unsigned count)
{
	struct delivery_claim *rows = arena_alloc_array(arena, count, sizeof(*rows));

	for (unsigned i = 0; i < count; i++) {
		rows[i].event_id = uuid7_new();
		rows[i].company_id = COMPANY;
		rows[i].endpoint_id = ENDPOINT;
		rows[i].attempt = 1;
	}
	return rows;
}

/* Whether the endpoint is offered for so many events. */
static bool
is_offered(unsigned count)
{
	unsigned held = line->offered_count;
	struct offer *o = offer_new(x, arena, events(count), count);
	bool is = offer_take(o)->count == 1;

	offer_end(o, NULL, 0);
	assert_int_equal(x->offered_count, held);
	assert_int_equal(line->offered_count, held);
	return is;
}

/* ---- offers ---- */

static void
test_what_is_taken_is_posted(void **state)
{
	struct delivery_claim *rows = events(10);
	struct offer *o = offer_new(x, arena, rows, 10);

	(void)state;
	assert_int_equal(offer_take(o)->count, 1);
	assert_int_equal(offer_take(o)->endpoint_ids[0], ENDPOINT);
	assert_true(offer_take(o)->lease_us > conf.delivery_timeout_us);
	offer_end(o, rows, 8); /* two were no news */
	assert_int_equal(play.sent, 8);
	assert_int_equal(line->post_count, 8);
	assert_int_equal(line->waiting_count, 0);
	assert_int_equal(x->offered_count, 0);
}

static void
test_an_offer_holds_room(void **state)
{
	struct offer *o = offer_new(x, arena, events(10), 10);

	(void)state;
	assert_false(is_offered(CONCURRENCY - 9));
	assert_true(is_offered(CONCURRENCY - 10));
	assert_int_equal(line_want(line), CONCURRENCY - 10);
	assert_int_equal(deliveries_room(x), conf.max_in_flight - 10);
	offer_end(o, NULL, 0);
	assert_true(is_offered(CONCURRENCY));
}

/* The limit is on posts: more rows than that wait here only for an endpoint known to be fast. */
static void
test_a_fast_endpoint_is_offered_more(void **state)
{
	struct delivery_claim *rows = events(100);
	struct offer *o;

	(void)state;
	assert_false(is_offered(100));
	line->post_us = 5 * CLOCK_MS;
	o = offer_new(x, arena, rows, 100);
	assert_int_equal(offer_take(o)->count, 1);
	offer_end(o, rows, 100);
	assert_int_equal(play.sent, CONCURRENCY);
	assert_int_equal(line->waiting_count, 100 - CONCURRENCY);
	line->post_us = 2 * CLOCK_SEC;
	assert_false(is_offered(1));
}

static void
test_what_waits_in_the_database_goes_first(void **state)
{
	(void)state;
	line->post_us = 5 * CLOCK_MS;
	assert_true(is_offered(CONCURRENCY + LINE_AHEAD_MAX));
	line->has_more = true;
	line->lag_us = LINE_LAG_US;
	assert_true(is_offered(line_want(line)));
	assert_false(is_offered(line_want(line) + 1));
	line->lag_us++;
	assert_false(is_offered(1));
	line->has_more = false;
	assert_true(is_offered(1));
	line->state = LINE_FULL;
	assert_false(is_offered(1));
	line->state = LINE_IDLE;
}

static void
test_an_endpoint_that_fails_is_not_offered(void **state)
{
	(void)state;
	(void)breaker_count(&line->breaker, clock_mono_us(), false, 0);
	assert_false(is_offered(1));
}

static void
test_an_endpoint_without_a_route_is_not_offered(void **state)
{
	(void)state;
	play.route = GH_EAGAIN;
	assert_false(is_offered(1));
	play.route = GH_ENOTFOUND;
	assert_false(is_offered(1));
	play.route = GH_OK;
	play.to.fault = "bad_url";
	assert_false(is_offered(1));
}

static void
test_other_companies_are_not_offered(void **state)
{
	struct delivery_claim *rows = events(2);
	struct offer *o;

	(void)state;
	rows[0].company_id = COMPANY + 1;
	o = offer_new(x, arena, rows, 1);
	assert_int_equal(offer_take(o)->count, 0);
	offer_end(o, NULL, 0);
	o = offer_new(x, arena, rows, 2);
	assert_int_equal(offer_take(o)->count, 1);
	assert_int_equal(x->offered_count, 1);
	offer_end(o, NULL, 0);
}

static void
test_offers_leave_room_to_turns(void **state)
{
	(void)state;
	play.count = (unsigned)conf.max_in_flight / OFFER_SHARE - 1;
	assert_true(is_offered(1));
	assert_false(is_offered(2));
}

static void
test_nothing_is_offered_without_a_database_or_while_draining(void **state)
{
	(void)state;
	x->is_paused = true;
	assert_false(is_offered(1));
	x->is_paused = false;
	x->is_draining = true;
	assert_false(is_offered(1));
}

static void
test_a_drain_gives_back_what_was_taken(void **state)
{
	struct delivery_claim *rows = events(3);
	struct offer *o = offer_new(x, arena, rows, 3);

	(void)state;
	x->is_draining = true;
	offer_end(o, rows, 3);
	assert_int_equal(play.sent, 0);
	assert_int_equal(play.given_back, 3);
}

static void
test_an_endpoint_at_rest_is_forgotten(void **state)
{
	(void)state;
	line_rest(line);
	lines_sweep(x);
	assert_ptr_equal(map_get_i64(x->lines, ENDPOINT), line);
	assert_true(loop_timer_is_set(x->sweeper));
	line->rested_us -= LINE_REST_US;
	line->offered_count = 1;
	lines_sweep(x);
	assert_ptr_equal(map_get_i64(x->lines, ENDPOINT), line);
	line->offered_count = 0;
	lines_sweep(x);
	assert_null(map_get_i64(x->lines, ENDPOINT));
}

/* ---- claims ---- */

static void
test_a_full_claim_waits_for_no_gap(void **state)
{
	(void)state;
	assert_false(claims_is_due(x)); /* nobody is ready */
	line_set_state(line, LINE_READY);
	assert_true(claims_is_due(x));
	for (unsigned i = 0; i < CADENCE_BURST; i++)
		cadence_started(x->cadence);
	assert_false(claims_is_due(x));
	/* It wants CLAIM_FULL rows, but nobody knows of any. */
	line->max_concurrency = CLAIM_FULL;
	assert_false(claims_is_due(x));
	line->has_more = true;
	assert_true(claims_is_due(x));
	line->max_concurrency = CLAIM_FULL - 1;
	assert_false(claims_is_due(x));
	line_set_state(line, LINE_IDLE);
}

static void
test_a_claim_asks_for_what_has_room(void **state)
{
	struct delivery_want wants[DELIVERY_CLAIM_ENDPOINTS];
	struct claim c = {.x = x};

	(void)state;
	line_set_state(line, LINE_READY);
	line->post_count = line->waiting_count = 3;
	claim_fill(&c, wants);
	assert_int_equal(c.count, 1);
	assert_int_equal(wants[0].endpoint_id, ENDPOINT);
	assert_int_equal(wants[0].rows, CONCURRENCY - 3);
	assert_int_equal(x->wanted_count, CONCURRENCY - 3);
	line->post_count = line->waiting_count = 0;
	line_set_state(line, LINE_IDLE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_what_is_taken_is_posted),
		CASE(test_an_offer_holds_room),
		CASE(test_a_fast_endpoint_is_offered_more),
		CASE(test_what_waits_in_the_database_goes_first),
		CASE(test_an_endpoint_that_fails_is_not_offered),
		CASE(test_an_endpoint_without_a_route_is_not_offered),
		CASE(test_other_companies_are_not_offered),
		CASE(test_offers_leave_room_to_turns),
		CASE(test_nothing_is_offered_without_a_database_or_while_draining),
		CASE(test_a_drain_gives_back_what_was_taken),
		CASE(test_an_endpoint_at_rest_is_forgotten),
		CASE(test_a_full_claim_waits_for_no_gap),
		CASE(test_a_claim_asks_for_what_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
