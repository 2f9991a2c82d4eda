#include "smtpd/memories.h"

#include "smtpd/inbound/counters.h"

static struct memories *stopping; /* the callbacks bring no owner along */

static struct str
below(struct arena *arena, const char *data, const char *name)
{
	return arena_printf(arena, "%s/%s", data, name);
}

void
memories_open(
    struct memories *m, struct loop *loop, struct lane *io, const char *data)
{
	struct arena arena = { 0 };
	m->soft = store_open_soft(loop, below(&arena, data, "store/soft").p,
	    below(&arena, data, "bad").p);
	m->dmarc = tally_open(loop, m->soft, &counters_kind);
	m->tls = tally_open(loop, m->soft, &tls_counters_kind);
	tls_counters_init(&m->tls_counters, m->tls);
	m->history = history_open(loop, io, below(&arena, data, "history").p);
	arena_free(&arena);
}

static void
one_idle(void)
{
	if (--stopping->busy == 0)
		stopping->idle(stopping);
}

static void
on_tally_idle(struct tally *tally)
{
	(void)tally;
	one_idle();
}

static void
on_history_idle(struct history *history)
{
	(void)history;
	one_idle();
}

void
memories_stop(struct memories *m, void (*idle)(struct memories *))
{
	stopping = m;
	m->idle = idle;
	m->busy = 3;
	tally_stop(m->dmarc, on_tally_idle);
	tally_stop(m->tls, on_tally_idle);
	history_stop(m->history, on_history_idle);
}

void
memories_free(struct memories *m)
{
	history_free(m->history);
	tally_free(m->dmarc);
	tally_free(m->tls);
}
