#include "smtpd/inbound/checks.h"

#include "lib/base/codec.h"
#include "lib/trust/dkim_signature.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	ROWS = 400,
	NOW = 1700000000
};

#define BODY "Hello.\r\n"
#define FROM "From: Ann <ann@author.test>\r\n"

static struct loop *loop;
static struct resolver *resolver;
static struct checks_question question;
static struct checks checks;
static struct header header;
static struct arena arena; /* of the test */
static struct buf section; /* of the message */
static unsigned answers;
static EVP_PKEY *key;

/* ---- the DNS ---- */

static struct fake_record zone[ROWS + 1];
static size_t rows;

static void
publish(const char *name, enum dns_type type, const char *value)
{
	assert_in_range(rows, 0, ROWS - 1);
	zone[rows++] = (struct fake_record){ name, type, value,
		value ? DNS_FOUND : DNS_TEMPFAIL, false, 60 };
}

/* In the test's arena, with what is formatted. */
#define TEXT_OF(...) (arena_printf(&arena, __VA_ARGS__).p)

/* The key of all signers in these tests, at "k". */
static void
publish_key(const char *domain)
{
	uint8_t raw[32];
	size_t n = sizeof raw;
	struct buf text = { 0 };
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
	buf_adds(&text, "v=DKIM1; k=ed25519; p=");
	base64_add(&text, (struct str){ (const char *)raw, n });
	publish(TEXT_OF("k._domainkey.%s", domain), DNS_TXT,
	    arena_str(&arena, buf_str(&text)).p);
	buf_free(&text);
}

/* ---- the message ---- */

static struct str
bytes(const uint8_t *p, size_t n)
{
	return (struct str){ (const char *)p, n };
}

static void
sha256(struct str in, uint8_t out[32])
{
	assert_int_equal(
	    EVP_Digest(in.p, in.n, out, NULL, EVP_sha256(), NULL), 1);
}

/* The octets of a signature over the section that begins with it. */
static void
add_signature_of(struct str text, struct buf *out)
{
	struct header all;
	struct dkim_signature tags;
	struct buf input = { 0 };
	const char *why;
	uint8_t digest[32], made[64];
	size_t n = sizeof made;
	assert_true(header_parse(text, &arena, &all, &why));
	assert_true(dkim_signature_parse(
	    DKIM_KIND_SIGNATURE, all.fields[0].value, &arena, &tags, &why));
	dkim_signature_input(&tags, &all, &all.fields[0], &input);
	sha256(buf_str(&input), digest);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(md, made, &n, digest, 32), 1);
	EVP_MD_CTX_free(md);
	buf_free(&input);
	base64_add(out, bytes(made, n));
}

/* Puts a valid signature in front of the section. */
static void
sign(const char *domain, const char *names)
{
	struct buf field = { 0 }, whole = { 0 };
	uint8_t hash[32];
	sha256(STR(BODY), hash);
	buf_addf(&field,
	    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "
	    "d=%s; s=k;\r\n\th=%s; bh=",
	    domain, names);
	base64_add(&field, bytes(hash, sizeof hash));
	buf_adds(&field, "; b=");
	buf_add(&whole, buf_str(&field));
	buf_adds(&whole, "AAAA\r\n");
	buf_add(&whole, buf_str(&section));
	add_signature_of(buf_str(&whole), &field);
	buf_adds(&field, "\r\n");
	buf_add(&field, buf_str(&section));
	buf_free(&section);
	buf_free(&whole);
	section = field;
}

/* ---- running ---- */

static void
on_checked(struct checks *c)
{
	assert_ptr_equal(c, &checks);
	answers++;
}

static bool
feed(const char **why)
{
	fake_resolver_use(zone);
	checks_start(&checks, &question);
	assert_true(header_parse(buf_str(&section), &arena, &header, why));
	bool good = checks_header(&checks, &header, why);
	checks_body(&checks, STR("Hel"));
	checks_body(&checks, STR("lo.\r\n"));
	checks_end(&checks, on_checked);
	assert_int_equal(answers, 0); /* never from within */
	return good;
}

