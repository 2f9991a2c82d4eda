/*
 * walk.c - the verbs of the queue: one walk over its items, whose envelopes
 * may have to be read from the spool; each verb says what is done with one.
 */
#include "smtpd/control/session.h"

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/name.h"

#include <stdlib.h>

enum {
	CHANGES = 1000, /* on their way to the disk, then the walk waits */
	TURN =
	    500, /* items in one turn of the loop, of a walk that reads none */
};

static const char busy[] = "it is being delivered just now; try again";
static const char held[] = "it is held: release it first";

struct walk_verb {
	/* What is done with one item that was meant.  True: it counts. */
	bool (*act)(
	    struct session *, struct queue_item *, const struct envelope *);
	bool needs_choice; /* an id, a domain or all must be given */
	bool reads; /* it wants the envelope */
};

static const char *const state_names[] = {
	[RECIPIENT_WAITING] = "waiting",
	[RECIPIENT_DELIVERED] = "delivered",
	[RECIPIENT_FAILED] = "failed",
	[RECIPIENT_DROPPED] = "dropped",
};

static json_t *
recipients_of(const struct queue_item *item, const struct envelope *e)
{
	json_t *all = json_array();
	for (size_t i = 0; e && i < item->count && i < e->count; i++) {
		const struct recipient_status *status = &item->status[i];
		json_array_append_new(all,
		    json_pack("{s:o, s:s, s:o, s:s*}", "address",
			session_text(e->recipients[i].address), "state",
			state_names[status->state], "reply",
			session_text(str_of(status->text)), "by",
			status->ours ? "us" : NULL));
	}
	return all;
}

static json_t *
describe(const struct queue_item *item, const struct envelope *e)
{
	struct buf id = { 0 };
	envelope_id_text(item->id, &id);
	json_t *object = json_pack("{s:s, s:I, s:I, s:I, s:b, s:b, s:o, s:o}",
	    "id", buf_cstr(&id), "received_ms", (json_int_t)item->received_ms,
	    "next_ms", (json_int_t)item->next_ms, "attempts",
	    (json_int_t)item->attempts, "busy", item->busy, "held", item->held,
	    "sender", session_text(e ? e->sender : STR("")), "recipients",
	    recipients_of(item, e));
	buf_free(&id);
	return object;
}

/* ---- what the verbs do with an item ---- */

static bool
act_list(struct session *s, struct queue_item *item, const struct envelope *e)
{
	json_t *line = json_object();
	json_object_set_new(line, "item", describe(item, e));
	session_line(s, line);
	return true;
}

static bool
act_retry(struct session *s, struct queue_item *item, const struct envelope *e)
{
	(void)e;
	if (item->held) {
		s->walk.refusal = held;
		return false;
	}
	queue_retry(s->control->parts.queue, item, s->walk.since_ms);
	return true;
}

/* What a person did. */
static void
log_change(
    struct session *s, const char *event, uint64_t id, const struct envelope *e)
{
	struct buf text = { 0 };
	envelope_id_text(id, &text);
	struct log_line line = log_begin_kept(LOG_INFO, event);
	log_s(&line, "id", buf_str(&text));
	log_path(&line, "from", e ? e->sender : STR(""));
	if (e)
		log_d(&line, "recipients", (int64_t)e->count);
	history_end(s->control->parts.history, HISTORY_MAIL, &line);
	buf_free(&text);
}

static bool
act_drop(struct session *s, struct queue_item *item, const struct envelope *e)
{
	uint64_t id = item->id; /* the item may end */
	bool dropped = queue_drop(s->control->parts.queue, item);
	if (dropped)
		log_change(s, "dropped", id, e);
	else
		s->walk.refusal = busy;
	return dropped;
}

static void on_changed(struct queue_changes *);

static bool
change(struct session *s, struct queue_item *item, const struct envelope *e,
    bool hold)
{
	bool changed = queue_hold(
	    s->control->parts.queue, item, hold, &s->walk.changes, on_changed);
	if (changed)
		log_change(s, hold ? "held" : "released", item->id, e);
	else
		s->walk.refusal = busy;
	return changed;
}

static bool
act_hold(struct session *s, struct queue_item *item, const struct envelope *e)
{
	return change(s, item, e, true);
}

/* One that isn't held is as it should be. */
static bool
act_release(
    struct session *s, struct queue_item *item, const struct envelope *e)
{
	return item->held ? change(s, item, e, false) : true;
}

static const struct walk_verb verb_list = { act_list, false, true };
static const struct walk_verb verb_show = { act_list, true, true };
static const struct walk_verb verb_retry = { act_retry, true, false };
static const struct walk_verb verb_hold = { act_hold, true, true };
static const struct walk_verb verb_release = { act_release, true, true };
static const struct walk_verb verb_drop = { act_drop, true, true };

/* ---- the walk ---- */

static void walk_on(struct session *);

