/* senderd.h - what the files of senderd share: the context of the process and its metrics.
 *
 * The way of a message: hints.c brings a hint -> targets.c decides which instance is
 * next -> claims.c claims its due rows -> calls.c calls the provider -> outcome.c
 * decides what the answer means -> results.c stores it and wakes the instance again.
 */
#ifndef GH_SENDERD_H
#define GH_SENDERD_H

#include "config/params_senderd.h"
#include "metrics/metrics.h"

struct calls;
struct claims;
struct daemon;
struct daemon_mq;
struct db;
struct files;
struct hints;
struct loop;
struct media_urls;
struct new_chats;
struct numbers;
struct results;
struct routes;
struct servers;
struct targets;
struct wake;

struct senderd {
	struct daemon *daemon;
	struct loop *loop;
	const struct senderd_conf *conf;
	struct metrics_table *metrics; /* of senderd_metrics */
	struct db *write;              /* claims, results, wake-ups, in this order */
	struct db *read;               /* routes, quoted messages, files */
	struct db *listen;             /* queues */
	struct daemon_mq *mq;
	struct hints *hints;
	struct wake *wake;
	struct targets *targets;
	struct routes *routes;
	struct servers *servers;
	struct claims *claims;
	struct media_urls *media_urls;
	struct files *files;
	struct calls *calls;
	struct new_chats *new_chats;
	struct numbers *numbers;
	struct results *results;
};

enum {
	M_ATTEMPTS,
	M_DURATION,
	M_END_TO_END,
	M_CLAIMS,
	M_CLAIMED,
	M_IN_FLIGHT,
	M_UNSTORED,
	M_TARGETS,
	M_RESULTS,
	M_LOOKUPS,
	M_BREAKER_OPEN,
	M_BREAKER_CHANGES,
	M_FILES,
	M_FILES_MEMORY,
	M_NEW_CHATS,
	M_COUNT
};
enum { STAGE_CALLED, STAGE_SENT };                   /* M_END_TO_END */
enum { CLAIMS_OK, CLAIMS_FAILED };                   /* M_CLAIMS */
enum { RESULTS_STORED, RESULTS_LATE, RESULTS_LOST }; /* M_RESULTS */
enum { LOOKUP_FOUND, LOOKUP_ABSENT, LOOKUP_FAILED }; /* M_LOOKUPS */

enum { FILES_LOADED, FILES_MISSING, FILES_FAILED, FILES_LATE }; /* M_FILES */

enum { NEW_CHATS_M_REFUSED, NEW_CHATS_M_PAUSED, NEW_CHATS_M_HELD }; /* M_NEW_CHATS */

/* Label of a provider type in M_ATTEMPTS and M_DURATION. */
unsigned senderd_provider_label(struct slice type);

/* Report drained when nothing is under way any more and the daemon drains. */
void senderd_check_drained(struct senderd *sd);

#endif