static void
run(void)
{
	const char *why = NULL;
	if (!feed(&why))
		fail_msg("%s", why);
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
}

static int
set_up(void **state)
{
	(void)state;
	static const uint8_t seed[32] = { 7 };
	key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, sizeof seed);
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	question = (struct checks_question){
		.loop = loop,
		.resolver = resolver,
		.hostname = STR("mx.ours.test"),
		.helo = STR("mx.sender.test"),
		.mail_from = STR("ann@author.test"),
		.now = NOW,
	};
	ip_parse(STR("11.0.0.1"), &question.ip);
	memset(zone, 0, sizeof zone);
	rows = answers = 0;
	checks = (struct checks){ 0 };
	buf_adds(&section, FROM);
	publish("author.test", DNS_TXT, "v=spf1 ip4:11.0.0.1 -all");
	publish("mx.sender.test", DNS_TXT, "v=spf1 a -all");
	publish("mx.sender.test", DNS_A, "11.0.0.1");
	publish("_dmarc.author.test", DNS_TXT, "v=DMARC1; p=reject");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	checks_cancel(&checks);
	checks_cancel(&checks); /* idempotent */
	resolver_free(resolver);
	loop_free(loop);
	buf_free(&section);
	arena_free(&arena);
	EVP_PKEY_free(key);
	return 0;
}

/* ---- facts ---- */

static void
test_spf_of_both_identities(void **state)
{
	(void)state;
	run();
	assert_true(checks.has_mail_from && checks.has_helo);
	assert_int_equal(checks.mail_from.result, SPF_PASS);
	assert_str(checks.mail_from.domain, STR("author.test"));
	assert_int_equal(checks.helo.result, SPF_PASS);
	assert_str(checks.helo.domain, STR("mx.sender.test"));
	assert_ptr_equal(checks_spf(&checks), &checks.mail_from);
	assert_int_equal(checks.dmarc.status, DMARC_PASS);
	assert_int_equal(checks.arc.status, ARC_NONE);
}

static void
test_the_null_path_has_helo_alone(void **state)
{
	(void)state;
	question.mail_from = STR("");
	run();
	assert_false(checks.has_mail_from);
	assert_ptr_equal(checks_spf(&checks), &checks.helo);
	assert_str(checks.helo.domain, STR("mx.sender.test"));
	assert_int_equal(checks.dmarc.status, DMARC_FAIL); /* not aligned */
}

static void
test_a_helo_that_is_no_domain_is_not_asked_about(void **state)
{
	(void)state;
	static const char *const names[] = { "[11.0.0.1]", "11.0.0.1",
		"localhost", "under_score.test", "a..b", "" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		answers = 0;
		question.helo = str_of(names[i]);
		run();
		assert_true(checks.has_mail_from);
		assert_false(checks.has_helo);
		checks_cancel(&checks);
	}
}

static void
test_without_an_address_spf_is_not_asked(void **state)
{
	(void)state;
	question.ip = (struct ip){ 0 };
	run();
	assert_false(checks.has_mail_from || checks.has_helo);
	assert_null(checks_spf(&checks));
	assert_int_equal(checks.dmarc.status, DMARC_FAIL);
}

static void
test_dkim_of_the_author_passes_dmarc(void **state)
{
	(void)state;
	question.mail_from = STR("bounce@elsewhere.test");
	publish("elsewhere.test", DNS_TXT, "v=spf1 -all");
	publish_key("author.test");
	sign("author.test", "from");
	run();
	assert_int_equal(checks.mail_from.result, SPF_FAIL);
	assert_int_equal(checks.dkim.count, 1);
	assert_int_equal(checks.dkim.results[0].status, DKIM_PASS);
	assert_int_equal(checks.dmarc.status, DMARC_PASS);
	assert_false(checks.list_fields_signed);
}

