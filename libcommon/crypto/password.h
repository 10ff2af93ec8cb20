/* password.h - passwords with scrypt (N=2^15, r=8, p=1: 32 MiB, some 100 ms).
 *
 * Text form: $scrypt$ln=15,r=8,p=1$<salt>$<hash>, base64 without padding (PHC).
 * Both functions are slow on purpose: call them on the worker thread (loop_work).
 */
#ifndef GH_PASSWORD_H
#define GH_PASSWORD_H

#include "base/err.h"
#include "base/slice.h"

#define PASSWORD_TEXT_SIZE 128
#define PASSWORD_LEN_MAX   1024 /* bytes */

/* dst receives the text form with a fresh 16 byte salt. GH_EINVAL for an empty or too long
 * password, GH_ETEMP when the memory for scrypt is not to be had. */
enum gh_code password_hash(struct slice password, char dst[PASSWORD_TEXT_SIZE]) GH_MUST_USE;

/* GH_OK the password is right; GH_EAUTH it is not; GH_EINVAL the text is malformed or its
 * cost is out of bounds (ln 10..17, r 1..16, p 1..4, at most 128 MiB); GH_ETEMP as above. */
enum gh_code password_verify(struct slice password, struct slice text) GH_MUST_USE;

#endif
