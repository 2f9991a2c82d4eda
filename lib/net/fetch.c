#include "lib/net/fetch.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/net/fetch_places.h"
#include "lib/net/fetch_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GRACE_MS = 5000, /* web keeps the time itself */
};

struct fetch_channel {
	struct loop *loop;
	struct watch watch;
	bool closed; /* the other end is gone for good: so is PID 1 */
	uint64_t next_id;
	struct fetch_places places; /* their holders wait for an answer */
	struct buf record; /* the one that is read */
};

struct fetch_work {
	struct fetch_channel *channel;
	struct fetch *fetch; /* NULL: cancelled, but web is at it */
	uint64_t id; /* once it is asked */
	struct timer deadline;
	bool again; /* asked a second time */
	struct fetch_place place;
	char home[]; /* the place's */
};

static struct fetch_work *
work_of(struct list_node *node)
{
	return container_of(node, struct fetch_work, place.node);
}

/* ---- the end ---- */

static void pump(struct fetch_channel *);

static void
work_free(struct fetch_work *w)
{
	fetch_places_leave(&w->channel->places, &w->place);
	timer_stop(&w->deadline);
	if (w->fetch)
		w->fetch->work = NULL;
	free(w);
}

/* The last thing a callback does: done() may free the channel. */
static void
finish(struct fetch_work *w, enum fetch_result result)
{
	struct fetch_channel *c = w->channel;
	struct fetch *fetch = w->fetch;
	work_free(w);
	pump(c);
	if (!fetch)
		return;
	fetch->result = result;
	fetch->done(fetch);
}

static void
on_deadline(struct timer *timer)
{
	finish(container_of(timer, struct fetch_work, deadline), FETCH_AWAY);
}

/* As when no answer comes, but soon. */
static void
give_up(struct fetch_work *w)
{
	timer_start(&w->deadline, w->channel->loop, 0, on_deadline);
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
	q.ms = fetch_places_patience(&c->places, w->place.kind);
	bool can_be_said = write_question(w->fetch, &q);
	if (can_be_said &&
	    fetch_wire_send(c->watch.fd, &q, sizeof q, w->fetch->body)) {
		w->id = c->next_id++;
		timer_start(
		    &w->deadline, c->loop, q.ms + GRACE_MS, on_deadline);
		return true;
	}
	if (can_be_said && errno != EMSGSIZE) { /* of the socket's room */
		c->closed = errno != EAGAIN && errno != ENOBUFS;
		return false;
	}
	give_up(w);
	return true;
}

/* ---- from place to place ---- */

static void
give_up_all(struct list *works)
{
	struct list_node *node = list_first(works);
	for (; node; node = list_next(works, node))
		give_up(work_of(node));
}

static void
pump(struct fetch_channel *c)
{
	struct fetch_place *next;
	bool full = false;
	while (!c->closed && !full && (next = fetch_places_next(&c->places))) {
		full = !send_question(c, work_of(&next->node));
		if (!full)
			fetch_places_take(&c->places, next);
	}
	if (c->closed) {
		give_up_all(&c->places.holders);
		give_up_all(&c->places.waiting);
	}
	watch_change(&c->watch, !c->closed, !c->closed && full);
}

/* web has started: what it was asked before is lost.  What is lost twice may
   be what stops it. */
static void
ask_again(struct fetch_channel *c)
{
	struct fetch_places *places = &c->places;
	struct list_node *node = list_first(&places->holders), *next;
	for (; node; node = next) {
		struct fetch_work *w = work_of(node);
		next = list_next(&places->holders, node);
		if (w->again || !w->fetch) {
			give_up(w);
			continue;
		}
		fetch_places_leave(places, &w->place);
		w->again = true;
		fetch_places_wait(places, &w->place);
		timer_start(&w->deadline, c->loop, FETCH_WAIT_MS, on_deadline);
	}
	pump(c);
}

/* ---- answers ---- */

/* Strays are late answers: of works that were cancelled or given up, or from
   before a restart of ours. */
static struct fetch_work *
find_work(struct fetch_channel *c, uint64_t id)
{
	struct list *holders = &c->places.holders;
	struct list_node *node = list_first(holders);
	while (node && work_of(node)->id != id)
		node = list_next(holders, node);
	return node ? work_of(node) : NULL;
}

static void
on_record(struct fetch_channel *c)
{
	struct fetch_answer a;
	struct str content;
	if (!fetch_answer_read(buf_str(&c->record), &a, &content))
		return;
	if (a.id == FETCH_START) {
		ask_again(c);
		return;
	}
	struct fetch_work *w = find_work(c, a.id);
	if (!w)
		return;
	if (!w->fetch) {
		finish(w, FETCH_AWAY);
		return;
	}
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
	c->next_id += c->next_id == FETCH_START;
	fetch_places_init(&c->places);
	fetch_wire_prepare(socket);
	watch_start(&c->watch, loop, socket, true, false, on_ready);
	return c;
}

static void
free_all(struct list *works)
{
	struct list_node *node;
	while ((node = list_first(works)))
		work_free(work_of(node));
}

void
fetch_channel_free(struct fetch_channel *c)
{
	if (!c)
		return;
	free_all(&c->places.holders);
	free_all(&c->places.waiting);
	watch_stop(&c->watch);
	close(c->watch.fd);
	buf_free(&c->record);
	free(c);
}

static enum fetch_kind
kind_of(const struct fetch *fetch)
{
	if (fetch->post)
		return FETCH_POSTED;
	return fetch->ahead ? FETCH_AHEAD : FETCH_AWAITED;
}

static struct fetch_work *
work_new(struct fetch_channel *c, struct fetch *fetch)
{
	struct str home = fetch_places_home(fetch->host);
	struct fetch_work *w = mem_alloc(sizeof *w + home.n);
	if (home.n > 0)
		memcpy(w->home, home.p, home.n);
	w->place.home = (struct str){ w->home, home.n };
	w->place.kind = kind_of(fetch);
	w->channel = c;
	w->fetch = fetch;
	return w;
}

void
fetch_start(
    struct fetch_channel *c, struct fetch *fetch, void (*done)(struct fetch *))
{
	struct fetch_work *w = work_new(c, fetch);
	fetch->work = w;
	fetch->done = done;
	fetch->status = 0;
	fetch->content_type = fetch->content = STR("");
	timer_start(&w->deadline, c->loop, FETCH_WAIT_MS, on_deadline);
	fetch_places_wait(&c->places, &w->place);
	pump(c);
}

void
fetch_cancel(struct fetch *fetch)
{
	struct fetch_work *w = fetch->work;
	if (!w)
		return;
	/* What web is at keeps its place until it is done. */
	fetch->work = NULL;
	w->fetch = NULL;
	if (!w->place.taken)
		work_free(w);
}
