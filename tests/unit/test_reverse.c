#include "lib/net/reverse.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	struct str ip, labels, name;
} cases[] = {
	{ TEXT("192.0.2.1"), TEXT("1.2.0.192"),
	    TEXT("1.2.0.192.in-addr.arpa") },
	{ TEXT("255.0.10.100"), TEXT("100.10.0.255"),
	    TEXT("100.10.0.255.in-addr.arpa") },
	{ TEXT("::ffff:192.0.2.1"), TEXT("1.2.0.192"),
	    TEXT("1.2.0.192.in-addr.arpa") },
	/* RFC 3596 2.5 */
	{ TEXT("4321:0:1:2:3:4:567:89ab"),
	    TEXT("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0."
		 "1.2.3.4"),
	    TEXT("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0."
		 "1.2.3.4.ip6.arpa") },
};

static void
addresses_are_written_from_their_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ip ip;
		struct buf text = { 0 };
		assert_true(ip_parse(cases[i].ip, &ip));
		reverse_labels(&text, ip);
		assert_str(buf_str(&text), cases[i].labels);
		buf_clear(&text);
		reverse_name(&text, ip);
		assert_str(buf_str(&text), cases[i].name);
		buf_free(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_from_their_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
