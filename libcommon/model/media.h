/* media.h - files of sends, kept once per company and content (SHA-256).
 *
 * The gateway stores the bytes, in a transaction of their own, before it accepts the message
 * that names them (message_payload.h, file.media_id); senderd reads them chunk by chunk. A
 * file is kept until `kept_until`, which every message that uses it moves forward; then
 * healthd removes it (model/purge.h). So bytes without a message cost space for a while, and
 * a message never lacks its bytes.
 */
#ifndef GH_MODEL_MEDIA_H
#define GH_MODEL_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

#define MEDIA_CHUNK_SIZE  ((size_t)256 * 1024)
#define MEDIA_SHA256_SIZE 32
/* Bytes of a file. */
#define MEDIA_SIZE_MAX ((size_t)64 * 1024 * 1024)

struct media_new {
	struct uuid id; /* UUIDv7 made by the caller: also the key that makes a repeat safe */
	int32_t company_id;
	struct slice mime_type;
	uint8_t sha256[MEDIA_SHA256_SIZE]; /* of data */
	struct slice data;                 /* 1..MEDIA_SIZE_MAX bytes */
	int64_t kept_until_us;
};

/* Does the company have these bytes already? Then they are kept until m->kept_until_us too, at
 * least. One row or none; index media_content. m is borrowed until the unit is done. */
void media_touch_add(struct db_unit *u, const struct media_new *m);
/* Store them, cut into chunks. When another request did meanwhile, its row is the one. m is
 * borrowed until the unit is done. */
void media_insert_add(struct db_unit *u, const struct media_new *m);
/* The row of either; false: media_touch_add found none. */
bool media_id_of(const struct db_unit *u, unsigned stmt, struct uuid *id) GH_MUST_USE;

struct media_row {
	struct uuid id;
	struct slice mime_type;
	int64_t size_bytes;
};

/* One file by its id: one row or none. */
void media_get_add(struct db_unit *u, int32_t company_id, struct uuid id);
/* False: the company has none of that id. mime_type lives in a. */
bool media_get_row(const struct db_unit *u, unsigned stmt, struct arena *a,
		   struct media_row *row) GH_MUST_USE;

/* Chunks first..first + count - 1 of a file that media_get_row returned, in their order; fewer
 * where it ends. */
void media_chunks_add(struct db_unit *u, struct uuid id, unsigned first, unsigned count);
unsigned media_chunk_count(const struct db_unit *u, unsigned stmt);
/* Valid while the unit's done runs. */
struct slice media_chunk(const struct db_unit *u, unsigned stmt, unsigned i);

extern const struct db_stmt_table media_stmt_table;

#endif
