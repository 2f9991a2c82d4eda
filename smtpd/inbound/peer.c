#include "smtpd/inbound/peer.h"

#include <stdlib.h>

struct peer_run {
	struct peer_check *check;
	struct loop *loop;
	struct dnsbl_check lists;
	bool lists_ended;
	struct timer deadline; /* of whoever waits */
	struct later later; /* brings done() */
};

static void
tell(struct peer_run *run)
{
	struct peer_check *check = run->check;
	void (*done)(struct peer_check *) = check->done;
	if (!done)
		return;
	peer_unwait(check);
	done(check);
}

static void
take_lists(struct peer_run *run)
{
	run->check->list = run->lists.list;
	run->check->weight = run->lists.weight;
}

static void
end_part(struct peer_run *run)
{
	struct peer_check *check = run->check;
	take_lists(run);
	check->ended = check->has_iprev && run->lists_ended;
	if (check->ended)
		tell(run);
}

static void
on_iprev(struct iprev_check *iprev)
{
	struct peer_check *check =
	    container_of(iprev, struct peer_check, iprev);
	check->has_iprev = true;
	end_part(check->run);
}

static void
on_lists(struct dnsbl_check *lists)
{
	struct peer_run *run = container_of(lists, struct peer_run, lists);
	run->lists_ended = true;
	end_part(run);
}

void
peer_start(struct peer_check *check, struct dnsbl *dnsbl, struct loop *loop,
    struct resolver *resolver, struct ip ip)
{
	struct peer_run *run = mem_alloc(sizeof *run);
	run->check = check;
	run->loop = loop;
	*check = (struct peer_check){
		.budget = { BUDGET_IPREV },
		.run = run,
	};
	iprev_start(
	    &check->iprev, loop, resolver, &check->budget, ip, on_iprev);
	dnsbl_start(&run->lists, dnsbl, ip, on_lists);
}

bool
peer_pending(const struct peer_check *check)
{
	return check->run && !check->ended;
}

/* ---- waiting ---- */

static void
on_later(struct later *later)
{
	tell(container_of(later, struct peer_run, later));
}

static void
on_deadline(struct timer *timer)
{
	struct peer_run *run = container_of(timer, struct peer_run, deadline);
	take_lists(run);
	tell(run);
}

void
peer_wait(struct peer_check *check, void (*done)(struct peer_check *))
{
	struct peer_run *run = check->run;
	check->done = done;
	if (check->ended)
		loop_later(run->loop, &run->later, on_later);
	else
		timer_start(
		    &run->deadline, run->loop, PEER_WAIT_MS, on_deadline);
}

void
peer_unwait(struct peer_check *check)
{
	check->done = NULL;
	if (!check->run)
		return;
	timer_stop(&check->run->deadline);
	later_cancel(&check->run->later);
}

void
peer_cancel(struct peer_check *check)
{
	peer_unwait(check);
	iprev_cancel(&check->iprev);
	if (check->run)
		dnsbl_cancel(&check->run->lists);
	free(check->run);
	*check = (struct peer_check){ 0 };
}
