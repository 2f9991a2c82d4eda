/* Changes to config/: what belongs together, what is refused, and that nobody
   loses anything. */
#include "cli/cli.h"
#include "lib/base/file.h"
#include "tests/unit/data_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct data_folder folder;
static struct cli cli;

static int
setup(void **state)
{
	(void)state;
	umask(022);
	data_folder_make(&folder);
	data_folder_write(&folder, ".lock", "");
	data_folder_write(&folder, "domains", "example.test\n");
	data_folder_write(&folder, "users", USER("you@example.test", HORSE));
	data_folder_write(&folder, "aliases",
	    "info@example.test: "
	    "you@example.test\n");
	cli = (struct cli){ .settings = folder.settings };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	domains_free(&cli.domains);
	arena_free(&cli.arena);
	data_folder_remove(&folder);
	return 0;
}

static void
expect_file(const char *name, const char *wanted)
{
	struct buf text = { 0 };
	assert_true(file_read(cli_data_path(&cli, name), 1 << 20, &text));
	assert_string_equal(buf_cstr(&text), wanted);
	buf_free(&text);
}

/* ---- records ---- */

static void
records_hold_what_continues_them(void **state)
{
	static const struct {
		const char *text, *first, *rest;
	} cases[] = {
		{ "a: b\nc: d\n", "a: b", "c: d\n" },
		{ "a: b,\n  c\nd: e\n", "a: b,\n  c", "d: e\n" },
		{ "a: b,\n\tc,\n d\n", "a: b,\n\tc,\n d", "" },
		/* what stands between is in smtpd's way neither */
		{ "a: b,\n# note\n\n  c\nd: e\n", "a: b,\n# note\n\n  c",
		    "d: e\n" },
		{ "a: b\n# note\nd: e\n", "a: b", "# note\nd: e\n" },
		{ "a: b\n\n", "a: b", "\n" },
		{ "# note\n  a: b\n", "# note", "  a: b\n" },
		{ "\na: b\n", "", "a: b\n" },
		{ "a: b", "a: b", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str rest = str_of(cases[i].text);
		struct str first = config_record(&rest);
		assert_true(str_eq(first, str_of(cases[i].first)));
		assert_true(str_eq(rest, str_of(cases[i].rest)));
	}
}

static void
keys_end_at_a_colon_or_blank(void **state)
{
	static const struct {
		const char *record, *key;
	} cases[] = {
		{ "you@a.test:{SCRAM}", "you@a.test" },
		{ "info@a.test : x", "info@a.test" },
		{ "@a.test\tx", "@a.test" },
		{ "a.test", "a.test" },
		{ "  a.test # ours", "a.test" },
		{ "a.test\r", "a.test" },
		{ "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_true(str_eq(
		    config_key(str_of(cases[i].record)), str_of(cases[i].key)));
}

static void
records_are_put_in_their_place(void **state)
{
	static const struct {
		const char *key, *line, *after;
	} cases[] = {
		{ "a", "new", "new\nb: 2,\n  3\nc: 4\n" },
		{ "b", "new", "a: 1\nnew\nc: 4\n" },
		{ "B", "", "a: 1\nc: 4\n" },
		{ "c", "", "a: 1\nb: 2,\n  3\n" },
		{ "nobody", "new", "a: 1\nb: 2,\n  3\nc: 4\nnew\n" },
		{ "nobody", "", "a: 1\nb: 2,\n  3\nc: 4\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct edit e;
		data_folder_write(&folder, "aliases", "a: 1\nb: 2,\n  3\nc: 4");
		assert_int_equal(edit_start(&cli, &e, "config/aliases"), DONE);
		edit_put(&e, edit_find(&e, str_of(cases[i].key)),
		    str_of(cases[i].line));
		assert_string_equal(buf_cstr(&e.text), cases[i].after);
		edit_cancel(&e);
	}
}

/* An account that is indented is no part of the one above it. */
static void
accounts_have_a_line_each(void **state)
{
	struct edit e;
	(void)state;
	data_folder_write(&folder, "users", "a:1\n b:2\n");
	assert_int_equal(edit_start(&cli, &e, "config/users"), DONE);
	edit_put(&e, edit_find(&e, STR("a")), STR(""));
	assert_string_equal(buf_cstr(&e.text), " b:2\n");
	edit_put(&e, edit_find(&e, STR("b")), STR(""));
	assert_string_equal(buf_cstr(&e.text), "");
	edit_cancel(&e);
}

/* ---- saving ---- */

static int
append(const char *name, const char *line)
{
	struct edit e;
	int code = edit_start(&cli, &e, name);
	if (code)
		return code;
	edit_put(&e, STR(""), str_of(line));
	return edit_save(&cli, &e);
}

static void
what_is_good_is_saved(void **state)
{
	struct stat st;
	(void)state;
	assert_int_equal(
	    append("config/aliases", "x@example.test: info@example.test"),
	    DONE);
	expect_file("config/aliases",
	    "info@example.test: you@example.test\n"
	    "x@example.test: info@example.test\n");
	assert_int_equal(stat(cli_data_path(&cli, "config/aliases"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void
only_what_is_there_is_removed(void **state)
{
	(void)state;
	assert_int_equal(edit_remove(&cli, "config/aliases",
			     STR("nobody@example.test"), "alias"),
	    MISSING);
	expect_file("config/aliases", "info@example.test: you@example.test\n");
	assert_int_equal(edit_remove(&cli, "config/aliases",
			     STR("info@example.test"), "alias"),
	    DONE);
	expect_file("config/aliases", "");
}

/* smtpd would go on with what it knows, and the person would wonder. */
static void
what_smtpd_would_refuse_is_refused(void **state)
{
	static const struct {
		const char *file, *line;
	} cases[] = {
		{ "config/aliases", "x@example.test: nobody@example.test" },
		{ "config/aliases", "x@example.test: you@[192.0.2.1]" },
		{ "config/aliases", "x@elsewhere.test: you@example.test" },
		{ "config/users", USER("you@elsewhere.test", HORSE) },
		{ "config/users", USER("a/b@example.test", HORSE) },
		{ "config/users", "half@example.test:{SCRAM-SHA-256}15000" },
		{ "config/domains", "no domain" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf before = { 0 };
		const char *path = cli_data_path(&cli, cases[i].file);
		assert_true(file_read(path, 1 << 20, &before));
		assert_int_equal(append(cases[i].file, cases[i].line), REFUSED);
		expect_file(cases[i].file, buf_cstr(&before));
		buf_free(&before);
	}
}

/* Else nothing could be mended with it. */
static void
what_is_unusable_may_be_changed(void **state)
{
	(void)state;
	data_folder_write(&folder, "aliases", "no colon here\n");
	assert_int_equal(
	    append("config/users", "b@example.test:{SCRAM-SHA-256}" HORSE),
	    DONE);
	assert_int_equal(
	    append("config/aliases", "x@example.test: you@example.test"), DONE);
	expect_file("config/aliases",
	    "no colon here\n"
	    "x@example.test: you@example.test\n");
}

static void
an_edit_beside_ours_is_not_lost(void **state)
{
	struct edit e;
	(void)state;
	assert_int_equal(edit_start(&cli, &e, "config/users"), DONE);
	data_folder_write(&folder, "users", USER("me@example.test", HORSE));
	edit_put(&e, STR(""), STR("b@example.test:{SCRAM-SHA-256}" HORSE));
	assert_int_equal(edit_save(&cli, &e), TEMPORARY);
	expect_file("config/users", USER("me@example.test", HORSE));
}

/* Whoever edits: the files stay those of the server. */
static void
owner_is_that_of_the_lock(void **state)
{
	struct stat st;
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(
	    chown(cli_data_path(&cli, "config/.lock"), 1000, 50801), 0);
	assert_int_equal(append("config/domains", "other.test"), DONE);
	assert_int_equal(stat(cli_data_path(&cli, "config/domains"), &st), 0);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 50801);
}

static void
many_at_once_lose_nothing(void **state)
{
	enum {
		MANY = 20
	};
	pid_t pids[MANY];
	char line[64];
	int status;
	(void)state;
	for (int i = 0; i < MANY; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		snprintf(line, sizeof line,
		    "x%d@example.test: "
		    "you@example.test",
		    i);
		_exit(append("config/aliases", line));
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	struct edit e;
	assert_int_equal(edit_start(&cli, &e, "config/aliases"), DONE);
	for (int i = 0; i < MANY; i++) {
		snprintf(line, sizeof line, "x%d@example.test", i);
		assert_true(edit_find(&e, str_of(line)).n > 0);
	}
	edit_cancel(&e);
}

static void
without_a_server_s_data_there_is_nothing_to_edit(void **state)
{
	struct edit e;
	struct buf text = { 0 };
	(void)state;
	cli.settings.data = STR("/tmp/postern-that-never-was");
	assert_int_equal(edit_start(&cli, &e, "config/users"), MISSING);
	assert_int_equal(config_read(&cli, "config/users", &text), MISSING);
	assert_int_equal(config_need_domains(&cli), MISSING);
}

static void
a_missing_file_is_empty(void **state)
{
	struct edit e;
	(void)state;
	data_folder_write(&folder, "aliases", NULL);
	assert_int_equal(edit_start(&cli, &e, "config/aliases"), DONE);
	assert_int_equal(e.text.n, 0);
	edit_cancel(&e);
}

/* ---- operands ---- */

static void
addresses_are_what_config_can_hold(void **state)
{
	static const struct {
		const char *text, *address; /* NULL: refused */
	} cases[] = {
		{ "you@example.test", "you@example.test" },
		{ "You+Tag@Example.Test", "you+tag@example.test" },
		{ "o'hara@example.test", "o'hara@example.test" },
		{ "you#x@example.test", "you#x@example.test" },
		{ "you", NULL },
		{ "@example.test", NULL },
		{ "you@", NULL },
		{ "\"a b\"@example.test", NULL },
		{ "\"a,b\"@example.test", NULL },
		{ "\"a:b\"@example.test", NULL },
		{ "#you@example.test", NULL },
		{ "you@[192.0.2.1]", NULL },
		{ "you@example.test\nme@example.test", NULL },
		{ "y\303\266u@example.test", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str address = STR("");
		int code = cli_read_address(&cli, cases[i].text, &address);
		assert_int_equal(code, cases[i].address ? DONE : USAGE);
		if (cases[i].address)
			assert_true(str_eq(address, str_of(cases[i].address)));
	}
}

static void
domains_give_the_host_name(void **state)
{
	(void)state;
	data_folder_write(&folder, "domains", "b.test\na.test\n");
	cli.settings.hostname = STR("");
	assert_int_equal(config_need_domains(&cli), DONE);
	assert_int_equal(cli.domains.count, 2);
	assert_true(str_eq(cli.settings.hostname, STR("mail.b.test")));
	domains_free(&cli.domains);
	data_folder_write(&folder, "domains", "");
	assert_int_equal(config_need_domains(&cli), MISSING);
	data_folder_write(&folder, "domains", "no domain\n");
	assert_int_equal(config_need_domains(&cli), FAILED);
}

#define EDIT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_hold_what_continues_them),
		cmocka_unit_test(keys_end_at_a_colon_or_blank),
		EDIT_TEST(records_are_put_in_their_place),
		EDIT_TEST(accounts_have_a_line_each),
		EDIT_TEST(what_is_good_is_saved),
		EDIT_TEST(only_what_is_there_is_removed),
		EDIT_TEST(what_smtpd_would_refuse_is_refused),
		EDIT_TEST(what_is_unusable_may_be_changed),
		EDIT_TEST(an_edit_beside_ours_is_not_lost),
		EDIT_TEST(owner_is_that_of_the_lock),
		EDIT_TEST(many_at_once_lose_nothing),
		EDIT_TEST(without_a_server_s_data_there_is_nothing_to_edit),
		EDIT_TEST(a_missing_file_is_empty),
		EDIT_TEST(addresses_are_what_config_can_hold),
		EDIT_TEST(domains_give_the_host_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
