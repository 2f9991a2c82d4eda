/* What is believed about other domains' policies, and for how long: with a
   clock, a resolver and a web that do what each test wants. */
#include "smtpd/delivery/policy_cache.h"

#include "lib/base/clock.h"
#include "smtpd/delivery/policy_store.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/fetch.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MINUTE = 60000,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	PAIRS = 256,
	CROWD = 200,
};

#define POLICY(mode, age) \
	"version: STSv1\r\nmode: " mode "\r\nmx: mx.a.test\r\nmax_age: " age \
	"\r\n"
#define WEEK "604800"

/* ---- a store in memory ---- */

static struct {
	struct buf key, value;
} pairs[PAIRS];
static size_t pair_count;

static size_t
pair_at(struct str key)
{
	size_t i = 0;
	while (i < pair_count && !str_eq(buf_str(&pairs[i].key), key))
		i++;
	return i;
}

void
store_write(struct store *store, struct store_write *w,
    void (*done)(struct store_write *))
{
	(void)store;
	size_t i = pair_at(buf_str(&w->key));
	assert_true(i < PAIRS);
	buf_free(&pairs[i].key);
	buf_free(&pairs[i].value);
	pairs[i].key = buf_take(&w->key);
	pairs[i].value = buf_take(&w->value);
	if (i == pair_count)
		pair_count++;
	w->result = STORE_DONE;
	done(w);
}

void
store_scan(struct store *store, struct store_reader *reader)
{
	(void)store;
	for (size_t i = 0; i < pair_count; i++)
		if (pairs[i].value.n > 0)
			reader->pair(reader, buf_str(&pairs[i].key),
			    buf_str(&pairs[i].value));
}

static size_t
stored(void)
{
	size_t count = 0;
	for (size_t i = 0; i < pair_count; i++)
		count += pairs[i].value.n > 0;
	return count;
}

static void
store_clear(void)
{
	while (pair_count > 0) {
		buf_free(&pairs[--pair_count].key);
		buf_free(&pairs[pair_count].value);
	}
}

/* ---- the rig ---- */

static struct settings settings;
static struct loop *loop;
static struct resolver *resolver;
static struct policy_cache *cache;