static void
test_a_foreign_pass_is_not_aligned(void **state)
{
	(void)state;
	question.mail_from = STR("bounce@elsewhere.test");
	publish("elsewhere.test", DNS_TXT, "v=spf1 +all");
	publish_key("elsewhere.test");
	sign("elsewhere.test", "from");
	run();
	assert_int_equal(checks.mail_from.result, SPF_PASS);
	assert_int_equal(checks.dkim.results[0].status, DKIM_PASS);
	assert_int_equal(checks.dmarc.status, DMARC_FAIL);
	assert_int_equal(checks.dmarc.count, 2);
}

/* RFC 9989 5.3.6 */
static void
test_trouble_with_what_is_aligned_is_no_failure(void **state)
{
	(void)state;
	static const char *const senders[] = { "x@slow.author.test",
		"x@slow.test" };
	static const enum dmarc_status wanted[] = { DMARC_TEMPERROR,
		DMARC_FAIL };
	publish("slow.author.test", DNS_TXT, NULL);
	publish("slow.test", DNS_TXT, NULL);
	for (size_t i = 0; i < 2; i++) {
		answers = 0;
		question.mail_from = str_of(senders[i]);
		run();
		assert_int_equal(checks.mail_from.result, SPF_TEMPERROR);
		assert_int_equal(checks.dmarc.status, wanted[i]);
		assert_int_equal(checks.dmarc.count, 0);
		checks_cancel(&checks);
	}
	publish("k._domainkey.author.test", DNS_TXT, NULL);
	sign("author.test", "from");
	answers = 0;
	run();
	assert_int_equal(checks.dkim.results[0].status, DKIM_TEMPERROR);
	assert_int_equal(checks.dmarc.status, DMARC_TEMPERROR);
}

/* RFC 6376 8.2: whatever stands behind what is signed */
static void
test_a_signature_of_less_than_the_body_is_no_identifier(void **state)
{
	(void)state;
	uint8_t hash[32];
	struct buf names = { 0 };
	question.ip = (struct ip){ 0 };
	sha256(STR(""), hash);
	publish_key("author.test");
	sign("author.test", "from; l=0");
	/* Its hash must be that of nothing: it is signed once more. */
	struct str whole = buf_str(&section);
	size_t bh = str_search(whole, STR("bh=")) + 3;
	struct buf again = { 0 };
	buf_add(&again, str_sub(whole, 0, bh));
	base64_add(&again, bytes(hash, sizeof hash));
	buf_adds(&again, "; b=");
	buf_add(&names, buf_str(&again));
	buf_adds(&names, "AAAA\r\n" FROM);
	add_signature_of(buf_str(&names), &again);
	buf_adds(&again, "\r\n" FROM);
	buf_free(&section);
	buf_free(&names);
	section = again;
	run();
	assert_true(checks.dkim.results[0].weak);
	assert_int_equal(checks.dmarc.status, DMARC_FAIL);
}

static void
test_an_ambiguous_author_is_told_and_the_rest_goes_on(void **state)
{
	(void)state;
	const char *why = NULL;
	publish_key("author.test");
	buf_adds(&section, "From: eve@evil.test\r\n");
	sign("author.test", "from:from");
	assert_false(feed(&why));
	assert_non_null(why);
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
	assert_str(checks.author_domain, STR(""));
	assert_int_equal(checks.mail_from.result, SPF_PASS);
	assert_int_equal(checks.dkim.results[0].status, DKIM_PASS);
	assert_int_equal(checks.dmarc.status, DMARC_NONE);
}

static void
test_without_a_header_there_is_an_end_too(void **state)
{
	(void)state;
	fake_resolver_use(zone);
	checks_start(&checks, &question);
	fake_loop_settle(loop);
	checks_body(&checks, STR("x"));
	checks_end(&checks, on_checked);
	assert_int_equal(answers, 0);
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
	assert_false(checks.has_header);
}

/* RFC 9989 5.3.1 */
static void
test_the_author_domain_is_in_a_labels(void **state)
{
	(void)state;
	buf_clear(&section);
	buf_adds(&section,
	    "From: <ann@B\xc3\xbc"
	    "cher.Test>\r\n");
	publish("_dmarc.xn--bcher-kva.test", DNS_TXT, "v=DMARC1; p=quarantine");
	run();
	assert_str(checks.author_domain, STR("xn--bcher-kva.test"));
	assert_int_equal(checks.dmarc.policy, DMARC_POLICY_QUARANTINE);
}

