#include "lib/base/file.h"
#include "smtpd/local/maildir.h"
#include "tests/unit/data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "1795000000.Pg8R0.mail.example.test"

static struct data_folder folder;
static struct arena arena;
static struct envelope *envelope;
static struct message *message;
static char mail[64];

static int error; /* of every rename with flags, 0: none */
static void (*before_exchange)(void); /* a mail program is faster */

int renameat2(int, const char *, int, const char *, unsigned);

int
renameat2(int from_folder, const char *from, int to_folder, const char *to,
    unsigned flags)
{
	void (*once)(void) = before_exchange;
	if (flags == RENAME_EXCHANGE && once) {
		before_exchange = NULL;
		once();
	}
	if (error && flags && strstr(to, "Maildir")) {
		errno = error;
		return -1;
	}
	return (int)syscall(
	    SYS_renameat2, from_folder, from, to_folder, to, flags);
}

/* ---- a mailbox ---- */

static int
set_up(void **state)
{
	(void)state;
	umask(0007);
	data_folder_make(&folder);
	snprintf(mail, sizeof mail, "%s/mail", folder.path);
	envelope = envelope_new();
	envelope->id = 62 * 42 + 8; /* "g8" */
	envelope->received_ms = 1795000000123;
	envelope->sender = STR("eve@sender.test");
	struct recipient *r = envelope_add(envelope);
	r->kind = RECIPIENT_LOCAL;
	r->address = STR("ann@example.test");
	r->original = STR("Ann+x@example.test");
	r->folder = STR("");
	message = message_new();
	buf_adds(&message->header, "Subject: hello\r\nTo: ann\r\n");
	buf_adds(&message->body, "\r\nline\r\n\r\n..\r\n");
	error = 0;
	before_exchange = NULL;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	envelope_free(envelope);
	message_free(message);
	arena_free(&arena);
	data_folder_remove(&folder);
	return 0;
}

static bool
place(bool replace)
{
	struct maildir_delivery delivery = {
		.mail = mail,
		.envelope = envelope,
		.recipient = 0,
		.message = message,
		.replace = replace,
		.hostname = "mail.example.test",
	};
	return maildir_place(&delivery);
}

static const char *
in_maildir(const char *name)
{
	return arena_printf(
	    &arena, "%s/example.test/ann/Maildir/%s", mail, name)
	    .p;
}

static unsigned
count_files(const char *name)
{
	unsigned count = 0;
	struct dirent *e;
	DIR *dir = opendir(in_maildir(name));
	assert_non_null(dir);
	while ((e = readdir(dir)))
		count += *e->d_name != '.';
	closedir(dir);
	return count;
}

static void
assert_counts(unsigned tmp, unsigned new, unsigned cur)
{
	assert_int_equal(count_files("tmp"), tmp);
	assert_int_equal(count_files("new"), new);
	assert_int_equal(count_files("cur"), cur);
}

static const char whole[] = "Return-Path: <eve@sender.test>\n"
			    "Delivered-To: Ann+x@example.test\n"
			    "Subject: hello\nTo: ann\n\nline\n\n..\n";

static void
assert_holds(const char *name, const char *text)
{
	struct buf bytes = { 0 };
	assert_true(file_read(in_maildir(name), 1 << 24, &bytes));
	assert_string_equal(buf_cstr(&bytes), text);
	buf_free(&bytes);
}

static void
put(const char *name, const char *text)
{
	assert_true(file_create(
	    in_maildir(name), str_of(text), 0600, (uid_t)-1, (gid_t)-1));
}

static mode_t
mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* ---- placing ---- */

static void
test_a_message_arrives_whole_in_new(void **state)
{
	(void)state;
	assert_true(place(false));
	assert_counts(0, 1, 0);
	assert_holds("new/" NAME, whole);
}

static void
test_folders_and_files_belong_to_the_group(void **state)
{
	(void)state;
	assert_true(place(false));
	assert_int_equal(mode_of(in_maildir("new/" NAME)), 0660);
	assert_int_equal(mode_of(in_maildir("cur")), 02770);
	assert_int_equal(mode_of(in_maildir("")), 02770);
	assert_int_equal(mode_of(in_maildir("../../..//example.test")), 02770);
	assert_int_equal(mode_of(in_maildir("../../ann")), 02770);
}