static const struct fake_record announced[] = {
	{ "_mta-sts.a.test", DNS_TXT, "v=STSv1; id=1", 0, false, 0 },
	{ "mta-sts.a.test", DNS_A, "192.0.2.1", 0, false, 0 },
	{ NULL, 0, NULL, 0, false, 0 },
};
static const struct fake_record changed[] = {
	{ "_mta-sts.a.test", DNS_TXT, "v=STSv1; id=2", 0, false, 0 },
	{ "mta-sts.a.test", DNS_A, "192.0.2.1", 0, false, 0 },
	{ NULL, 0, NULL, 0, false, 0 },
};
static const struct fake_record trouble[] = {
	{ "_mta-sts.a.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	{ NULL, 0, NULL, 0, false, 0 },
};

static void
open_cache(void)
{
	cache = policy_cache_new(&(struct policy_parts){
	    .loop = loop,
	    .settings = &settings,
	    .resolver = resolver,
	});
}

static int
setup(void **state)
{
	(void)state;
	fake_clock = (struct fake_clock){ INT64_C(1795184403000), 5000 };
	settings = (struct settings){
		.mta_sts = true,
		.sts_port = 443,
		.allow_private_destinations = true,
	};
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	fake_resolver_use(announced);
	fake_fetch_use(loop);
	fake_fetch.type = "text/plain";
	fake_fetch.content = POLICY("enforce", WEEK);
	open_cache();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	policy_cache_free(cache);
	resolver_free(resolver);
	loop_free(loop);
	store_clear();
	return fake_fetch.open == 0 ? 0 : -1;
}

static void
pass(int64_t ms)
{
	fake_clock_advance(ms);
	fake_loop_advance(loop, ms);
}

struct asker {
	struct policy_lookup lookup;
	unsigned done;
	bool found;
	enum sts_mode mode;
	enum policy_trouble trouble;
	struct arena arena;
	struct str text;
};

static void
on_done(struct policy_lookup *lookup)
{
	struct asker *a = container_of(lookup, struct asker, lookup);
	a->done++;
	a->found = lookup->policy != NULL;
	a->mode = lookup->policy ? lookup->policy->mode : STS_NONE;
	a->trouble = lookup->trouble;
	a->text = arena_str(&a->arena, lookup->text);
}

static void
start(struct asker *a, const char *domain)
{
	*a = (struct asker){ .lookup.domain = str_of(domain) };
	policy_lookup_start(cache, &a->lookup, on_done);
	assert_int_equal(a->done, 0); /* never from within the start */
}

static struct asker
ask_about(const char *domain)
{
	static struct asker a;
	arena_free(&a.arena);
	start(&a, domain);
	fake_loop_settle(loop);
	assert_int_equal(a.done, 1);
	struct asker copy = a;
	return copy;
}

static struct asker
ask(void)
{
	return ask_about("a.test");
}

static void
expect_enforced(void)
{
	struct asker a = ask();
	assert_true(a.found);
	assert_int_equal(a.mode, STS_ENFORCE);
	assert_int_equal(a.trouble, POLICY_FINE);
}

/* ---- finding ---- */

static void
a_policy_is_found_and_kept(void **state)
{
	(void)state;
	struct asker a = ask();
	assert_true(a.found);
	assert_int_equal(a.mode, STS_ENFORCE);
	assert_str(a.text,
	    STR("version: STSv1\nmode: enforce\nmx: mx.a.test\n"
		"max_age: 604800\n"));
	assert_string_equal(fake_fetch.host, "mta-sts.a.test");
	assert_string_equal(fake_fetch.path, "/.well-known/mta-sts.txt");
	assert_int_equal(fake_fetch.port, 443);
	assert_int_equal(fake_fetch.count, 1);
	expect_enforced();
	assert_int_equal(fake_fetch.asked, 1);
	assert_int_equal(stored(), 1);
}

static void
without_a_record_nothing_is_fetched(void **state)
{
	(void)state;
	struct asker a = ask_about("b.test");
	assert_false(a.found);
	assert_int_equal(a.trouble, POLICY_FINE);
	fake_resolver_use(trouble);
	assert_false(ask().found);
	assert_int_equal(fake_fetch.asked, 0);
	assert_int_equal(stored(), 0);
}

static void
trouble_with_the_dns_is_not_remembered(void **state)
{
	(void)state;
	fake_resolver_use(trouble);
	struct asker a = ask();
	assert_false(a.found);
	assert_int_equal(a.trouble, POLICY_UNKNOWN);
	fake_resolver_use(announced);
	expect_enforced();
}

static void
what_has_no_domain_name_has_no_policy(void **state)
{
	(void)state;
	assert_false(ask_about("[192.0.2.1]").found);
	assert_false(ask_about("").found);
	assert_int_equal(fake_resolver_asked(), 0);
}

static void
it_can_be_switched_off(void **state)
{
	(void)state;
	expect_enforced();
	policy_cache_free(cache);
	settings.mta_sts = false;
	open_cache();
	fake_resolver_use(announced);
	assert_false(ask().found);
	assert_int_equal(fake_resolver_asked(), 0);
}

static void
those_who_ask_together_share_one_search(void **state)
{
	(void)state;
	struct asker a, b, c;
	fake_fetch.hold = true;
	start(&a, "a.test");
	start(&b, "a.test");
	start(&c, "a.test");
	fake_loop_settle(loop);
	policy_lookup_cancel(&b.lookup);
	policy_lookup_cancel(&b.lookup);
	fake_fetch_let_go();
	fake_loop_settle(loop);
	assert_true(a.done == 1 && a.found && c.done == 1 && c.found);
	assert_int_equal(b.done, 0);
	assert_int_equal(fake_fetch.asked, 1);
	arena_free(&a.arena);
	arena_free(&c.arena);
}

static void
one_that_is_cancelled_hears_nothing(void **state)
{
	(void)state;
	struct asker a;
	start(&a, "a.test");
	policy_lookup_cancel(&a.lookup);
	fake_loop_settle(loop);
	assert_int_equal(a.done, 0);
	expect_enforced(); /* it was found meanwhile */
	start(&a, "a.test");
	policy_lookup_cancel(&a.lookup);
	fake_loop_settle(loop);
	assert_int_equal(a.done, 0);
	assert_int_equal(fake_fetch.asked, 1);
}

static void
the_end_cancels_all(void **state)
{
	(void)state;
	struct asker a, b;
	expect_enforced();
	fake_fetch.hold = true;
	fake_resolver_use((const struct fake_record[]){
	    { "_mta-sts.b.test", DNS_TXT, "v=STSv1; id=1", 0, false, 0 },
	    { "mta-sts.b.test", DNS_A, "192.0.2.1", 0, false, 0 },
	    { NULL, 0, NULL, 0, false, 0 } });
	start(&a, "b.test");
	fake_loop_settle(loop);
	start(&b, "a.test");
	policy_cache_free(cache);
	cache = NULL;
	fake_fetch_let_go();
	fake_loop_settle(loop);
	assert_int_equal(a.done + b.done, 0);
}

/* ---- what is no policy ---- */

static const struct {
	enum fetch_result result;
	unsigned status;
	const char *type, *content;
	enum policy_trouble trouble;
} failures[] = {
	{ FETCH_NO_CONNECTION, 0, "", "", POLICY_NOT_FETCHED },
	{ FETCH_CERTIFICATE, 0, "", "", POLICY_WEBPKI },
	{ FETCH_TLS, 0, "", "", POLICY_NOT_FETCHED },
	{ FETCH_TOO_LARGE, 0, "", "", POLICY_MALFORMED },
	{ FETCH_TIMEOUT, 0, "", "", POLICY_NOT_FETCHED },
	{ FETCH_AWAY, 0, "", "", POLICY_NOT_FETCHED },
	{ FETCH_DONE, 301, "text/plain", POLICY("enforce", WEEK),
	    POLICY_NOT_FETCHED },
	{ FETCH_DONE, 404, "text/plain", POLICY("enforce", WEEK),
	    POLICY_NOT_FETCHED },
	{ FETCH_DONE, 203, "text/plain", POLICY("enforce", WEEK),
	    POLICY_NOT_FETCHED },
	{ FETCH_DONE, 200, "text/html", POLICY("enforce", WEEK),
	    POLICY_MALFORMED },
	{ FETCH_DONE, 200, "", POLICY("enforce", WEEK), POLICY_MALFORMED },
	{ FETCH_DONE, 200, "text/plain", "<html></html>", POLICY_MALFORMED },
	{ FETCH_DONE, 200, "text/plain", "", POLICY_MALFORMED },
};

enum {
	FAILURES = sizeof failures / sizeof *failures
};

static void
fail_with(size_t i)
{
	fake_fetch.result = failures[i].result;
	fake_fetch.status = failures[i].status;
	fake_fetch.type = failures[i].type;
	fake_fetch.content = failures[i].content;
}

static void
what_is_not_a_policy_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < FAILURES; i++) {
		fail_with(i);
		unsigned before = fake_fetch.asked;
		struct asker a = ask();
		assert_false(a.found);
		assert_int_equal(a.trouble, failures[i].trouble);
		assert_int_equal(fake_fetch.asked, before + 1);
		pass(5 * MINUTE);
	}
	assert_int_equal(stored(), 0);
}

