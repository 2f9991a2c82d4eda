#include "lib/base/buf.h"
#include "lib/net/jobs.h"
#include "smtpd/local/directory.h"
#include "tests/unit/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ANN USER("ann@example.test", HORSE)
#define BOB USER("bob@other.test", STAPLE)

static struct data_folder folder;
static struct arena arena;

static int
set_up(void **state)
{
	(void)state;
	data_folder_make(&folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	data_folder_remove(&folder);
	return 0;
}

static struct directory *
read_good(const char *users, const char *aliases)
{
	struct buf errors = { 0 };
	data_folder_write(&folder, "users", users);
	data_folder_write(&folder, "aliases", aliases);
	struct directory *d = directory_read(&folder.settings, &errors);
	assert_string_equal(buf_cstr(&errors), "");
	assert_non_null(d);
	buf_free(&errors);
	return d;
}

static struct address
address_of(const char *text)
{
	struct address address;
	const char *why;
	struct str path = arena_printf(&arena, "<%s>", text);
	assert_true(path_parse_forward(&path, &arena, &address, &why));
	return address;
}

/* "ann@example.test bob@other.test/Reports", or the result's name. */
static const char *
resolve(const struct directory *d, const char *text)
{
	static const char *const names[] = { "", "not ours", "unknown",
		"unavailable" };
	struct address address = address_of(text);
	struct mailbox_list list;
	struct str out = STR("");
	enum directory_result result =
	    directory_resolve(d, &address, &arena, &list);
	if (result != DIRECTORY_FOUND)
		return names[result];
	for (size_t i = 0; i < list.count; i++)
		out = arena_printf(&arena, "%.*s%s%.*s%s%.*s", STR_ARG(out),
		    i ? " " : "", STR_ARG(list.mailboxes[i].account),
		    list.mailboxes[i].folder.n ? "/" : "",
		    STR_ARG(list.mailboxes[i].folder));
	return out.p;
}

static const char aliases[] =
    "# who is who\n"
    "info@example.test: ann@example.test\n"
    "all@example.test: ann@example.test,\n"
    "\n"
    "# a comment in between\n"
    "\tbob@other.test, info@example.test\n"
    "Team@Other.Test:\tall@example.test\n"
    "abuse@other.test: bob@other.test\n"
    "loop@example.test: pool@example.test, ann@example.test\n"
    "pool@example.test: loop@example.test\n"
    "bob@other.test: bob@other.test, ann@example.test\n"
    "tagged@example.test: ann+list@example.test\n"
    "@other.test: bob@other.test";

struct row {
	const char *address, *expected;
};

static const struct row resolved[] = {
	{ "ann@example.test", "ann@example.test" },
	{ "ANN@example.test", "ann@example.test" },
	{ "\"ann\"@example.test", "ann@example.test" },
	{ "ann+shop@example.test", "ann@example.test" },
	{ "ann+@example.test", "ann@example.test" },
	{ "+ann@example.test", "unknown" },
	{ "info+x@example.test", "ann@example.test" },
	{ "all@example.test", "ann@example.test bob@other.test" },
	{ "team@other.test", "ann@example.test bob@other.test" },
	{ "loop@example.test", "ann@example.test" },
	{ "pool@example.test", "ann@example.test" },
	{ "tagged@example.test", "ann@example.test" },
	{ "bob@other.test", "bob@other.test ann@example.test" },
	{ "nobody@example.test", "unknown" },
	{ "nobody@other.test", "bob@other.test ann@example.test" },
	{ "ann@elsewhere.test", "not ours" },
	{ "ann@[192.0.2.1]", "not ours" },
	{ "postmaster", "ann@example.test" },
	{ "PostMaster@example.test", "ann@example.test" },
	{ "postmaster@other.test", "ann@example.test" },
	{ "abuse@example.test", "ann@example.test" },
	{ "abuse@other.test", "bob@other.test ann@example.test" },
	{ "reports@example.test", "ann@example.test/Reports" },
	{ "reports@other.test", "ann@example.test/Reports" },
};

static void
test_addresses_lead_to_mailboxes(void **state)
{
	(void)state;
	struct directory *d = read_good(ANN BOB, aliases);
	for (size_t i = 0; i < sizeof resolved / sizeof *resolved; i++)
		assert_string_equal(
		    resolve(d, resolved[i].address), resolved[i].expected);
	assert_int_equal(directory_accounts(d), 2);
	assert_true(str_eq(directory_domain(d, 0), STR("example.test")));
	assert_true(str_eq(directory_domain(d, 2), STR("")));
	directory_free(d);
}

static const struct {
	const char *account, *address;
	bool may;
} senders[] = {
	{ "ann@example.test", "ann@example.test", true },
	{ "ann@example.test", "Ann+shop@Example.Test", true },
	{ "ann@example.test", "info@example.test", true },
	{ "ann@example.test", "info+x@example.test", true },
	{ "ann@example.test", "all@example.test", true },
	{ "ann@example.test", "tagged@example.test", true },
	{ "ann@example.test", "team@other.test", false }, /* not directly */
	{ "ann@example.test", "bob@other.test", true },
	{ "ann@example.test", "bobby@other.test", false },
	{ "ann@example.test", "nobody@example.test", false },
	{ "ann@example.test", "ann@elsewhere.test", false },
	{ "ann@example.test", "postmaster@other.test", true },
	{ "ann@example.test", "abuse@other.test", false },
	{ "bob@other.test", "bob@other.test", true },
	{ "bob@other.test", "anything@other.test", true },
	{ "bob@other.test", "ann@example.test", false },
	{ "bob@other.test", "postmaster@other.test", false },
	{ "bob@other.test", "anything@example.test", false },
	{ "bob@other.test", "team@other.test", false },
	{ "gone@example.test", "gone@example.test", false },
};

static void
test_users_send_as_themselves(void **state)
{
	(void)state;
	struct directory *d = read_good(ANN BOB, aliases);
	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
		struct address address = address_of(senders[i].address);
		bool may = directory_may_send_as(
		    d, str_of(senders[i].account), &address);
		if (may != senders[i].may)
			fail_msg(
			    "%s as %s", senders[i].account, senders[i].address);
	}
	directory_free(d);
}

