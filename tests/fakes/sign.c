#include "tests/fakes/sign.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sign_channel {
	struct loop *loop;
	int socket;
	struct list works;
};

struct sign_work {
	struct sign_request *request;
	struct list_node node;
	struct later later;
};

struct fake_sign fake_sign;
static struct sign_channel *last;

static void
work_free(struct sign_work *w)
{
	later_cancel(&w->later);
	list_remove(&w->node);
	w->request->work = NULL;
	free(w);
}

static void
on_later(struct later *later)
{
	static const enum sign_result results[] = {
		[FAKE_SIGN_ANSWERS] = SIGN_DONE,
		[FAKE_SIGN_NOT_OURS] = SIGN_NOT_OURS,
		[FAKE_SIGN_AWAY] = SIGN_AWAY,
	};
	struct sign_work *w = container_of(later, struct sign_work, later);
	struct sign_request *request = w->request;
	if (fake_sign.mood == FAKE_SIGN_SILENT)
		return;
	work_free(w);
	request->result = results[fake_sign.mood];
	if (request->result == SIGN_DONE)
		buf_addf(&request->fields,
		    "DKIM-Signature: v=1; d=%.*s; b=fake\r\n",
		    STR_ARG(request->domain));
	request->done(request);
}

void
fake_sign_set(enum fake_sign_mood mood)
{
	fake_sign = (struct fake_sign){ .mood = mood };
	struct list_node *node = last ? list_first(&last->works) : NULL;
	for (; node; node = list_next(&last->works, node)) {
		struct sign_work *w =
		    container_of(node, struct sign_work, node);
		loop_later(last->loop, &w->later, on_later);
	}
}

struct sign_channel *
sign_channel_new(struct loop *loop, int socket)
{
	last = mem_alloc(sizeof *last);
	last->loop = loop;
	last->socket = socket;
	list_init(&last->works);
	return last;
}

void
sign_channel_free(struct sign_channel *c)
{
	struct list_node *node;
	if (!c)
		return;
	while ((node = list_first(&c->works)))
		work_free(container_of(node, struct sign_work, node));
	if (c->socket >= 0)
		close(c->socket);
	if (last == c)
		last = NULL;
	free(c);
}

void
sign_start(struct sign_channel *c, struct sign_request *request,
    void (*done)(struct sign_request *))
{
	struct sign_work *w = mem_alloc(sizeof *w);
	w->request = request;
	request->work = w;
	request->done = done;
	fake_sign.asked++;
	memcpy(fake_sign.body_hash, request->body_hash,
	    sizeof fake_sign.body_hash);
	list_push(&c->works, &w->node);
	loop_later(c->loop, &w->later, on_later);
}

void
sign_cancel(struct sign_request *request)
{
	if (!request->work)
		return;
	fake_sign.cancelled++;
	work_free(request->work);
}
