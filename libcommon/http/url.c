/* url.c - strict URL parsing and percent encoding; see url.h for what is refused. */
#include "http/url.h"

#include "base/addr.h"
#include "base/buf.h"
#include "base/hex.h"

#define LABEL_MAX 63

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_unreserved(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static enum gh_code
parse_scheme(struct slice *rest, struct url *u, struct gh_err *err)
{
	static const struct slice http = {"http://", 7}, https = {"https://", 8};

	if (slice_eq_nocase(slice_sub(*rest, 0, https.n), https)) {
		u->is_https = true;
		*rest = slice_from(*rest, https.n);
	} else if (slice_eq_nocase(slice_sub(*rest, 0, http.n), http)) {
		u->is_https = false;
		*rest = slice_from(*rest, http.n);
	} else {
		return gh_fail(err, GH_EINVAL, "URL must start with http:// or https://");
	}
	return GH_OK;
}

static enum gh_code
check_label(struct slice label, struct gh_err *err)
{
	if (label.n == 0 || label.n > LABEL_MAX)
		return gh_fail(err, GH_EINVAL, "host has an empty or overlong label");
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return gh_fail(err, GH_EINVAL, "host label starts or ends with '-'");
	return GH_OK;
}

/* host is lower-cased already. */
static enum gh_code
check_name(struct slice host, struct url *u, struct gh_err *err)
{
	struct slice rest = host, label;
	struct addr ignored;

	do {
		enum gh_code rc;

		label = slice_cut(rest, '.', &rest);
		rc = check_label(label, err);
		if (rc != GH_OK)
			return rc;
	} while (rest.p != NULL);
	u->host_kind = URL_HOST_NAME;
	/*
	 * inet_aton reads "0177.1", "0x7f.1" and "2130706433" as addresses; other parsers
	 * see names. No top-level domain starts with a digit: such a host is four
	 * canonical decimals or nothing.
	 */
	if (is_digit(label.p[0])) {
		if (addr_parse(host, &ignored) != GH_OK)
			return gh_fail(err, GH_EINVAL,
				       "host is not an IPv4 address in its usual form");
		u->host_kind = URL_HOST_IPV4;
	}
	return GH_OK;
}

static enum gh_code
parse_name(struct slice host, struct url *u, struct gh_err *err)
{
	if (host.n == 0)
		return gh_fail(err, GH_EINVAL, "host is empty");
	if (host.n > URL_HOST_MAX)
		return gh_fail(err, GH_EINVAL, "host is longer than %d bytes", URL_HOST_MAX);
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '.')
			return gh_fail(err, GH_EINVAL, "host has a byte that is not allowed");
		u->host[i] = c;
	}
	u->host[host.n] = '\0';
	return check_name(slice_make(u->host, host.n), u, err);
}

/* authority starts with '['; *after becomes what follows the ']'. */
static enum gh_code
parse_ipv6(struct slice authority, struct slice *after, struct url *u, struct gh_err *err)
{
	long end = slice_index(authority, ']');
	struct addr a;

	if (end < 0)
		return gh_fail(err, GH_EINVAL, "host has '[' without ']'");
	if (addr_parse(slice_sub(authority, 1, (size_t)end - 1), &a) != GH_OK)
		return gh_fail(err, GH_EINVAL, "host is not an IPv6 address");
	if (addr_is_v4(&a))
		return gh_fail(err, GH_EINVAL, "host is an IPv4 address written as IPv6");
	u->host_kind = URL_HOST_IPV6;
	addr_text(&a, u->host);
	*after = slice_from(authority, (size_t)end + 1);
	return GH_OK;
}

static enum gh_code
parse_authority(struct slice authority, struct url *u, struct gh_err *err)
{
	struct slice after;
	uint64_t port;
	enum gh_code rc;

	if (slice_index(authority, '@') >= 0)
		return gh_fail(err, GH_EINVAL, "user information is not allowed");
	if (slice_starts(authority, S("["))) {
		rc = parse_ipv6(authority, &after, u, err);
	} else {
		long colon = slice_index(authority, ':');
		size_t n = colon < 0 ? authority.n : (size_t)colon;

		after = slice_from(authority, n);
		rc = parse_name(slice_sub(authority, 0, n), u, err);
	}
	if (rc != GH_OK)
		return rc;
	u->port = u->is_https ? 443 : 80;
	if (after.n == 0)
		return GH_OK;
	/* A leading zero would be read as octal by some. */
	if (!slice_starts(after, S(":")) || after.n > 6 || slice_starts(after, S(":0")) ||
	    parse_u64(slice_from(after, 1), 1, 65535, &port) != GH_OK)
		return gh_fail(err, GH_EINVAL, "port is not a number from 1 to 65535");
	u->port = (uint16_t)port;
	u->has_port = true;
	return GH_OK;
}

static enum gh_code
check_target(struct slice t, struct gh_err *err)
{
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if (c == '#')
			return gh_fail(err, GH_EINVAL, "fragment is not allowed");
		if (c == '%') {
			if (hex_byte(t, i + 1) < 0)
				return gh_fail(err, GH_EINVAL, "'%%' without two hex digits");
		} else if (!is_unreserved(c) && !is_one_of(c, "!$&'()*+,;=:@/?")) {
			return gh_fail(err, GH_EINVAL, "byte that must be percent-encoded");
		}
	}
	return GH_OK;
}

enum gh_code
url_parse(struct slice text, struct url *out, struct gh_err *err)
{
	struct slice rest = text;
	size_t n = 0;
	enum gh_code rc;

	*out = (struct url){0};
	if (text.n > URL_MAX)
		return gh_fail(err, GH_ELIMIT, "URL is longer than %d bytes", URL_MAX);
	rc = parse_scheme(&rest, out, err);
	if (rc != GH_OK)
		return rc;
	while (n < rest.n && !is_one_of(rest.p[n], "/?#"))
		n++;
	rc = parse_authority(slice_sub(rest, 0, n), out, err);
	if (rc != GH_OK)
		return rc;
	rest = slice_from(rest, n);
	if (rest.n == 0) {
		out->target = S("/");
		return GH_OK;
	}
	if (rest.p[0] == '?')
		return gh_fail(err, GH_EINVAL, "query without a path: write '/' before '?'");
	out->target = rest;
	return check_target(rest, err);
}

void
url_write(const struct url *u, struct buf *out)
{
	buf_add_cstr(out, u->is_https ? "https://" : "http://");
	if (u->host_kind == URL_HOST_IPV6)
		buf_add_char(out, '[');
	buf_add_cstr(out, u->host);
	if (u->host_kind == URL_HOST_IPV6)
		buf_add_char(out, ']');
	if (u->port != (u->is_https ? 443 : 80)) {
		buf_add_char(out, ':');
		buf_add_u64(out, u->port);
	}
	buf_add(out, u->target);
}

void
url_add_encoded(struct buf *out, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_unreserved((char)c)) {
			buf_add_char(out, (char)c);
		} else {
			buf_add_char(out, '%');
			buf_add_char(out, hex[c >> 4]);
			buf_add_char(out, hex[c & 15]);
		}
	}
}
