/* egress.h - which addresses and ports tenant URLs may reach
 * (contracts/webhooks-out.md section 11).
 *
 * Everything that is not plainly public is refused: the special registries of
 * IANA, and IPv4 hidden in IPv6 (mapped, NAT64, 6to4). Addresses of the allow list pass,
 * and may be spoken to in plain http.
 */
#ifndef GH_EGRESS_H
#define GH_EGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"

struct conf_cidrs;
struct egress;

/* An empty allow and deny list: public addresses over https only. */
struct egress *egress_new(void);
/* The same with the ranges of a configuration key (egress_allow) allowed. */
struct egress *egress_new_allowing(const struct conf_cidrs *allow);
void egress_free(struct egress *e); /* NULL is legal */

/* Add a CIDR ("10.1.0.0/16", "fd00::/8", a single address). GH_EINVAL for bad syntax.
 * Deny entries (the deployment's own public addresses) win over allow entries. */
enum gh_code egress_add_allow(struct egress *e, struct slice cidr) GH_MUST_USE;
enum gh_code egress_add_deny(struct egress *e, struct slice cidr) GH_MUST_USE;

/* May a tenant request go to this address (AF_INET or AF_INET6; the port is not judged)?
 * Plain http only to allow-listed addresses. Any other family: no. */
bool egress_permits(const struct egress *e, const struct sockaddr *addr, bool is_https);

/* 443, 80 for plain http, and 1024-65535 except ports of databases, brokers and the like. */
bool egress_permits_port(uint16_t port, bool is_https);

#endif