static void
test_a_folder_is_a_maildir_inside(void **state)
{
	(void)state;
	envelope->recipients[0].folder = STR("Reports");
	assert_true(place(false));
	assert_holds(".Reports/new/" NAME, whole);
	assert_int_equal(mode_of(in_maildir(".Reports")), 02770);
}

static void
test_the_null_sender_is_written_too(void **state)
{
	(void)state;
	struct buf bytes = { 0 };
	envelope->sender = STR("");
	assert_true(place(false));
	assert_true(file_read(in_maildir("new/" NAME), 4096, &bytes));
	assert_true(str_starts(buf_str(&bytes), STR("Return-Path: <>\n")));
	buf_free(&bytes);
}

static void
test_a_large_body_comes_from_its_file(void **state)
{
	(void)state;
	struct buf body = { 0 }, bytes = { 0 };
	const char *path = arena_printf(&arena, "%s/body", folder.path).p;
	buf_adds(&body, "\r\n");
	while (body.n < 300000)
		buf_addf(&body, "a line, number %zu\r\n", body.n);
	assert_true(
	    file_create(path, buf_str(&body), 0600, (uid_t)-1, (gid_t)-1));
	buf_adds(&message->file, path);
	message->file_size = body.n;
	buf_clear(&message->body);
	assert_true(place(false));
	assert_true(file_read(in_maildir("new/" NAME), 1 << 24, &bytes));
	assert_false(str_has(buf_str(&bytes), '\r'));
	struct str tail = STR("\n\na line, number 2\na line, number 20\n");
	assert_true(str_search(buf_str(&bytes), tail) < bytes.n);
	size_t lines = 0;
	for (size_t i = 0; i < body.n; i++)
		lines += body.p[i] == '\n';
	assert_int_equal(bytes.n,
	    str_search(buf_str(&bytes), STR("\n\n")) + 1 + body.n - lines);
	buf_free(&body);
	buf_free(&bytes);
}

static void
test_what_can_not_be_read_is_not_placed(void **state)
{
	(void)state;
	assert_true(place(false));
	unlink(in_maildir("new/" NAME));
	buf_adds(&message->file, "/nonexistent/body");
	message->file_size = 10;
	assert_false(place(false));
	assert_int_equal(errno, ENOENT);
	assert_counts(0, 0, 0);
	assert_false(place(true));
	assert_counts(0, 0, 0);
}

static void
test_an_existing_name_is_never_success(void **state)
{
	(void)state;
	assert_true(place(false));
	assert_false(place(false));
	assert_int_equal(errno, EEXIST);
	assert_counts(0, 1, 0);
}

static void
test_what_an_earlier_try_left_in_tmp_goes(void **state)
{
	(void)state;
	assert_true(place(false));
	unlink(in_maildir("new/" NAME));
	put("tmp/" NAME, "half a mess");
	assert_true(place(false));
	assert_counts(0, 1, 0);
	assert_holds("new/" NAME, whole);
}

/* Cut short by the end of the process: what is half is in tmp/. */
static void
test_a_sudden_end_leaves_nothing_in_new(void **state)
{
	static const struct rlimit none = { 0, 0 }, little = { 50, 50 };
	(void)state;
	int status;
	assert_true(place(false));
	unlink(in_maildir("new/" NAME));
	pid_t child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		setrlimit(RLIMIT_FSIZE, &little);
		place(false);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_counts(1, 0, 0);
	assert_true(place(false));
	assert_counts(0, 1, 0);
	assert_holds("new/" NAME, whole);
}

