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

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RETRY_PORTS_MS = 10000 };

struct entrypoint self;
extern char **environ;

/* ---- small things ---- */

const char *
data_path(const char *name)
{
	return arena_printf(
	    &self.arena, "%s/%s", self.settings.data.p, name)
	    .p;
}

const char *
run_path(const char *name)
{
	return arena_printf(&self.arena, "%s/%s", self.settings.run.p, name).p;
}

void
complain(const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_note(LOG_ERROR, "start", "%s", text);
}

char **
words_copy(const char *const *words)
{
	size_t n = 0;
	while (words[n])
		n++;
	char **copy = mem_array(NULL, n + 1, sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = mem_cstr(str_of(words[i]));
	copy[n] = NULL;
	return copy;
}

void
words_free(char **words)
{
	for (size_t i = 0; words[i]; i++)
		free(words[i]);
	free(words);
}

/* ---- the start, in its order ---- */

static bool
read_settings(void)
{
	struct buf errors = { 0 };
	bool good = settings_load(&self.settings, environ, &errors);
	if (!good)
		fprintf(stderr, "%s", buf_cstr(&errors));
	buf_free(&errors);
	log_open(self.settings.log_level, self.settings.log_json, NULL);
	return good;
}

static bool
find_programs(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return false;
	struct str whole = { path, (size_t)n };
	struct str folder = str_sub(whole, 0, str_find_last(whole, '/'));
	self.programs = arena_str(&self.arena, folder).p;
	self.image = file_exists("/etc/postern/dovecot.conf");
	self.root = self.image && geteuid() == 0;
	return true;
}

static bool
read_domains(struct domains *domains)
{
	struct buf text = { 0 }, errors = { 0 };
	bool good =
	    file_read(data_path("config/domains"), 1 << 20, &text) &&
	    domains_parse(domains, buf_str(&text), "config/domains", &errors);
	if (!good)
		complain("config/domains is not usable: %s",
		    errors.n ? buf_cstr(&errors) : strerror(errno));
	buf_free(&text);
	buf_free(&errors);
	return good;
}

/* The domains of the settings and those of the file, which is written again
   when the settings name a new one. */
static bool
prepare_domains(void)
{
	if (!read_domains(&self.domains))
		return false;
	size_t found = self.domains.count;
	for (size_t i = 0; i < self.settings.domain.count; i++)
		domains_add(&self.domains, self.settings.domain.items[i]);
	if (self.domains.count == 0) {
		complain("POSTERN_DOMAIN is needed at the first start: the "
			 "domain to receive mail for, as in "
			 "POSTERN_DOMAIN=example.com");
		return false;
	}
	struct buf text = { 0 };
	domains_write(&self.domains, &text);
	bool good = found == self.domains.count ||
	    folders_write("config/domains", buf_str(&text), 0640, "postern");
	buf_free(&text);
	return good;
}

/* What the children can't know: the host name, where unbound listens, and a
   secret in a file that they may not read. */
static void
prepare_environment(void)
{
	if (unsetenv("POSTERN_RELAY_PASSWORD_FILE") == 0 &&
	    !str_empty(self.settings.relay_password))
		setenv("POSTERN_RELAY_PASSWORD",
		    self.settings.relay_password.p, 1);
	if (str_empty(self.settings.hostname))
		self.settings.hostname = arena_printf(&self.arena, "mail.%s",
		    self.domains.names[0].p);
	setenv("POSTERN_HOSTNAME", self.settings.hostname.p, 1);
	if (child_wanted(SERVICE_UNBOUND))
		setenv("POSTERN_RESOLVER", "127.0.0.1:5335", 1);
	self.environment = environ;
}

static bool
open_control(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = run_path("control");
	if (strlen(path) >= sizeof address.sun_path) {
		complain("POSTERN_RUN is too long for a socket: %s", path);
		return false;
	}
	memcpy(address.sun_path, path, strlen(path));
	unlink(path);
	self.control =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old = umask(0177);
	bool good = self.control >= 0 &&
	    bind(self.control, (struct sockaddr *)&address, sizeof address) ==
		0 &&
	    listen(self.control, 16) == 0;
	umask(old);
	if (!good)
		complain("can't open %s: %s", path, strerror(errno));
	return good;
}

static bool
open_pair(void)
{
	return socketpair(AF_UNIX,
		   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		   self.signer) == 0;
}

static bool
write_pid(void)
{
	char text[32];
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	return file_replace(run_path("pid"), str_of(text), 0644, (uid_t)-1,
	    (gid_t)-1);
}

struct stage {
	bool (*run)(void);
	int exit; /* when it fails */
};

static const struct stage stages[] = {
	{ read_settings, EXIT_SETTINGS },
	{ find_programs, EXIT_TEMPORARY },
	{ folders_prepare, EXIT_SETTINGS },
	{ prepare_domains, EXIT_SETTINGS },
	{ ports_open, EXIT_TEMPORARY },
	{ open_control, EXIT_TEMPORARY },
	{ open_pair, EXIT_TEMPORARY },
	{ write_pid, EXIT_TEMPORARY },
};

/* ---- supervision ---- */

static int64_t stop_by_ms; /* 0 while we run */
static int64_t retry_ports_ms;

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
	struct domains found = { 0 };
	bool made = false;
	if (!read_domains(&found) || found.count == 0) {
		domains_free(&found);
		return;
	}
	domains_free(&self.domains);
	self.domains = found;
	keys_prepare(&made);
	records_publish(made);
	if (made)
		service_restart(SERVICE_SIGNER);
	service_signal(SERVICE_SMTPD, SIGHUP);
	service_signal(SERVICE_DOVECOT, SIGHUP);
	status_write();
}

static void
stop(void)
{
	if (!stop_by_ms) {
		log_note(LOG_INFO, "stop", "stopping");
		stop_by_ms = clock_mono_ms() + STOP_MS;
	}
	services_stop();
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

static int
next_wait(void)
{
	int64_t now = clock_mono_ms(), next = services_next_ms();
	if (ports_missing() && retry_ports_ms < next)
		next = retry_ports_ms;
	if (stop_by_ms && stop_by_ms < next)
		next = stop_by_ms;
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
		if (now >= stop_by_ms)
			services_kill();
		return;
	}
	services_tick(now);
	if (ports_missing() && now >= retry_ports_ms) {
		ports_retry(child_handover(SERVICE_SMTPD));
		retry_ports_ms = now + RETRY_PORTS_MS;
		status_write();
	}
}

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
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
supervise(int signals)
{
	struct pollfd poll_signals = { .fd = signals, .events = POLLIN };
	while (!stop_by_ms || !services_stopped()) {
		poll(&poll_signals, 1, next_wait());
		on_signal(signals);
		tick();
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
		if (!stages[i].run())
			return stages[i].exit;
	bool made;
	prepare_environment();
	keys_prepare(&made);
	records_publish(true);
	int signals = open_signals();
	signal(SIGPIPE, SIG_IGN);
	retry_ports_ms = clock_mono_ms() + RETRY_PORTS_MS;
	services_start();
	status_write();
	supervise(signals);
	unlink(run_path("status"));
	unlink(run_path("pid"));
	log_note(LOG_INFO, "stop", "stopped");
	return 0;
}
