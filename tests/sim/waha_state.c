/* waha_state.c - what of a session outlives the server (state.c). */
#include "waha.h"

#include "base/map.h"
#include "http/json.h"

void
waha_state_write(const struct waha *w, struct json_w *out)
{
	struct slice name;
	void *value;
	size_t it = 0;

	while (map_next(w->sessions, &it, &name, &value)) {
		const struct waha_session *s = value;

		json_w_open(out, NULL, '{');
		json_w_str(out, "name", name);
		json_w_bool(out, "start", s->status != SESSION_STOPPED);
		json_w_raw(out, "config", s->config);
		json_w_close(out, '}');
	}
}

enum gh_code
waha_state_read(struct waha *w, const struct json *v, struct gh_err *err)
{
	struct waha_session *s;
	enum gh_code rc =
		waha_session_new(w, json_str(json_get(v, "name")), json_get(v, "config"), &s, err);

	if (rc == GH_OK && json_bool(json_get(v, "start"), true))
		waha_session_start(s);
	return rc;
}
