/* idset.c - open addressing over 64-bit hashes; 0 marks a free slot. */
#include "sim.h"

#include "base/mem.h"

#define IDSET_SIZE_FIRST ((size_t)64)

static bool
insert(uint64_t *slot, size_t size, uint64_t hash)
{
	size_t i = (size_t)hash & (size - 1);

	while (slot[i] != 0) {
		if (slot[i] == hash)
			return false;
		i = (i + 1) & (size - 1);
	}
	slot[i] = hash;
	return true;
}

bool
idset_add(struct idset *s, uint64_t hash)
{
	if (hash == 0)
		hash = 1;
	if (s->count * 4 >= s->size * 3) {
		size_t size = s->size == 0 ? IDSET_SIZE_FIRST : s->size * 2;
		uint64_t *slot = gh_alloc_array(size, sizeof(*slot));

		for (size_t i = 0; i < s->size; i++)
			if (s->slot[i] != 0)
				(void)insert(slot, size, s->slot[i]);
		gh_free(s->slot);
		s->slot = slot;
		s->size = size;
	}
	if (!insert(s->slot, s->size, hash))
		return false;
	s->count++;
	return true;
}

void
idset_free(struct idset *s)
{
	gh_free(s->slot);
	*s = (struct idset){0};
}
