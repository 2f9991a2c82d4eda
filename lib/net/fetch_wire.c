#include "lib/net/fetch_wire.h"

#include "lib/base/name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum {
	ROOM = 2 * FETCH_QUESTION_MAX, /* the kernel counts its own, too */
	STATUS_MAX = 999,
};

/* ---- the socket ---- */

void
fetch_wire_prepare(int socket)
{
	int room = ROOM;
	fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
	setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

bool
fetch_wire_send(int socket, const void *head, size_t size, struct str body)
{
	struct iovec parts[] = {
		{ (void *)(uintptr_t)head, size },
		{ (void *)(uintptr_t)body.p, body.n },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n >= 0 && (size_t)n == size + body.n;
}

/* One octet more than the largest record: a longer one fails its check. */
int
fetch_wire_receive(int socket, struct buf *record, size_t most)
{
	buf_clear(record);
	ssize_t n = recv(socket, buf_reserve(record, most + 1), most + 1, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	record->n = (size_t)n;
	return n > 0 ? 1 : -1;
}

/* ---- texts ---- */

/* No space: a path becomes a part of a request's first line. */
static bool
is_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool
is_path(struct str s)
{
	return str_starts(s, STR("/")) && is_visible(s);
}

static bool
set(char *field, size_t size, struct str text)
{
	memset(field, 0, size);
	if (text.n >= size)
		return false;
	if (text.n > 0)
		memcpy(field, text.p, text.n);
	return true;
}

bool
fetch_wire_set_host(struct fetch_question *q, struct str host)
{
	return name_is_host(host) && set(q->host, sizeof q->host, host);
}

bool
fetch_wire_set_path(struct fetch_question *q, struct str path)
{
	return is_path(path) && set(q->path, sizeof q->path, path);
}

bool
fetch_wire_set_type(char type[FETCH_TYPE], struct str text)
{
	return is_visible(text) && set(type, FETCH_TYPE, text);
}

/* "" when the field has no end; "" is nowhere a right value but of a type. */
static struct str
text_of(const char *field, size_t size)
{
	const char *end = memchr(field, 0, size);
	return end ? (struct str){ field, (size_t)(end - field) } : STR("");
}

static bool
is_type(const char type[FETCH_TYPE])
{
	return memchr(type, 0, FETCH_TYPE) &&
	    is_visible(text_of(type, FETCH_TYPE));
}

/* ---- records ---- */

static bool
are_addresses(const struct fetch_question *q)
{
	if (q->count == 0 || q->count > FETCH_IPS)
		return false;
	for (unsigned i = 0; i < q->count; i++)
		if (q->ips[i].family != 4 && q->ips[i].family != 6)
			return false;
	return true;
}

static bool
is_question(const struct fetch_question *q)
{
	return q->port != 0 && q->ms > 0 && q->ms <= FETCH_MS && q->post <= 1 &&
	    (q->post || q->length == 0) && q->length <= FETCH_POST &&
	    q->id != FETCH_START && are_addresses(q) &&
	    name_is_host(text_of(q->host, sizeof q->host)) &&
	    is_path(text_of(q->path, sizeof q->path)) && is_type(q->type);
}

bool
fetch_question_read(
    struct str record, struct fetch_question *q, struct str *body)
{
	if (record.n < sizeof *q)
		return false;
	memcpy(q, record.p, sizeof *q);
	*body = str_from(record, sizeof *q);
	return q->length == body->n && is_question(q);
}

bool
fetch_answer_read(
    struct str record, struct fetch_answer *a, struct str *content)
{
	if (record.n < sizeof *a)
		return false;
	memcpy(a, record.p, sizeof *a);
	*content = str_from(record, sizeof *a);
	return a->length == content->n && a->length <= FETCH_BODY &&
	    a->result < FETCH_AWAY && a->status <= STATUS_MAX &&
	    is_type(a->type);
}
