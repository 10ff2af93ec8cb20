/* checks.h - what a process needs to be ready, and the body of /readyz.
 *
 * Pure: the results are set from elsewhere, in the background; reading them asks nobody.
 * Form: contracts/http-conventions.md section 8.
 */
#ifndef GH_DAEMON_CHECKS_H
#define GH_DAEMON_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

#define CHECKS_MAX         16
#define CHECKS_DETAIL_SIZE 161

struct check {
	const char *name;
	bool is_required;
	bool is_ok;
	int64_t at_us; /* monotonic: when it was last set */
	char detail[CHECKS_DETAIL_SIZE];
};

struct checks {
	struct check v[CHECKS_MAX];
	unsigned count;
};

enum checks_status { CHECKS_OK, CHECKS_DEGRADED, CHECKS_UNREADY };

/* Not ok until set. name is borrowed; panics beyond CHECKS_MAX. Returns the index. */
unsigned checks_add(struct checks *c, const char *name, bool is_required, int64_t now_us);
/* detail is copied, cut when long; NULL: none. */
void checks_set(struct checks *c, unsigned check, bool is_ok, const char *detail, int64_t now_us);

/* UNREADY when a required check is not ok, DEGRADED when another is not. */
enum checks_status checks_status(const struct checks *c);
/* "ok", "degraded", "unready". */
const char *checks_status_name(enum checks_status s);
/* The first check that makes the status what it is; NULL when it is CHECKS_OK. */
const struct check *checks_worst(const struct checks *c);

/* Append the JSON body. */
void checks_write(const struct checks *c, const char *version, int64_t now_us, struct buf *out);

#endif
