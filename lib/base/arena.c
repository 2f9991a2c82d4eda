#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a block: small at first, because an idle connection has an arena as
   well, and each next one twice as large. */
enum {
	FIRST = 512,
	LARGEST = 32768
};

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

static size_t
block_size(const struct arena *a, size_t n)
{
	size_t size = FIRST;
	if (a->blocks)
		size = a->blocks->size * 2;
	if (size > LARGEST)
		size = LARGEST;
	return n > size ? n : size;
}

static struct arena_block *
add_block(struct arena *a, size_t n)
{
	size_t size = block_size(a, n);
	struct arena_block *block = mem_alloc(sizeof(*block) + size);
	block->size = size;
	block->next = a->blocks;
	a->blocks = block;
	return block;
}

/* Blocks are zeroed when they are made and no byte is given out twice. */
void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	if (n > SIZE_MAX / 2)
		abort();
	n = (n + align - 1) / align * align;
	struct arena_block *block = a->blocks;
	if (!block || block->size - block->used < n)
		block = add_block(a, n);
	block->used += n;
	return block->bytes + block->used - n;
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.n + 1);
	if (s.n)
		memcpy(copy, s.p, s.n);
	return (struct str){ copy, s.n };
}

struct str
arena_lower(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		copy[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32)
							 : s.p[i];
	return (struct str){ copy, s.n };
}

struct str
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort();
	char *text = arena_alloc(a, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return (struct str){ text, (size_t)n };
}

size_t
arena_size(const struct arena *a)
{
	size_t sum = 0;
	for (struct arena_block *b = a->blocks; b; b = b->next)
		sum += sizeof(*b) + b->size;
	return sum;
}

void
arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
}

void *
mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		abort();
	return p;
}

void *
mem_array(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);
	if (!p)
		abort();
	return p;
}

char *
mem_cstr(struct str s)
{
	char *copy = mem_alloc(s.n + 1);
	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}
