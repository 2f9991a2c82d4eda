#include "lib/report/tls_report.h"

#include "lib/base/arena.h"
#include "lib/report/tls_row.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

/* RFC 8460 appendix B, with the addresses of its failures */
static const struct report_frame frame = {
	.domain = { "company-y.example", 17 },
	.organization = { "company-x.example", 17 },
	.contact = { "postmaster@company-x.example", 28 },
	.id = { "5065427c23d347ca", 16 },
	.begin = 1459468800,
	.end = 1459555199,
};

static const struct tls_row base = {
	.day = 16892,
	.domain = { "company-y.example", 17 },
	.policy_domain = { "company-y.example", 17 },
	.type = TLS_POLICY_STS,
	.string_count = 4,
	.strings = { { "version: STSv1", 14 }, { "mode: testing", 13 },
	    { "mx: *.mail.company-y.example", 28 }, { "max_age: 86400", 14 } },
	.mx_count = 1,
	.mx = { { "*.mail.company-y.example", 24 } },
};

static struct row_sheet sheet;

static void
put(const struct tls_row *row, uint64_t count)
{
	sheet.rows = mem_array(sheet.rows, sheet.count + 1, sizeof *sheet.rows);
	struct row_counted *r = &sheet.rows[sheet.count++];
	*r = (struct row_counted){ .count = count };
	tls_row_encode(row, &r->key);
}

static void
put_failure(const char *result, const char *host, struct ip receiver,
    const char *reason, uint64_t count)
{
	struct tls_row row = base;
	row.result = str_of(result);
	row.sender = (struct ip){ 6, { 0x20, 0x01, 0x0d, 0xb8, 0xab, 0xcd } };
	row.host = str_of(host);
	row.receiver = receiver;
	row.reason = str_of(reason);
	put(&row, count);
}

static json_t *
written(void)
{
	struct buf text = { 0 };
	assert_true(tls_report_write(&frame, &sheet, &text));
	json_t *report = json_loads(buf_cstr(&text), 0, NULL);
	assert_non_null(report);
	buf_free(&text);
	row_sheet_free(&sheet);
	return report;
}

static const char *const example =
    "{\"organization-name\":\"company-x.example\","
    "\"date-range\":{\"start-datetime\":\"2016-04-01T00:00:00Z\","
    "\"end-datetime\":\"2016-04-01T23:59:59Z\"},"
    "\"contact-info\":\"postmaster@company-x.example\","
    "\"report-id\":\"5065427c23d347ca\",\"policies\":[{\"policy\":{"
    "\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\","
    "\"mode: testing\",\"mx: *.mail.company-y.example\","
    "\"max_age: 86400\"],\"policy-domain\":\"company-y.example\","
    "\"mx-host\":[\"*.mail.company-y.example\"]},\"summary\":{"
    "\"total-successful-session-count\":5326,"
    "\"total-failure-session-count\":303},\"failure-details\":[{"
    "\"result-type\":\"certificate-expired\","
    "\"sending-mta-ip\":\"2001:db8:abcd::\","
    "\"receiving-mx-hostname\":\"mx1.mail.company-y.example\","
    "\"failed-session-count\":100},{"
    "\"result-type\":\"starttls-not-supported\","
    "\"sending-mta-ip\":\"2001:db8:abcd::\","
    "\"receiving-mx-hostname\":\"mx2.mail.company-y.example\","
    "\"receiving-ip\":\"203.0.113.56\",\"failed-session-count\":200},{"
    "\"result-type\":\"validation-failure\","
    "\"sending-mta-ip\":\"2001:db8:abcd::\","
    "\"receiving-mx-hostname\":\"mx-backup.mail.company-y.example\","
    "\"receiving-ip\":\"203.0.113.58\",\"failed-session-count\":3,"
    "\"failure-reason-code\":"
    "\"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED\"}]}]}";

static void
it_is_the_example_of_the_rfc(void **state)
{
	(void)state;
	put(&base, 5326);
	put_failure("certificate-expired", "mx1.mail.company-y.example",
	    (struct ip){ 0 }, "", 100);
	put_failure("starttls-not-supported", "mx2.mail.company-y.example",
	    (struct ip){ 4, { 203, 0, 113, 56 } }, "", 200);
	put_failure("validation-failure", "mx-backup.mail.company-y.example",
	    (struct ip){ 4, { 203, 0, 113, 58 } },
	    "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", 3);
	json_t *report = written();
	json_t *wanted = json_loads(example, 0, NULL);
	assert_non_null(wanted);
	if (!json_equal(report, wanted))
		print_error("%s\n", json_dumps(report, JSON_INDENT(1)));
	assert_true(json_equal(report, wanted));
	json_decref(report);
	json_decref(wanted);
}

