/*
 * paper.h - one report, from the tally to the queue.
 *
 * Private to smtpd/report.  Its rows are copied when it starts, and deducted
 * from the tally at its end, so that nothing that is counted meanwhile is lost.
 */
#ifndef SMTPD_REPORT_PAPER_H
#define SMTPD_REPORT_PAPER_H

#include "lib/net/flow.h"
#include "smtpd/report/mailing.h"
#include "smtpd/report/places.h"
#include "smtpd/report/quota.h"
#include "smtpd/report/upload.h"

enum paper_end {
	PAPER_SENT, /* to one place at least */
	PAPER_UNWANTED, /* nobody may or will have it: its rows are dropped */
	PAPER_LATER, /* its rows stay */
};

struct errand { /* to one place */
	struct paper *paper;
	const struct rua *place;
	bool spared; /* the place has had its share: nothing is sent */
	struct upload upload; /* of HTTPS */
	struct mailing_question question; /* the rest is for mail */
	struct mailing mailing;
};

struct paper { /* on the heap */
	enum paper_end end;
	void (*done)(struct paper *);
	struct list_node node; /* the owner's, as is reports */
	struct reports *reports;

	/* private */
	const struct report_parts *parts;
	struct quota *quota;
	struct tally *tally;
	bool is_tls;
	uint32_t day, today;
	struct later later;
	struct arena arena;
	struct report_frame frame; /* strings are in the arena, as is note */
	struct str note; /* the tally's */
	struct row_sheet sheet;
	struct buf file; /* the report, gzip */
	struct flow flow;
	struct places places;
	struct places_question question;
	struct writing *writing;
	struct errand errands[RUA_MAX]; /* one for each of the places */
};

/* done() runs once and later; the paper is then the owner's to free. */
struct paper *paper_new(const struct report_parts *, struct quota *,
    bool is_tls, uint32_t day, struct str domain, void (*done)(struct paper *));
void paper_free(struct paper *); /* also before done() */

/* ---- writing.c ---- */

struct writing { /* a job: it owns what it works on */
	struct job job;
	struct paper *paper; /* NULL: nobody waits any more */
	void (*done)(struct writing *); /* on the loop */
	bool is_tls, any;
	struct arena arena;
	struct report_frame frame;
	struct str note;
	struct row_sheet sheet;
	struct buf id, file;
};

/* The paper's sheet moves to the job until writing_end().  False: the lane is
   full. */
bool writing_start(struct paper *, void (*done)(struct writing *));
void writing_end(struct writing *); /* of what is done: gives back, and frees */
void writing_cancel(struct writing *); /* NULL is fine */

#endif
