/* Lines of the history, and what people read of them. */
#include "cli/why_story.h"

#include "lib/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char told[4096];

/* What it prints. */
static const char *
tell(const char *json)
{
	json_t *line = json_loads(json, 0, NULL);
	assert_non_null(line);
	FILE *file = tmpfile();
	fflush(stdout);
	int before = dup(STDOUT_FILENO);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	why_story_print(line);
	fflush(stdout);
	assert_true(dup2(before, STDOUT_FILENO) >= 0);
	close(before);
	rewind(file);
	told[fread(told, 1, sizeof told - 1, file)] = 0;
	fclose(file);
	json_decref(line);
	return told;
}

#define TIME "\"time\":\"2026-11-20T14:20:03.117Z\",\"level\":\"info\","
#define AT "  2026-11-20T14:20:03.117Z  "

static const struct {
	const char *line, *wanted;
} lines[] = {
	{ "{" TIME "\"event\":\"received\",\"id\":\"1\",\"sid\":\"a\","
	  "\"from\":\"<ann@a.test>\",\"to\":\"<you@b.test>\",\"size\":7,"
	  "\"tls\":\"TLSv1.3\",\"spf\":\"pass\",\"dmarc\":\"none\","
	  "\"disposition\":\"accept\",\"ms\":3,\"step.1\":\"one\","
	  "\"step.2\":\"two\"}",
	    AT "accepted from <ann@a.test> to <you@b.test> over TLSv1.3\n"
	       "    sid a, size 7\n"
	       "    checks: spf pass, dmarc none\n"
	       "    1. one\n"
	       "    2. two\n" },
	{ "{" TIME
	  "\"event\":\"received\",\"from\":\"<>\",\"to\":\"<x@b.test>\","
	  "\"recipients\":2,\"all\":\"<x@b.test> <y@b.test>\","
	  "\"disposition\":\"junk\"}",
	    AT "accepted, as junk, from <> to <x@b.test> <y@b.test>\n" },
	{ "{" TIME "\"event\":\"reject\",\"sid\":\"a\",\"from\":\"<e@e.test>\","
	  "\"code\":550,\"dsn\":\"5.1.1\",\"reason\":\"No such mailbox\"}",
	    AT "refused, from <e@e.test>\n"
	       "    sid a\n"
	       "    we said: 550 5.1.1 No such mailbox\n" },
	{ "{" TIME "\"event\":\"reject\",\"from\":\"<e@e.test>\","
	  "\"code\":451,\"dsn\":\"4.4.3\",\"reason\":\"DNS\"}",
	    AT "put off, it may come again, from <e@e.test>\n"
	       "    we said: 451 4.4.3 DNS\n" },
	{ "{" TIME "\"event\":\"delivered\",\"id\":\"1\",\"to\":\"<i@b.test>\","
	  "\"mailbox\":\"you@b.test/Junk\",\"code\":250,\"dsn\":\"2.0.0\","
	  "\"ms\":3,\"try\":1}",
	    AT "delivered into the mailbox you@b.test/Junk of <i@b.test>\n" },
	{ "{" TIME "\"event\":\"delivered\",\"to\":\"<x@r.test>\","
	  "\"alias\":\"<i@b.test>\",\"host\":\"mx.r.test[192.0.2.1]:25\","
	  "\"tls\":\"TLSv1.3\",\"proof\":\"dane\",\"code\":250,"
	  "\"dsn\":\"2.0.0\",\"ms\":9,\"try\":2}",
	    AT "delivered to <x@r.test> by the alias <i@b.test>\n"
	       "    try 2: mx.r.test[192.0.2.1]:25, TLSv1.3, encrypted, "
	       "certificate verified by DANE, 9 ms\n"
	       "    it said: 250 2.0.0\n" },
	{ "{" TIME "\"event\":\"deferred\",\"to\":\"<x@r.test>\","
	  "\"host\":\"mx.r.test[192.0.2.1]:25\",\"proof\":\"none\","
	  "\"code\":450,\"dsn\":\"4.2.0\",\"ms\":9,\"try\":1,"
	  "\"reply\":\"Greylisted\"}",
	    AT "not yet delivered to <x@r.test>\n"
	       "    try 1: mx.r.test[192.0.2.1]:25, in plain text, 9 ms\n"
	       "    it said: 450 4.2.0 Greylisted\n"
	       "    advice: The receiver lets unknown senders wait a little "
	       "(greylisting): it is tried again by itself.\n" },
	{ "{" TIME "\"event\":\"bounced\",\"to\":\"<x@r.test>\",\"code\":550,"
	  "\"dsn\":\"5.9.9\",\"ms\":9,\"try\":1,\"reply\":\"No\"}",
	    AT "failed for good, to <x@r.test>\n"
	       "    try 1: 9 ms\n"
	       "    because: 550 5.9.9 No\n" },
	{ "{" TIME "\"event\":\"deferred\",\"to\":\"<x@r.test>\","
	  "\"host\":\"mx.spf.test[192.0.2.1]:25\",\"proof\":\"sts\","
	  "\"code\":451,\"dsn\":\"4.4.2\",\"ms\":9,\"try\":1,\"by\":\"us\","
	  "\"reply\":\"The session with mx.spf.test failed\"}",
	    AT "not yet delivered to <x@r.test>\n"
	       "    try 1: mx.spf.test[192.0.2.1]:25, 9 ms\n"
	       "    because: 451 4.4.2 The session with mx.spf.test failed\n"
	       "    advice: The connection with the receiver's server broke "
	       "off, or it fell silent: it is tried again by itself.\n" },
	/* a server without enhanced codes, one without words */
	{ "{" TIME "\"event\":\"bounced\",\"to\":\"<x@r.test>\","
	  "\"host\":\"mx\",\"code\":550,\"ms\":9,\"try\":1,"
	  "\"reply\":\"No\"}",
	    AT "failed for good, to <x@r.test>\n"
	       "    try 1: mx, 9 ms\n"
	       "    it said: 550 No\n" },
	{ "{" TIME "\"event\":\"waits\",\"id\":\"1\","
	  "\"next\":\"2026-11-20T14:30:00.000Z\"}",
	    AT "waits, next try 2026-11-20T14:30:00.000Z\n" },
	{ "{" TIME "\"event\":\"told\",\"id\":\"1\",\"to\":\"<a@b.test>\","
	  "\"report\":\"2\"}",
	    AT "reported to <a@b.test> by the message 2\n" },
	{ "{" TIME "\"event\":\"held\",\"from\":\"<a@b.test>\"}",
	    AT "held by hand: it isn't tried until `postern queue release`\n" },
	{ "{" TIME "\"event\":\"released\",\"from\":\"<a@b.test>\"}",
	    AT "released by hand\n" },
	{ "{" TIME "\"event\":\"dropped\",\"from\":\"<a@b.test>\"}",
	    AT "dropped by hand: nobody gets it, and nobody is told\n" },
	/* of a later version */
	{ "{" TIME "\"event\":\"news\",\"id\":\"1\",\"from\":\"<a@b.test>\","
	  "\"key\":7}",
	    AT "news from <a@b.test>\n"
	       "    key 7\n" },
	{ "{}", "    \n" },
};

static void
each_event_has_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_string_equal(tell(lines[i].line), lines[i].wanted);
}

/* What a peer has said doesn't reach the terminal as a command. */
static void
nothing_from_outside_rules_the_terminal(void **state)
{
	(void)state;
	tell("{" TIME "\"event\":\"deferred\",\"to\":\"<\\u001b[2Jx@r.test>\","
	     "\"host\":\"mx\",\"code\":450,\"dsn\":\"4.9.9\",\"ms\":9,"
	     "\"try\":1,\"reply\":\"\\u009b31m \\u0007 \\u00e4 \\u007f\"}");
	assert_string_equal(told,
	    AT "not yet delivered to <?[2Jx@r.test>\n"
	       "    try 1: mx, 9 ms\n"
	       "    it said: 450 4.9.9 ?31m ? \xc3\xa4 ?\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_sentence),
		cmocka_unit_test(nothing_from_outside_rules_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
