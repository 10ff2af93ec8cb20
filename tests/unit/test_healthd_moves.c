/* test_healthd_moves.c - the states of a move: what its provider is asked in each, and what is
 * stored for each answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "db/internal.h"
#include "healthd/moves.c"

#define STORED_MAX 3
#define NO_OP      PROVIDER_OP_SEND /* is never asked for here */

/* One instance's look, and what it came to. */
static struct {
	struct care care;
	struct care_round round;
	struct instance_state row;
	struct provider_result answer[2]; /* in the order of the calls */
	enum provider_op asked[2];
	unsigned asked_count;
	char stored[256]; /* names of the statements, without locks */
} play;

struct arena *
care_arena(const struct care *c)
{
	return c->round->mem;
}

struct provider_address
care_address(const struct care *c GH_UNUSED)
{
	return (struct provider_address){.type = play.row.provider_type};
}

const struct provider_session_spec *
care_spec(const struct care *c GH_UNUSED, const struct seal_key *key GH_UNUSED)
{
	static const struct provider_session_spec spec = {.company_id = 1};

	return &spec;
}

void
care_ask(struct care *c, struct provider_call *call, int64_t timeout_us GH_UNUSED,
	 provider_client_fn *done)
{
	unsigned n = play.asked_count++;

	assert_in_range(n, 0, 1);
	play.asked[n] = call->op;
	done(c, &play.answer[n], 0);
}

void
care_store(struct care *c GH_UNUSED, struct db_unit *u)
{
	for (unsigned i = 0; i < u->count; i++) {
		const char *name = u->entries[i].stmt->name;
		size_t n;

		if (strcmp(name, "instance_lock") == 0)
			continue;
		assert_true(strncmp(name, "instance_move_", 14) == 0);
		n = strlen(play.stored);
		(void)snprintf(play.stored + n, sizeof(play.stored) - n, "%s%s", n == 0 ? "" : " ",
			       name + 14);
	}
	db_unit_free(u);
}

void
care_run(struct care_round *r GH_UNUSED, struct task *t GH_UNUSED)
{
	fail();
}

void
care_init(struct care_round *r GH_UNUSED)
{
	fail();
}

void
care_free(struct care_round *r GH_UNUSED)
{
	fail();
}

/* ---- cases ---- */

struct look {
	const char *state, *type;
	const char *number; /* the instance's */
	bool has_key;       /* of the session */
	struct provider_result answer[2];
	enum provider_op asked[2]; /* NO_OP: none */
	const char *stored;
};

#define OK_IS(state)                                                                               \
	{                                                                                          \
		.outcome = PROVIDER_OK, .code = "ok", .session = PROVIDER_SESSION_##state          \
	}
#define DOWN                                                                                       \
	{                                                                                          \
		.outcome = PROVIDER_PARK_PROVIDER, .code = "unreachable"                           \
	}
#define LOST                                                                                       \
	{                                                                                          \
		.outcome = PROVIDER_PARK_INSTANCE, .code = "session_missing"                       \
	}
#define ASKS(a)                                                                                    \
	{                                                                                          \
		PROVIDER_OP_SESSION_##a, NO_OP                                                     \
	}
#define ASKS_2(a, b)                                                                               \
	{                                                                                          \
		PROVIDER_OP_SESSION_##a, PROVIDER_OP_SESSION_##b                                   \
	}