/* RFC 5322 3.2.3: From has names that no host has */
static void
test_the_author_domain_may_have_underscores(void **state)
{
	(void)state;
	buf_clear(&section);
	buf_adds(&section, "From: ann@my_host.example.test\r\n");
	run();
	assert_str(checks.author_domain, STR("my_host.example.test"));
}

/* ---- list fields ---- */

static const struct list_row {
	const char *name, *fields, *signer, *names;
	bool signs;
} list_rows[] = {
	{ "List-Id below the signer", "List-Id: News <n.list.test>\r\n",
	    "list.test", "from:list-id", true },
	{ "List-Id of the signer", "List-Id: <list.test>\r\n", "list.test",
	    "from:LIST-ID", true },
	{ "List-Post", "List-Post: <mailto:n@list.test?subject=x>\r\n",
	    "list.test", "from:list-post", true },
	{ "not covered", "List-Id: <n.list.test>\r\n", "list.test", "from",
	    false },
	{ "another's", "List-Id: <n.other.test>\r\n", "list.test",
	    "from:list-id", false },
	{ "two of them", "List-Id: <n.list.test>\r\nList-Id: <list.test>\r\n",
	    "list.test", "from:list-id:list-id", false },
	{ "none", "", "list.test", "from:list-id", false },
	{ "no mailbox", "List-Post: <https://list.test/>\r\n", "list.test",
	    "from:list-post", false },
	{ "no name", "List-Id: list.test\r\n", "list.test", "from:list-id",
	    false },
	{ "the author's own", "List-Id: <n.author.test>\r\n", "author.test",
	    "from:list-id", false },
	{ 0 },
};

static void
test_a_list_signs_its_fields(void **state)
{
	(void)state;
	publish_key("list.test");
	publish_key("author.test");
	for (const struct list_row *row = list_rows; row->name; row++) {
		answers = 0;
		buf_clear(&section);
		buf_addf(&section, "%s%s", FROM, row->fields);
		sign(row->signer, row->names);
		run();
		assert_int_equal(checks.dkim.results[0].status, DKIM_PASS);
		if (checks.list_fields_signed != row->signs)
			fail_msg("%s", row->name);
		if (row->signs)
			assert_str(checks.list_domain, STR("list.test"));
		checks_cancel(&checks);
	}
}

static void
test_a_broken_signature_signs_no_list(void **state)
{
	(void)state;
	publish_key("list.test");
	buf_adds(&section, "List-Id: <n.list.test>\r\n");
	sign("list.test", "from:list-id");
	section.p[section.n - 6] = 'x'; /* of list.test */
	run();
	assert_int_not_equal(checks.dkim.results[0].status, DKIM_PASS);
	assert_false(checks.list_fields_signed);
}

/* ---- cancelling ---- */

static void
test_cancelled_while_all_waits(void **state)
{
	(void)state;
	const char *why;
	publish_key("author.test");
	sign("author.test", "from");
	fake_resolver_use(zone);
	fake_resolver_hold(true);
	checks_start(&checks, &question);
	fake_loop_settle(loop);
	checks_cancel(&checks);
	assert_true(header_parse(buf_str(&section), &arena, &header, &why));
	checks_start(&checks, &question);
	assert_true(checks_header(&checks, &header, &why));
	fake_loop_settle(loop);
	checks_cancel(&checks);
	feed(&why);
	fake_resolver_hold(true);
	fake_loop_settle(loop);
	checks_cancel(&checks);
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_int_equal(answers, 0);
}

static void
on_cancelling(struct checks *c)
{
	answers++;
	checks_cancel(c);
}

static void
test_done_may_cancel(void **state)
{
	(void)state;
	fake_resolver_use(zone);
	checks_start(&checks, &question);
	checks_end(&checks, on_cancelling);
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
}

/* ---- what a message may cost ---- */

/* Ten terms, each with ten hosts, all of which exist and none of which is the
   client. */
