/* conf.h - configuration of a daemon from one file and its parameter tables.
 *
 * A table says everything about a key once: name, type, default, bounds, flags,
 * help, place in the daemon's struct. Loading checks the whole file against the
 * tables and reports every error with file:line, key, value and allowed range;
 * nothing is half-applied. The same tables print themselves for growhubctl and
 * for the tests that compare manuals and samples with them.
 *
 * File format: libconfig, `@include "path"` (a line of its own; relative to the
 * including file), strings with ${NAME} from the environment (a missing variable
 * is an error; "$${" is a literal "${"). Sizes and durations are strings with a
 * unit: "16MiB", "30s" (libconfig cuts integers over 32 bits).
 *
 * Secrets: `"file:PATH"` (regular file not readable by others, at most
 * CONF_SECRET_MAX bytes, one trailing newline dropped; PATH may hold ${NAME} and
 * is relative to the file naming it), `"${NAME}"`, or literal text, refused in a
 * config file that others can read. They are never printed, nor shown in errors.
 *
 * Blocking file reads: at start and on SIGHUP only. Not thread-safe.
 */
#ifndef GH_CONF_H
#define GH_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

struct buf;
struct conf;

/* Each comment: C type of the member at `offset`, and what min..max bound. */
enum conf_type {
	CONF_TYPE_STRING,   /* const char *, NULL when unset; length in bytes */
	CONF_TYPE_BOOL,     /* bool; no bounds */
	CONF_TYPE_INT,      /* int64_t; the value */
	CONF_TYPE_SIZE,     /* size_t in bytes: "512B" "64KiB" "16MiB" "2GiB"; the value */
	CONF_TYPE_DURATION, /* int64_t in microseconds: "250ms" "30s" "5m" "2h" "1d"; the value */
	CONF_TYPE_ENUM,     /* int, index into `words`; no bounds */
	CONF_TYPE_SECRET,   /* const char *, NULL when unset; length in bytes */
	CONF_TYPE_KEY,      /* struct conf_key: a secret of 32 bytes in base64; no bounds */
	CONF_TYPE_STRINGS,  /* struct conf_strings; number of elements */
	CONF_TYPE_LISTEN,   /* struct conf_listens; number of elements */
	CONF_TYPE_CIDRS,    /* struct conf_cidrs; number of elements */
	/* struct conf_strings, each an origin as browsers write it, or "*" as the only one; number
	 * of elements */
	CONF_TYPE_ORIGINS
};

/* The list types take a list or array of strings, or one string for one element. */
struct conf_strings {
	const char *const *v;
	size_t count;
};

struct conf_listen {
	char host[ADDR_TEXT_SIZE]; /* address literal; "" = all addresses of both families */
	uint16_t port;             /* 1..65535 */
};

struct conf_listens {
	const struct conf_listen *v;
	size_t count;
};

struct conf_cidrs {
	const struct addr_cidr *v;
	size_t count;
};

#define CONF_KEY_SIZE 32
struct conf_key {
	uint8_t b[CONF_KEY_SIZE];
	bool is_set;
};

#define CONF_RELOADABLE 1u /* conf_reload changes it in the live struct */
#define CONF_REQUIRED   2u /* must be in the file; dflt is NULL */

#define CONF_MINUTE (60 * CLOCK_SEC)
#define CONF_HOUR   (3600 * CLOCK_SEC)
#define CONF_DAY    (86400 * CLOCK_SEC)
#define CONF_KIB    ((int64_t)1024)
#define CONF_MIB    (1024 * CONF_KIB)
#define CONF_GIB    (1024 * CONF_MIB)

/* One key. A table is an array of these that ends in a row with name NULL. */
struct conf_param {
	const char *name; /* as in the file: "instance_name", "db.url" (at most one dot) */
	enum conf_type type;
	/* In the file's text form, lists separated by commas ("" = empty list). NULL: unset
	 * (zero bytes in the struct), for types whose unset form is told apart above. */
	const char *dflt;
	int64_t min, max; /* inclusive; max 0 for text and lists: CONF_TEXT_MAX */
	/* Ends in NULL. CONF_TYPE_ENUM: the values; STRING and SECRET: how the text may begin,
	 * NULL: anyhow. */
	const char *const *words;
	unsigned flags;
	size_t offset; /* offsetof the member in the table's struct */
	const char *help;
};

#define CONF_TEXT_MAX   4096
#define CONF_SECRET_MAX 65536

/* A table and where its struct lies within the daemon's conf struct. */
struct conf_table {
	const struct conf_param *params;
	size_t base; /* offsetof(struct senderd_conf, common), or 0 */
};

/* Everything borrowed for the life of the loaded configuration. */
struct conf_spec {
	const struct conf_table *tables;
	size_t table_count;
	size_t struct_size;         /* sizeof the daemon's conf struct */
	const char *const *require; /* further required keys, ends in NULL; NULL: none */
	/* Sections of other programs sharing the file, ends in NULL. Not looked into unless
	 * one of the tables has keys there, so one list serves every daemon. */
	const char *const *ignore;
};

#define CONF_ERRORS_MAX 20
#define CONF_ERROR_SIZE 384
struct conf_errors {
	unsigned count;         /* lines in text */
	unsigned dropped_count; /* further errors, not kept */
	char text[CONF_ERRORS_MAX][CONF_ERROR_SIZE];
};

/* Read path and fill live (struct_size bytes; zeroed first).
 *
 * *out     owns every pointer in live; conf_free(*out) ends them all
 * errs     filled on failure, count > 0
 * Returns  GH_OK, or GH_EINVAL with live zeroed and *out NULL
 */
enum gh_code conf_load(struct conf **out, const struct conf_spec *spec, const char *path,
		       void *live, struct conf_errors *errs) GH_MUST_USE;
void conf_free(struct conf *c); /* NULL is legal; wipes nothing in live but the pointers die */

/* Names of keys whose value differs from the live one; valid until the next reload. */
struct conf_changes {
	const char *const *applied; /* reloadable: now in the live struct */
	size_t applied_count;
	const char *const *restart; /* not reloadable: the live struct keeps the old value */
	size_t restart_count;
};

/* Read the same file again and apply the reloadable keys to the live struct.
 * Strings and lists read before stay valid until conf_free, so a reader in the
 * middle of a request is not surprised. On GH_EINVAL nothing was changed. */
enum gh_code conf_reload(struct conf *c, struct conf_changes *changes,
			 struct conf_errors *errs) GH_MUST_USE;

enum conf_print_form {
	CONF_PRINT_TABLE, /* aligned columns for people */
	CONF_PRINT_TSV    /* name, type, default, range, flags, help; tab separated, no heading */
};
/* "-" stands for no default, no range, no flags. Check out->over. */
void conf_print_params(struct buf *out, const struct conf_table *tables, size_t table_count,
		       enum conf_print_form form);

/* "127.0.0.1:8080", "[::1]:8080", ":8080" or "*:8080" (all addresses), "localhost:8080"
 * (127.0.0.1). Other names are GH_EINVAL: nothing is resolved. */
enum gh_code conf_split_listen(struct slice s, struct conf_listen *out) GH_MUST_USE;

#endif
