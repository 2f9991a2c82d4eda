#include "lib/host/spawn.h"

#include "lib/base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs a shell script; what it writes to descriptor 3 is the text. */
static struct spawn
script(const char *const *arguments)
{
	static const char *const environment[] = { "WORD=spawned", NULL };
	return (struct spawn){ .program = "/bin/sh",
		.arguments = (char *const *)(uintptr_t)arguments,
		.environment = (char *const *)(uintptr_t)environment,
		.uid = (uid_t)-1,
		.fd3 = -1 };
}

#define SCRIPT(text) \
	(const char *[]) \
	{ \
		"sh", "-c", text, NULL \
	}

static int
wait_for(pid_t pid)
{
	int status;
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* What the child writes to the pipe that it gets as descriptor 3. */
static const char *
output_of(struct spawn *s)
{
	static char text[512];
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	s->fd3 = ends[1];
	pid_t pid = spawn_start(s);
	close(ends[1]);
	size_t have = 0;
	ssize_t n;
	while ((n = read(ends[0], text + have, sizeof text - 1 - have)) > 0)
		have += (size_t)n;
	text[have] = 0;
	close(ends[0]);
	assert_int_equal(wait_for(pid), 0);
	return text;
}

static void
test_arguments_environment_descriptor(void **state)
{
	(void)state;
	struct spawn s = script(SCRIPT("echo $WORD >&3"));
	assert_string_equal(output_of(&s), "spawned\n");
}

static void
test_other_descriptors_are_closed(void **state)
{
	(void)state;
	int extra[2]; /* inheritable on purpose */
	assert_int_equal(pipe(extra), 0);
	int high = fcntl(extra[0], F_DUPFD, 200);
	struct spawn s =
	    script(SCRIPT("cd /proc/self/fd && echo * >&3 2>/dev/null"));
	/* 4 or so is the shell's own, which reads the folder */
	const char *text = output_of(&s);
	assert_int_equal(strncmp(text, "0 1 2 3", 7), 0);
	char number[16];
	snprintf(number, sizeof number, " %d", high);
	assert_null(strstr(text, number));
	s = script(SCRIPT("test ! -e /proc/self/fd/3"));
	assert_int_equal(wait_for(spawn_start(&s)), 0);
	close(high);
	close(extra[0]);
	close(extra[1]);
}

/* Whatever number it has in the parent. */
static void
test_descriptor_keeps_its_place(void **state)
{
	(void)state;
	for (int place = 3; place <= 6; place++) {
		int ends[2];
		char c = 0;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		int high = fcntl(ends[1], F_DUPFD_CLOEXEC, 50);
		int low = fcntl(ends[0], F_DUPFD_CLOEXEC, 60);
		close(ends[0]);
		close(ends[1]);
		assert_int_equal(dup3(high, place, O_CLOEXEC), place);
		struct spawn s = script(SCRIPT("printf x >&3"));
		s.fd3 = place;
		assert_int_equal(wait_for(spawn_start(&s)), 0);
		assert_int_equal(read(low, &c, 1), 1);
		assert_int_equal(c, 'x');
		close(place);
		close(high);
		close(low);
	}
}

static void
test_output(void **state)
{
	(void)state;
	int ends[2];
	char text[8] = { 0 };
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct spawn s = script(SCRIPT("printf out"));
	s.output = ends[1];
	assert_int_equal(wait_for(spawn_start(&s)), 0);
	assert_int_equal(read(ends[0], text, sizeof text - 1), 3);
	assert_string_equal(text, "out");
	close(ends[0]);
	close(ends[1]);
}

static void
test_failed_exec_is_reported(void **state)
{
	(void)state;
	static const struct {
		const char *program;
		int error;
	} cases[] = {
		{ "/nowhere/program", ENOENT },
		{ "/etc/passwd", EACCES },
		{ "/", EACCES },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spawn s = script(SCRIPT("true"));
		s.program = cases[i].program;
		assert_int_equal(spawn_start(&s), -1);
		assert_int_equal(errno, cases[i].error);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD); /* no zombie */
	}
}

static void
on_signal(int number)
{
	(void)number;
}

