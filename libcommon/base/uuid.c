/* uuid.c - UUID values of version 7 and 4.
 *
 * Version 7 is kept as a tick (milliseconds and 12 bits of fraction, 60 bits)
 * and an 8-bit counter within the tick. The last pair handed out is the only
 * state, under a mutex: ids increase across all threads of the process.
 */
#include "base/uuid.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"

#define TICKS_PER_MS     4096u
#define TICK_MAX         ((UINT64_C(1) << 60) - 1)
#define COUNTER_MAX      255u
#define RANDOM_BITS      54
#define WALL_MAX_US      ((INT64_C(1) << 48) * CLOCK_MS - 1)
#define CLOCK_TRUSTED_US INT64_MAX

static struct {
	pthread_mutex_t mutex;
	uint64_t tick;
	unsigned counter;
	int64_t db_ahead_us; /* database wall time minus our monotonic time, as last measured */
	int64_t limit_us;    /* CLOCK_TRUSTED_US: the local clock is not checked */
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .limit_us = CLOCK_TRUSTED_US};

static void
put_be(uint8_t *dst, unsigned bytes, uint64_t v)
{
	while (bytes-- > 0) {
		dst[bytes] = (uint8_t)(v & 0xFF);
		v >>= 8;
	}
}

static struct uuid
uuid7_make(uint64_t tick, unsigned counter, uint64_t random)
{
	uint64_t rand_b =
		(uint64_t)counter << RANDOM_BITS | (random & ((UINT64_C(1) << RANDOM_BITS) - 1));
	struct uuid id;

	put_be(id.b, 6, tick / TICKS_PER_MS);
	put_be(id.b + 6, 2, UINT64_C(0x7000) | tick % TICKS_PER_MS);
	put_be(id.b + 8, 8, UINT64_C(1) << 63 | rand_b);
	return id;
}

static uint64_t
tick_of(int64_t wall_us)
{
	uint64_t us;

	if (wall_us < 0)
		wall_us = 0;
	if (wall_us > WALL_MAX_US)
		wall_us = WALL_MAX_US;
	us = (uint64_t)wall_us;
	return us / 1000 * TICKS_PER_MS + us % 1000 * TICKS_PER_MS / 1000;
}

/* Saturating: a limit of "any" must not overflow. */
static int64_t
add_clamped(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* Latest time ids may carry now, by the database's clock. */
static int64_t
latest_allowed_us(int64_t mono_us)
{
	if (state.limit_us == CLOCK_TRUSTED_US)
		return INT64_MAX;
	return add_clamped(add_clamped(mono_us, state.db_ahead_us), state.limit_us);
}

/* Local wall time, held within the limit around the database's time. The database's time is
 * carried forward by the monotonic clock: a step of the local clock does not move it. */
static int64_t
id_time_us(void)
{
	int64_t wall_us = clock_wall_us();
	int64_t latest_us, earliest_us;

	if (state.limit_us == CLOCK_TRUSTED_US)
		return wall_us;
	latest_us = latest_allowed_us(clock_mono_us());
	earliest_us = add_clamped(latest_us, -2 * state.limit_us);
	if (wall_us > latest_us)
		return latest_us;
	return wall_us < earliest_us ? earliest_us : wall_us;
}

struct uuid
uuid7_new(void)
{
	uint64_t random, tick;
	struct uuid id;

	random_bytes(&random, sizeof(random));
	pthread_mutex_lock(&state.mutex);
	tick = tick_of(id_time_us());
	if (tick > state.tick) {
		state.tick = tick;
		state.counter = 0;
	} else if (state.counter < COUNTER_MAX) {
		state.counter++;
	} else if (state.tick < TICK_MAX) {
		/* The counter is spent: borrow the next tick (244 ns) instead of waiting for it. */
		state.tick++;
		state.counter = 0;
	}
	id = uuid7_make(state.tick, state.counter, random);
	pthread_mutex_unlock(&state.mutex);
	return id;
}

void
uuid7_set_clock(int64_t offset_us, int64_t limit_us)
{
	int64_t mono_us = clock_mono_us();
	uint64_t latest;

	pthread_mutex_lock(&state.mutex);
	state.db_ahead_us = add_clamped(clock_wall_us() - mono_us, offset_us);
	/* Half of the range, so that twice the limit does not overflow. */
	state.limit_us = limit_us < INT64_MAX / 2 ? limit_us : INT64_MAX / 2;
	latest = tick_of(latest_allowed_us(mono_us));
	if (state.tick > latest) {
		state.tick = latest;
		state.counter = 0;
	}
	pthread_mutex_unlock(&state.mutex);
}

struct uuid
uuid7_floor(int64_t wall_us)
{
	return uuid7_make(tick_of(wall_us), 0, 0);
}

int64_t
uuid7_time_us(struct uuid id)
{
	int64_t ms = 0;

	for (unsigned i = 0; i < 6; i++)
		ms = ms << 8 | id.b[i];
	return ms * CLOCK_MS;
}

struct uuid
uuid4_new(void)
{
	struct uuid id;

	random_bytes(id.b, sizeof(id.b));
	id.b[6] = (uint8_t)(0x40 | (id.b[6] & 0x0F));
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F));
	return id;
}

bool
uuid_is_nil(struct uuid id)
{
	return uuid_eq(id, (struct uuid){{0}});
}

bool
uuid_eq(struct uuid a, struct uuid b)
{
	return uuid_cmp(a, b) == 0;
}

int
uuid_cmp(struct uuid a, struct uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b));
}

static bool
is_dash_place(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

const char *
uuid_text(struct uuid id, char dst[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t nibble = 0;

	for (size_t i = 0; i < UUID_TEXT_SIZE - 1; i++) {
		uint8_t byte = id.b[nibble / 2];

		if (is_dash_place(i)) {
			dst[i] = '-';
			continue;
		}
		dst[i] = digits[nibble % 2 == 0 ? byte >> 4 : byte & 0x0F];
		nibble++;
	}
	dst[UUID_TEXT_SIZE - 1] = '\0';
	return dst;
}

enum gh_code
uuid_parse(struct slice s, struct uuid *out)
{
	struct uuid id = {{0}};
	size_t nibble = 0;

	if (s.n != UUID_TEXT_SIZE - 1)
		return GH_EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		int v = hex_digit(s.p[i]);

		if (is_dash_place(i)) {
			if (s.p[i] != '-')
				return GH_EINVAL;
			continue;
		}
		if (v < 0)
			return GH_EINVAL;
		id.b[nibble / 2] = (uint8_t)(id.b[nibble / 2] << 4 | v);
		nibble++;
	}
	*out = id;
	return GH_OK;
}
