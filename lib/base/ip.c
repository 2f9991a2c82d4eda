#include "lib/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum {
	MAPPED_BITS = 96
};

struct prefix {
	struct ip net;
	unsigned bits;
};

#define V4(...) .net = { 4, { __VA_ARGS__ } }
#define V6(...) .net = { 6, { __VA_ARGS__ } }

/* IANA IPv4 Special-Purpose Address Registry, and multicast. */
static const struct prefix special4[] = {
	{ V4(0), .bits = 8 },
	{ V4(10), .bits = 8 },
	{ V4(100, 64), .bits = 10 },
	{ V4(127), .bits = 8 },
	{ V4(169, 254), .bits = 16 },
	{ V4(172, 16), .bits = 12 },
	{ V4(192, 0, 0), .bits = 24 },
	{ V4(192, 0, 2), .bits = 24 },
	{ V4(192, 88, 99), .bits = 24 },
	{ V4(192, 168), .bits = 16 },
	{ V4(198, 18), .bits = 15 },
	{ V4(198, 51, 100), .bits = 24 },
	{ V4(203, 0, 113), .bits = 24 },
	{ V4(224), .bits = 3 },
};

/* IANA IPv6 Special-Purpose Address Registry, inside of global unicast. */
static const struct prefix special6[] = {
	{ V6(0x20, 0x01, 0x00), .bits = 23 }, /* Teredo, ORCHID ... */
	{ V6(0x20, 0x01, 0x0d, 0xb8), .bits = 32 },
	{ V6(0x3f, 0xff), .bits = 20 },
};

static const struct prefix global6 = { V6(0x20), .bits = 3 };
static const struct prefix nat64 = { V6(0x00, 0x64, 0xff, 0x9b), .bits = 96 };
static const struct prefix sixto4 = { V6(0x20, 0x02), .bits = 16 };
static const struct prefix mapped = {
	V6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff),
	.bits = MAPPED_BITS,
};

static bool
within(struct ip ip, struct prefix prefix)
{
	return ip_in_prefix(ip, prefix.net, prefix.bits);
}

/* The IPv4 address that an IPv6 address carries at that octet. */
static struct ip
carried(struct ip ip, size_t at)
{
	struct ip v4 = { .family = 4 };
	memcpy(v4.bytes, ip.bytes + at, 4);
	return v4;
}

static struct ip
unmapped(struct ip ip)
{
	return within(ip, mapped) ? carried(ip, MAPPED_BITS / 8) : ip;
}

bool
ip_parse(struct str s, struct ip *out)
{
	char text[IP_TEXT] = "";
	if (s.n == 0 || s.n >= sizeof(text) || str_has(s, '\0'))
		return false;
	memcpy(text, s.p, s.n);
	struct ip ip = { .family = str_has(s, ':') ? 6 : 4 };
	if (inet_pton(ip.family == 6 ? AF_INET6 : AF_INET, text, ip.bytes) != 1)
		return false;
	*out = unmapped(ip);
	return true;
}

void
ip_print(struct ip ip, char text[IP_TEXT])
{
	text[0] = '\0';
	if (ip.family)
		inet_ntop(ip.family == 6 ? AF_INET6 : AF_INET, ip.bytes, text,
		    IP_TEXT);
}

static unsigned
bits_of(struct ip ip)
{
	return ip.family == 4 ? 32 : ip.family == 6 ? 128 : 0;
}

bool
ip_eq(struct ip a, struct ip b)
{
	return a.family == b.family &&
	    memcmp(a.bytes, b.bytes, bits_of(a) / 8) == 0;
}

static struct ip
masked(struct ip ip, unsigned bits)
{
	for (unsigned i = 0; i < sizeof(ip.bytes); i++) {
		unsigned kept = bits <= 8 * i ? 0 : bits - 8 * i;
		if (kept < 8)
			ip.bytes[i] &= (uint8_t)(0xff00 >> kept);
	}
	return ip;
}

bool
ip_in_prefix(struct ip ip, struct ip net, unsigned bits)
{
	return ip.family == net.family && bits <= bits_of(ip) &&
	    ip_eq(masked(ip, bits), masked(net, bits));
}

struct ip
ip_network(struct ip ip, unsigned bits4, unsigned bits6)
{
	return masked(ip, ip.family == 4 ? bits4 : bits6);
}

bool
ip_is_loopback(struct ip ip)
{
	static const struct prefix net4 = { V4(127), .bits = 8 };
	static const struct ip host6 = { 6, { [15] = 1 } };
	return within(ip, net4) || ip_eq(ip, host6);
}

static bool
in_table(struct ip ip, const struct prefix *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (within(ip, table[i]))
			return true;
	return false;
}

bool
ip_is_special(struct ip ip)
{
	if (ip.family == 4)
		return in_table(
		    ip, special4, sizeof(special4) / sizeof(*special4));
	if (within(ip, nat64))
		return ip_is_special(carried(ip, 12));
	if (within(ip, sixto4))
		return ip_is_special(carried(ip, 2));
	return !within(ip, global6) ||
	    in_table(ip, special6, sizeof(special6) / sizeof(*special6));
}

struct ip
ip_from_sockaddr(const struct sockaddr *address, uint16_t *port)
{
	struct ip ip = { 0 };
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	*port = 0;
	if (address->sa_family == AF_INET) {
		memcpy(&in4, address, sizeof(in4));
		ip.family = 4;
		memcpy(ip.bytes, &in4.sin_addr, 4);
		*port = ntohs(in4.sin_port);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		ip.family = 6;
		memcpy(ip.bytes, &in6.sin6_addr, 16);
		*port = ntohs(in6.sin6_port);
	}
	return unmapped(ip);
}

unsigned
ip_to_sockaddr(struct ip ip, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	memset(out, 0, sizeof(*out));
	if (ip.family == 4) {
		in4.sin_port = htons(port);
		memcpy(&in4.sin_addr, ip.bytes, 4);
		memcpy(out, &in4, sizeof(in4));
		return sizeof(in4);
	}
	if (ip.family == 6) {
		in6.sin6_port = htons(port);
		memcpy(&in6.sin6_addr, ip.bytes, 16);
		memcpy(out, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

/* Splits "[host]:port", "host:port", "[host]" or "host"; a host with several
   colons and no brackets is an IPv6 address without a port. */
static bool
split_port(struct str s, struct str *host, struct str *port)
{
	*port = (struct str){ NULL, 0 };
	if (str_starts(s, STR("["))) {
		s = str_from(s, 1);
		*host = str_cut(&s, ']');
		if (s.p == NULL)
			return false;
		*port = str_from(s, 1);
		return s.n == 0 || (s.p[0] == ':' && s.n > 1);
	}
	size_t colon = str_find(s, ':');
	*host = s;
	if (colon == str_find_last(s, ':') && colon < s.n) {
		*host = str_cut(&s, ':');
		*port = s;
		return s.n > 0;
	}
	return true;
}

bool
ip_parse_endpoint(
    struct str s, uint16_t default_port, struct ip *ip, uint16_t *port)
{
	struct str host, digits;
	uint64_t number = default_port;
	if (!split_port(s, &host, &digits) || !ip_parse(host, ip))
		return false;
	if (digits.n && (!str_to_u64(digits, &number) || number == 0))
		return false;
	if (number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}
