/*
 * load.c - a client that sends prepared messages as fast as they are taken.
 *
 *	load SOURCE PORT SESSIONS RECIPIENTS FOLDER COUNT [USER PASSWORD]
 *
 * From the address SOURCE to 127.0.0.1, over that many sessions at once, each
 * a thread.  RECIPIENTS are addresses with commas between them: each message
 * goes to one, in turn.  With USER, it submits: TLS from the first byte, any
 * certificate, and AUTH PLAIN.  Every file of FOLDER is one message: the
 *reverse-path, a line feed, then the message as it is sent, lines ending in CR
 *LF, none beginning with a dot.  They are read before the first connection and
 *sent in turn until COUNT were taken.  It prints the seconds that took; any
 *other answer than the hoped one ends it with status 1.
 */
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/file.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MESSAGES_MAX = 100000,
	RECIPIENTS_MAX = 1000,
	SESSIONS_MAX = 1000,
	OCTETS_MAX = 1 << 20
};

static struct buf messages[MESSAGES_MAX];
static size_t message_count;
static atomic_size_t next; /* which one, counted from 0 */
static size_t total;
static struct in_addr source;
static uint16_t port;
static struct str recipients[RECIPIENTS_MAX];
static size_t recipient_count;
static const char *user, *password; /* or NULL: without TLS and AUTH */
static SSL_CTX *tls_context;

/* ---- one session ---- */

struct session {
	int fd;
	SSL *tls; /* or NULL */
	struct buf out; /* one command, or one message */
	size_t n; /* bytes in the answer */
	char answer[4096];
};

static ssize_t
get(struct session *s, char *p, size_t n)
{
	return s->tls ? SSL_read(s->tls, p, (int)n) : recv(s->fd, p, n, 0);
}

static ssize_t
put(struct session *s, const char *p, size_t n)
{
	return s->tls ? SSL_write(s->tls, p, (int)n)
		      : send(s->fd, p, n, MSG_NOSIGNAL);
}

/* A whole answer has a last line with a space behind the code. */
static bool
is_whole(const struct session *s)
{
	if (s->n < 4 || s->answer[s->n - 1] != '\n')
		return false;
	size_t line = s->n - 1;
	while (line > 0 && s->answer[line - 1] != '\n')
		line--;
	return s->n - line > 4 && s->answer[line + 3] == ' ';
}

static void
expect(struct session *s, char class)
{
	s->n = 0;
	while (!is_whole(s)) {
		ssize_t got =
		    get(s, s->answer + s->n, sizeof s->answer - 1 - s->n);
		if (got <= 0)
			errx(1, "the server has gone");
		s->n += (size_t)got;
		s->answer[s->n] = '\0';
	}
	if (s->answer[0] != class)
		errx(1, "%s", s->answer);
}

static void
say(struct session *s, char class)
{
	size_t done = 0;
	while (done < s->out.n) {
		ssize_t gone = put(s, s->out.p + done, s->out.n - done);
		if (gone <= 0)
			errx(1, "the server has gone");
		done += (size_t)gone;
	}
	buf_clear(&s->out);
	expect(s, class);
}

static void
start_tls(struct session *s)
{
	s->tls = SSL_new(tls_context);
	if (!s->tls || SSL_set_fd(s->tls, s->fd) != 1 ||
	    SSL_connect(s->tls) != 1)
		errx(1, "no TLS on port %u", (unsigned)port);
}

/* RFC 4616 2 */
static void
authenticate(struct session *s)
{
	struct buf secret = { 0 };
	buf_addf(&secret, "%c%s%c%s", 0, user, 0, password);
	buf_adds(&s->out, "AUTH PLAIN ");
	base64_add(&s->out, buf_str(&secret));
	buf_adds(&s->out, "\r\n");
	say(s, '2');
	buf_free(&secret);
}

static void
connect_there(struct session *s)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = source };
	struct sockaddr_in there = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 ||
	    bind(s->fd, (const struct sockaddr *)&here, sizeof here) != 0 ||
	    connect(s->fd, (const struct sockaddr *)&there, sizeof there) != 0)
		err(1, "connection to port %u", (unsigned)port);
}

static void
open_session(struct session *s)
{
	connect_there(s);
	if (user)
		start_tls(s);
	expect(s, '2');
	buf_adds(&s->out, "EHLO mx.d00.example\r\n");
	say(s, '2');
	if (user)
		authenticate(s);
}

static void
send_message(struct session *s, size_t which)
{
	struct str rest = buf_str(&messages[which % message_count]);
	struct str recipient = recipients[which % recipient_count];
	struct str sender = str_cut(&rest, '\n');
	buf_addf(&s->out, "MAIL FROM:<%.*s>\r\n", STR_ARG(sender));
	say(s, '2');
	buf_addf(&s->out, "RCPT TO:<%.*s>\r\n", STR_ARG(recipient));
	say(s, '2');
	buf_adds(&s->out, "DATA\r\n");
	say(s, '3');
	buf_add(&s->out, rest);
	buf_adds(&s->out, ".\r\n");
	say(s, '2');
}

static void *
run_session(void *unused)
{
	struct session s = { 0 };
	size_t which;
	open_session(&s);
	while ((which = atomic_fetch_add(&next, 1)) < total)
		send_message(&s, which);
	buf_adds(&s.out, "QUIT\r\n");
	say(&s, '2');
	SSL_free(s.tls);
	close(s.fd);
	buf_free(&s.out);
	return unused;
}

/* ---- all of them ---- */

static void
read_messages(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct buf path = { 0 };
	if (!dir)
		err(1, "%s", folder);
	while ((entry = readdir(dir)) && message_count < MESSAGES_MAX) {
		if (entry->d_name[0] == '.')
			continue;
		buf_clear(&path);
		buf_addf(&path, "%s/%s", folder, entry->d_name);
		if (!file_read(buf_cstr(&path), OCTETS_MAX,
			&messages[message_count++]))
			err(1, "%s", buf_cstr(&path));
	}
	closedir(dir);
	buf_free(&path);
	if (message_count == 0)
		errx(1, "%s is empty", folder);
}

static void
read_recipients(struct str list)
{
	while (!str_empty(list) && recipient_count < RECIPIENTS_MAX)
		recipients[recipient_count++] = str_cut(&list, ',');
	if (recipient_count == 0)
		errx(2, "no recipient");
}

static void
read_account(char **words)
{
	user = words[0];
	password = words[1];
	tls_context = SSL_CTX_new(TLS_client_method());
	if (!tls_context)
		errx(1, "no TLS");
}

static void
run_sessions(size_t count)
{
	pthread_t threads[SESSIONS_MAX];
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, run_session, NULL) != 0)
			errx(1, "no thread");
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static size_t
number(const char *text, size_t most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (*end || value == 0 || value > most)
		errx(2, "not a number up to %zu: %s", most, text);
	return value;
}

int
main(int argc, char **argv)
{
	if ((argc != 7 && argc != 9) ||
	    inet_pton(AF_INET, argv[1], &source) != 1)
		errx(2,
		    "usage: load SOURCE PORT SESSIONS RECIPIENTS FOLDER "
		    "COUNT [USER PASSWORD]");
	port = (uint16_t)number(argv[2], UINT16_MAX);
	size_t sessions = number(argv[3], SESSIONS_MAX);
	read_recipients(str_of(argv[4]));
	total = number(argv[6], SIZE_MAX);
	if (argc == 9)
		read_account(argv + 7);
	read_messages(argv[5]);
	int64_t start = clock_mono_ms();
	run_sessions(sessions);
	printf("%.3f\n", (double)(clock_mono_ms() - start) / 1000);
	return 0;
}
