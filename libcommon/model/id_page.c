#include "model/id_page.h"

void
id_page_add(struct db_params *p, const struct id_page *page)
{
	db_p_i32(p, page->key);
	db_p_bool(p, page->is_back);
	db_p_i64(p, page->limit);
	db_p_i64(p, page->offset);
}
