#include "smtpd/inbound/verdict.h"

#include "lib/mail/printable.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- facts, made by hand ---- */

struct row {
	const char *name;
	/* "fail bounce.example"; NULL: SPF wasn't asked */
	const char *spf, *helo;
	/* "pass author.example, weak list.example" */
	const char *dkim;
	enum dmarc_status dmarc;
	enum dmarc_policy published, policy;
	bool strict_alignment;
	bool policy_known; /* in spite of a temperror */
	enum arc_status arc;
	bool saw_fail; /* ARC's first hop saw no pass */
	bool list; /* signed its list fields */

	enum policy_action dmarc_action, spf_action;
	bool must_accept, source_unknown, listed, listed_refuses;

	const char *wanted; /* "accept", "junk", or code and enhanced code */
	enum policy_override override;
	enum dmarc_policy applied;
};

#define SAW(result) \
	"i=1; first.example; dmarc=" result " header.from=author.example"

static const struct arc_verify chain = {
	.sets = 2,
	.why = "the seal is wrong",
	.sealer = TEXT("forwarder.example"),
	.first_results = TEXT(SAW("pass")),
};

static enum spf_result
spf_result_of(struct str name)
{
	enum spf_result result = SPF_NONE;
	while (!str_eq(str_of(spf_result_name(result)), name))
		assert_int_not_equal(++result, SPF_PERMERROR + 1);
	return result;
}

static void
set_spf(struct spf_check *spf, bool *asked, const char *text)
{
	struct str rest = str_of(text);
	*asked = text != NULL;
	if (!text)
		return;
	spf->result = spf_result_of(str_cut(&rest, ' '));
	spf->domain = rest;
	spf->mechanism = STR("all");
	spf->explanation = STR("ask our postmaster");
	spf->why = "";
}

static enum dkim_status
dkim_status_of(struct str name)
{
	enum dkim_status status = DKIM_PASS;
	while (!str_eq(str_of(dkim_status_name(status)), name))
		assert_int_not_equal(++status, DKIM_PERMERROR + 1);
	return status;
}

static void
set_dkim(struct dkim_verify *dkim, const char *text)
{
	struct str rest = str_of(text);
	while (rest.n > 0) {
		struct str domain = str_trim(str_cut(&rest, ','));
		struct str status = str_cut(&domain, ' ');
		struct dkim_result *result = &dkim->results[dkim->count++];
		result->weak = str_eq(status, STR("weak"));
		result->status =
		    result->weak ? DKIM_PASS : dkim_status_of(status);
		result->domain = domain;
		result->why = "";
	}
}

static void
set_facts(struct checks *c, const struct row *row)
{
	*c = (struct checks){
		.author_domain = STR("author.example"),
		.list_domain = STR("list.example"),
		.list_fields_signed = row->list,
	};
	set_spf(&c->mail_from, &c->has_mail_from, row->spf);
	set_spf(&c->helo, &c->has_helo, row->helo);
	set_dkim(&c->dkim, row->dkim);
	c->dmarc.status = row->dmarc;
	c->dmarc.why = "";
	c->dmarc.policy_domain = row->dmarc == DMARC_FAIL || row->policy_known
	    ? STR("author.example")
	    : STR("");
	c->dmarc.organizational_domain = STR("author.example");
	c->dmarc.published = row->published;
	c->dmarc.policy = row->policy;
	c->dmarc.record.strict_spf = row->strict_alignment;
	c->dmarc.record.strict_dkim = row->strict_alignment;
	c->arc = chain;
	c->arc.status = row->arc;
	if (row->saw_fail)
		c->arc.first_results = STR(SAW("fail"));
}

static void
reach(const struct row *row, struct arena *arena, struct verdict *verdict)
{
	struct checks checks;
	struct verdict_question question = {
		.dmarc_action = row->dmarc_action,
		.spf_action = row->spf_action,
		.checks = &checks,
		.must_accept = row->must_accept,
		.source_unknown = row->source_unknown,
		.listed = row->listed,
		.listed_refuses = row->listed_refuses,
		.list = STR("zen.list.example"),
	};
	set_facts(&checks, row);
	verdict_reach(&question, arena, verdict);
}

static void
describe(const struct verdict *verdict, char *out, size_t n)
{
	if (verdict->reply.code)
		snprintf(out, n, "%d %s", verdict->reply.code,
		    verdict->reply.enhanced);
	else
		snprintf(out, n, "%s", disposition_name(verdict->disposition));
}

