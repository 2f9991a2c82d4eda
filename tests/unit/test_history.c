/* The history on a real folder, with a worker that a test can hold and a disk
   that fails when it is told to. */
#include "smtpd/queue/history.h"

#include "lib/base/file.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/unit/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	BATCH_MS = 200
};

static char folder[64], below[80];
static struct loop *loop;
static struct history *history;
static struct history_search search;
static struct buf told; /* of a whole search */
static unsigned answers, idles;

/* ---- the disk ---- */

static int error; /* of what would write; after some octets */
static bool no_space;

ssize_t
write(int fd, const void *p, size_t n)
{
	if (fd == STDERR_FILENO) /* the log */
		return (ssize_t)n;
	if (error && fd > 2 && n > 8) {
		(void)!syscall(SYS_write, fd, p, n / 2);
		errno = error;
		return -1;
	}
	return syscall(SYS_write, fd, p, n);
}

int
fstatvfs(int fd, struct statvfs *s)
{
	(void)fd;
	*s = (struct statvfs){ .f_frsize = 4096,
		.f_bavail = no_space ? 0 : 1 << 20 };
	return 0;
}

/* ---- a history ---- */

static void
open_history(void)
{
	loop = loop_new();
	fake_jobs_use(loop);
	history = history_open(loop, NULL, below);
}

static void
close_history(void)
{
	history_free(history);
	loop_free(loop);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/postern-history-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(below, sizeof below, "%s/history", folder);
	error = 0;
	no_space = false;
	answers = idles = 0;
	memset(&search, 0, sizeof search);
	open_history();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close_history();
	buf_free(&told);
	return tree_remove(folder);
}

static void
start_again(void)
{
	close_history();
	open_history();
}

static void
keep_line(const char *event, const char *id, const char *key, const char *value)
{
	struct log_line line = log_begin_kept(LOG_INFO, event);
	log_c(&line, "id", id);
	log_c(&line, key, value);
	history_end(history,
	    strcmp(event, "reject") == 0 ? HISTORY_REFUSED : HISTORY_MAIL,
	    &line);
}

static void
let_write(void)
{
	fake_loop_advance(loop, BATCH_MS);
}

/* "event id" of each line told. */
static void
on_told(struct history_search *s)
{
	struct str rest = buf_str(&s->lines);
	assert_true(s->lines.n == 0 || str_ends(rest, STR("}\n")));
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		struct str event = STR("\"event\":\""), id = STR("\"id\":\"");
		line = str_from(line, str_search(line, event) + event.n);
		buf_add(&told, str_cut(&line, '"'));
		line = str_from(line, str_search(line, id) + id.n);
		if (line.n > 0) {
			buf_addc(&told, ' ');
			buf_add(&told, str_cut(&line, '"'));
		}
		buf_addc(&told, ';');
	}
	answers++;
	if (!s->last)
		history_search_next(history, s);
}

static const char *
find(enum history_key key, const char *text)
{
	buf_clear(&told);
	history_search_start(history, &search, key, str_of(text), on_told);
	assert_int_equal(told.n, 0); /* later, never from within the call */
	fake_loop_settle(loop);
	assert_true(search.last);
	history_search_cancel(&search);
	return buf_cstr(&told);
}

static size_t
count_in(const char *path)
{
	size_t count = 0;
	DIR *d = opendir(path);
	struct dirent *entry;
	while ((entry = readdir(d)))
		count += *entry->d_name != '.';
	closedir(d);
	return count;
}

/* The refusals' folder among them. */
static size_t
count_files(void)
{
	return count_in(below);
}

static void
append_raw(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", below, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && fd_write_all(fd, str_of(text)));
	close(fd);
}

/* ---- what is found ---- */

static void
keep_some_mail(void)
{
	keep_line("received", "3fK9x001", "from", "<Ann@a.test>");
	keep_line("received", "3fK9x002", "from", "<bob@b.test>");
	keep_line("delivered", "3fK9x001", "to", "<carl@c.test>");
	keep_line("delivered", "3fK9x002", "to", "<ann@A.TEST>");
	keep_line("reject", NULL, "from", "<ann@a.test>");
	keep_line("reject", NULL, "from", "<other@a.test>");
	keep_line("received", "3fk9x001", "message-id", "<M.1@a.test>");
}

