#include "tests/fakes/fetch.h"

#include "lib/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fetch_work {
	struct fetch *fetch;
	struct later later;
	struct list_node node;
};

struct fake_fetch fake_fetch;

static struct loop *loop;
static struct list works;

static void
work_free(struct fetch_work *w)
{
	fake_fetch.open--;
	later_cancel(&w->later);
	list_remove(&w->node);
	w->fetch->work = NULL;
	free(w);
}

static void
on_later(struct later *later)
{
	struct fetch_work *w = container_of(later, struct fetch_work, later);
	struct fetch *f = w->fetch;
	work_free(w);
	f->result = fake_fetch.result;
	f->status = fake_fetch.status;
	f->content_type = str_of(fake_fetch.type);
	f->content = str_of(fake_fetch.content);
	if (fake_fetch.size)
		f->content.n = fake_fetch.size;
	f->done(f);
}

void
fetch_start(
    struct fetch_channel *c, struct fetch *f, void (*done)(struct fetch *))
{
	struct fetch_work *w = mem_alloc(sizeof *w);
	(void)c;
	w->fetch = f;
	f->work = w;
	f->done = done;
	list_push(&works, &w->node);
	fake_fetch.asked++;
	fake_fetch.open++;
	fake_fetch.ahead = f->ahead;
	if (fake_fetch.counted && str_eq(f->host, str_of(fake_fetch.counted)))
		fake_fetch.counted_asked++;
	fake_fetch.port = f->port;
	fake_fetch.count = f->count;
	memcpy(fake_fetch.ips, f->ips, sizeof f->ips);
	snprintf(
	    fake_fetch.host, sizeof fake_fetch.host, "%.*s", STR_ARG(f->host));
	snprintf(
	    fake_fetch.path, sizeof fake_fetch.path, "%.*s", STR_ARG(f->path));
	if (!fake_fetch.hold)
		loop_later(loop, &w->later, on_later);
}

void
fetch_cancel(struct fetch *f)
{
	if (f->work)
		work_free(f->work);
}

void
fake_fetch_use(struct loop *the_loop)
{
	loop = the_loop;
	fake_fetch = (struct fake_fetch){ .status = 200 };
	list_init(&works);
}

void
fake_fetch_let_go(void)
{
	struct list_node *node = list_first(&works);
	fake_fetch.hold = false;
	for (; node; node = list_next(&works, node))
		loop_later(loop,
		    &container_of(node, struct fetch_work, node)->later,
		    on_later);
}
