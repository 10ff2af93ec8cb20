/* line.h - what deliveries.c, line.c and claims.c share: the endpoints that are being served.
 *
 * A line is one endpoint's: its turn (from targets.h), its breaker, the posts under way and the
 * claimed ones that wait for room. line.c moves it, claims.c fills it from the database,
 * deliveries.c hands out turns and hears of the posts. Nobody else includes this.
 *
 * Threading: loop thread only.
 */
#ifndef GH_EVENTD_LINE_H
#define GH_EVENTD_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "breaker.h"

struct cadence;
struct db;
struct endpoint;
struct endpoints;
struct eventd_conf;
struct loop_task;
struct loop_timer;
struct map;
struct posts;
struct target;
struct targets;
struct wake;

#define CLAIMS_MAX   2 /* under way */
#define LINE_REST_US (30 * INT64_C(1000000))

/* What an endpoint's turn waits for. */
enum line_state {
	LINE_IDLE,  /* no turn */
	LINE_ROUTE, /* for its route */
	LINE_READY, /* for a claim; in deliveries.ready */
	LINE_CLAIM, /* for the claim's commit */
	LINE_FULL,  /* for one of its posts to end */
	LINE_TIMER  /* for its timer to be committed */
};

/* The endpoints of a company that have a line. */
struct crew {
	struct list lines;
};

/* An endpoint that has a turn, posts under way, or a breaker that remembers something; or had so
 * less than LINE_REST_US ago. */
struct line {
	struct list node; /* READY: deliveries.ready */
	struct list mate; /* in its company's crew */
	int32_t company_id;
	struct deliveries *x;
	int32_t id;
	enum line_state state;
	struct target *target;     /* running one; NULL while IDLE */
	const struct endpoint *to; /* held while READY or CLAIM */
	unsigned max_concurrency;  /* of the route last seen */
	unsigned post_count;       /* posts whose result is not stored */
	unsigned answered_count;   /* of these: the receiver has answered */
	unsigned waiting_count;    /* of these: not posted yet */
	struct list waiting;       /* these, in order */
	int64_t post_us;           /* moving average of an answered post; 0: none yet */
	unsigned claimed_count;    /* CLAIM: rows that came */
	unsigned offered_count;    /* room held by offers (offers.h) */
	int64_t rested_us;         /* when it last had something to do */
	bool has_more;             /* the last claim left due rows */
	int64_t lag_us;            /* how long ago its oldest event was made, of first attempts */
	struct breaker breaker;
	bool has_timer; /* the breaker is open and an outbox row will wake the endpoint */
};

struct deliveries {
	const struct eventd_conf *conf;
	struct db *db;
	struct wake *wake;
	struct targets *targets;
	struct endpoints *endpoints;
	struct posts *posts;
	struct map *lines; /* by endpoint id */
	struct map *crews; /* by company id */
	struct list ready;
	unsigned turn_count;    /* lines in ROUTE or READY */
	unsigned claim_count;   /* claims under way */
	unsigned wanted_count;  /* rows they asked for */
	unsigned ready_count;   /* lines in READY */
	unsigned offer_count;   /* offers under way */
	unsigned offered_count; /* rows of room they hold */
	struct loop_timer *sweeper;
	struct loop_task *task;
	struct cadence *cadence; /* of claims */
	bool is_paused;
	bool is_draining;
	void (*drained)(void *arg);
	void *drained_arg;
};

enum turn_end { TURN_DONE, TURN_MORE, TURN_FAILED };

/* ---- line.c ---- */

/* Made when it is not there. */
struct line *line_get(struct deliveries *x, int32_t id, int32_t company_id);
void line_free(struct line *line);
/* It may have nothing to do any more: then it is forgotten after LINE_REST_US. */
void line_rest(struct line *line);
/* The timer that forgets; arg is struct deliveries. */
void lines_sweep(void *arg);

/* The one place that changes the state. */
void line_set_state(struct line *line, enum line_state state);
/* The turn is over. */
void line_end_turn(struct line *line, enum turn_end end);
/* Begin the turn that k gives: ends at once, or in READY, FULL or TIMER. */
void line_take_turn(struct line *line, struct target *k);
/* There is no room for a claim: FULL, or the end of the turn. */
void line_wait_room(struct line *line);

/* Rows to claim: for the posts that may start now, and for those that soon may. */
unsigned line_want(const struct line *line);
/* Rows of new events that may be taken without a claim (offers.h). */
unsigned line_may_offer(const struct line *line);
/* Post what waits, as far as there is room; while the breaker is open, keep nothing. */
void line_serve_waiting(struct line *line);
/* What waits goes back unposted, due again after wait_us. */
void line_give_back(struct line *line, int64_t wait_us);

/* ---- claims.c ---- */

/* Posts that may still be claimed, by eventd.max_in_flight. */
unsigned deliveries_room(const struct deliveries *x);
bool deliveries_may_claim(const struct deliveries *x);
/* Start the claims that are due. */
void claims_step(struct deliveries *x);

#endif
