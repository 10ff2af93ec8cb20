/* mem.h - allocation that never returns NULL. The only callers of malloc and free. */
#ifndef GH_MEM_H
#define GH_MEM_H

#include <stddef.h>

/* Zeroed block of n bytes (n 0 gives a valid pointer); panics when memory is gone. */
void *gh_alloc(size_t n) __attribute__((malloc));

/* Zeroed array of count elements of size bytes; panics on overflow. */
void *gh_alloc_array(size_t count, size_t size) __attribute__((malloc));

/* Grow or shrink; new bytes are not zeroed. p may be NULL. */
void *gh_realloc(void *p, size_t n);

/* Owned copy of n bytes with a NUL behind them. */
char *gh_strndup(const char *s, size_t n) __attribute__((malloc));
char *gh_strdup(const char *s) __attribute__((malloc));

/* NULL is legal. */
void gh_free(void *p);

/* Overwrite secrets; not removed by the optimiser. */
void gh_wipe(void *p, size_t n);

#endif
