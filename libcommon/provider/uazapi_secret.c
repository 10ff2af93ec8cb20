/* uazapi_secret.c - the token in UAZAPI's webhook bodies: it proves them genuine, and is
 * overwritten before they are kept (contracts/uazapi.md section 9).
 */
#include "provider/uazapi.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "http/json.h"

/* ---- genuine (section 9) ---- */

/* A NUL that a contact wrote makes the body no forgery. */
static struct slice
token_of(struct slice body, struct arena *a)
{
	const struct json *doc = NULL;

	if (json_parse(body, a, &doc, NULL, NULL) != GH_OK) {
		body = arena_dup(a, body);
		if (!json_replace_nul((char *)(uintptr_t)body.p, body.n) ||
		    json_parse(body, a, &doc, NULL, NULL) != GH_OK)
			return SLICE_NONE;
	}
	return json_str(json_get(doc, "token"));
}

enum gh_code
uazapi_verify(struct slice key, struct slice signature GH_UNUSED, struct slice body)
{
	struct arena *a = arena_new(0);
	enum gh_code rc = GH_EAUTH;

	if (key.n > 0 && hash_equal_slice(token_of(body, a), key))
		rc = GH_OK;
	arena_free(a);
	return rc;
}

/* ---- overwritten ---- */

/*
 * The text is walked as JSON, but nothing is taken for granted about it: strings are found, and
 * whether one is a member's name. Characters are compared as they are meant, so that an escape
 * hides nothing; overwritten is what stands for them, escapes whole.
 */
#define SECRETS_MAX     8
#define SECRET_MAX      128 /* characters compared; what is longer is overwritten by its name only */
#define SECRET_MIN      8   /* shorter texts occur by chance: overwritten by their name only */
#define SECRET_MASK     '*'
#define ESCAPE_NUM_SIZE 6 /* \uXXXX */

struct secret {
	char text[SECRET_MAX];
	size_t n;
	uint8_t fall[SECRET_MAX]; /* [i]: what of the first i + 1 characters also begins the text */
};

struct secrets {
	struct secret value[SECRETS_MAX];
	size_t count;
};

/* Bytes of text that stand for one byte (or one escaped character) at p; *c is that byte, '\0' for
 * an escape beyond ASCII. */
static size_t
char_read(const char *p, const char *end, char *c)
{
	static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *known;
	unsigned code = 0;

	*c = *p;
	if (*p != '\\' || end - p < 2)
		return 1;
	*c = '\0';
	if (p[1] != 'u') {
		known = strchr(escapes, p[1]);
		if (p[1] != '\0' && known != NULL)
			*c = meant[known - escapes];
		return 2;
	}
	if (end - p < ESCAPE_NUM_SIZE)
		return (size_t)(end - p);
	for (size_t i = 2; i < ESCAPE_NUM_SIZE; i++) {
		const char *digits = "0123456789abcdef0123456789ABCDEF";
		const char *digit = p[i] == '\0' ? NULL : strchr(digits, p[i]);

		if (digit == NULL)
			return 2;
		code = code * 16 + (unsigned)(digit - digits) % 16;
	}
	if (code < 0x80)
		*c = (char)code;
	return ESCAPE_NUM_SIZE;
}

/* The quote that ends the string which begins at p, or end. */
static char *
string_end(char *p, const char *end)
{
	char c;

	while (p < end && *p != '"')
		p += char_read(p, end, &c);
	return p;
}

/* Bytes that stand for the whole of text at p; 0: something else does. */
static size_t
text_match(const char *p, const char *end, struct slice text)
{
	const char *start = p;

	for (size_t i = 0; i < text.n; i++) {
		char c;
		size_t step;

		if (p == end)
			return 0;
		step = char_read(p, end, &c);
		if (c != text.p[i])
			return 0;
		p += step;
	}
	return (size_t)(p - start);
}

