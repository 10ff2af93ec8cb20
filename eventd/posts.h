/* posts.h - one post from the claimed row to the committed result.
 *
 * A post lives until its result is committed or given up; so the limit on posts
 * bounds the results that wait for the database too. A result that cannot be
 * stored is lost: the lease lapses, and the post is made again with the same
 * webhook-id.
 *
 * Threading: loop thread only.
 */
#ifndef GH_EVENTD_POSTS_H
#define GH_EVENTD_POSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"
#include "model/delivery.h"

struct daemon;
struct db;
struct endpoint;
struct eventd_conf;
struct list;
struct metrics_table;
struct posts;
struct wake;

#define POSTS_LEASE_MARGIN_US (15 * INT64_C(1000000))

/* Indexes of deliveries_metrics. */
enum posts_metric {
	POSTS_ATTEMPTS, /* by enum posts_result */
	POSTS_DURATION,
	POSTS_BLOCKED,
	POSTS_IN_FLIGHT,
	POSTS_RESULTS_LOST
};

/* Failures of the HTTP client come first, as enum http_fail; HTTP_FAIL_NONE: an answer other
 * than 2xx. */
enum posts_result {
	POSTS_DELIVERED = HTTP_FAIL_INTERNAL + 1,
	POSTS_PARKED,     /* our own fault */
	POSTS_UNRENDERED, /* no body could be made */
	POSTS_GIVEN_BACK, /* claimed ahead of its turn, which did not come */
	POSTS_EXCLUDED,   /* its endpoint does not want it: done without a post */
	POSTS_RESULT_COUNT
};

/* How a post ended. */
struct posts_answer {
	bool is_own_fault; /* says nothing of the endpoint */
	bool is_success;
	int64_t slow_us; /* the receiver asks for quiet; 0: no */
	int64_t took_us;
};

struct posts_events {
	/* The answer came (or failed). */
	void (*answered)(void *arg, void *token, const struct posts_answer *a);
	/* The receiver wants no more posts; recorded with the result. Before answered. */
	void (*disabled)(void *arg, void *token);
	/* The post is over, its result stored or given up; token is not used any more.
	 * was_answered: answered was called for it. */
	void (*ended)(void *arg, void *token, bool was_answered);
	void *arg;
};

struct posts_opts {
	struct daemon *daemon;
	const struct eventd_conf *conf;
	struct db *db;               /* its tables hold delivery and endpoint_route */
	struct metrics_table *table; /* values of deliveries_metrics */
	struct wake *wake;           /* WAKE_OUTBOX: retries are outbox rows */
	struct posts_events events;
};

/* opts is copied, what it points to borrowed. Callbacks come from the loop, never before
 * posts_start returns. */
struct posts *posts_new(const struct posts_opts *opts);
/* Free the db first, in the same pass. No callback comes. NULL is legal. */
void posts_free(struct posts *p);

/* Make a claimed row ready to be posted and append it to waiting, a list of the caller's for one
 * endpoint. row is copied, the endpoint held. */
void posts_prepare(struct posts *p, const struct delivery_claim *row, const struct endpoint *to,
		   void *token, struct list *waiting);
/* Post the first of waiting, which leaves it. One whose lease no longer covers a whole post
 * is given back instead, as by posts_give_back. */
void posts_send_first(struct list *waiting);
/* The first of waiting leaves it unposted: due again after delay_us, no attempt spent. */
void posts_give_back_first(struct list *waiting, int64_t delay_us);

/* Posts not ended, waiting ones included. */
unsigned posts_count(const struct posts *p);
/* egress_allow changed: posts that start from now on follow it. */
void posts_reload(struct posts *p);

#endif
