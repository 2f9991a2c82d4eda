#include "smtpd/queue/history_run.h"

#include "lib/base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH_MS = 200, /* what comes meanwhile is written at once */
	BATCH = 64 << 10, /* octets that don't wait so long */
};

static const struct {
	const char *folder; /* below the history's */
	size_t segments, pending;
} rolls[HISTORY_ROLLS] = {
	[HISTORY_MAIL] = { "", HISTORY_SEGMENTS, HISTORY_PENDING },
	[HISTORY_REFUSED] = { "/refused", HISTORY_REFUSED_SEGMENTS,
	    HISTORY_REFUSED_PENDING },
};

/* What the worker has; on the heap, because it can't be stopped. */
struct history_work {
	struct job job;
	struct history *history; /* NULL: cut off */
	struct history_files files[HISTORY_ROLLS];
	struct buf bytes[HISTORY_ROLLS]; /* to be appended */
	int errors[HISTORY_ROLLS]; /* of that, an errno or 0 */
	struct history_run *run; /* to be led on, or NULL */
};

struct history {
	struct loop *loop;
	struct lane *io;
	struct history_work *work;
	bool working;
	struct timer batch;
	struct buf pending[HISTORY_ROLLS];
	uint64_t lost; /* lines, since it has paused */
	struct buf trouble;
	struct list runs; /* that wait for the worker */
	void (*idle)(struct history *); /* of a stop */
	struct later later;
};

static void kick(struct history *);

/* ---- trouble ---- */

static void
note_pause(struct history *h, int error)
{
	if (h->trouble.n > 0)
		return;
	buf_addf(&h->trouble, "the history is paused: %s", strerror(error));
	log_note(LOG_WARN, "history", "%s", buf_cstr(&h->trouble));
}

static void
note_written(struct history *h)
{
	if (h->trouble.n > 0)
		log_note(LOG_INFO, "history", "it goes on; %llu lines are lost",
		    (unsigned long long)h->lost);
	buf_clear(&h->trouble);
	h->lost = 0;
}

static uint64_t
count_lines(struct str lines)
{
	uint64_t count = 0;
	for (size_t i = 0; i < lines.n; i++)
		count += lines.p[i] == '\n';
	return count;
}

const char *
history_trouble(const struct history *h)
{
	struct str trouble = h ? buf_str(&h->trouble) : STR("");
	return str_empty(trouble) ? "" : trouble.p;
}

/* ---- the worker ---- */

static void
run_work(struct job *job)
{
	struct history_work *w = container_of(job, struct history_work, job);
	for (int i = 0; i < HISTORY_ROLLS; i++)
		if (w->bytes[i].n > 0)
			w->errors[i] = history_files_append(
			    &w->files[i], buf_str(&w->bytes[i]));
	if (w->run)
		history_run_step(w->run, w->files);
}

static void
work_free(struct history_work *w)
{
	for (int i = 0; i < HISTORY_ROLLS; i++) {
		history_files_close(&w->files[i]);
		buf_free(&w->bytes[i]);
	}
	if (w->run)
		history_run_free(w->run);
	free(w);
}

static void
note_result(struct history *h, const struct history_work *w)
{
	bool written = false, failed = false;
	for (int i = 0; i < HISTORY_ROLLS; i++) {
		failed |= w->errors[i] || w->files[i].folder < 0;
		written |= w->bytes[i].n > 0;
		if (!w->errors[i])
			continue;
		h->lost += count_lines(buf_str(&w->bytes[i]));
		note_pause(h, w->errors[i]);
	}
	if (written && !failed)
		note_written(h);
}

static void
answer(struct history_search *s, struct history_run *run)
{
	s->lines = buf_take(&run->lines);
	s->last = run->last;
	s->more = run->more;
	s->done(s);
}

/* A search that has said something waits to be asked for more. */
static void
end_step(struct history *h, struct history_run *run)
{
	run->stepping = false;
	if (!run->search)
		history_run_free(run);
	else if (history_run_ready(run))
		answer(run->search, run);
	else
		list_push(&h->runs, &run->node);
}

static void
on_work(struct job *job)
{
	struct history_work *w = container_of(job, struct history_work, job);
	struct history *h = w->history;
	struct history_run *run = w->run;
	if (!h) {
		work_free(w);
		return;
	}
	h->working = false;
	w->run = NULL;
	note_result(h, w);
	for (int i = 0; i < HISTORY_ROLLS; i++)
		buf_free(&w->bytes[i]);
	if (run)
		end_step(h, run);
	kick(h);
}

/* ---- its work ---- */

static void
on_batch(struct timer *timer)
{
	kick(container_of(timer, struct history, batch));
}

static void
on_idle(struct later *later)
{
	struct history *h = container_of(later, struct history, later);
	void (*idle)(struct history *) = h->idle;
	h->idle = NULL;
	idle(h);
}

