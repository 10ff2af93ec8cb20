/* fan.h - do `count` things that end later, at most `limit` of them at a time. */
#ifndef GH_HEALTHD_FAN_H
#define GH_HEALTHD_FAN_H

#include <stdbool.h>

struct fan {
	unsigned count;
	unsigned limit; /* > 0 */
	/* Begin thing i; it ends with fan_done, maybe before this returns. */
	void (*start)(void *arg, unsigned i);
	/* All have ended. Called once, maybe from inside fan_run. */
	void (*end)(void *arg);
	void *arg;
	/* private */
	unsigned next;
	unsigned running;
	bool is_stepping;
};

/* Set the fields above before; the fan must live until end was called. */
void fan_run(struct fan *f);
void fan_done(struct fan *f);

#endif