static void
test_names_never_lead_outside(void **state)
{
	static const struct {
		const char *account, *folder;
	} rows[] = {
		{ "../ann@example.test", "" },
		{ "a/b@example.test", "" },
		{ ".ann@example.test", "" },
		{ "ann@../..", "" },
		{ "ann@.", "" },
		{ "@example.test", "" },
		{ "ann@", "" },
		{ "ann", "" },
		{ "ann@example.test", ".." },
		{ "ann@example.test", "a/b" },
		{ "ann@example.test", "a.b" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		envelope->recipients[0].address = str_of(rows[i].account);
		envelope->recipients[0].folder = str_of(rows[i].folder);
		assert_false(place(false));
		assert_int_equal(errno, EINVAL);
	}
	assert_false(file_exists(mail));
}

static void
test_a_missing_folder_is_made_again(void **state)
{
	(void)state;
	assert_true(place(false));
	unlink(in_maildir("new/" NAME));
	assert_int_equal(rmdir(in_maildir("new")), 0);
	assert_true(place(false));
	assert_counts(0, 1, 0);
}

/* ---- replacing ---- */

static void
test_replacing_what_is_in_new(void **state)
{
	(void)state;
	assert_true(place(true));
	assert_counts(0, 1, 0);
	assert_int_equal(truncate(in_maildir("new/" NAME), 3), 0);
	assert_true(place(true));
	assert_counts(0, 1, 0);
	assert_holds("new/" NAME, whole);
}

static void
test_replacing_what_was_read(void **state)
{
	static const char *const names[] = { "cur/" NAME, "cur/" NAME ":2,",
		"cur/" NAME ":2,RS", "cur/" NAME ",S=99,W=101:2,F" };
	(void)state;
	assert_true(place(false));
	unlink(in_maildir("new/" NAME));
	put("cur/" NAME "x:2,S", "another's");
	for (int i = 0; i < 4; i++) {
		put(names[i], "half a mess");
		assert_true(place(true));
		assert_counts(0, 0, 2);
		assert_holds(names[i], whole);
		unlink(in_maildir(names[i]));
	}
	assert_holds("cur/" NAME "x:2,S", "another's");
}

static void
read_it(void)
{
	assert_int_equal(
	    rename(in_maildir("new/" NAME), in_maildir("cur/" NAME ":2,S")), 0);
}

static void
answer_it(void)
{
	assert_int_equal(rename(in_maildir("cur/" NAME ":2,S"),
			     in_maildir("cur/" NAME ":2,RS")),
	    0);
}

static void
read_and_answer_it(void)
{
	read_it();
	before_exchange = answer_it;
}

static void
test_looking_again_when_a_mail_program_was_faster(void **state)
{
	(void)state;
	assert_true(place(false));
	before_exchange = read_it;
	assert_true(place(true));
	assert_counts(0, 0, 1);
	assert_holds("cur/" NAME ":2,S", whole);
	unlink(in_maildir("cur/" NAME ":2,S"));
	assert_true(place(false));
	before_exchange = read_and_answer_it;
	assert_true(place(true));
	assert_counts(0, 0, 1);
	assert_holds("cur/" NAME ":2,RS", whole);
}

static void
test_file_systems_without_flags(void **state)
{
	(void)state;
	error = EINVAL;
	assert_true(place(false));
	assert_counts(0, 1, 0);
	assert_false(place(false));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(truncate(in_maildir("new/" NAME), 3), 0);
	assert_true(place(true));
	assert_counts(0, 1, 0);
	assert_holds("new/" NAME, whole);
	before_exchange = read_it;
	assert_true(place(true));
	assert_counts(0, 0, 1);
	assert_holds("cur/" NAME ":2,S", whole);
	unlink(in_maildir("cur/" NAME ":2,S"));
	assert_true(place(true));
	assert_counts(0, 1, 0);
}

static void
test_other_failures_leave_nothing(void **state)
{
	(void)state;
	assert_true(place(false));
	unlink(in_maildir("new/" NAME));
	error = ENOSPC;
	assert_false(place(false));
	assert_int_equal(errno, ENOSPC);
	assert_false(place(true));
	assert_int_equal(errno, ENOSPC);
	assert_counts(0, 0, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_message_arrives_whole_in_new),
		TEST(test_folders_and_files_belong_to_the_group),
		TEST(test_a_folder_is_a_maildir_inside),
		TEST(test_the_null_sender_is_written_too),
		TEST(test_a_large_body_comes_from_its_file),
		TEST(test_what_can_not_be_read_is_not_placed),
		TEST(test_an_existing_name_is_never_success),
		TEST(test_what_an_earlier_try_left_in_tmp_goes),
		TEST(test_a_sudden_end_leaves_nothing_in_new),
		TEST(test_names_never_lead_outside),
		TEST(test_a_missing_folder_is_made_again),
		TEST(test_replacing_what_is_in_new),
		TEST(test_replacing_what_was_read),
		TEST(test_looking_again_when_a_mail_program_was_faster),
		TEST(test_file_systems_without_flags),
		TEST(test_other_failures_leave_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
