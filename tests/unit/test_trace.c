#include "lib/mail/trace.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct trace
trace_from(const char *client)
{
	struct trace trace = {
		.helo = STR("mx.sender.example"),
		.by = STR("mail.example.com"),
		.with = "ESMTPS",
		.tls = STR("TLSv1.3 TLS_AES_256_GCM_SHA384"),
		.id = STR("3fK9x001"),
		.recipient = STR("you@example.com"),
		.wall_ms = 1795184403117,
	};
	if (client)
		assert_true(ip_parse(str_of(client), &trace.client));
	return trace;
}

static void
assert_received(const struct trace *trace, const char *wanted)
{
	struct buf out = { 0 };
	trace_received(&out, trace);
	assert_str(buf_str(&out), str_of(wanted));
	buf_free(&out);
}

static void
writes_received(void **state)
{
	(void)state;
	struct trace trace = trace_from("203.0.113.9");
	assert_received(&trace,
	    "Received: from mx.sender.example ([203.0.113.9])\r\n"
	    "\tby mail.example.com with ESMTPS\r\n"
	    "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
	    "\tid 3fK9x001\r\n"
	    "\tfor <you@example.com>;\r\n"
	    "\tFri, 20 Nov 2026 14:20:03 +0000\r\n");
	trace = trace_from("2001:db8::1");
	trace.with = "ESMTP";
	trace.tls = trace.recipient = STR("");
	assert_received(&trace,
	    "Received: from mx.sender.example ([IPv6:2001:db8::1])\r\n"
	    "\tby mail.example.com with ESMTP\r\n"
	    "\tid 3fK9x001;\r\n"
	    "\tFri, 20 Nov 2026 14:20:03 +0000\r\n");
}

/* Neither the address of a user's machine nor what it calls itself. */
static void
hides_our_users(void **state)
{
	(void)state;
	struct trace trace = trace_from(NULL);
	trace.helo = STR("[192.168.1.5]");
	trace.with = "ESMTPSA";
	trace.tls = trace.recipient = STR("");
	assert_received(&trace,
	    "Received: from authenticated-user\r\n"
	    "\tby mail.example.com with ESMTPSA\r\n"
	    "\tid 3fK9x001;\r\n"
	    "\tFri, 20 Nov 2026 14:20:03 +0000\r\n");
}

static void
lets_nothing_break_out(void **state)
{
	(void)state;
	struct trace trace = trace_from("192.0.2.1");
	trace.helo = STR("a (b\\);\r\n\"X\": <c@d,e>");
	trace.recipient = STR("\"a\r\nb\"@example.com");
	trace.tls = STR("");
	assert_received(&trace,
	    "Received: from a??b??????X?:??c?d?e? ([192.0.2.1])\r\n"
	    "\tby mail.example.com with ESMTPS\r\n"
	    "\tid 3fK9x001\r\n"
	    "\tfor <\"a??b\"@example.com>;\r\n"
	    "\tFri, 20 Nov 2026 14:20:03 +0000\r\n");
	trace = trace_from("192.0.2.1");
	trace.helo = trace.tls = trace.recipient = STR("");
	assert_received(&trace,
	    "Received: from unknown ([192.0.2.1])\r\n"
	    "\tby mail.example.com with ESMTPS\r\n"
	    "\tid 3fK9x001;\r\n"
	    "\tFri, 20 Nov 2026 14:20:03 +0000\r\n");
}

static const struct {
	const char *value;
	size_t by_us;
} hops[] = {
	{ "from a by mail.example.com with SMTP id 1; date", 1 },
	{ "from a ([192.0.2.1])\r\n\tby MAIL.example.com.\r\n\tid 1; d", 1 },
	{ "by mail.example.com; date", 1 },
	{ "by mail.example.com(x) id 1; date", 1 },
	{ "(by other) by (by other) mail.example.com; date", 1 },
	{ "from by by mail.example.com; date", 1 },
	{ "from by (by mail.example.com) by other; date", 0 },
	{ "from by mail.example.com; date", 0 },
	{ "from mail.example.com by other; date", 0 },
	{ "from a by mail.example.com.evil; date", 0 },
	{ "from a by other; by mail.example.com", 0 },
	{ "from a (by mail.example.com", 0 },
	{ "from a by", 0 },
	{ "", 0 },
};

static void
counts_hops(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
		struct arena arena = { 0 };
		struct header header;
		struct buf section = { 0 };
		const char *why;
		buf_addf(&section, "received: %s\r\nX-Received: %s\r\n",
		    hops[i].value, hops[0].value);
		assert_true(
		    header_parse(buf_str(&section), &arena, &header, &why));
		assert_int_equal(trace_hops(&header), 1);
		assert_int_equal(
		    trace_hops_by(&header, STR("mail.example.com")),
		    hops[i].by_us);
		buf_free(&section);
		arena_free(&arena);
	}
}

/* Loops end only if we recognise our own fields. */
static void
counts_what_it_writes(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct header header;
	struct buf section = { 0 };
	struct trace trace = trace_from("192.0.2.1");
	const char *why;
	trace_received(&section, &trace);
	trace = trace_from(NULL);
	trace_received(&section, &trace);
	assert_true(header_parse(buf_str(&section), &arena, &header, &why));
	assert_int_equal(trace_hops_by(&header, STR("mail.example.com")), 2);
	buf_free(&section);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_received),
		cmocka_unit_test(hides_our_users),
		cmocka_unit_test(lets_nothing_break_out),
		cmocka_unit_test(counts_hops),
		cmocka_unit_test(counts_what_it_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
