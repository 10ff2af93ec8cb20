/* people.c - WhatsApp itself, the same behind every provider: accounts, numbers, message ids. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "crypto/encode.h"
#include "crypto/hash.h"

#define MOVED_SIZE 8 /* "-m" and six digits */
#define ID_BYTES   9 /* random bytes of a message id */

void
people_number(struct slice name, char dst[PEOPLE_NUMBER_SIZE])
{
	uint8_t hash[HASH_SHA256_SIZE];
	unsigned long n;

	/* One that an instance moved to is paired by the same phone (model/instance_move.h). */
	if (name.n > MOVED_SIZE && memcmp(name.p + name.n - MOVED_SIZE, "-m", 2) == 0)
		name.n -= MOVED_SIZE;
	hash_sha256(name, hash);
	n = ((unsigned long)hash[0] << 24 | (unsigned long)hash[1] << 16 |
	     (unsigned long)hash[2] << 8 | hash[3]) %
	    100000000ul;
	(void)snprintf(dst, PEOPLE_NUMBER_SIZE, "55119%08lu", n);
}

struct slice
people_message_id(struct arena *a)
{
	uint8_t bytes[ID_BYTES];
	char *hex = arena_alloc(a, ENCODE_HEX_SIZE(sizeof(bytes)));

	random_bytes(bytes, sizeof(bytes));
	encode_hex(slice_make(bytes, sizeof(bytes)), hex);
	for (char *c = hex; *c != '\0'; c++)
		if (*c >= 'a')
			*c = (char)(*c - 'a' + 'A');
	return slice_of(arena_printf(a, "3EB0%s", hex));
}

enum people_answer
people_check(struct slice user, struct arena *a, struct slice *real)
{
	*real = user;
	if (slice_starts(user, S("5597")))
		return PEOPLE_FAILS;
	if (slice_starts(user, S("5500")))
		return PEOPLE_NOBODY;
	if (user.n == 13 && slice_starts(user, S("5599")))
		*real = slice_of(arena_printf(a, "%.4s%.8s", user.p, user.p + 5));
	else if (user.n == 12 && slice_starts(user, S("5598")))
		*real = slice_of(arena_printf(a, "%.4s9%.8s", user.p, user.p + 4));
	return slice_starts(user, S("5596")) ? PEOPLE_UNREACHABLE : PEOPLE_FOUND;
}
