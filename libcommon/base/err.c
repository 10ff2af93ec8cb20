/* err.c - result codes, failure details, and the two ways a process ends itself.
 *
 * gh_panic allocates nothing, so that it works when memory is gone.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const code_names[] = {
	[GH_OK] = "ok",
	[GH_EBUSY] = "busy",
	[GH_EAGAIN] = "again",
	[GH_EINVAL] = "invalid",
	[GH_EAUTH] = "auth",
	[GH_ELIMIT] = "limit",
	[GH_ENOTFOUND] = "not_found",
	[GH_ECONFLICT] = "conflict",
	[GH_ETEMP] = "temporary",
	[GH_EPERM] = "permanent",
	[GH_EUNKNOWN] = "unknown_outcome",
	[GH_EINTERNAL] = "internal",
};

const char *
gh_code_name(enum gh_code code)
{
	size_t i = (size_t)code;

	return i < GH_COUNT(code_names) ? code_names[i] : "undefined";
}

#undef gh_fail /* a macro for the analyzer only */
enum gh_code
gh_fail(struct gh_err *err, enum gh_code code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

const char *
gh_errno_text(int errnum)
{
	static _Thread_local char text[128];

	/* The GNU variant: may answer a static text and leave the buffer alone. */
	return strerror_r(errnum, text, sizeof(text));
}

/* One write of "panic: message\n" to stderr; a stderr that cannot take it is not our concern. */
static void __attribute__((format(printf, 1, 0))) write_last_words(const char *fmt, va_list ap)
{
	char line[1024] = "panic: ";
	size_t n = strlen(line);
	size_t room = sizeof(line) - 1 - n; /* the last byte is for the newline */
	int len = vsnprintf(line + n, room, fmt, ap);

	if (len > 0)
		n += (size_t)len < room ? (size_t)len : room - 1;
	line[n++] = '\n';
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		;
}

void
gh_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_last_words(fmt, ap);
	va_end(ap);
	abort();
}