static void
a_failure_is_not_tried_again_for_five_minutes(void **state)
{
	(void)state;
	fail_with(0);
	ask();
	pass(5 * MINUTE - 1);
	struct asker a = ask();
	assert_false(a.found);
	assert_int_equal(a.trouble, POLICY_NOT_FETCHED);
	assert_int_equal(fake_fetch.asked, 1);
	pass(1);
	ask();
	assert_int_equal(fake_fetch.asked, 2);
}

static const struct {
	bool allowed;
	const char *address;
	size_t count; /* that may be connected to */
} addresses[] = {
	{ false, "127.0.0.1", 0 },
	{ false, "169.254.169.254", 0 },
	{ false, "10.0.0.1", 0 },
	{ false, "::ffff:10.0.0.1", 0 },
	{ false, "::1", 0 },
	{ false, "fe80::1", 0 },
	{ false, "64:ff9b::10.0.0.1", 0 },
	{ false, "8.8.8.8", 1 },
	{ false, "2606:4700::1", 1 },
	{ true, "127.0.0.1", 1 },
};

static void
special_addresses_are_not_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		bool six = strchr(addresses[i].address, ':') != NULL;
		fake_fetch_use(loop);
		fail_with(0);
		settings.allow_private_destinations = addresses[i].allowed;
		fake_resolver_use((const struct fake_record[]){ announced[0],
		    { "mta-sts.a.test", six ? DNS_AAAA : DNS_A,
			addresses[i].address, 0, false, 0 },
		    { NULL, 0, NULL, 0, false, 0 } });
		struct asker a = ask();
		assert_int_equal(a.trouble, POLICY_NOT_FETCHED);
		assert_int_equal(fake_fetch.asked, addresses[i].count);
		assert_int_equal(fake_fetch.count, addresses[i].count);
		pass(HOUR);
	}
}

