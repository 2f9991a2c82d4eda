#include "lib/mail/message.h"

#include "lib/base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct message *
message_new(void)
{
	return mem_alloc(sizeof(struct message));
}

void
message_free(struct message *message)
{
	if (!message)
		return;
	buf_free(&message->header);
	buf_free(&message->body);
	buf_free(&message->file);
	free(message);
}

static uint64_t
body_size(const struct message *message)
{
	return message->file.n > 0 ? message->file_size : message->body.n;
}

uint64_t
message_size(const struct message *message)
{
	return message->header.n + body_size(message);
}

void
message_read_start(struct message_reader *reader, const struct message *message)
{
	*reader = (struct message_reader){ .message = message, .fd = -1 };
}

static int
open_body(const struct message *message)
{
	char *path = mem_cstr(buf_str(&message->file));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int error = errno;
	free(path);
	errno = error;
	return fd;
}

/* A file that is shorter than it was is a failure, not an end. */
static long
read_file(struct message_reader *reader, uint64_t at, char *to, size_t n)
{
	ssize_t got;
	if (reader->fd < 0)
		reader->fd = open_body(reader->message);
	if (reader->fd < 0)
		return -1;
	do
		got = pread(reader->fd, to, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		errno = EIO;
	return got > 0 ? got : -1;
}

long
message_read(struct message_reader *reader, char *to, size_t cap)
{
	const struct message *message = reader->message;
	bool in_header = reader->at < message->header.n;
	uint64_t at = in_header ? reader->at : reader->at - message->header.n;
	uint64_t left =
	    (in_header ? message->header.n : body_size(message)) - at;
	size_t n = left < cap ? (size_t)left : cap;
	long got = (long)n;
	if (n == 0)
		return 0;
	if (!in_header && message->file.n > 0)
		got = read_file(reader, at, to, n);
	else
		memcpy(to,
		    (in_header ? message->header.p : message->body.p) + at, n);
	if (got > 0)
		reader->at += (uint64_t)got;
	return got;
}

void
message_read_end(struct message_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
}
