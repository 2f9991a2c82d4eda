#include "lib/trust/sign.h"

#include "lib/base/clock.h"
#include "lib/base/name.h"
#include "lib/trust/sign_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IN_FLIGHT = 256, /* the rest waits here */
	DEADLINE_MS = 2000, /* of one question; then it is asked once more */
};

struct sign_channel {
	struct loop *loop;
	struct watch watch;
	bool closed; /* the other end is gone for good: so is PID 1 */
	uint64_t next_id;
	size_t in_flight; /* length of asked */
	struct list asked; /* works that wait for an answer */
	struct list unsent; /* those of asked that the socket didn't take yet */
	struct list waiting; /* works that wait to be asked */
};

/* One message: key after key is listed, then asked for its signature. */
struct sign_work {
	struct sign_channel *channel;
	struct sign_request *request;
	struct sign_question question; /* the one that waits for its answer */
	char selector[SIGN_SELECTOR]; /* of the key asked to sign */
	uint32_t algorithm;
	struct buf fields; /* finished ones, then the one being made */
	struct timer deadline;
	bool in_flight; /* node is in asked, else in waiting */
	bool retried; /* once for each message */
	struct list_node node;
	struct list_node unsent;
};

/* ---- the queue ---- */

static bool
send_question(struct sign_channel *c, const struct sign_question *q)
{
	ssize_t n = send(c->watch.fd, q, sizeof *q, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		c->closed = true;
	return n == sizeof *q;
}

static void on_deadline(struct timer *);

static void
post(struct sign_work *w)
{
	struct sign_channel *c = w->channel;
	list_remove(&w->unsent);
	list_push(&c->unsent, &w->unsent);
	timer_start(&w->deadline, c->loop, DEADLINE_MS, on_deadline);
}

/* A deadline begins with the place in flight, not with the place in the
   socket: the signer may be away while the socket is full. */
static void
pump(struct sign_channel *c)
{
	struct list_node *node;
	while (c->in_flight < IN_FLIGHT && (node = list_pop(&c->waiting))) {
		struct sign_work *w =
		    container_of(node, struct sign_work, node);
		w->in_flight = true;
		c->in_flight++;
		list_push(&c->asked, node);
		post(w);
	}
	while (!c->closed && (node = list_first(&c->unsent))) {
		struct sign_work *w =
		    container_of(node, struct sign_work, unsent);
		if (!send_question(c, &w->question))
			break;
		list_remove(node);
	}
	watch_change(
	    &c->watch, !c->closed, !c->closed && !list_empty(&c->unsent));
}

static void
ask(struct sign_work *w)
{
	post(w);
	pump(w->channel);
}

static void
set_question(struct sign_work *w, enum sign_kind kind, uint32_t key)
{
	w->question.id = w->channel->next_id++;
	w->question.kind = kind;
	w->question.key = key;
	memset(w->question.digest, 0, SIGN_DIGEST);
}

/* ---- the end ---- */

static void
work_free(struct sign_work *w)
{
	if (w->in_flight)
		w->channel->in_flight--;
	timer_stop(&w->deadline);
	list_remove(&w->node);
	list_remove(&w->unsent);
	buf_free(&w->fields);
	w->request->work = NULL;
	free(w);
}

/* The last thing a callback does: done() may free the channel. */
static void
finish(struct sign_work *w, enum sign_result result)
{
	struct sign_channel *c = w->channel;
	struct sign_request *request = w->request;
	request->result = result;
	if (result == SIGN_DONE)
		request->fields = buf_take(&w->fields);
	work_free(w);
	pump(c);
	request->done(request);
}

/* ---- answers ---- */

static void
ask_list(struct sign_work *w, uint32_t key)
{
	set_question(w, SIGN_LIST, key);
	ask(w);
}

/* The signer came back with other keys while we asked. */
static void
begin_again(struct sign_work *w)
{
	if (w->retried) {
		finish(w, SIGN_AWAY);
		return;
	}
	w->retried = true;
	buf_clear(&w->fields);
	ask_list(w, 0);
}

static void
on_listed(struct sign_work *w, const struct sign_answer *a)
{
	uint32_t key = w->question.key;
	if (a->status == SIGN_NO_KEY) {
		if (key == 0)
			finish(w, SIGN_NOT_OURS);
		else
			begin_again(w);
		return;
	}
	size_t start = w->fields.n;
	memcpy(w->selector, a->selector, SIGN_SELECTOR);
	w->algorithm = a->algorithm;
	sign_field_start(&w->fields, w->request, a->algorithm, w->selector);
	set_question(w, SIGN_SIGN, key);
	sign_field_digest(str_from(buf_str(&w->fields), start),
	    w->request->header, w->question.digest);
	ask(w);
}

static void
on_signed(struct sign_work *w, const struct sign_answer *a)
{
	if (a->status == SIGN_NO_KEY || a->algorithm != w->algorithm ||
	    strcmp(a->selector, w->selector) != 0) {
		begin_again(w);
		return;
	}
	struct str signature = { (const char *)a->signature, a->length };
	sign_field_end(&w->fields, signature);
	if (w->question.key + 1 < a->keys)
		ask_list(w, w->question.key + 1);
	else
		finish(w, SIGN_DONE);
}

/* The selector becomes a part of the header: a signer that was taken over may
   sign what it likes, but write nothing there. */
static bool
is_sane(const struct sign_question *q, const struct sign_answer *a)
{
	if (a->status == SIGN_NO_KEY)
		return true;
	return a->status == SIGN_OK && sign_algorithm_known(a->algorithm) &&
	    a->length <= SIGN_SIGNATURE &&
	    (q->kind == SIGN_LIST || a->length > 0) && q->key < a->keys &&
	    a->keys <= SIGN_KEYS && memchr(a->selector, 0, SIGN_SELECTOR) &&
	    name_is_dns(str_of(a->selector));
}

/* Strays are late answers: of works that were cancelled, asked twice, or from
   before a restart of ours. */
static struct sign_work *
find_work(struct sign_channel *c, const struct sign_answer *a)
{
	struct list_node *node = list_first(&c->asked);
	for (; node; node = list_next(&c->asked, node)) {
		struct sign_work *w =
		    container_of(node, struct sign_work, node);
		if (w->question.id == a->id &&
		    !memcmp(w->question.digest, a->digest, SIGN_DIGEST))
			return w;
	}
	return NULL;
}

static void
on_answer(struct sign_channel *c, const struct sign_answer *a)
{
	struct sign_work *w = find_work(c, a);
	if (!w)
		return;
	if (!is_sane(&w->question, a))
		finish(w, SIGN_AWAY);
	else if (w->question.kind == SIGN_LIST)
		on_listed(w, a);
	else
		on_signed(w, a);
}

/* One record a turn: what it leads to may free the channel. */
static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	(void)writable;
	struct sign_channel *c =
	    container_of(watch, struct sign_channel, watch);
	struct sign_answer a;
	pump(c);
	if (!readable || c->closed)
		return;
	ssize_t n = recv(watch->fd, &a, sizeof a, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		c->closed = true;
		pump(c);
	} else if (n == sizeof a) {
		on_answer(c, &a);
	}
}

