#include "lib/mail/reply.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
writes_one_line(void **state)
{
	(void)state;
	struct buf out = { 0 };
	reply_write(&out, REPLY(250, "2.0.0", "OK"));
	reply_write(&out, REPLY(354, NULL, "Go ahead"));
	assert_str(buf_str(&out), STR("250 2.0.0 OK\r\n354 Go ahead\r\n"));
	buf_free(&out);
}

/* Nothing in a text may look like the next line, or make a line too long. */
static void
writes_no_second_line(void **state)
{
	(void)state;
	struct buf out = { 0 };
	char text[1000];
	reply_write(&out, REPLY(550, NULL, "a\r\n250 \xc3\xa4\tb\x7f"));
	assert_str(buf_str(&out), STR("550 a??250 ?? b?\r\n"));
	buf_clear(&out);
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	reply_write(&out, REPLY(550, "5.1.1", text));
	assert_int_equal(out.n, 512);
	assert_true(str_ends(buf_str(&out), STR("xx\r\n")));
	buf_free(&out);
}

static const struct {
	const char *lines[4];
	int code; /* 0: out of step */
	const char *enhanced, *text, *raw;
} cases[] = {
	{ { "250 OK" }, 250, NULL, "OK", "OK\n" },
	{ { "250" }, 250, NULL, "", "\n" },
	{ { "250 " }, 250, NULL, "", "\n" },
	{ { "250 2.0.0 OK" }, 250, "2.0.0", "OK", "2.0.0 OK\n" },
	{ { "550 5.1.1" }, 550, "5.1.1", "", "5.1.1\n" },
	{ { "250-mx.test", "250-SIZE 100", "250 8BITMIME" }, 250, NULL,
	    "mx.test SIZE 100 8BITMIME", "mx.test\nSIZE 100\n8BITMIME\n" },
	{ { "550-5.7.26 This", "550-5.7.26  ", "550 5.7.26 mail" }, 550,
	    "5.7.26", "This mail", "5.7.26 This\n5.7.26  \n5.7.26 mail\n" },
	{ { "550-first", "550 5.1.1 second" }, 550, "5.1.1", "first second",
	    "first\n5.1.1 second\n" },
	{ { "550 5.123.456 x" }, 550, "5.123.456", "x", "5.123.456 x\n" },
	/* what only looks like an enhanced code */
	{ { "550 4.7.1 later" }, 550, NULL, "4.7.1 later", "4.7.1 later\n" },
	{ { "220 2.1 ready" }, 220, NULL, "2.1 ready", "2.1 ready\n" },
	{ { "250 2.0.0OK" }, 250, NULL, "2.0.0OK", "2.0.0OK\n" },
	{ { "250 2.0.1234 x" }, 250, NULL, "2.0.1234 x", "2.0.1234 x\n" },
	{ { "550 55.1.1 x" }, 550, NULL, "55.1.1 x", "55.1.1 x\n" },
	{ { "550 5..1 x" }, 550, NULL, "5..1 x", "5..1 x\n" },
	/* cleaned */
	{ { "550 a\x1b[1m\xc3\xa4\tb\r" }, 550, NULL, "a?[1m?? b",
	    "a?[1m?? b?\n" },
	{ { "250-a\nSTARTTLS", "250 b" }, 250, NULL, "a?STARTTLS b",
	    "a?STARTTLS\nb\n" },
	/* out of step */
	{ { "" }, 0, NULL, NULL, NULL },
	{ { "OK" }, 0, NULL, NULL, NULL },
	{ { "25" }, 0, NULL, NULL, NULL },
	{ { "2500 x" }, 0, NULL, NULL, NULL },
	{ { "250_x" }, 0, NULL, NULL, NULL },
	{ { "150 x" }, 0, NULL, NULL, NULL },
	{ { "600 x" }, 0, NULL, NULL, NULL },
	{ { "+50 x" }, 0, NULL, NULL, NULL },
	{ { " 250 x" }, 0, NULL, NULL, NULL },
	{ { "250-a", "251 b" }, 0, NULL, NULL, NULL },
	{ { "250-a", "" }, 0, NULL, NULL, NULL },
};

static enum reply_state
feed(struct reply_parser *parser, const char *const lines[4])
{
	enum reply_state state = REPLY_MORE;
	for (size_t i = 0; i < 4 && lines[i] && state == REPLY_MORE; i++)
		state = reply_parse_line(parser, str_of(lines[i]));
	return state;
}

static void
parses_replies(void **state)
{
	(void)state;
	struct reply_parser parser = { 0 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum reply_state end = feed(&parser, cases[i].lines);
		assert_int_equal(end, cases[i].code ? REPLY_DONE : REPLY_BAD);
		if (end == REPLY_DONE) {
			struct reply reply = reply_parsed(&parser);
			assert_true(reply.received);
			assert_int_equal(reply.code, cases[i].code);
			assert_int_equal(!reply.enhanced, !cases[i].enhanced);
			assert_str(
			    str_of(reply.enhanced), str_of(cases[i].enhanced));
			assert_str(str_of(reply.text), str_of(cases[i].text));
			assert_str(
			    buf_str(&parser.raw_lines), str_of(cases[i].raw));
		}
		reply_parser_reset(&parser);
	}
	reply_parser_free(&parser);
}

static void
has_limits(void **state)
{
	(void)state;
	struct reply_parser parser = { 0 };
	char line[REPLY_MAX_LINE + 1];
	memset(line, 'x', sizeof line);
	memcpy(line, "250-", 4);
	assert_int_equal(
	    reply_parse_line(&parser, (struct str){ line, REPLY_MAX_LINE }),
	    REPLY_MORE);
	assert_int_equal(
	    reply_parse_line(&parser, (struct str){ line, sizeof line }),
	    REPLY_BAD);
	reply_parser_reset(&parser);
	for (size_t i = 0; i < REPLY_MAX_BYTES / REPLY_MAX_LINE; i++)
		assert_int_equal(reply_parse_line(&parser,
				     (struct str){ line, REPLY_MAX_LINE }),
		    REPLY_MORE);
	assert_int_equal(reply_parse_line(&parser, STR("250 x")), REPLY_BAD);
	reply_parser_reset(&parser);
	for (size_t i = 0; i < REPLY_MAX_LINES; i++)
		assert_int_equal(
		    reply_parse_line(&parser, STR("250-x")), REPLY_MORE);
	assert_int_equal(reply_parse_line(&parser, STR("250 x")), REPLY_BAD);
	reply_parser_free(&parser);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one_line),
		cmocka_unit_test(writes_no_second_line),
		cmocka_unit_test(parses_replies),
		cmocka_unit_test(has_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