static void
try(const struct row *rows)
{
	struct verdict verdict;
	char got[64];
	for (const struct row *row = rows; row->name; row++) {
		struct arena arena = { 0 };
		reach(row, &arena, &verdict);
		describe(&verdict, got, sizeof got);
		if (strcmp(got, row->wanted) != 0 ||
		    verdict.override != row->override ||
		    verdict.applied != row->applied)
			fail_msg("%s: got %s, override %s, applied %s",
			    row->name, got,
			    policy_override_name(verdict.override),
			    dmarc_policy_name(verdict.applied));
		arena_free(&arena);
	}
}

/* ---- DMARC ---- */

#define POLICY(p) \
	.dmarc = DMARC_FAIL, .published = DMARC_POLICY_##p, \
	.policy = DMARC_POLICY_##p
#define REFUSED .wanted = "550 5.7.26", .applied = DMARC_POLICY_REJECT
#define TO_JUNK(why) \
	.wanted = "junk", .applied = DMARC_POLICY_QUARANTINE, \
	.override = OVERRIDE_##why
#define ACCEPTED .wanted = "accept"
#define ACTION(a) .dmarc_action = ACTION_##a

static void
test_dmarc_policies(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "it passes", .dmarc = DMARC_PASS,
		    .policy = DMARC_POLICY_REJECT,
		    .published = DMARC_POLICY_REJECT, ACCEPTED },
		{ "a pass outweighs an SPF fail", .spf = "fail b.example",
		    .dmarc = DMARC_PASS, ACCEPTED },
		{ "there is no policy", ACCEPTED },
		{ "a record that can't be read is none",
		    .dmarc = DMARC_PERMERROR, ACCEPTED },
		{ "p=none", POLICY(NONE), ACCEPTED },
		{ "p=none, and SPF fails", .spf = "fail author.example",
		    POLICY(NONE), ACCEPTED },
		{ "p=quarantine", POLICY(QUARANTINE), TO_JUNK(NONE) },
		{ "p=reject", POLICY(REJECT), REFUSED },
		{ "strict, p=quarantine", POLICY(QUARANTINE), ACTION(STRICT),
		    TO_JUNK(NONE) },
		{ "strict, p=reject", POLICY(REJECT), ACTION(STRICT), REFUSED },
		{ "junk, p=quarantine", POLICY(QUARANTINE), ACTION(JUNK),
		    TO_JUNK(NONE) },
		{ "junk, p=reject", POLICY(REJECT), ACTION(JUNK),
		    TO_JUNK(LOCAL_POLICY) },
		{ "mark, p=quarantine", POLICY(QUARANTINE), ACTION(MARK),
		    ACCEPTED, .override = OVERRIDE_LOCAL_POLICY },
		{ "mark, p=reject", POLICY(REJECT), ACTION(MARK), ACCEPTED,
		    .override = OVERRIDE_LOCAL_POLICY },
		{ 0 },
	};
	try(rows);
}

static void
test_t_takes_one_step_off(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "p=reject becomes quarantine", .dmarc = DMARC_FAIL,
		    .published = DMARC_POLICY_REJECT,
		    .policy = DMARC_POLICY_QUARANTINE,
		    TO_JUNK(POLICY_TEST_MODE) },
		{ "p=quarantine becomes none", .dmarc = DMARC_FAIL,
		    .published = DMARC_POLICY_QUARANTINE,
		    .policy = DMARC_POLICY_NONE, ACCEPTED,
		    .override = OVERRIDE_POLICY_TEST_MODE },
		{ "strict, too", .dmarc = DMARC_FAIL,
		    .published = DMARC_POLICY_REJECT,
		    .policy = DMARC_POLICY_QUARANTINE, ACTION(STRICT),
		    TO_JUNK(POLICY_TEST_MODE) },
		{ 0 },
	};
	try(rows);
}

