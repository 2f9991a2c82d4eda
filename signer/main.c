/*
 * signer - the only process that can read the DKIM private keys.
 *
 * It loads them, shuts itself in, and then answers questions of fixed size
 * over the socket that PID 1 made.  It parses nothing else.
 */
#include "lib/base/log.h"
#include "lib/base/settings.h"
#include "lib/host/handover.h"
#include "lib/host/sandbox.h"
#include "signer/keyring.h"
#include "signer/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EXIT_BROKEN = 1,
	EXIT_SETTINGS = 78
};

/* The question in hand, if any, is asked again by smtpd. */
static void
on_sigterm(int number)
{
	(void)number;
	_exit(0);
}

/* The socket to smtpd, or -1. */
static int
receive_socket(void)
{
	char name[HANDOVER_NAME];
	int fd, found = -1;
	while (handover_receive(HANDOVER_FD, name, &fd) == 1 &&
	    strcmp(name, "go") != 0) {
		if (strcmp(name, "signer") == 0 && found < 0)
			found = fd;
		else if (fd >= 0)
			close(fd);
	}
	close(HANDOVER_FD);
	if (found >= 0)
		fcntl(found, F_SETFL,
		    fcntl(found, F_GETFL) & ~O_NONBLOCK); /* we do wait */
	return found;
}

static bool
load_keys(struct keyring *ring)
{
	struct settings settings = { 0 };
	struct buf errors = { 0 };
	bool good = settings_load(&settings, environ, &errors);
	if (good) {
		log_open(settings.log_level, settings.log_json, "signer");
		keyring_load(ring,
		    arena_printf(&ring->arena, "%s/keys", settings.data.p).p);
	} else {
		fputs(buf_cstr(&errors), stderr);
	}
	settings_free(&settings);
	buf_free(&errors);
	return good;
}

/* Until the other side is gone: smtpd may restart, PID 1 keeps the pair. */
static void
answer_all(const struct keyring *ring, int socket)
{
	struct sign_question q;
	struct sign_answer a;
	for (;;) {
		ssize_t n = recv(socket, &q, sizeof q, 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			return;
		if (n != sizeof q)
			continue;
		signer_answer(ring, &q, &a);
		if (send(socket, &a, sizeof a, MSG_NOSIGNAL) < 0)
			return;
	}
}

int
main(void)
{
	struct keyring ring = { 0 };
	signal(SIGTERM, on_sigterm);
	if (!load_keys(&ring))
		return EXIT_SETTINGS;
	int socket = receive_socket();
	if (socket < 0) {
		log_note(LOG_ERROR, "stop", "signer is started by entrypoint");
		return EXIT_BROKEN;
	}
	signer_warm_up(&ring);
	sandbox_enter(NULL, 0, SANDBOX_CALLS_SIGNER);
	struct log_line line = log_begin(LOG_INFO, "start");
	log_d(&line, "domains", (int64_t)ring.domains.count);
	log_d(&line, "keys", (int64_t)ring.key_count);
	log_end(&line);
	answer_all(&ring, socket);
	log_note(LOG_ERROR, "stop", "the socket to smtpd is gone");
	return EXIT_BROKEN;
}
