#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void
show(const char *lead, struct str s)
{
	fputs(lead, stderr);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= ' ' && c <= '~' && c != '\\')
			fputc(c, stderr);
		else
			fprintf(stderr, "\\x%02x", c);
	}
	fputc('\n', stderr);
}

void
assert_str_at(struct str got, struct str wanted, const char *file, int line)
{
	if (str_eq(got, wanted))
		return;
	show("got    ", got);
	show("wanted ", wanted);
	_fail(file, line);
}