static void
a_message_is_found_by_each_of_its_names(void **state)
{
	(void)state;
	static const struct {
		enum history_key key;
		const char *text, *wanted;
	} cases[] = {
		{ HISTORY_ID, "3fK9x001",
		    "received 3fK9x001;delivered 3fK9x001;" },
		{ HISTORY_ID, "3fk9x001", "received 3fk9x001;" },
		{ HISTORY_ID, "3fK9x00", "" },
		{ HISTORY_ID, "", "" },
		{ HISTORY_PATH, "m.1@A.test", "received 3fk9x001;" },
		{ HISTORY_PATH, "carl@c.test",
		    "received 3fK9x001;delivered 3fK9x001;" },
		{ HISTORY_PATH, "ann@a.test",
		    "received 3fK9x001;received 3fK9x002;delivered 3fK9x001;"
		    "delivered 3fK9x002;reject;" },
		{ HISTORY_PATH, "nn@a.test", "" },
		{ HISTORY_PATH, "ann@a.tes", "" },
		{ HISTORY_PATH, "\",\"id\":\"3fK9x001", "" },
	};
	keep_some_mail();
	let_write();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(
		    find(cases[i].key, cases[i].text), cases[i].wanted);
}

/* What a peer has said can look like anything, but not like another id. */
static void
a_value_cant_pass_for_an_id(void **state)
{
	(void)state;
	keep_line("received", "1", "helo", "x\",\"id\":\"2");
	keep_line("reject", NULL, "helo", "x\",\"id\":\"2\",\"y\":\"\n{");
	keep_line("received", "3", "from", "<\xc3\xa4 \"\\@a.test>");
	let_write();
	assert_string_equal(find(HISTORY_ID, "2"), "");
	assert_string_equal(find(HISTORY_ID, "1"), "received 1;");
	assert_string_equal(
	    find(HISTORY_PATH, "\xc3\xa4 \"\\@a.test"), "received 3;");
}

static void
what_waits_is_found_too(void **state)
{
	(void)state;
	keep_line("received", "1", "from", "<a@a.test>");
	assert_string_equal(find(HISTORY_ID, "1"), "received 1;");
}

static void
the_newest_messages_are_told(void **state)
{
	(void)state;
	char id[16];
	for (int i = 0; i < HISTORY_FINDS + 7; i++) {
		snprintf(id, sizeof id, "m%d", i);
		keep_line("received", id, "from", "<a@a.test>");
	}
	let_write();
	const char *text = find(HISTORY_PATH, "a@a.test");
	assert_true(search.more);
	assert_int_equal(strncmp(text, "received m7;", 12), 0);
	assert_non_null(strstr(text, "received m106;"));
	find(HISTORY_ID, "m0");
	assert_false(search.more);
}

static void
keep_both(unsigned from, unsigned to)
{
	char id[16];
	for (unsigned i = from; i < to; i++) {
		snprintf(id, sizeof id, "m%u", i);
		keep_line("received", id, "from", "<a@a.test>");
		fake_clock_advance(1);
		snprintf(id, sizeof id, "r%u", i);
		keep_line("reject", id, "from", "<a@a.test>");
		fake_clock_advance(1);
	}
}

/* However many there are, none takes the place of mail in the answer. */
static void
refusals_are_told_by_their_time(void **state)
{
	(void)state;
	keep_both(0, 3);
	let_write();
	assert_string_equal(find(HISTORY_PATH, "a@a.test"),
	    "received m0;reject r0;received m1;reject r1;received m2;"
	    "reject r2;");
	keep_line("delivered", "m0", "to", "<b@b.test>");
	let_write();
	assert_string_equal(find(HISTORY_PATH, "a@a.test"),
	    "received m0;reject r0;received m1;reject r1;received m2;"
	    "reject r2;delivered m0;");
	assert_string_equal(find(HISTORY_ID, "r1"), "reject r1;");
	for (int i = 0; i < HISTORY_FINDS; i++)
		keep_line("reject", NULL, "from", "<a@a.test>");
	let_write();
	const char *text = find(HISTORY_PATH, "a@a.test");
	assert_true(search.more);
	assert_int_equal(strncmp(text,
			     "received m0;received m1;received m2;delivered "
			     "m0;reject;reject;",
			     62),
	    0);
	assert_int_equal(
	    strlen(text), 3 * 12 + 13 + HISTORY_FINDS * strlen("reject;"));
}

