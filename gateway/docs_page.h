/* docs_page.h - the API as a page for readers: plain HTML with one style sheet inside. */
#ifndef GH_GATEWAY_DOCS_PAGE_H
#define GH_GATEWAY_DOCS_PAGE_H

struct buf;

/* Append the page. It depends on nothing but the tables, as openapi_write. */
void docs_page_write(struct buf *b);

/* What stands inside its <style>, byte by byte: the policy allows just this. */
extern const char docs_page_style[];

#endif
