/* calls.c - what providers were asked to do besides sends, for /_sim/actions. */
#include "sim.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "http/json.h"
#include "http/server.h"

#define LOG_MAX  20000
#define TEXT_MAX (SIM_BODY_MAX * 2)

struct call {
	struct list link;
	uint64_t n;
	struct slice text; /* a JSON object */
	struct slice provider, session;
	struct arena *a;
};

struct calls {
	struct list log;
	size_t count;
	uint64_t n;
};

struct calls *
calls_new(void)
{
	struct calls *c = gh_alloc(sizeof(*c));

	list_init(&c->log);
	return c;
}

static void
call_write(const struct call *e, struct http_req *req, const char *name, const struct json *body,
	   struct json_w *w)
{
	struct buf text;

	json_w_open(w, NULL, '{');
	json_w_i64(w, "n", (int64_t)e->n);
	json_w_str(w, "action", slice_of(name));
	json_w_str(w, "session", e->session);
	json_w_str(w, "path", req->head->path);
	json_w_str(w, "query", req->head->query.p != NULL ? req->head->query : S(""));
	if (body != NULL) {
		buf_init(&text, e->a, TEXT_MAX);
		json_write(&text, body);
		json_w_raw(w, "body", buf_slice(&text));
	}
	json_w_close(w, '}');
}

void
calls_log(struct calls *c, struct slice provider, struct slice session, struct http_req *req,
	  const char *name, const struct json *body)
{
	struct arena *a = arena_new(0);
	struct call *e = arena_alloc(a, sizeof(*e));
	struct json_w w;
	struct buf b;

	if (c->count == LOG_MAX) {
		struct call *old = LIST_ENTRY(list_pop(&c->log), struct call, link);

		arena_free(old->a);
		c->count--;
	}
	e->a = a;
	e->n = ++c->n;
	e->provider = arena_dup(a, provider);
	e->session = arena_dup(a, session);
	buf_init(&b, a, TEXT_MAX);
	json_w_init(&w, &b);
	call_write(e, req, name, body, &w);
	e->text = buf_slice(&b);
	list_add_tail(&c->log, &e->link);
	c->count++;
}

void
calls_write(const struct calls *c, struct slice provider, struct slice session, uint64_t since,
	    struct json_w *w)
{
	LIST_FOREACH(l, &c->log)
	{
		const struct call *e = LIST_ENTRY(l, struct call, link);

		if (e->n > since && (provider.p == NULL || slice_eq(provider, e->provider)) &&
		    (session.p == NULL || slice_eq(session, e->session)))
			json_w_raw(w, NULL, e->text);
	}
}
