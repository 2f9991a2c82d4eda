#include "lib/report/rua.h"

#include "lib/base/ascii.h"
#include "lib/base/codec.h"
#include "lib/base/name.h"

enum {
	HTTPS_PORT = 443,
	PATH_OCTETS = 1000
};

/* ---- mailto ---- */

/* RFC 3986 2.1; false: a % without two hexadecimal digits. */
static bool
decode(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			buf_addc(out, s.p[i]);
			continue;
		}
		if (s.n - i < 3 || !hex_read(out, str_sub(s, i + 1, 2)))
			return false;
		i += 2;
	}
	return true;
}

static bool
read_mail(struct str text, struct arena *arena, struct rua *rua)
{
	struct buf address = { 0 };
	const char *why;
	bool good = decode(str_cut(&text, '?'), &address) &&
	    address_parse(buf_str(&address), arena, &rua->address, &why) &&
	    name_is_host(rua->address.domain);
	buf_free(&address);
	rua->kind = RUA_MAIL;
	return good;
}

/* ---- https ---- */

static bool
is_path(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
			return false;
	return s.n <= PATH_OCTETS;
}

static bool
read_port(struct str text, uint16_t *port)
{
	uint64_t number = HTTPS_PORT;
	if (text.p && (!str_to_u64(text, &number) || !number || number > 65535))
		return false;
	*port = (uint16_t)number;
	return true;
}

/* "//host[:port]/path?query": no user, no address literal. */
static bool
read_https(struct str text, struct arena *arena, struct rua *rua)
{
	if (!str_starts(text, STR("//")))
		return false;
	text = str_from(text, 2);
	size_t slash = str_find(text, '/');
	struct str port = str_sub(text, 0, slash), path = str_from(text, slash);
	struct str host = str_cut(&port, ':');
	rua->kind = RUA_HTTPS;
	rua->host = arena_lower(arena, host);
	rua->path = arena_str(arena, str_empty(path) ? STR("/") : path);
	return name_is_host(host) && str_has(host, '.') && is_path(path) &&
	    read_port(port, &rua->port);
}

/* ---- both ---- */

/* "10m": RFC 9989 4.8's obs-dmarc-report-size, of both kinds of records */
static bool
read_limit(struct str text, uint64_t *limit)
{
	static const struct str units = { "kmgt", 4 };
	unsigned shift = 0;
	char last = text.n > 0 ? ascii_lower(text.p[text.n - 1]) : '\0';
	if (str_has(units, last)) {
		shift = 10 * ((unsigned)str_find(units, last) + 1);
		text.n--;
	}
	if (!str_to_u64(text, limit) || *limit > UINT64_MAX >> shift)
		return false;
	*limit <<= shift;
	return *limit > 0;
}

bool
rua_parse(
    struct str uri, struct arena *arena, struct rua *rua, const char **why)
{
	*rua = (struct rua){ 0 };
	struct str size = uri;
	struct str rest = str_cut(&size, '!');
	struct str scheme = str_cut(&rest, ':');
	*why = "The size behind ! is none";
	if (size.p && !read_limit(size, &rua->limit))
		return false;
	*why = "It is no mail address";
	if (str_eq_nocase(scheme, STR("mailto")))
		return read_mail(rest, arena, rua);
	*why = "It is no HTTPS address of a host with a name";
	if (str_eq_nocase(scheme, STR("https")))
		return read_https(rest, arena, rua);
	*why = "Its scheme is neither mailto nor https";
	return false;
}

/* ---- lists ---- */

struct str
rua_host(const struct rua *rua)
{
	return rua->kind == RUA_MAIL ? rua->address.domain : rua->host;
}

/* The limit isn't a place: of two with the same address the first counts. */
static bool
is_same(const struct rua *a, const struct rua *b)
{
	if (a->kind != b->kind || !str_eq(rua_host(a), rua_host(b)))
		return false;
	return a->kind == RUA_MAIL
	    ? str_eq(a->address.local, b->address.local)
	    : a->port == b->port && str_eq(a->path, b->path);
}

void
rua_list_add(struct rua_list *list, const struct rua *rua)
{
	for (size_t i = 0; i < list->count; i++)
		if (is_same(&list->all[i], rua))
			return;
	if (list->count < RUA_MAX)
		list->all[list->count++] = *rua;
}

void
rua_parse_list(struct str text, struct arena *arena, struct rua_list *list)
{
	const char *why;
	struct rua rua;
	list->count = 0;
	while (text.n > 0 && list->count < RUA_MAX)
		if (rua_parse(str_trim(str_cut(&text, ',')), arena, &rua, &why))
			rua_list_add(list, &rua);
}