/* ---- while it holds ---- */

static void
a_removed_record_leaves_a_policy_in_force(void **state)
{
	(void)state;
	expect_enforced();
	fake_resolver_use(NULL);
	for (int day = 0; day < 6; day++) {
		pass(DAY);
		expect_enforced();
	}
	pass(DAY - 1);
	expect_enforced();
	pass(1);
	assert_false(ask().found);
}

static void
trouble_leaves_a_policy_in_force(void **state)
{
	(void)state;
	expect_enforced();
	fake_resolver_use(trouble);
	pass(DAY);
	expect_enforced();
	fake_resolver_use(changed);
	for (size_t i = 0; i < FAILURES; i++) {
		fail_with(i);
		pass(HOUR);
		expect_enforced();
	}
	assert_true(fake_fetch.asked > FAILURES);
}

static void
a_new_id_brings_the_new_policy(void **state)
{
	(void)state;
	expect_enforced();
	fake_resolver_use(changed);
	fake_fetch.content = POLICY("testing", WEEK);
	expect_enforced(); /* the record was looked at a moment ago */
	pass(5 * MINUTE);
	assert_int_equal(ask().mode, STS_TESTING);
	assert_int_equal(fake_fetch.asked, 2);
	pass(HOUR);
	assert_int_equal(ask().mode, STS_TESTING);
	assert_int_equal(fake_fetch.asked, 2);
}

static void
a_policy_of_none_replaces(void **state)
{
	(void)state;
	expect_enforced();
	fake_resolver_use(changed);
	fake_fetch.content = "version: STSv1\nmode: none\nmax_age: 86400\n";
	pass(5 * MINUTE);
	struct asker a = ask();
	assert_true(a.found);
	assert_int_equal(a.mode, STS_NONE);
}

static void
a_short_life_lasts_five_minutes(void **state)
{
	(void)state;
	fake_fetch.content = POLICY("enforce", "0");
	expect_enforced();
	fake_resolver_use(NULL);
	pass(5 * MINUTE - 1);
	expect_enforced();
	pass(1);
	assert_false(ask().found);
}

/* It ends between two looks at its record. */
static void
one_that_has_ended_is_looked_for_at_once(void **state)
{
	(void)state;
	fake_resolver_use((const struct fake_record[]){
	    { "_mta-sts.a.test", DNS_TXT, "v=STSv1; id=1", 0, false, 3600 },
	    announced[1], { NULL, 0, NULL, 0, false, 0 } });
	fake_fetch.content = POLICY("enforce", "420");
	for (int i = 0; i < 24; i++) {
		int64_t ms = i % 2 ? 130000 : 5 * MINUTE;
		expect_enforced();
		if (i % 4 < 2)
			fake_clock_advance(ms);
		else /* with rounds of renewal */
			pass(ms);
	}
}

static void
one_that_ends_while_its_record_is_looked_at_is_fetched_anew(void **state)
{
	(void)state;
	struct asker a;
	fake_fetch.content = POLICY("enforce", "600");
	expect_enforced();
	fake_clock_advance(10 * MINUTE - 1000);
	fake_resolver_hold(true);
	start(&a, "a.test");
	pass(2 * MINUTE); /* and a round of renewal comes by */
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_true(a.done == 1 && a.found);
	assert_int_equal(fake_fetch.asked, 2);
	arena_free(&a.arena);
}

static void
a_policy_is_renewed_once_a_day(void **state)
{
	(void)state;
	expect_enforced();
	for (unsigned day = 1; day <= 20; day++) {
		pass(DAY);
		pass(2 * MINUTE);
		assert_int_equal(fake_fetch.asked, 1 + day);
	}
	fake_resolver_use(NULL);
	expect_enforced();
}

