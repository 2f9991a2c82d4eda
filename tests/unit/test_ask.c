/* Questions over the control socket, and what becomes of them when the other
   side is silent, gone or not what it should be. */
#include "cli/cli.h"
#include "tests/unit/data_folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct data_folder folder; /* holds the socket */
static struct cli cli;
static int listening;
static pid_t server;

static int
setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	(void)state;
	data_folder_make(&folder);
	cli = (struct cli){ .settings.run = str_of(folder.path) };
	snprintf(a.sun_path, sizeof a.sun_path, "%s/control", folder.path);
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(listening, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(listening, 4) != 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&cli.arena);
	close(listening);
	data_folder_remove(&folder);
	return 0;
}

/* A server that hears one request, says this and closes. */
static void
serve(const char *says)
{
	char request[256];
	server = fork();
	if (server)
		return;
	int fd = accept(listening, NULL, NULL);
	ssize_t n = read(fd, request, sizeof request - 1);
	const char *wanted = "{\"verb\":\"status\"}\n";
	bool good = n > 0 && strncmp(request, wanted, (size_t)n) == 0 &&
	    write(fd, says, strlen(says)) == (ssize_t)strlen(says);
	_exit(!good);
}

static void
expect_served(void)
{
	int status;
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_int_equal(status, 0);
}

static void
one_answer_is_taken(void **state)
{
	(void)state;
	json_t *answer = NULL;
	serve("{\"queued\":3,\"ok\":true}\n");
	assert_int_equal(ask_once(&cli, "status", &answer), DONE);
	assert_int_equal(
	    json_integer_value(json_object_get(answer, "queued")), 3);
	json_decref(answer);
	expect_served();
}

static void
answers_name_the_exit_code(void **state)
{
	static const struct {
		const char *says;
		int code;
	} cases[] = {
		{ "{\"ok\":false,\"error\":\"no\",\"exit\":3}\n", MISSING },
		{ "{\"ok\":false,\"error\":\"no\",\"exit\":4}\n", REFUSED },
		{ "{\"ok\":false,\"error\":\"no\"}\n", FAILED },
		{ "{\"ok\":false}\n", FAILED },
		{ "{}\n", FAILED },
		{ "[]\n", FAILED },
		{ "garbage\n", UNREACHABLE },
		{ "{\"ok\":tr", UNREACHABLE },
		{ "", UNREACHABLE },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *answer = NULL;
		serve(cases[i].says);
		assert_int_equal(
		    ask_once(&cli, "status", &answer), cases[i].code);
		assert_null(answer);
		expect_served();
	}
}

static void
lines_come_one_after_the_other(void **state)
{
	(void)state;
	serve("{\"item\":1}\n{\"item\":2}\n{\"ok\":true}\n");
	struct ask *a = ask_start(&cli, json_pack("{s:s}", "verb", "status"));
	assert_non_null(a);
	for (int i = 1; i <= 2; i++) {
		json_t *line = ask_line(a);
		assert_int_equal(
		    json_integer_value(json_object_get(line, "item")), i);
		json_decref(line);
	}
	json_t *last = ask_line(a);
	assert_int_equal(ask_result(last), DONE);
	json_decref(last);
	assert_null(ask_line(a));
	ask_end(a);
	expect_served();
}

static void
nobody_there_is_unreachable(void **state)
{
	(void)state;
	json_t *answer = NULL;
	close(listening); /* a socket that a dead server has left */
	assert_int_equal(ask_once(&cli, "status", &answer), UNREACHABLE);
	assert_int_equal(ask_rescan(&cli), UNREACHABLE);
	cli.settings.run = STR("/tmp/postern-that-never-was");
	assert_int_equal(ask_once(&cli, "status", &answer), UNREACHABLE);
	cli.settings.run = STR("/tmp/a/path/that/is/so/very/long/that/no/"
			       "socket/can/have/it/as/its/name/because/they/"
			       "end/at/107/octets/and/not/one/more");
	assert_int_equal(ask_once(&cli, "status", &answer), UNREACHABLE);
	assert_int_equal(ask_rescan(&cli), UNREACHABLE);
}

static volatile sig_atomic_t hangups;

static void
on_sighup(int number)
{
	(void)number;
	hangups++;
}

/* It is who listened that gets the signal: here ourselves. */
static void
rescan_reaches_who_listens(void **state)
{
	(void)state;
	signal(SIGHUP, on_sighup);
	assert_int_equal(ask_rescan(&cli), DONE);
	assert_int_equal(hangups, 1);
	signal(SIGHUP, SIG_DFL);
}

#define ASK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASK_TEST(one_answer_is_taken),
		ASK_TEST(answers_name_the_exit_code),
		ASK_TEST(lines_come_one_after_the_other),
		ASK_TEST(nobody_there_is_unreachable),
		ASK_TEST(rescan_reaches_who_listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