static void
test_what_vouches_against_reject(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "a list that has signed its fields", POLICY(REJECT),
		    .dkim = "pass list.example", .list = true,
		    TO_JUNK(MAILING_LIST) },
		{ "a chain whose first hop saw a pass", POLICY(REJECT),
		    .arc = ARC_PASS, TO_JUNK(TRUSTED_FORWARDER) },
		{ "a chain whose first hop saw none", POLICY(REJECT),
		    .arc = ARC_PASS, .saw_fail = true, REFUSED },
		{ "a broken chain", POLICY(REJECT), .arc = ARC_FAIL, REFUSED },
		{ "a foreign SPF pass", POLICY(REJECT),
		    .spf = "pass bounce.example", REFUSED },
		{ "a foreign SPF pass of HELO", POLICY(REJECT),
		    .helo = "pass mx.example", REFUSED },
		{ "a foreign signature", POLICY(REJECT),
		    .dkim = "pass other.example", REFUSED },
		{ "strict: not even a list", POLICY(REJECT), .list = true,
		    ACTION(STRICT), REFUSED },
		{ "strict: not even a chain", POLICY(REJECT), .arc = ARC_PASS,
		    ACTION(STRICT), REFUSED },
		{ "quarantine stays quarantine", POLICY(QUARANTINE),
		    .list = true, .arc = ARC_PASS, TO_JUNK(NONE) },
		{ 0 },
	};
	try(rows);
}

/* ---- SPF alone ---- */

#define SPF(a) .spf_action = ACTION_##a
#define NOT_LET .wanted = "550 5.7.23"

static void
test_spf_of_domains_without_a_policy(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "pass", .spf = "pass b.example", ACCEPTED },
		{ "softfail", .spf = "softfail b.example", ACCEPTED },
		{ "neutral", .spf = "neutral b.example", ACCEPTED },
		{ "none", .spf = "none b.example", ACCEPTED },
		{ "permerror", .spf = "permerror b.example", ACCEPTED },
		{ "fail", .spf = "fail b.example", NOT_LET },
		{ "fail, DMARC record unreadable", .spf = "fail b.example",
		    .dmarc = DMARC_PERMERROR, NOT_LET },
		{ "HELO's for the null reverse-path", .helo = "fail h.example",
		    NOT_LET },
		{ "HELO's doesn't count else", .spf = "pass b.example",
		    .helo = "fail h.example", ACCEPTED },
		{ "any valid signature vouches", .spf = "fail b.example",
		    .dkim = "fail x.example, pass y.example", ACCEPTED },
		{ "one that covers too little doesn't", .spf = "fail b.example",
		    .dkim = "weak y.example", NOT_LET },
		{ "one that fails doesn't", .spf = "fail b.example",
		    .dkim = "fail y.example", NOT_LET },
		{ "strict, in spite of a signature", .spf = "fail b.example",
		    .dkim = "pass y.example", SPF(STRICT), NOT_LET },
		{ "junk", .spf = "fail b.example", SPF(JUNK),
		    .wanted = "junk" },
		{ "junk, with a signature", .spf = "fail b.example",
		    .dkim = "pass y.example", SPF(JUNK), ACCEPTED },
		{ "mark", .spf = "fail b.example", SPF(MARK), ACCEPTED },
		{ "DMARC's action is no matter", .spf = "fail b.example",
		    ACTION(MARK), NOT_LET },
		{ 0 },
	};
	try(rows);
}

/* ---- trouble with DNS ---- */

#define SPF_LATER .wanted = "451 4.7.24"
#define LATER .wanted = "451 4.4.3"
#define UNKNOWN(p) \
	.dmarc = DMARC_TEMPERROR, .policy_known = true, \
	.policy = DMARC_POLICY_##p

static void
test_trouble_where_it_decides(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "no policy, and SPF isn't known",
		    .spf = "temperror b.example", SPF_LATER },
		{ "SPF fails, a signature might vouch", .spf = "fail b.example",
		    .dkim = "temperror y.example", LATER },
		{ "the policy isn't known", .dmarc = DMARC_TEMPERROR, LATER },
		{ "p=reject, alignment isn't known", .dmarc = DMARC_TEMPERROR,
		    .policy_known = true, .policy = DMARC_POLICY_REJECT,
		    LATER },
		{ "p=reject, the author's key isn't known", UNKNOWN(REJECT),
		    .dkim = "temperror author.example", LATER },
		{ "p=reject, the key of a name below isn't known",
		    UNKNOWN(REJECT), .dkim = "temperror m.author.example",
		    LATER },
		{ "p=reject, the author's SPF isn't known", UNKNOWN(REJECT),
		    .spf = "temperror m.author.example", SPF_LATER },
		{ "p=quarantine, too", UNKNOWN(QUARANTINE),
		    .spf = "temperror author.example", SPF_LATER },
		{ "strict, too", UNKNOWN(REJECT), ACTION(STRICT),
		    .spf = "temperror author.example", SPF_LATER },
		{ "the chain's keys aren't known", POLICY(REJECT),
		    .arc = ARC_TEMPERROR, LATER },
		{ 0 },
	};
	try(rows);
}

