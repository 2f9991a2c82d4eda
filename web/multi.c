#include "web/multi.h"

#include "lib/base/arena.h"
#include "lib/base/log.h"

#include <stdlib.h>

struct multi {
	struct loop *loop;
	CURLM *handle;
	struct timer timer;
	struct list members;
};

struct multi_socket {
	struct watch watch;
	struct multi *multi;
};

static _Noreturn void
die(const char *what)
{
	log_note(LOG_ERROR, "stop", "libcurl failed: %s", what);
	abort();
}

/* ---- ends ---- */

static void
on_end(struct later *later)
{
	struct multi_member *m =
	    container_of(later, struct multi_member, later);
	m->done(m);
}

static void
end(struct multi_member *m, CURLcode code)
{
	struct loop *loop = m->multi->loop;
	m->code = code;
	multi_remove(m);
	loop_later(loop, &m->later, on_end);
}

static struct multi_member *
find_member(struct multi *multi, const CURL *easy)
{
	struct list_node *node = list_first(&multi->members);
	for (; node; node = list_next(&multi->members, node)) {
		struct multi_member *m =
		    container_of(node, struct multi_member, node);
		if (m->easy == easy)
			return m;
	}
	return NULL;
}

static void
act(struct multi *multi, curl_socket_t fd, int events)
{
	int count;
	const CURLMsg *message;
	if (curl_multi_socket_action(multi->handle, fd, events, &count) !=
	    CURLM_OK)
		die("curl_multi_socket_action");
	while ((message = curl_multi_info_read(multi->handle, &count))) {
		struct multi_member *m =
		    find_member(multi, message->easy_handle);
		if (message->msg == CURLMSG_DONE && m)
			end(m, message->data.result);
	}
}

/* ---- what libcurl wants: its callbacks have contexts without a type ---- */

/* The watch may be gone behind act(). */
static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	struct multi_socket *s =
	    container_of(watch, struct multi_socket, watch);
	act(s->multi, watch->fd,
	    (readable ? CURL_CSELECT_IN : 0) |
		(writable ? CURL_CSELECT_OUT : 0));
}

static void
socket_free(struct multi_socket *s)
{
	if (!s)
		return;
	watch_stop(&s->watch);
	free(s);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *multi_context,
    void *socket_context)
{
	(void)easy;
	struct multi *multi = multi_context;
	struct multi_socket *s = socket_context;
	if (what == CURL_POLL_REMOVE) {
		socket_free(s);
		return 0;
	}
	bool read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
	bool write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
	if (s) {
		watch_change(&s->watch, read, write);
		return 0;
	}
	s = mem_alloc(sizeof *s);
	s->multi = multi;
	watch_start(&s->watch, multi->loop, fd, read, write, on_ready);
	curl_multi_assign(multi->handle, fd, s);
	return 0;
}

static void
on_timer(struct timer *timer)
{
	act(container_of(timer, struct multi, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int
on_timeout(CURLM *handle, long ms, void *context)
{
	(void)handle;
	struct multi *multi = context;
	if (ms < 0)
		timer_stop(&multi->timer);
	else
		timer_start(&multi->timer, multi->loop, ms, on_timer);
	return 0;
}

/* ---- for the owner ---- */

struct multi *
multi_new(struct loop *loop)
{
	struct multi *multi = mem_alloc(sizeof *multi);
	multi->loop = loop;
	list_init(&multi->members);
	multi->handle = curl_multi_init();
	if (!multi->handle)
		die("curl_multi_init");
	curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
	return multi;
}

void
multi_free(struct multi *multi)
{
	if (!multi)
		return;
	curl_multi_cleanup(multi->handle);
	timer_stop(&multi->timer);
	free(multi);
}

void
multi_add(struct multi *multi, struct multi_member *m,
    void (*done)(struct multi_member *))
{
	m->multi = multi;
	m->done = done;
	list_push(&multi->members, &m->node);
	if (curl_multi_add_handle(multi->handle, m->easy) != CURLM_OK)
		end(m, CURLE_FAILED_INIT);
}

void
multi_remove(struct multi_member *m)
{
	later_cancel(&m->later);
	if (!m->multi)
		return;
	curl_multi_remove_handle(m->multi->handle, m->easy);
	list_remove(&m->node);
	m->multi = NULL;
}
