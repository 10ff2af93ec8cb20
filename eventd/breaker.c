#include "breaker.h"

#include "base/clock.h"

#define BREAKER_STREAK_MAX   10
#define BREAKER_WINDOW_US    (300 * CLOCK_SEC)
#define BREAKER_WINDOW_MIN   10 /* attempts before the share counts */
#define BREAKER_SHARE        70 /* per cent of failures */
#define BREAKER_PAUSE_US     (30 * CLOCK_SEC)
#define BREAKER_PAUSE_MAX_US (600 * CLOCK_SEC)

unsigned
breaker_limit(const struct breaker *b, int64_t now_us, unsigned max)
{
	if (b->open_until_us == 0)
		return max;
	return now_us < b->open_until_us ? 0 : 1;
}

int64_t
breaker_wait_us(const struct breaker *b, int64_t now_us)
{
	return b->open_until_us > now_us ? b->open_until_us - now_us : 0;
}

static bool
breaker_open(struct breaker *b, int64_t now_us, int64_t pause_us)
{
	b->open_until_us = now_us + pause_us;
	b->attempt_count = b->failure_count = 0;
	b->window_us = now_us;
	return true;
}

static void
breaker_count_window(struct breaker *b, int64_t now_us, bool is_success)
{
	if (b->attempt_count == 0 || now_us - b->window_us >= BREAKER_WINDOW_US) {
		b->attempt_count = b->failure_count = 0;
		b->window_us = now_us;
	}
	b->attempt_count++;
	b->failure_count += is_success ? 0 : 1;
	b->streak = is_success ? 0 : b->streak + 1;
}

static bool
breaker_is_failing(const struct breaker *b)
{
	return b->streak >= BREAKER_STREAK_MAX ||
	       (b->attempt_count >= BREAKER_WINDOW_MIN &&
		b->failure_count * 100 >= b->attempt_count * BREAKER_SHARE);
}

bool
breaker_count(struct breaker *b, int64_t now_us, bool is_success, int64_t slow_us)
{
	bool is_half_open = b->open_until_us != 0 && now_us >= b->open_until_us;

	if (slow_us > BREAKER_PAUSE_MAX_US)
		slow_us = BREAKER_PAUSE_MAX_US; /* then one post asks again */
	if (b->open_until_us != 0 && !is_half_open) {
		/* A post that was under way when it opened: news only if quiet is asked for. */
		if (now_us + slow_us > b->open_until_us)
			return breaker_open(b, now_us, slow_us);
		return false;
	}
	if (is_half_open && is_success) {
		*b = (struct breaker){0};
		return false;
	}
	breaker_count_window(b, now_us, is_success);
	if (is_success || (!is_half_open && slow_us == 0 && !breaker_is_failing(b)))
		return false;
	if (is_half_open || slow_us == 0) {
		b->pause_us = b->pause_us == 0 ? BREAKER_PAUSE_US : b->pause_us * 2;
		if (b->pause_us > BREAKER_PAUSE_MAX_US)
			b->pause_us = BREAKER_PAUSE_MAX_US;
	}
	return breaker_open(b, now_us, slow_us > b->pause_us ? slow_us : b->pause_us);
}

bool
breaker_is_clean(const struct breaker *b)
{
	return b->open_until_us == 0 && b->streak == 0 && b->failure_count == 0;
}
