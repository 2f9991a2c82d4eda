#include "smtpd/local/login.h"
#include "smtpd/local/login_verifier.h"
#include "tests/unit/data_folder.h"
#include "tests/unit/scram_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANN USER("ann@example.test", HORSE)
#define BOB USER("bob@other.test", STAPLE)

enum {
	EXCHANGES = 8
};

static struct data_folder folder;
static struct loop *loop;
static struct lane *lane, *cpu;
static struct directory_keeper *keeper;
static struct logins *logins;
static struct directory_listener listener;
static int running;

static int
set_up_with(const char *users)
{
	static const struct secret secret = { { 1, 2, 3 } };
	const char *why = "";
	data_folder_make(&folder);
	data_folder_write(&folder, "users", users);
	loop = loop_new();
	lane = lane_new(loop, 1, 4, "io");
	cpu = lane_new(loop, 2, EXCHANGES / 2, "cpu");
	keeper = directory_keeper_new(loop, lane, &folder.settings);
	logins = logins_new(keeper, "mail.example.test", &secret, &why);
	assert_non_null(logins);
	logins_lane(logins, cpu);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	return set_up_with(ANN BOB);
}

static int
tear_down(void **state)
{
	(void)state;
	lane_free(cpu);
	logins_free(logins);
	directory_keeper_free(keeper);
	lane_free(lane);
	loop_free(loop);
	data_folder_remove(&folder);
	return 0;
}

static void
on_done(struct login *login)
{
	(void)login;
	if (--running == 0)
		loop_stop(loop);
}

static void
wait(int count)
{
	running = count;
	loop_run(loop);
}

static void
start(struct login *login, const char *mechanism, struct str initial)
{
	login_start(logins, login, mechanism, initial, "", STR(""), on_done);
}

static enum login_result
run_plain(struct login *login, struct str initial)
{
	start(login, "PLAIN", initial);
	wait(1);
	return login->result;
}

static void
test_plain_passwords(void **state)
{
	const struct {
		struct str initial;
		enum login_result result;
		const char *account;
	} rows[] = {
		{ STR("\0ann@example.test\0correct horse"), LOGIN_DONE,
		    "ann@example.test" },
		{ STR("\0ann\0correct horse"), LOGIN_DONE, "ann@example.test" },
		{ STR("\0Ann@Example.TEST\0correct horse"), LOGIN_DONE,
		    "ann@example.test" },
		{ STR("ann\0ann\0correct horse"), LOGIN_DONE,
		    "ann@example.test" },
		{ STR("\0bob@other.test\0battery staple"), LOGIN_DONE,
		    "bob@other.test" },
		{ STR("\0ann@example.test\0correct Horse"), LOGIN_REFUSED,
		    "ann@example.test" },
		{ STR("\0ann@example.test\0"), LOGIN_REFUSED, NULL },
		{ STR("\0bob\0battery staple"), LOGIN_REFUSED,
		    "bob@example.test" },
		{ STR("\0eve@example.test\0correct horse"), LOGIN_REFUSED,
		    "eve@example.test" },
		{ STR("bob@other.test\0ann@example.test\0correct horse"),
		    LOGIN_REFUSED, "ann@example.test" },
		{ STR("no zeros"), LOGIN_REFUSED, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct login login = { 0 };
		if (run_plain(&login, rows[i].initial) != rows[i].result)
			fail_msg("row %zu", i);
		if (rows[i].account)
			assert_string_equal(
			    buf_cstr(&login.account), rows[i].account);
		login_cancel(&login);
	}
}

/* RFC 4954 4: the client need not send an initial response */
static void
test_plain_in_two_steps(void **state)
{
	struct login login = { 0 };
	(void)state;
	start(&login, "PLAIN", (struct str){ NULL, 0 });
	wait(1);
	assert_int_equal(login.result, LOGIN_CONTINUE);
	assert_int_equal(login.challenge.n, 0);
	login_step(&login, STR("\0ann\0correct horse"), on_done);
	wait(1);
	assert_int_equal(login.result, LOGIN_DONE);
	login_cancel(&login);
}

static void
test_login_asks_for_name_and_password(void **state)
{
	struct login login = { 0 };
	(void)state;
	start(&login, "LOGIN", (struct str){ NULL, 0 });
	wait(1);
	assert_string_equal(buf_cstr(&login.challenge), "Username:");
	login_step(&login, STR("ann@example.test"), on_done);
	wait(1);
	assert_string_equal(buf_cstr(&login.challenge), "Password:");
	login_step(&login, STR("correct horse"), on_done);
	wait(1);
	assert_int_equal(login.result, LOGIN_DONE);
	assert_string_equal(buf_cstr(&login.account), "ann@example.test");
	login_cancel(&login);
}

static void
test_others_are_not_there(void **state)
{
	static const char *const names[] = { "CRAM-MD5", "DIGEST-MD5",
		"ANONYMOUS", "NTLM", "SCRAM-SHA-1" };
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct login login = { 0 };
		start(&login, names[i], (struct str){ NULL, 0 });
		wait(1);
		assert_int_equal(login.result, LOGIN_REFUSED);
		login_cancel(&login);
	}
}

