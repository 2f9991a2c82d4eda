/* Aliases that lead to other servers. */
#include "smtpd/local/directory.h"
#include "tests/unit/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ANN USER("ann@example.test", HORSE)
#define BOB USER("bob@other.test", STAPLE)

static struct data_folder folder;
static struct arena arena;

static int
set_up(void **state)
{
	(void)state;
	data_folder_make(&folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	data_folder_remove(&folder);
	return 0;
}

static struct directory *
read_good(const char *users, const char *aliases)
{
	struct buf errors = { 0 };
	data_folder_write(&folder, "users", users);
	data_folder_write(&folder, "aliases", aliases);
	struct directory *d = directory_read(&folder.settings, &errors);
	assert_string_equal(buf_cstr(&errors), "");
	assert_non_null(d);
	buf_free(&errors);
	return d;
}

static struct address
address_of(const char *text)
{
	struct address address;
	const char *why;
	assert_true(address_parse(str_of(text), &arena, &address, &why));
	return address;
}

/* "ann@example.test >cy@remote.test", or "none". */
static const char *
resolve(const struct directory *d, const char *text)
{
	struct address address = address_of(text);
	struct mailbox_list list;
	struct str out = STR("");
	if (directory_resolve(d, &address, &arena, &list) != DIRECTORY_FOUND)
		return "none";
	for (size_t i = 0; i < list.count; i++)
		out = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(out),
		    i ? " " : "", STR_ARG(list.mailboxes[i].account));
	for (size_t i = 0; i < list.forward_count; i++)
		out = arena_printf(&arena, "%.*s%s>%.*s", STR_ARG(out),
		    out.n ? " " : "", STR_ARG(list.forwards[i]));
	return out.p;
}

static const char elsewhere[] =
    "away@example.test: Cy@Remote.Test\n"
    "both@example.test: ann@example.test, away@example.test, di@remote.test\n"
    "twice@example.test: away@example.test, Cy@remote.test, cy@remote.test\n"
    "circle@example.test: ring@example.test, cy@remote.test\n"
    "ring@example.test: circle@example.test\n"
    "bob@other.test: bob@other.test, bob@remote.test\n"
    "abuse@other.test: desk@remote.test\n"
    "@example.test: rest@remote.test\n";

static const struct {
	const char *address, *expected;
} forwarded[] = {
	{ "away@example.test", ">Cy@remote.test" },
	{ "away+tag@example.test", ">Cy@remote.test" },
	{ "both@example.test",
	    "ann@example.test >Cy@remote.test >di@remote.test" },
	{ "twice@example.test", ">Cy@remote.test >cy@remote.test" },
	{ "circle@example.test", ">cy@remote.test" },
	{ "ring@example.test", ">cy@remote.test" },
	{ "bob@other.test", "bob@other.test >bob@remote.test" },
	{ "abuse@other.test", ">desk@remote.test" },
	{ "nobody@example.test", ">rest@remote.test" },
	{ "nobody@other.test", "none" },
	{ "Cy@remote.test", "none" },
};

static void
test_aliases_may_lead_elsewhere(void **state)
{
	(void)state;
	struct directory *d = read_good(ANN BOB, elsewhere);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		assert_string_equal(
		    resolve(d, forwarded[i].address), forwarded[i].expected);
	directory_free(d);
}

static void
test_a_target_elsewhere_gives_nobody_a_right(void **state)
{
	static const struct {
		const char *account, *address;
		bool may;
	} rights[] = {
		{ "ann@example.test", "both@example.test", true },
		{ "ann@example.test", "away@example.test", false },
		{ "ann@example.test", "nobody@example.test", false },
		{ "ann@example.test", "Cy@remote.test", false },
		{ "bob@other.test", "abuse@other.test", false },
		{ "Cy@remote.test", "away@example.test", false },
		{ "cy@remote.test", "Cy@remote.test", false },
	};
	(void)state;
	struct directory *d = read_good(ANN BOB, elsewhere);
	for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
		struct address address = address_of(rights[i].address);
		if (directory_may_send_as(d, str_of(rights[i].account),
			&address) != rights[i].may)
			fail_msg(
			    "%s as %s", rights[i].account, rights[i].address);
	}
	directory_free(d);
}

static void
test_the_catchall_setting_may_lead_elsewhere(void **state)
{
	(void)state;
	folder.settings.catchall = STR("rest@remote.test");
	struct directory *d = read_good(ANN, NULL);
	assert_string_equal(resolve(d, "x@example.test"), ">rest@remote.test");
	assert_string_equal(resolve(d, "ann@example.test"), "ann@example.test");
	directory_free(d);
}

static void
test_targets_are_limited(void **state)
{
	struct buf text = { 0 }, errors = { 0 };
	(void)state;
	data_folder_write(&folder, "users", ANN);
	buf_adds(&text, "many@example.test: ");
	for (int i = 0; i < 100; i++)
		buf_addf(&text, "%sx%d@remote.test", i ? ", " : "", i);
	buf_adds(&text, "\n");
	data_folder_write(&folder, "aliases", buf_cstr(&text));
	assert_null(directory_read(&folder.settings, &errors));
	assert_non_null(strstr(buf_cstr(&errors),
	    "config/aliases:1: alias \"many@example.test\" "
	    "leads to 100 addresses elsewhere or more"));
	buf_clear(&text);
	buf_clear(&errors);
	for (int i = 0; i < 100001; i++)
		buf_addf(&text, "x%d@example.test: a@remote.test\n", i);
	data_folder_write(&folder, "aliases", buf_cstr(&text));
	assert_null(directory_read(&folder.settings, &errors));
	assert_string_equal(buf_cstr(&errors),
	    "config/aliases:100001: target \"a@remote.test\": there are too "
	    "many targets in all\n");
	buf_free(&text);
	buf_free(&errors);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_aliases_may_lead_elsewhere),
		TEST(test_a_target_elsewhere_gives_nobody_a_right),
		TEST(test_the_catchall_setting_may_lead_elsewhere),
		TEST(test_targets_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
