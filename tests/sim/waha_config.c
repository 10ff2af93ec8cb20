/* waha_config.c - the configuration of a session: what the validator takes (4.2). */
#include "waha.h"

#include "base/arena.h"
#include "http/json.h"

#define CONFIG_MAX     (1024 * 1024)
#define RETRY_DELAY_S  2 /* (9) defaults */
#define RETRY_ATTEMPTS 15
#define CUSTOM_HEADERS 8

void
waha_config_free(struct waha_session *s)
{
	for (size_t i = 0; i < s->hook_count; i++)
		post_target_release(s->hook[i].target);
	s->hook_count = 0;
	arena_free(s->a);
	s->a = NULL;
	s->config = s->metadata = SLICE_NONE;
}

static enum gh_code
events_read(const struct json *v, struct arena *a, struct waha_hook *h, struct gh_err *err)
{
	if (slice_eq(json_str(v), S("*")))
		return GH_OK;
	if (json_type(v) != JSON_ARRAY)
		return gh_fail(err, GH_EINVAL, "webhooks.events must be an array");
	h->events = arena_alloc_array(a, json_count(v) + 1, sizeof(struct slice));
	for (const struct json *e = json_first(v); e != NULL; e = json_next(e)) {
		if (json_type(e) != JSON_STRING)
			return gh_fail(err, GH_EINVAL, "webhooks.events must be strings");
		if (slice_eq(json_str(e), S("*"))) {
			h->events = NULL;
			return GH_OK;
		}
		/* An unknown name is ignored with a log line (10). */
		h->events[h->event_count++] = arena_dup(a, json_str(e));
	}
	return GH_OK;
}

static enum gh_code
retries_read(const struct json *v, enum post_policy *policy, int64_t *delay_s, int64_t *attempts,
	     struct gh_err *err)
{
	static const char *const names[] = {
		[POST_CONSTANT] = "constant",
		[POST_LINEAR] = "linear",
		[POST_EXPONENTIAL] = "exponential",
	};
	struct slice word = json_str(json_get(v, "policy"));

	*delay_s = json_i64(json_get(v, "delaySeconds"), RETRY_DELAY_S);
	*attempts = json_i64(json_get(v, "attempts"), RETRY_ATTEMPTS);
	*policy = POST_CONSTANT;
	if (*delay_s < 0 || *delay_s > 3600 || *attempts < 0 || *attempts > 1000)
		return gh_fail(err, GH_EINVAL, "webhooks.retries has numbers out of range");
	for (size_t i = 0; i < GH_COUNT(names); i++)
		if (slice_eq(word, slice_of(names[i]))) {
			*policy = (enum post_policy)i;
			return GH_OK;
		}
	return word.p == NULL ? GH_OK
			      : gh_fail(err, GH_EINVAL, "webhooks.retries.policy is unknown");
}

static enum gh_code
hook_read(const struct json *v, struct arena *a, struct waha_hook *h, struct gh_err *err)
{
	const struct json *custom = json_get(v, "customHeaders");
	struct post_header headers[CUSTOM_HEADERS];
	size_t n = 0;
	enum post_policy policy;
	int64_t delay_s, attempts;
	enum gh_code rc;

	if (json_type(json_get(v, "url")) != JSON_STRING)
		return gh_fail(err, GH_EINVAL, "webhooks.url must be a string");
	rc = events_read(json_get(v, "events"), a, h, err);
	if (rc == GH_OK)
		rc = retries_read(json_get(v, "retries"), &policy, &delay_s, &attempts, err);
	if (rc != GH_OK)
		return rc;
	for (const struct json *c = json_first(custom); c != NULL && n < CUSTOM_HEADERS;
	     c = json_next(c))
		headers[n++] = (struct post_header){json_str(json_get(c, "name")),
						    json_str(json_get(c, "value"))};
	return post_target_new(
		&h->target,
		&(struct post_options){.url = json_str(json_get(v, "url")),
				       .hmac_key = json_str(json_path(v, "hmac.key")),
				       .scope = S("waha"),
				       .policy = policy,
				       .delay_ms = delay_s * 1000,
				       .attempts = attempts,
				       .headers = headers,
				       .header_count = n},
		err);
}

/* (4.2) metadata is an object of strings; more than we keep is refused, not forgotten. */
static enum gh_code
shape_check(const struct json *config, struct gh_err *err)
{
	const struct json *metadata = json_get(config, "metadata");
	const struct json *hooks = json_get(config, "webhooks");

	if (config != NULL && json_type(config) != JSON_OBJECT && !json_is_null(config))
		return gh_fail(err, GH_EINVAL, "config must be an object");
	if (!json_is_null(metadata) && json_type(metadata) != JSON_OBJECT)
		return gh_fail(err, GH_EINVAL, "config.metadata must be an object");
	for (const struct json *m = json_first(metadata); m != NULL; m = json_next(m))
		if (json_type(m) != JSON_STRING)
			return gh_fail(err, GH_EINVAL, "config.metadata must be strings");
	if (!json_is_null(hooks) && json_type(hooks) != JSON_ARRAY)
		return gh_fail(err, GH_EINVAL, "config.webhooks must be an array");
	if (json_count(hooks) > SESSION_HOOKS_MAX)
		return gh_fail(err, GH_EINVAL, "config.webhooks: at most %d here",
			       SESSION_HOOKS_MAX);
	return GH_OK;
}

static struct slice
text_of(const struct json *v, struct arena *a)
{
	struct buf b;

	if (json_is_null(v))
		return SLICE_NONE;
	buf_init(&b, a, CONFIG_MAX);
	json_write(&b, v);
	return b.over ? SLICE_NONE : buf_slice(&b);
}

enum gh_code
waha_config_set(struct waha_session *s, const struct json *config, struct gh_err *err)
{
	struct waha_session fresh = {.a = arena_new(0)};
	const struct json *v = json_first(json_get(config, "webhooks"));
	enum gh_code rc = shape_check(config, err);

	fresh.config = text_of(config, fresh.a);
	fresh.metadata = text_of(json_get(config, "metadata"), fresh.a);
	for (; rc == GH_OK && v != NULL; v = json_next(v)) {
		rc = hook_read(v, fresh.a, &fresh.hook[fresh.hook_count], err);
		if (rc == GH_OK)
			fresh.hook_count++;
	}
	if (rc != GH_OK) {
		waha_config_free(&fresh);
		return rc;
	}
	waha_config_free(s);
	s->a = fresh.a;
	s->config = fresh.config;
	s->metadata = fresh.metadata;
	memcpy(s->hook, fresh.hook, sizeof(s->hook));
	s->hook_count = fresh.hook_count;
	return GH_OK;
}
