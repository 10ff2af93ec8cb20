/* echo.h - one half of bench-floor: libcommon/http's server on the loop and nothing behind it.
 *
 * Every request, once read whole, is answered 201 with one constant body of the size of the
 * gateway's answer to a send. What this costs is the part of an accept that is HTTP.
 */
#ifndef GH_BENCH_ECHO_H
#define GH_BENCH_ECHO_H

#include "base/err.h"

struct loop;

/* Serve on a free port of 127.0.0.1 until SIGTERM; the URL is printed once it answers. */
enum gh_code echo_run(struct loop *l, struct gh_err *err) GH_MUST_USE;

#endif
