/* plan.h - what a set of raw webhook bodies means for our tables.
 *
 * Pure but for memory: bodies are parsed by their provider, the provider ids they
 * speak of are resolved by the caller's query, and the result is added to a unit
 * as model/inbound.h statements. Every element stands for itself: an unreadable
 * body, an unknown event or a status of a stranger's message stops nothing else.
 */
#ifndef GH_EVENTD_PLAN_H
#define GH_EVENTD_PLAN_H

#include <stdbool.h>

#include "metrics/metrics.h"
#include "model/inbound.h"

struct arena;
struct codes;
struct delivery_take;
struct people;
struct plan;
struct told;

/* For daemon_def.metrics. */
enum plan_metric { PLAN_BODIES, PLAN_FACTS };
#define PLAN_METRIC_COUNT 2
extern const struct metric_def plan_metrics[PLAN_METRIC_COUNT];

/* Parse the bodies (borrowed, as the arena, for the plan's life). worker: for timelines.
 * codes: where QR codes are asked for. The first is always part of the plan; those behind it as far
 * as one unit holds what they say: the others stay unsettled, which inbound_pending tells. */
struct plan *plan_new(struct arena *a, const struct inbound_body *bodies, unsigned count,
		      struct slice worker, struct codes *codes, struct metrics_table *table);

/* Provider ids to be looked up with inbound_resolve_add; 0: none. */
unsigned plan_keys(const struct plan *p, const struct inbound_key **keys);

/* Its people: keys to be looked up, and where the result goes before plan_resolve. */
struct people *plan_people(const struct plan *p);

/* Decide. matches: rows found for the keys. Call once, also when there are no keys. */
void plan_resolve(struct plan *p, const struct inbound_match *matches, unsigned count);

/* The events that plan_add will make, as far as they are news, but for those of session states and
 * of sends in doubt. */
struct told *plan_told(struct plan *p);

/* Add everything between inbound_begin_add and the end of the unit, inbound_settle included.
 * take: endpoints whose deliveries of these events the caller posts itself (told_taken). */
void plan_add(struct plan *p, struct db_unit *u, const struct delivery_take *take);
#endif
