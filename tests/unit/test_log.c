#include "lib/base/log.h"
#include "tests/fakes/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define TIME "2026-11-20T14:20:03.117Z"

static int real_stderr, caught;

static int
catch_stderr(void **state)
{
	(void)state;
	real_stderr = dup(STDERR_FILENO);
	caught = memfd_create("stderr", 0);
	dup2(caught, STDERR_FILENO);
	return 0;
}

static int
release_stderr(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(caught);
	log_open(LOG_INFO, false, NULL);
	return 0;
}

/* What was written since the last call. */
static const char *
written(void)
{
	static char text[8192];
	ssize_t n = pread(caught, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(caught, 0), 0);
	lseek(caught, 0, SEEK_SET);
	return text;
}

static void
log_example(void)
{
	struct log_line l = log_begin(LOG_INFO, "delivered");
	log_s(&l, "id", STR("3fK9x002"));
	log_path(&l, "to", STR("bob@remote.example"));
	log_f(&l, "host", "%s[%s]:%d", "mx1.remote.example", "192.0.2.26", 25);
	log_c(&l, "proof", "sts");
	log_c(&l, "nothing", NULL);
	log_d(&l, "ms", 861);
	log_path(&l, "from", STR(""));
	log_end(&l);
}

static void
lines_have_the_promised_form(void **state)
{
	(void)state;
	log_open(LOG_INFO, false, NULL);
	log_example();
	assert_string_equal(written(),
	    TIME " info event=delivered id=3fK9x002 to=<bob@remote.example> "
		 "host=mx1.remote.example[192.0.2.26]:25 proof=sts ms=861 "
		 "from=<>\n");
}

static void
json_has_the_same_keys(void **state)
{
	(void)state;
	log_open(LOG_INFO, true, NULL);
	log_example();
	assert_string_equal(written(),
	    "{\"time\":\"" TIME "\",\"level\":\"info\",\"event\":\"delivered\","
	    "\"id\":\"3fK9x002\",\"to\":\"<bob@remote.example>\","
	    "\"host\":\"mx1.remote.example[192.0.2.26]:25\","
	    "\"proof\":\"sts\",\"ms\":861,\"from\":\"<>\"}\n");
}

static void
bytes_from_outside_are_escaped(void **state)
{
	(void)state;
	static const struct {
		struct str value;
		const char *logfmt, *json;
	} cases[] = {
		{ { "plain/:<>,", 10 }, "plain/:<>,", "\"plain/:<>,\"" },
		{ { "", 0 }, "", "\"\"" },
		{ { "a b", 3 }, "\"a b\"", "\"a b\"" },
		{ { "a=b", 3 }, "\"a=b\"", "\"a=b\"" },
		{ { "a\"b", 3 }, "\"a\\\"b\"", "\"a\\\"b\"" },
		{ { "a\\b", 3 }, "\"a\\\\b\"", "\"a\\\\b\"" },
		{ { "a\nb", 3 }, "\"a\\nb\"", "\"a\\nb\"" },
		{ { "a\r\0\33", 4 }, "\"a\\x0d\\x00\\x1b\"",
		    "\"a\\u000d\\u0000\\u001b\"" },
		{ { "\xc3\xa4\x9b\x7f", 4 }, "\"\\xc3\\xa4\\x9b\\x7f\"",
		    "\"\\u00c3\\u00a4\\u009b\\u007f\"" },
	};
	for (size_t i = 0; i < COUNT(cases) * 2; i++) {
		bool json = i % 2;
		const char *want =
		    json ? cases[i / 2].json : cases[i / 2].logfmt;
		log_open(LOG_INFO, json, NULL);
		struct log_line l = log_begin(LOG_INFO, "e");
		log_s(&l, "k", cases[i / 2].value);
		log_end(&l);
		const char *line = written(), *key = json ? "\"k\":" : " k=";
		const char *value = strstr(line, key);
		assert_non_null(value);
		value += strlen(key);
		assert_int_equal(strncmp(value, want, strlen(want)), 0);
		assert_string_equal(value + strlen(want), json ? "}\n" : "\n");
	}
}