static void
a_renewal_keeps_nobody_waiting(void **state)
{
	(void)state;
	expect_enforced();
	fake_fetch.hold = true;
	pass(DAY);
	pass(2 * MINUTE);
	assert_int_equal(fake_fetch.asked, 2);
	expect_enforced();
	fake_fetch_let_go();
	fake_loop_settle(loop);
	expect_enforced();
}

static void
a_renewal_does_not_depend_on_who_asks(void **state)
{
	(void)state;
	expect_enforced();
	for (int i = 0; i < 2 * 24 * 12; i++) {
		pass(5 * MINUTE);
		expect_enforced();
	}
	assert_int_equal(fake_fetch.asked, 3);
}

static void
only_renewals_can_wait_for_others(void **state)
{
	(void)state;
	expect_enforced();
	assert_false(fake_fetch.ahead);
	pass(DAY);
	pass(2 * MINUTE);
	assert_int_equal(fake_fetch.asked, 2);
	assert_true(fake_fetch.ahead);
	fake_resolver_use(changed); /* mail waits for this one */
	expect_enforced();
	assert_int_equal(fake_fetch.asked, 2);
	pass(5 * MINUTE);
	expect_enforced();
	assert_int_equal(fake_fetch.asked, 3);
	assert_false(fake_fetch.ahead);
}

static struct fake_record crowd[2 * CROWD + 3];
static char crowd_names[2 * CROWD][32];

/* Many domains with policies, and behind them a.test. */
static void
know_a_crowd(void)
{
	for (int i = 0; i < CROWD; i++) {
		char *txt = crowd_names[2 * i], *host = crowd_names[2 * i + 1];
		snprintf(txt, sizeof *crowd_names, "_mta-sts.d%d.test", i);
		snprintf(host, sizeof *crowd_names, "mta-sts.d%d.test", i);
		crowd[2 * i] = (struct fake_record){ txt, DNS_TXT,
			"v=STSv1; id=1", 0, false, 0 };
		crowd[2 * i + 1] = (struct fake_record){ host, DNS_A,
			"192.0.2.1", 0, false, 0 };
	}
	memcpy(&crowd[2 * CROWD], announced, sizeof announced);
	fake_resolver_use(crowd);
	for (int i = 0; i < CROWD; i++)
		assert_true(ask_about(
		    str_from(str_of(crowd_names[2 * i]), strlen("_mta-sts.")).p)
				.found);
	expect_enforced();
}

static void
renewals_that_fail_take_no_turn_from_others(void **state)
{
	(void)state;
	know_a_crowd();
	fail_with(0);
	fake_fetch.counted = "mta-sts.a.test";
	pass(DAY);
	for (int i = 0; i < CROWD / 8 + 1; i++)
		pass(MINUTE);
	assert_int_equal(fake_fetch.counted_asked, 1);
	for (int i = 0; i < CROWD / 8 + 1; i++)
		pass(MINUTE);
	assert_int_equal(fake_fetch.counted_asked, 2);
}

/* How much is written to the log while a renewal fails. */
static long
complaint(void)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	int saved = dup(STDERR_FILENO);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	unsigned asked = fake_fetch.asked;
	pass(DAY);
	pass(2 * MINUTE);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fseek(file, 0, SEEK_END);
	long size = ftell(file);
	fclose(file);
	assert_true(fake_fetch.asked > asked);
	return size;
}

static void
the_owner_hears_of_renewals_that_fail_unless_mode_is_none(void **state)
{
	(void)state;
	expect_enforced();
	fail_with(0);
	assert_true(complaint() > 0);
	fake_fetch.result = FETCH_DONE;
	fake_fetch.status = 200;
	fake_fetch.type = "text/plain";
	fake_fetch.content = "version: STSv1\nmode: none\nmax_age: " WEEK "\n";
	fake_resolver_use(changed);
	pass(5 * MINUTE);
	assert_int_equal(ask().mode, STS_NONE);
	fail_with(0);
	assert_int_equal(complaint(), 0);
}

static void
many_domains_push_no_policy_out(void **state)
{
	(void)state;
	expect_enforced();
	fake_resolver_use(NULL);
	for (unsigned i = 0; i < 10100; i++) {
		char domain[16];
		snprintf(domain, sizeof domain, "d%u.test", i);
		assert_false(ask_about(domain).found);
	}
	expect_enforced();
	unsigned asked = fake_resolver_asked();
	ask_about("d10099.test"); /* is still known */
	assert_int_equal(fake_resolver_asked(), asked);
	ask_about("d0.test"); /* had to go */
	assert_int_equal(fake_resolver_asked(), asked + 1);
}

