#include "lib/net/fetch.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/net/fetch_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IN_FLIGHT = 16, /* as many as web has under way; the rest waits here */
	POSTS = 4, /* of them: reports can wait, mail waits for policies */
	GRACE_MS = 5000, /* web keeps the time itself */
};

struct fetch_channel {
	struct loop *loop;
	struct watch watch;
	bool closed; /* the other end is gone for good: so is PID 1 */
	uint64_t next_id;
	size_t in_flight; /* length of asked */
	size_t posts; /* in it */
	struct list asked; /* works that wait for an answer */
	struct list waiting; /* works that wait to be asked */
	struct buf record; /* the one that is read */
};

struct fetch_work {
	struct fetch_channel *channel;
	struct fetch *fetch;
	uint64_t id; /* once it is asked */
	struct timer deadline;
	bool in_flight; /* node is in asked, else in waiting */
	bool post;
	struct list_node node;
};

/* ---- the end ---- */

static void pump(struct fetch_channel *);

static void
work_free(struct fetch_work *w)
{
	if (w->in_flight) {
		w->channel->in_flight--;
		w->channel->posts -= w->post;
	}
	timer_stop(&w->deadline);
	list_remove(&w->node);
	w->fetch->work = NULL;
	free(w);
}

/* The last thing a callback does: done() may free the channel. */
static void
finish(struct fetch_work *w, enum fetch_result result)
{
	struct fetch_channel *c = w->channel;
	struct fetch *fetch = w->fetch;
	fetch->result = result;
	work_free(w);
	pump(c);
	fetch->done(fetch);
}

static void
on_deadline(struct timer *timer)
{
	finish(container_of(timer, struct fetch_work, deadline), FETCH_AWAY);
}

/* ---- questions ---- */

/* False: no record can say it. */
static bool
write_question(const struct fetch *f, struct fetch_question *q)
{
	if (f->count > FETCH_IPS || f->body.n > FETCH_POST)
		return false;
	q->length = (uint32_t)f->body.n;
	q->port = f->port;
	q->post = f->post;
	q->count = (uint8_t)f->count;
	memcpy(q->ips, f->ips, f->count * sizeof *f->ips);
	return fetch_wire_set_host(q, f->host) &&
	    fetch_wire_set_path(q, f->path) &&
	    fetch_wire_set_type(q->type, f->type);
}

/* False: the socket is full. */
static bool
send_question(struct fetch_channel *c, struct fetch_work *w)
{
	struct fetch_question q = { .id = c->next_id };
	bool can_be_said = write_question(w->fetch, &q);
	if (can_be_said &&
	    fetch_wire_send(c->watch.fd, &q, sizeof q, w->fetch->body)) {
		w->id = c->next_id++;
		return true;
	}
	if (can_be_said && errno != EMSGSIZE) { /* of the socket's room */
		c->closed = errno != EAGAIN && errno != ENOBUFS;
		return false;
	}
	timer_start(&w->deadline, c->loop, 0, on_deadline);
	return true; /* it fails soon, as no answer does */
}

static struct fetch_work *
next_work(struct fetch_channel *c)
{
	struct list_node *node = list_first(&c->waiting);
	for (; node; node = list_next(&c->waiting, node)) {
		struct fetch_work *w =
		    container_of(node, struct fetch_work, node);
		if (!w->post || c->posts < POSTS)
			return w;
	}
	return NULL;
}

static void
pump(struct fetch_channel *c)
{
	struct fetch_work *w;
	bool full = false;
	while (!c->closed && !full && c->in_flight < IN_FLIGHT &&
	    (w = next_work(c))) {
		full = !send_question(c, w);
		if (full)
			break;
		list_remove(&w->node);
		list_push(&c->asked, &w->node);
		w->in_flight = true;
		c->in_flight++;
		c->posts += w->post;
	}
	watch_change(&c->watch, !c->closed, !c->closed && full);
}

/* ---- answers ---- */

/* Strays are late answers: of works that were cancelled or given up, or from
   before a restart of ours. */
static struct fetch_work *
find_work(struct fetch_channel *c, uint64_t id)
{
	struct list_node *node = list_first(&c->asked);
	for (; node; node = list_next(&c->asked, node)) {
		struct fetch_work *w =
		    container_of(node, struct fetch_work, node);
		if (w->id == id)
			return w;
	}
	return NULL;
}

static void
on_record(struct fetch_channel *c)
{
	struct fetch_answer a;
	struct str content;
	if (!fetch_answer_read(buf_str(&c->record), &a, &content))
		return;
	struct fetch_work *w = find_work(c, a.id);
	if (!w)
		return;
	/* Kept apart from the channel, which done() may free. */
	struct buf record = buf_take(&c->record);
	w->fetch->status = a.status;
	w->fetch->content_type = str_of(a.type);
	w->fetch->content = content;
	finish(w, (enum fetch_result)a.result);
	buf_free(&record);
}

/* One record a turn: what it leads to may free the channel. */
static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	(void)writable;
	struct fetch_channel *c =
	    container_of(watch, struct fetch_channel, watch);
	pump(c);
	if (!readable || c->closed)
		return;
	int got = fetch_wire_receive(watch->fd, &c->record, FETCH_ANSWER_MAX);
	if (got > 0) {
		on_record(c);
	} else if (got < 0) {
		c->closed = true;
		pump(c);
	}
}

/* ---- for the asker ---- */

struct fetch_channel *
fetch_channel_new(struct loop *loop, int socket)
{
	struct fetch_channel *c = mem_alloc(sizeof *c);
	c->loop = loop;
	random_bytes(&c->next_id, sizeof c->next_id);
	list_init(&c->asked);
	list_init(&c->waiting);
	fetch_wire_prepare(socket);
	watch_start(&c->watch, loop, socket, true, false, on_ready);
	return c;
}

static void
free_all(struct list *works)
{
	struct list_node *node;
	while ((node = list_first(works)))
		work_free(container_of(node, struct fetch_work, node));
}

void
fetch_channel_free(struct fetch_channel *c)
{
	if (!c)
		return;
	free_all(&c->asked);
	free_all(&c->waiting);
	watch_stop(&c->watch);
	close(c->watch.fd);
	buf_free(&c->record);
	free(c);
}

void
fetch_start(
    struct fetch_channel *c, struct fetch *fetch, void (*done)(struct fetch *))
{
	struct fetch_work *w = mem_alloc(sizeof *w);
	w->channel = c;
	w->fetch = fetch;
	w->post = fetch->post;
	fetch->work = w;
	fetch->done = done;
	fetch->status = 0;
	fetch->content_type = fetch->content = STR("");
	timer_start(&w->deadline, c->loop, FETCH_MS + GRACE_MS, on_deadline);
	list_push(&c->waiting, &w->node);
	pump(c);
}

void
fetch_cancel(struct fetch *fetch)
{
	struct fetch_work *w = fetch->work;
	if (!w)
		return;
	struct fetch_channel *c = w->channel;
	work_free(w);
	pump(c);
}
