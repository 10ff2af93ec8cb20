/* files.h - stored files on their way into provider requests.
 *
 * A request with a file is one block of memory: its head, the file as base64 text, its tail.
 * The file is read in pieces of FILES_PIECE_CHUNKS chunks and encoded as they come, so beyond
 * the block (4/3 of the file) only one piece per file being read is held. All blocks together
 * stay below senderd.media_memory; who finds no room waits in turn. One larger than that passes
 * alone.
 */
#ifndef GH_SENDERD_FILES_H
#define GH_SENDERD_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"

struct file_load;
struct files;
struct senderd;

/* 512 KiB. */
#define FILES_PIECE_CHUNKS 2
/* Read at one time: pieces that may come in one pass of the loop, which must stay short, and
 * before a route on the same connection. */
#define FILES_READING_MAX 2

struct files *files_new(struct senderd *sd);
/* After the last load was ended. NULL is legal. */
void files_free(struct files *f);

struct file_want {
	int32_t company_id;
	struct uuid media_id;
	struct slice head, tail; /* borrowed until done */
	int64_t until_us;        /* monotonic: no longer wanted after */
};

/* GH_OK with the body, which lives until file_end; GH_ENOTFOUND the file is not there (whole);
 * GH_ETEMP the database did not answer; GH_EBUSY no room in time. */
typedef void file_fn(void *arg, enum gh_code code, struct slice body);

/* Load a file. done is called once, from the loop, never before this returns. */
struct file_load *file_start(struct files *f, const struct file_want *want, file_fn *done,
			     void *arg);
/* Give the block back, or up: done is not called any more. NULL is legal. */
void file_end(struct file_load *l);

/* Bytes of blocks. */
size_t files_memory(const struct files *f);

#endif
