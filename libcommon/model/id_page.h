/* id_page.h - pages of lists that are newest first by an integer id, forward and backward. */
#ifndef GH_MODEL_ID_PAGE_H
#define GH_MODEL_ID_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"

struct id_page {
	int32_t key;  /* exclusive; INT32_MAX from the beginning */
	bool is_back; /* the nearest rows with a greater id, else with a smaller one */
	unsigned limit, offset;
};

/* The statement: rows and columns (the id first) by select and where, id the column's name, and the
 * placeholders of the four parameters of id_page_add. The parameters leave one branch, each
 * walks the index on the id; the rows are in the order of the list either way. */
#define ID_PAGE_SQL(select, where, id, key, is_back, limit, offset)                                \
	"SELECT * FROM (\n"                                                                        \
	"(" select "WHERE NOT " is_back "::bool AND " id " < " key "::int4 AND " where             \
	"\nORDER BY " id " DESC LIMIT " limit "::int8 OFFSET " offset "::int8)\n"                  \
	"UNION ALL\n"                                                                              \
	"(" select "WHERE " is_back "::bool AND " id " > " key "::int4 AND " where "\nORDER BY "   \
	"" id " LIMIT " limit "::int8 OFFSET " offset "::int8)\n"                                  \
	") page ORDER BY 1 DESC"

#define ID_PAGE_TYPES DB_INT4, DB_BOOL, DB_INT8, DB_INT8

/* key, is_back, limit, offset. */
void id_page_add(struct db_params *p, const struct id_page *page);

#endif