static void
what_nobody_uses_ends(void **state)
{
	(void)state;
	expect_enforced();
	pass(31 * (int64_t)DAY);
	unsigned asked = fake_fetch.asked;
	pass(8 * (int64_t)DAY);
	assert_int_equal(fake_fetch.asked, asked);
	assert_int_equal(stored(), 0);
	expect_enforced(); /* found anew */
}

/* Whatever its record's TTL: mail that can't be delivered is tried again after
   minutes, and for a policy that was mended. */
static void
a_record_is_looked_at_again_after_five_minutes(void **state)
{
	(void)state;
	struct fake_record records[2][3];
	for (int i = 0; i < 2; i++) {
		memcpy(records[i], i ? changed : announced, sizeof announced);
		records[i][0].ttl = 86400;
		fake_resolver_use(records[i]);
		fake_fetch.content =
		    i ? POLICY("testing", WEEK) : POLICY("enforce", WEEK);
		assert_int_equal(ask().mode, i ? STS_TESTING : STS_ENFORCE);
		pass(5 * MINUTE);
	}
}

/* ---- over a restart ---- */

static void
a_policy_survives_a_restart(void **state)
{
	(void)state;
	expect_enforced();
	policy_cache_free(cache);
	fake_resolver_use(NULL);
	pass(6 * (int64_t)DAY);
	open_cache();
	expect_enforced();
	assert_int_equal(fake_fetch.asked, 1);
	pass(DAY);
	policy_cache_free(cache);
	open_cache();
	assert_int_equal(stored(), 0);
	assert_false(ask().found);
}

static void
a_damaged_pair_is_dropped(void **state)
{
	(void)state;
	expect_enforced();
	struct buf good = buf_of(buf_str(&pairs[0].value));
	for (size_t n = 1; n < good.n; n++) {
		buf_free(&pairs[0].value);
		pairs[0].value = buf_of(str_sub(buf_str(&good), 0, n));
		policy_cache_free(cache);
		open_cache();
		assert_int_equal(stored(), 0);
	}
	buf_free(&good);
}

static void
pairs_of_others_are_left_alone(void **state)
{
	(void)state;
	policy_cache_free(cache);
	pairs[0].key = buf_of(STR("dmarc/x"));
	pairs[0].value = buf_of(STR("value"));
	pair_count = 1;
	open_cache();
	assert_int_equal(stored(), 1);
	assert_false(ask_about("x").found);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_policy_is_found_and_kept),
		TEST(without_a_record_nothing_is_fetched),
		TEST(trouble_with_the_dns_is_not_remembered),
		TEST(what_has_no_domain_name_has_no_policy),
		TEST(it_can_be_switched_off),
		TEST(those_who_ask_together_share_one_search),
		TEST(one_that_is_cancelled_hears_nothing),
		TEST(the_end_cancels_all),
		TEST(what_is_not_a_policy_is_none),
		TEST(a_failure_is_not_tried_again_for_five_minutes),
		TEST(special_addresses_are_not_asked),
		TEST(a_removed_record_leaves_a_policy_in_force),
		TEST(trouble_leaves_a_policy_in_force),
		TEST(a_new_id_brings_the_new_policy),
		TEST(a_policy_of_none_replaces),
		TEST(a_short_life_lasts_five_minutes),
		TEST(one_that_has_ended_is_looked_for_at_once),
		TEST(
		    one_that_ends_while_its_record_is_looked_at_is_fetched_anew),
		TEST(a_policy_is_renewed_once_a_day),
		TEST(a_renewal_keeps_nobody_waiting),
		TEST(a_renewal_does_not_depend_on_who_asks),
		TEST(only_renewals_can_wait_for_others),
		TEST(renewals_that_fail_take_no_turn_from_others),
		TEST(the_owner_hears_of_renewals_that_fail_unless_mode_is_none),
		TEST(a_record_is_looked_at_again_after_five_minutes),
		TEST(many_domains_push_no_policy_out),
		TEST(what_nobody_uses_ends),
		TEST(a_policy_survives_a_restart),
		TEST(a_damaged_pair_is_dropped),
		TEST(pairs_of_others_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