/* ---- SCRAM, against libsasl2's own client ---- */

/* The result, and in which step it came. */
static enum login_result
run_scram(const char *mechanism, const char *user, const char *password,
    const char *theirs, const char *ours, int *steps)
{
	struct scram_client client;
	struct login login = { 0 };
	scram_client_open(&client, user, password, str_of(theirs));
	struct str said = scram_client_start(&client, mechanism);
	login_start(logins, &login, mechanism, said,
	    *ours ? "tls-exporter" : "", str_of(ours), on_done);
	wait(1);
	for (*steps = 1; login.result == LOGIN_CONTINUE; ++*steps) {
		said = scram_client_step(&client, buf_str(&login.challenge));
		login_step(&login, said, on_done);
		wait(1);
	}
	enum login_result result = login.result;
	login_cancel(&login);
	scram_client_close(&client);
	return result;
}

static void
test_scram(void **state)
{
	int steps;
	(void)state;
	assert_int_equal(run_scram("SCRAM-SHA-256", "ann@example.test",
			     "correct horse", "", "", &steps),
	    LOGIN_DONE);
	assert_int_equal(run_scram("SCRAM-SHA-256", "bob@other.test",
			     "battery staple", "", "", &steps),
	    LOGIN_DONE);
	assert_int_equal(run_scram("SCRAM-SHA-256", "bob@other.test",
			     "correct horse", "", "", &steps),
	    LOGIN_REFUSED);
}

/* The man in the middle has another channel. */
static void
test_scram_is_bound_to_its_channel(void **state)
{
	int steps;
	(void)state;
	assert_int_equal(run_scram("SCRAM-SHA-256-PLUS", "ann@example.test",
			     "correct horse", "channel", "channel", &steps),
	    LOGIN_DONE);
	assert_int_equal(run_scram("SCRAM-SHA-256-PLUS", "ann@example.test",
			     "correct horse", "channel", "another", &steps),
	    LOGIN_REFUSED);
	assert_int_equal(run_scram("SCRAM-SHA-256-PLUS", "ann@example.test",
			     "correct horse", "channel", "", &steps),
	    LOGIN_REFUSED);
}

static void
test_an_unknown_user_fails_as_a_wrong_password_does(void **state)
{
	int wrong, unknown;
	(void)state;
	assert_int_equal(run_scram("SCRAM-SHA-256", "ann@example.test",
			     "incorrect", "", "", &wrong),
	    LOGIN_REFUSED);
	assert_int_equal(run_scram("SCRAM-SHA-256", "eve@example.test",
			     "incorrect", "", "", &unknown),
	    LOGIN_REFUSED);
	assert_int_equal(wrong, unknown);
}

/* What the server says first about a user: nonces are drawn by both. */
static void
first_challenge(const char *user, struct buf *salt_and_count)
{
	struct login login = { 0 };
	struct buf first = { 0 };
	buf_addf(&first, "n,,n=%s,r=fyko+d2lbbFgONRv9qkxdawL", user);
	start(&login, "SCRAM-SHA-256", buf_str(&first));
	wait(1);
	assert_int_equal(login.result, LOGIN_CONTINUE);
	struct str challenge = buf_str(&login.challenge);
	buf_add(salt_and_count,
	    str_from(challenge, str_search(challenge, STR(",s="))));
	login_cancel(&login);
	buf_free(&first);
}

static void
test_an_unknown_user_always_has_the_same_salt(void **state)
{
	struct buf first = { 0 }, again = { 0 }, other = { 0 }, known = { 0 };
	(void)state;
	first_challenge("eve@example.test", &first);
	first_challenge("EVE", &again);
	first_challenge("mallory@example.test", &other);
	first_challenge("ann@example.test", &known);
	assert_true(str_eq(buf_str(&first), buf_str(&again)));
	tear_down(state); /* and after a start, too */
	set_up(state);
	buf_clear(&again);
	first_challenge("eve@example.test", &again);
	assert_true(str_eq(buf_str(&first), buf_str(&again)));
	assert_false(str_eq(buf_str(&first), buf_str(&other)));
	assert_int_equal(first.n, known.n);
	assert_true(str_ends(buf_str(&first), STR(",i=15000")));
	buf_free(&first);
	buf_free(&again);
	buf_free(&other);
	buf_free(&known);
}

