/* hosts.h - a connection string whose host names are resolved without blocking.
 *
 * libpq resolves names inside PQconnectStart, which would stop the loop: so the string is
 * parsed, every host is resolved here, and libpq gets one (host, hostaddr,
 * port) triple per address. Private to db/.
 */
#ifndef GH_DB_HOSTS_H
#define GH_DB_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct db_hosts;
struct dns;

/* GH_EINVAL (err filled) when libpq cannot parse the string or lists do not match. dns is borrowed.
 */
enum gh_code db_hosts_new(struct db_hosts **out, const char *url, struct dns *dns,
			  struct gh_err *err) GH_MUST_USE;
void db_hosts_free(struct db_hosts *h); /* cancels; NULL is legal */

/* usable: addresses (and socket directories) known, over all hosts. */
typedef void db_hosts_fn(void *arg, unsigned usable);

/* Resolve every name again. done is called once, from the loop; before this returns only when no
 * look-up could be started. */
void db_hosts_resolve(struct db_hosts *h, int64_t timeout_us, db_hosts_fn *done, void *arg);
/* Forget a resolution that is under way. */
void db_hosts_cancel(struct db_hosts *h);

/* Start the list with the next host: a host that hangs must not hide the others. */
void db_hosts_rotate(struct db_hosts *h);

/* What this layer adds to the string; the string's own values win. */
struct db_hosts_defaults {
	const char *application_name; /* this one overrides the string */
	int64_t statement_timeout_us;
	bool sends_options; /* false: no `options` (PgBouncer refuses unknown ones) */
};
/* Parameters for PQconnectStartParams, NULL-terminated, from the last resolution; valid until
 * the next call on h. */
void db_hosts_params(struct db_hosts *h, const struct db_hosts_defaults *def,
		     const char *const **keywords, const char *const **values);

#endif
