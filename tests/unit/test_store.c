#include "smtpd/store/store.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "tests/unit/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	WRITES = 1000,
	DEADLINE_MS = 10000
};

static char folder[64], store_folder[80], bad_folder[80], soft_folder[80];
static struct loop *loop;
static struct store *store, *soft;
static struct store_write writes[WRITES];
static size_t done, full, lost;
static struct buf seen; /* "key=value;" of a scan */

/* ---- libdb's calls of libc, watched and made to fail ---- */

static atomic_int error; /* of what would write */
static atomic_bool dirty;

static int
failing(void)
{
	errno = error;
	return error ? -1 : 0;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	dirty = true;
	return failing() ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	if (fd > 2 && n > 8) { /* neither the log nor the loop's eventfd */
		dirty = true;
		if (failing())
			return -1;
	}
	return syscall(SYS_write, fd, p, n);
}

int
fdatasync(int fd)
{
	int result = (int)syscall(SYS_fdatasync, fd);
	dirty = false;
	return result;
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

int
statvfs(const char *path, struct statvfs *s)
{
	(void)path;
	*s = (struct statvfs){ .f_frsize = 4096,
		.f_bavail = error == ENOSPC ? 0 : 1 << 20 };
	return 0;
}

/* ---- a store ---- */

static void
open_store(void)
{
	const char *why = NULL;
	loop = loop_new();
	store = store_open(loop, store_folder, bad_folder, &why);
	if (!store)
		fail_msg("%s", why);
}

static void
close_store(void)
{
	store_close(store);
	loop_free(loop);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/postern-store-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(store_folder, sizeof store_folder, "%s/store", folder);
	snprintf(bad_folder, sizeof bad_folder, "%s/bad", folder);
	snprintf(soft_folder, sizeof soft_folder, "%s/store/soft", folder);
	memset(writes, 0, sizeof writes);
	error = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_free(&seen);
	return tree_remove(folder);
}

static void
on_done(struct store_write *w)
{
	full += w->result == STORE_FULL;
	lost += w->result == STORE_LOST;
	done++;
}

static void
put_to(struct store *where, size_t i, const char *key, const char *value)
{
	buf_clear(&writes[i].key);
	buf_clear(&writes[i].value);
	buf_adds(&writes[i].key, key);
	buf_adds(&writes[i].value, value);
	store_write(where, &writes[i], on_done);
}

static void
put(size_t i, const char *key, const char *value)
{
	put_to(store, i, key, value);
}

struct waiting {
	struct timer timer;
	size_t count;
	int64_t until;
};

static void
on_look(struct timer *timer)
{
	struct waiting *w = container_of(timer, struct waiting, timer);
	if (done >= w->count)
		loop_stop(loop);
	else if (clock_mono_ms() > w->until)
		abort();
	else
		timer_start(timer, loop, 1, on_look);
}

static void
wait_for(size_t count)
{
	struct waiting w = { .count = count,
		.until = clock_mono_ms() + DEADLINE_MS };
	timer_start(&w.timer, loop, 0, on_look);
	loop_run(loop);
	timer_stop(&w.timer);
}

static void
on_pair(struct store_reader *reader, struct str key, struct str value)
{
	(void)reader;
	buf_addf(&seen, "%.*s=%.*s;", STR_ARG(key), STR_ARG(value));
}

static const char *
scan_of(struct store *where)
{
	struct store_reader reader = { on_pair };
	buf_clear(&seen);
	store_scan(where, &reader);
	return buf_cstr(&seen);
}

static const char *
scan(void)
{
	return scan_of(store);
}

/* ---- the tests ---- */

static void
pairs_are_kept_in_the_order_of_keys(void **state)
{
	(void)state;
	open_store();
	assert_string_equal(scan(), "");
	store_start(store);
	done = full = 0;
	put(0, "b", "2");
	put(1, "a", "1");
	put(2, "c", "3");
	put(3, "b", "two");
	put(4, "c", "");
	put(5, "never there", "");
	assert_int_equal(done, 0); /* later, never from within the call */
	wait_for(6);
	assert_int_equal(full, 0);
	assert_null(writes[0].key.p);
	close_store();
	open_store();
	assert_string_equal(scan(), "a=1;b=two;");
	close_store();
}

static void
an_answer_means_durable(void **state)
{
	(void)state;
	open_store();
	store_start(store);
	for (size_t i = 0; i < 5; i++) {
		done = 0;
		put(i, "key", "value");
		wait_for(1);
		assert_false(dirty);
	}
	close_store();
}

static void
many_writes_are_few_syncs_and_in_order(void **state)
{
	(void)state;
	char value[16];
	open_store();
	store_start(store);
	done = full = 0;
	for (size_t i = 0; i < WRITES; i++) {
		snprintf(value, sizeof value, "%zu", i);
		put(i, i % 2 ? "odd" : "even", value);
	}
	wait_for(WRITES);
	close_store();
	open_store();
	assert_string_equal(scan(), "even=998;odd=999;");
	close_store();
}

static void
without_space_nothing_is_lost_and_service_returns(void **state)
{
	(void)state;
	open_store();
	store_start(store);
	done = full = 0;
	put(0, "a", "1");
	wait_for(1);
	error = ENOSPC;
	put(1, "a", "2");
	wait_for(2);
	assert_int_equal(full, 1);
	assert_int_equal(writes[1].key.n, 1); /* can be given again */
	error = 0;
	put(2, "b", "3");
	wait_for(3);
	store_write(store, &writes[1], on_done);
	wait_for(4);
	assert_int_equal(full, 1);
	close_store();
	open_store();
	assert_string_equal(scan(), "a=2;b=3;");
	close_store();
}

static void
live_and_die(void)
{
	open_store();
	store_start(store);
	done = 0;
	for (size_t i = 0; i < 10; i++) {
		char key[2] = { (char)('0' + i), 0 };
		put(i, key, "x");
	}
	wait_for(10);
	_exit(0);
}

static int
status_of(void (*life)(void))
{
	int status;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		life();
	return waitpid(child, &status, 0) == child && WIFEXITED(status)
	    ? WEXITSTATUS(status)
	    : -1;
}

static void
what_was_answered_survives_a_kill(void **state)
{
	(void)state;
	assert_int_equal(status_of(live_and_die), 0);
	open_store();
	assert_string_equal(scan(), "0=x;1=x;2=x;3=x;4=x;5=x;6=x;7=x;8=x;9=x;");
	close_store();
}

static void
start_without_space(void)
{
	const char *why = "";
	loop = loop_new();
	error = ENOSPC;
	store = store_open(loop, store_folder, bad_folder, &why);
	_exit(store || strcmp(why, strerror(ENOSPC)) != 0);
}

/* libdb's recovery says then that the store is damaged. */
static void
a_start_without_space_keeps_the_store(void **state)
{
	(void)state;
	assert_int_equal(status_of(live_and_die), 0);
	assert_int_equal(status_of(start_without_space), 0);
	open_store();
	assert_string_equal(scan(), "0=x;1=x;2=x;3=x;4=x;5=x;6=x;7=x;8=x;9=x;");
	close_store();
}

static void
live_on_a_broken_disk(void)
{
	open_store();
	store_start(store);
	done = 0;
	put(0, "a", "1");
	wait_for(1);
	error = EIO;
	put(1, "a", "2");
	wait_for(2);
	_exit(0);
}

/* Nobody hears of it, and the process ends. */
static void
any_other_error_is_fatal(void **state)
{
	(void)state;
	assert_int_equal(status_of(live_on_a_broken_disk), 74);
	open_store();
	close_store();
}

static void
write_garbage(const char *in, const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", in, name);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	for (int i = 0; i < 8192; i++)
		fputc('?', f);
	fclose(f);
}

static void
a_damaged_store_is_moved_away(void **state)
{
	(void)state;
	assert_int_equal(status_of(live_and_die), 0);
	open_store();
	close_store();
	write_garbage(store_folder, "rows.db");
	open_store();
	assert_string_equal(scan(), "");
	store_start(store);
	done = 0;
	put(0, "new", "life");
	wait_for(1);
	close_store();
	DIR *bad = opendir(bad_folder);
	assert_non_null(bad);
	closedir(bad);
}

/* ---- the soft one ---- */

static void
open_both(void)
{
	open_store();
	soft = store_open_soft(loop, soft_folder, bad_folder);
	assert_non_null(soft);
	store_start(store);
	store_start(soft);
	done = full = lost = 0;
}

static void
close_both(void)
{
	store_close(soft);
	close_store();
}

static void
two_stores_know_nothing_of_each_other(void **state)
{
	(void)state;
	open_both();
	for (size_t i = 0; i < WRITES; i++)
		put_to(i % 2 ? soft : store, i, i % 2 ? "odd" : "even", "x");
	wait_for(WRITES);
	assert_int_equal(full + lost, 0);
	close_both();
	open_store();
	soft = store_open_soft(loop, soft_folder, bad_folder);
	assert_string_equal(scan(), "even=x;");
	assert_string_equal(scan_of(soft), "odd=x;");
	close_both();
}

/* Names in bad/ that begin so. */
static size_t
count_bad(const char *prefix)
{
	size_t count = 0;
	DIR *bad = opendir(bad_folder);
	struct dirent *entry;
	while (bad && (entry = readdir(bad)))
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	if (bad)
		closedir(bad);
	return count;
}

static void
a_damaged_soft_store_is_made_anew_and_costs_nothing_else(void **state)
{
	(void)state;
	open_both();
	put(0, "queue", "kept");
	put_to(soft, 1, "soft", "lost");
	wait_for(2);
	close_both();
	write_garbage(soft_folder, "rows.db");
	open_both();
	assert_string_equal(scan(), "queue=kept;");
	assert_string_equal(scan_of(soft), "");
	put_to(soft, 2, "new", "life");
	wait_for(1);
	assert_int_equal(lost, 0);
	close_both();
	assert_int_equal(count_bad("soft."), 1);
	assert_int_equal(count_bad("store."), 0);
}

static void
lose_the_soft_store(void)
{
	open_both();
	put_to(soft, 0, "a", "1");
	wait_for(1);
	error = EIO;
	put_to(soft, 1, "a", "2");
	wait_for(2);
	error = 0;
	put_to(soft, 2, "a", "3");
	put(3, "queue", "goes on");
	wait_for(4);
	bool right = lost == 2 && writes[1].key.n == 1 &&
	    strcmp(scan(), "queue=goes on;") == 0;
	close_both();
	_exit(right ? 0 : 1);
}

/* The process goes on, and the next start has what was answered. */
static void
an_error_costs_the_soft_store_alone(void **state)
{
	(void)state;
	assert_int_equal(status_of(lose_the_soft_store), 0);
	open_store();
	soft = store_open_soft(loop, soft_folder, bad_folder);
	assert_string_equal(scan(), "queue=goes on;");
	assert_int_equal(strncmp(scan_of(soft), "a=", 2), 0);
	close_both();
}

static void
a_full_disk_in_the_soft_store_is_answered(void **state)
{
	(void)state;
	open_both();
	error = ENOSPC;
	put_to(soft, 0, "a", "1");
	wait_for(1);
	assert_int_equal(full, 1);
	error = 0;
	store_write(soft, &writes[0], on_done);
	wait_for(2);
	assert_int_equal(full + lost, 1);
	assert_string_equal(scan_of(soft), "a=1;");
	close_both();
}

/* For want of space, and because something else has its name. */
static void
a_soft_store_that_cant_be_had_keeps_nobody_from_starting(void **state)
{
	(void)state;
	for (int way = 0; way < 2; way++) {
		open_store();
		error = way ? 0 : ENOSPC;
		if (way) {
			fclose(fopen(soft_folder, "w"));
			fclose(fopen(bad_folder, "w"));
		}
		soft = store_open_soft(loop, soft_folder, bad_folder);
		error = 0;
		assert_non_null(soft);
		store_start(store);
		store_start(soft);
		done = full = lost = 0;
		assert_string_equal(scan_of(soft), "");
		put(0, "queue", "works");
		put_to(soft, 1, "a", "1");
		wait_for(2);
		assert_int_equal(lost, 1);
		assert_string_equal(scan(), "queue=works;");
		close_both();
		tree_remove(soft_folder);
	}
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(pairs_are_kept_in_the_order_of_keys),
		CASE(an_answer_means_durable),
		CASE(many_writes_are_few_syncs_and_in_order),
		CASE(without_space_nothing_is_lost_and_service_returns),
		CASE(what_was_answered_survives_a_kill),
		CASE(a_start_without_space_keeps_the_store),
		CASE(any_other_error_is_fatal),
		CASE(a_damaged_store_is_moved_away),
		CASE(two_stores_know_nothing_of_each_other),
		CASE(a_damaged_soft_store_is_made_anew_and_costs_nothing_else),
		CASE(an_error_costs_the_soft_store_alone),
		CASE(a_full_disk_in_the_soft_store_is_answered),
		CASE(a_soft_store_that_cant_be_had_keeps_nobody_from_starting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