/* Refusals alone come in pieces, too. */
static void
many_long_refusals_come_in_pieces(void **state)
{
	(void)state;
	char value[1025];
	memset(value, '\1', sizeof value - 1);
	value[sizeof value - 1] = 0;
	keep_line("received", "1", "from", "<a@a.test>");
	for (int i = 0; i < HISTORY_FINDS; i++) {
		struct log_line line = log_begin_kept(LOG_INFO, "reject");
		log_c(&line, "from", "<a@a.test>");
		log_c(&line, "helo", value);
		history_end(history, HISTORY_REFUSED, &line);
		fake_loop_settle(loop);
		let_write();
	}
	assert_int_equal(strlen(find(HISTORY_PATH, "a@a.test")),
	    strlen("received 1;") + HISTORY_FINDS * strlen("reject;"));
	assert_true(answers >= 2);
}

static void
a_long_answer_comes_in_pieces(void **state)
{
	(void)state;
	char value[1001];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = 0;
	for (int i = 0; i < 1000; i++)
		keep_line("deferred", "1", "reply", value);
	let_write();
	assert_int_equal(strlen(find(HISTORY_ID, "1")), 11 * 1000);
	assert_true(answers >= 4);
}

static void
a_search_can_be_cancelled_anywhere(void **state)
{
	(void)state;
	keep_some_mail();
	let_write();
	for (int way = 0; way < 3; way++) {
		fake_jobs.hold = way == 1;
		history_search_start(
		    history, &search, HISTORY_ID, STR("3fK9x001"), on_told);
		if (way == 2)
			fake_loop_settle(loop);
		history_search_cancel(&search);
		history_search_cancel(&search);
		fake_jobs_let_go();
		fake_loop_settle(loop);
	}
	assert_int_equal(answers, 1);
}

/* ---- files ---- */

