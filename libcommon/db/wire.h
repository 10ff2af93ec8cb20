/* wire.h - numbers of PostgreSQL's binary format, for the files of db/ only. */
#ifndef GH_DB_WIRE_H
#define GH_DB_WIRE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* timestamptz counts microseconds from 2000-01-01 UTC. */
#define DB_TIME_EPOCH_US INT64_C(946684800000000)
/* First byte of a jsonb value on the wire. */
#define DB_JSONB_VERSION 1

static inline void
wire_put32(char *p, uint32_t v)
{
	const uint32_t be = htobe32(v);

	memcpy(p, &be, sizeof(be));
}

static inline uint32_t
wire_get32(const char *p)
{
	uint32_t be;

	memcpy(&be, p, sizeof(be));
	return be32toh(be);
}

static inline uint16_t
wire_get16(const char *p)
{
	uint16_t be;

	memcpy(&be, p, sizeof(be));
	return be16toh(be);
}

static inline uint64_t
wire_get64(const char *p)
{
	uint64_t be;

	memcpy(&be, p, sizeof(be));
	return be64toh(be);
}

#endif
