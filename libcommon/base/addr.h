/* addr.h - IP addresses and CIDR ranges as values: parse, match, canonical text.
 *
 * One form for both families: 16 bytes, IPv4 as ::ffff:a.b.c.d. An IPv4-mapped
 * IPv6 address therefore is the IPv4 address it embeds, and is judged as such.
 * Pure: no name resolution, no allocation, any thread.
 */
#ifndef GH_ADDR_H
#define GH_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

struct addr {
	uint8_t b[16]; /* network order */
};

struct addr_cidr {
	struct addr net; /* bits behind the prefix are zero */
	uint8_t bits;    /* prefix length within 128: an IPv4 /8 is 104 */
	bool is_v4;      /* an IPv6 range never holds an IPv4 address, not even ::/0 */
};

#define ADDR_TEXT_SIZE      46 /* INET6_ADDRSTRLEN */
#define ADDR_CIDR_TEXT_SIZE 50 /* address, "/128", NUL */

/* Literal only: four decimal octets without leading zeros, or RFC 4291 IPv6
 * without brackets or zone. Octal, hex and dword forms are GH_EINVAL. */
enum gh_code addr_parse(struct slice s, struct addr *out) GH_MUST_USE;

bool addr_is_v4(const struct addr *a);

/* "192.0.2.1" or RFC 5952 IPv6. Returns dst. */
const char *addr_text(const struct addr *a, char dst[ADDR_TEXT_SIZE]);

/* AF_INET and AF_INET6; port in host order, NULL allowed. GH_EINVAL for other families. */
enum gh_code addr_from_sockaddr(const struct sockaddr *sa, struct addr *out,
				uint16_t *port) GH_MUST_USE;
/* AF_INET for an IPv4 address, else AF_INET6. Returns the length for connect(2) and bind(2). */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *out);

/* "10.0.0.0/8", "fd00::/8"; a bare address is a range of one. Address bits behind
 * the prefix must be zero (a typing error otherwise): GH_EINVAL. */
enum gh_code addr_cidr_parse(struct slice s, struct addr_cidr *out) GH_MUST_USE;

bool addr_cidr_match(const struct addr_cidr *c, const struct addr *a);
/* In any of count ranges; count 0 is false. */
bool addr_cidr_match_any(const struct addr_cidr *list, size_t count, const struct addr *a);

/* Canonical text, always with the prefix length. Returns dst. */
const char *addr_cidr_text(const struct addr_cidr *c, char dst[ADDR_CIDR_TEXT_SIZE]);

#endif
