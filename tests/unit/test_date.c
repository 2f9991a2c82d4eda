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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_dates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
