#include "daemon/checks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "http/json.h"

unsigned
checks_add(struct checks *c, const char *name, bool is_required, int64_t now_us)
{
	if (c->count == CHECKS_MAX)
		gh_panic("checks: no room for %s", name);
	c->v[c->count] = (struct check){
		.name = name,
		.is_required = is_required,
		.at_us = now_us,
		.detail = "starting",
	};
	return c->count++;
}

void
checks_set(struct checks *c, unsigned check, bool is_ok, const char *detail, int64_t now_us)
{
	struct check *v = &c->v[check];

	if (check >= c->count)
		gh_panic("checks: no check %u", check);
	v->is_ok = is_ok;
	v->at_us = now_us;
	snprintf(v->detail, sizeof(v->detail), "%.*s", (int)sizeof(v->detail) - 1,
		 detail != NULL ? detail : "");
}

const struct check *
checks_worst(const struct checks *c)
{
	const struct check *worst = NULL;

	for (unsigned i = 0; i < c->count; i++) {
		const struct check *v = &c->v[i];

		if (!v->is_ok && (worst == NULL || (v->is_required && !worst->is_required)))
			worst = v;
	}
	return worst;
}

enum checks_status
checks_status(const struct checks *c)
{
	const struct check *worst = checks_worst(c);

	if (worst == NULL)
		return CHECKS_OK;
	return worst->is_required ? CHECKS_UNREADY : CHECKS_DEGRADED;
}

const char *
checks_status_name(enum checks_status s)
{
	static const char *const names[] = {"ok", "degraded", "unready"};

	return names[s];
}

/* What was cut in the middle of a character, or came from a server in another encoding. */
static struct slice
valid_detail(const char *detail)
{
	struct slice s = slice_of(detail);

	for (size_t n = 0, len; n < s.n; n += len) {
		len = utf8_len(slice_from(s, n));
		if (len == 0)
			return slice_sub(s, 0, n);
	}
	return s;
}

void
checks_write(const struct checks *c, const char *version, int64_t now_us, struct buf *out)
{
	struct json_w w;

	json_w_init(&w, out);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "status", slice_of(checks_status_name(checks_status(c))));
	json_w_open(&w, "checks", '{');
	for (unsigned i = 0; i < c->count; i++) {
		const struct check *v = &c->v[i];

		json_w_open(&w, v->name, '{');
		json_w_bool(&w, "ok", v->is_ok);
		json_w_i64(&w, "age_ms", (now_us - v->at_us) / CLOCK_MS);
		json_w_str(&w, "detail", valid_detail(v->detail));
		json_w_close(&w, '}');
	}
	json_w_close(&w, '}');
	json_w_str(&w, "version", slice_of(version));
	json_w_close(&w, '}');
	buf_add_char(out, '\n');
}
