#include "smtpd/report/paper.h"

#include "lib/base/clock.h"
#include "lib/report/dmarc_row.h"

#include <stdlib.h>

enum {
	DAY_S = 86400
};

static struct paper *
paper_of(struct flow *flow)
{
	return container_of(flow, struct paper, flow);
}

/* ---- the end ---- */

static void
log_paper(const struct paper *p)
{
	static const char *const ends[] = {
		[PAPER_SENT] = "sent",
		[PAPER_UNWANTED] = "unwanted",
		[PAPER_LATER] = "later",
	};
	bool quiet = p->end == PAPER_UNWANTED;
	struct log_line line =
	    log_begin(quiet ? LOG_DEBUG : LOG_INFO, "report");
	log_c(&line, "kind", p->is_tls ? "tls" : "dmarc");
	log_s(&line, "domain", p->frame.domain);
	log_d(&line, "begin", p->frame.begin);
	log_s(&line, "report", p->frame.id);
	log_c(&line, "result", ends[p->end]);
	log_end(&line);
}

static enum step
finish(struct paper *p, enum paper_end end)
{
	p->end = end;
	if (end != PAPER_LATER)
		tally_deduct(p->tally, p->day, p->frame.domain, &p->sheet);
	log_paper(p);
	p->done(p);
	return STEP_STOP;
}

/* ---- places ---- */

static void
on_places(struct places *places)
{
	struct paper *p = container_of(places, struct paper, places);
	flow_release(&p->flow);
}

static enum step
find_places(struct flow *flow)
{
	struct paper *p = paper_of(flow);
	flow_hold(flow);
	places_start(&p->places, &p->question, p->parts->loop,
	    p->parts->resolver, &p->arena, on_places);
	return STEP_WAIT;
}

/* ---- writing ---- */

static void
on_written(struct writing *w)
{
	struct paper *p = w->paper;
	if (w->any) {
		p->frame.id = arena_str(&p->arena, buf_str(&w->id));
		p->file = buf_take(&w->file);
	}
	writing_end(w);
	flow_release(&p->flow);
}

static enum step
write_file(struct flow *flow)
{
	struct paper *p = paper_of(flow);
	if (p->places.list.count == 0)
		return finish(
		    p, p->places.unknown ? PAPER_LATER : PAPER_UNWANTED);
	if (!writing_start(p, on_written))
		return finish(p, PAPER_LATER);
	flow_hold(flow);
	return STEP_WAIT;
}

/* ---- uploads, then mails, those of one kind side by side ---- */

static void
on_uploaded(struct upload *upload)
{
	struct errand *e = container_of(upload, struct errand, upload);
	flow_release(&e->paper->flow);
}

/* Every try takes from what the place may get in a day.  That is for TLS
   reports: those who get DMARC's have agreed to it. */
static bool
may_send(struct errand *e, enum rua_kind kind)
{
	const struct paper *p = e->paper;
	if (e->place->kind != kind)
		return false;
	e->spared = p->is_tls &&
	    !quota_take(p->quota, p->today, p->frame.domain, e->place);
	return !e->spared;
}

static enum step
upload(struct flow *flow)
{
	struct paper *p = paper_of(flow);
	enum step next = STEP_NEXT;
	if (p->file.n == 0)
		return finish(p, PAPER_UNWANTED); /* rows of another version */
	for (size_t i = 0; i < p->places.list.count; i++) {
		struct errand *e = &p->errands[i];
		e->paper = p;
		e->place = &p->places.list.all[i];
		if (!may_send(e, RUA_HTTPS))
			continue;
		flow_hold(flow);
		upload_start(&e->upload, p->parts, e->place, buf_str(&p->file),
		    on_uploaded);
		next = STEP_WAIT;
	}
	return next;
}

static bool
any_upload(const struct paper *p, enum upload_result result)
{
	for (size_t i = 0; i < p->places.list.count; i++)
		if (p->errands[i].place->kind == RUA_HTTPS &&
		    !p->errands[i].spared &&
		    p->errands[i].upload.result == result)
			return true;
	return false;
}

static bool
any_mailing(const struct paper *p, enum mailing_result result)
{
	for (size_t i = 0; i < p->places.list.count; i++)
		if (p->errands[i].place->kind == RUA_MAIL &&
		    !p->errands[i].spared &&
		    p->errands[i].mailing.result == result)
			return true;
	return false;
}

