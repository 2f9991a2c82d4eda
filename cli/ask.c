/*
 * ask.c - questions to smtpd over its control socket: JSON lines.
 */
#include "cli/cli.h"

#include "lib/base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_S = 10, LINE_MAX_OCTETS = 16 << 20 };

struct ask {
	int fd;
	struct buf input;
};

static int
connect_control(struct cli *cli)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = run_path(cli, "control");
	struct timeval wait = { .tv_sec = WAIT_S };
	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

struct ask *
ask_start(struct cli *cli, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	struct buf line = buf_of(str_of(text));
	buf_addc(&line, '\n');
	free(text);
	int fd = connect_control(cli);
	bool sent = fd >= 0 && fd_write_all(fd, buf_str(&line));
	buf_free(&line);
	if (!sent) {
		say(UNREACHABLE, "the server doesn't answer on %s: %s",
		    run_path(cli, "control"), strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct ask *a = mem_alloc(sizeof *a);
	a->fd = fd;
	return a;
}

json_t *
ask_line(struct ask *a)
{
	size_t end;
	while ((end = str_find(buf_str(&a->input), '\n')) == a->input.n) {
		enum { PIECE = 4096 };
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
		return say(UNREACHABLE, "the server went away");
	if (json_is_true(json_object_get(answer, "ok")))
		return DONE;
	json_t *exit = json_object_get(answer, "exit");
	return say(json_is_integer(exit) ? (int)json_integer_value(exit) :
					   FAILED,
	    "%s", json_string_value(json_object_get(answer, "error")));
}

int
ask_once(struct cli *cli, const char *verb, json_t **answer)
{
	struct ask *a = ask_start(cli, json_pack("{s:s}", "verb", verb));
	if (!a)
		return UNREACHABLE;
	*answer = ask_line(a);
	ask_end(a);
	int code = ask_result(*answer);
	if (code) {
		json_decref(*answer);
		*answer = NULL;
	}
	return code;
}
