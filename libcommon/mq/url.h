/* url.h - the amqp:// address of a broker or a cluster of brokers. */
#ifndef GH_MQ_URL_H
#define GH_MQ_URL_H

#include <stdint.h>

#include "base/slice.h"

#define MQ_URL_HOST_MAX 16

struct mq_host {
	char *name; /* host name or address, IPv6 without brackets */
	uint16_t port;
};

struct mq_url {
	char *user;
	char *password;
	char *vhost;
	struct mq_host host[MQ_URL_HOST_MAX];
	unsigned host_count; /* >= 1 */
};

/* amqp://[user[:password]@]host[:port][,host[:port]...][/vhost]
 *
 * Percent-escapes are decoded in user, password and vhost. Defaults: guest,
 * guest, 5672 and vhost "/"; a trailing "/" with nothing behind it also means
 * "/". Queries and fragments are refused, as is amqps (TLS to the broker is not
 * offered; use a local tunnel).
 *
 * Returns  GH_OK (free with mq_url_free), GH_EINVAL with err. The password never
 *          appears in err. */
enum gh_code mq_url_parse(struct slice s, struct mq_url *out, struct gh_err *err) GH_MUST_USE;

/* Wipes the password. Legal on a zeroed struct and twice. */
void mq_url_free(struct mq_url *u);

#endif
