/* media_judge.c - see media_judge.h. */
#include "media_judge.h"

#include <stdio.h>

#include "base/buf.h"
#include "http/request.h"
#include "model/media_type.h"

#define UNREACHABLE "media_unreachable"
#define REFUSED     "media_refused"

void
media_find(struct media_finding *f, enum media_verdict verdict, const char *code, const char *text)
{
	f->verdict = verdict;
	f->code = code;
	(void)snprintf(f->text, sizeof(f->text), "%s", text);
}

static void
find_status(struct media_finding *f, enum media_verdict verdict, const char *code, unsigned status)
{
	f->verdict = verdict;
	f->code = code;
	(void)snprintf(f->text, sizeof(f->text), "the host of media_url answers %u", status);
}

/* ---- the file ---- */

/* Bytes of the whole file; -1: not told. */
static int64_t
size_of(const struct http_result *r)
{
	struct slice size = http_result_header(r, S("Content-Length"));
	uint64_t n;

	if (r->status == 206)
		(void)slice_cut(http_result_header(r, S("Content-Range")), '/', &size);
	return parse_u64(size, 0, INT64_MAX, &n) == GH_OK ? (int64_t)n : -1;
}

static void
type_copy(struct media_finding *f, struct slice type)
{
	struct slice parameters;

	type = slice_trim(slice_cut(type, ';', &parameters));
	f->type[0] = '\0';
	if (slice_to_cstr(type, f->type, sizeof(f->type)) != GH_OK)
		return;
	for (char *c = f->type; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
}

bool
media_type_may_be(struct slice type, enum msg_kind kind)
{
	static const char *const clear[] = {"image/", "video/", "audio/", "text/"};
	static const char *const words[] = {"application/json", "application/pdf",
					    "application/xml", "application/xhtml+xml",
					    "application/zip"};

	if (media_type_fits(type, kind))
		return true;
	for (size_t i = 0; i < GH_COUNT(clear); i++)
		if (slice_starts(type, slice_of(clear[i])))
			return false;
	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq(type, slice_of(words[i])))
			return false;
	return true;
}

/* ---- elsewhere ---- */

/* An absolute URL, or a path of the same host. */
static bool
location_read(struct slice location, const struct url *at, char out[URL_MAX + 1])
{
	struct buf b = {.p = out, .size = URL_MAX + 1, .max = URL_MAX};
	struct slice fragment;
	struct url base = *at;

	location = slice_cut(location, '#', &fragment);
	if (slice_starts(location, S("/")) && !slice_starts(location, S("//"))) {
		base.target = location;
		url_write(&base, &b);
	} else {
		buf_add(&b, location);
	}
	if (b.over || b.n == 0)
		return false;
	out[b.n] = '\0';
	return true;
}

/* ---- the answer ---- */

static void
judge_answer(struct media_finding *f, const struct http_result *r, const struct url *at,
	     int64_t size_max)
{
	unsigned s = r->status;

	if (s >= 200 && s <= 299) {
		media_find(f, MEDIA_FINE, "ok", "");
		type_copy(f, http_result_header(r, S("Content-Type")));
		if (size_of(r) > size_max)
			media_find(f, MEDIA_REFUSED, "media_too_large",
				   "the file at media_url is too large");
	} else if (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) {
		media_find(f, MEDIA_MOVED, "moved", "");
		if (!location_read(http_result_header(r, S("Location")), at, f->url))
			find_status(f, MEDIA_REFUSED, REFUSED, s);
	} else if (s == 404 || s == 410) {
		find_status(f, MEDIA_REFUSED, "media_not_found", s);
	} else if (s == 408 || s == 425 || s == 429 || s >= 500 || s < 200) {
		find_status(f, MEDIA_UNREACHABLE, UNREACHABLE, s);
	} else {
		find_status(f, MEDIA_REFUSED, REFUSED, s);
	}
}

void
media_judge(struct media_finding *f, const struct http_result *r, const struct url *at,
	    int64_t size_max)
{
	if (r->outcome == HTTP_DONE) {
		judge_answer(f, r, at, size_max);
	} else if (r->fail == HTTP_FAIL_BLOCKED) {
		media_find(f, MEDIA_REFUSED, "media_url_blocked",
			   "media_url leads to an address that may not be fetched");
	} else {
		f->verdict = MEDIA_UNREACHABLE;
		f->code = UNREACHABLE;
		(void)snprintf(f->text, sizeof(f->text), "the host of media_url: %s",
			       http_fail_name(r->fail));
	}
}
