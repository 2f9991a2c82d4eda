#include "tests/fakes/story.h"

#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

static struct buf told, taken;

void
story_add(const char *format, ...)
{
	char line[4096];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	buf_adds(&told, line);
	buf_addc(&told, '\n');
}

const char *
story_take(void)
{
	buf_free(&taken);
	taken = buf_take(&told);
	return buf_cstr(&taken);
}

void
story_free(void)
{
	buf_free(&told);
	buf_free(&taken);
}
