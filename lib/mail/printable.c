#include "lib/mail/printable.h"

bool
printable_is(char c)
{
	return c >= ' ' && c <= '~';
}

void
printable_add(struct buf *out, struct str s)
{
	char *to = buf_reserve(out, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (printable_is(s.p[i]))
			to[i] = s.p[i];
		else
			to[i] = s.p[i] == '\t' ? ' ' : '?';
	out->n += s.n;
}
