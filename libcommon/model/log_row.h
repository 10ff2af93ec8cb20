/* log_row.h - log lines kept in the database: stored by every daemon, listed for the administrator.
 *
 * The journal has every line; this table has those of log.store_level or worse, for
 * healthd.log_retention, so that one question finds what any process on any host said.
 */
#ifndef GH_MODEL_LOG_ROW_H
#define GH_MODEL_LOG_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

/* The time of a line is that of its id. Slices of a row read are valid until the unit is done. */
struct log_row {
	struct uuid id;
	enum log_level level; /* the stored number */
	struct slice daemon;  /* "senderd" */
	struct slice process; /* its instance_name */
	struct slice event;
	int32_t company_id;     /* 0: none */
	int32_t instance_id;    /* 0: none */
	struct uuid message_id; /* nil: none */
	struct slice line;      /* as on stderr */
};

#define LOG_STORE_MAX 128 /* rows of one statement */

/* Insert 1..LOG_STORE_MAX lines; those already there (a repetition) are left alone. Strings are
 * copied. */
void log_store_add(struct db_unit *u, const struct log_row *const *rows, unsigned count);

/* Lines that one page or one count looks at, whether they match or not. */
#define LOG_WINDOW_MAX 10000

struct log_filter {
	struct uuid from;       /* ids >= from */
	struct uuid before;     /* ids < before */
	bool is_back;           /* of a limit: the oldest ones; without offset */
	enum log_level level;   /* this one or worse */
	int32_t company_id;     /* 0: all */
	int32_t instance_id;    /* 0: all */
	struct uuid message_id; /* nil: all */
	struct slice daemon;    /* absent: all */
	struct slice event;     /* absent: all */
};

/* Matching lines among the first LOG_WINDOW_MAX of the range (its last ones with is_back), newest
 * first. The range is that of the message, else of the instance, else of the company, else of all:
 * an index each. Slices of f are borrowed until the unit is done. */
void log_list_add(struct db_unit *u, const struct log_filter *f, unsigned limit, unsigned offset);
unsigned log_list_count(const struct db_unit *u, unsigned stmt);
void log_list_read(const struct db_unit *u, unsigned stmt, unsigned i, struct log_row *row);
/* True: there are more beyond those looked at; *end is the last of these. */
bool log_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end);

/* How many match among the newest LOG_WINDOW_MAX + 1 of the range; *examined: looked at. */
void log_count_add(struct db_unit *u, const struct log_filter *f);
int64_t log_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined);

extern const struct db_stmt_table log_row_stmt_table;

#endif