static bool
any_spared(const struct paper *p)
{
	for (size_t i = 0; i < p->places.list.count; i++)
		if (p->errands[i].spared)
			return true;
	return false;
}

/* RFC 8460 5.5: an upload that fails is tried again for a day; the mails wait
   with it, so that nobody gets them twice. */
static bool
must_wait(const struct paper *p)
{
	return p->day + 1 >= p->today && !any_upload(p, UPLOAD_DONE) &&
	    any_upload(p, UPLOAD_LATER);
}

static void
on_mailed(struct mailing *mailing)
{
	struct errand *e = container_of(mailing, struct errand, mailing);
	flow_release(&e->paper->flow);
}

static enum step
mail(struct flow *flow)
{
	struct paper *p = paper_of(flow);
	enum step next = STEP_NEXT;
	if (must_wait(p))
		return finish(p, PAPER_LATER);
	for (size_t i = 0; i < p->places.list.count; i++) {
		struct errand *e = &p->errands[i];
		if (!may_send(e, RUA_MAIL))
			continue;
		e->question = (struct mailing_question){ &p->frame, p->is_tls,
			e->place, buf_str(&p->file) };
		flow_hold(flow);
		mailing_start(&e->mailing, p->parts, &e->question, on_mailed);
		next = STEP_WAIT;
	}
	return next;
}

static enum step
conclude(struct flow *flow)
{
	struct paper *p = paper_of(flow);
	if (any_mailing(p, MAILING_QUEUED) || any_upload(p, UPLOAD_DONE))
		return finish(p, PAPER_SENT);
	bool later = any_mailing(p, MAILING_LATER) || any_spared(p);
	return finish(p, later ? PAPER_LATER : PAPER_UNWANTED);
}

static const struct flow_step steps[] = {
	{ "places", find_places },
	{ "writing", write_file },
	{ "uploads", upload },
	{ "mails", mail },
	{ "end", conclude },
	{ 0 },
};

/* ---- the whole ---- */

static void
fill_frame(struct paper *p, struct str domain)
{
	const struct directory *d = directory_now(p->parts->directory);
	int64_t now = clock_wall_ms() / 1000;
	struct report_frame *frame = &p->frame;
	p->today = (uint32_t)(now / DAY_S);
	frame->domain = arena_str(&p->arena, domain);
	frame->organization = arena_str(&p->arena, directory_domain(d, 0));
	frame->contact = arena_printf(
	    &p->arena, "postmaster@%.*s", STR_ARG(frame->organization));
	frame->begin = (int64_t)p->day * DAY_S;
	frame->end = frame->begin + DAY_S - 1;
	if (now < frame->end)
		frame->end = now;
}

/* Notes are DMARC's alone; "" when it can't be read. */
static struct str
rua_of(const struct paper *p)
{
	struct dmarc_row policy;
	struct str rua;
	return dmarc_note_decode(p->note, &policy, &rua) ? rua : STR("");
}

static void
on_begin(struct later *later)
{
	struct paper *p = container_of(later, struct paper, later);
	const struct tally_topic *topic =
	    tally_find(p->tally, p->day, p->frame.domain);
	if (!topic || str_empty(p->frame.organization)) {
		finish(p, PAPER_LATER);
		return;
	}
	tally_copy(p->tally, topic, &p->sheet);
	p->note = arena_str(&p->arena, topic->note);
	p->question = (struct places_question){
		.domain = p->frame.domain,
		.is_tls = p->is_tls,
		.rua = rua_of(p),
	};
	flow_start(&p->flow, steps);
}

struct paper *
paper_new(const struct report_parts *parts, struct quota *quota, bool is_tls,
    uint32_t day, struct str domain, void (*done)(struct paper *))
{
	struct paper *p = mem_alloc(sizeof *p);
	p->parts = parts;
	p->quota = quota;
	p->tally = is_tls ? parts->tls : parts->dmarc;
	p->is_tls = is_tls;
	p->day = day;
	p->done = done;
	fill_frame(p, domain);
	loop_later(parts->loop, &p->later, on_begin);
	return p;
}

void
paper_free(struct paper *p)
{
	later_cancel(&p->later);
	places_cancel(&p->places);
	writing_cancel(p->writing);
	for (size_t i = 0; i < RUA_MAX; i++) {
		upload_cancel(&p->errands[i].upload);
		mailing_cancel(&p->errands[i].mailing);
	}
	row_sheet_free(&p->sheet);
	buf_free(&p->file);
	arena_free(&p->arena);
	free(p);
}