/* A tag that is somebody's own account belongs to them. */
static void
test_an_account_with_a_plus_is_its_owners(void **state)
{
	(void)state;
	struct directory *d =
	    read_good(ANN USER("ann+boss@example.test", STAPLE), NULL);
	struct address boss = address_of("ann+boss@example.test");
	assert_string_equal(
	    resolve(d, "ann+boss@example.test"), "ann+boss@example.test");
	assert_false(directory_may_send_as(d, STR("ann@example.test"), &boss));
	directory_free(d);
}

static void
test_settings_can_change_tag_and_catchall(void **state)
{
	(void)state;
	folder.settings.delimiter = '-';
	folder.settings.catchall = STR("ann@example.test");
	struct directory *d =
	    read_good(ANN BOB, "@other.test: bob@other.test\n");
	assert_string_equal(resolve(d, "bob-x@other.test"), "bob@other.test");
	assert_string_equal(
	    resolve(d, "bob+x@example.test"), "ann@example.test");
	assert_string_equal(resolve(d, "x@other.test"), "bob@other.test");
	directory_free(d);
	folder.settings.delimiter = 0;
	d = read_good(ANN, "");
	assert_string_equal(
	    resolve(d, "ann-x@example.test"), "ann@example.test");
	directory_free(d);
}

static void
test_without_an_account_roles_wait(void **state)
{
	(void)state;
	struct directory *d = read_good(NULL, NULL);
	assert_string_equal(
	    resolve(d, "postmaster@example.test"), "unavailable");
	assert_string_equal(resolve(d, "postmaster"), "unavailable");
	assert_string_equal(resolve(d, "reports@other.test"), "unavailable");
	assert_string_equal(resolve(d, "ann@example.test"), "unknown");
	assert_int_equal(directory_accounts(d), 0);
	directory_free(d);
}

static void
test_a_broken_directory_refuses_nobody(void **state)
{
	(void)state;
	data_folder_write(&folder, "users", "what?\n");
	struct directory *d = directory_broken(&folder.settings);
	assert_string_equal(resolve(d, "ann@example.test"), "unavailable");
	assert_string_equal(resolve(d, "ann@elsewhere.test"), "not ours");
	struct address ann = address_of("ann@example.test");
	assert_false(directory_may_send_as(d, STR("ann@example.test"), &ann));
	directory_free(d);
}

static void
test_domains_come_from_the_file(void **state)
{
	(void)state;
	data_folder_write(
	    &folder, "domains", "# ours\nexample.test\n\nthird.test  # new\n");
	struct directory *d = read_good(ANN USER("cy@third.test", HORSE), NULL);
	assert_string_equal(resolve(d, "cy@third.test"), "cy@third.test");
	assert_string_equal(resolve(d, "x@other.test"), "not ours");
	directory_free(d);
}

static void
test_verifiers_are_found(void **state)
{
	(void)state;
	struct str verifier;
	struct directory *d = read_good(ANN BOB, NULL);
	assert_true(directory_verifier(d, STR("ann@example.test"), &verifier));
	assert_true(str_eq(verifier, STR(HORSE)));
	assert_false(directory_verifier(d, STR("cy@example.test"), &verifier));
	directory_free(d);
}

/* ---- bad files ---- */

