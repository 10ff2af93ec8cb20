/* files.c - a host of files under /files/{name}, to be sent by their URL. The query says what kind
 * of host and file it is; faults of the scope "file:{name}" apply before.
 *
 *	status=N     the answer, without a file
 *	to=URL       moved there (302)
 *	type=T       its MIME type (application/octet-stream)
 *	size=N       its size in bytes (1000): claimed in ranges, else sent up to a megabyte
 *	whole=1      ranges are ignored
 */
#include "sim.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/json.h"
#include "http/query.h"
#include "http/router.h"
#include "http/server.h"

#define SIZE_DEFAULT  1000
#define SIZE_SENT_MAX (1024 * 1024)

struct files {
	struct map *requests; /* name -> struct file_count */
};

struct file_count {
	uint64_t n;
};

struct files *
files_new(void)
{
	struct files *f = gh_alloc(sizeof(*f));

	f->requests = map_new();
	return f;
}

void
files_clear(struct files *f)
{
	struct slice name;
	void *count;

	for (size_t it = 0; map_next(f->requests, &it, &name, &count);) {
		(void)map_del(f->requests, name);
		gh_free(count);
	}
}

void
files_write_stats(const struct files *f, struct json_w *w)
{
	struct slice name;
	void *value;

	for (size_t it = 0; map_next(f->requests, &it, &name, &value);) {
		const struct file_count *count = value;
		char text[256];

		if (slice_to_cstr(name, text, sizeof(text)) == GH_OK)
			json_w_i64(w, text, (int64_t)count->n);
	}
}

static void
count_request(struct files *f, struct slice name)
{
	struct file_count *count = map_get(f->requests, name);

	if (count == NULL) {
		count = gh_alloc(sizeof(*count));
		(void)map_put(f->requests, name, count);
	}
	count->n++;
}

static void
reply_file(struct http_req *req, const struct query *q)
{
	struct slice type = query_get(q, S("type"));
	struct http_header headers[2] = {
		{S("Content-Type"), type.n > 0 ? type : S("application/octet-stream")}};
	bool is_range = slice_eq(http_req_header(req, S("Range")), S("bytes=0-0")) &&
			query_get(q, S("whole")).p == NULL;
	uint64_t size = SIZE_DEFAULT;
	size_t n;

	if (query_get(q, S("size")).p != NULL &&
	    parse_u64(query_get(q, S("size")), 1, INT64_MAX, &size) != GH_OK) {
		http_reply(req, 400, headers, 1, S("size"));
		return;
	}
	n = is_range ? 1 : size < SIZE_SENT_MAX ? (size_t)size : SIZE_SENT_MAX;
	headers[1] = (struct http_header){
		S("Content-Range"),
		slice_of(arena_printf(req->a, "bytes 0-0/%llu", (unsigned long long)size))};
	http_reply(req, is_range ? 206 : 200, headers, is_range ? 2 : 1,
		   slice_make(arena_alloc(req->a, n), n));
}

static void
file_get(void *app, struct http_req *req, const struct route_match *m)
{
	const struct sim *sim = app;
	struct http_header location = {S("Location"), SLICE_NONE};
	struct query q;
	uint64_t status;

	count_request(sim->files, route_param(m, S("name")));
	if (query_parse(req->head->query, req->a, &q, NULL) != GH_OK) {
		http_reply(req, 400, NULL, 0, S("query"));
		return;
	}
	location.value = query_get(&q, S("to"));
	if (location.value.n > 0)
		http_reply(req, 302, &location, 1, SLICE_NONE);
	else if (parse_u64(query_get(&q, S("status")), 200, 599, &status) == GH_OK)
		http_reply(req, (unsigned)status, NULL, 0, S("no file"));
	else
		reply_file(req, &q);
}

const struct route sim_file_routes[] = {
	{.method = HTTP_GET, .pattern = "/files/{name}", .fn = file_get, .flags = SIM_OPEN},
};
const unsigned sim_file_route_count = GH_COUNT(sim_file_routes);
