/*
 * spf_private.h - one evaluation of check_host(), RFC 7208 4, for the files of
 * spf_*.c alone.
 *
 * A small machine with a stack of records: one question at a time is asked,
 * its answer is a step, and each step says how to go on.  Nothing recurses,
 * but for answers that were had before, which lead on at once.
 */
#ifndef LIB_TRUST_SPF_PRIVATE_H
#define LIB_TRUST_SPF_PRIVATE_H

#include "lib/trust/spf.h"
#include "lib/trust/spf_record.h"
#include "lib/trust/spf_target.h"

enum {
	/* RFC 7208 4.6.4 */
	SPF_TERMS = 10, /* that ask DNS, in all records together */
	SPF_VOIDS = 2, /* of those, the ones that may find nothing */
	SPF_NAMES = 10, /* of an MX set or an address */
};

enum spf_step {
	SPF_NO_MATCH, /* the next directive */
	SPF_MATCH,
	SPF_WAIT, /* a question is asked, or the result is there */
};

struct spf_run;
typedef enum spf_step spf_answered(struct spf_run *, const struct dns_answer *);
typedef enum spf_step spf_then(struct spf_run *);

struct spf_frame { /* a record that is evaluated */
	struct str domain; /* any octets in its labels */
	struct spf_record record;
	struct str rest; /* terms that were not evaluated yet */
	struct spf_directive directive; /* that is evaluated now */
};

enum spf_name_state {
	SPF_NAME_UNTRIED,
	SPF_NAME_VALIDATED, /* RFC 7208 5.5: it leads back to the address */
	SPF_NAME_REFUTED,
};

struct spf_names { /* of the client's address, found once for all */
	bool known;
	bool none; /* there are none */
	size_t count, trying;
	struct {
		struct str name;
		enum spf_name_state state;
	} list[SPF_NAMES];
	/* what is looked for */
	struct str domain; /* as the DNS writes it */
	bool below_only;
	spf_then *then;
};

struct spf_asked; /* an answer that was had */

struct spf_run {
	struct spf_check *check;
	struct loop *loop;
	const struct spf_question *question;
	struct arena arena;
	struct timer deadline;
	struct later finished;
	struct dns_query query;
	spf_answered *answered;
	struct str asking; /* what the query asks for */
	enum dns_type asking_type;
	struct spf_asked *asked;
	struct spf_macros macros;
	struct spf_frame frames[SPF_TERMS + 1]; /* include adds one */
	size_t depth;
	unsigned terms, voids; /* so far */
	struct str spec, target; /* a domain-spec, and what it stands for ("":
				    no name) */
	spf_then *expanded;
	struct str hosts[SPF_NAMES]; /* of an mx */
	size_t host_count, host;
	struct spf_names names;
	bool explaining; /* the result stands, come what may */
};

/* ---- spf_ask.c: questions ---- */

/* SPF_WAIT, or what the answer leads to when it was had before. */
enum spf_step spf_ask(
    struct spf_run *, struct str name, enum dns_type, spf_answered *);
/* domain: any octets in its labels */
enum spf_step spf_ask_domain(
    struct spf_run *, struct str domain, enum dns_type, spf_answered *);
enum dns_type spf_address_type(const struct spf_run *);
/* As the DNS writes it: RFC 1035 5.1. */
struct str spf_escape(struct spf_run *, struct str domain);

/* ---- spf.c: the machine.  What ends it returns SPF_WAIT. ---- */

enum spf_step spf_error(struct spf_run *, enum spf_result, const char *why);
/* The result is there.  A fail may still get its explanation. */
enum spf_step spf_conclude(
    struct spf_run *, enum spf_result, struct str mechanism);
enum spf_step spf_finish(struct spf_run *);

/* Expands a domain-spec ("": the domain itself) to run->target, then goes
   on. */
enum spf_step spf_expand(struct spf_run *, struct str spec, spf_then *);
struct spf_frame *spf_top(struct spf_run *);

/* ---- spf_records.c: which record, and which directive of it ---- */

/* Asks for the record of a domain and evaluates it above the others. */
enum spf_step spf_open(struct spf_run *, struct str domain);
enum spf_step spf_go_on(struct spf_run *, enum spf_step);

/* ---- spf_terms.c: whether a directive matches ---- */

enum spf_step spf_match(struct spf_run *);
/* False: one too many, and the result is there. */
bool spf_count_term(struct spf_run *);

/* ---- spf_names.c: the names of the address ---- */

/* Sets macros.validated to a validated name, or to "", then goes on.  The
   domain is preferred, then names below it; below_only: no other ones. */
enum spf_step spf_find_name(
    struct spf_run *, struct str domain, bool below_only, spf_then *);

/* ---- spf_explain.c ---- */

enum spf_step spf_explain(struct spf_run *);

#endif
