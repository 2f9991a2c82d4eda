#include "lib/zone/source.h"

#include "lib/base/file.h"

#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_IPS = SETTINGS_LIST,
	MAX_KEYS = 16,
	MAX_TXT = 4096
};

static bool
has_ip(const struct ip *ips, size_t count, struct ip ip)
{
	for (size_t i = 0; i < count; i++)
		if (ip_eq(ips[i], ip))
			return true;
	return false;
}

/* The addresses of our interfaces that the world can reach. */
static size_t
find_ips(struct ip *ips)
{
	struct ifaddrs *all, *a;
	size_t count = 0;
	if (getifaddrs(&all) != 0)
		return 0;
	for (a = all; a && count < MAX_IPS; a = a->ifa_next) {
		if (!a->ifa_addr || !(a->ifa_flags & IFF_UP))
			continue;
		uint16_t port;
		struct ip ip = ip_from_sockaddr(a->ifa_addr, &port);
		if (ip.family && !ip_is_special(ip) && !has_ip(ips, count, ip))
			ips[count++] = ip;
	}
	freeifaddrs(all);
	return count;
}

static void
read_ips(struct zone_source *s, const struct settings *settings)
{
	struct ip *ips = arena_alloc(&s->arena, MAX_IPS * sizeof *ips);
	s->inputs.ips = ips;
	s->inputs.ip_count = settings->public_ip.count;
	if (s->inputs.ip_count)
		memcpy(ips, settings->public_ip.ips,
		    s->inputs.ip_count * sizeof *ips);
	else
		s->inputs.ip_count = find_ips(ips);
}

static struct str
read_line(struct zone_source *s, const char *path)
{
	struct buf text = { 0 };
	struct str line = STR("");
	if (file_read(path, MAX_TXT, &text))
		line = arena_str(&s->arena, str_trim(buf_str(&text)));
	buf_free(&text);
	return line;
}

/* dns/<domain>.<selector>.txt: the part between, or "". */
static struct str
selector_of(const char *file, struct str domain)
{
	struct str name = str_of(file);
	if (!str_starts(name, domain) || !str_ends(name, STR(".txt")) ||
	    name.n <= domain.n + 5 || name.p[domain.n] != '.')
		return STR("");
	return str_sub(name, domain.n + 1, name.n - domain.n - 5);
}

static int
by_selector(const void *a, const void *b)
{
	const struct zone_key *x = a, *y = b;
	return str_cmp(x->selector, y->selector);
}

static void
read_keys(struct zone_source *s, const char *folder, struct str domain)
{
	struct zone_key *keys = arena_alloc(&s->arena, MAX_KEYS * sizeof *keys);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;
	while (dir && count < MAX_KEYS && (entry = readdir(dir))) {
		struct str selector = selector_of(entry->d_name, domain);
		if (str_empty(selector) || str_has(selector, '.'))
			continue;
		keys[count].selector = arena_str(&s->arena, selector);
		keys[count].txt = read_line(s,
		    arena_printf(&s->arena, "%s/%s", folder, entry->d_name).p);
		count += !str_empty(keys[count].txt);
	}
	if (dir)
		closedir(dir);
	qsort(keys, count, sizeof *keys, by_selector);
	s->inputs.keys = keys;
	s->inputs.key_count = count;
}

void
zone_source_read(
    struct zone_source *s, const struct settings *settings, struct str domain)
{
	*s = (struct zone_source){ 0 };
	s->inputs.domain = domain;
	s->inputs.hostname = settings->hostname;
	s->inputs.dmarc_policy = settings->dmarc_publish;
	s->inputs.ports = settings->ports;
	s->inputs.relay = settings->relay_host;
	s->inputs.relay_spf = settings->relay_spf;
	read_ips(s, settings);
	const char *dns =
	    arena_printf(&s->arena, "%.*s/dns", STR_ARG(settings->data)).p;
	read_keys(s, dns, domain);
	s->inputs.tlsa =
	    read_line(s, arena_printf(&s->arena, "%s/tlsa", dns).p);
}

void
zone_source_free(struct zone_source *s)
{
	arena_free(&s->arena);
}
