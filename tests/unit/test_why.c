/* The history as postern meets it: over a real control socket. */
#include "lib/base/settings.h"
#include "smtpd/control/session.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/shelf.h"
#include "tests/unit/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct settings settings = { .hostname = { "mail.a.test", 11 } };
static struct sockaddr_un address; /* of no name in the file system */
static socklen_t address_size;
static struct loop *loop;
static struct history *history;
static struct control *control;
static int client;
static struct buf heard;

static void
open_control(struct history *h)
{
	control = control_new(&(struct control_parts){
	    .loop = loop,
	    .settings = &settings,
	    .history = h,
	});
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	address.sun_family = AF_UNIX;
	address_size = sizeof address;
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&address, &address_size);
	control_listen(control, fd);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(client, (struct sockaddr *)&address, address_size), 0);
	fake_loop_settle(loop);
}

static void
close_control(void)
{
	control_free(control);
	close(client);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/postern-why-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	loop = loop_new();
	fake_shelf_use(loop);
	fake_jobs_use(loop);
	history = history_open(loop, NULL, folder);
	open_control(history);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close_control();
	history_free(history);
	loop_free(loop);
	buf_free(&heard);
	return tree_remove(folder);
}

static void
keep_line(const char *event, const char *id, const char *key, const char *value)
{
	struct log_line line = log_begin_kept(LOG_DEBUG, event);
	log_c(&line, "id", id);
	log_c(&line, key, value);
	history_end(history,
	    strcmp(event, "reject") == 0 ? HISTORY_REFUSED : HISTORY_MAIL,
	    &line);
}

static void
say(const char *text)
{
	assert_int_equal(
	    write(client, text, strlen(text)), (ssize_t)strlen(text));
	fake_loop_settle(loop);
}

static void
hear(void)
{
	ssize_t n;
	do {
		fake_loop_settle(loop);
		n = read(client, buf_reserve(&heard, 65536), 65536);
		heard.n += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	assert_true(n < 0 && errno == EAGAIN);
}

static json_t *
next_line(void)
{
	hear();
	size_t end = str_find(buf_str(&heard), '\n');
	assert_true(end < heard.n);
	json_t *object = json_loadb(heard.p, end, 0, NULL);
	assert_non_null(object);
	buf_drain(&heard, end + 1);
	return object;
}

static void
expect_event(const char *event)
{
	json_t *object = next_line();
	json_t *line = json_object_get(object, "line");
	assert_string_equal(
	    json_string_value(json_object_get(line, "event")), event);
	json_decref(object);
}

static void
expect_end(const char *wanted)
{
	json_t *object = next_line();
	char *text = json_dumps(object, JSON_COMPACT);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(object);
	assert_int_equal(heard.n, 0);
}

/* ---- the tests ---- */

static void
the_lines_of_a_message_are_told_in_order(void **state)
{
	(void)state;
	static const char *const names[] = { "3fK9x001", "ann@a.test",
		"<m1@a.test>", "bob@b.test", "M1@A.TEST" };
	keep_line("received", "3fK9x001", "from", "<ann@a.test>");
	keep_line("received", "3fK9x002", "from", "<carl@c.test>");
	keep_line("checked", "3fK9x001", "message-id", "<m1@a.test>");
	keep_line("delivered", "3fK9x001", "to", "<bob@b.test>");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char request[100];
		snprintf(request, sizeof request,
		    "{\"verb\":\"why\",\"what\":\"%s\"}\n", names[i]);
		say(request);
		expect_event("received");
		expect_event("checked");
		expect_event("delivered");
		expect_end("{\"count\":3,\"more\":false,\"ok\":true}");
	}
}

static void
what_is_unknown_is_missing(void **state)
{
	(void)state;
	keep_line("received", "3fK9x001", "from", "<ann@a.test>");
	say("{\"verb\":\"why\",\"what\":\"3fK9x00\"}\n");
	expect_end("{\"ok\":false,\"error\":"
		   "\"the history knows nothing of that\",\"exit\":3}");
	say("{\"verb\":\"why\"}\n{\"verb\":\"why\",\"what\":7}\n"
	    "{\"verb\":\"why\",\"what\":\"\"}\n");
	for (int i = 0; i < 3; i++) {
		json_t *object = next_line();
		assert_int_equal(
		    json_integer_value(json_object_get(object, "exit")), 2);
		json_decref(object);
	}
}

static void
a_torn_line_is_left_out(void **state)
{
	(void)state;
	char path[100];
	snprintf(path, sizeof path, "%s/0000000001.jsonl", folder);
	keep_line("received", "1", "from", "<ann@a.test>");
	fake_loop_advance(loop, 1000);
	FILE *f = fopen(path, "a");
	fputs("{\"event\":\"torn\",\"id\":\"1\",\"fr\n", f);
	fclose(f);
	keep_line("delivered", "1", "to", "<bob@b.test>");
	say("{\"verb\":\"why\",\"what\":\"1\"}\n");
	expect_event("received");
	expect_event("delivered");
	expect_end("{\"count\":2,\"more\":false,\"ok\":true}");
}

/* More than the stream holds: it waits for the other side. */
static void
a_long_story_is_told_to_its_end(void **state)
{
	(void)state;
	enum {
		LINES = 3000
	};
	char value[1001];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = 0;
	for (int i = 0; i < LINES; i++) {
		keep_line("deferred", "1", "reply", value);
		if (i % 100 == 0)
			fake_loop_settle(loop);
	}
	say("{\"verb\":\"why\",\"what\":\"1\"}\n");
	for (int i = 0; i < LINES; i++)
		expect_event("deferred");
	expect_end("{\"count\":3000,\"more\":false,\"ok\":true}");
}

static void
whoever_leaves_takes_the_question_along(void **state)
{
	(void)state;
	keep_line("received", "1", "from", "<ann@a.test>");
	fake_jobs.hold = true;
	say("{\"verb\":\"why\",\"what\":\"1\"}\n");
	close_control();
	fake_jobs_let_go();
	fake_loop_settle(loop);
	open_control(NULL);
	say("{\"verb\":\"why\",\"what\":\"1\"}\n");
	json_t *object = next_line();
	assert_true(json_is_false(json_object_get(object, "ok")));
	json_decref(object);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_lines_of_a_message_are_told_in_order),
		CASE(what_is_unknown_is_missing),
		CASE(a_torn_line_is_left_out),
		CASE(a_long_story_is_told_to_its_end),
		CASE(whoever_leaves_takes_the_question_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
