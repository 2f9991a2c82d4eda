#include "lib/host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static char root[] = "/tmp/test_sandbox.XXXXXX";

/* ---- a child in the sandbox ---- */

/* Returns 0, or the line of what was not as expected. */
typedef int check(void);

#define EXPECT(what) \
	if (!(what)) \
	return __LINE__

static void
in_sandbox(enum sandbox_calls calls, check *run)
{
	pid_t pid = fork();
	if (pid == 0) {
		static const struct sandbox_rule rules[] = {
			{ "read", SANDBOX_READ },
			{ "write", SANDBOX_WRITE },
			{ "place", SANDBOX_PLACE },
			{ "nowhere", SANDBOX_WRITE },
			{ "/usr", SANDBOX_READ },
		};
		if (chdir(root) < 0)
			_exit(1);
		sandbox_enter(rules, sizeof rules / sizeof *rules, calls);
		int line = run();
		if (line)
			dprintf(2, "line %d: errno %d\n", line, errno);
		_exit(line != 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool
refused(long result, int error)
{
	return result < 0 && errno == error;
}

static bool
made(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- files ---- */

static int
check_read(void)
{
	EXPECT(made(open("read/file", O_RDONLY)));
	EXPECT(made(open("read", O_RDONLY | O_DIRECTORY)));
	EXPECT(refused(open("read/file", O_WRONLY), EACCES));
	EXPECT(refused(open("read/new", O_WRONLY | O_CREAT, 0600), EACCES));
	EXPECT(refused(unlink("read/file"), EACCES));
	return 0;
}

static int
check_write(void)
{
	EXPECT(made(open("write/file", O_RDWR | O_TRUNC)));
	EXPECT(made(open("write/new", O_RDWR | O_CREAT, 0600)));
	EXPECT(truncate("write/new", 10) == 0);
	EXPECT(mkdir("write/folder", 0700) == 0);
	EXPECT(rename("write/new", "write/folder/moved") == 0);
	EXPECT(unlink("write/folder/moved") == 0);
	EXPECT(rmdir("write/folder") == 0);
	EXPECT(refused(symlink("/etc", "write/link"), EACCES));
	EXPECT(mkfifo("write/fifo", 0600) < 0);
	return 0;
}

/* A Maildir: names may be listed and moved, what they hold is not read. */
static int
check_place(void)
{
	int made_by_us =
	    open("place/tmp/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	EXPECT(made_by_us >= 0);
	EXPECT(write(made_by_us, "x", 1) == 1);
	EXPECT(fsync(made_by_us) == 0);
	EXPECT(made(made_by_us));
	EXPECT(rename("place/tmp/new", "place/new/moved") == 0);
	EXPECT(made(open("place/new", O_RDONLY | O_DIRECTORY)));
	EXPECT(mkdir("place/folder", 0700) == 0);
	EXPECT(refused(open("place/new/moved", O_RDONLY), EACCES));
	EXPECT(refused(open("place/new/moved", O_RDWR), EACCES));
	EXPECT(refused(truncate("place/new/moved", 0), EACCES));
	EXPECT(unlink("place/new/moved") == 0);
	return 0;
}

static int
check_elsewhere(void)
{
	EXPECT(refused(open("other/file", O_RDONLY), EACCES));
	EXPECT(refused(open("/etc/passwd", O_RDONLY), EACCES));
	EXPECT(refused(open("other", O_RDONLY | O_DIRECTORY), EACCES));
	EXPECT(rename("write/file", "other/file") < 0);
	EXPECT(rename("other/file", "write/file") < 0);
	return 0;
}

static void *
read_elsewhere(void *context)
{
	*(int *)context = open("other/file", O_RDONLY);
	return NULL;
}

static int
check_thread(void)
{
	pthread_t thread;
	int fd = 0;
	EXPECT(pthread_create(&thread, NULL, read_elsewhere, &fd) == 0);
	pthread_join(thread, NULL);
	EXPECT(fd < 0);
	return 0;
}

static void
test_files(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0,
		LANDLOCK_CREATE_RULESET_VERSION) < 2)
		skip();
	check *const checks[] = { check_read, check_write, check_place,
		check_elsewhere, check_thread };
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		in_sandbox(SANDBOX_CALLS_NETWORK, checks[i]);
}

/* ---- system calls ---- */

static int
check_privileges(void)
{
	EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	return 0;
}

static int
check_network(void)
{
	char *none[] = { NULL };
	int pair[2];
	EXPECT(made(socket(AF_INET, SOCK_STREAM, 0)));
	EXPECT(made(socket(AF_INET6, SOCK_DGRAM, 0)));
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	EXPECT(refused(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT));
	EXPECT(refused(socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT));
	EXPECT(refused(socket(AF_AX25, SOCK_DGRAM, 0), EAFNOSUPPORT));
	EXPECT(refused(execve("/bin/true", none, none), EPERM));
	EXPECT(refused(unshare(CLONE_NEWUSER), EPERM));
	EXPECT(refused(
	    syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM));
	EXPECT(refused(syscall(SYS_bpf, 0, NULL, 0), EPERM));
	EXPECT(refused(syscall(SYS_io_uring_setup, 1, NULL), EPERM));
	EXPECT(refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM));
	if (!SANITIZED)
		EXPECT(refused(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM));
	return 0;
}

static int
check_signer(void)
{
	char *none[] = { NULL };
	char c = 'x';
	int pair[2] = { -1, -1 };
	struct timespec now;
	EXPECT(refused(open("read/file", O_RDONLY), EPERM));
	EXPECT(refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM));
	EXPECT(refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), EPERM));
	EXPECT(refused(execve("/bin/true", none, none), EPERM));
	EXPECT(refused(fork(), EPERM));
	EXPECT(refused(kill(getppid(), 0), EPERM));
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) != MAP_FAILED);
	EXPECT(syscall(SYS_getrandom, &c, 1, 0) == 1);
	EXPECT(clock_gettime(CLOCK_REALTIME, &now) == 0);
	EXPECT(write(2, "", 0) == 0);
	return 0;
}

static void
test_calls(void **state)
{
	(void)state;
	in_sandbox(SANDBOX_CALLS_NETWORK, check_privileges);
	in_sandbox(SANDBOX_CALLS_NETWORK, check_network);
	if (!SANITIZED)
		in_sandbox(SANDBOX_CALLS_SIGNER, check_signer);
}

/* ---- */

static void
make(const char *path, bool folder)
{
	char whole[128];
	snprintf(whole, sizeof whole, "%s/%s", root, path);
	if (folder)
		assert_int_equal(mkdir(whole, 0700), 0);
	else
		close(open(whole, O_WRONLY | O_CREAT, 0600));
}

static int
set_up(void **state)
{
	(void)state;
	static const char *const folders[] = { "read", "write", "place",
		"place/tmp", "place/new", "other" };
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		make(folders[i], true);
	make("read/file", false);
	make("write/file", false);
	make("other/file", false);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_calls),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