static void
each_policy_has_its_entry(void **state)
{
	(void)state;
	struct tls_row row = base;
	put(&row, 1);
	row.strings[1] = STR("mode: enforce");
	put(&row, 2);
	row.policy_domain = STR("mx.company-y.example");
	row.type = TLS_POLICY_NONE;
	row.string_count = row.mx_count = 0;
	put(&row, 3);
	json_t *report = written();
	json_t *policies = json_object_get(report, "policies");
	assert_int_equal(json_array_size(policies), 3);
	json_t *last = json_array_get(policies, 2);
	json_t *policy = json_object_get(last, "policy");
	assert_string_equal(
	    json_string_value(json_object_get(policy, "policy-type")),
	    "no-policy-found");
	assert_string_equal(
	    json_string_value(json_object_get(policy, "policy-domain")),
	    "mx.company-y.example");
	assert_null(json_object_get(policy, "mx-host"));
	assert_int_equal(
	    json_array_size(json_object_get(last, "failure-details")), 0);
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(last, "summary"),
		"total-successful-session-count")),
	    3);
	json_decref(report);
}

static void
strange_octets_are_no_trouble(void **state)
{
	(void)state;
	put_failure("validation-failure", "mx\xff.test\r\n\"", (struct ip){ 0 },
	    "\x01\xc3", 1);
	json_t *report = written();
	char *text = json_dumps(report, 0);
	assert_non_null(strstr(text, "mx?.test??\\\""));
	assert_non_null(strstr(text, "\"??\""));
	free(text);
	json_decref(report);
}

static void
without_rows_there_is_no_report(void **state)
{
	(void)state;
	struct buf text = { 0 };
	sheet.rows = mem_alloc(sizeof *sheet.rows);
	sheet.rows[sheet.count++].key = buf_of(STR("of another kind"));
	assert_false(tls_report_write(&frame, &sheet, &text));
	assert_int_equal(text.n, 0);
	row_sheet_free(&sheet);
}

/* ---- what all reports share ---- */

static void
gzip_is_undone(void **state)
{
	(void)state;
	struct buf text = { 0 }, file = { 0 };
	for (int i = 0; i < 20000; i++)
		buf_addf(&text, "%d ", i * i);
	report_gzip(buf_str(&text), &file);
	assert_in_range(file.n, 20, text.n / 2);
	char *back = mem_alloc(text.n + 1);
	z_stream z = { .next_in = (Bytef *)file.p,
		.avail_in = (uInt)file.n,
		.next_out = (Bytef *)back,
		.avail_out = (uInt)text.n + 1 };
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, text.n);
	assert_memory_equal(back, text.p, text.n);
	inflateEnd(&z);
	free(back);
	buf_free(&text);
	buf_free(&file);
}

static void
ids_are_those_of_what_is_reported(void **state)
{
	(void)state;
	struct buf first = { 0 }, same = { 0 }, later = { 0 }, more = { 0 };
	put(&base, 1);
	report_id(1, 2, &sheet, &first);
	report_id(1, 2, &sheet, &same);
	report_id(1, 3, &sheet, &later);
	sheet.rows[0].count++;
	report_id(1, 2, &sheet, &more);
	assert_int_equal(first.n, 16);
	assert_true(str_eq(buf_str(&first), buf_str(&same)));
	assert_false(str_eq(buf_str(&first), buf_str(&later)));
	assert_false(str_eq(buf_str(&first), buf_str(&more)));
	row_sheet_free(&sheet);
	buf_free(&first);
	buf_free(&same);
	buf_free(&later);
	buf_free(&more);
}

static void
files_are_named_by_the_rfc(void **state)
{
	(void)state;
	struct buf name = { 0 };
	report_file_name(&frame, ".json.gz", &name);
	assert_string_equal(buf_cstr(&name),
	    "company-x.example!company-y.example!1459468800!1459555199!"
	    "5065427c23d347ca.json.gz");
	buf_free(&name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_example_of_the_rfc),
		cmocka_unit_test(each_policy_has_its_entry),
		cmocka_unit_test(strange_octets_are_no_trouble),
		cmocka_unit_test(without_rows_there_is_no_report),
		cmocka_unit_test(gzip_is_undone),
		cmocka_unit_test(ids_are_those_of_what_is_reported),
		cmocka_unit_test(files_are_named_by_the_rfc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
