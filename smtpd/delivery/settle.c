#include "smtpd/delivery/settle.h"

#include "lib/base/clock.h"
#include "lib/mail/date.h"
#include "smtpd/delivery/backoff.h"
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/queue/history.h"

enum {
	SOON_MS = 10000
}; /* what a stop has interrupted: after the start */

static struct parcel *
parcel_of(struct flow *flow)
{
	return container_of(flow, struct parcel, flow);
}

static bool
any(const struct parcel *parcel, bool (*is)(const struct outcome *))
{
	for (size_t i = 0; i < parcel->item->count; i++)
		if (is(&parcel->outcomes[i]))
			return true;
	return false;
}

static bool
is_new(const struct outcome *outcome)
{
	return outcome->phase == OUTCOME_NEW;
}

static bool
is_untold(const struct outcome *outcome)
{
	return is_new(outcome) && outcome->state == RECIPIENT_FAILED &&
	    !outcome->told;
}

static bool
is_ready(const struct outcome *outcome)
{
	return is_new(outcome) && !is_untold(outcome);
}

static bool
is_known(const struct outcome *outcome)
{
	return outcome->phase != OUTCOME_NONE;
}

static bool
is_deferred(const struct outcome *outcome)
{
	return is_known(outcome) && outcome->state == RECIPIENT_WAITING;
}

/* ---- report ---- */

static bool
warning_is_due(const struct parcel *parcel)
{
	const struct settings *settings = parcel->delivery->parts.settings;
	int64_t age = clock_wall_ms() - parcel->item->received_ms;
	return !parcel->item->warned && !parcel->warning_tried &&
	    age >= (int64_t)settings->queue_warning_ms &&
	    bounce_warns(parcel->item->envelope) && any(parcel, is_deferred);
}

/* Whoever can't be told today of a failure is told when the next try fails. */
static void
note_report(struct parcel *parcel, const struct bounce *bounce)
{
	bool told = bounce->result != BOUNCE_LATER;
	if (bounce->action == DSN_DELAYED) {
		parcel->warning_tried = true;
		parcel->warned = told;
		return;
	}
	for (size_t i = 0; i < bounce->count; i++) {
		struct outcome *outcome =
		    &parcel->outcomes[bounce->recipients[i]];
		outcome->told = told;
		if (!told)
			outcome->state = RECIPIENT_WAITING;
	}
}

static void
on_bounce(struct bounce *bounce)
{
	struct parcel *parcel = bounce->parcel;
	if (!parcel->delivery) {
		parcel_free(parcel);
		return;
	}
	note_report(parcel, bounce);
	flow_release(&parcel->flow);
}

static enum step
report(struct flow *flow)
{
	struct parcel *parcel = parcel_of(flow);
	bool failed = any(parcel, is_untold);
	if (parcel->parts > 0 || (!failed && !warning_is_due(parcel)))
		return STEP_NEXT;
	flow_hold(flow);
	bounce_start(&parcel->bounce, parcel, failed ? DSN_FAILED : DSN_DELAYED,
	    on_bounce);
	return STEP_WAIT;
}

/* ---- settle ---- */

static void
log_peer(struct log_line *line, const struct peer *peer)
{
	if (!str_empty(peer->host)) {
		struct buf text = { 0 };
		peer_write(&text, peer);
		log_f(line, "host", "%s:%u", buf_cstr(&text),
		    (unsigned)peer->port);
		buf_free(&text);
	}
	if (!str_empty(peer->tls))
		log_s(line, "tls", peer->tls);
	log_c(line, "proof", peer->proof);
}

static void
log_outcome(const struct parcel *parcel, size_t i)
{
	static const char *const events[] = {
		[RECIPIENT_WAITING] = "deferred",
		[RECIPIENT_DELIVERED] = "delivered",
		[RECIPIENT_FAILED] = "bounced",
	};
	const struct outcome *outcome = &parcel->outcomes[i];
	const struct recipient *recipient = parcel_recipient(parcel, i);
	bool local = recipient->kind == RECIPIENT_LOCAL;
	const struct reply *reply = &outcome->reply;
	struct buf id = { 0 };
	envelope_id_text(parcel->item->id, &id);
	struct log_line line = log_begin_kept(LOG_INFO, events[outcome->state]);
	log_s(&line, "id", buf_str(&id));
	log_path(&line, "to", local ? recipient->original : recipient->address);
	if (local)
		log_f(&line, "mailbox", "%.*s%s%.*s",
		    STR_ARG(recipient->address),
		    str_empty(recipient->folder) ? "" : "/",
		    STR_ARG(recipient->folder));
	if (recipient->kind == RECIPIENT_FORWARD)
		log_path(&line, "alias", recipient->original);
	log_peer(&line, &outcome->peer);
	log_d(&line, "code", reply->code);
	log_c(&line, "dsn", reply->enhanced);
	log_d(&line, "ms", outcome->ms);
	log_d(&line, "try", (int64_t)parcel->item->attempts + 1);
	if (outcome->state != RECIPIENT_DELIVERED) {
		log_c(&line, "by", reply->received ? NULL : "us");
		log_c(&line, "reply", reply->text);
	}
	history_end(parcel->delivery->parts.history, HISTORY_MAIL, &line);
	buf_free(&id);
}

