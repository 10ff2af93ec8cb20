/* url.h - the one way a URL from outside becomes something we connect to.
 *
 * Strict on purpose: what is accepted reads the same to every parser, so that
 * the host that was checked is the host that is connected to.
 */
#ifndef GH_URL_H
#define GH_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;

#define URL_MAX      2048
#define URL_HOST_MAX 253

enum url_host { URL_HOST_NAME, URL_HOST_IPV4, URL_HOST_IPV6 };

struct url {
	bool is_https;
	bool has_port; /* written in the URL; port is set in any case */
	uint16_t port; /* 80 and 443 by default */
	enum url_host host_kind;
	char host[URL_HOST_MAX + 1]; /* lower case; IPv6 in canonical form without brackets */
	struct slice target;         /* "/path?query", at least "/"; borrows the parsed text */
};

/* Parse an absolute http or https URL (scheme and host in any case).
 *
 * Refused with GH_EINVAL and the reason in err (NULL allowed): user info, fragment, bytes
 * outside visible ASCII, backslash, quotes and other bytes RFC 3986 wants encoded, a '%'
 * without two hex digits, empty host, a host that is not letters, digits, '-' and '.', an
 * IPv4 address in any form but four decimals without leading zeros (a last label that
 * starts like a number must be one), an IPv6 zone, port 0 or an empty port. GH_ELIMIT:
 * longer than URL_MAX. */
enum gh_code url_parse(struct slice text, struct url *out, struct gh_err *err) GH_MUST_USE;

/* The URL without default port, in the form that is compared and sent to libcurl. */
void url_write(const struct url *u, struct buf *out);

/* Percent-encode everything but RFC 3986 unreserved bytes: right for one path segment and
 * for the name or value of a query parameter. */
void url_add_encoded(struct buf *out, struct slice s);

#endif
