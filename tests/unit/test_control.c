/* The control socket as postern meets it: a real one, with a queue that is
   only a shelf behind it. */
#include "lib/base/clock.h"
#include "lib/base/settings.h"
#include "smtpd/control/session.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/shelf.h"

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

static struct settings settings = { .hostname = { "mail.a.test", 11 } };
static struct sockaddr_un address; /* of no name in the file system */
static socklen_t address_size;
static struct loop *loop;
static struct control *control;
static unsigned reloads; /* of one test */
static int client;
static struct buf heard;

static void
on_reload(struct control *c)
{
	assert_ptr_equal(c, control);
	reloads++;
}

static int
connect_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&address, address_size), 0);
	fake_loop_settle(loop);
	return fd;
}

static int
setup(void **state)
{
	(void)state;
	loop = loop_new();
	reloads = 0;
	fake_shelf_use(loop);
	control = control_new(&(struct control_parts){
	    .loop = loop,
	    .settings = &settings,
	    .reload = on_reload,
	});
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	address.sun_family = AF_UNIX;
	address_size = sizeof address;
	if (bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) != 0 ||
	    listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &address_size) != 0)
		return -1;
	control_listen(control, fd);
	client = connect_client();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	control_free(control);
	loop_free(loop);
	close(client);
	buf_free(&heard);
	return 0;
}

static void
say(const char *text)
{
	assert_int_equal(
	    write(client, text, strlen(text)), (ssize_t)strlen(text));
	fake_loop_settle(loop);
}

