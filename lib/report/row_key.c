#include "lib/report/row_key.h"

#include <stdlib.h>
#include <string.h>

enum {
	VERSION = 1
};

void
row_key_put(struct buf *key, const char *tag, uint32_t day, struct str domain)
{
	buf_adds(key, tag);
	put_u8(key, VERSION);
	put_u32(key, day);
	row_put_short(key, domain, ROW_NAME);
}

void
row_key_get(
    struct cursor *c, const char *tag, uint32_t *day, struct str *domain)
{
	if (!str_eq(cursor_bytes(c, strlen(tag)), str_of(tag)) ||
	    cursor_u8(c) != VERSION)
		c->failed = true;
	*day = cursor_u32(c);
	*domain = row_get_short(c, ROW_NAME);
}

void
row_count_encode(uint64_t count, struct buf *value)
{
	put_u8(value, VERSION);
	put_u64(value, count);
}

bool
row_count_decode(struct str value, uint64_t *count)
{
	struct cursor c = cursor_of(value);
	bool known = cursor_u8(&c) == VERSION;
	*count = cursor_u64(&c);
	return known && cursor_end(&c);
}

void
row_sheet_free(struct row_sheet *sheet)
{
	for (size_t i = 0; i < sheet->count; i++)
		buf_free(&sheet->rows[i].key);
	free(sheet->rows);
	*sheet = (struct row_sheet){ 0 };
}

/* ---- fields of a key ---- */

void
row_put_short(struct buf *out, struct str s, size_t most)
{
	s = str_sub(s, 0, most);
	put_u8(out, (uint8_t)s.n);
	buf_add(out, s);
}

struct str
row_get_short(struct cursor *c, size_t most)
{
	size_t n = cursor_u8(c);
	struct str s = cursor_bytes(c, n);
	if (n > most)
		c->failed = true;
	return s;
}

unsigned
row_get_below(struct cursor *c, unsigned limit)
{
	unsigned number = cursor_u8(c);
	if (number >= limit)
		c->failed = true;
	return c->failed ? 0 : number;
}

static size_t
ip_octets(struct ip ip)
{
	return ip.family == 4 ? 4 : ip.family == 6 ? 16 : 0;
}

void
row_put_ip(struct buf *out, struct ip ip)
{
	put_u8(out, ip.family);
	buf_add(out, (struct str){ (const char *)ip.bytes, ip_octets(ip) });
}

struct ip
row_get_ip(struct cursor *c)
{
	struct ip ip = { .family = cursor_u8(c) };
	struct str bytes = cursor_bytes(c, ip_octets(ip));
	if (ip.family != 0 && ip.family != 4 && ip.family != 6)
		c->failed = true;
	if (!c->failed && bytes.n > 0)
		memcpy(ip.bytes, bytes.p, bytes.n);
	return ip;
}
