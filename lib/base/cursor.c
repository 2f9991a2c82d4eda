#include "lib/base/cursor.h"

#include "lib/base/buf.h"

#include <stdlib.h>

struct cursor
cursor_of(struct str s)
{
	return (struct cursor){ .all = s };
}

static uint64_t
number(struct cursor *c, size_t octets)
{
	struct str s = cursor_bytes(c, octets);
	uint64_t value = 0;
	for (size_t i = 0; i < s.n; i++)
		value = value << 8 | (unsigned char)s.p[i];
	return value;
}

uint8_t
cursor_u8(struct cursor *c)
{
	return (uint8_t)number(c, 1);
}

uint16_t
cursor_u16(struct cursor *c)
{
	return (uint16_t)number(c, 2);
}

uint32_t
cursor_u32(struct cursor *c)
{
	return (uint32_t)number(c, 4);
}

uint64_t
cursor_u64(struct cursor *c)
{
	return number(c, 8);
}

struct str
cursor_bytes(struct cursor *c, size_t n)
{
	if (c->failed || n > c->all.n - c->at) {
		c->failed = true;
		return STR("");
	}
	struct str s = str_sub(c->all, c->at, n);
	c->at += n;
	return s;
}

struct str
cursor_str(struct cursor *c)
{
	return cursor_bytes(c, cursor_u32(c));
}

struct str
cursor_rest(const struct cursor *c)
{
	return c->failed ? STR("") : str_from(c->all, c->at);
}

bool
cursor_end(const struct cursor *c)
{
	return !c->failed && c->at == c->all.n;
}

static void
put_number(struct buf *b, uint64_t value, size_t octets)
{
	char *p = buf_reserve(b, octets);
	for (size_t i = octets; i > 0; i--, value >>= 8)
		p[i - 1] = (char)(value & 0xff);
	b->n += octets;
}

void
put_u8(struct buf *b, uint8_t value)
{
	put_number(b, value, 1);
}

void
put_u16(struct buf *b, uint16_t value)
{
	put_number(b, value, 2);
}

void
put_u32(struct buf *b, uint32_t value)
{
	put_number(b, value, 4);
}

void
put_u64(struct buf *b, uint64_t value)
{
	put_number(b, value, 8);
}

void
put_str(struct buf *b, struct str s)
{
	if (s.n > UINT32_MAX)
		abort();
	put_u32(b, (uint32_t)s.n);
	buf_add(b, s);
}
