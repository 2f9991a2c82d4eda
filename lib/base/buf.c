#include "lib/base/buf.h"

#include "lib/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST = 64, /* bytes */
};

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
}

char *
buf_reserve(struct buf *b, size_t n)
{
	if (b->p && n <= b->cap - b->n)
		return b->p + b->n;
	if (n > SIZE_MAX / 2 - b->n)
		abort();
	size_t cap = b->cap ? b->cap * 2 : FIRST;
	if (cap < b->n + n)
		cap = b->n + n;
	b->p = mem_array(b->p, cap, 1);
	b->cap = cap;
	return b->p + b->n;
}

void
buf_add(struct buf *b, struct str s)
{
	if (s.n == 0)
		return;
	memcpy(buf_reserve(b, s.n), s.p, s.n);
	b->n += s.n;
}

void
buf_addc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->n++;
}

void
buf_adds(struct buf *b, const char *text)
{
	buf_add(b, str_of(text));
}

void
buf_addf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort();
	vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
	va_end(again);
	b->n += (size_t)n;
}

void
buf_drain(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

void
buf_cut(struct buf *b, size_t n)
{
	if (n < b->n)
		b->n = n;
}

struct str
buf_str(const struct buf *b)
{
	return b->n ? (struct str){ b->p, b->n } : STR("");
}

const char *
buf_cstr(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->p;
}

struct buf
buf_take(struct buf *b)
{
	struct buf taken = *b;
	*b = (struct buf){ 0 };
	return taken;
}

struct buf
buf_of(struct str s)
{
	struct buf b = { 0 };
	buf_add(&b, s);
	return b;
}