static void
a_path_with_a_nul_is_shown_whole(void **state)
{
	(void)state;
	log_open(LOG_INFO, false, NULL);
	struct log_line l = log_begin(LOG_INFO, "e");
	log_path(&l, "to", (struct str){ "a\0b", 3 });
	log_end(&l);
	assert_string_equal(written(), TIME " info event=e to=\"<a\\x00b>\"\n");
}

static void
long_values_are_cut(void **state)
{
	(void)state;
	char text[3000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_open(LOG_INFO, false, NULL);
	struct log_line l = log_begin(LOG_INFO, "e");
	log_c(&l, "a", text);
	log_f(&l, "b", "%s", text);
	log_path(&l, "c", str_of(text));
	log_end(&l);
	const char *line = written();
	assert_non_null(strstr(line, "xxx... b=xxx"));
	assert_non_null(strstr(line, "xxx... c=<xxx"));
	assert_non_null(strstr(line, "xxx...\n"));
	assert_true(strlen(line) < 3200);
}

static void
lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	log_open(LOG_WARN, false, NULL);
	log_example();
	log_note(LOG_INFO, "no", "%d", 1);
	assert_string_equal(written(), "");
	log_note(LOG_WARN, "yes", "%s", "a sentence");
	log_note(LOG_ERROR, "yes", "%s", "one");
	assert_string_equal(written(),
	    TIME " warn event=yes text=\"a sentence\"\n" TIME
		 " error event=yes text=one\n");
}

static void
a_record_is_kept_whatever_the_level_and_form(void **state)
{
	(void)state;
	for (int way = 0; way < 3; way++) {
		log_open(way ? LOG_INFO : LOG_WARN, way == 2, NULL);
		struct log_line l = log_begin_kept(LOG_INFO, "e");
		log_c(&l, "to", "a b\"\n");
		log_kept(&l, "secret", STR("\xc3"));
		log_f(&l, "host", "%d", 7);
		log_d(&l, "ms", 3);
		struct buf record = log_take(&l);
		log_end(&l);
		assert_string_equal(buf_cstr(&record),
		    "{\"time\":\"" TIME "\",\"level\":\"info\","
		    "\"event\":\"e\",\"to\":\"a b\\\"\\n\","
		    "\"secret\":\"\\u00c3\",\"host\":\"7\",\"ms\":3}\n");
		buf_free(&record);
		const char *line = written();
		assert_int_equal(*line != '\0', way > 0);
		assert_null(strstr(line, "secret"));
	}
	struct log_line l = log_begin(LOG_INFO, "e");
	log_kept(&l, "secret", STR("x"));
	assert_int_equal(log_take(&l).n, 0);
	log_end(&l);
	assert_null(strstr(written(), "secret"));
}

static void
the_program_ends_the_line(void **state)
{
	(void)state;
	log_open(LOG_INFO, false, "signer");
	log_note(LOG_INFO, "start", "%s", "ready");
	assert_string_equal(
	    written(), TIME " info event=start text=ready program=signer\n");
}

static void
time_is_the_clocks(void **state)
{
	(void)state;
	log_open(LOG_INFO, false, NULL);
	fake_clock_advance(59883);
	log_note(LOG_INFO, "e", "x");
	fake_clock_advance(-59883);
	assert_string_equal(
	    written(), "2026-11-20T14:21:03.000Z info event=e text=x\n");
}

int
main(void)
{
#define CAUGHT(test) \
	cmocka_unit_test_setup_teardown(test, catch_stderr, release_stderr)
	const struct CMUnitTest tests[] = {
		CAUGHT(lines_have_the_promised_form),
		CAUGHT(json_has_the_same_keys),
		CAUGHT(bytes_from_outside_are_escaped),
		CAUGHT(a_path_with_a_nul_is_shown_whole),
		CAUGHT(long_values_are_cut),
		CAUGHT(lines_below_the_level_are_not_written),
		CAUGHT(a_record_is_kept_whatever_the_level_and_form),
		CAUGHT(the_program_ends_the_line),
		CAUGHT(time_is_the_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
