#include "lib/base/settings.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum {
	MOST = 32
};

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* Errors are printable lines, and there are some exactly when it failed. */
static void
check(bool good, struct str errors, const struct settings *s)
{
	expect(good == str_empty(errors));
	for (size_t i = 0; i < errors.n; i++)
		expect(errors.p[i] == '\n' ||
		    (errors.p[i] >= ' ' && errors.p[i] < 0x7f));
	expect(!good || s->retry_min_ms <= s->retry_max_ms);
	expect(s->hostname.p[s->hostname.n] == '\0');
	expect(s->domain.count <= SETTINGS_LIST);
}

/* A line is a variable. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str rest = { (const char *)p, n };
	char *environment[MOST + 1] = { NULL };
	struct settings settings;
	struct buf errors = { 0 };
	for (size_t i = 0; i < MOST && rest.n; i++)
		environment[i] = mem_cstr(str_cut(&rest, '\n'));
	bool good = settings_load(&settings, environment, &errors);
	check(good, buf_str(&errors), &settings);
	settings_free(&settings);
	buf_free(&errors);
	for (size_t i = 0; environment[i]; i++)
		free(environment[i]);
	return 0;
}