static void
test_trouble_where_it_decides_nothing(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "it passes all the same", .spf = "temperror author.example",
		    .dkim = "pass author.example, temperror author.example",
		    .dmarc = DMARC_PASS, ACCEPTED },
		{ "p=none", UNKNOWN(NONE), .spf = "temperror author.example",
		    .dkim = "temperror author.example", ACCEPTED },
		{ "p=none, alignment isn't known", .dmarc = DMARC_TEMPERROR,
		    .policy_known = true, ACCEPTED },
		{ "mark", UNKNOWN(REJECT), ACTION(MARK),
		    .spf = "temperror author.example", ACCEPTED },
		{ "mark, the policy isn't known", .dmarc = DMARC_TEMPERROR,
		    ACTION(MARK), ACCEPTED },
		{ "whatever the policy is, the author's DKIM passes",
		    .dmarc = DMARC_TEMPERROR, .dkim = "pass author.example",
		    ACCEPTED },
		{ "whatever the policy is, the author's SPF passes",
		    .dmarc = DMARC_TEMPERROR, .spf = "pass author.example",
		    ACCEPTED },
		{ "a name below may not be aligned", .dmarc = DMARC_TEMPERROR,
		    .dkim = "pass m.author.example", LATER },
		{ "strangers' trouble", POLICY(REJECT),
		    .spf = "temperror b.example", .dkim = "temperror y.example",
		    REFUSED },
		{ "aligned by name alone", POLICY(REJECT),
		    .strict_alignment = true,
		    .spf = "temperror m.author.example",
		    .dkim = "temperror m.author.example", REFUSED },
		{ "the chain wouldn't vouch", POLICY(REJECT),
		    .arc = ARC_TEMPERROR, .saw_fail = true, REFUSED },
		{ "strict: the chain is no matter", POLICY(REJECT),
		    ACTION(STRICT), .arc = ARC_TEMPERROR, REFUSED },
		{ "a list vouches", POLICY(REJECT), .arc = ARC_TEMPERROR,
		    .list = true, TO_JUNK(MAILING_LIST) },
		{ "no policy, SPF isn't known, a signature vouches",
		    .spf = "temperror b.example", .dkim = "pass y.example",
		    ACCEPTED },
		{ "SPF is only noted", .spf = "temperror b.example", SPF(MARK),
		    ACCEPTED },
		{ "SPF passes, a key isn't known", .spf = "pass b.example",
		    .dkim = "temperror y.example", ACCEPTED },
		{ 0 },
	};
	try(rows);
}

/* ---- gateways, lists, and those who must be reachable ---- */

static void
test_unknown_source(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "SPF is no evidence", .source_unknown = true,
		    .spf = "fail b.example", ACCEPTED },
		{ "nor trouble", .source_unknown = true,
		    .spf = "temperror b.example", ACCEPTED },
		{ "nor a DNS list", .source_unknown = true, .listed = true,
		    .listed_refuses = true, ACCEPTED },
		{ "p=reject is Junk at worst", .source_unknown = true,
		    POLICY(REJECT), TO_JUNK(LOCAL_POLICY) },
		{ "strict, too", .source_unknown = true, POLICY(REJECT),
		    ACTION(STRICT), TO_JUNK(LOCAL_POLICY) },
		{ "a list is named first", .source_unknown = true,
		    POLICY(REJECT), .list = true, TO_JUNK(MAILING_LIST) },
		{ "its SPF pass doesn't make up for the policy",
		    .source_unknown = true, .dmarc = DMARC_TEMPERROR,
		    .spf = "pass author.example", LATER },
		{ 0 },
	};
	try(rows);
}

static void
test_dns_lists(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "a hit is Junk", .listed = true, .wanted = "junk" },
		{ "also when it passes", .listed = true, .dmarc = DMARC_PASS,
		    .wanted = "junk" },
		{ "or is refused", .listed = true, .listed_refuses = true,
		    .wanted = "554 5.7.1" },
		{ "p=quarantine stays what it is", .listed = true,
		    POLICY(QUARANTINE), TO_JUNK(NONE) },
		{ "DMARC's refusal comes first", .listed = true,
		    .listed_refuses = true, POLICY(REJECT), REFUSED },
		{ "deferred stays deferred", .listed = true,
		    .dmarc = DMARC_TEMPERROR, LATER },
		{ "unless a hit is refused", .listed = true,
		    .listed_refuses = true, .dmarc = DMARC_TEMPERROR,
		    .wanted = "554 5.7.1" },
		{ 0 },
	};
	try(rows);
}

