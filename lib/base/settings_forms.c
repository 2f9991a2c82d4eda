#include "lib/base/settings_table.h"

#include "lib/base/list.h"
#include "lib/base/name.h"
#include "lib/base/saslprep.h"

#include <string.h>

/* ---- names and text ---- */

static bool
is_host_name(struct str s)
{
	struct ip ip;
	return name_is_host(s) && !ip_parse(s, &ip);
}

static bool
list_has(const struct str_list *list, struct str s)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i], s))
			return true;
	return false;
}

static bool
read_domains(const struct reading *r)
{
	struct str rest = r->text;
	struct str_list list = { 0 };
	list.items = arena_alloc(r->arena, SETTINGS_LIST * sizeof(struct str));
	while (rest.p) {
		struct str name = str_trim(str_cut(&rest, ','));
		name = arena_lower(r->arena, name_strip_dot(name));
		if (!is_host_name(name) || list.count == SETTINGS_LIST)
			return false;
		if (!list_has(&list, name))
			list.items[list.count++] = name;
	}
	*(struct str_list *)r->member = list;
	return true;
}

static bool
read_host(const struct reading *r)
{
	struct str value = name_strip_dot(r->text);
	if (!is_host_name(value) || name_labels(value) < 2)
		return false;
	*(struct str *)r->member = arena_lower(r->arena, value);
	return true;
}

/* RFC 5321 4.1.2 Dot-string; what needs quotes is no address to type here */
static bool
is_local_part(struct str s)
{
	static const char forbidden[] = "\"(),:;<>@[\\]";
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr(forbidden, s.p[i]))
			return false;
	return s.n > 0 && s.n <= 64;
}

static bool
read_address(const struct reading *r)
{
	size_t at = str_find_last(r->text, '@');
	if (at == r->text.n || !is_local_part(str_sub(r->text, 0, at)) ||
	    !is_host_name(str_from(r->text, at + 1)))
		return false;
	*(struct str *)r->member = arena_str(r->arena, r->text);
	return true;
}

static bool
read_text(const struct reading *r)
{
	for (size_t i = 0; i < r->text.n; i++)
		if ((unsigned char)r->text.p[i] < ' ' || r->text.p[i] == 0x7f)
			return false;
	*(struct str *)r->member = arena_str(r->arena, r->text);
	return true;
}

/* RFC 4616 2, RFC 5802 5.1: both sides have to prepare it in the same way */
static bool
read_login(const struct reading *r)
{
	return saslprep_is_idle(r->text) && read_text(r);
}

static bool
read_delimiter(const struct reading *r)
{
	char *delimiter = r->member;
	bool none = str_eq(r->text, STR("none"));
	if (!none && (r->text.n != 1 || !strchr("+-_=#", r->text.p[0])))
		return false;
	*delimiter = none ? '\0' : r->text.p[0];
	return true;
}

const struct setting_form form_domains = {
	.allowed = "domain names in ASCII (xn--... for others), separated by "
		   "commas, at most 16",
	.read = read_domains,
};
const struct setting_form form_host = {
	.text = true,
	.allowed = "a host name in ASCII with at least two labels, such as "
		   "mail.example.com",
	.read = read_host,
};
const struct setting_form form_address = {
	.text = true,
	.allowed = "an address, such as you@example.com",
	.read = read_address,
};
const struct setting_form form_text = {
	.text = true,
	.allowed = "one line of text",
	.read = read_text,
};
const struct setting_form form_login = {
	.text = true,
	.allowed = "one line of UTF-8 text, letters with accents as one "
		   "character each (NFC), without signs that SASLprep "
		   "(RFC 4013) would replace",
	.read = read_login,
};
const struct setting_form form_path = {
	.text = true,
	.allowed = "a path",
	.read = read_text,
};
const struct setting_form form_delimiter = {
	.allowed = "one of + - _ = # or none",
	.read = read_delimiter,
};

/* ---- addresses and ports ---- */

static bool
add_ip(struct ip_list *list, struct ip ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ip_eq(list->ips[i], ip))
			return true;
	if (list->count == SETTINGS_LIST)
		return false;
	list->ips[list->count++] = ip;
	return true;
}

static bool
read_ips(const struct reading *r)
{
	struct str rest = r->text;
	struct ip_list list = { 0 };
	while (rest.p) {
		struct ip ip;
		if (!ip_parse(str_trim(str_cut(&rest, ',')), &ip) ||
		    !add_ip(&list, ip))
			return false;
	}
	*(struct ip_list *)r->member = list;
	return true;
}

static bool
read_sources(const struct reading *r)
{
	struct ip_list *list = r->member, before = *list;
	if (!read_ips(r))
		return false;
	if (list->count < 2 ||
	    (list->count == 2 && list->ips[0].family != list->ips[1].family))
		return true;
	*list = before;
	return false;
}

static bool
read_resolvers(const struct reading *r)
{
	struct str rest = r->text;
	struct endpoint_list list = { 0 };
	while (rest.p) {
		struct str text = str_trim(str_cut(&rest, ','));
		struct endpoint e;
		if (list.count == SETTINGS_LIST ||
		    !ip_parse_endpoint(text, 53, &e.ip, &e.port))
			return false;
		list.endpoints[list.count++] = e;
	}
	*(struct endpoint_list *)r->member = list;
	return true;
}

