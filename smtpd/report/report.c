#include "smtpd/report/report.h"

#include "lib/base/clock.h"
#include "smtpd/report/paper.h"

#include <stdlib.h>

enum {
	MINUTE_MS = 60 * 1000,
	HOUR_MS = 60 * MINUTE_MS,
	DAY_MS = 24 * HOUR_MS,
	/* RFC 9990 3, RFC 8460 4.1: not everybody at midnight */
	JITTER_MS = 3 * HOUR_MS,
	FARTHEST_MS = DAY_MS + MINUTE_MS + JITTER_MS, /* a day's round */
	FIRST_MS = 10 * MINUTE_MS, /* after a start, for what was left */
	AT_ONCE = 8, /* reports */
};

struct ticket { /* a report that is to be made */
	bool is_tls;
	uint32_t day;
	struct buf domain;
	struct list_node node;
};

struct reports {
	struct report_parts parts;
	struct list waiting; /* tickets of this round */
	struct list running; /* papers */
	size_t running_count;
	struct list requests;
	struct quota quota;
	struct timer timer;
	int64_t daily_ms; /* when the day's round is due, wall clock */
	int64_t gap_ms; /* to the next try of what was kept */
	uint64_t sent, kept; /* of this round */
	struct later later;
};

/* ---- when ---- */

static int64_t
random_ms(int64_t below)
{
	uint64_t number;
	random_bytes(&number, sizeof number);
	return (int64_t)(number % (uint64_t)below);
}

static int64_t
next_daily(int64_t now)
{
	return (now / DAY_MS + 1) * DAY_MS + MINUTE_MS + random_ms(JITTER_MS);
}

static void on_timer(struct timer *);

static void
wait_for(struct reports *r, int64_t ms)
{
	timer_start(&r->timer, r->parts.loop, ms, on_timer);
}

/* What was kept is tried again, less and less often, until the next day. */
static void
plan(struct reports *r)
{
	int64_t wait = r->daily_ms - clock_wall_ms();
	if (wait < MINUTE_MS || wait > FARTHEST_MS)
		wait = MINUTE_MS; /* the clock has jumped */
	if (r->kept > 0 && r->gap_ms < wait) {
		wait = r->gap_ms;
		r->gap_ms *= 2;
	}
	wait_for(r, wait);
}

/* ---- rounds ---- */

static void
add_tickets(struct reports *r, bool is_tls, uint32_t before)
{
	struct tally *tally = is_tls ? r->parts.tls : r->parts.dmarc;
	const struct tally_topic *topic = NULL;
	while ((topic = tally_next(tally, topic))) {
		/* DMARC rows whose rua was lost can't be sent. */
		if (topic->day >= before || (!is_tls && str_empty(topic->note)))
			continue;
		struct ticket *ticket = mem_alloc(sizeof *ticket);
		ticket->is_tls = is_tls;
		ticket->day = topic->day;
		ticket->domain = buf_of(topic->domain);
		list_push(&r->waiting, &ticket->node);
	}
}

static void
ticket_free(struct ticket *ticket)
{
	buf_free(&ticket->domain);
	free(ticket);
}

static void on_paper(struct paper *);

static void
advance(struct reports *r)
{
	struct list_node *n;
	while (r->running_count < AT_ONCE && (n = list_pop(&r->waiting))) {
		struct ticket *ticket = container_of(n, struct ticket, node);
		struct paper *paper =
		    paper_new(&r->parts, &r->quota, ticket->is_tls, ticket->day,
			buf_str(&ticket->domain), on_paper);
		list_push(&r->running, &paper->node);
		paper->reports = r;
		r->running_count++;
		ticket_free(ticket);
	}
}

static bool
is_busy(const struct reports *r)
{
	return r->running_count > 0 || !list_empty(&r->waiting);
}

static void end_round(struct reports *);

/* before: the first day that isn't in it. */
static void
begin_round(struct reports *r, uint32_t before)
{
	uint32_t today = (uint32_t)(clock_wall_ms() / DAY_MS);
	r->sent = r->kept = 0;
	tally_expire(r->parts.dmarc, today);
	tally_expire(r->parts.tls, today);
	add_tickets(r, false, before);
	add_tickets(r, true, before);
	advance(r);
	if (!is_busy(r))
		end_round(r);
}

static void
on_paper(struct paper *paper)
{
	struct reports *r = paper->reports;
	r->sent += paper->end == PAPER_SENT;
	r->kept += paper->end == PAPER_LATER;
	list_remove(&paper->node);
	r->running_count--;
	paper_free(paper);
	advance(r);
	if (!is_busy(r))
		end_round(r);
}

static void
on_timer(struct timer *timer)
{
	struct reports *r = container_of(timer, struct reports, timer);
	int64_t now = clock_wall_ms();
	if (now >= r->daily_ms || r->daily_ms - now > FARTHEST_MS) {
		r->daily_ms = next_daily(now);
		r->gap_ms = HOUR_MS;
	}
	if (is_busy(r))
		wait_for(r, MINUTE_MS);
	else
		begin_round(r, (uint32_t)(now / DAY_MS));
}

/* ---- people who don't wait ---- */

static void
on_later(struct later *later)
{
	struct reports *r = container_of(later, struct reports, later);
	struct list_node *n = list_first(&r->requests);
	if (is_busy(r) || !n)
		return;
	for (; n; n = list_next(&r->requests, n))
		container_of(n, struct report_request, node)->begun = true;
	timer_stop(&r->timer);
	begin_round(r, UINT32_MAX);
}

/* Those that came while it ran get a round of their own. */
static void
end_round(struct reports *r)
{
	struct list_node *n = list_first(&r->requests), *next;
	for (; n; n = next) {
		struct report_request *request =
		    container_of(n, struct report_request, node);
		next = list_next(&r->requests, n);
		if (!request->begun)
			continue;
		list_remove(n);
		request->sent = r->sent;
		request->kept = r->kept;
		request->done(request);
	}
	plan(r);
	if (!list_empty(&r->requests))
		loop_later(r->parts.loop, &r->later, on_later);
}

void
reports_send(struct reports *r, struct report_request *request,
    void (*done)(struct report_request *))
{
	request->done = done;
	request->begun = false;
	list_push(&r->requests, &request->node);
	loop_later(r->parts.loop, &r->later, on_later);
}

uint64_t
reports_dropped(const struct reports *r)
{
	return r ? tally_dropped(r->parts.dmarc) + tally_dropped(r->parts.tls)
		 : 0;
}

void
reports_cancel(struct report_request *request)
{
	list_remove(&request->node);
}

/* ---- the whole ---- */

struct reports *
reports_new(const struct report_parts *parts)
{
	struct reports *r = mem_alloc(sizeof *r);
	r->parts = *parts;
	list_init(&r->waiting);
	list_init(&r->running);
	list_init(&r->requests);
	r->daily_ms = next_daily(clock_wall_ms());
	r->gap_ms = HOUR_MS;
	wait_for(r, FIRST_MS + random_ms(HOUR_MS));
	return r;
}

void
reports_free(struct reports *r)
{
	struct list_node *n;
	if (!r)
		return;
	timer_stop(&r->timer);
	later_cancel(&r->later);
	while ((n = list_pop(&r->waiting)))
		ticket_free(container_of(n, struct ticket, node));
	while ((n = list_pop(&r->running)))
		paper_free(container_of(n, struct paper, node));
	while (list_pop(&r->requests))
		continue;
	quota_free(&r->quota);
	free(r);
}