static void
test_the_desk_takes_all(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "p=reject", .must_accept = true, POLICY(REJECT), ACCEPTED,
		    .override = OVERRIDE_LOCAL_POLICY },
		{ "p=quarantine", .must_accept = true, POLICY(QUARANTINE),
		    ACCEPTED, .override = OVERRIDE_LOCAL_POLICY },
		{ "SPF", .must_accept = true, .spf = "fail b.example",
		    ACCEPTED },
		{ "trouble", .must_accept = true, .dmarc = DMARC_TEMPERROR,
		    ACCEPTED },
		{ "a DNS list", .must_accept = true, .listed = true,
		    .listed_refuses = true, ACCEPTED },
		{ 0 },
	};
	try(rows);
}

static void
test_malformed_is_refused_before_all(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct checks checks;
	struct verdict verdict;
	static const struct row row = { "", .dmarc = DMARC_PASS };
	set_facts(&checks, &row);
	for (int desk = 0; desk < 2; desk++) {
		struct verdict_question question = {
			.checks = &checks,
			.dmarc_action = ACTION_MARK,
			.malformed = "There is not exactly one From",
			.must_accept = desk,
		};
		verdict_reach(&question, &arena, &verdict);
		assert_int_equal(verdict.disposition, DISPOSITION_REJECT);
		assert_int_equal(verdict.reply.code, 550);
		assert_string_equal(verdict.reply.enhanced, "5.6.0");
		assert_non_null(strstr(verdict.reply.text, "exactly one"));
	}
	arena_free(&arena);
}

/* ---- every combination ---- */

static bool
is_refusal(const struct verdict *v)
{
	return v->disposition == DISPOSITION_REJECT;
}

static void
assert_sound(const struct row *row, const struct verdict *v)
{
	bool replies = is_refusal(v) || v->disposition == DISPOSITION_DEFER;
	bool dmarc = replies && strcmp(v->reply.enhanced, "5.7.26") == 0;
	assert_int_equal(replies, v->reply.code != 0);
	assert_true(!replies || v->reply.code / 100 == (is_refusal(v) ? 5 : 4));
	assert_int_equal(dmarc, v->applied == DMARC_POLICY_REJECT);
	if (row->must_accept)
		assert_int_equal(v->disposition, DISPOSITION_ACCEPT);
	if (row->dmarc_action >= ACTION_JUNK && row->spf_action >= ACTION_JUNK)
		assert_false(is_refusal(v));
	if (row->dmarc == DMARC_PASS || row->policy == DMARC_POLICY_NONE)
		assert_false(dmarc);
	if (row->dmarc == DMARC_PASS)
		assert_int_equal(v->disposition, DISPOSITION_ACCEPT);
	if (row->source_unknown)
		assert_false(is_refusal(v));
	assert_in_range(v->count, 2, VERDICT_STEPS - 1); /* none was lost */
}

static const char *const senders[] = { NULL, "none b.example", "pass b.example",
	"fail b.example", "temperror author.example" };
static const char *const signatures[] = { NULL, "pass y.example",
	"temperror y.example", "temperror author.example" };

/* Digits of a number in a mixed base choose the facts. */
static unsigned
digit(unsigned *n, unsigned base)
{
	unsigned d = *n % base;
	*n /= base;
	return d;
}

static unsigned
choose(unsigned n, struct row *row)
{
	*row = (struct row){
		.spf = senders[digit(&n, 5)],
		.dkim = signatures[digit(&n, 4)],
		.dmarc = digit(&n, 5),
		.policy = digit(&n, 3),
		.arc = digit(&n, 4),
		.list = digit(&n, 2),
		.dmarc_action = digit(&n, 4),
		.spf_action = digit(&n, 4),
		.must_accept = digit(&n, 2),
		.source_unknown = digit(&n, 2),
	};
	row->published = row->policy;
	return n;
}

static void
test_all_combinations_are_sound(void **state)
{
	(void)state;
	struct row row;
	struct verdict verdict;
	unsigned n = 0;
	for (; choose(n, &row) == 0; n++) {
		struct arena arena = { 0 };
		reach(&row, &arena, &verdict);
		assert_sound(&row, &verdict);
		arena_free(&arena);
	}
	assert_int_equal(n, 5 * 4 * 5 * 3 * 4 * 2 * 4 * 4 * 2 * 2);
}

