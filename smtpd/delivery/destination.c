#include "smtpd/delivery/destination.h"

#include "lib/base/clock.h"
#include "smtpd/delivery/backoff.h"
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/remote.h"

#include <stdlib.h>
#include <string.h>

/* ---- one by name ---- */

static void
unlist(struct destination *d)
{
	if (!list_linked(&d->known))
		return;
	list_remove(&d->known);
	d->delivery->destinations.known_count--;
}

static void
destination_free(struct destination *d)
{
	map_remove(&d->delivery->destinations.map, &d->node);
	slots_leave(&d->delivery->destinations.slots, &d->waiter);
	unlist(d);
	later_cancel(&d->later);
	timer_stop(&d->forget);
	backlog_free(&d->backlog);
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
	backlog_init(&d->backlog, delivery->parts.loop, &d->sessions);
	list_init(&d->remotes);
	map_add(map, &d->node, (struct str){ copy, key.n });
	return d;
}

/* ---- what waits for it ---- */

/* RFC 8689 4.1: REQUIRETLS outweighs a TLS-Required: No */
static enum tls_wish
wish_of(const struct envelope *envelope)
{
	if (envelope->flags & ENVELOPE_REQUIRETLS)
		return str_empty(envelope->sender) ? TLS_WISH_PROVEN
						   : TLS_WISH_REQUIRED;
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
	struct str domain = address_domain(address);
	struct arena arena = { 0 };
	if (!str_empty(delivery->parts.settings->relay_host))
		domain = STR("");
	struct str key = arena_printf(&arena, "%c%.*s",
	    'a' + (int)wish_of(parcel->item->envelope), STR_ARG(domain));
	struct destination *d = find(delivery, arena_lower(&arena, key));
	arena_free(&arena);
	if (is_closed_for(d, parcel->item)) {
		parcel_outcome(parcel, recipient, d->reply, &d->peer);
	} else if (backlog_add(&d->backlog, parcel, recipient)) {
		unlist(d);
		wake(d);
	}
}

struct transfer *
destination_take(struct destination *d)
{
	wake(d); /* for the next one, or for whoever needs the session */
	return backlog_take(&d->backlog);
}

