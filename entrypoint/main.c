/*
 * entrypoint - PID 1 of the container, and the only program a user starts.
 *
 * Reads the settings, prepares the data folder, has keys made, opens the
 * ports, prints the DNS records, then supervises.  It never fails for want of
 * DNS, certificate or account.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	RETRY_PORTS_MS = 10000,
	LOOK_MS = 60000, /* at the certificate: Dovecot must be told */
	USERS_MAX = 16 << 20
};

/* ---- what to do next ---- */

static bool
has_account(void)
{
	struct buf text = { 0 };
	bool found = file_read(data_path("config/users"), USERS_MAX, &text) &&
	    str_has(buf_str(&text), '@');
	buf_free(&text);
	return found;
}

/* How postern is called from where the server was started. */
static const char *
command(void)
{
	struct str data = self.settings.data;
	if (self.image)
		return "docker compose exec mail postern";
	if (str_eq(data, STR("data")) || str_eq(data, STR("./data")))
		return arena_printf(&self.turn, "%s/postern", self.programs).p;
	return arena_printf(&self.turn,
	    "POSTERN_DATA=%s POSTERN_RUN=%s %s/postern", data.p,
	    self.settings.run.p, self.programs)
	    .p;
}

static void
tell_next_step(void)
{
	log_note(LOG_INFO, "start", "its command line%s: %s help",
	    self.image ? "" : ", in this folder", command());
	if (!has_account())
		log_note(LOG_INFO, "start",
		    "there is no account yet; the first one: %s user add "
		    "you@%s",
		    command(), self.domains.names[0].p);
}

/* ---- supervision ---- */

static int64_t stop_by_ms; /* 0 while we run */
static int64_t retry_ports_ms, look_ms; /* when next */

static void
reap(void)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		services_reaped(pid, status);
}

/* postern reload, domain add: keys that are missing, then the children. */
static void
rescan(void)
{
	if (stop_by_ms)
		return;
	folders_config();
	our_domains_rescan();
	records_publish(keys_prepare());
	service_restart(SERVICE_SIGNER);
	service_signal(SERVICE_SMTPD, SIGHUP);
	service_signal(SERVICE_DOVECOT, SIGHUP);
	status_write();
}

static void
stop(void)
{
	if (stop_by_ms)
		return;
	log_note(LOG_INFO, "stop", "stopping");
	stop_by_ms = clock_mono_ms() + STOP_MS;
}

static void
on_signal(int descriptor)
{
	struct signalfd_siginfo info;
	while (read(descriptor, &info, sizeof info) == sizeof info)
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap();
			break;
		case SIGHUP:
			rescan();
			break;
		default:
			stop();
		}
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int
next_wait(void)
{
	int64_t now = clock_mono_ms(), next = stop_by_ms;
	if (!stop_by_ms)
		next = earlier(services_next_ms(), look_ms);
	if (!stop_by_ms && ports_missing())
		next = earlier(next, retry_ports_ms);
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 0 : (int)(next - now);
}

static void
tick(void)
{
	int64_t now = clock_mono_ms();
	if (stop_by_ms) {
		services_stop();
		if (now < stop_by_ms)
			return;
		services_kill();
		stop_by_ms = INT64_MAX;
		return;
	}
	services_tick(now);
	if (ports_missing() && now >= retry_ports_ms) {
		if (ports_retry(child_handover(SERVICE_SMTPD)))
			status_write();
		retry_ports_ms = now + RETRY_PORTS_MS;
	}
	if (now >= look_ms) {
		if (keys_changed())
			rescan();
		look_ms = now + LOOK_MS;
	}
}

/* From the first line on, so that PID 1, which ignores what it doesn't
   handle, can be stopped while it starts. */
static int
open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
supervise(int signals)
{
	struct pollfd poll_signals = { .fd = signals, .events = POLLIN };
	retry_ports_ms = clock_mono_ms() + RETRY_PORTS_MS;
	look_ms = clock_mono_ms() + LOOK_MS;
	while (!stop_by_ms || !services_stopped()) {
		poll(&poll_signals, 1, next_wait());
		on_signal(signals);
		tick();
		arena_free(&self.turn);
	}
}

/* `docker run postern status`, `entrypoint --help`: neither is to start a
   server. */
static int
refuse_arguments(void)
{
	fputs("entrypoint takes no arguments: settings are the environment's "
	      "POSTERN_* (postern config explain), and postern is the command "
	      "line of a server that runs\n",
	    stderr);
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return refuse_arguments();
	int signals = open_signals();
	umask(022);
	int failed = entrypoint_start();
	if (failed)
		return failed;
	keys_prepare();
	records_publish(true);
	tell_next_step();
	services_start();
	status_write();
	supervise(signals);
	unlink(run_path("status"));
	unlink(run_path("control"));
	log_note(LOG_INFO, "stop", "stopped");
	return 0;
}
