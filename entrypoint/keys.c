/*
 * keys.c - keygen is run for what is missing; it never overwrites a key.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/host/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_SELECTOR "postern" /* of a domain's DKIM key */

enum {
	KEYGEN_DONE = 0,
	KEYGEN_MISSING = 3, /* no such key */
	KEYGEN_EXISTS = 4,
	OUTPUT_MAX = 4096,
};

static struct buf troubles; /* lines for `postern status` */

/* Said now, and shown until the next try. */
__attribute__((format(printf, 1, 2))) static void
report(const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	complain("%s", text);
	buf_addf(&troubles, "trouble\t%s\n", text);
}

static bool
as_user(struct spawn *s, const char *user, const char *group)
{
	s->uid = (uid_t)-1;
	s->gid = (gid_t)-1;
	if (!self.image)
		return true;
	return spawn_user(user, &s->uid, &s->gid) &&
	    spawn_group(group, &s->gid);
}

static void
collect(int fd, struct buf *output)
{
	while (output->n < OUTPUT_MAX) {
		ssize_t n =
		    read(fd, buf_reserve(output, OUTPUT_MAX), OUTPUT_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		output->n += (size_t)n;
	}
}

/* Runs keygen to its end; its exit status, or -1. */
static int
keygen(const char *user, const char *group, const char *const words[],
    struct buf *output)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/keygen", self.programs);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	char **arguments = words_copy(words);
	struct spawn s = {
		.program = path,
		.arguments = arguments,
		.environment = self.plain_environment,
		.fd3 = -1,
		.output = ends[1],
		.no_new_privs = true,
	};
	pid_t pid = as_user(&s, user, group) ? spawn_start(&s) : -1;
	words_free(arguments);
	close(ends[1]);
	collect(ends[0], output);
	close(ends[0]);
	int status;
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Keeps it as dns/<domain>.<selector>.txt. */
static bool
keep_record(struct str domain, struct str txt)
{
	const char *name = arena_printf(
	    &self.turn, "dns/%.*s.%s.txt", STR_ARG(domain), FIRST_SELECTOR)
			       .p;
	return folders_write(name, txt, 0644, NULL);
}

/* True when a key was made. */
static bool
prepare_domain(struct str domain)
{
	struct buf txt = { 0 };
	const char *words[] = { "keygen", "dkim-record", domain.p,
		FIRST_SELECTOR, NULL };
	int status = keygen("signer", "signer", words, &txt);
	bool made = false;
	if (status == KEYGEN_MISSING) {
		buf_clear(&txt);
		words[1] = "dkim";
		status = keygen("signer", "signer", words, &txt);
		made = status == KEYGEN_DONE;
	}
	if (made)
		log_note(LOG_INFO, "start", "made the DKIM key %s of %.*s",
		    FIRST_SELECTOR, STR_ARG(domain));
	if (status != KEYGEN_DONE)
		report("the DKIM key of %.*s is not usable (keygen ended "
		       "with %d): its users can't send until it is",
		    STR_ARG(domain), status);
	else
		keep_record(domain, buf_str(&txt));
	buf_free(&txt);
	return made;
}

static void
prepare_certificate(void)
{
	struct buf output = { 0 };
	const char *hostname = self.settings.hostname.p;
	const char *words[] = { "keygen", "certificate", hostname, NULL };
	int status = keygen("root", "tls", words, &output);
	if (status == KEYGEN_DONE)
		log_note(LOG_INFO, "start",
		    "made a self-signed certificate for %s", hostname);
	else if (status != KEYGEN_EXISTS)
		report("no certificate for %s could be made (keygen ended "
		       "with %d): TLS is off",
		    hostname, status);
	buf_free(&output);
}

/* dns/tlsa: what the TLSA record must say; empty when that isn't known. */
static void
prepare_tlsa(bool known)
{
	static const char *const words[] = { "keygen", "tlsa", NULL };
	struct buf text = { 0 };
	if (known && keygen("root", "tls", words, &text) != KEYGEN_DONE)
		buf_clear(&text);
	folders_write("dns/tlsa", buf_str(&text), 0644, NULL);
	buf_free(&text);
}

/* What it looked like when keys_prepare() saw it. */
static struct stat certificate;

static void
look_at_certificate(struct stat *st)
{
	const char *path = self.settings.tls == TLS_FILES
	    ? self.settings.tls_cert.p
	    : data_path("tls/cert.pem");
	if (stat(path, st) != 0)
		*st = (struct stat){ 0 };
}

bool
keys_changed(void)
{
	struct stat now;
	look_at_certificate(&now);
	return now.st_ino != certificate.st_ino ||
	    now.st_ctim.tv_sec != certificate.st_ctim.tv_sec ||
	    now.st_ctim.tv_nsec != certificate.st_ctim.tv_nsec;
}

bool
keys_prepare(void)
{
	bool made = false, files = self.settings.tls == TLS_FILES;
	buf_clear(&troubles);
	if (!files)
		prepare_certificate();
	look_at_certificate(&certificate);
	prepare_tlsa(!files);
	for (size_t i = 0; i < self.domains.count; i++)
		made = prepare_domain(self.domains.names[i]) || made;
	return made;
}

void
keys_status(struct buf *out)
{
	buf_add(out, buf_str(&troubles));
}