/* All that has come; false when the server has closed. */
static bool
hear(void)
{
	ssize_t n;
	do {
		fake_loop_settle(loop);
		n = read(client, buf_reserve(&heard, 4096), 4096);
		heard.n += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return n < 0 && errno == EAGAIN;
}

/* The next line, or NULL. */
static json_t *
line(void)
{
	assert_true(hear());
	size_t end = str_find(buf_str(&heard), '\n');
	if (end == heard.n)
		return NULL;
	json_t *object = json_loadb(heard.p, end, 0, NULL);
	assert_non_null(object);
	buf_drain(&heard, end + 1);
	return object;
}

static void
expect_line(const char *wanted)
{
	json_t *object = line();
	assert_non_null(object);
	char *text = json_dumps(object, JSON_COMPACT);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(object);
}

static void
expect_nothing(void)
{
	assert_true(hear());
	assert_int_equal(heard.n, 0);
}

/* ---- the simple verbs ---- */

static void
status_counts(void **state)
{
	(void)state;
	fake_shelf.items = 3;
	fake_clock_advance(42000);
	say("{\"verb\":\"status\"}\n");
	expect_line("{\"hostname\":\"mail.a.test\",\"accounts\":5,"
		    "\"queued\":3,\"sessions\":7,\"deliveries\":9,"
		    "\"uptime_s\":42,\"space\":true,\"config_trouble\":\"\","
		    "\"tls_trouble\":\"\",\"ok\":true}");
	expect_nothing();
}

/* A file of config/ may hold any bytes, and the complaint repeats them. */
static void
status_tells_of_trouble_whatever_its_bytes(void **state)
{
	(void)state;
	fake_shelf.full = true;
	fake_shelf.trouble = "config/users:1: y\303\266u\377\n\"";
	fake_shelf.tls_trouble = "the key can't be read";
	say("{\"verb\":\"status\"}\n");
	json_t *answer = line();
	assert_non_null(answer);
	assert_true(json_is_false(json_object_get(answer, "space")));
	assert_string_equal(
	    json_string_value(json_object_get(answer, "config_trouble")),
	    "config/users:1: y??u?\n\"");
	assert_string_equal(
	    json_string_value(json_object_get(answer, "tls_trouble")),
	    "the key can't be read");
	json_decref(answer);
}

static void
health_asks_nobody(void **state)
{
	(void)state;
	say("{\"verb\":\"health\"}\n{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
	expect_line("{\"ok\":true}");
	expect_nothing();
}

/* Who gets the answer may use what was changed. */
static void
reload_is_done_when_config_has_been_read(void **state)
{
	(void)state;
	say("{\"verb\":\"reload\"}\n");
	assert_int_equal(reloads, 1);
	expect_nothing();
	fake_shelf_looked();
	expect_line("{\"ok\":true}");
	say("{\"verb\":\"reload\"}\n");
	close(client);
	client = -1;
	fake_loop_settle(loop);
	assert_int_equal(fake_shelf.looks, 0);
}

static void
bad_requests_are_answered(void **state)
{
	static const char *const cases[] = {
		"\n",
		"nonsense\n",
		"[]\n",
		"{}\n",
		"{\"verb\":1}\n",
		"{\"verb\":\"statu\"}\n",
		"{\"verb\":\"status\"} {}\n",
		"\377\n",
		"[[[[[[[[[[[[\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		say(cases[i]);
		expect_line("{\"ok\":false,\"error\":\"no such verb\","
			    "\"exit\":2}");
	}
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
}

static void
a_line_without_end_is_cut_off(void **state)
{
	char text[5001];
	(void)state;
	memset(text, 'x', 5000);
	text[5000] = 0;
	say(text);
	assert_false(hear());
}

/* ---- the queue ---- */

#define ITEM(id, sender, to) \
	"{\"item\":{\"id\":\"" id "\",\"received_ms\":1000,\"next_ms\":2000," \
	"\"attempts\":3,\"busy\":false,\"sender\":\"sender@" sender \
	".test\",\"recipients\":[{\"address\":\"you@" to \
	".test\",\"state\":\"waiting\",\"reply\":\"\"}]}}"

static void
list_tells_each_item(void **state)
{
	(void)state;
	fake_shelf.items = 2;
	say("{\"verb\":\"queue-list\"}\n");
	expect_line(ITEM("1", "1", "a"));
	expect_line(ITEM("2", "2", "b"));
	expect_line("{\"count\":2,\"ok\":true}");
	expect_nothing();
}

static void
verbs_mean_what_was_asked(void **state)
{
	static const struct {
		const char *request, *last;
		unsigned items, retried, dropped;
	} cases[] = {
		{ "queue-list\"", "{\"count\":7,\"ok\":true}", 7, 0, 0 },
		{ "queue-list\",\"to\":\"a.test\"", "{\"count\":4,\"ok\":true}",
		    4, 0, 0 },
		{ "queue-list\",\"to\":\"A.Test\"", "{\"count\":4,\"ok\":true}",
		    4, 0, 0 },
		{ "queue-show\",\"id\":\"5\"", "{\"count\":1,\"ok\":true}", 1,
		    0, 0 },
		{ "queue-retry\",\"id\":\"5\"", "{\"count\":1,\"ok\":true}", 0,
		    1, 0 },
		{ "queue-retry\",\"to\":\"b.test\"",
		    "{\"count\":3,\"ok\":true}", 0, 3, 0 },
		{ "queue-retry\",\"to\":\"c.test\"",
		    "{\"count\":0,\"ok\":true}", 0, 0, 0 },
		{ "queue-drop\",\"id\":\"6\"", "{\"count\":1,\"ok\":true}", 0,
		    0, 1 },
		{ "queue-drop\",\"to\":\"a.test\"", "{\"count\":3,\"ok\":true}",
		    0, 0, 3 }, /* 3 is busy */
		{ "queue-drop\",\"id\":\"3\"",
		    "{\"ok\":false,\"error\":\"it is being delivered just "
		    "now; try again\",\"exit\":4}",
		    0, 0, 0 },
		{ "queue-show\",\"id\":\"99\"",
		    "{\"ok\":false,\"error\":\"no such message is queued\","
		    "\"exit\":3}",
		    0, 0, 0 },
		/* never all of them by mistake */
		{ "queue-drop\"",
		    "{\"ok\":false,\"error\":\"say which: ID or --to "
		    "DOMAIN\",\"exit\":2}",
		    0, 0, 0 },
		{ "queue-drop\",\"id\":\"0\"",
		    "{\"ok\":false,\"error\":\"that is no queue id\","
		    "\"exit\":2}",
		    0, 0, 0 },
		{ "queue-drop\",\"id\":\"\"",
		    "{\"ok\":false,\"error\":\"that is no queue id\","
		    "\"exit\":2}",
		    0, 0, 0 },
		{ "queue-drop\",\"to\":\"\"", "{\"count\":0,\"ok\":true}", 0, 0,
		    0 },
		{ "queue-drop\",\"id\":\"5\",\"to\":\"b.test\"",
		    "{\"ok\":false,\"error\":\"no such message is queued\","
		    "\"exit\":3}",
		    0, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char request[128];
		fake_shelf_use(loop);
		fake_shelf.items = 7;
		fake_shelf.busy = 3;
		snprintf(request, sizeof request, "{\"verb\":\"%s}\n",
		    cases[i].request);
		say(request);
		for (unsigned k = 0; k < cases[i].items; k++) {
			json_t *item = line();
			assert_non_null(json_object_get(item, "item"));
			json_decref(item);
		}
		expect_line(cases[i].last);
		assert_int_equal(fake_shelf.retried, cases[i].retried);
		assert_int_equal(fake_shelf.dropped, cases[i].dropped);
	}
}

static void
replies_of_others_may_hold_any_bytes(void **state)
{
	(void)state;
	fake_shelf.items = 1;
	fake_shelf.reply = "550 5.1.1 \377\033[2J no";
	say("{\"verb\":\"queue-show\",\"id\":\"1\"}\n");
	json_t *answer = line();
	assert_string_equal(
	    json_string_value(json_object_get(
		json_array_get(json_object_get(json_object_get(answer, "item"),
				   "recipients"),
		    0),
		"reply")),
	    "550 5.1.1 ?\033[2J no");
	json_decref(answer);
}

static void
what_ends_while_it_is_read_is_left_out(void **state)
{
	(void)state;
	fake_shelf.items = 1;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-show\",\"id\":\"1\"}\n");
	fake_shelf.gone = 1;
	fake_shelf_let_go();
	expect_line("{\"ok\":false,\"error\":\"no such message is queued\","
		    "\"exit\":3}");
}

/* ---- many requests, slow and vanished clients ---- */

static void
requests_are_answered_in_their_order(void **state)
{
	(void)state;
	fake_shelf.items = 1;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-list\"}\n{\"verb\":\"health\"}\n");
	expect_nothing();
	fake_shelf_let_go();
	expect_line(ITEM("1", "1", "a"));
	expect_line("{\"count\":1,\"ok\":true}");
	expect_line("{\"ok\":true}");
}

/* The answer to one who doesn't read is not kept in memory. */
static void
a_client_that_does_not_read_makes_the_walk_wait(void **state)
{
	enum {
		MANY = 4000,
		LINE = 150
	};
	(void)state;
	fake_shelf.items = MANY;
	say("{\"verb\":\"queue-list\"}\n");
	const struct session *s =
	    container_of(list_first(&control->sessions), struct session, node);
	assert_true(s->walk.paused);
	assert_true(s->walk.count < MANY);
	assert_in_range(stream_pending(s->stream), 1, CONTROL_PENDING + 1024);
	size_t count = 0;
	for (json_t *item; (item = line()); count++)
		json_decref(item);
	assert_int_equal(count, MANY + 1);
}

static void
a_client_that_goes_ends_its_walk(void **state)
{
	(void)state;
	fake_shelf.items = 10;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-drop\",\"to\":\"a.test\"}\n");
	assert_int_equal(fake_shelf.reading, 1);
	close(client);
	fake_loop_settle(loop);
	assert_int_equal(fake_shelf.reading, 0);
	fake_shelf_let_go();
	fake_loop_settle(loop);
	assert_int_equal(fake_shelf.dropped, 0);
	client = connect_client();
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
}

