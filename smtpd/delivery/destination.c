#include "smtpd/delivery/destination.h"

#include "lib/base/clock.h"
#include "smtpd/delivery/backoff.h"
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/remote.h"

#include <stdlib.h>
#include <string.h>

/* ---- one by name ---- */

static void
destination_free(struct destination *d)
{
	map_remove(&d->delivery->destinations.map, &d->node);
	list_remove(&d->in_line);
	later_cancel(&d->later);
	timer_stop(&d->forget);
	timer_stop(&d->clog);
	arena_free(&d->arena);
	free(d);
}

static void pump(struct destination *);

static void
on_later(struct later *later)
{
	pump(container_of(later, struct destination, later));
}

/* Never at once: whoever adds, ends or frees goes on with what it has. */
static void
wake(struct destination *d)
{
	loop_later(d->delivery->parts.loop, &d->later, on_later);
}

/* The key is the wish, as a letter, and the name. */
static struct destination *
find(struct delivery *delivery, struct str key)
{
	struct map *map = &delivery->destinations.map;
	struct map_node *node = map_find(map, key);
	if (node)
		return container_of(node, struct destination, node);
	struct destination *d = mem_alloc(sizeof *d + key.n + 1);
	char *copy = (char *)(d + 1);
	memcpy(copy, key.p, key.n);
	d->delivery = delivery;
	d->name = (struct str){ copy + 1, key.n - 1 };
	d->wish = (enum tls_wish)(copy[0] - 'a');
	d->most = DESTINATION_SESSIONS;
	list_init(&d->waiting);
	list_init(&d->remotes);
	map_add(map, &d->node, (struct str){ copy, key.n });
	return d;
}

/* ---- what waits ---- */

/* All recipients of a parcel are added in one go, so those of one destination
   stand at its end. */
static struct transfer *
last_waiting(struct destination *d)
{
	struct list_node *last = d->waiting.head.prev;
	return list_empty(&d->waiting)
	    ? NULL
	    : container_of(last, struct transfer, node);
}

static bool
has_session(const struct destination *d)
{
	const struct list_node *head = &d->remotes.head;
	for (struct list_node *node = head->next; node != head;
	     node = node->next)
		if (container_of(node, struct remote, node)->opened)
			return true;
	return false;
}

/* The queue hands out so many items and no more: a host that answers nobody
   must not have them all.  What it can't get soon goes back to the queue. */
static void
on_clogged(struct timer *timer)
{
	struct destination *d = container_of(timer, struct destination, clog);
	struct list_node *node = list_first(&d->waiting), *next;
	d->clogged = true;
	for (size_t n = 0; node; n++, node = next) {
		next = list_next(&d->waiting, node);
		if (n < DESTINATION_PATIENT)
			continue;
		list_remove(node);
		transfer_drop(container_of(node, struct transfer, node));
	}
}

static void
unclog(struct destination *d)
{
	timer_stop(&d->clog);
	d->clogged = false;
}

static void
enqueue(struct destination *d, struct parcel *parcel, size_t recipient)
{
	struct transfer *t = last_waiting(d);
	if (t && t->parcel == parcel && transfer_add(t, recipient))
		return;
	if (!timer_pending(&d->clog) && !has_session(d))
		timer_start(&d->clog, d->delivery->parts.loop,
		    DESTINATION_CLOGGED_MS, on_clogged);
	t = transfer_new(parcel);
	transfer_add(t, recipient);
	list_push(&d->waiting, &t->node);
	wake(d);
}

/* RFC 8689 4.1: REQUIRETLS outweighs a TLS-Required: No */
static enum tls_wish
wish_of(const struct envelope *envelope)
{
	if (envelope->flags & ENVELOPE_REQUIRETLS)
		return TLS_WISH_REQUIRED;
	return envelope->flags & ENVELOPE_TLS_OPTIONAL ? TLS_WISH_OPTIONAL
						       : TLS_WISH_NONE;
}

