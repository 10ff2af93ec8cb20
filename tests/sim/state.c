/* state.c - sessions survive a restart of the simulator, as those of the originals do: one small
 * file, replaced as a whole after every change. Blocking, which a simulator may.
 */
#include "sim.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "http/json.h"

#define STATE_MAX ((size_t)16 * 1024 * 1024)

void
state_save(const struct sim *sim)
{
	struct arena *a;
	struct json_w w;
	struct buf b;
	char *path;
	FILE *f;

	if (sim->state_file == NULL)
		return;
	a = arena_new(0);
	buf_init(&b, a, STATE_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_open(&w, "waha", '[');
	waha_state_write(sim->waha, &w);
	json_w_close(&w, ']');
	json_w_open(&w, "uazapi", '[');
	uazapi_state_write(sim->uazapi, &w);
	json_w_close(&w, ']');
	json_w_close(&w, '}');
	path = arena_printf(a, "%s.new", sim->state_file);
	f = fopen(path, "w");
	if (f == NULL || fwrite(b.p, 1, b.n, f) != b.n || fclose(f) != 0 ||
	    rename(path, sim->state_file) != 0)
		log_error("sim.state_failed", LOG_STR("file", sim->state_file),
			  LOG_STR("err", gh_errno_text(errno)));
	arena_free(a);
}

static enum gh_code
state_read(struct sim *sim, const struct json *doc, struct gh_err *err)
{
	enum gh_code rc = GH_OK;

	for (const struct json *v = json_first(json_get(doc, "waha")); rc == GH_OK && v != NULL;
	     v = json_next(v))
		rc = waha_state_read(sim->waha, v, err);
	for (const struct json *v = json_first(json_get(doc, "uazapi")); rc == GH_OK && v != NULL;
	     v = json_next(v))
		rc = uazapi_state_read(sim->uazapi, v, err);
	return rc;
}

enum gh_code
state_load(struct sim *sim, struct gh_err *err)
{
	FILE *f = sim->state_file != NULL ? fopen(sim->state_file, "r") : NULL;
	const struct json *doc;
	struct arena *a;
	enum gh_code rc;
	char *text;

	if (f == NULL)
		return sim->state_file == NULL || errno == ENOENT
			       ? GH_OK
			       : gh_fail(err, GH_EINVAL, "%s: %s", sim->state_file,
					 gh_errno_text(errno));
	a = arena_new(0);
	text = arena_alloc(a, STATE_MAX);
	rc = json_parse(slice_make(text, fread(text, 1, STATE_MAX, f)), a, &doc, NULL, err);
	(void)fclose(f);
	if (rc == GH_OK)
		rc = state_read(sim, doc, err);
	arena_free(a);
	return rc;
}
