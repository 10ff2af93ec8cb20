/* url.c - parse amqp:// addresses; see url.h. */
#include "mq/url.h"

#include "base/hex.h"
#include "base/mem.h"

#define URL_PORT_DEFAULT 5672

/* Owned copy with percent-escapes decoded; NULL for a bad escape or a NUL. */
static char *
unescape(struct slice s)
{
	char *out = gh_alloc(s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '%') {
			c = hex_byte(s, i + 1);
			i += 2;
		}
		if (c <= 0) {
			gh_wipe(out, n);
			gh_free(out);
			return NULL;
		}
		out[n++] = (char)c;
	}
	return out;
}

/* One "host", "host:port" or "[ipv6]:port". */
static enum gh_code
parse_host(struct slice s, struct mq_host *out)
{
	struct slice name, port = SLICE_NONE;
	uint64_t number = URL_PORT_DEFAULT;

	if (s.n > 0 && s.p[0] == '[') {
		name = slice_cut(slice_from(s, 1), ']', &port);
		if (port.p == NULL || (port.n > 0 && port.p[0] != ':'))
			return GH_EINVAL;
		port = port.n > 0 ? slice_from(port, 1) : SLICE_NONE;
	} else {
		name = slice_cut(s, ':', &port);
	}
	if (name.n == 0 || name.n > 255)
		return GH_EINVAL;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == '@' || name.p[i] == '%')
			return GH_EINVAL;
	}
	if (port.p != NULL && parse_u64(port, 1, UINT16_MAX, &number) != GH_OK)
		return GH_EINVAL;
	out->name = gh_strndup(name.p, name.n);
	out->port = (uint16_t)number;
	return GH_OK;
}

static enum gh_code
parse_hosts(struct slice rest, struct mq_url *out, struct gh_err *err)
{
	while (rest.p != NULL) {
		struct slice one = slice_cut(rest, ',', &rest);

		if (out->host_count == MQ_URL_HOST_MAX)
			return gh_fail(err, GH_EINVAL, "more than %d hosts", MQ_URL_HOST_MAX);
		if (parse_host(one, &out->host[out->host_count]) != GH_OK)
			return gh_fail(err, GH_EINVAL, "host %u is not host[:port]",
				       out->host_count + 1);
		out->host_count++;
	}
	return GH_OK;
}

/* Text before the last '@', which a password may hold only as %40 but some do not. */
static struct slice
cut_userinfo(struct slice authority, struct slice *hosts)
{
	for (size_t i = authority.n; i > 0; i--) {
		if (authority.p[i - 1] == '@') {
			*hosts = slice_from(authority, i);
			return slice_sub(authority, 0, i - 1);
		}
	}
	*hosts = authority;
	return SLICE_NONE;
}

static enum gh_code
parse_parts(struct slice rest, struct mq_url *out, struct gh_err *err)
{
	struct slice vhost, hosts, password;
	struct slice authority = slice_cut(rest, '/', &vhost);
	struct slice userinfo = cut_userinfo(authority, &hosts);
	struct slice user = slice_cut(userinfo, ':', &password);

	if (slice_index(rest, '?') >= 0 || slice_index(rest, '#') >= 0)
		return gh_fail(err, GH_EINVAL, "no query or fragment allowed");
	out->user = userinfo.p == NULL ? gh_strdup("guest") : unescape(user);
	out->password = password.p == NULL ? gh_strdup("guest") : unescape(password);
	out->vhost = vhost.n == 0 ? gh_strdup("/") : unescape(vhost);
	if (out->user == NULL || out->password == NULL || out->vhost == NULL)
		return gh_fail(err, GH_EINVAL, "bad percent-escape");
	if (strlen(out->user) > 255 || strlen(out->password) > 1024 || strlen(out->vhost) > 255)
		return gh_fail(err, GH_EINVAL, "user, password or vhost is too long");
	return parse_hosts(hosts, out, err);
}

enum gh_code
mq_url_parse(struct slice s, struct mq_url *out, struct gh_err *err)
{
	struct slice scheme = S("amqp://");
	enum gh_code rc;

	*out = (struct mq_url){0};
	if (slice_starts(s, S("amqps://")))
		return gh_fail(err, GH_EINVAL, "amqps is not offered: use a local TLS tunnel");
	if (!slice_starts(s, scheme))
		return gh_fail(err, GH_EINVAL, "not an amqp:// address");
	rc = parse_parts(slice_from(s, scheme.n), out, err);
	if (rc != GH_OK)
		mq_url_free(out);
	return rc;
}

void
mq_url_free(struct mq_url *u)
{
	if (u->password != NULL)
		gh_wipe(u->password, strlen(u->password));
	gh_free(u->user);
	gh_free(u->password);
	gh_free(u->vhost);
	for (unsigned i = 0; i < u->host_count; i++)
		gh_free(u->host[i].name);
	*u = (struct mq_url){0};
}
