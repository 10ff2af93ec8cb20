/* fuzz_uazapi.c - whatever bytes come as UAZAPI's webhook: no crash, no unbounded work, the reader
 * keeps what provider.h promises, and the token leaves no trace in what is kept.
 */
#include "base/arena.h"
#include "http/json.h"
#include "provider/provider.h"
#include "provider/uazapi.h"

#define FACTS_MAX 1024
/* Shorter and longer ones are overwritten where they are named only. */
#define TOKEN_MIN 8
#define TOKEN_MAX 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_fact(const struct provider_fact *f)
{
	if (f->at_us < 0 || f->file.size_bytes < -1 || f->file.duration_s < -1)
		gh_panic("a fact has a negative time or size");
	if (f->kind == PROVIDER_FACT_STATUS && (!f->has_status || !f->is_from_me))
		gh_panic("a status of something that is not ours");
	if (f->send_ref.p != NULL &&
	    (!f->is_from_api || f->send_ref.n == 0 || f->send_ref.n >= PROVIDER_SEND_REF_SIZE))
		gh_panic("a reference that no send of ours carried");
	if (f->raw.p != NULL && f->raw.n > 0 && !utf8_valid(f->raw))
		gh_panic("a fact keeps what is no text");
}

static void
check_event(struct slice body, struct arena *a)
{
	struct provider_event ev;
	enum gh_code rc = uazapi_parse_event(body, a, &ev, NULL);

	if (rc == GH_EINVAL)
		return;
	if (rc != GH_OK || ev.fact == NULL || ev.fact_count == 0 || ev.fact_count > FACTS_MAX)
		gh_panic("an accepted body has 1 to %d facts", FACTS_MAX);
	for (size_t i = 0; i < ev.fact_count; i++)
		check_fact(&ev.fact[i]);
}

/* Of letters, digits and dashes, as theirs are: no other text of JSON looks so. */
static bool
is_token(struct slice s)
{
	bool has_letter = false;

	for (size_t i = 0; i < s.n; i++) {
		bool is_letter = (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z';

		if (!is_letter && s.p[i] != '-' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
		has_letter = has_letter || is_letter;
	}
	return has_letter && s.n >= TOKEN_MIN && s.n <= TOKEN_MAX;
}

static bool
has_text(struct slice s, struct slice part)
{
	return s.n >= part.n && memmem(s.p, s.n, part.p, part.n) != NULL;
}

/* Text is what its characters mean: the digits of an escape are not part of a token, though its
 * bytes may stand there (corpus: redact-escape-digits). As deep as json_parse allows. */
static bool
says(const struct json *v, struct slice text)
{
	if (has_text(json_name(v), text) || has_text(json_str(v), text))
		return true;
	for (const struct json *e = json_first(v); e != NULL; e = json_next(e))
		if (says(e, text))
			return true;
	return false;
}

/* What was a document stays one; its token proves it, and is gone from what is kept. Two members
 * named after tokens may come to have one name: such a body is refused later. */
static void
check_redacted(struct slice body, struct arena *a)
{
	struct slice kept = arena_dup(a, body);
	const struct json *before, *after;
	struct gh_err err = {0};
	struct slice token;

	uazapi_redact(SLICE_NONE, (char *)(uintptr_t)kept.p, kept.n);
	if (json_parse(body, a, &before, NULL, NULL) != GH_OK)
		return;
	if (json_parse(kept, a, &after, NULL, &err) != GH_OK) {
		if (strstr(err.text, "duplicate") == NULL)
			gh_panic("a redacted body is no document: %s", err.text);
		return;
	}
	token = json_str(json_get(before, "token"));
	if (token.n > 0 && uazapi_verify(token, SLICE_NONE, body) != GH_OK)
		gh_panic("the token of a body does not prove it");
	if (is_token(token) && says(after, token))
		gh_panic("the token was kept");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make(data, size);
	struct arena *a = arena_new(0);

	check_event(body, a);
	check_redacted(body, a);
	arena_free(a);
	return 0;
}
