/* encode.c - hex, base64, base64url. See encode.h. */
#include "crypto/encode.h"

#include <stdbool.h>

#include "base/hex.h"

static const char encode_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char encode_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *
encode_hex(struct slice data, char *dst)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < data.n; i++) {
		uint8_t byte = (uint8_t)data.p[i];

		dst[i * 2] = digits[byte >> 4];
		dst[i * 2 + 1] = digits[byte & 15];
	}
	dst[data.n * 2] = '\0';
	return dst;
}

enum gh_code
encode_hex_parse(struct slice text, void *dst, size_t size, size_t *n)
{
	uint8_t *out = dst;

	if (text.n % 2 != 0)
		return GH_EINVAL;
	if (text.n / 2 > size)
		return GH_ELIMIT;
	for (size_t i = 0; i < text.n; i += 2) {
		int byte = hex_byte(text, i);

		if (byte < 0)
			return GH_EINVAL;
		out[i / 2] = (uint8_t)byte;
	}
	*n = text.n / 2;
	return GH_OK;
}

static const char *
encode_six_bits(struct slice data, const char *alphabet, bool is_padded, char *dst)
{
	size_t at = 0, i = 0;

	/* Whole groups without a question: files are megabytes. */
	for (; i + 3 <= data.n; i += 3) {
		const uint8_t *p = (const uint8_t *)data.p + i;

		dst[at++] = alphabet[p[0] >> 2];
		dst[at++] = alphabet[(p[0] << 4 | p[1] >> 4) & 63];
		dst[at++] = alphabet[(p[1] << 2 | p[2] >> 6) & 63];
		dst[at++] = alphabet[p[2] & 63];
	}
	if (i < data.n) {
		size_t have = data.n - i;
		uint32_t group = 0;

		for (size_t k = 0; k < 3; k++)
			group = group << 8 | (k < have ? (uint8_t)data.p[i + k] : 0u);
		for (size_t k = 0; k < 4; k++) {
			if (k <= have)
				dst[at++] = alphabet[group >> (18 - 6 * k) & 63];
			else if (is_padded)
				dst[at++] = '=';
		}
	}
	dst[at] = '\0';
	return dst;
}

const char *
encode_base64(struct slice data, char *dst)
{
	return encode_six_bits(data, encode_std, true, dst);
}

const char *
encode_base64url(struct slice data, char *dst)
{
	return encode_six_bits(data, encode_url, false, dst);
}

/* 0..63, or -1. Compares instead of looking up: secrets pass through here. */
static int
encode_six_value(char c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabet[62])
		return 62;
	if (c == alphabet[63])
		return 63;
	return -1;
}

/* Take the padding off *text, as the rule wants it. */
static enum gh_code
encode_strip_padding(struct slice *text, enum encode_padding padding)
{
	size_t pad = 0;

	while (pad < 2 && pad < text->n && text->p[text->n - 1 - pad] == '=')
		pad++;
	if (pad > 0 && (padding == ENCODE_PAD_REFUSED || text->n % 4 != 0))
		return GH_EINVAL;
	if (pad == 0 && padding == ENCODE_PAD_REQUIRED && text->n % 4 != 0)
		return GH_EINVAL;
	text->n -= pad;
	/* One character holds six bits: no byte. */
	return text->n % 4 == 1 ? GH_EINVAL : GH_OK;
}

static enum gh_code
encode_six_parse(struct slice text, const char *alphabet, enum encode_padding padding, void *dst,
		 size_t size, size_t *n)
{
	uint8_t *out = dst;
	uint32_t bits = 0;
	unsigned have = 0;
	size_t at = 0;

	if (encode_strip_padding(&text, padding) != GH_OK)
		return GH_EINVAL;
	if (text.n / 4 * 3 + text.n % 4 * 3 / 4 > size)
		return GH_ELIMIT;
	for (size_t i = 0; i < text.n; i++) {
		int value = encode_six_value(text.p[i], alphabet);

		if (value < 0)
			return GH_EINVAL;
		bits = (bits << 6 | (uint32_t)value) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[at++] = (uint8_t)(bits >> have);
		}
	}
	if ((bits & ((1u << have) - 1)) != 0)
		return GH_EINVAL;
	*n = at;
	return GH_OK;
}

enum gh_code
encode_base64_parse(struct slice text, enum encode_padding padding, void *dst, size_t size,
		    size_t *n)
{
	return encode_six_parse(text, encode_std, padding, dst, size, n);
}

enum gh_code
encode_base64url_parse(struct slice text, enum encode_padding padding, void *dst, size_t size,
		       size_t *n)
{
	return encode_six_parse(text, encode_url, padding, dst, size, n);
}
