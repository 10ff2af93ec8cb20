/* err.h - the one result enum and the detail that may go with it.
 *
 * Every function that can fail returns enum gh_code by value; the lowest layer
 * that knows why fills the optional struct gh_err. Broken invariants and
 * allocation failure do not return: they call gh_panic.
 */
#ifndef GH_ERR_H
#define GH_ERR_H

#include <stddef.h>

#define GH_MUST_USE     __attribute__((warn_unused_result))
#define GH_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GH_NORETURN     __attribute__((noreturn))
#define GH_UNUSED       __attribute__((unused))
#define GH_COUNT(a)     (sizeof(a) / sizeof((a)[0]))

enum gh_code {
	GH_OK = 0,
	GH_EBUSY,  /* full: retry later */
	GH_EAGAIN, /* not yet: more input or time is needed */
	GH_EINVAL, /* the input breaks a rule */
	GH_EAUTH,  /* who you are is not proved or not allowed */
	GH_ELIMIT, /* a size, count or depth bound was passed */
	GH_ENOTFOUND,
	GH_ECONFLICT, /* exists already, or changed meanwhile */
	GH_ETEMP,     /* remote failed, certainly without effect: retry */
	GH_EPERM,     /* remote refused for good: do not retry */
	GH_EUNKNOWN,  /* remote outcome not known: may have happened */
	GH_EINTERNAL
};

/* Human-readable reason for a failure; always NUL-terminated, cut when long. */
struct gh_err {
	enum gh_code code;
	char text[256];
};

/* Short stable word of a code ("busy", "not_found", ...); never NULL. */
const char *gh_code_name(enum gh_code code);

/* Fill err (NULL allowed) and return code, so that `return gh_fail(...)` reads well. */
enum gh_code gh_fail(struct gh_err *err, enum gh_code code, const char *fmt, ...) GH_PRINTF(3, 4);
#ifdef __clang_analyzer__
/* clang-tidy sees one file at a time: tell it that the very code comes back. */
#define gh_fail(err, code, ...) ((void)(gh_fail)(err, code, __VA_ARGS__), (code))
#endif

/* Text of an errno value (thread-safe; valid until the thread's next call). */
const char *gh_errno_text(int errnum);

/* A broken invariant: log to stderr, abort (core, exit by signal). */
void gh_panic(const char *fmt, ...) GH_PRINTF(1, 2) GH_NORETURN;

/* Exit codes of our programs (sysexits.h). */
#define GH_EXIT_CONFIG 78
#define GH_EXIT_BUG    70

#endif