static const struct look looks[] = {
	/* The old session serves until the new one is connected. */
	{"pairing", "waha", "", true, {OK_IS(QR)}, ASKS(GET), "told wait"},
	{"pairing", "waha", "", true, {OK_IS(CONNECTING)}, ASKS(GET), "wait"},
	{"pairing", "waha", "", true, {OK_IS(CONNECTED)}, ASKS(GET), "drain"},
	{"pairing", "waha", "", true, {DOWN}, ASKS(GET), "wait"},
	/* Codes nobody scanned. */
	{"pairing", "waha", "", true, {OK_IS(DISCONNECTED), OK_IS(QR)}, ASKS_2(GET, START), "wait"},
	{"pairing", "waha", "", true, {OK_IS(FAILED), OK_IS(QR)}, ASKS_2(GET, RESTART), "wait"},
	{"pairing", "waha", "", true, {OK_IS(FAILED), DOWN}, ASKS_2(GET, RESTART), "wait"},
	/* The provider lost it: made again. */
	{"pairing", "waha", "", true, {LOST}, ASKS(GET), "step"},
	/* Nothing is sent while it drains: any trouble gives the old session its way. */
	{"draining", "waha", "", true, {OK_IS(CONNECTED)}, ASKS(GET), "switch wait"},
	{"draining", "waha", "", true, {OK_IS(QR)}, ASKS(GET), "undrain"},
	{"draining", "waha", "", true, {DOWN}, ASKS(GET), "undrain"},
	/* What is to go; what is gone is gone. */
	{"cleaning", "waha", "", false, {OK_IS(UNKNOWN)}, ASKS(DELETE), "end"},
	{"cleaning", "waha", "", false, {LOST}, ASKS(DELETE), "end"},
	{"cleaning", "waha", "", false, {DOWN}, ASKS(DELETE), "wait"},
	{"aborting", "waha", "", false, {OK_IS(UNKNOWN)}, ASKS(DELETE), "end"},
	/* Without its key a session is looked for by its name; there may be none. */
	{"aborting", "uazapi", "", false, {OK_IS(UNKNOWN)}, ASKS(FIND), "end"},
	{"aborting", "uazapi", "", false, {DOWN}, ASKS(FIND), "wait"},
	{"aborting", "uazapi", "", true, {OK_IS(UNKNOWN)}, ASKS(DELETE), "end"},
};

static void
run_look(const struct look *l)
{
	memset(&play, 0, sizeof(play));
	play.row = (struct instance_state){
		.id = 7,
		.company_id = 1,
		.status = slice_of(l->state),
		.provider_type = slice_of(l->type),
		.phone = slice_of(l->number),
		.session = S("1-a-m0a1b2c"),
		.session_key_sealed = l->has_key ? S("sealed") : SLICE_NONE,
	};
	memcpy(play.answer, l->answer, sizeof(play.answer));
	play.round.mem = arena_new(0);
	play.round.h = gh_alloc(sizeof(*play.round.h));
	play.round.h->conf = gh_alloc(sizeof(*play.round.h->conf));
	play.care = (struct care){.round = &play.round, .row = &play.row};
	move_call(&play.care);
	gh_free((void *)(uintptr_t)play.round.h->conf);
	gh_free(play.round.h);
	arena_free(play.round.mem);
}

static void
each_state_takes_its_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(looks); i++) {
		unsigned count = looks[i].asked[1] == NO_OP ? 1 : 2;

		run_look(&looks[i]);
		assert_string_equal(play.stored, looks[i].stored);
		assert_int_equal(play.asked_count, count);
		for (unsigned k = 0; k < count; k++)
			assert_int_equal(play.asked[k], looks[i].asked[k]);
	}
}

static void
only_the_same_number_moves(void **state)
{
	static const struct {
		const char *own, *paired, *stored;
	} cases[] = {
		{"5511988887777", "5511988887777", "drain"},
		{"+55 11 98888-7777", "5511988887777", "drain"},
		{"551188887777", "5511988887777", "drain"}, /* the twin without the ninth digit */
		{"5511988887777", "5511988887778", "wait"},
		{"5511988887777", "", "drain"}, /* not told */
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct look l = {"pairing",          "waha",    cases[i].own,   true,
				 {OK_IS(CONNECTED)}, ASKS(GET), cases[i].stored};

		l.answer[0].own_number = slice_of(cases[i].paired);
		run_look(&l);
		assert_string_equal(play.stored, l.stored);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_takes_its_step),
		cmocka_unit_test(only_the_same_number_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