static bool
is_secret_name(const char *p, const char *end)
{
	static const struct slice names[] = {
		{"token", 5}, {"admintoken", 10}, {"apikey", 6}, {"openai_apikey", 13}};

	for (size_t i = 0; i < GH_COUNT(names) && p < end; i++)
		if (text_match(p, end, names[i]) == (size_t)(end - p))
			return true;
	return false;
}

/* How much of the secret has come, when matched characters had and c follows. */
static size_t
secret_next(const struct secret *v, size_t matched, char c)
{
	while (matched > 0 && v->text[matched] != c)
		matched = v->fall[matched - 1];
	return v->text[matched] == c ? matched + 1 : 0;
}

/* What is known, or finds no room, is not learned. */
static void
secrets_add(struct secrets *s, struct slice text)
{
	struct secret *v;

	if (text.n < SECRET_MIN || text.n > SECRET_MAX || s->count == SECRETS_MAX)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (slice_eq(slice_make(s->value[i].text, s->value[i].n), text))
			return;
	v = &s->value[s->count++];
	memcpy(v->text, text.p, text.n);
	v->n = text.n;
	v->fall[0] = 0;
	for (size_t i = 1; i < v->n; i++)
		v->fall[i] = (uint8_t)secret_next(v, v->fall[i - 1], v->text[i]);
}

/* The text between p and end, in the characters that it stands for. */
static void
secrets_add_quoted(struct secrets *s, const char *p, const char *end)
{
	char text[SECRET_MAX];
	size_t n = 0;

	while (p < end && n < SECRET_MAX)
		p += char_read(p, end, &text[n++]);
	if (p == end)
		secrets_add(s, slice_make(text, n));
	gh_wipe(text, sizeof(text));
}

static const char *
blanks_skip(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Learn the values of secret members, and overwrite those. */
static void
redact_named(struct secrets *s, char *p, const char *end)
{
	bool is_secret = false; /* the string that comes is the value of a secret member */

	for (; p < end; p++) {
		const char *next;
		char *close;

		if (*p != '"')
			continue;
		close = string_end(p + 1, end);
		if (is_secret) {
			secrets_add_quoted(s, p + 1, close);
			memset(p + 1, SECRET_MASK, (size_t)(close - p - 1));
		}
		if (close == end)
			return;
		next = blanks_skip(close + 1, end);
		is_secret = false;
		if (next < end && *next == ':' && is_secret_name(p + 1, close)) {
			next = blanks_skip(next + 1, end);
			is_secret = next < end && *next == '"';
		}
		p = close;
	}
}

/* Overwrite them wherever else they stand inside a string: all are looked for at once, and no
 * character is looked at again, however nearly a text is one of them. */
static void
redact_string(const struct secrets *s, char *p, const char *end)
{
	char *begins[SECRET_MAX]; /* of the last characters, by their number */
	size_t matched[SECRETS_MAX] = {0};

	for (size_t at = 0; p < end; at++) {
		char c;

		begins[at % SECRET_MAX] = p;
		p += char_read(p, end, &c);
		for (size_t i = 0; i < s->count; i++) {
			const struct secret *v = &s->value[i];
			char *from;

			matched[i] = secret_next(v, matched[i], c);
			if (matched[i] < v->n)
				continue;
			from = begins[(at + 1 - v->n) % SECRET_MAX];
			memset(from, SECRET_MASK, (size_t)(p - from));
			matched[i] = 0;
		}
	}
}

void
uazapi_redact(struct slice key, char *body, size_t n)
{
	const char *end = body + n;
	struct secrets s;

	s.count = 0;
	secrets_add(&s, key); /* whatever else the body calls secret */
	redact_named(&s, body, end);
	for (char *p = body; p < end; p++) {
		char *close;

		if (*p != '"')
			continue;
		close = string_end(p + 1, end);
		redact_string(&s, p + 1, close);
		p = close;
	}
	gh_wipe(&s, sizeof(s));
}
