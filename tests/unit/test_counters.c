#include "smtpd/inbound/counters.h"

#include "tests/fakes/loop.h"
#include "tests/fakes/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	DAY = 86400,
	TODAY = 20777,
};

static struct loop *loop;
static struct tally *tally;

/* ---- a judged message ---- */

static struct checks_question question;
static struct checks checks;
static struct verdict verdict;
static struct spf_check *spf;

const struct spf_check *
checks_spf(const struct checks *c)
{
	assert_ptr_equal(c, &checks);
	return spf;
}

static void
make_message(void)
{
	question = (struct checks_question){
		.ip = { 4, { 192, 0, 2, 1 } },
		.mail_from = STR("Bounce@Lists.B.test"),
		.now = (int64_t)TODAY * DAY + 100,
	};
	memset(&checks, 0, sizeof checks);
	checks.question = &question;
	checks.author_domain = STR("News.a.test");
	checks.mail_from.result = SPF_SOFTFAIL;
	checks.mail_from.domain = STR("lists.b.test");
	checks.mail_from.why = "";
	spf = &checks.mail_from;
	checks.dkim.count = 2;
	checks.dkim.results[0] = (struct dkim_result){ .status = DKIM_PASS,
		.why = "",
		.domain = STR("A.test"),
		.selector = STR("S1") };
	checks.dkim.results[1] = (struct dkim_result){
		.status = DKIM_NEUTRAL,
		.why = "it has no d=",
		.domain = STR(""),
		.selector = STR(""),
	};
	checks.dmarc = (struct dmarc_check){
		.status = DMARC_PASS,
		.policy_domain = STR("a.test"),
		.record = { .p = DMARC_POLICY_REJECT,
		    .sp = DMARC_POLICY_QUARANTINE,
		    .np = DMARC_POLICY_REJECT,
		    .strict_spf = true,
		    .rua = STR("mailto:d@a.test") },
		.published = DMARC_POLICY_QUARANTINE,
		.count = 2,
		.identifiers = { { .domain = STR("lists.b.test") },
		    { .domain = STR("a.test"),
			.is_dkim = true,
			.aligned = true } },
	};
	memset(&verdict, 0, sizeof verdict);
	verdict.override_comment = STR("");
}

static void
note(void)
{
	counters_note(tally, &checks, &verdict);
}

/* ---- what was counted ---- */

struct seen {
	struct buf key; /* of the last row */
	struct dmarc_row row; /* the same, views of the key */
	struct dmarc_row policy; /* of the last note */
};

static struct seen seen;

static uint64_t
see(const struct row_sheet *sheet)
{
	uint64_t messages = 0;
	for (size_t i = 0; i < sheet->count; i++) {
		messages += sheet->rows[i].count;
		buf_clear(&seen.key);
		buf_add(&seen.key, buf_str(&sheet->rows[i].key));
		assert_true(dmarc_row_decode(buf_str(&seen.key), &seen.row));
	}
	return messages;
}

/* "day domain rua rows/messages;" of each topic. */
static const char *
look(void)
{
	static char text[4096];
	size_t n = 0;
	const struct tally_topic *topic = NULL;
	*text = 0;
	while ((topic = tally_next(tally, topic))) {
		struct row_sheet sheet;
		struct str rua;
		assert_true(dmarc_note_decode(topic->note, &seen.policy, &rua));
		tally_copy(tally, topic, &sheet);
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "%d %.*s %.*s %zu/%llu;", (int)topic->day - TODAY,
		    STR_ARG(topic->domain), STR_ARG(rua), sheet.count,
		    (unsigned long long)see(&sheet));
		row_sheet_free(&sheet);
	}
	return text;
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	fake_pairs_open(loop);
	make_message();
	tally = tally_open(loop, fake_pairs.store, &counters_kind);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	tally_free(tally);
	fake_loop_settle(loop);
	fake_pairs_close();
	loop_free(loop);
	buf_free(&seen.key);
	return 0;
}

/* ---- the tests ---- */

static void
a_message_is_a_row(void **state)
{
	(void)state;
	verdict.override = OVERRIDE_MAILING_LIST;
	verdict.override_comment = STR("signed list");
	note();
	assert_string_equal(look(), "0 a.test mailto:d@a.test 1/1;");
	const struct dmarc_row *row = &seen.row;
	assert_int_equal(row->day, TODAY);
	assert_int_equal(row->p, DMARC_POLICY_REJECT);
	assert_int_equal(row->sp, DMARC_POLICY_QUARANTINE);
	assert_true(row->strict_spf && !row->strict_dkim && !row->testing);
	assert_true(ip_eq(row->source, question.ip));
	assert_int_equal(row->disposition, DMARC_DONE_PASS);
	assert_true(row->dkim_aligned && !row->spf_aligned);
	assert_int_equal(row->reason, DMARC_REASON_MAILING_LIST);
	assert_true(str_eq(row->comment, STR("signed list")));
	assert_true(str_eq(row->header_from, STR("news.a.test")));
	assert_true(str_eq(row->envelope_from, STR("lists.b.test")));
	assert_true(row->has_spf);
	assert_int_equal(row->spf.result, DMARC_RESULT_SOFTFAIL);
	assert_int_equal(row->count, 1);
	assert_int_equal(row->signatures[0].result, DMARC_RESULT_PASS);
	assert_true(str_eq(row->signatures[0].domain, STR("a.test")));
}