static void
walk_answer(struct session *s)
{
	struct walk *w = &s->walk;
	if (w->refusal && !w->count)
		session_fail(s, CONTROL_REFUSED, "%s", w->refusal);
	else if (w->only && !w->count)
		session_fail(s, CONTROL_MISSING, "no such message is queued");
	else
		session_done(
		    s, json_pack("{s:I}", "count", (json_int_t)w->count));
}

/* The answer says that the changes last. */
static void
walk_end(struct session *s)
{
	struct walk *w = &s->walk;
	free(w->domain);
	w->domain = NULL;
	w->ended = true;
	if (w->changes.count == 0)
		walk_answer(s);
}

static bool
is_meant(const struct walk *w, const struct queue_item *item,
    const struct envelope *e)
{
	if (!w->domain)
		return true;
	for (size_t i = 0; e && i < e->count && i < item->count; i++) {
		struct str a = e->recipients[i].address;
		if (item->status[i].state == RECIPIENT_WAITING &&
		    name_eq(address_domain(a), str_of(w->domain)))
			return true;
	}
	return false;
}

static void
on_peeked(struct queue_peek *peek)
{
	struct session *s = container_of(peek, struct session, walk.peek);
	struct queue_item *item = queue_find(s->control->parts.queue, peek->id);
	if (item && is_meant(&s->walk, item, peek->envelope))
		s->walk.count += s->walk.verb->act(s, item, peek->envelope);
	envelope_free(peek->envelope);
	peek->envelope = NULL;
	s->walk.paused = stream_pending(s->stream) > CONTROL_PENDING;
	s->walk.full = !s->walk.paused && s->walk.changes.count >= CHANGES;
	if (!s->walk.paused && !s->walk.full)
		walk_on(s);
}

static void
on_changed(struct queue_changes *changes)
{
	struct session *s = container_of(changes, struct session, walk.changes);
	if (s->walk.ended) {
		walk_answer(s);
	} else if (s->walk.full) {
		s->walk.full = false;
		walk_on(s);
	}
}

void
walk_resume(struct session *s)
{
	s->walk.paused = false;
	walk_on(s);
}

static struct queue_item *
walk_next(struct session *s)
{
	struct walk *w = &s->walk;
	struct queue *queue = s->control->parts.queue;
	struct queue_item *item;
	if (w->only)
		item = w->at ? NULL : queue_find(queue, w->only);
	else
		item = queue_next(queue, w->at);
	if (item)
		w->at = item->id;
	return item;
}

static void
on_turn(struct later *later)
{
	walk_on(container_of(later, struct session, walk.turn));
}

/* All items, or one, whatever is in their envelopes. */
static void
walk_unread(struct session *s)
{
	struct walk *w = &s->walk;
	struct queue_item *item;
	for (int i = 0; i < TURN; i++) {
		if (!(item = walk_next(s))) {
			walk_end(s);
			return;
		}
		w->count += w->verb->act(s, item, NULL);
	}
	loop_later(s->control->parts.loop, &w->turn, on_turn);
}

static void
walk_on(struct session *s)
{
	struct walk *w = &s->walk;
	stream_deadline(s->stream, CONTROL_IDLE_MS);
	if (!w->verb->reads && !w->domain) {
		walk_unread(s);
		return;
	}
	struct queue_item *item = walk_next(s);
	if (!item) {
		walk_end(s);
		return;
	}
	w->peek.id = item->id;
	queue_peek(s->control->parts.queue, &w->peek, on_peeked);
}

static void
walk_start(
    struct session *s, const json_t *request, const struct walk_verb *verb)
{
	const char *id = json_string_value(json_object_get(request, "id"));
	const char *to = json_string_value(json_object_get(request, "to"));
	s->walk = (struct walk){ .verb = verb, .since_ms = clock_mono_ms() };
	/* 0 is nobody's id, and would mean all here. */
	if (id && (!base62_read(str_of(id), &s->walk.only) || !s->walk.only)) {
		session_fail(s, CONTROL_USAGE, "that is no queue id");
		return;
	}
	bool all = json_is_true(json_object_get(request, "all"));
	if (verb->needs_choice && !id && !to && !all) {
		session_fail(
		    s, CONTROL_USAGE, "say which: ID, --to DOMAIN or --all");
		return;
	}
	if (to)
		s->walk.domain = mem_cstr(str_of(to));
	walk_on(s);
}

void
walk_cancel(struct walk *w)
{
	queue_peek_cancel(&w->peek);
	later_cancel(&w->turn);
	queue_changes_leave(&w->changes);
	free(w->domain);
	w->domain = NULL;
}

void
walk_list(struct session *s, const json_t *request)
{
	walk_start(s, request, &verb_list);
}

void
walk_show(struct session *s, const json_t *request)
{
	walk_start(s, request, &verb_show);
}

void
walk_retry(struct session *s, const json_t *request)
{
	walk_start(s, request, &verb_retry);
}

void
walk_hold(struct session *s, const json_t *request)
{
	walk_start(s, request, &verb_hold);
}

void
walk_release(struct session *s, const json_t *request)
{
	walk_start(s, request, &verb_release);
}

void
walk_drop(struct session *s, const json_t *request)
{
	walk_start(s, request, &verb_drop);
}
