/* fuzz_waha.c - whatever bytes a WAHA server sends, as webhook or as answer: no crash,
 * no unbounded work, and the translator keeps what provider.h promises.
 */
#include "base/arena.h"
#include "provider/action.h"
#include "provider/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_event(struct slice body, struct arena *a)
{
	struct provider_event ev;
	enum gh_code rc = provider_parse_event(&provider_waha, body, a, &ev, NULL);

	if (rc == GH_EINVAL)
		return;
	if (rc != GH_OK || ev.fact == NULL || ev.fact_count == 0)
		gh_panic("an accepted body has at least one fact");
	for (size_t i = 0; i < ev.fact_count; i++) {
		const struct provider_fact *f = &ev.fact[i];

		if (f->at_us < 0 || f->file.size_bytes < -1 || f->file.duration_s < -1)
			gh_panic("a fact has a negative time or size");
		if (f->kind == PROVIDER_FACT_STATUS && (!f->has_status || !f->is_from_me))
			gh_panic("a status of something that is not ours");
	}
}

static void
check_answers(struct slice body, struct arena *a)
{
	static const int statuses[] = {200, 201, 404, 422, 500};

	for (size_t i = 0; i < GH_COUNT(statuses); i++)
		for (int op = 0; op < PROVIDER_OP_COUNT; op++) {
			struct provider_answer answer = {.transport = PROVIDER_ANSWERED,
							 .status = statuses[i],
							 .body = body};
			struct provider_result r;

			provider_interpret(&provider_waha, (enum provider_op)op, &answer, a, &r);
			if (r.code == NULL || strlen(r.text) > PROVIDER_TEXT_MAX ||
			    !utf8_valid(slice_of(r.text)))
				gh_panic("an outcome without code or with wild text");
			if (op == PROVIDER_OP_SEND && statuses[i] != 201 && statuses[i] != 200 &&
			    r.outcome == PROVIDER_OK)
				gh_panic("a refused send was taken as sent");
		}
}

static void
check_actions(struct slice body, struct arena *a)
{
	struct provider_answer answer = {
		.transport = PROVIDER_ANSWERED, .status = 200, .body = body};

	for (int action = 0; action < PROVIDER_ACTION_COUNT; action++) {
		struct provider_result r;

		provider_read_action(&provider_waha, (enum provider_action)action, &answer, a, &r);
		if (r.code == NULL || !utf8_valid(slice_of(r.text)))
			gh_panic("an action's outcome without code or with wild text");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make(data, size);
	struct arena *a = arena_new(0);
	struct provider_chat chat;

	check_event(body, a);
	check_answers(body, a);
	check_actions(body, a);
	if (provider_chat_parse(body, a, &chat) == GH_OK && (chat.key.n == 0 || chat.user.n == 0))
		gh_panic("a chat without a key");
	arena_free(a);
	return 0;
}
