/* typing.h - the end of a typing sign that was asked for with a delay: the provider shows it until
 * it is told to stop, so somebody has to remember.
 *
 * One sign per chat of an instance: a newer one, with a delay or without, replaces it. What is
 * pending when the process drains is stopped then. Loop thread only.
 */
#ifndef GH_GATEWAY_TYPING_H
#define GH_GATEWAY_TYPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct gateway;
struct instance_row;

#define TYPING_MAX 10000 /* signs to be stopped */

void typing_start(struct gateway *gw);
void typing_drain(struct gateway *gw);
/* No stop is under way. */
bool typing_is_idle(const struct gateway *gw);
/* Legal when typing_start never ran. */
void typing_stop(struct gateway *gw);

/* There is room for one more, or one of this chat would be replaced. */
bool typing_has_room(const struct gateway *gw);
/* The provider shows a sign in that chat of the instance: stop it after delay_us; 0: let it be, and
 * forget the older one. Everything is copied. Past TYPING_MAX it is let be too. */
void typing_shown(struct gateway *gw, const struct instance_row *instance, struct slice chat,
		  int64_t delay_us);

#endif