static bool
parse_port(struct str text, uint16_t *port)
{
	uint64_t n;
	if (!str_to_u64(text, &n) || n == 0 || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool
read_port(const struct reading *r)
{
	return parse_port(r->text, r->member);
}

static const char *const port_names[PORT_COUNT] = {
	[PORT_SMTP] = "smtp",
	[PORT_SUBMISSIONS] = "submissions",
	[PORT_SUBMISSION] = "submission",
	[PORT_HTTP] = "http",
	[PORT_HTTPS] = "https",
	[PORT_IMAPS] = "imaps",
};

const char *
settings_port_name(enum port_name port)
{
	return port_names[port];
}

/* Where the port of a service that has none yet goes, or NULL. */
static uint16_t *
free_service(uint16_t ports[PORT_COUNT], struct str name)
{
	for (size_t i = 0; i < PORT_COUNT; i++)
		if (str_eq(name, str_of(port_names[i])))
			return ports[i] ? NULL : &ports[i];
	return NULL;
}

static bool
port_is_taken(const uint16_t ports[PORT_COUNT], uint16_t port)
{
	for (size_t i = 0; i < PORT_COUNT; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static bool
read_ports(const struct reading *r)
{
	struct str rest = r->text;
	uint16_t ports[PORT_COUNT] = { 0 };
	while (rest.p) {
		struct str digits = str_trim(str_cut(&rest, ','));
		struct str name = str_cut(&digits, '=');
		uint16_t *service = free_service(ports, name), port;
		if (!service || !parse_port(digits, &port) ||
		    port_is_taken(ports, port))
			return false;
		*service = port;
	}
	memcpy(r->member, ports, sizeof(ports));
	return true;
}

/* "host", "host:port", "[2001:db8::1]:port"; without a port it stays 0. */
static bool
read_relay(const struct reading *r)
{
	uint16_t port = 0;
	struct ip ip;
	struct str host;
	if (ip_parse_endpoint(r->text, 0, &ip, &port)) {
		char text[IP_TEXT];
		ip_print(ip, text);
		host = arena_str(r->arena, str_of(text));
	} else {
		struct str digits = r->text;
		host = str_cut(&digits, ':');
		if (!is_host_name(host) ||
		    (digits.p && !parse_port(digits, &port)))
			return false;
		host = arena_lower(r->arena, host);
	}
	struct settings *s =
	    container_of(r->member, struct settings, relay_host);
	s->relay_host = host;
	s->relay_port = port;
	return true;
}

/* One word of an SPF record that lets somebody pass: no qualifier, no all. */
static bool
is_spf_term(struct str term)
{
	static const char *const names[] = {
		"include:", "a:", "mx:", "ip4:", "ip6:", "exists:"
	};
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:/-%{}";
	size_t i = 0, count = sizeof names / sizeof *names;
	while (i < count && !str_starts(term, str_of(names[i])))
		i++;
	if (i == count || term.n == strlen(names[i]))
		return false;
	for (size_t k = 0; k < term.n; k++)
		if (!str_has(str_of(allowed), term.p[k]))
			return false;
	return true;
}

static bool
read_spf(const struct reading *r)
{
	struct str rest = r->text;
	if (str_empty(rest))
		return false;
	while (rest.n > 0)
		if (!is_spf_term(str_cut(&rest, ' ')))
			return false;
	*(struct str *)r->member = arena_str(r->arena, r->text);
	return true;
}

static bool
read_weight(struct str text, unsigned *weight)
{
	uint64_t n = 100;
	if (text.p && (!str_to_u64(text, &n) || n == 0 || n > 100))
		return false;
	*weight = (unsigned)n;
	return true;
}

static bool
read_dnsbl(const struct reading *r)
{
	struct str rest = r->text;
	struct dnsbl_list list = { 0 };
	while (rest.p) {
		struct str weight = str_trim(str_cut(&rest, ','));
		struct str zone = name_strip_dot(str_cut(&weight, '='));
		struct dnsbl_zone *item = &list.zones[list.count];
		if (list.count == SETTINGS_LIST || !name_is_dns(zone) ||
		    name_labels(zone) < 2 ||
		    !read_weight(weight, &item->weight))
			return false;
		item->zone = arena_lower(r->arena, zone);
		list.count++;
	}
	*(struct dnsbl_list *)r->member = list;
	return true;
}

const struct setting_form form_dnsbl = {
	.allowed = "zones of DNS lists, each with =weight from 1 to 100 if it "
		   "isn't 100, separated by commas, at most 16",
	.read = read_dnsbl,
};
const struct setting_form form_ips = {
	.allowed = "IP addresses, separated by commas, at most 16",
	.read = read_ips,
};
const struct setting_form form_sources = {
	.allowed = "an IPv4 address, an IPv6 address, or both with a comma",
	.read = read_sources,
};
const struct setting_form form_resolvers = {
	.allowed = "IP addresses, each with :port if it isn't 53 "
		   "([2001:db8::1]:5353), separated by commas, at most 16",
	.read = read_resolvers,
};
const struct setting_form form_port = {
	.allowed = "a port from 1 to 65535",
	.read = read_port,
};
const struct setting_form form_ports = {
	.allowed = "name=port,... with the names smtp, submissions, "
		   "submission, http, https, imaps; each name and each port "
		   "once",
	.read = read_ports,
};
const struct setting_form form_relay = {
	.text = true,
	.allowed = "host or host:port, such as smtp.example.com:587",
	.read = read_relay,
};
const struct setting_form form_spf = {
	.text = true,
	.allowed = "SPF mechanisms such as include:spf.example.net or "
		   "ip4:192.0.2.0/24, separated by a space",
	.read = read_spf,
};
