/*
 * verdict_text.h - private to smtpd/inbound: what was found, in sentences.
 *
 * A sentence is one printable line of bounded length, whatever the strings
 * from outside are that it names.
 */
#ifndef SMTPD_INBOUND_VERDICT_TEXT_H
#define SMTPD_INBOUND_VERDICT_TEXT_H

#include "smtpd/inbound/verdict.h"

/* RFC 5321 4.5.3.1.5: 512 octets a reply line, with its codes */
enum {
	VERDICT_TEXT = 400
};

/* Ended by a NUL, in the arena. */
struct str verdict_text(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One more step; beyond VERDICT_STEPS it is lost. */
void verdict_tell(struct verdict *, struct str);
/* The results of all checks, one step each. */
void verdict_tell_facts(
    const struct verdict_question *, struct arena *, struct verdict *);
/* "pass of a.example, fail of b.example (...)", or "no signature" */
struct str verdict_dkim(const struct checks *, struct arena *);

#endif