static void
an_end_of_all_ends_a_walk(void **state)
{
	(void)state;
	fake_shelf.items = 10;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-list\"}\n");
	control_free(control);
	control = NULL;
	assert_int_equal(fake_shelf.reading, 0);
}

static void
silence_is_bounded(void **state)
{
	(void)state;
	fake_loop_advance(loop, CONTROL_IDLE_MS - 1);
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
	fake_loop_advance(loop, CONTROL_IDLE_MS - 1);
	expect_nothing();
	fake_loop_advance(loop, 1);
	assert_false(hear());
}

static void
clients_do_not_disturb_each_other(void **state)
{
	(void)state;
	int first = client;
	fake_shelf.items = 1;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-list\"}\n");
	client = connect_client();
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
	close(client);
	client = first;
	fake_shelf_let_go();
	expect_line(ITEM("1", "1", "a"));
}

#define CONTROL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(status_counts),
		CONTROL_TEST(status_tells_of_trouble_whatever_its_bytes),
		CONTROL_TEST(health_asks_nobody),
		CONTROL_TEST(reload_is_done_when_config_has_been_read),
		CONTROL_TEST(bad_requests_are_answered),
		CONTROL_TEST(a_line_without_end_is_cut_off),
		CONTROL_TEST(list_tells_each_item),
		CONTROL_TEST(verbs_mean_what_was_asked),
		CONTROL_TEST(replies_of_others_may_hold_any_bytes),
		CONTROL_TEST(what_ends_while_it_is_read_is_left_out),
		CONTROL_TEST(requests_are_answered_in_their_order),
		CONTROL_TEST(a_client_that_does_not_read_makes_the_walk_wait),
		CONTROL_TEST(a_client_that_goes_ends_its_walk),
		CONTROL_TEST(an_end_of_all_ends_a_walk),
		CONTROL_TEST(silence_is_bounded),
		CONTROL_TEST(clients_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
