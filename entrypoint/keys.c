/*
 * keys.c - keygen is run for what is missing; it never overwrites.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/host/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KEYGEN_DONE = 0,
	KEYGEN_MISSING = 3, /* no such key */
	KEYGEN_EXISTS = 4,
	OUTPUT_MAX = 4096,
};

static bool
as_user(struct spawn *s, const char *user, const char *group)
{
	s->uid = (uid_t)-1;
	s->gid = (gid_t)-1;
	if (!self.root)
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
	char path[4096];
	snprintf(path, sizeof path, "%s/keygen", self.programs);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	char **arguments = words_copy(words);
	struct spawn s = {
		.program = path,
		.arguments = arguments,
		.environment = self.environment,
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

/* The file dns/<domain>.<selector>.txt of a key that exists. */
static bool
keep_record(const char *domain, struct str txt)
{
	char name[512];
	snprintf(name, sizeof name, "dns/%s.%s.txt", domain, FIRST_SELECTOR);
	struct buf line = buf_of(str_trim(txt));
	buf_addc(&line, '\n');
	bool good = folders_write(name, buf_str(&line), 0644, NULL);
	buf_free(&line);
	return good;
}

static bool
prepare_domain(struct str domain, bool *made)
{
	struct buf txt = { 0 };
	const char *record[] = { "keygen", "dkim-record", domain.p,
		FIRST_SELECTOR, NULL };
	int status = keygen("signer", "signer", record, &txt);
	if (status == KEYGEN_MISSING) {
		buf_clear(&txt);
		record[1] = "dkim";
		status = keygen("signer", "signer", record, &txt);
		if (status == KEYGEN_DONE) {
			*made = true;
			log_note(LOG_INFO, "start",
			    "made the DKIM key %s of %.*s", FIRST_SELECTOR,
			    STR_ARG(domain));
		}
	}
	bool good =
	    status == KEYGEN_DONE && keep_record(record[2], buf_str(&txt));
	if (!good)
		complain("the DKIM key of %.*s is not usable (keygen ended "
			 "with %d): its users can't send until it is",
		    STR_ARG(domain), status);
	buf_free(&txt);
	return good;
}

static bool
prepare_certificate(void)
{
	if (self.settings.tls == TLS_FILES ||
	    file_exists(data_path("tls/cert.pem")))
		return true;
	struct buf output = { 0 };
	const char *hostname = self.settings.hostname.p;
	const char *words[] = { "keygen", "certificate", hostname, NULL };
	int status = keygen("root", "tls", words, &output);
	if (status == KEYGEN_DONE)
		log_note(LOG_INFO, "start",
		    "made a self-signed certificate for %s", hostname);
	else if (status != KEYGEN_EXISTS)
		complain("no certificate for %s could be made (keygen ended "
			 "with %d): TLS is off",
		    hostname, status);
	buf_free(&output);
	return status == KEYGEN_DONE || status == KEYGEN_EXISTS;
}

bool
keys_prepare(bool *made)
{
	bool good = prepare_certificate();
	*made = false;
	for (size_t i = 0; i < self.domains.count; i++)
		good = prepare_domain(self.domains.names[i], made) && good;
	return good;
}