static void
the_disposition_is_what_was_done(void **state)
{
	(void)state;
	static const struct {
		enum dmarc_status status;
		enum dmarc_policy published, applied;
		enum dmarc_disposition wanted;
	} cases[] = {
		{ DMARC_PASS, DMARC_POLICY_NONE, DMARC_POLICY_NONE,
		    DMARC_DONE_NONE },
		{ DMARC_PASS, DMARC_POLICY_REJECT, DMARC_POLICY_NONE,
		    DMARC_DONE_PASS },
		{ DMARC_FAIL, DMARC_POLICY_REJECT, DMARC_POLICY_REJECT,
		    DMARC_DONE_REJECT },
		{ DMARC_FAIL, DMARC_POLICY_REJECT, DMARC_POLICY_QUARANTINE,
		    DMARC_DONE_QUARANTINE },
		{ DMARC_FAIL, DMARC_POLICY_REJECT, DMARC_POLICY_NONE,
		    DMARC_DONE_NONE },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		checks.dmarc.status = cases[i].status;
		checks.dmarc.published = cases[i].published;
		verdict.applied = cases[i].applied;
		question.now += 10 * DAY; /* the others are forgotten */
		note();
		look();
		assert_int_equal(seen.row.disposition, cases[i].wanted);
	}
}

static void
the_same_again_is_one_row(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		note();
	question.ip.bytes[3]++;
	note();
	checks.dmarc.policy_domain = STR("B.TEST");
	note();
	assert_string_equal(look(),
	    "0 a.test mailto:d@a.test 2/6;0 b.test mailto:d@a.test 1/1;");
}

/* RFC 9990 3.1.3 */
static void
signatures_that_count_come_first(void **state)
{
	(void)state;
	static const struct {
		const char *domain, *selector;
		enum dkim_status status;
	} all[] = {
		{ "news.a.test", "5", DKIM_FAIL },
		{ "list.test", "3", DKIM_PASS },
		{ "a.test", "2", DKIM_PASS },
		{ "esp.test", "4", DKIM_PASS },
		{ "NEWS.a.test", "1", DKIM_PASS },
	};
	checks.dkim.count = 5;
	for (size_t i = 0; i < 5; i++)
		checks.dkim.results[i] = (struct dkim_result){
			.status = all[i].status,
			.why = "",
			.domain = str_of(all[i].domain),
			.selector = str_of(all[i].selector),
		};
	note();
	look();
	assert_int_equal(seen.row.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
		    seen.row.signatures[i].selector.p[0], '1' + (int)i);
}

static void
the_last_policy_is_the_one_to_report(void **state)
{
	(void)state;
	note();
	checks.dmarc.record.p = DMARC_POLICY_NONE;
	checks.dmarc.record.testing = true;
	checks.dmarc.record.rua = STR("mailto:e@a.test");
	note();
	assert_string_equal(look(), "0 a.test mailto:e@a.test 2/2;");
	assert_int_equal(seen.policy.p, DMARC_POLICY_NONE);
	assert_int_equal(seen.policy.sp, DMARC_POLICY_QUARANTINE);
	assert_true(seen.policy.testing && seen.policy.strict_spf);
	assert_false(seen.policy.strict_dkim || seen.policy.dkim_aligned);
}

static void
who_asks_for_no_report_isnt_counted(void **state)
{
	(void)state;
	char text[DMARC_ROW_RUA + 2];
	memset(text, 'x', sizeof text);
	checks.dmarc.record.rua = STR("");
	note();
	checks.dmarc.record.rua = (struct str){ text, DMARC_ROW_RUA + 1 };
	note();
	make_message();
	verdict.disposition = DISPOSITION_DEFER;
	note();
	make_message();
	question.ip.family = 0;
	note();
	static const enum dmarc_status none[] = { DMARC_NONE, DMARC_TEMPERROR,
		DMARC_PERMERROR };
	make_message();
	for (size_t i = 0; i < 3; i++) {
		checks.dmarc.status = none[i];
		note();
	}
	assert_string_equal(look(), "");
	assert_int_equal(tally_dropped(tally), 0);
}

static void
the_null_path_and_no_spf_are_rows_too(void **state)
{
	(void)state;
	spf = NULL;
	question.mail_from = STR("");
	verdict.disposition = DISPOSITION_REJECT;
	note();
	look();
	assert_true(str_empty(seen.row.envelope_from));
	assert_false(seen.row.has_spf);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_message_is_a_row),
		CASE(the_disposition_is_what_was_done),
		CASE(the_same_again_is_one_row),
		CASE(signatures_that_count_come_first),
		CASE(the_last_policy_is_the_one_to_report),
		CASE(who_asks_for_no_report_isnt_counted),
		CASE(the_null_path_and_no_spf_are_rows_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
