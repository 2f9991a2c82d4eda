#include "lib/mail/params.h"

#include "lib/base/arena.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct params params;
	if (!params_parse((struct str){ (const char *)p, n }, &params))
		return 0;
	expect(params.count <= PARAMS_MAX);
	for (size_t i = 0; i < params.count; i++) {
		struct param param = params.all[i];
		char *name = mem_cstr(param.name);
		expect(params_find(&params, name) == &params.all[i]);
		expect(!param.value.p || param.value.n > 0);
		free(name);
	}
	return 0;
}
