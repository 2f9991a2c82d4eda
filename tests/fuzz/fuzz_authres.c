#include "lib/base/name.h"
#include "lib/mail/authres.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define HOST STR("mail.example.com")

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* Whatever is read as ours has been recognised as ours. */
static void
check_reading(struct str value, struct arena *arena)
{
	struct authres field;
	struct header_field raw = { .name = STR("Authentication-Results"),
		.value = value };
	const char *why = NULL;
	bool claims = authres_claims(&raw, HOST);
	if (!authres_parse(value, arena, &field, &why)) {
		expect(why && field.count == 0);
		return;
	}
	expect(field.id.n > 0 && field.count <= AUTHRES_MAX);
	expect(claims || !name_eq(field.id, HOST));
	for (size_t i = 0; i < field.count; i++) {
		expect(field.results[i].method.n > 0);
		expect(field.results[i].result.n > 0);
		expect(field.results[i].count <= AUTHRES_PROPERTIES);
	}
}

static void
check_lines(struct str text)
{
	while (text.n > 0) {
		size_t n = str_search(text, STR("\r\n"));
		expect(n < text.n && n <= 998);
		for (size_t i = 0; i < n; i++)
			expect(text.p[i] == '\t' ||
			    (text.p[i] >= ' ' && text.p[i] <= '~'));
		text = str_from(text, n + 2);
		expect(text.n == 0 || *text.p == '\t');
	}
}

/* Whatever is written stays one comment and one value. */
static void
check_writing(struct str value, struct arena *arena)
{
	struct buf out = { 0 };
	struct authres_writer writer;
	struct authres field;
	const char *why;
	authres_begin(&writer, &out, HOST);
	authres_result(&writer, "a", "b");
	authres_comment(&writer, value);
	authres_property(&writer, "c.d", value);
	authres_end(&writer);
	check_lines(buf_str(&out));
	struct str text = str_from(buf_str(&out), 23);
	text.n -= 2;
	expect(authres_parse(text, arena, &field, &why));
	expect(str_eq(field.id, HOST) && field.count == 1);
	expect(field.results[0].count <= 1);
	if (field.results[0].count == 1)
		expect(field.results[0].properties[0].value.n == value.n);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str value = { (const char *)p, n };
	struct arena arena = { 0 };
	check_reading(value, &arena);
	check_writing(value, &arena);
	arena_free(&arena);
	return 0;
}
