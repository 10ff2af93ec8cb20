/* map.c - hash map from bytes to a pointer.
 *
 * Open addressing with linear probing over a power of two of slots. A deleted
 * slot stays as a gravestone until the next rebuild, so that a walk may delete
 * what it stands on: nothing moves except in map_put.
 */
#include "base/map.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/random.h"

#define MAP_FIRST_SLOTS ((size_t)16)
#define MAP_INLINE_MAX  ((size_t)16) /* UUIDs and integers need no allocation */

enum slot_state { SLOT_FREE, SLOT_USED, SLOT_GRAVE };

struct slot {
	enum slot_state state;
	uint64_t hash;
	void *value;
	size_t key_n;
	union {
		char bytes[MAP_INLINE_MAX];
		char *heap; /* longer than MAP_INLINE_MAX */
	} key;
};

struct map {
	struct slot *slots;
	size_t size;   /* power of two */
	size_t count;  /* used */
	size_t graves; /* deleted, still in the way of probes */
};

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotate_left(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

/* Little-endian number of at most 8 bytes. */
static uint64_t
load_le(struct slice s)
{
	uint64_t v = 0;

	while (s.n-- > 0)
		v = v << 8 | (uint8_t)s.p[s.n];
	return v;
}

/* SipHash-2-4 (Aumasson, Bernstein 2012). */
static uint64_t
siphash(const uint64_t key[2], struct slice in)
{
	struct sip s = {
		key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};

	/* The last block is short and carries the length in its top byte. */
	for (size_t at = 0; at <= in.n; at += 8) {
		uint64_t m = load_le(slice_sub(in, at, 8));

		if (in.n - at < 8)
			m |= (uint64_t)in.n << 56;
		s.v3 ^= m;
		sip_round(&s);
		sip_round(&s);
		s.v0 ^= m;
	}
	s.v2 ^= 0xFF;
	for (unsigned i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static uint64_t hash_key[2];

static void
hash_key_init(void)
{
	random_bytes(hash_key, sizeof(hash_key));
}

uint64_t
map_hash(struct slice key)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, hash_key_init);
	return siphash(hash_key, key);
}

struct map *
map_new(void)
{
	struct map *m = gh_alloc(sizeof(*m));

	m->size = MAP_FIRST_SLOTS;
	m->slots = gh_alloc_array(m->size, sizeof(*m->slots));
	return m;
}

static struct slice
slot_key(const struct slot *s)
{
	return slice_make(s->key_n <= MAP_INLINE_MAX ? s->key.bytes : s->key.heap, s->key_n);
}

static void
slot_free_key(struct slot *s)
{
	if (s->state == SLOT_USED && s->key_n > MAP_INLINE_MAX)
		gh_free(s->key.heap);
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->size; i++)
		slot_free_key(&m->slots[i]);
	gh_free(m->slots);
	gh_free(m);
}

/* Slot of the key, or NULL. Ends because at least a quarter of the slots is free. */
static struct slot *
map_find(const struct map *m, uint64_t hash, struct slice key)
{
	for (size_t i = hash & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
		struct slot *s = &m->slots[i];

		if (s->state == SLOT_FREE)
			return NULL;
		if (s->state == SLOT_USED && s->hash == hash && slice_eq(slot_key(s), key))
			return s;
	}
}

/* Slot to put a key that is not in the map: the first one not in use. */
static struct slot *
map_find_place(const struct map *m, uint64_t hash)
{
	size_t i = hash & (m->size - 1);

	while (m->slots[i].state == SLOT_USED)
		i = (i + 1) & (m->size - 1);
	return &m->slots[i];
}

/* Fresh slots, at most half of them used: gravestones go, and a map that was large shrinks. */
static void
map_rebuild(struct map *m)
{
	struct slot *old = m->slots;
	size_t old_size = m->size;

	m->size = MAP_FIRST_SLOTS;
	while (m->size / 2 <= m->count)
		m->size *= 2;
	m->slots = gh_alloc_array(m->size, sizeof(*m->slots));
	m->graves = 0;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].state == SLOT_USED)
			*map_find_place(m, old[i].hash) = old[i];
	}
	gh_free(old);
}

void *
map_get(const struct map *m, struct slice key)
{
	const struct slot *s = map_find(m, map_hash(key), key);

	return s == NULL ? NULL : s->value;
}

void *
map_put(struct map *m, struct slice key, void *value)
{
	uint64_t hash = map_hash(key);
	struct slot *s = map_find(m, hash, key);

	if (s != NULL) {
		void *replaced = s->value;

		s->value = value;
		return replaced;
	}
	if (m->count + m->graves + 1 > m->size / 4 * 3)
		map_rebuild(m);
	s = map_find_place(m, hash);
	if (s->state == SLOT_GRAVE)
		m->graves--;
	*s = (struct slot){.state = SLOT_USED, .hash = hash, .value = value, .key_n = key.n};
	if (key.n > MAP_INLINE_MAX)
		s->key.heap = gh_strndup(key.p, key.n);
	else if (key.n != 0)
		memcpy(s->key.bytes, key.p, key.n);
	m->count++;
	return NULL;
}

void *
map_del(struct map *m, struct slice key)
{
	struct slot *s = map_find(m, map_hash(key), key);
	void *value;

	if (s == NULL)
		return NULL;
	value = s->value;
	slot_free_key(s); /* key may point into it: not read from here on */
	*s = (struct slot){.state = SLOT_GRAVE};
	m->count--;
	m->graves++;
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

void *
map_get_i64(const struct map *m, int64_t key)
{
	return map_get(m, slice_make(&key, sizeof(key)));
}

void *
map_put_i64(struct map *m, int64_t key, void *value)
{
	return map_put(m, slice_make(&key, sizeof(key)), value);
}

void *
map_del_i64(struct map *m, int64_t key)
{
	return map_del(m, slice_make(&key, sizeof(key)));
}

bool
map_next(const struct map *m, size_t *it, struct slice *key, void **value)
{
	while (*it < m->size) {
		const struct slot *s = &m->slots[(*it)++];

		if (s->state != SLOT_USED)
			continue;
		if (key != NULL)
			*key = slot_key(s);
		if (value != NULL)
			*value = s->value;
		return true;
	}
	return false;
}
