#include "lib/host/spawn.h"

#include "lib/host/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- in the child: 0 or an errno ---- */

/* SIGHUP asks a server to reload: it may not end one that can't yet. */
static void
reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, number == SIGHUP ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
become(const struct spawn *s)
{
	if (s->uid == (uid_t)-1 || (s->uid != 0 && s->uid == geteuid()))
		return 0;
	if (setgroups(s->group_count, s->groups) < 0 ||
	    setresgid(s->gid, s->gid, s->gid) < 0 ||
	    setresuid(s->uid, s->uid, s->uid) < 0)
		return errno;
	return s->uid != 0 && setuid(0) == 0 ? EPERM : 0;
}

/* The parent's death ends the child, and not only its own stop: identity
   changes clear this, so it comes after them. */
static int
follow_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return errno;
	return getppid() == parent ? 0 : ESRCH;
}

/* Leaves 0 to 2, what is handed over, and behind it the pipe that tells of
   failures, which exec closes. */
static int
arrange_descriptors(const struct spawn *s, int *pipe)
{
	int report = s->fd3 >= 0 ? HANDOVER_FD + 1 : HANDOVER_FD;
	*pipe = fcntl(*pipe, F_DUPFD_CLOEXEC, HANDOVER_FD + 2);
	if (*pipe < 0)
		return errno;
	if (s->output > 0 && dup2(s->output, STDOUT_FILENO) < 0)
		return errno;
	if (s->fd3 == HANDOVER_FD && fcntl(HANDOVER_FD, F_SETFD, 0) < 0)
		return errno;
	if (s->fd3 >= 0 && dup2(s->fd3, HANDOVER_FD) < 0)
		return errno;
	if (dup3(*pipe, report, O_CLOEXEC) < 0)
		return errno;
	*pipe = report;
	closefrom(report + 1);
	return 0;
}

static int
no_new_privs(const struct spawn *s)
{
	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	return 0;
}

static _Noreturn void
run(const struct spawn *s, pid_t parent, int pipe)
{
	reset_signals();
	setpgid(0, 0); /* a terminal's ^C is for the parent, who ends us */
	int error = arrange_descriptors(s, &pipe);
	if (!error)
		error = become(s);
	if (!error)
		error = follow_parent(parent);
	if (!error)
		error = no_new_privs(s);
	if (!error) {
		execve(s->program, s->arguments, s->environment);
		error = errno;
	}
	/* Nobody to tell but the parent; when that fails it sees an exit. */
	if (write(pipe, &error, sizeof error) < 0)
		_exit(126);
	_exit(127);
}

/* ---- in the parent ---- */

/* The pipe is closed by the exec, or carries the errno. */
static int
read_report(int pipe)
{
	int error = 0;
	ssize_t n;
	do
		n = read(pipe, &error, sizeof error);
	while (n < 0 && errno == EINTR);
	return n == sizeof error ? error : 0;
}

/* No handler of ours runs in the child. */
static pid_t
fork_quietly(void)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

pid_t
spawn_start(const struct spawn *s)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return -1;
	pid_t parent = getpid();
	pid_t pid = fork_quietly();
	if (pid == 0)
		run(s, parent, report[1]);
	int error = pid < 0 ? errno : 0;
	close(report[1]);
	if (pid > 0)
		error = read_report(report[0]);
	close(report[0]);
	if (!error)
		return pid;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	errno = error;
	return -1;
}

/* ---- names ---- */

bool
spawn_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *user = getpwnam(name);
	if (!user)
		return false;
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return true;
}

bool
spawn_group(const char *name, gid_t *gid)
{
	const struct group *group = getgrnam(name);
	if (!group)
		return false;
	*gid = group->gr_gid;
	return true;
}
