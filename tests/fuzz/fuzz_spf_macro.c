#include "lib/trust/spf_target.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static struct spf_macros
values(struct str first, const char *ip)
{
	struct spf_macros macros = {
		.sender = first,
		.local = first,
		.sender_domain = STR("example.test"),
		.domain = STR("_spf.example.test"),
		.helo = first,
		.now = 1795184403,
	};
	expect(ip_parse(str_of(ip), &macros.ip));
	return macros;
}

static void
check_explanation(struct str text, const struct spf_macros *macros)
{
	struct buf out = { 0 };
	if (!spf_macro_check(text, SPF_MACRO_EXPLANATION))
		return;
	spf_macro_expand(&out, text, macros);
	/* The longest value is as long as the input, escaped at worst. */
	expect(out.n <= text.n + SPF_MACROS_MAX * (3 * text.n + 128));
	buf_free(&out);
}

static void
check_domain(
    struct str text, const struct spf_macros *macros, struct arena *arena)
{
	struct str name;
	if (!spf_macro_is_domain(text))
		return;
	expect(spf_macro_check(text, SPF_MACRO_DOMAIN));
	bool good = spf_target_expand(text, macros, arena, &name);
	expect(good ? spf_target_is_name(name) : name.n == 0);
}

/* The first line is what a client says of itself, the rest the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n };
	struct str first = str_cut(&text, '\n');
	struct arena arena = { 0 };
	struct spf_macros v4 = values(first, "192.0.2.1");
	struct spf_macros v6 = values(first, "2001:db8::1");
	if (first.n > text.n) /* for the bound above */
		return 0;
	check_explanation(text, &v4);
	check_explanation(text, &v6);
	check_domain(text, &v4, &arena);
	check_domain(text, &v6, &arena);
	arena_free(&arena);
	return 0;
}