static void
log_next(const struct parcel *parcel, int64_t next_ms)
{
	struct buf id = { 0 }, next = { 0 };
	envelope_id_text(parcel->item->id, &id);
	date_rfc3339(&next, next_ms);
	struct log_line line = log_begin_kept(LOG_DEBUG, "waits");
	log_s(&line, "id", buf_str(&id));
	log_s(&line, "next", buf_str(&next));
	history_end(parcel->delivery->parts.history, HISTORY_MAIL, &line);
	buf_free(&id);
	buf_free(&next);
}

/* "550 5.1.1 no such user (mx.remote.example[192.0.2.1])"; what we found
   ourselves names the host where there is one */
static struct str
row_text(struct parcel *parcel, const struct outcome *outcome)
{
	const struct reply *reply = &outcome->reply;
	struct buf text = { 0 };
	buf_addf(&text, "%d %s%s%s", reply->code,
	    reply->enhanced ? reply->enhanced : "", reply->enhanced ? " " : "",
	    reply->text);
	if (reply->received && !str_empty(outcome->peer.host)) {
		buf_adds(&text, " (");
		peer_write(&text, &outcome->peer);
		buf_addc(&text, ')');
	}
	struct str kept = arena_str(&parcel->arena, buf_str(&text));
	buf_free(&text);
	return kept;
}

static size_t
collect(struct parcel *parcel)
{
	size_t count = 0;
	if (!parcel->rows)
		parcel->rows = arena_alloc(
		    &parcel->arena, parcel->item->count * sizeof *parcel->rows);
	for (size_t i = 0; i < parcel->item->count; i++) {
		struct outcome *outcome = &parcel->outcomes[i];
		if (!is_ready(outcome))
			continue;
		outcome->phase = OUTCOME_SETTLING;
		log_outcome(parcel, i);
		parcel->rows[count++] = (struct queue_outcome){
			.recipient = i,
			.state = outcome->state,
			.text = row_text(parcel, outcome),
			.code = (int16_t)outcome->reply.code,
			.ours = !outcome->reply.received,
		};
	}
	return count;
}

static int64_t
wait_of(const struct parcel *parcel, size_t i)
{
	unsigned tries = parcel->item->attempts + 1;
	if (!is_known(&parcel->outcomes[i]))
		return parcel->delivery->stopping ? SOON_MS : BACKLOG_AGAIN_MS;
	return parcel_recipient(parcel, i)->kind == RECIPIENT_LOCAL
	    ? backoff_local(tries)
	    : backoff_remote(parcel->delivery->parts.settings, tries);
}

/* The soonest of those who still wait. */
static int64_t
next_time(const struct parcel *parcel)
{
	int64_t soonest = INT64_MAX;
	for (size_t i = 0; i < parcel->item->count; i++) {
		const struct outcome *outcome = &parcel->outcomes[i];
		if (is_known(outcome) ? !is_deferred(outcome)
				      : !parcel_waits(parcel, i))
			continue;
		int64_t wait = wait_of(parcel, i);
		soonest = wait < soonest ? wait : soonest;
	}
	return soonest == INT64_MAX ? 0 : clock_wall_ms() + soonest;
}

static void
on_settled(struct queue_settle *settle)
{
	struct parcel *parcel = container_of(settle, struct parcel, settle);
	parcel->under_way = false;
	if (!parcel->delivery) {
		parcel_free(parcel);
		return;
	}
	for (size_t i = 0; i < settle->count; i++)
		parcel->outcomes[settle->outcomes[i].recipient].phase =
		    OUTCOME_SETTLED;
	flow_release(&parcel->flow);
}

static enum step
settle(struct flow *flow)
{
	struct parcel *parcel = parcel_of(flow);
	size_t count = collect(parcel);
	parcel->last = parcel->parts == 0 && !any(parcel, is_new) &&
	    !warning_is_due(parcel);
	if (count == 0 && !parcel->last)
		return STEP_NEXT;
	parcel->settle = (struct queue_settle){
		.item = parcel->item,
		.count = count,
		.outcomes = parcel->rows,
		.attempted = parcel->last && any(parcel, is_known),
		.warned = parcel->warned,
		.give_back = parcel->last,
		.next_ms = parcel->last ? next_time(parcel) : 0,
	};
	if (parcel->settle.next_ms > 0)
		log_next(parcel, parcel->settle.next_ms);
	flow_hold(flow);
	parcel->under_way = true;
	queue_settle(
	    parcel->delivery->parts.queue, &parcel->settle, on_settled);
	return STEP_WAIT;
}

/* ---- end ---- */

static enum step
end(struct flow *flow)
{
	struct parcel *parcel = parcel_of(flow);
	parcel->settling = false;
	if (parcel->last)
		parcel_end(parcel);
	else
		settle_run(parcel);
	return STEP_STOP;
}

static const struct flow_step settle_round[] = {
	{ "report", report }, /* synced before the failure is settled */
	{ "settle", settle },
	{ "end", end },
	{ 0 },
};

void
settle_run(struct parcel *parcel)
{
	if (parcel->settling)
		return;
	if (parcel->parts == 0 && parcel->delivery->stopping &&
	    !any(parcel, is_new)) {
		parcel_end(parcel); /* it stays in the queue */
		return;
	}
	if (parcel->parts > 0 && !any(parcel, is_ready))
		return;
	parcel->settling = true;
	flow_start(&parcel->flow, settle_round);
}
