/*
 * ask.c - questions to smtpd over its control socket: JSON lines.
 */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	WAIT_S = 10, /* for a line of the answer */
	QUIET_S = 2, /* the same, where nobody needs it */
	PIECE = 4096, /* octets that are read at once */
	LINE_MAX_OCTETS = 16 << 20,
};

struct ask {
	int fd;
	struct buf input;
};

/* -1 with errno. */
static int
connect_control(const char *path, int wait_s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = wait_s };
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
no_answer(struct cli *cli)
{
	return cli_say(UNREACHABLE, "the server doesn't answer on %s: %s",
	    cli_run_path(cli, "control"), strerror(errno));
}

static bool
send_request(int fd, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	struct buf line = buf_of(str_of(text));
	buf_addc(&line, '\n');
	free(text);
	ssize_t n = send(fd, line.p, line.n, MSG_NOSIGNAL);
	bool sent = n >= 0 && (size_t)n == line.n;
	buf_free(&line);
	return sent;
}

/* NULL with errno. */
static struct ask *
ask_open(struct cli *cli, json_t *request, int wait_s)
{
	struct ask *a = NULL;
	int fd = connect_control(cli_run_path(cli, "control"), wait_s);
	if (fd >= 0 && send_request(fd, request)) {
		a = mem_alloc(sizeof *a);
		a->fd = fd;
	} else if (fd >= 0) {
		close(fd);
	}
	json_decref(request);
	return a;
}

struct ask *
ask_start(struct cli *cli, json_t *request)
{
	struct ask *a = ask_open(cli, request, WAIT_S);
	if (!a)
		no_answer(cli);
	return a;
}

/* Without an answer it does so by itself within a second. */
void
ask_reload(struct cli *cli)
{
	struct ask *a =
	    ask_open(cli, json_pack("{s:s}", "verb", "reload"), QUIET_S);
	if (!a)
		return;
	json_decref(ask_line(a));
	ask_end(a);
}

/* The other end's identity is that of who listened: PID 1. */
int
ask_rescan(struct cli *cli)
{
	struct ucred peer = { 0 };
	socklen_t n = sizeof peer;
	int fd = connect_control(cli_run_path(cli, "control"), WAIT_S);
	if (fd < 0)
		return no_answer(cli);
	bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	    peer.pid > 0;
	close(fd);
	if (known && kill(peer.pid, SIGHUP) == 0)
		return DONE;
	return cli_say(
	    UNREACHABLE, "can't tell the server: %s", strerror(errno));
}

json_t *
ask_line(struct ask *a)
{
	size_t end;
	while ((end = str_find(buf_str(&a->input), '\n')) == a->input.n) {
		ssize_t n = read(a->fd, buf_reserve(&a->input, PIECE), PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || a->input.n > LINE_MAX_OCTETS)
			return NULL;
		a->input.n += (size_t)n;
	}
	json_t *line = json_loadb(a->input.p, end, 0, NULL);
	buf_drain(&a->input, end + 1);
	return line;
}

void
ask_end(struct ask *a)
{
	close(a->fd);
	buf_free(&a->input);
	free(a);
}

int
ask_result(const json_t *answer)
{
	if (!answer)
		return cli_say(
		    UNREACHABLE, "the server doesn't answer any more");
	if (json_is_true(json_object_get(answer, "ok")))
		return DONE;
	const json_t *exit = json_object_get(answer, "exit");
	const char *error = json_string_value(json_object_get(answer, "error"));
	return cli_say(
	    json_is_integer(exit) ? (int)json_integer_value(exit) : FAILED,
	    "%s", error ? error : "the server's answer can't be read");
}

int
ask_slowly(struct cli *cli, json_t *request, int wait_seconds, json_t **answer)
{
	struct timeval wait = { .tv_sec = wait_seconds };
	struct ask *a = ask_start(cli, request);
	*answer = NULL;
	if (!a)
		return UNREACHABLE;
	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	*answer = ask_line(a);
	ask_end(a);
	int code = ask_result(*answer);
	if (code) {
		json_decref(*answer);
		*answer = NULL;
	}
	return code;
}

int
ask_once(struct cli *cli, const char *verb, json_t **answer)
{
	return ask_slowly(
	    cli, json_pack("{s:s}", "verb", verb), WAIT_S, answer);
}
