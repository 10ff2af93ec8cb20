/* conf_print.c - the parameter tables as text: for `growhubctl params`, and for the
 * tests that compare manuals and samples with them.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/conf_private.h"

enum { COL_NAME, COL_TYPE, COL_DEFAULT, COL_RANGE, COL_FLAGS, COL_HELP, COL_COUNT };

struct print_row {
	const char *col[COL_COUNT];
};

static const char *
print_flags(const struct conf_param *p, struct arena *a)
{
	const struct {
		bool is_set;
		const char *word;
	} flags[] = {
		{(p->flags & CONF_REQUIRED) != 0, "required"},
		{(p->flags & CONF_RELOADABLE) != 0, "reloadable"},
		{conf_type_ops(p)->is_secret, "secret"},
	};
	struct buf b;

	buf_init(&b, a, 64);
	for (size_t i = 0; i < GH_COUNT(flags); i++) {
		if (!flags[i].is_set)
			continue;
		if (b.n > 0)
			buf_add_char(&b, ',');
		buf_add_cstr(&b, flags[i].word);
	}
	return b.n > 0 ? buf_cstr(&b) : "-";
}

static struct print_row
print_row_of(const struct conf_param *p, struct arena *a)
{
	struct buf range;
	struct print_row row;

	buf_init(&range, a, CONF_TEXT_MAX);
	conf_type_ops(p)->range(p, &range);
	row.col[COL_NAME] = p->name;
	row.col[COL_TYPE] = conf_type_ops(p)->name;
	row.col[COL_DEFAULT] = p->dflt == NULL ? "-" : *p->dflt == '\0' ? "\"\"" : p->dflt;
	row.col[COL_RANGE] = buf_cstr(&range);
	row.col[COL_FLAGS] = print_flags(p, a);
	row.col[COL_HELP] = p->help;
	return row;
}

/* width NULL: separated by tabs. */
static void
print_row_add(struct buf *out, const struct print_row *row, const size_t *width)
{
	for (size_t i = 0; i < COL_COUNT; i++) {
		if (i == COL_HELP)
			buf_add_printf(out, "%s\n", row->col[i]);
		else if (width == NULL)
			buf_add_printf(out, "%s\t", row->col[i]);
		else
			buf_add_printf(out, "%-*s  ", (int)width[i], row->col[i]);
	}
}

void
conf_print_params(struct buf *out, const struct conf_table *tables, size_t table_count,
		  enum conf_print_form form)
{
	static const struct print_row heading = {
		{"NAME", "TYPE", "DEFAULT", "RANGE", "FLAGS", "HELP"}};
	struct arena *a = arena_new(0);
	size_t width[COL_COUNT], count = 1, at = 1;
	struct print_row *rows;

	for (size_t t = 0; t < table_count; t++) {
		for (const struct conf_param *p = tables[t].params; p->name != NULL; p++)
			count++;
	}
	rows = arena_alloc_array(a, count, sizeof(*rows));
	rows[0] = heading;
	for (size_t t = 0; t < table_count; t++) {
		for (const struct conf_param *p = tables[t].params; p->name != NULL; p++)
			rows[at++] = print_row_of(p, a);
	}
	for (size_t i = 0; i < COL_COUNT; i++) {
		width[i] = 0;
		for (size_t r = 0; r < count; r++) {
			size_t n = strlen(rows[r].col[i]);

			width[i] = n > width[i] ? n : width[i];
		}
	}
	for (size_t r = form == CONF_PRINT_TSV ? 1 : 0; r < count; r++)
		print_row_add(out, &rows[r], form == CONF_PRINT_TSV ? NULL : width);
	arena_free(a);
}