static void
publish_hostile_spf(const char *domain)
{
	struct buf text = { 0 };
	buf_adds(&text, "v=spf1");
	for (int i = 0; i < 10; i++)
		buf_addf(&text, " mx:m%d.evil.test", i);
	publish(domain, DNS_TXT, TEXT_OF("%s -all", buf_cstr(&text)));
	buf_free(&text);
}

static void
publish_hostile_hosts(void)
{
	for (int i = 0; i < 10; i++) {
		const char *name = TEXT_OF("m%d.evil.test", i);
		for (int j = 0; j < 10; j++) {
			const char *host = TEXT_OF("h%d.m%d.test", j, i);
			publish(name, DNS_MX, TEXT_OF("%d %s", j, host));
			publish(host, DNS_A, "11.9.9.9");
		}
	}
}

/* A chain whose seals each need a key of their own. */
static void
add_hostile_chain(unsigned sets)
{
	uint8_t hash[32];
	struct buf bh = { 0 };
	sha256(STR(BODY), hash);
	base64_add(&bh, bytes(hash, sizeof hash));
	for (unsigned i = 1; i <= sets; i++)
		buf_addf(&section,
		    "ARC-Seal: i=%u; a=ed25519-sha256; cv=%s; d=s%u.test; "
		    "s=k; b=AAAA\r\n"
		    "ARC-Message-Signature: i=%u; a=ed25519-sha256; "
		    "c=relaxed/relaxed; d=m%u.test; s=k; h=from; bh=%s; "
		    "b=AAAA\r\n"
		    "ARC-Authentication-Results: i=%u; x.test; none\r\n",
		    i, i == 1 ? "none" : "pass", i, i, i, buf_cstr(&bh), i);
	buf_free(&bh);
}

static unsigned
cost_of_hostile_message(unsigned sets)
{
	question.mail_from = STR("x@evil.test");
	question.helo = STR("helo.evil.test");
	buf_clear(&section);
	buf_adds(&section, "From: a@1.2.3.4.5.6.7.8.9.10.evil.test\r\n");
	add_hostile_chain(sets);
	for (int i = 0; i < 20; i++)
		sign(TEXT_OF("%d.s.9.10.evil.test", i), "from");
	answers = 0;
	run();
	unsigned asked = fake_resolver_asked();
	checks_cancel(&checks);
	return asked;
}

static void
test_the_most_hostile_message_has_its_price(void **state)
{
	(void)state;
	publish_hostile_spf("evil.test");
	publish_hostile_spf("helo.evil.test");
	publish_hostile_hosts();
	publish("_dmarc.10.evil.test", DNS_TXT, "v=DMARC1; p=none; sp=reject");
	for (int i = 0; i < 20; i++)
		publish_key(TEXT_OF("%d.s.9.10.evil.test", i));
	unsigned most = 0;
	for (unsigned sets = 0; sets <= ARC_MAX_SETS; sets++) {
		unsigned asked = cost_of_hostile_message(sets);
		most = asked > most ? asked : most;
	}
	assert_in_range(most, 40, BUDGET_MESSAGE - BUDGET_IPREV);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_spf_of_both_identities),
		TEST(test_the_null_path_has_helo_alone),
		TEST(test_a_helo_that_is_no_domain_is_not_asked_about),
		TEST(test_without_an_address_spf_is_not_asked),
		TEST(test_dkim_of_the_author_passes_dmarc),
		TEST(test_a_foreign_pass_is_not_aligned),
		TEST(test_trouble_with_what_is_aligned_is_no_failure),
		TEST(test_a_signature_of_less_than_the_body_is_no_identifier),
		TEST(test_an_ambiguous_author_is_told_and_the_rest_goes_on),
		TEST(test_without_a_header_there_is_an_end_too),
		TEST(test_the_author_domain_is_in_a_labels),
		TEST(test_the_author_domain_may_have_underscores),
		TEST(test_a_list_signs_its_fields),
		TEST(test_a_broken_signature_signs_no_list),
		TEST(test_cancelled_while_all_waits),
		TEST(test_done_may_cancel),
		TEST(test_the_most_hostile_message_has_its_price),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