/* What a person has wished for since it was closed is tried. */
static bool
is_closed_for(const struct destination *d, const struct queue_item *item)
{
	return d->closed_until > clock_mono_ms() &&
	    item->wished_ms < d->closed_ms;
}

void
destination_add(struct parcel *parcel, size_t recipient)
{
	struct delivery *delivery = parcel->delivery;
	struct str address = parcel_recipient(parcel, recipient)->address;
	struct str domain = str_from(address, str_find_last(address, '@') + 1);
	struct arena arena = { 0 };
	if (!str_empty(delivery->parts.settings->relay_host))
		domain = STR("");
	struct str key = arena_printf(&arena, "%c%.*s",
	    'a' + (int)wish_of(parcel->item->envelope), STR_ARG(domain));
	struct destination *d = find(delivery, arena_lower(&arena, key));
	arena_free(&arena);
	if (is_closed_for(d, parcel->item))
		parcel_outcome(parcel, recipient, d->reply, &d->peer);
	else if (!d->clogged) /* else it is tried again by itself */
		enqueue(d, parcel, recipient);
}

struct transfer *
destination_take(struct destination *d)
{
	struct list_node *node = list_pop(&d->waiting);
	wake(d); /* for the next one, or for whoever needs the session */
	return node ? container_of(node, struct transfer, node) : NULL;
}

void
destination_return(struct destination *d, struct transfer *t)
{
	list_push_front(&d->waiting, &t->node);
	wake(d);
}

/* ---- sessions ---- */

static struct remote *
find_session(struct destination *d, enum remote_phase phase)
{
	struct list_node *node = list_first(&d->remotes);
	for (; node; node = list_next(&d->remotes, node)) {
		struct remote *remote = container_of(node, struct remote, node);
		if (remote->phase == phase)
			return remote;
	}
	return NULL;
}

/* One of all sessions: a free one, or that of an idle destination. */
static bool
has_room(struct destinations *all)
{
	struct list_node *oldest = list_first(&all->idle);
	if (all->sessions >= DESTINATIONS_SESSIONS && oldest)
		remote_close(container_of(oldest, struct remote, idle));
	return all->sessions < DESTINATIONS_SESSIONS;
}

/* One more session with a host that takes mail just now doesn't wait. */
static bool
is_in_time(struct destination *d)
{
	struct destinations *all = &d->delivery->destinations;
	return has_session(d) ||
	    pace_wait_ms(&all->pace, DESTINATIONS_PACE) == 0;
}

/* One at a time is opened: a dead host costs one session, and a slow one
   isn't met with five. */
static void
open_session(struct destination *d)
{
	struct destinations *all = &d->delivery->destinations;
	if (d->sessions >= d->most || find_session(d, REMOTE_OPENING))
		return;
	if (is_in_time(d) && has_room(all)) {
		pace_take(&all->pace, DESTINATIONS_PACE);
		remote_open(d);
	} else if (!list_linked(&d->in_line)) {
		list_push(&all->line, &d->in_line);
	}
}

static void
on_forget(struct timer *timer)
{
	struct destination *d = container_of(timer, struct destination, forget);
	if (d->sessions == 0 && list_empty(&d->waiting))
		destination_free(d);
}

/* Its failures are remembered for as long as they matter. */
static void
leave(struct destination *d)
{
	if (d->sessions > 0)
		return;
	int64_t ms = d->closed_until - clock_mono_ms();
	if (d->failures > 0)
		timer_start(&d->forget, d->delivery->parts.loop,
		    ms + (int64_t)d->delivery->parts.settings->retry_max_ms,
		    on_forget);
	else
		destination_free(d);
}

static void on_paced(struct timer *);

/* Whoever waits for one of all sessions, when one can be had. */
static void
serve_line(struct delivery *delivery)
{
	struct destinations *all = &delivery->destinations;
	bool room =
	    all->sessions < DESTINATIONS_SESSIONS || !list_empty(&all->idle);
	if (!room || list_empty(&all->line))
		return;
	int64_t ms = pace_wait_ms(&all->pace, DESTINATIONS_PACE);
	if (ms == 0)
		wake(container_of(
		    list_pop(&all->line), struct destination, in_line));
	else if (!timer_pending(&all->paced))
		timer_start(&all->paced, delivery->parts.loop, ms, on_paced);
}

