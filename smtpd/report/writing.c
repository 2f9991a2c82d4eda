/*
 * writing.c - a report's file, written and compressed by a worker.
 */
#include "smtpd/report/paper.h"

#include "lib/report/dmarc_report.h"
#include "lib/report/tls_report.h"

#include <stdlib.h>

static void
on_run(struct job *job)
{
	struct writing *w = container_of(job, struct writing, job);
	struct buf text = { 0 };
	report_id(w->frame.begin, w->frame.end, &w->sheet, &w->id);
	w->frame.id = buf_str(&w->id);
	w->any = w->is_tls
	    ? tls_report_write(&w->frame, &w->sheet, &text)
	    : dmarc_report_write(&w->frame, &w->sheet, w->note, &text);
	if (w->any)
		report_gzip(buf_str(&text), &w->file);
	buf_free(&text);
}

static void
writing_free(struct writing *w)
{
	row_sheet_free(&w->sheet);
	arena_free(&w->arena);
	buf_free(&w->id);
	buf_free(&w->file);
	free(w);
}

void
writing_end(struct writing *w)
{
	struct paper *p = w->paper;
	p->sheet = w->sheet;
	w->sheet = (struct row_sheet){ 0 };
	p->writing = NULL;
	writing_free(w);
}

static struct report_frame
copy_of(const struct report_frame *frame, struct arena *arena)
{
	return (struct report_frame){
		.domain = arena_str(arena, frame->domain),
		.organization = arena_str(arena, frame->organization),
		.contact = arena_str(arena, frame->contact),
		.begin = frame->begin,
		.end = frame->end,
	};
}

static void
on_done(struct job *job)
{
	struct writing *w = container_of(job, struct writing, job);
	if (w->paper)
		w->done(w);
	else
		writing_free(w);
}

bool
writing_start(struct paper *p, void (*done)(struct writing *))
{
	struct writing *w = mem_alloc(sizeof *w);
	w->paper = p;
	w->done = done;
	w->is_tls = p->is_tls;
	w->frame = copy_of(&p->frame, &w->arena);
	w->note = arena_str(&w->arena, p->note);
	w->sheet = p->sheet;
	p->sheet = (struct row_sheet){ 0 };
	p->writing = w;
	bool started = job_start(p->parts->lane, &w->job, on_run, on_done);
	if (!started)
		writing_end(w);
	return started;
}

void
writing_cancel(struct writing *w)
{
	if (!w)
		return;
	w->paper = NULL;
	if (job_cancel(&w->job))
		writing_free(w);
}
