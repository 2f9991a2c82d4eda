#include "lib/zone/domains.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "a.test b.test" */
static const char *
all(const struct domains *d)
{
	static char text[512];
	*text = 0;
	for (size_t i = 0; i < d->count; i++) {
		assert_int_equal(d->names[i].p[d->names[i].n], 0);
		snprintf(text + strlen(text), sizeof text - strlen(text),
		    "%s%s", i ? " " : "", d->names[i].p);
	}
	return text;
}

static void
files_are_read(void **state)
{
	static const struct {
		const char *text, *names;
	} cases[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "a.test\n", "a.test" },
		{ "a.test", "a.test" },
		{ "b.test\na.test\n", "b.test a.test" },
		{ " a.test \r\n\tb.test\n", "a.test b.test" },
		{ "# ours\na.test # the first\n#b.test\n", "a.test" },
		{ "A.Test.\nxn--mller-kva.test\n",
		    "a.test xn--mller-kva.test" },
		{ "a.test\nb.test\nA.TEST\na.test.\n", "a.test b.test" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct domains d = { 0 };
		struct buf errors = { 0 };
		assert_true(domains_parse(
		    &d, str_of(cases[i].text), "domains", &errors));
		assert_string_equal(all(&d), cases[i].names);
		assert_int_equal(errors.n, 0);
		domains_free(&d);
		assert_int_equal(d.count, 0);
	}
}

static void
bad_files_are_refused_whole(void **state)
{
	static const struct {
		const char *text, *errors;
	} cases[] = {
		{ "b.test\nno domain\n",
		    "f:2: \"no domain\" is not a domain name in ASCII\n" },
		{ "-b.test\n\nb..test\nc.test",
		    "f:1: \"-b.test\" is not a domain name in ASCII\n"
		    "f:3: \"b..test\" is not a domain name in ASCII\n" },
		{ "m\303\274ller.test",
		    "f:1: \"m\303\274ller.test\" is not a domain name in "
		    "ASCII\n" },
		{ "you@b.test",
		    "f:1: \"you@b.test\" is not a domain name in ASCII\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct domains d = { 0 };
		struct buf errors = { 0 };
		domains_add(&d, STR("a.test"));
		assert_false(
		    domains_parse(&d, str_of(cases[i].text), "f", &errors));
		assert_string_equal(buf_cstr(&errors), cases[i].errors);
		assert_string_equal(all(&d), "a.test");
		domains_free(&d);
		buf_free(&errors);
	}
}

static void
names_are_found_without_case(void **state)
{
	struct domains d = { 0 };
	(void)state;
	assert_false(domains_has(&d, STR("a.test")));
	domains_add(&d, STR("A.test"));
	domains_add(&d, STR("a.test."));
	domains_add(&d, STR("b.test"));
	assert_string_equal(all(&d), "a.test b.test");
	assert_true(domains_has(&d, STR("a.TEST")));
	assert_true(domains_has(&d, STR("b.test.")));
	assert_false(domains_has(&d, STR("x.a.test")));
	assert_false(domains_has(&d, STR("test")));
	assert_false(domains_has(&d, STR("")));
	domains_free(&d);
}

static void
many_cost_little_memory(void **state)
{
	enum {
		MANY = 2000
	};
	struct domains d = { 0 };
	char name[32];
	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "d%d.example.test", i);
		domains_add(&d, str_of(name));
		assert_int_equal(d.count, i + 1);
	}
	assert_string_equal(d.names[0].p, "d0.example.test");
	assert_string_equal(d.names[MANY - 1].p, "d1999.example.test");
	assert_true(arena_size(&d.arena) < 200 * MANY);
	domains_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(bad_files_are_refused_whole),
		cmocka_unit_test(names_are_found_without_case),
		cmocka_unit_test(many_cost_little_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
