/* answers.h - what a provider's answers mean: one row per answer, for every translator. The text of
 * a refusal holds nothing that was sent: bodies that echo it say "secret".
 */
#ifndef GH_TEST_ANSWERS_H
#define GH_TEST_ANSWERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "provider/provider.h"

struct answer_case {
	enum provider_op op;
	int status; /* 0: not sent, -1: no answer */
	const char *body;
	enum provider_outcome outcome;
	const char *code;
};

static inline struct provider_result
provider_answer_to(const struct provider *p, struct arena *a, enum provider_op op, int status,
		   struct slice body, int64_t retry_us)
{
	const struct provider_answer ans = {.transport = status > 0    ? PROVIDER_ANSWERED
							 : status == 0 ? PROVIDER_NOT_SENT
								       : PROVIDER_NO_ANSWER,
					    .status = status,
					    .body = body,
					    .retry_after_us = retry_us};
	struct provider_result r;

	provider_interpret(p, op, &ans, a, &r);
	return r;
}

static inline void
assert_answers(const struct provider *p, const struct answer_case *cases, size_t count)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < count; i++) {
		const struct answer_case *c = &cases[i];
		struct provider_result r =
			provider_answer_to(p, a, c->op, c->status, slice_of(c->body), 0);

		if (r.outcome != c->outcome || strcmp(r.code, c->code) != 0)
			fail_msg("%d %s: got %s %s, want %s %s", c->status, c->body,
				 provider_outcome_name(r.outcome), r.code,
				 provider_outcome_name(c->outcome), c->code);
		assert_null(strstr(r.text, "secret"));
	}
	arena_free(a);
}

#endif
