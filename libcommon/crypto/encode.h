/* encode.h - bytes to text and back: hex, base64, base64url (RFC 4648). Any thread.
 *
 * Decoding is strict: no blanks, no other alphabet, no set bits behind the last
 * byte, so that every value has one text and comparing texts is enough.
 */
#ifndef GH_ENCODE_H
#define GH_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* Bytes of text for n bytes of data, NUL included. */
#define ENCODE_HEX_SIZE(n)    ((n)*2 + 1)
#define ENCODE_BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* Lower case. Returns dst (ENCODE_HEX_SIZE bytes, NUL-terminated). */
const char *encode_hex(struct slice data, char *dst);
/* Standard alphabet with padding. Returns dst (ENCODE_BASE64_SIZE bytes). */
const char *encode_base64(struct slice data, char *dst);
/* URL alphabet without padding. Returns dst (ENCODE_BASE64_SIZE bytes). */
const char *encode_base64url(struct slice data, char *dst);

enum encode_padding { ENCODE_PAD_REQUIRED, ENCODE_PAD_REFUSED, ENCODE_PAD_OPTIONAL };

/* Decode into dst (size bytes); *n receives the length. GH_EINVAL for text that breaks
 * a rule, GH_ELIMIT when it does not fit; dst is then undefined. Either case of hex. */
enum gh_code encode_hex_parse(struct slice text, void *dst, size_t size, size_t *n) GH_MUST_USE;
enum gh_code encode_base64_parse(struct slice text, enum encode_padding padding, void *dst,
				 size_t size, size_t *n) GH_MUST_USE;
enum gh_code encode_base64url_parse(struct slice text, enum encode_padding padding, void *dst,
				    size_t size, size_t *n) GH_MUST_USE;

#endif
