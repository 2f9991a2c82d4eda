/*
 * ip.h - IPv4 and IPv6 addresses as values.
 *
 * IPv4-mapped IPv6 addresses become IPv4 when they are made from a socket
 * address or text.
 */
#ifndef LIB_BASE_IP_H
#define LIB_BASE_IP_H

#include "lib/base/str.h"

struct sockaddr;
struct sockaddr_storage;

#define IP_TEXT 46 /* longest text with its NUL */

struct ip {
	uint8_t family; /* 4, 6, or 0: no address */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

bool ip_parse(struct str, struct ip *); /* no brackets, no zone, no port */
void ip_print(struct ip, char text[IP_TEXT]); /* RFC 5952 */
bool ip_eq(struct ip, struct ip);
bool ip_in_prefix(struct ip, struct ip net, unsigned bits);
struct ip ip_network(struct ip, unsigned bits4, unsigned bits6); /* masked */
bool ip_is_loopback(struct ip);
/* Loopback, private, link-local, documentation, multicast, unspecified, 6to4
   and NAT64 of those ...: IANA's special-purpose registries, RFC 6890. */
bool ip_is_special(struct ip);
struct ip ip_from_sockaddr(const struct sockaddr *, uint16_t *port);
/* Returns the length to pass to connect() or bind(). */
unsigned ip_to_sockaddr(struct ip, uint16_t port, struct sockaddr_storage *);
/* "192.0.2.1", "192.0.2.1:25", "[2001:db8::1]:25", "2001:db8::1" */
bool ip_parse_endpoint(
    struct str, uint16_t default_port, struct ip *, uint16_t *port);

#endif