static void
on_paced(struct timer *timer)
{
	serve_line(container_of(timer, struct delivery, destinations.paced));
}

static void
pump(struct destination *d)
{
	struct delivery *delivery = d->delivery;
	struct remote *idle = find_session(d, REMOTE_IDLE);
	if (list_empty(&d->waiting))
		leave(d);
	else if (idle)
		remote_resume(idle);
	else if (!delivery->stopping)
		open_session(d);
	serve_line(delivery);
}

void
destination_opened(struct destination *d)
{
	unclog(d);
	wake(d); /* and for what still waits, perhaps one more */
}

void
destination_answered(struct destination *d)
{
	d->losses = 0;
	d->failures = 0;
	d->closed_until = 0;
}

static void
answer_all(struct destination *d, struct reply reply, const struct peer *peer)
{
	struct list_node *node;
	while ((node = list_pop(&d->waiting)))
		transfer_answer(
		    container_of(node, struct transfer, node), reply, peer);
}

static void
rest(struct destination *d, struct reply reply, const struct peer *peer)
{
	arena_free(&d->arena);
	d->reply = reply_keep(&d->arena, reply);
	d->peer = peer_keep(&d->arena, peer);
	d->losses = 0;
	d->failures++;
	d->closed_ms = clock_mono_ms();
	d->closed_until = d->closed_ms +
	    backoff_pause(d->delivery->parts.settings, d->failures);
}

void
destination_lost(
    struct destination *d, struct reply reply, const struct peer *peer)
{
	if (++d->losses < DESTINATION_LOSSES)
		return;
	rest(d, reply, peer);
	answer_all(d, reply, peer);
}

void
destination_failed(
    struct destination *d, struct reply reply, const struct peer *peer)
{
	size_t others = 0;
	struct list_node *node = list_first(&d->remotes);
	for (; node; node = list_next(&d->remotes, node))
		others += container_of(node, struct remote, node)->opened;
	if (others > 0) { /* it takes no more at a time than these */
		d->most = others;
		return;
	}
	unclog(d);
	if (reply_class(reply) == 4)
		rest(d, reply, peer);
	answer_all(d, reply, peer);
}

void
destination_left(struct destination *d, struct remote *remote)
{
	struct destinations *all = &d->delivery->destinations;
	list_remove(&remote->node);
	d->sessions--;
	all->sessions--;
	wake(d);
	delivery_rest(d->delivery);
}

/* ---- all ---- */

void
destinations_init(struct destinations *all)
{
	*all = (struct destinations){ 0 };
	list_init(&all->line);
	list_init(&all->idle);
}

static void
drop_waiting(struct destination *d)
{
	struct list_node *node;
	while ((node = list_pop(&d->waiting)))
		transfer_drop(container_of(node, struct transfer, node));
}

static void
stop(struct destination *d)
{
	drop_waiting(d);
	struct list_node *node, *next;
	for (node = list_first(&d->remotes); node; node = next) {
		next = list_next(&d->remotes, node);
		remote_stop(container_of(node, struct remote, node));
	}
}

void
destinations_stop(struct destinations *all)
{
	struct map_node *node = map_next(&all->map, NULL);
	for (; node; node = map_next(&all->map, node))
		stop(container_of(node, struct destination, node));
}

static void
clear(struct destination *d)
{
	struct list_node *node;
	while ((node = list_pop(&d->remotes)))
		remote_free(container_of(node, struct remote, node));
	while ((node = list_pop(&d->waiting)))
		transfer_free(container_of(node, struct transfer, node));
	destination_free(d);
}

void
destinations_free(struct destinations *all)
{
	struct map_node *node;
	while ((node = map_next(&all->map, NULL)))
		clear(container_of(node, struct destination, node));
	timer_stop(&all->paced);
	map_free(&all->map);
	all->sessions = 0;
}
