#include "lib/mail/date.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	int64_t wall_ms;
	const char *rfc5322, *rfc3339;
} written[] = {
	{ 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z" },
	{ 1795184403117, "Fri, 20 Nov 2026 14:20:03 +0000",
	    "2026-11-20T14:20:03.117Z" },
	{ 951782400000, "Tue, 29 Feb 2000 00:00:00 +0000",
	    "2000-02-29T00:00:00.000Z" },
	{ 4102444799999, "Thu, 31 Dec 2099 23:59:59 +0000",
	    "2099-12-31T23:59:59.999Z" },
	/* clocks that are mad */
	{ -1, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z" },
	{ INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000",
	    "9999-12-31T23:59:59.807Z" },
};

static void
writes_dates(void **state)
{
	(void)state;
	struct buf out = { 0 };
	for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
		date_rfc5322(&out, written[i].wall_ms);
		assert_str(buf_str(&out), str_of(written[i].rfc5322));
		buf_clear(&out);
		date_rfc3339(&out, written[i].wall_ms);
		assert_str(buf_str(&out), str_of(written[i].rfc3339));
		buf_clear(&out);
	}
	buf_free(&out);
}

static const struct {
	const char *text;
	int64_t seconds; /* -1: refused */
} read[] = {
	{ "Fri, 20 Nov 2026 14:20:03 +0000", 1795184403 },
	{ "20 Nov 2026 14:20:03 +0000", 1795184403 },
	{ " fri,20 nov 2026 14:20:03 +0000 (UTC) ", 1795184403 },
	{ "Fri, 20 Nov 2026 15:50:03 +0130", 1795184403 },
	{ "Fri, 20 Nov 2026 09:20:03 -0500 (EST)", 1795184403 },
	{ "Fri, 20 Nov 2026 14:20 +0000", 1795184400 },
	{ "Fri,\r\n\t20 Nov 2026\r\n 14:20:03\r\n +0000", 1795184403 },
	{ "Thu, 1 Jan 1970 00:00:00 +0000", 0 },
	{ "29 Feb 2000 00:00:00 +0000", 951782400 },
	{ "31 Dec 2016 23:59:60 +0000", 1483228800 },
	/* RFC 5322 4.3 */
	{ "Fri (c), 20 (c) Nov 2026 14 : 20 : 03 (c(d)) GMT", 1795184403 },
	{ "20 Nov 26 14:20:03 UT", 1795184403 },
	{ "20 Nov 126 14:20:03 UT", 1795184403 },
	{ "1 Jan 70 00:00:00 UT", 0 },
	{ "20 Nov 2026 07:20:03 PDT", 1795184403 },
	{ "20 Nov 2026 09:20:03 est", 1795184403 },
	{ "20 Nov 2026 14:20:03 A", 1795184403 },
	{ "20 Nov 2026 14:20:03 CEST", 1795184403 },
	{ "", -1 },
	{ "Fri, ", -1 },
	{ "Fri 20 Nov 2026 14:20:03 +0000", -1 },
	{ "Foo, 20 Nov 2026 14:20:03 +0000", -1 },
	{ "Fri, 20 Nov 2026 14:20:03", -1 },
	{ "Fri, 20 Nov 2026 14:20:03 +000", -1 },
	{ "Fri, 20 Nov 2026 14:20:03 +00000", -1 },
	{ "Fri, 20 Nov 2026 14:20:03 +0060", -1 },
	{ "Fri, 20 Nov 2026 14:20:03 0000", -1 },
	{ "Fri, 20 Nov 2026 14:20:03 +0000 x", -1 },
	{ "Fri, 20 Nov 2026 14:20:03 +0000 (x", -1 },
	{ "Fri, 20 Nov 2026 24:20:03 +0000", -1 },
	{ "Fri, 20 Nov 2026 14:60:03 +0000", -1 },
	{ "Fri, 20 Nov 2026 14:20:61 +0000", -1 },
	{ "Fri, 20 Nov 2026 14.20.03 +0000", -1 },
	{ "Fri, 20 Noe 2026 14:20:03 +0000", -1 },
	{ "Fri, 20 Nov 20260 14:20:03 +0000", -1 },
	{ "Fri, 20 Nov 6 14:20:03 +0000", -1 },
	{ "Fri, 20 Nov 1899 14:20:03 +0000", -1 },
	{ "Fri, 31 Nov 2026 14:20:03 +0000", -1 },
	{ "Fri, 29 Feb 2026 14:20:03 +0000", -1 },
	{ "Fri, 0 Nov 2026 14:20:03 +0000", -1 },
	{ "Fri, 020 Nov 2026 14:20:03 +0000", -1 },
	{ "Fri, -1 Nov 2026 14:20:03 +0000", -1 },
};

static void
reads_dates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
		int64_t wall_ms = -1;
		bool good = date_parse_rfc5322(str_of(read[i].text), &wall_ms);
		assert_int_equal(good, read[i].seconds >= 0);
		if (good)
			assert_int_equal(wall_ms, read[i].seconds * 1000);
	}
}

static void
reads_what_it_writes(void **state)
{
	(void)state;
	struct buf out = { 0 };
	for (int64_t ms = 0; ms < 9000000000000; ms += 86399000 * 13) {
		int64_t back = 0;
		buf_clear(&out);
		date_rfc5322(&out, ms);
		assert_true(date_parse_rfc5322(buf_str(&out), &back));
		assert_int_equal(back, ms);
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_dates),
		cmocka_unit_test(reads_dates),
		cmocka_unit_test(reads_what_it_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
