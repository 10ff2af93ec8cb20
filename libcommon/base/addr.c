/* addr.c - IP addresses and CIDR ranges as values. See addr.h.
 *
 * The system's inet_pton does the parsing: it refuses the octal, hex and dword
 * forms that are used to slip an internal address past a filter.
 */
#include "base/addr.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static const uint8_t addr_v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void
addr_set_v4(struct addr *out, const void *four)
{
	memcpy(out->b, addr_v4_prefix, sizeof(addr_v4_prefix));
	memcpy(out->b + sizeof(addr_v4_prefix), four, 4);
}

enum gh_code
addr_parse(struct slice s, struct addr *out)
{
	char text[ADDR_TEXT_SIZE];
	uint8_t four[4];

	if (slice_to_cstr(s, text, sizeof(text)) != GH_OK)
		return GH_EINVAL;
	if (inet_pton(AF_INET, text, four) == 1) {
		addr_set_v4(out, four);
		return GH_OK;
	}
	if (inet_pton(AF_INET6, text, out->b) == 1)
		return GH_OK;
	return GH_EINVAL;
}

bool
addr_is_v4(const struct addr *a)
{
	return memcmp(a->b, addr_v4_prefix, sizeof(addr_v4_prefix)) == 0;
}

const char *
addr_text(const struct addr *a, char dst[ADDR_TEXT_SIZE])
{
	const char *text;

	if (addr_is_v4(a))
		text = inet_ntop(AF_INET, a->b + sizeof(addr_v4_prefix), dst, ADDR_TEXT_SIZE);
	else
		text = inet_ntop(AF_INET6, a->b, dst, ADDR_TEXT_SIZE);
	if (text == NULL)
		gh_panic("addr_text: no room for an address");
	return text;
}

enum gh_code
addr_from_sockaddr(const struct sockaddr *sa, struct addr *out, uint16_t *port)
{
	/* Copied: the caller's buffer need not be aligned for the larger struct. */
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in4;

		memcpy(&in4, sa, sizeof(in4));
		addr_set_v4(out, &in4.sin_addr);
		if (port != NULL)
			*port = ntohs(in4.sin_port);
		return GH_OK;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, sizeof(out->b));
		if (port != NULL)
			*port = ntohs(in6.sin6_port);
		return GH_OK;
	}
	return GH_EINVAL;
}

socklen_t
addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (addr_is_v4(a)) {
		struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};

		memcpy(&in4.sin_addr, a->b + sizeof(addr_v4_prefix), 4);
		memcpy(out, &in4, sizeof(in4));
		return sizeof(in4);
	}

	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&in6.sin6_addr, a->b, sizeof(a->b));
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}

/* Do the first bits of a and b agree? */
static bool
addr_prefix_eq(const struct addr *a, const struct addr *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a->b, b->b, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	return ((a->b[whole] ^ b->b[whole]) >> (8 - rest)) == 0;
}

enum gh_code
addr_cidr_parse(struct slice s, struct addr_cidr *out)
{
	struct addr_cidr c = {.bits = 128};
	struct slice bits, net = slice_cut(s, '/', &bits);

	if (addr_parse(net, &c.net) != GH_OK)
		return GH_EINVAL;
	c.is_v4 = addr_is_v4(&c.net);
	if (bits.p != NULL) {
		/* "::ffff:10.0.0.0/104" counts its bits as IPv6. */
		bool is_dotted = c.is_v4 && slice_index(net, ':') < 0;
		uint64_t n;

		if (parse_u64(bits, 0, is_dotted ? 32 : 128, &n) != GH_OK)
			return GH_EINVAL;
		c.bits = (uint8_t)(is_dotted ? n + 96 : n);
		if (c.bits < 96)
			c.is_v4 = false;
	}
	for (unsigned i = c.bits; i < 128; i++) {
		if (c.net.b[i / 8] & (0x80u >> (i % 8)))
			return GH_EINVAL;
	}
	*out = c;
	return GH_OK;
}

bool
addr_cidr_match(const struct addr_cidr *c, const struct addr *a)
{
	return c->is_v4 == addr_is_v4(a) && addr_prefix_eq(&c->net, a, c->bits);
}

bool
addr_cidr_match_any(const struct addr_cidr *list, size_t count, const struct addr *a)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_cidr_match(&list[i], a))
			return true;
	}
	return false;
}

const char *
addr_cidr_text(const struct addr_cidr *c, char dst[ADDR_CIDR_TEXT_SIZE])
{
	char text[ADDR_TEXT_SIZE];

	snprintf(dst, ADDR_CIDR_TEXT_SIZE, "%s/%u", addr_text(&c->net, text),
		 c->is_v4 ? c->bits - 96u : c->bits);
	return dst;
}
