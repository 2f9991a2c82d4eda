/* The report is held against RFC 9990's schema by xmllint. */
#include "lib/report/dmarc_report.h"

#include "lib/base/arena.h"
#include "lib/report/dmarc_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct report_frame frame = {
	.domain = { "a.test", 6 },
	.organization = { "ours.test", 9 },
	.contact = { "postmaster@ours.test", 20 },
	.id = { "0123456789abcdef", 16 },
	.begin = 1795132800,
	.end = 1795219199,
};

static const struct dmarc_row plain = {
	.day = 20777,
	.policy_domain = { "a.test", 6 },
	.p = DMARC_POLICY_REJECT,
	.sp = DMARC_POLICY_QUARANTINE,
	.np = DMARC_POLICY_REJECT,
	.strict_spf = true,
	.source = { 4, { 192, 0, 2, 1 } },
	.header_from = { "news.a.test", 11 },
};

static struct row_sheet sheet;
static struct buf xml;
static struct buf note;

static void
put(const struct dmarc_row *row, uint64_t count)
{
	sheet.rows = mem_array(sheet.rows, sheet.count + 1, sizeof *sheet.rows);
	struct row_counted *r = &sheet.rows[sheet.count++];
	*r = (struct row_counted){ .count = count };
	dmarc_row_encode(row, &r->key);
	buf_clear(&note);
	dmarc_note_encode(row, STR("mailto:d@a.test"), &note);
}

static void
write_report(void)
{
	assert_true(dmarc_report_write(&frame, &sheet, buf_str(&note), &xml));
}

static void
assert_valid(void)
{
	FILE *lint = popen("xmllint --noout --nonet --schema "
			   "tests/vectors/dmarc-report/dmarc-xml-0.2.xsd "
			   "- 2>/dev/null",
	    "w");
	assert_non_null(lint);
	fwrite(xml.p, 1, xml.n, lint);
	assert_int_equal(pclose(lint), 0);
}

static void
assert_has(const char *wanted)
{
	if (str_search(buf_str(&xml), str_of(wanted)) == xml.n)
		print_error("no \"%s\" in\n%s\n", wanted, buf_cstr(&xml));
	assert_true(str_search(buf_str(&xml), str_of(wanted)) < xml.n);
}

static int
tear_down(void **state)
{
	(void)state;
	row_sheet_free(&sheet);
	buf_free(&xml);
	buf_free(&note);
	return 0;
}

static void
a_plain_row(void **state)
{
	(void)state;
	put(&plain, 7);
	write_report();
	assert_valid();
	assert_has("<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">");
	assert_has("<org_name>ours.test</org_name>"
		   "<email>postmaster@ours.test</email>"
		   "<report_id>0123456789abcdef</report_id>"
		   "<date_range><begin>1795132800</begin>"
		   "<end>1795219199</end></date_range>");
	assert_has("<domain>a.test</domain><p>reject</p><sp>quarantine</sp>"
		   "<np>reject</np><adkim>r</adkim><aspf>s</aspf>"
		   "<discovery_method>treewalk</discovery_method>"
		   "<testing>n</testing>");
	assert_has("<source_ip>192.0.2.1</source_ip><count>7</count>"
		   "<policy_evaluated><disposition>none</disposition>"
		   "<dkim>fail</dkim><spf>fail</spf></policy_evaluated>");
	assert_has("<identifiers><header_from>news.a.test</header_from>"
		   "</identifiers>");
}

static void
a_full_row(void **state)
{
	(void)state;
	struct dmarc_row row = plain;
	row.testing = row.dkim_aligned = row.has_spf = true;
	row.source = (struct ip){ 6, { 0x20, 1, 0xd, 0xb8 } };
	row.disposition = DMARC_DONE_PASS;
	row.reason = DMARC_REASON_LOCAL_POLICY;
	row.comment = STR("arc=pass <&>");
	row.envelope_from = STR("b.test");
	row.spf = (struct dmarc_row_auth){ DMARC_RESULT_SOFTFAIL, STR("b.test"),
		STR(""), STR("") };
	row.count = 2;
	row.signatures[0] = (struct dmarc_row_auth){ DMARC_RESULT_PASS,
		STR("a.test"), STR("s1"), STR("") };
	row.signatures[1] = (struct dmarc_row_auth){ DMARC_RESULT_FAIL,
		STR("c.test"), STR("s2"), STR("body \x02 \xff") };
	put(&row, 1);
	write_report();
	assert_valid();
	assert_has("<source_ip>2001:db8::</source_ip>");
	assert_has("<reason><type>local_policy</type>"
		   "<comment>arc=pass &lt;&amp;&gt;</comment></reason>");
	assert_has("<dkim><domain>a.test</domain><selector>s1</selector>"
		   "<result>pass</result></dkim>");
	assert_has("<human_result>body ? ?</human_result>");
	assert_has("<spf><domain>b.test</domain><scope>mfrom</scope>"
		   "<result>softfail</result></spf>");
}

/* Whatever can be counted can be reported. */
static void
every_value_is_in_the_schema(void **state)
{
	(void)state;
	struct dmarc_row row = plain;
	row.has_spf = true;
	row.count = 1;
	for (unsigned i = 0; i <= DMARC_RESULT_PERMERROR; i++) {
		row.spf.result = (enum dmarc_result)i;
		/* SOFTFAIL is never DKIM's */
		row.signatures[0].result = i == DMARC_RESULT_SOFTFAIL
		    ? DMARC_RESULT_FAIL
		    : (enum dmarc_result)i;
		row.disposition = i % (DMARC_DONE_REJECT + 1);
		row.reason = i % (DMARC_REASON_TRUSTED_FORWARDER + 1);
		row.p = row.sp = row.np = i % (DMARC_POLICY_REJECT + 1);
		put(&row, i + 1);
	}
	write_report();
	assert_valid();
}

static void
the_policy_that_was_published_last_is_named(void **state)
{
	(void)state;
	struct dmarc_row row = plain;
	row.testing = row.dkim_aligned = true;
	put(&plain, 5);
	row.p = DMARC_POLICY_NONE;
	row.np = DMARC_POLICY_QUARANTINE;
	put(&row, 1);
	write_report();
	assert_valid();
	assert_has("<domain>a.test</domain><p>none</p><sp>quarantine</sp>"
		   "<np>quarantine</np><adkim>r</adkim><aspf>s</aspf>"
		   "<discovery_method>treewalk</discovery_method>"
		   "<testing>y</testing>");
}

static void
many_rows_are_no_trouble(void **state)
{
	(void)state;
	struct dmarc_row row = plain;
	for (unsigned i = 0; i < 2000; i++) {
		row.source.bytes[2] = (uint8_t)(i >> 8);
		row.source.bytes[3] = (uint8_t)i;
		put(&row, 1);
	}
	write_report();
	assert_valid();
	assert_has("<source_ip>192.0.7.207</source_ip>");
}

static void
without_rows_there_is_no_report(void **state)
{
	(void)state;
	put(&plain, 1);
	row_sheet_free(&sheet);
	assert_false(dmarc_report_write(&frame, &sheet, buf_str(&note), &xml));
	put(&plain, 1);
	assert_false(dmarc_report_write(&frame, &sheet, STR("mailto:"), &xml));
	assert_int_equal(xml.n, 0);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_teardown(test, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_plain_row),
		CASE(a_full_row),
		CASE(every_value_is_in_the_schema),
		CASE(the_policy_that_was_published_last_is_named),
		CASE(many_rows_are_no_trouble),
		CASE(without_rows_there_is_no_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