/* ---- the lane, and the end ---- */

static void
on_changed(struct directory_listener *l, const struct directory *d)
{
	(void)l, (void)d;
	loop_stop(loop);
}

static void
test_a_new_password_counts_at_once(void **state)
{
	struct login login = { 0 };
	(void)state;
	directory_listen(keeper, &listener, on_changed);
	data_folder_write(&folder, "users", USER("ann@example.test", STAPLE));
	directory_reload(keeper);
	loop_run(loop);
	assert_int_equal(
	    run_plain(&login, STR("\0ann\0battery staple")), LOGIN_DONE);
	assert_int_equal(
	    run_plain(&login, STR("\0ann\0correct horse")), LOGIN_REFUSED);
	login_cancel(&login);
}

static void
test_a_full_lane_says_so(void **state)
{
	struct login all[EXCHANGES] = { 0 };
	int busy = 0, done = 0;
	(void)state;
	for (int i = 0; i < EXCHANGES; i++)
		start(&all[i], "PLAIN", STR("\0ann\0correct horse"));
	wait(EXCHANGES);
	for (int i = 0; i < EXCHANGES; i++) {
		busy += all[i].result == LOGIN_BUSY;
		done += all[i].result == LOGIN_DONE;
		login_cancel(&all[i]);
	}
	assert_int_equal(busy + done, EXCHANGES);
	assert_true(busy > 0 && done >= EXCHANGES / 2);
}

static void
test_a_broken_directory_checks_nobody(void **state)
{
	struct login login = { 0 };
	(void)state;
	tear_down(NULL);
	set_up_with("half a li");
	assert_int_equal(
	    run_plain(&login, STR("\0ann\0correct horse")), LOGIN_BUSY);
	login_cancel(&login);
}

static void
on_never(struct login *login)
{
	(void)login;
	fail_msg("done() after the cancel");
}

static void
test_cancelled_exchanges_end_quietly(void **state)
{
	struct login all[EXCHANGES] = { 0 }, last = { 0 };
	(void)state;
	for (int i = 0; i < EXCHANGES; i++)
		login_start(logins, &all[i], "PLAIN",
		    STR("\0ann\0correct horse"), "", STR(""), on_never);
	for (int i = 0; i < EXCHANGES; i++)
		login_cancel(&all[i]);
	login_cancel(&last);
	for (int i = 0; i < EXCHANGES; i++)
		assert_int_equal(
		    run_plain(&last, STR("\0ann\0correct horse")), LOGIN_DONE);
	login_cancel(&last);
}

/* ---- verifiers ---- */

static void
test_verifiers_are_parsed_strictly(void **state)
{
	static const char *const bad[] = { "", "15000", "15000,MDEy,AAAA,AAAA",
		"0" };
	struct verifier v;
	(void)state;
	assert_true(verifier_parse(str_of(HORSE), ",,,", &v));
	assert_int_equal(v.iterations, 15000);
	assert_int_equal(v.salt_size, 16);
	assert_true(verifier_matches(&v, STR("correct horse")));
	assert_false(verifier_matches(&v, STR("correct horse ")));
	for (int i = 0; i < 4; i++)
		assert_false(verifier_parse(str_of(bad[i]), ",,,", &v));
	for (size_t n = 0; n < sizeof HORSE - 1; n++)
		assert_false(
		    verifier_parse(str_sub(STR(HORSE), 0, n), ",,,", &v));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain_passwords),
		TEST(test_plain_in_two_steps),
		TEST(test_login_asks_for_name_and_password),
		TEST(test_others_are_not_there),
		TEST(test_scram),
		TEST(test_scram_is_bound_to_its_channel),
		TEST(test_an_unknown_user_fails_as_a_wrong_password_does),
		TEST(test_an_unknown_user_always_has_the_same_salt),
		TEST(test_a_new_password_counts_at_once),
		TEST(test_a_full_lane_says_so),
		TEST(test_a_broken_directory_checks_nobody),
		TEST(test_cancelled_exchanges_end_quietly),
		cmocka_unit_test(test_verifiers_are_parsed_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
