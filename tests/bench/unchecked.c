/*
 * unchecked.c - checks that ask nothing and find nothing, linked into smtpd in
 * the place of the real ones: what tests/bench/verify.py compares with.
 */
#include "smtpd/inbound/checks.h"

#include <stdlib.h>

struct checks_run {
	struct checks *checks;
	struct later ended;
};

void
checks_start(struct checks *c, const struct checks_question *question)
{
	*c = (struct checks){
		.question = question,
		.author_domain = STR(""),
		.list_domain = STR(""),
	};
	c->run = mem_alloc(sizeof *c->run);
	c->run->checks = c;
}

bool
checks_header(struct checks *c, const struct header *header, const char **why)
{
	(void)c, (void)header, (void)why;
	return true;
}

void
checks_body(struct checks *c, struct str piece)
{
	(void)c, (void)piece;
}

static void
on_ended(struct later *later)
{
	struct checks *c =
	    container_of(later, struct checks_run, ended)->checks;
	c->done(c);
}

void
checks_end(struct checks *c, void (*done)(struct checks *))
{
	c->done = done;
	loop_later(c->question->loop, &c->run->ended, on_ended);
}

void
checks_cancel(struct checks *c)
{
	if (c->run)
		later_cancel(&c->run->ended);
	free(c->run);
	*c = (struct checks){ 0 };
}

const struct spf_check *
checks_spf(const struct checks *c)
{
	(void)c;
	return NULL;
}