/* ---- what is said ---- */

static bool
is_said(const struct verdict *verdict, const char *sentence)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (str_eq(verdict->steps[i], str_of(sentence)))
			return true;
	return false;
}

static void
test_the_story_is_told(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct verdict v;
	static const struct row row = { "", POLICY(REJECT),
		.spf = "fail b.example", .helo = "pass h.example",
		.dkim = "temperror y.example, pass list.example", .list = true,
		.arc = ARC_FAIL };
	reach(&row, &arena, &v);
	assert_true(is_said(&v, "SPF of b.example: fail (all)"));
	assert_true(is_said(&v, "SPF of HELO h.example: pass (all)"));
	assert_true(
	    is_said(&v, "DKIM: temperror of y.example, pass of list.example"));
	assert_true(is_said(&v, "ARC: fail (the seal is wrong)"));
	assert_true(is_said(
	    &v, "DMARC policy of author.example: reject, nothing aligned"));
	assert_true(is_said(
	    &v, "the list list.example has signed it and its list fields"));
	assert_true(is_said(&v, "decided: junk"));
	assert_str(v.override_comment,
	    STR("the list list.example has signed it and its list fields"));
	arena_free(&arena);
}

static void
test_a_refusal_names_domain_and_reason(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct verdict v;
	struct row row = { "", POLICY(REJECT), .spf = "fail b.example",
		.dkim = "fail author.example" };
	reach(&row, &arena, &v);
	assert_non_null(strstr(v.reply.text, "author.example"));
	assert_non_null(strstr(v.reply.text, "SPF: fail"));
	assert_non_null(strstr(v.reply.text, "fail of author.example"));
	row = (struct row){ "", .spf = "fail b.example" };
	reach(&row, &arena, &v);
	assert_non_null(strstr(v.reply.text, "b.example"));
	assert_non_null(strstr(v.reply.text, "ask our postmaster"));
	row = (struct row){ "", .listed = true, .listed_refuses = true };
	reach(&row, &arena, &v);
	assert_non_null(strstr(v.reply.text, "zen.list.example"));
	arena_free(&arena);
}

static void
assert_clean(struct str text)
{
	assert_in_range(text.n, 1, 480);
	for (size_t i = 0; i < text.n; i++)
		assert_true(printable_is(text.p[i]));
}

static void
test_outside_strings_are_tamed(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct checks checks;
	struct verdict v;
	char evil[3000];
	static const struct row row = { "", .spf = "fail b.example",
		.helo = "fail b.example", .dkim = "fail x", .arc = ARC_PASS };
	memset(evil, '\n', sizeof evil);
	memcpy(evil, "x\r\n250 ok \x80\x1b[2J", 15);
	set_facts(&checks, &row);
	struct str all = { evil, sizeof evil };
	checks.mail_from.domain = checks.mail_from.explanation = all;
	checks.mail_from.mechanism = checks.helo.domain = all;
	checks.dkim.results[0].domain = checks.arc.sealer = all;
	checks.author_domain = checks.dmarc.policy_domain = all;
	struct verdict_question question = { .checks = &checks, .list = all };
	verdict_reach(&question, &arena, &v);
	assert_int_equal(v.reply.code, 550);
	assert_clean(str_of(v.reply.text));
	for (size_t i = 0; i < v.count; i++)
		assert_clean(v.steps[i]);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_policies),
		cmocka_unit_test(test_t_takes_one_step_off),
		cmocka_unit_test(test_what_vouches_against_reject),
		cmocka_unit_test(test_spf_of_domains_without_a_policy),
		cmocka_unit_test(test_trouble_where_it_decides),
		cmocka_unit_test(test_trouble_where_it_decides_nothing),
		cmocka_unit_test(test_unknown_source),
		cmocka_unit_test(test_dns_lists),
		cmocka_unit_test(test_the_desk_takes_all),
		cmocka_unit_test(test_malformed_is_refused_before_all),
		cmocka_unit_test(test_all_combinations_are_sound),
		cmocka_unit_test(test_the_story_is_told),
		cmocka_unit_test(test_a_refusal_names_domain_and_reason),
		cmocka_unit_test(test_outside_strings_are_tamed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