static struct history_run *
next_run(struct history *h)
{
	struct list_node *node = list_pop(&h->runs);
	return node ? container_of(node, struct history_run, node) : NULL;
}

static size_t
all_pending(const struct history *h)
{
	size_t n = 0;
	for (int i = 0; i < HISTORY_ROLLS; i++)
		n += h->pending[i].n;
	return n;
}

static bool
is_due(const struct history *h)
{
	return h->idle || all_pending(h) >= BATCH || !timer_pending(&h->batch);
}

static void
move_all(struct buf from[HISTORY_ROLLS], struct buf to[HISTORY_ROLLS])
{
	for (int i = 0; i < HISTORY_ROLLS; i++)
		to[i] = buf_take(&from[i]);
}

static void
start_work(struct history *h)
{
	struct history_work *w = h->work;
	timer_stop(&h->batch);
	move_all(h->pending, w->bytes);
	memset(w->errors, 0, sizeof w->errors);
	w->run = next_run(h);
	h->working = job_start(h->io, &w->job, run_work, on_work);
	if (w->run)
		w->run->stepping = h->working;
	if (h->working)
		return;
	move_all(w->bytes, h->pending);
	if (w->run)
		list_push_front(&h->runs, &w->run->node);
	w->run = NULL;
	timer_start(&h->batch, h->loop, BATCH_MS, on_batch);
}

static void
kick(struct history *h)
{
	bool writes = all_pending(h) > 0, searches = !list_empty(&h->runs);
	if (h->working)
		return;
	if (searches || (writes && is_due(h)))
		start_work(h);
	else if (h->idle && !writes)
		loop_later(h->loop, &h->later, on_idle);
}

/* ---- for the others ---- */

static void
open_roll(struct history *h, enum history_roll roll, const char *folder)
{
	struct buf path = { 0 };
	struct history_files *files = &h->work->files[roll];
	buf_addf(&path, "%s%s", folder, rolls[roll].folder);
	history_files_open(files, buf_cstr(&path), rolls[roll].segments);
	if (files->folder < 0)
		note_pause(h, files->error);
	buf_free(&path);
}

struct history *
history_open(struct loop *loop, struct lane *io, const char *folder)
{
	struct history *h = mem_alloc(sizeof *h);
	h->loop = loop;
	h->io = io;
	list_init(&h->runs);
	h->work = mem_alloc(sizeof *h->work);
	h->work->history = h;
	for (enum history_roll i = 0; i < HISTORY_ROLLS; i++)
		open_roll(h, i, folder);
	return h;
}

static void
keep(struct history *h, enum history_roll roll, struct str record)
{
	struct buf *pending = &h->pending[roll];
	if (pending->n + record.n > rolls[roll].pending) {
		h->lost++;
		note_pause(h, ENOBUFS);
		return;
	}
	if (all_pending(h) == 0)
		timer_start(&h->batch, h->loop, BATCH_MS, on_batch);
	buf_add(pending, record);
	kick(h);
}

void
history_end(struct history *h, enum history_roll roll, struct log_line *line)
{
	struct buf record = log_take(line);
	log_end(line);
	if (h && record.n > 0)
		keep(h, roll, buf_str(&record));
	buf_free(&record);
}

void
history_stop(struct history *h, void (*idle)(struct history *))
{
	h->idle = idle;
	kick(h);
}

void
history_free(struct history *h)
{
	struct history_run *run;
	if (!h)
		return;
	timer_stop(&h->batch);
	later_cancel(&h->later);
	while ((run = next_run(h)))
		history_search_cancel(run->search);
	if (h->work->run && h->work->run->search)
		history_search_cancel(h->work->run->search);
	h->work->history = NULL;
	if (!h->working)
		work_free(h->work);
	for (int i = 0; i < HISTORY_ROLLS; i++)
		buf_free(&h->pending[i]);
	buf_free(&h->trouble);
	free(h);
}

/* ---- searching ---- */

void
history_search_start(struct history *h, struct history_search *s,
    enum history_key key, struct str text,
    void (*done)(struct history_search *))
{
	*s = (struct history_search){ .done = done };
	s->run = history_run_new(key, text);
	s->run->search = s;
	list_push(&h->runs, &s->run->node);
	kick(h);
}

void
history_search_next(struct history *h, struct history_search *s)
{
	buf_free(&s->lines);
	list_push(&h->runs, &s->run->node);
	kick(h);
}

void
history_search_cancel(struct history_search *s)
{
	struct history_run *run = s->run;
	buf_free(&s->lines);
	s->run = NULL;
	if (!run)
		return;
	run->search = NULL;
	list_remove(&run->node);
	if (!run->stepping) /* else when the worker gives it back */
		history_run_free(run);
}