void
destination_return(struct destination *d, struct transfer *t)
{
	backlog_return(&d->backlog, t);
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

/* One at a time is opened: a dead host costs one session, and a slow one
   isn't met with five. */
static bool
wants_session(struct destination *d)
{
	return !backlog_is_empty(&d->backlog) && d->sessions < d->most &&
	    !find_session(d, REMOTE_OPENING) && !d->delivery->stopping;
}

static enum slot_line
line_of(const struct destination *d)
{
	if (d->failures > 0)
		return LINE_FAILED;
	if (d->sessions > 0)
		return LINE_MORE;
	return d->good ? LINE_GOOD : LINE_NEW;
}

static void
stand_in_line(struct destination *d)
{
	struct slots *slots = &d->delivery->destinations.slots;
	if (slots_wait(slots, &d->waiter, line_of(d)) || d->sessions > 0)
		return;
	backlog_drop(&d->backlog); /* when it comes again there may be a seat */
	wake(d);
}

static void
make_room(struct slot *instead)
{
	struct remote *remote = container_of(instead, struct remote, slot);
	if (remote->phase == REMOTE_IDLE)
		remote_close(remote);
	else
		remote_yield(remote);
}

static void on_turn(struct timer *);

/* Whoever waits for a session, as long as one can be had. */
static void
serve_lines(struct delivery *delivery)
{
	struct destinations *all = &delivery->destinations;
	struct slot_turn turn;
	while ((turn = slots_next(&all->slots)).waiter) {
		struct destination *d =
		    container_of(turn.waiter, struct destination, waiter);
		if (turn.instead)
			make_room(turn.instead);
		if (wants_session(d))
			remote_open(d, d->waiter.line);
	}
	if (turn.again_ms >= 0)
		timer_start(
		    &all->turn, delivery->parts.loop, turn.again_ms, on_turn);
}

static void
on_turn(struct timer *timer)
{
	serve_lines(container_of(timer, struct delivery, destinations.turn));
}

static void
on_forget(struct timer *timer)
{
	struct destination *d = container_of(timer, struct destination, forget);
	if (d->sessions == 0 && backlog_is_empty(&d->backlog))
		destination_free(d);
}

/* That it takes mail is remembered of so many. */
static void
remember(struct destination *d)
{
	struct destinations *all = &d->delivery->destinations;
	timer_stop(&d->forget);
	d->most = DESTINATION_SESSIONS;
	if (!list_linked(&d->known)) {
		list_push(&all->known, &d->known);
		all->known_count++;
	}
	if (all->known_count > DESTINATIONS_KNOWN)
		destination_free(container_of(
		    list_first(&all->known), struct destination, known));
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
	else if (d->good)
		remember(d);
	else
		destination_free(d);
}

static void
pump(struct destination *d)
{
	struct delivery *delivery = d->delivery;
	struct slots *slots = &delivery->destinations.slots;
	struct remote *idle = find_session(d, REMOTE_IDLE);
	if (idle || !wants_session(d))
		slots_leave(slots, &d->waiter);
	if (backlog_is_empty(&d->backlog))
		leave(d);
	else if (idle)
		remote_resume(idle);
	else if (wants_session(d))
		stand_in_line(d);
	serve_lines(delivery);
}

void
destination_opened(struct destination *d)
{
	wake(d); /* for what still waits, perhaps one more */
}

void
destination_answered(struct destination *d)
{
	d->good = true;
	backlog_answered(&d->backlog);
	d->losses = 0;
	d->failures = 0;
	d->closed_until = 0;
}

static void
rest(struct destination *d, struct reply reply, const struct peer *peer)
{
	arena_free(&d->arena);
	d->reply = reply_keep(&d->arena, reply);
	d->peer = peer_keep(&d->arena, peer);
	d->good = false;
	d->losses = 0;
	d->failures++;
	d->closed_ms = clock_mono_ms();
	d->closed_until = d->closed_ms +
	    backoff_pause(d->delivery->parts.settings, d->failures);
}

void
destination_refused(
    struct destination *d, struct reply reply, const struct peer *peer)
{
	rest(d, reply, peer);
	backlog_answer(&d->backlog, reply, peer);
}

void
destination_lost(
    struct destination *d, struct reply reply, const struct peer *peer)
{
	if (++d->losses >= DESTINATION_LOSSES)
		destination_refused(d, reply, peer);
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
	if (reply_class(reply) == 4)
		rest(d, reply, peer);
	backlog_answer(&d->backlog, reply, peer);
}

void
destination_left(struct destination *d, struct remote *remote)
{
	list_remove(&remote->node);
	d->sessions--;
	slots_give(&d->delivery->destinations.slots, &remote->slot);
	wake(d);
	delivery_rest(d->delivery);
}

/* ---- all ---- */

void
destinations_init(struct destinations *all)
{
	*all = (struct destinations){ 0 };
	slots_init(&all->slots);
	list_init(&all->known);
}

static void
stop(struct destination *d)
{
	backlog_drop(&d->backlog);
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
	destination_free(d);
}

const struct destination *
destinations_failing_relay(const struct destinations *all)
{
	struct map_node *node = map_next(&all->map, NULL);
	for (; node; node = map_next(&all->map, node)) {
		const struct destination *d =
		    container_of(node, struct destination, node);
		if (str_empty(d->name) && d->failures > 0)
			return d;
	}
	return NULL;
}

void
destinations_free(struct destinations *all)
{
	struct map_node *node;
	while ((node = map_next(&all->map, NULL)))
		clear(container_of(node, struct destination, node));
	timer_stop(&all->turn);
	map_free(&all->map);
	slots_init(&all->slots);
}
