/* conf_private.h - what the files of config/ share; nobody else includes it. */
#ifndef GH_CONF_PRIVATE_H
#define GH_CONF_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "config/conf.h"

struct arena;
struct buf;

/* Keep one error line; counts it when the list is full. */
void conf_errors_add(struct conf_errors *errs, const char *fmt, ...) GH_PRINTF(2, 3);

/* ---- conf_source.c: one text out of a file and its includes ---- */

struct conf_file {
	const char *path; /* as named on the command line or by @include */
	struct slice dir; /* up to and with the last '/', or empty */
	bool is_world_readable;
};

struct conf_source;

/* Read path and everything it includes. On failure errs holds the reasons and the
 * source, never NULL, may be used for nothing but freeing. */
struct conf_source *conf_source_new(const char *path, struct conf_errors *errs);
void conf_source_free(struct conf_source *s); /* wipes the text; NULL is legal */
const char *conf_source_text(struct conf_source *s);
/* Where a line (1..) of the joined text comes from; *line becomes the line in that file. */
const struct conf_file *conf_source_find(const struct conf_source *s, unsigned *line);

/* Append a regular file of at most max bytes to out. On failure *why is a reason. */
enum gh_code conf_file_read(const char *path, size_t max, struct buf *out, bool *is_world_readable,
			    const char **why) GH_MUST_USE;
/* path, or dir and path when path is relative; in the arena. */
const char *conf_file_resolve(struct arena *a, const struct conf_file *from, struct slice path);

/* ---- conf_value.c: text forms to values ---- */

/* The text form of a value: one item, or the elements of a list. */
struct conf_items {
	const char **v;
	size_t count;
};

struct conf_type_ops {
	const char *name;    /* as printed */
	const char *expects; /* for "must be ..." when the file holds another type */
	size_t size;         /* of the member */
	bool is_list, is_secret;
	bool has_pointer; /* equality by text, not by the member's bytes */
	/* Fill dst (zeroed). NULL, or the reason; "" stands for "must be <range>". */
	const char *(*parse)(const struct conf_param *p, struct arena *a,
			     const struct conf_items *items, void *dst);
	void (*range)(const struct conf_param *p, struct buf *out);
};

const struct conf_type_ops *conf_type_ops(const struct conf_param *p);
/* The items of a table's default, as the file would give them; p->dflt not NULL. */
struct conf_items conf_items_default(const struct conf_param *p, struct arena *a);

/* Replace ${NAME} and "$${" in text. NULL: *why says what is wrong. */
const char *conf_expand_env(struct slice text, struct arena *a, const char **why);
bool conf_has_env(struct slice text);

#endif
