/* media_judge.h - what the answer of a media host says of the file there. Pure.
 */
#ifndef GH_SENDERD_MEDIA_JUDGE_H
#define GH_SENDERD_MEDIA_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/url.h"
#include "model/message.h"

struct http_result;

enum media_verdict {
	MEDIA_FINE,
	MEDIA_MOVED,       /* to another URL, which is to be asked */
	MEDIA_REFUSED,     /* for good: asking again would not help */
	MEDIA_UNREACHABLE, /* perhaps later */
	MEDIA_BUSY         /* we could not ask */
};

#define MEDIA_TEXT_SIZE 128
#define MEDIA_TYPE_SIZE 96

struct media_finding {
	enum media_verdict verdict;
	const char *code;           /* REFUSED, UNREACHABLE: stable reason */
	char text[MEDIA_TEXT_SIZE]; /* for people */
	char type[MEDIA_TYPE_SIZE]; /* FINE: its MIME type in lower case, without parameters; "" */
	char url[URL_MAX + 1];      /* MOVED: where to; the caller's otherwise */
};

/* Set verdict, code and text; the rest is untouched. */
void media_find(struct media_finding *f, enum media_verdict verdict, const char *code,
		const char *text);

/* r answers a GET of the first byte of the file at `at`. size_max: bytes of the whole file.
 *
 * no answer                        UNREACHABLE "media_unreachable"; REFUSED
 *                                  "media_url_blocked" where the address is to blame
 * 2xx                              FINE; REFUSED "media_too_large" where it says so
 * 301, 302, 303, 307, 308          MOVED; REFUSED "media_refused" without a usable Location
 * 404, 410                         REFUSED "media_not_found"
 * 408, 425, 429, 5xx, 1xx          UNREACHABLE "media_unreachable"
 * anything else                    REFUSED "media_refused" */
void media_judge(struct media_finding *f, const struct http_result *r, const struct url *at,
		 int64_t size_max);

/* Whether a file that says to be of this type ("": nothing) may be one of the kind: only a clear
 * word to the contrary counts. */
bool media_type_may_be(struct slice type, enum msg_kind kind);

#endif
