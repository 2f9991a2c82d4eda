#include "lib/mail/params.h"

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
		expect(param.name.n > 0);
		expect(!param.value.p || param.value.n > 0);
		for (size_t k = 0; k < i; k++)
			expect(!str_eq_nocase(param.name, params.all[k].name));
	}
	return 0;
}
