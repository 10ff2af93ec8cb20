/* media_urls.h - may the file at a URL be fetched, and is it there? Asked before the URL is handed
 * to a provider, which would answer a file that it cannot get as it answers everything else.
 *
 * The port and every address of the name must be ones that tenants may reach (http/egress.h).
 * Then one byte of the file is fetched, after at most MEDIA_MOVES_MAX redirections, each looked
 * at in the same way. A URL is asked once for all that wait, and its finding kept: a picture
 * that goes to many costs one request now and then. Nothing takes longer than a third of
 * sending.deadline.
 *
 * Threading: loop thread only.
 */
#ifndef GH_SENDERD_MEDIA_URLS_H
#define GH_SENDERD_MEDIA_URLS_H

#include "media_judge.h"

struct media_query;
struct media_urls;
struct senderd;

#define MEDIA_MOVES_MAX 3
#define MEDIA_URLS_MAX  4096 /* findings kept, questions included */

struct media_urls *media_urls_new(struct senderd *sd);
/* After everybody's queries ended. NULL is legal. */
void media_urls_free(struct media_urls *m);
/* egress_allow was reloaded: questions from now on follow it. */
void media_urls_reload(struct media_urls *m);

/* f: valid during the call. FINE: f->url is where the file is in the end; REFUSED
 * "media_type_mismatch": it says to be something else than the kind. Never MOVED. */
typedef void media_fn(void *arg, const struct media_finding *f);

/* Ask for a file of a message of that kind. fn is called once, maybe before this returns: then NULL
 * is returned. url is copied. */
struct media_query *media_query_start(struct media_urls *m, struct slice url, enum msg_kind kind,
				      media_fn *fn, void *arg);
/* Before fn was called: it is not called any more. NULL is legal. */
void media_query_end(struct media_query *q);

#endif
