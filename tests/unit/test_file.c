#include "lib/base/arena.h"
#include "lib/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_file.XXXXXX";
static struct arena arena;

static const char *
in_folder(const char *name)
{
	return arena_printf(&arena, "%s/%s", folder, name).p;
}

/* These two take the place of libc's and keep a record: f is the sync of a
   file, d that of a folder, r a rename. */
static char order[16];

static void
record(const char *what)
{
	strncat(order, what, sizeof(order) - strlen(order) - 1);
}

int
fsync(int fd)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	record(S_ISDIR(st.st_mode) ? "d" : "f");
	return (int)syscall(SYS_fsync, fd);
}

int
renameat2(int from_folder, const char *from, int to_folder, const char *to,
    unsigned flags)
{
	record("r");
	return (int)syscall(
	    SYS_renameat2, from_folder, from, to_folder, to, flags);
}

static bool
create(const char *path, struct str bytes)
{
	return file_create(path, bytes, 0600, (uid_t)-1, (gid_t)-1);
}

static bool
replace(const char *path, struct str bytes)
{
	return file_replace(path, bytes, 0640, (uid_t)-1, (gid_t)-1);
}

static void
assert_holds(const char *path, struct str bytes)
{
	struct buf b = { 0 };
	assert_true(file_read(path, 1 << 20, &b));
	assert_true(str_eq(buf_str(&b), bytes));
	buf_free(&b);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
assert_no_file_beside(const char *path)
{
	struct str whole = str_of(path);
	struct str parent = str_sub(whole, 0, str_find_last(whole, '/'));
	DIR *dir = opendir(arena_str(&arena, parent).p);
	unsigned files = 0;
	assert_non_null(dir);
	while (readdir(dir))
		files++;
	closedir(dir);
	assert_int_equal(files, 3); /* with . and .. */
}

static void
replacing_changes_bytes_and_mode(void **state)
{
	(void)state;
	const char *path = in_folder("replaced/file");
	assert_true(file_mkdirs(in_folder("replaced"), 0700));
	assert_true(replace(path, STR("one")));
	assert_int_equal(mode_of(path), 0640);
	assert_true(file_replace(
	    path, (struct str){ "t\0o", 3 }, 0604, getuid(), getgid()));
	assert_holds(path, (struct str){ "t\0o", 3 });
	assert_int_equal(mode_of(path), 0604);
	assert_no_file_beside(path);
}

static void
readers_keep_the_old_bytes(void **state)
{
	(void)state;
	const char *path = in_folder("kept");
	assert_true(replace(path, STR("old")));
	int fd = open(path, O_RDONLY);
	assert_true(replace(path, STR("new")));
	char bytes[4] = "";
	assert_int_equal(read(fd, bytes, 3), 3);
	assert_string_equal(bytes, "old");
	close(fd);
}

static void
bytes_are_synced_before_the_name_and_the_name_at_the_end(void **state)
{
	(void)state;
	order[0] = '\0';
	assert_true(replace(in_folder("synced"), STR("x")));
	assert_string_equal(order, "frd");
	order[0] = '\0';
	assert_true(create(in_folder("synced too"), STR("x")));
	assert_string_equal(order, "frd");
}

static void
creating_never_overwrites(void **state)
{
	(void)state;
	const char *path = in_folder("created/file");
	assert_true(file_mkdirs(in_folder("created"), 0700));
	assert_true(create(path, STR("one")));
	assert_int_equal(mode_of(path), 0600);
	assert_false(create(path, STR("two")));
	assert_int_equal(errno, EEXIST);
	assert_holds(path, STR("one"));
	assert_no_file_beside(path);
}

static void
writing_into_no_folder_fails(void **state)
{
	(void)state;
	assert_false(replace(in_folder("missing/file"), STR("x")));
	assert_int_equal(errno, ENOENT);
	assert_false(create(in_folder("missing/file"), STR("x")));
	assert_int_equal(errno, ENOENT);
	assert_false(file_sync_folder(in_folder("missing")));
	assert_int_equal(errno, ENOENT);
}

static void
too_long_a_path_fails(void **state)
{
	(void)state;
	char name[PATH_MAX];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(replace(name, STR("x")));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_false(file_mkdirs(in_folder(name), 0700));
	assert_int_equal(errno, ENAMETOOLONG);
}

static void
a_folder_is_not_replaced(void **state)
{
	(void)state;
	assert_true(file_mkdirs(in_folder("outer/inner"), 0700));
	assert_false(replace(in_folder("outer/inner"), STR("x")));
	assert_int_equal(errno, EISDIR);
	assert_no_file_beside(in_folder("outer/inner"));
}

static void
a_path_without_a_slash_works(void **state)
{
	(void)state;
	assert_int_equal(chdir(folder), 0);
	assert_true(replace("plain", STR("text")));
	assert_holds("plain", STR("text"));
	assert_int_equal(chdir("/"), 0);
}

static void
a_path_has_a_folder(void **state)
{
	static const struct {
		const char *path, *folder;
	} rows[] = {
		{ "/a/b", "/a" },
		{ "/a/b/c", "/a/b" },
		{ "a/b", "a" },
		{ "/a", "/" },
		{ "a", "." },
		{ "", "." },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_true(str_eq(
		    file_folder(str_of(rows[i].path)), str_of(rows[i].folder)));
}

static void
reading_appends_within_its_limit(void **state)
{
	(void)state;
	const char *path = in_folder("limit");
	struct buf b = buf_of(STR("before "));
	assert_true(replace(path, STR("12345")));
	assert_true(file_read(path, 5, &b));
	assert_string_equal(buf_cstr(&b), "before 12345");
	assert_false(file_read(path, 4, &b));
	assert_int_equal(errno, EFBIG);
	assert_string_equal(buf_cstr(&b), "before 12345");
	buf_free(&b);
}

static void
large_files_are_read_whole(void **state)
{
	(void)state;
	struct buf b = { 0 };
	memset(buf_reserve(&b, 300000), 'x', 300000);
	b.n = 300000;
	assert_true(replace(in_folder("large"), buf_str(&b)));
	assert_holds(in_folder("large"), buf_str(&b));
	buf_free(&b);
}

static void
only_regular_files_are_read(void **state)
{
	(void)state;
	const char *fifo = in_folder("fifo");
	struct buf b = { 0 };
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_false(file_read(fifo, 10, &b));
	assert_int_equal(errno, EINVAL);
	assert_false(file_read(folder, 10, &b));
	assert_int_equal(errno, EISDIR);
	assert_false(file_read(in_folder("missing"), 10, &b));
	assert_int_equal(errno, ENOENT);
	buf_free(&b);
}

static void
folders_are_made_with_their_parents(void **state)
{
	(void)state;
	mode_t before = umask(077);
	assert_true(file_mkdirs(in_folder("a//b/c/"), 02770));
	umask(before);
	assert_int_equal(mode_of(in_folder("a/b/c")), 02770);
	assert_int_equal(mode_of(in_folder("a/b")), 0755);
	assert_true(file_mkdirs(in_folder("a/b/c"), 0700));
	assert_int_equal(mode_of(in_folder("a/b/c")), 02770);
	assert_true(file_sync_folder(in_folder("a/b/c")));
}

static void
a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
	(void)state;
	assert_true(replace(in_folder("way"), STR("x")));
	assert_false(file_mkdirs(in_folder("way"), 0700));
	assert_int_equal(errno, ENOTDIR);
	assert_false(file_mkdirs(in_folder("way/below"), 0700));
	assert_int_equal(errno, ENOTDIR);
	assert_false(file_mkdirs("", 0700));
	assert_int_equal(errno, ENOENT);
}

static void
existence_is_of_any_kind(void **state)
{
	(void)state;
	assert_true(file_exists(folder));
	assert_false(file_exists(in_folder("nowhere")));
}

static void
writing_to_a_full_pipe_fails(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	assert_true(fd_write_all(ends[1], STR("abc")));
	struct buf b = { 0 };
	memset(buf_reserve(&b, 1 << 20), 'x', 1 << 20);
	b.n = 1 << 20;
	assert_false(fd_write_all(ends[1], buf_str(&b)));
	assert_int_equal(errno, EAGAIN);
	buf_free(&b);
	close(ends[0]);
	close(ends[1]);
}

static int
remove_folder(void **state)
{
	(void)state;
	const char *command = arena_printf(&arena, "rm -r %s", folder).p;
	int failed = system(command);
	arena_free(&arena);
	return failed;
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replacing_changes_bytes_and_mode),
		cmocka_unit_test(readers_keep_the_old_bytes),
		cmocka_unit_test(
		    bytes_are_synced_before_the_name_and_the_name_at_the_end),
		cmocka_unit_test(creating_never_overwrites),
		cmocka_unit_test(writing_into_no_folder_fails),
		cmocka_unit_test(too_long_a_path_fails),
		cmocka_unit_test(a_folder_is_not_replaced),
		cmocka_unit_test(a_path_without_a_slash_works),
		cmocka_unit_test(a_path_has_a_folder),
		cmocka_unit_test(reading_appends_within_its_limit),
		cmocka_unit_test(large_files_are_read_whole),
		cmocka_unit_test(only_regular_files_are_read),
		cmocka_unit_test(folders_are_made_with_their_parents),
		cmocka_unit_test(a_file_in_the_way_of_a_folder_is_an_error),
		cmocka_unit_test(existence_is_of_any_kind),
		cmocka_unit_test(writing_to_a_full_pipe_fails),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
