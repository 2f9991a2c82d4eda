/*
 * checks.h - everything that is asked about one message before it is judged:
 * SPF of both identities, DKIM, ARC and DMARC.
 *
 * They begin as early as they can (SPF at MAIL, keys and policy when the
 * header section is there) and meet at the end.  The result is a set of
 * facts; what follows from them is verdict's business.  `postern check` runs
 * the same code.  It knows no session, no recipient and no setting.
 */
#ifndef SMTPD_INBOUND_CHECKS_H
#define SMTPD_INBOUND_CHECKS_H

#include "lib/mail/from.h"
#include "lib/trust/arc.h"
#include "lib/trust/dmarc.h"
#include "lib/trust/iprev.h"
#include "lib/trust/spf.h"

struct checks_question { /* outlives the checks */
	struct loop *loop;
	struct resolver *resolver;
	struct str hostname; /* ours */
	struct ip ip; /* of the client; family 0: unknown, so SPF isn't asked */
	struct str helo;
	struct str mail_from; /* as text; "" for the null reverse-path */
	int64_t now; /* Unix time */
};

struct checks { /* a member of its owner; {0} is idle */
	const struct checks_question *question;
	struct budget budget; /* what is left of BUDGET_MESSAGE */
	struct arena arena;

	/* the facts, until checks_cancel() */
	struct spf_check mail_from, helo;
	bool has_mail_from, has_helo; /* were they asked?  With the null
					 reverse-path there is helo alone. */
	bool has_header; /* DKIM and ARC were asked */
	struct dkim_verify dkim;
	struct arc_verify arc;
	struct dmarc_check dmarc;
	struct str author_domain; /* A-labels; "" before checks_header() */
	bool list_fields_signed; /* a valid DKIM signature of another domain
				    covers list fields of that domain:
				    List-Id, List-Post ... (RFC 2919, 2369) */
	struct str list_domain; /* that one, or "" */

	void (*done)(struct checks *);
	struct checks_run *run; /* private */
};

/* At MAIL. */
void checks_start(struct checks *, const struct checks_question *);
/* The header section, which outlives the checks.  False: the author domain is
   ambiguous, and why says; DMARC isn't asked, the rest goes on. */
bool checks_header(struct checks *, const struct header *, const char **why);
void checks_body(struct checks *, struct str piece); /* behind the empty line */
/* All is there: done() runs once and later, when every fact is. */
void checks_end(struct checks *, void (*done)(struct checks *));
void checks_cancel(struct checks *); /* idempotent; frees all */

/* The SPF result that DMARC uses: MAIL FROM's, or HELO's for the null
   reverse-path; NULL when none was asked. */
const struct spf_check *checks_spf(const struct checks *);

#endif
