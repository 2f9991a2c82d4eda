#include "entrypoint/entrypoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct entrypoint self = {
	.lock = -1, .signer = { -1, -1 }, .web = { -1, -1 }, .control = -1
};

static const char *
below(struct str folder, const char *name)
{
	return arena_printf(&self.turn, "%.*s/%s", STR_ARG(folder), name).p;
}

const char *
data_path(const char *name)
{
	return below(self.settings.data, name);
}

const char *
run_path(const char *name)
{
	return below(self.settings.run, name);
}

void
complain(const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_note(LOG_ERROR, "start", "%s", text);
}

char **
words_copy(const char *const *words)
{
	size_t n = 0;
	while (words[n])
		n++;
	char **copy = mem_array(NULL, n + 1, sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = mem_cstr(str_of(words[i]));
	copy[n] = NULL;
	return copy;
}

void
words_free(char **words)
{
	for (size_t i = 0; words[i]; i++)
		free(words[i]);
	free(words);
}
