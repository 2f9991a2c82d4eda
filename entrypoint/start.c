/*
 * start.c - the start in its order, up to keys and children: what fails here
 * ends the program with a sentence and a status.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool
read_settings(void)
{
	struct buf errors = { 0 };
	bool good = settings_load(&self.settings, environ, &errors);
	if (!good)
		fputs(buf_cstr(&errors), stderr);
	buf_free(&errors);
	log_open(self.settings.log_level, self.settings.log_json, "entrypoint");
	return good;
}

static bool
find_programs(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0) {
		complain("/proc is not there, or can't be read");
		return false;
	}
	struct str whole = { path, (size_t)n };
	struct str folder = str_sub(whole, 0, str_find_last(whole, '/'));
	self.programs = arena_str(&self.arena, folder).p;
	return true;
}

/* Dovecot's and unbound's files name the folders of the image. */
static bool
find_image(void)
{
	if (!file_exists("/etc/postern/dovecot.conf"))
		return true;
	self.image = geteuid() == 0;
	if (!self.image)
		complain("the image wants to be started as root: without it "
			 "there is no IMAP and no resolver of its own");
	else if (!str_eq(self.settings.data, STR("/data")) ||
	    !str_eq(self.settings.run, STR("/run/postern"))) {
		complain("in the image POSTERN_DATA and POSTERN_RUN stay as "
			 "they are: mount another folder at /data instead");
		return false;
	}
	return true;
}

/* Of our children smtpd alone talks to the smarthost. */
static char **
without_smarthost(char *const *environment)
{
	const struct str prefix = STR("POSTERN_RELAY");
	size_t count = 0, kept = 0;
	while (environment[count])
		count++;
	char **some = mem_array(NULL, count + 1, sizeof *some);
	for (size_t i = 0; i < count; i++)
		if (!str_starts(str_of(environment[i]), prefix))
			some[kept++] = environment[i];
	some[kept] = NULL;
	return some;
}

/* What the children can't know: the host name, where unbound listens, and a
   secret in a file that they may not read. */
static bool
prepare_environment(void)
{
	unsetenv("POSTERN_RELAY_PASSWORD_FILE");
	if (!str_empty(self.settings.relay_password))
		setenv("POSTERN_RELAY_PASSWORD", self.settings.relay_password.p,
		    1);
	if (str_empty(self.settings.hostname))
		self.settings.hostname = arena_printf(
		    &self.arena, "mail.%s", self.domains.names[0].p);
	setenv("POSTERN_HOSTNAME", self.settings.hostname.p, 1);
	if (child_wanted(SERVICE_UNBOUND))
		setenv("POSTERN_RESOLVER", "127.0.0.1:5335", 1);
	self.environment = environ;
	self.plain_environment = without_smarthost(environ);
	return true;
}

static bool
prepare_run(void)
{
	const char *run = self.settings.run.p;
	if (file_mkdirs(run, 0755) && access(run, W_OK | X_OK) == 0)
		return true;
	complain("can't use the folder %s: %s; choose another with "
		 "POSTERN_RUN",
	    run, strerror(errno));
	return false;
}

/* Another server's socket answers; what a dead one left does not. */
static bool
is_in_use(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool used = fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)address, sizeof *address) ==
		    0 ||
		errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return used;
}

static bool
listen_control(const struct sockaddr_un *address)
{
	mode_t old = umask(0177);
	bool good = bind(self.control, (const struct sockaddr *)address,
			sizeof *address) == 0 &&
	    listen(self.control, 16) == 0;
	umask(old);
	return good;
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
	if (is_in_use(&address)) {
		complain("another server uses %s: set POSTERN_RUN to a folder "
			 "of its own",
		    path);
		return false;
	}
	unlink(path);
	self.control =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (self.control >= 0 && listen_control(&address))
		return true;
	complain("can't open %s: %s", path, strerror(errno));
	return false;
}

static bool
open_pairs(void)
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
	if (socketpair(AF_UNIX, type, 0, self.signer) == 0 &&
	    socketpair(AF_UNIX, type, 0, self.web) == 0)
		return true;
	complain("can't make a socket: %s", strerror(errno));
	return false;
}

struct stage {
	bool (*run)(void); /* complains */
	int exit; /* when it fails */
};

static const struct stage stages[] = {
	{ read_settings, EXIT_SETTINGS },
	{ find_programs, EXIT_TEMPORARY },
	{ find_image, EXIT_SETTINGS },
	{ folders_check, EXIT_SETTINGS },
	{ our_domains_hoped_for, EXIT_SETTINGS },
	{ folders_lock, EXIT_TEMPORARY },
	{ folders_prepare, EXIT_SETTINGS },
	{ our_domains_prepare, EXIT_SETTINGS },
	{ prepare_environment, EXIT_SETTINGS },
	{ prepare_run, EXIT_SETTINGS },
	{ ports_open, EXIT_TEMPORARY },
	{ open_control, EXIT_TEMPORARY },
	{ open_pairs, EXIT_TEMPORARY },
};

int
entrypoint_start(void)
{
	for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
		if (!stages[i].run())
			return stages[i].exit;
	return 0;
}