static void
test_signals_are_as_at_birth(void **state)
{
	(void)state;
	sigset_t usr, before, now;
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, on_signal);
	struct spawn s = script(SCRIPT("kill -USR1 $$; sleep 5"));
	assert_int_equal(wait_for(spawn_start(&s)), -SIGUSR1);
	s = script(SCRIPT("kill -PIPE $$; sleep 5"));
	assert_int_equal(wait_for(spawn_start(&s)), -SIGPIPE);
	sigprocmask(SIG_SETMASK, &before, &now);
	assert_true(sigismember(&now, SIGUSR1)); /* ours are as they were */
	assert_false(sigismember(&now, SIGTERM));
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
}

static void
test_identity(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	struct spawn s = script(SCRIPT("id -u >&3; id -g >&3; id -G >&3"));
	s.uid = 65534;
	s.gid = 65533;
	s.group_count = 2;
	s.groups[0] = 65533;
	s.groups[1] = 65531;
	assert_string_equal(output_of(&s), "65534\n65533\n65533 65531\n");
	s = script(SCRIPT("id -u >&3; id -g >&3; id -G >&3"));
	s.uid = 0; /* still root, but with the group that the files shall get */
	s.gid = 65533;
	assert_string_equal(output_of(&s), "0\n65533\n65533\n");
}

/* Without root everybody is who we are, even when it is asked for by number. */
static void
test_identity_of_our_own(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct spawn s = script(SCRIPT("true"));
		if (getuid() == 0 && setuid(65534) != 0)
			_exit(1);
		s.uid = getuid();
		s.gid = getgid();
		int status = -1;
		waitpid(spawn_start(&s), &status, 0);
		_exit(status != 0);
	}
	assert_int_equal(wait_for(pid), 0);
}

/* ^C at a terminal reaches its foreground group: us, and we end the others.  A
   reload may come before its handler is there. */
static void
test_terminal_and_reload_do_not_end_it(void **state)
{
	(void)state;
	struct spawn s = script(SCRIPT("ps -o pgid= -p $$ | tr -d ' ' >&3; "
				       "echo $$ >&3; kill -HUP $$; "
				       "echo alive >&3"));
	char wanted[64], *text = mem_cstr(str_of(output_of(&s)));
	unsigned long group = strtoul(text, NULL, 10);
	assert_int_not_equal(group, (unsigned long)getpgrp());
	snprintf(wanted, sizeof wanted, "%lu\n%lu\nalive\n", group, group);
	assert_string_equal(text, wanted);
	free(text);
}

static void
test_no_new_privileges(void **state)
{
	(void)state;
	struct spawn s =
	    script(SCRIPT("grep NoNewPrivs /proc/self/status >&3"));
	assert_string_equal(output_of(&s), "NoNewPrivs:\t0\n");
	s.no_new_privs = true;
	assert_string_equal(output_of(&s), "NoNewPrivs:\t1\n");
}

/* A parent that is killed takes its children with it. */
static void
test_child_ends_with_its_parent(void **state)
{
	(void)state;
	int ends[2];
	char c;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct spawn s = script(
		    SCRIPT("trap 'printf t >&3; exit' TERM; printf r >&3; "
			   "while :; do sleep 0.01; done"));
		s.fd3 = ends[1];
		spawn_start(&s);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 'r');
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 't');
	close(ends[0]);
}

static void
test_names(void **state)
{
	(void)state;
	uid_t uid = 1;
	gid_t gid = 1;
	assert_true(spawn_user("root", &uid, &gid));
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 0);
	gid = 1;
	assert_true(spawn_group("root", &gid));
	assert_int_equal(gid, 0);
	assert_false(spawn_user("nobody-has-this-name", &uid, &gid));
	assert_false(spawn_group("nobody-has-this-name", &gid));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_environment_descriptor),
		cmocka_unit_test(test_other_descriptors_are_closed),
		cmocka_unit_test(test_descriptor_keeps_its_place),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_failed_exec_is_reported),
		cmocka_unit_test(test_signals_are_as_at_birth),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_identity_of_our_own),
		cmocka_unit_test(test_terminal_and_reload_do_not_end_it),
		cmocka_unit_test(test_no_new_privileges),
		cmocka_unit_test(test_child_ends_with_its_parent),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