static void
on_deadline(struct timer *timer)
{
	struct sign_work *w = container_of(timer, struct sign_work, deadline);
	if (w->retried) {
		finish(w, SIGN_AWAY);
		return;
	}
	w->retried = true;
	ask(w);
}

/* ---- for the asker ---- */

struct sign_channel *
sign_channel_new(struct loop *loop, int socket)
{
	struct sign_channel *c = mem_alloc(sizeof *c);
	c->loop = loop;
	random_bytes(&c->next_id, sizeof c->next_id);
	list_init(&c->asked);
	list_init(&c->unsent);
	list_init(&c->waiting);
	int flags = fcntl(socket, F_GETFL);
	fcntl(socket, F_SETFL, flags | O_NONBLOCK);
	watch_start(&c->watch, loop, socket, true, false, on_ready);
	return c;
}

static void
free_all(struct list *works)
{
	struct list_node *node;
	while ((node = list_first(works)))
		work_free(container_of(node, struct sign_work, node));
}

void
sign_channel_free(struct sign_channel *c)
{
	if (!c)
		return;
	free_all(&c->asked);
	free_all(&c->waiting);
	watch_stop(&c->watch);
	close(c->watch.fd);
	free(c);
}

void
sign_start(struct sign_channel *c, struct sign_request *request,
    void (*done)(struct sign_request *))
{
	struct sign_work *w = mem_alloc(sizeof *w);
	w->channel = c;
	w->request = request;
	request->work = w;
	request->done = done;
	/* A name that is too long for the record is nobody's: left empty. */
	if (request->domain.n < SIGN_DOMAIN)
		snprintf(w->question.domain, SIGN_DOMAIN, "%.*s",
		    STR_ARG(request->domain));
	set_question(w, SIGN_LIST, 0);
	list_push(&c->waiting, &w->node);
	pump(c);
}

void
sign_cancel(struct sign_request *request)
{
	struct sign_work *w = request->work;
	if (!w)
		return;
	struct sign_channel *c = w->channel;
	work_free(w);
	pump(c);
}