#define KEY "2jLIJLf9X/y8uDJx+f+c/Yr0sMPqg1JZecIGzoQev8M="
#define HALF "bob@other.test:{SCRAM-SHA-256}15000,MDEy," KEY ",3DBrRqXLHbAya0"

static const struct {
	const char *users, *aliases, *error;
} bad[] = {
	{ "ann\n", "", "config/users:1: ann: The address has no domain" },
	{ ANN "\n#\nann@example.test:x\n", "",
	    "config/users:4: ann@example.test: the account is there twice" },
	{ "Ann@example.test:x\n", "", "accounts must be in lower case" },
	{ "a/../etc@example.test:x", "", "slashes" },
	{ ".ssh@example.test:x", "", "malformed" },
	{ "\"a b\"@example.test:x", "", "quotes" },
	{ "ann@elsewhere.test:x", "", "postern domain add" },
	{ "ann@example.test:{PLAIN}x\n", "", "postern user passwd" },
	{ "ann@example.test:{SCRAM-SHA-256}4096,MDEy," KEY "," KEY "\n", "",
	    "15000 to" },
	{ ANN HALF, "",
	    "config/users:2: bob@other.test: the verifier is "
	    "damaged or unfinished" },
	{ ANN "bob@other.test", "", "config/users:2: bob@other.test:" },
	{ ANN, "info@example.test: x@[192.0.2.1]\n",
	    "config/aliases:1: target \"x@[192.0.2.1]\": mail is forwarded "
	    "to names, not to numbers" },
	{ ANN, "info@example.test: x@-.example\n",
	    "config/aliases:1: target \"x@-.example\"" },
	{ ANN, "\n\ninfo@example.test: an@example.test\n",
	    "config/aliases:3: target \"an@example.test\": there is no such" },
	{ ANN, "a@example.test: ann@example.test,\n  ann\n",
	    "config/aliases:2: target \"ann\"" },
	{ ANN,
	    "a@example.test: b@example.test\nb@example.test: "
	    "a@example.test",
	    "config/aliases:1: alias \"a@example.test\" leads to no account" },
	{ ANN, "a@example.test:\n", "leads to no account" },
	{ ANN,
	    "a@example.test: ann@example.test\nA@example.test: "
	    "ann@example.test",
	    "config/aliases:2: alias \"A@example.test\": the alias is there "
	    "twice" },
	{ ANN, "a@elsewhere.test: ann@example.test", "not one of ours" },
	{ ANN, "  ann@example.test", "continues nothing" },
	{ ANN, "a@example.test: |/bin/sh\n", "target \"|/bin/sh\"" },
	{ ANN, "@example.test: @example.test\n", "target" },
};

static void
test_bad_files_say_where_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf errors = { 0 };
		data_folder_write(&folder, "users", bad[i].users);
		data_folder_write(&folder, "aliases", bad[i].aliases);
		assert_null(directory_read(&folder.settings, &errors));
		if (!strstr(buf_cstr(&errors), bad[i].error))
			fail_msg("%zu: %s", i, errors.p);
		buf_free(&errors);
	}
}

static void
test_all_errors_come_at_once_but_not_endlessly(void **state)
{
	(void)state;
	struct buf text = { 0 }, errors = { 0 };
	for (int i = 0; i < 1000; i++)
		buf_adds(&text, "nonsense\n");
	data_folder_write(&folder, "users", buf_cstr(&text));
	assert_null(directory_read(&folder.settings, &errors));
	assert_non_null(strstr(buf_cstr(&errors), "config/users:100:"));
	assert_null(strstr(buf_cstr(&errors), "config/users:101:"));
	assert_non_null(strstr(buf_cstr(&errors), "and 900 more"));
	buf_free(&text);
	buf_free(&errors);
}

static void
test_a_last_line_may_lack_its_end(void **state)
{
	(void)state;
	struct directory *d =
	    read_good(ANN "bob@other.test:{SCRAM-SHA-256}" STAPLE, NULL);
	assert_int_equal(directory_accounts(d), 2);
	directory_free(d);
}

/* ---- the keeper ---- */

struct watcher {
	struct directory_listener listener;
	struct loop *loop;
	int changes;
};

static void
on_changed(struct directory_listener *listener, const struct directory *d)
{
	struct watcher *w = container_of(listener, struct watcher, listener);
	assert_non_null(d);
	w->changes++;
	if (w->loop)
		loop_stop(w->loop);
}

static void
on_enough(struct timer *timer)
{
	loop_stop(timer->loop);
}

struct keeping {
	struct loop *loop;
	struct lane *lane;
	struct directory_keeper *keeper;
	struct watcher watcher;
	struct timer timer;
};

static void
start_keeping(struct keeping *k)
{
	*k = (struct keeping){ .loop = loop_new() };
	k->lane = lane_new(k->loop, 1, 4, "io");
	k->keeper = directory_keeper_new(k->loop, k->lane, &folder.settings);
	k->watcher.loop = k->loop;
	directory_listen(k->keeper, &k->watcher.listener, on_changed);
}

