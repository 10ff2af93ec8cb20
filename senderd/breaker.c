/* breaker.c - when a provider server is left alone; see breaker.h. */
#include "breaker.h"

#include "base/random.h"

#define PAUSE_JITTER_PERCENT 20

bool
breaker_is_open(const struct breaker *b)
{
	return b->pause_us > 0;
}

bool
breaker_may_probe(const struct breaker *b, int64_t now_us)
{
	return now_us >= b->probe_us;
}

int64_t
breaker_wait_us(const struct breaker *b, int64_t now_us)
{
	return breaker_is_open(b) && b->probe_us > now_us ? b->probe_us - now_us : 0;
}

static void
breaker_pause(struct breaker *b, int64_t now_us, int64_t pause_us)
{
	b->pause_us = pause_us < BREAKER_PAUSE_MAX_US ? pause_us : BREAKER_PAUSE_MAX_US;
	/* Senders that lost the server together must not come back together. */
	b->probe_us = now_us + random_jitter(b->pause_us, PAUSE_JITTER_PERCENT);
}

enum breaker_change
breaker_count(struct breaker *b, int64_t now_us, enum breaker_news news)
{
	bool was_open = breaker_is_open(b);

	if (news == BREAKER_NONE)
		return BREAKER_SAME;
	if (news == BREAKER_WORKS) {
		*b = (struct breaker){0};
		return was_open ? BREAKER_CLOSED : BREAKER_SAME;
	}
	if (was_open) {
		/* A call that was under way when it opened tells nothing new. */
		if (!breaker_may_probe(b, now_us))
			return BREAKER_SAME;
		breaker_pause(b, now_us, 2 * b->pause_us);
		return BREAKER_AGAIN;
	}
	b->doubts++;
	if (news == BREAKER_DOUBT && b->doubts < BREAKER_DOUBTS)
		return BREAKER_SAME;
	breaker_pause(b, now_us, BREAKER_PAUSE_US);
	return BREAKER_OPENED;
}
