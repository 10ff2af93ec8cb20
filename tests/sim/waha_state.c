/* waha_state.c - sessions survive a restart of the server, as WAHA's do: one small
 * file, replaced as a whole after every change. Blocking, which a simulator may.
 */
#include "waha.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/map.h"
#include "http/json.h"

#define STATE_MAX ((size_t)16 * 1024 * 1024)

static void
sessions_write(const struct waha *w, struct buf *b)
{
	struct slice name;
	struct json_w out;
	void *value;
	size_t it = 0;

	json_w_init(&out, b);
	json_w_open(&out, NULL, '[');
	while (map_next(w->sessions, &it, &name, &value)) {
		const struct waha_session *s = value;

		json_w_open(&out, NULL, '{');
		json_w_str(&out, "name", name);
		json_w_bool(&out, "start", s->status != SESSION_STOPPED);
		json_w_raw(&out, "config", s->config);
		json_w_close(&out, '}');
	}
	json_w_close(&out, ']');
}

void
waha_state_save(const struct waha *w)
{
	struct arena *a;
	struct buf b;
	char *path;
	FILE *f;

	if (w->state_file == NULL)
		return;
	a = arena_new(0);
	buf_init(&b, a, STATE_MAX);
	sessions_write(w, &b);
	path = arena_printf(a, "%s.new", w->state_file);
	f = fopen(path, "w");
	if (f == NULL || fwrite(b.p, 1, b.n, f) != b.n || fclose(f) != 0 ||
	    rename(path, w->state_file) != 0)
		log_error("sim.state_failed", LOG_STR("file", w->state_file),
			  LOG_STR("err", gh_errno_text(errno)));
	arena_free(a);
}

static enum gh_code
session_load(struct waha *w, const struct json *v, struct gh_err *err)
{
	struct waha_session *s;
	enum gh_code rc =
		waha_session_new(w, json_str(json_get(v, "name")), json_get(v, "config"), &s, err);

	if (rc == GH_OK && json_bool(json_get(v, "start"), true))
		waha_session_start(s);
	return rc;
}

enum gh_code
waha_state_load(struct waha *w, struct gh_err *err)
{
	struct arena *a = arena_new(0);
	const struct json *doc;
	enum gh_code rc = GH_OK;
	char *text;
	FILE *f = fopen(w->state_file, "r");

	if (f == NULL) {
		int why = errno;

		arena_free(a);
		return why == ENOENT ? GH_OK
				     : gh_fail(err, GH_EINVAL, "%s: %s", w->state_file,
					       gh_errno_text(why));
	}
	text = arena_alloc(a, STATE_MAX);
	rc = json_parse(slice_make(text, fread(text, 1, STATE_MAX, f)), a, &doc, NULL, err);
	(void)fclose(f);
	for (const struct json *v = rc == GH_OK ? json_first(doc) : NULL; rc == GH_OK && v != NULL;
	     v = json_next(v))
		rc = session_load(w, v, err);
	arena_free(a);
	return rc;
}