static void
stop_keeping(struct keeping *k)
{
	timer_stop(&k->timer);
	directory_keeper_free(k->keeper);
	lane_free(k->lane);
	loop_free(k->loop);
}

static void
test_changes_are_picked_up(void **state)
{
	(void)state;
	struct keeping k;
	start_keeping(&k);
	assert_int_equal(directory_accounts(directory_now(k.keeper)), 0);
	data_folder_write(&folder, "users", ANN);
	loop_run(k.loop); /* at the next second, unasked */
	assert_int_equal(directory_accounts(directory_now(k.keeper)), 1);
	assert_int_equal(k.watcher.changes, 1);
	data_folder_write(&folder, "users", ANN BOB);
	directory_reload(k.keeper);
	loop_run(k.loop);
	assert_int_equal(directory_accounts(directory_now(k.keeper)), 2);
	stop_keeping(&k);
}

struct waiter {
	struct directory_look look;
	struct keeping *keeping;
	size_t accounts; /* when it was told */
	unsigned told;
};

static void
on_looked(struct directory_look *look)
{
	struct waiter *w = container_of(look, struct waiter, look);
	w->accounts = directory_accounts(directory_now(w->keeping->keeper));
	w->told++;
	loop_stop(w->keeping->loop);
}

static void
look_and_run(struct waiter *w)
{
	directory_look_start(w->keeping->keeper, &w->look, on_looked);
	assert_false(w->told); /* later, on the loop */
	loop_run(w->keeping->loop);
}

static void
test_who_waits_is_told_when_the_files_are_in_use(void **state)
{
	(void)state;
	struct keeping k;
	start_keeping(&k);
	k.watcher.loop = NULL; /* the waiter alone ends the loop */
	struct waiter first = { .keeping = &k }, second = { .keeping = &k },
		      cut = { .keeping = &k };
	data_folder_write(&folder, "users", ANN);
	directory_look_start(k.keeper, &cut.look, on_looked);
	directory_look_cancel(&cut.look);
	look_and_run(&first);
	assert_int_equal(first.accounts, 1);
	look_and_run(&second); /* nothing has changed, and it is told */
	assert_int_equal(second.told, 1);
	assert_int_equal(first.told, 1);
	assert_int_equal(cut.told, 0);
	stop_keeping(&k);
}

static void
test_a_bad_file_leaves_the_old_one_active(void **state)
{
	(void)state;
	struct keeping k;
	data_folder_write(&folder, "users", ANN);
	start_keeping(&k);
	const struct directory *before = directory_now(k.keeper);
	data_folder_write(&folder, "users", ANN HALF);
	directory_reload(k.keeper);
	timer_start(&k.timer, k.loop, 1200, on_enough);
	loop_run(k.loop);
	assert_int_equal(k.watcher.changes, 0);
	assert_ptr_equal(directory_now(k.keeper), before);
	assert_true(
	    str_starts(directory_trouble(k.keeper), STR("config/users:2: ")));
	data_folder_write(&folder, "users", ANN BOB);
	directory_reload(k.keeper);
	loop_run(k.loop);
	assert_true(str_empty(directory_trouble(k.keeper)));
	assert_int_equal(directory_accounts(directory_now(k.keeper)), 2);
	stop_keeping(&k);
}

static void
test_a_start_with_a_bad_file_waits_for_a_good_one(void **state)
{
	(void)state;
	struct keeping k;
	data_folder_write(&folder, "users", HALF);
	start_keeping(&k);
	assert_string_equal(
	    resolve(directory_now(k.keeper), "bob@other.test"), "unavailable");
	data_folder_write(&folder, "users", BOB);
	directory_reload(k.keeper);
	loop_run(k.loop);
	assert_string_equal(resolve(directory_now(k.keeper), "bob@other.test"),
	    "bob@other.test");
	stop_keeping(&k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_addresses_lead_to_mailboxes),
		TEST(test_users_send_as_themselves),
		TEST(test_an_account_with_a_plus_is_its_owners),
		TEST(test_settings_can_change_tag_and_catchall),
		TEST(test_without_an_account_roles_wait),
		TEST(test_a_broken_directory_refuses_nobody),
		TEST(test_domains_come_from_the_file),
		TEST(test_verifiers_are_found),
		TEST(test_bad_files_say_where_and_why),
		TEST(test_all_errors_come_at_once_but_not_endlessly),
		TEST(test_a_last_line_may_lack_its_end),
		TEST(test_changes_are_picked_up),
		TEST(test_who_waits_is_told_when_the_files_are_in_use),
		TEST(test_a_bad_file_leaves_the_old_one_active),
		TEST(test_a_start_with_a_bad_file_waits_for_a_good_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
