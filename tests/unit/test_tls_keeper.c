/* The certificate that is shown follows its files, and bad files change
   nothing. */
#include "lib/net/tls_keeper.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/unit/data_folder.h"
#include "tests/unit/tls_pair.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MINUTE_MS = 60000
};

static struct data_folder folder;
static struct loop *loop;
static struct tls_keeper *keeper;
static char certificate[64], key[64];

static int
setup(void **state)
{
	(void)state;
	data_folder_make(&folder);
	snprintf(
	    certificate, sizeof certificate, "%s/now.cert.pem", folder.path);
	snprintf(key, sizeof key, "%s/now.key.pem", folder.path);
	loop = loop_new();
	fake_jobs_use(loop);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	tls_keeper_free(keeper);
	keeper = NULL;
	loop_free(loop);
	data_folder_remove(&folder);
	return 0;
}

static void
begin(void)
{
	keeper = tls_keeper_new(loop, NULL, certificate, key);
	tls_keeper_start(keeper);
}

/* Moves a fresh pair in, as who renews it does: a file at a time. */
static void
renew(const char *name, bool with_key)
{
	char from[64];
	tls_pair_make(folder.path, name);
	snprintf(from, sizeof from, "%s/%s.cert.pem", folder.path, name);
	assert_int_equal(rename(from, certificate), 0);
	snprintf(from, sizeof from, "%s/%s.key.pem", folder.path, name);
	if (with_key)
		assert_int_equal(rename(from, key), 0);
}

/* "a.test", or "" without one. */
static const char *
shown(void)
{
	static char name[64];
	const struct tls_context *now = *tls_keeper_now(keeper);
	*name = 0;
	if (now)
		X509_NAME_get_text_by_NID(
		    X509_get_subject_name(SSL_CTX_get0_certificate(now->ctx)),
		    NID_commonName, name, sizeof name);
	return name;
}

static void
new_files_are_taken_within_a_minute(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	struct tls_context **place = tls_keeper_now(keeper);
	assert_string_equal(shown(), "a.test");
	renew("b.test", true);
	assert_string_equal(shown(), "a.test");
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "b.test");
	assert_ptr_equal(tls_keeper_now(keeper), place);
	renew("c.test", true);
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "c.test");
}

static void
files_that_stay_are_not_read_again(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	const struct tls_context *first = *tls_keeper_now(keeper);
	fake_loop_advance(loop, 5 * MINUTE_MS);
	assert_ptr_equal(*tls_keeper_now(keeper), first);
}

static void
without_files_tls_is_off_until_they_come(void **state)
{
	(void)state;
	begin();
	assert_null(*tls_keeper_now(keeper));
	fake_loop_advance(loop, MINUTE_MS);
	assert_null(*tls_keeper_now(keeper));
	assert_string_not_equal(tls_keeper_trouble(keeper), "");
	renew("a.test", true);
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "a.test");
	assert_string_equal(tls_keeper_trouble(keeper), "");
}

static void
bad_files_leave_the_old_ones_in_use(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	renew("b.test", false); /* its key comes later */
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "a.test");
	assert_string_not_equal(tls_keeper_trouble(keeper), "");
	renew("c.test", true);
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "c.test");
	unlink(certificate);
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "c.test");
}

static void
reload_looks_now(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	renew("b.test", true);
	tls_keeper_reload(keeper);
	fake_loop_settle(loop);
	assert_string_equal(shown(), "b.test");
}

/* The look under way may have seen the old files. */
static void
reload_during_a_look_looks_again(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	fake_jobs.hold = true;
	tls_keeper_reload(keeper);
	tls_keeper_reload(keeper);
	tls_keeper_reload(keeper);
	assert_int_equal(fake_jobs.waiting, 1);
	fake_jobs_let_go();
	fake_loop_settle(loop);
	assert_int_equal(fake_jobs.done, 2);
}

/* A key that couldn't be read keeps its bytes and its time when it can. */
static void
a_new_mode_is_a_change(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	const struct tls_context *first = *tls_keeper_now(keeper);
	assert_int_equal(chmod(key, 0440), 0);
	tls_keeper_reload(keeper);
	fake_loop_settle(loop);
	assert_ptr_not_equal(*tls_keeper_now(keeper), first);
}

static void
a_full_lane_means_the_next_minute(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	renew("b.test", true);
	fake_jobs.full = true;
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "a.test");
	fake_jobs.full = false;
	fake_loop_advance(loop, MINUTE_MS);
	assert_string_equal(shown(), "b.test");
}

static void
it_may_end_during_a_look(void **state)
{
	(void)state;
	renew("a.test", true);
	begin();
	fake_jobs.hold = true;
	tls_keeper_reload(keeper);
	tls_keeper_free(keeper);
	keeper = NULL;
	fake_jobs_let_go();
	fake_loop_settle(loop);
}

#define KEEPER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KEEPER_TEST(new_files_are_taken_within_a_minute),
		KEEPER_TEST(files_that_stay_are_not_read_again),
		KEEPER_TEST(without_files_tls_is_off_until_they_come),
		KEEPER_TEST(bad_files_leave_the_old_ones_in_use),
		KEEPER_TEST(reload_looks_now),
		KEEPER_TEST(reload_during_a_look_looks_again),
		KEEPER_TEST(a_new_mode_is_a_change),
		KEEPER_TEST(a_full_lane_means_the_next_minute),
		KEEPER_TEST(it_may_end_during_a_look),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