static void
it_survives_a_restart(void **state)
{
	(void)state;
	keep_line("received", "1", "from", "<a@a.test>");
	let_write();
	start_again();
	keep_line("delivered", "1", "to", "<b@b.test>");
	let_write();
	assert_string_equal(find(HISTORY_ID, "1"), "received 1;delivered 1;");
	assert_int_equal(count_files(), 2);
	struct stat s;
	assert_int_equal(stat(below, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0700);
}

static void
a_torn_line_costs_itself_alone(void **state)
{
	(void)state;
	keep_line("received", "1", "from", "<a@a.test>");
	let_write();
	append_raw("0000000001.jsonl", "{\"event\":\"torn\",\"id\":\"1\",\"fr");
	start_again();
	keep_line("delivered", "1", "to", "<b@b.test>");
	let_write();
	assert_string_equal(
	    find(HISTORY_ID, "1"), "received 1;torn 1;delivered 1;");
}

/* Lines of 1 KB, thousands of them in each segment. */
static void
the_oldest_go(void **state)
{
	(void)state;
	char value[1001], id[16];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = 0;
	append_raw("note.txt", "somebody's own\n");
	keep_line("received", "first", "from", "<a@a.test>");
	for (int i = 0; i < (HISTORY_SEGMENTS + 1) * 4200; i++) {
		snprintf(id, sizeof id, "m%d", i);
		keep_line("received", id, "helo", value);
		if (i % 100 == 0)
			fake_loop_settle(loop);
	}
	let_write();
	assert_int_equal(count_files(), HISTORY_SEGMENTS + 2);
	assert_string_equal(find(HISTORY_ID, "first"), "");
	char wanted[32];
	snprintf(wanted, sizeof wanted, "received %s;", id);
	assert_string_equal(find(HISTORY_ID, id), wanted);
	start_again();
	assert_string_equal(find(HISTORY_ID, id), wanted);
	assert_int_equal(count_files(), HISTORY_SEGMENTS + 2);
}

/* Whoever has us refuse all day can't push out what was accepted. */
static void
refusals_have_a_room_of_their_own(void **state)
{
	(void)state;
	char value[1001], path[96];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = 0;
	snprintf(path, sizeof path, "%s/refused", below);
	keep_line("received", "first", "from", "<a@a.test>");
	keep_line("reject", "refused", "from", "<a@a.test>");
	let_write();
	for (int i = 0; i < (HISTORY_SEGMENTS + 5) * 4200; i++) {
		keep_line("reject", NULL, "helo", value);
		if (i % 100 == 0)
			fake_loop_settle(loop);
	}
	keep_line("reject", "last", "from", "<a@a.test>");
	let_write();
	assert_int_equal(count_in(path), HISTORY_REFUSED_SEGMENTS);
	assert_int_equal(count_files(), 2);
	for (int way = 0; way < 2; way++) {
		assert_string_equal(
		    find(HISTORY_ID, "first"), "received first;");
		assert_string_equal(find(HISTORY_ID, "refused"), "");
		assert_string_equal(find(HISTORY_PATH, "a@a.test"),
		    "received first;reject last;");
		start_again();
	}
	assert_int_equal(count_in(path), HISTORY_REFUSED_SEGMENTS);
}

/* ---- trouble ---- */

static void
it_never_waits_for_the_disk(void **state)
{
	(void)state;
	fake_jobs.hold = true;
	keep_line("received", "1", "from", "<a@a.test>");
	let_write();
	assert_int_equal(fake_jobs.waiting, 1);
	char value[1001];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = 0;
	for (int i = 0; i < 2000; i++)
		keep_line("received", "2", "helo", value);
	assert_int_equal(fake_jobs.most, 1);
	assert_string_not_equal(history_trouble(history), "");
	fake_jobs_let_go();
	let_write();
	assert_string_equal(history_trouble(history), "");
	assert_string_equal(find(HISTORY_ID, "1"), "received 1;");
	size_t kept = strlen(find(HISTORY_ID, "2")) / strlen("received 2;");
	assert_in_range(kept, 900, HISTORY_PENDING / 1000);
}

static void
a_full_lane_is_asked_again(void **state)
{
	(void)state;
	fake_jobs.full = true;
	keep_line("received", "1", "from", "<a@a.test>");
	let_write();
	assert_string_equal(history_trouble(history), "");
	fake_jobs.full = false;
	let_write();
	assert_int_equal(count_files(), 2);
	assert_string_equal(find(HISTORY_ID, "1"), "received 1;");
}

static void
a_full_disk_pauses_it(void **state)
{
	(void)state;
	keep_line("received", "1", "from", "<a@a.test>");
	let_write();
	for (int way = 0; way < 2; way++) {
		no_space = way == 0;
		error = way == 0 ? 0 : ENOSPC;
		keep_line("received", "2", "from", "<a@a.test>");
		let_write();
		assert_string_equal(history_trouble(history),
		    "the history is paused: No space left on device");
		no_space = false;
		error = 0;
		keep_line("received", "3", "from", "<a@a.test>");
		let_write();
		assert_string_equal(history_trouble(history), "");
	}
	assert_string_equal(find(HISTORY_PATH, "a@a.test"),
	    "received 1;received 3;received 3;");
}

static void
a_folder_that_cant_be_had_is_a_trouble(void **state)
{
	(void)state;
	close_history();
	tree_remove(below);
	int fd = open(below, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	open_history();
	assert_string_not_equal(history_trouble(history), "");
	keep_line("received", "1", "from", "<a@a.test>");
	let_write();
	assert_string_not_equal(history_trouble(history), "");
	assert_string_equal(find(HISTORY_ID, "1"), "");
}

static void
on_idle(struct history *h)
{
	assert_ptr_equal(h, history);
	idles++;
}

static void
a_stop_writes_what_waits(void **state)
{
	(void)state;
	history_stop(history, on_idle);
	assert_int_equal(idles, 0);
	fake_loop_settle(loop);
	assert_int_equal(idles, 1);
	keep_line("received", "1", "from", "<a@a.test>");
	fake_jobs.hold = true;
	history_stop(history, on_idle);
	fake_loop_settle(loop);
	assert_int_equal(idles, 1);
	fake_jobs_let_go();
	fake_loop_settle(loop);
	assert_int_equal(idles, 2);
	start_again();
	assert_string_equal(find(HISTORY_ID, "1"), "received 1;");
}

static void
without_a_history_the_line_is_logged_alone(void **state)
{
	(void)state;
	struct log_line line = log_begin_kept(LOG_INFO, "received");
	history_end(NULL, HISTORY_MAIL, &line);
	assert_null(line.text.p);
	assert_null(line.kept.p);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_message_is_found_by_each_of_its_names),
		CASE(a_value_cant_pass_for_an_id),
		CASE(what_waits_is_found_too),
		CASE(the_newest_messages_are_told),
		CASE(refusals_are_told_by_their_time),
		CASE(many_long_refusals_come_in_pieces),
		CASE(a_long_answer_comes_in_pieces),
		CASE(a_search_can_be_cancelled_anywhere),
		CASE(it_survives_a_restart),
		CASE(a_torn_line_costs_itself_alone),
		CASE(the_oldest_go),
		CASE(refusals_have_a_room_of_their_own),
		CASE(it_never_waits_for_the_disk),
		CASE(a_full_lane_is_asked_again),
		CASE(a_full_disk_pauses_it),
		CASE(a_folder_that_cant_be_had_is_a_trouble),
		CASE(a_stop_writes_what_waits),
		CASE(without_a_history_the_line_is_logged_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
