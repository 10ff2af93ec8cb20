/* uazapi_act.h - tables of actions on UAZAPI: what is asked, and what an answer comes to.
 */
#ifndef GH_TEST_UAZAPI_ACT_H
#define GH_TEST_UAZAPI_ACT_H

#include "provider/uazapi.h"

#include "uazapi_vectors.h"

#define BASE  "https://acme.uazapi.com"
#define GROUP "120363000000000001@g.us"

/* Members of struct provider_act. */
#define C    .chat = {GROUP, sizeof(GROUP) - 1}
#define P    .chat = {"5511900000002@c.us", 18}
#define T(s) .text = {(s), sizeof(s) - 1}
#define N(s) .name = {(s), sizeof(s) - 1}
#define WHO  .people = people, .people_count = 2

static const struct slice people[2] = {{"5511900000002@c.us", 18}, {"77@lid", 6}};

struct request_case {
	struct provider_act act;
	const char *line; /* "METHOD path body" */
};

/* Without a body: the vector of that name. */
struct answer_case {
	enum provider_action action;
	const char *vector, *body;
	const char *code, *data; /* data NULL: none */
	const char *chat, *external_id;
};

static inline enum gh_code
act_build(const struct provider_act *act, struct arena *a, struct provider_request *out,
	  struct gh_err *err)
{
	const struct provider_server server = {.base_url = {BASE "/", sizeof(BASE)}};
	const struct provider_call call = {.op = PROVIDER_OP_ACTION, .act = act};

	*out = (struct provider_request){0};
	return uazapi_build_action(&server, &call, a, out, err);
}

static inline void
act_read(enum provider_action action, struct slice body, bool is_cut, struct arena *a,
	 struct provider_result *r)
{
	const struct provider_answer answer = {.status = 200, .body = body, .is_cut = is_cut};

	*r = (struct provider_result){.outcome = PROVIDER_OK, .code = "ok"};
	uazapi_read_action(action, &answer, a, r);
}

static inline void
requests_check(const struct request_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena *a = arena_new(0);
		struct provider_request r;
		struct gh_err err = {0};

		assert_int_equal(act_build(&cases[i].act, a, &r, &err), GH_OK);
		assert_true(slice_starts(r.url, S(BASE)));
		assert_string_equal(arena_printf(a, "%s %.*s %.*s", r.method,
						 S_FMT(slice_from(r.url, sizeof(BASE) - 1)),
						 S_FMT(r.body)),
				    cases[i].line);
		arena_free(a);
	}
}

static inline void
text_check(struct slice s, const char *expected, struct arena *a)
{
	if (expected == NULL)
		assert_int_equal(s.n, 0);
	else
		assert_string_equal(arena_cstr(a, s), expected);
}

static inline void
answers_check(const struct answer_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct answer_case *c = &cases[i];
		struct arena *a = arena_new(0);
		struct provider_result r;

		act_read(c->action, c->body != NULL ? slice_of(c->body) : vector_read(a, c->vector),
			 false, a, &r);
		assert_string_equal(r.code, c->code);
		assert_int_equal(r.outcome == PROVIDER_OK, strcmp(r.code, "ok") == 0);
		text_check(r.data, c->data, a);
		text_check(r.chat, c->chat, a);
		text_check(r.external_id, c->external_id, a);
		arena_free(a);
	}
}

#endif
