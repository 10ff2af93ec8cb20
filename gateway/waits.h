/* waits.h - requests that wait for the outcome of a message that is committed already.
 *
 * All of them are looked after by one SELECT at a time, whose pace follows the youngest: soon
 * after an acceptance, then at an eighth of its age. Giving up, on whatever side, changes
 * nothing for the message.
 */
#ifndef GH_GATEWAY_WAITS_H
#define GH_GATEWAY_WAITS_H

#include <stdbool.h>
#include <stdint.h>

struct gateway;
struct gw_req;
struct message_row;

#define WAITS_MAX_US     (30 * CLOCK_SEC)
#define WAITS_DEFAULT_US (10 * CLOCK_SEC) /* of the routes that wait by themselves */

/* "Prefer: wait=N", seconds; more than 30 are 30. False: there is none that can be read. */
bool waits_preferred(const struct gw_req *req, int64_t *wait_us);

/* row: the message as it stands. */
typedef void waits_done_fn(struct gw_req *req, const struct message_row *row);

/* Call done once the message was sent, failed or was cancelled, wait_us at the latest; maybe
 * before this returns: when it is so already, is not due in that time, gw->conf->waiters_max
 * others wait, or the process drains. row: the message as known now; copied. */
void waits_add(struct gw_req *req, const struct message_row *row, int64_t wait_us,
	       waits_done_fn *done);

/* Life of gw->waits. */
void waits_start(struct gateway *gw);
/* Whoever waits is answered; nobody waits afterwards. */
void waits_drain(struct gateway *gw);
void waits_stop(struct gateway *gw);
void waits_release(struct gateway *gw);

#endif
