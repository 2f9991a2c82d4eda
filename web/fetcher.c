#include "web/fetcher.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fetcher {
	struct loop *loop;
	struct multi *multi;
	const struct transfer_rules *rules;
	void (*gone)(void);
	struct watch watch;
	bool announced; /* smtpd knows that it has to ask again */
	size_t count; /* of both lists: at most FETCH_PLACES */
	struct list running, unsent; /* of errands */
	struct buf record; /* the one that is read */
};

struct errand { /* one question */
	struct transfer transfer;
	struct fetcher *fetcher;
	int64_t start_ms;
	struct list_node node;
};

static void
errand_free(struct errand *e)
{
	e->fetcher->count--;
	list_remove(&e->node);
	transfer_free(&e->transfer);
	free(e);
}

/* ---- answers ---- */

static bool
send_answer(int socket, const struct transfer *t)
{
	struct fetch_answer a = {
		.id = t->question.id,
		.result = t->result,
		.status = t->status,
		.length = (uint32_t)t->content.n,
	};
	memcpy(a.type, t->type, sizeof a.type);
	return fetch_wire_send(socket, &a, sizeof a, buf_str(&t->content));
}

static bool
is_full(void)
{
	return errno == EAGAIN || errno == ENOBUFS;
}

static void
announce(struct fetcher *f)
{
	struct fetch_answer a = { .id = FETCH_START };
	f->announced =
	    fetch_wire_send(f->watch.fd, &a, sizeof a, STR("")) || !is_full();
}

/* What smtpd doesn't take waits, and with it further questions. */
static void
pump(struct fetcher *f)
{
	struct list_node *node;
	if (!f->announced)
		announce(f);
	while (f->announced && (node = list_first(&f->unsent))) {
		struct errand *e = container_of(node, struct errand, node);
		if (!send_answer(f->watch.fd, &e->transfer) && is_full())
			break;
		errand_free(e);
	}
	watch_change(&f->watch, f->count < FETCH_PLACES,
	    !f->announced || !list_empty(&f->unsent));
}

static void
tell(const struct errand *e)
{
	const struct transfer *t = &e->transfer;
	struct log_line l =
	    log_begin(t->result == FETCH_DONE ? LOG_DEBUG : LOG_INFO, "fetch");
	log_c(&l, "host", t->question.host);
	if (t->result == FETCH_DONE)
		log_d(&l, "status", t->status);
	else
		log_c(&l, "error", t->trouble);
	log_d(&l, "ms", clock_mono_ms() - e->start_ms);
	log_end(&l);
}

static void
on_transferred(struct transfer *t)
{
	struct errand *e = container_of(t, struct errand, transfer);
	tell(e);
	list_remove(&e->node);
	list_push(&e->fetcher->unsent, &e->node);
	pump(e->fetcher);
}

/* ---- questions ---- */

/* One that is none can only be ours, of another build: nobody waits. */
static void
begin(struct fetcher *f, struct str record)
{
	struct str body;
	struct errand *e = mem_alloc(sizeof *e);
	e->fetcher = f;
	e->start_ms = clock_mono_ms();
	f->count++;
	list_push(&f->running, &e->node);
	if (!fetch_question_read(record, &e->transfer.question, &body)) {
		errand_free(e);
		return;
	}
	e->transfer.body = buf_of(body);
	transfer_start(&e->transfer, f->multi, f->rules, on_transferred);
}

static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	(void)writable;
	struct fetcher *f = container_of(watch, struct fetcher, watch);
	int got = 0;
	if (readable && f->count < FETCH_PLACES)
		got = fetch_wire_receive(
		    watch->fd, &f->record, FETCH_QUESTION_MAX);
	if (got > 0)
		begin(f, buf_str(&f->record));
	if (got >= 0)
		pump(f);
	else
		f->gone();
}

/* ---- for the owner ---- */

/* Of before the start: smtpd asks all of it again, and would else be answered
   twice. */
static void
skip_questions(struct fetcher *f)
{
	while (
	    fetch_wire_receive(f->watch.fd, &f->record, FETCH_QUESTION_MAX) > 0)
		continue;
}

struct fetcher *
fetcher_new(struct loop *loop, struct multi *multi, int socket,
    const struct transfer_rules *rules, void (*gone)(void))
{
	struct fetcher *f = mem_alloc(sizeof *f);
	f->loop = loop;
	f->multi = multi;
	f->rules = rules;
	f->gone = gone;
	list_init(&f->running);
	list_init(&f->unsent);
	fetch_wire_prepare(socket);
	watch_start(&f->watch, loop, socket, true, false, on_ready);
	skip_questions(f);
	pump(f);
	return f;
}

static void
free_all(struct list *errands)
{
	struct list_node *node;
	while ((node = list_first(errands)))
		errand_free(container_of(node, struct errand, node));
}

void
fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	free_all(&f->running);
	free_all(&f->unsent);
	watch_stop(&f->watch);
	close(f->watch.fd);
	buf_free(&f->record);
	free(f);
}
