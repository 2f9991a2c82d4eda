#include "smtpd/inbound/annotate.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct checks_question question;
static struct checks checks;
static struct iprev_check iprev;
static struct buf out;

static void
set_spf(struct spf_check *spf, enum spf_result result, struct str domain)
{
	spf->result = result;
	spf->domain = domain;
	spf->mechanism = spf->explanation = STR("");
	spf->why = "";
}

static void
add_signature(enum dkim_status status, const char *why, struct str domain,
    struct str signature)
{
	checks.dkim.results[checks.dkim.count++] = (struct dkim_result){
		.status = status,
		.why = why,
		.domain = domain,
		.identity = STR("@mail.example"),
		.selector = STR("s1"),
		.algorithm = STR("rsa-sha256"),
		.signature = signature,
	};
}

static int
set_up(void **state)
{
	(void)state;
	question = (struct checks_question){
		.hostname = STR("mx.ours.example"),
		.helo = STR("mx.sender.example"),
		.mail_from = STR("ann@sender.example"),
	};
	ip_parse(STR("192.0.2.7"), &question.ip);
	checks = (struct checks){
		.question = &question,
		.has_mail_from = true,
		.has_helo = true,
		.has_header = true,
		.author_domain = STR("sender.example"),
	};
	set_spf(&checks.mail_from, SPF_PASS, STR("sender.example"));
	set_spf(&checks.helo, SPF_NONE, STR("mx.sender.example"));
	checks.dmarc.status = DMARC_PASS;
	checks.dmarc.policy = DMARC_POLICY_REJECT;
	checks.dmarc.why = "";
	checks.arc.why = "";
	iprev = (struct iprev_check){
		.status = IPREV_PASS,
		.name = STR("mx.sender.example"),
	};
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

/* Folds taken off, because where they are is the writer's. */
static void
assert_results(bool source_unknown, const char *wanted)
{
	struct buf flat = { 0 };
	buf_clear(&out);
	annotate_results(&out, &checks, &iprev, source_unknown);
	for (size_t i = 0; i < out.n; i++)
		if (out.p[i] == '\t')
			buf_addc(&flat, ' ');
		else if (out.p[i] != '\r' && out.p[i] != '\n')
			buf_addc(&flat, out.p[i]);
	assert_true(str_ends(buf_str(&out), STR("\r\n")));
	assert_str(buf_str(&flat), str_of(wanted));
	buf_free(&flat);
}

/* ---- Authentication-Results ---- */

static void
test_every_result_has_its_properties(void **state)
{
	(void)state;
	add_signature(
	    DKIM_PASS, "", STR("sender.example"), STR("abcdefghijkl"));
	assert_results(false,
	    "Authentication-Results: mx.ours.example;"
	    " spf=pass smtp.mailfrom=ann@sender.example;"
	    " spf=none smtp.helo=mx.sender.example;"
	    " dkim=pass header.d=sender.example header.i=@mail.example"
	    " header.s=s1 header.a=rsa-sha256 header.b=abcdefgh;"
	    " dmarc=pass policy.dmarc=reject header.from=sender.example;"
	    " arc=none;"
	    " iprev=pass (mx.sender.example) policy.iprev=192.0.2.7");
}

static void
test_failures_say_why(void **state)
{
	(void)state;
	question.mail_from = STR("");
	checks.has_mail_from = false;
	checks.helo.result = SPF_FAIL;
	checks.helo.mechanism = STR("all");
	add_signature(DKIM_FAIL, "the body has another hash",
	    STR("sender.example"), STR("abcdefghijkl"));
	checks.dmarc.status = DMARC_FAIL;
	checks.dmarc.policy = DMARC_POLICY_QUARANTINE;
	checks.dmarc.why = "No authenticated identifier is aligned";
	checks.arc.status = ARC_FAIL;
	checks.arc.why = "a seal is missing";
	iprev.status = IPREV_PERMERROR;
	iprev.name = STR("");
	assert_results(false,
	    "Authentication-Results: mx.ours.example;"
	    " spf=fail (all) smtp.helo=mx.sender.example;"
	    " dkim=fail (the body has another hash) header.d=sender.example"
	    " header.i=@mail.example header.s=s1 header.a=rsa-sha256"
	    " header.b=abcdefgh;"
	    " dmarc=fail (No authenticated identifier is aligned)"
	    " policy.dmarc=quarantine header.from=sender.example;"
	    " arc=fail (a seal is missing);"
	    " iprev=permerror policy.iprev=192.0.2.7");
}

static void
test_an_unknown_source_says_nothing(void **state)
{
	(void)state;
	checks.dmarc.status = DMARC_NONE;
	checks.dmarc.why = "There is no DMARC record";
	assert_results(true,
	    "Authentication-Results: mx.ours.example; dkim=none;"
	    " dmarc=none (There is no DMARC record)"
	    " header.from=sender.example; arc=none");
}

static void
test_a_chain_names_its_sealer(void **state)
{
	(void)state;
	checks.arc = (struct arc_verify){
		.status = ARC_PASS,
		.sets = 2,
		.sealer = STR("list.example"),
	};
	annotate_results(&out, &checks, NULL, true);
	assert_int_not_equal(str_search(buf_str(&out),
				 STR("arc=pass (2 sets, the last by "
				     "list.example)")),
	    out.n);
	assert_int_equal(str_search(buf_str(&out), STR("iprev")), out.n);
}

static void
test_a_short_l_is_a_pass_with_a_comment(void **state)
{
	(void)state;
	add_signature(
	    DKIM_POLICY, "l= is short", STR("a.example"), STR("abcdefghi"));
	checks.dkim.results[0].weak = true;
	annotate_results(&out, &checks, NULL, true);
	assert_true(
	    str_search(buf_str(&out),
		STR("dkim=pass (l= is short) header.d=a.example")) < out.n);
}

/* RFC 6008 3 */
static void
test_signatures_can_be_told_apart(void **state)
{
	(void)state;
	add_signature(DKIM_PASS, "", STR("a.example"), STR("sameSAME11xxxx"));
	add_signature(DKIM_PASS, "", STR("b.example"), STR("sameSAME12xxxx"));
	add_signature(DKIM_PERMERROR, "no b=", STR("c.example"), STR(""));
	annotate_results(&out, &checks, NULL, true);
	struct str text = buf_str(&out);
	assert_true(str_search(text, STR("header.b=sameSAME11\r")) < text.n ||
	    str_search(text, STR("header.b=sameSAME11;")) < text.n);
	assert_true(str_search(text, STR("header.b=sameSAME12;")) < text.n);
	assert_int_equal(str_search(text, STR("header.b=;")), text.n);
}

/* Nothing that comes from outside begins a line, a result or a field. */
static void
test_outside_strings_stay_values(void **state)
{
	(void)state;
	question.helo = STR("x; dkim=pass header.d=bank.example");
	question.mail_from = STR("\"a\r\nBcc: b\"@c (; spf=pass");
	checks.mail_from.result = SPF_FAIL;
	checks.mail_from.mechanism = STR("exists:)\r\n; dmarc=pass (");
	iprev.name = STR("a);\r\ndmarc=pass");
	assert_results(false,
	    "Authentication-Results: mx.ours.example;"
	    " spf=fail (exists:?????dmarc?pass?"
	    "?)"
	    " smtp.mailfrom=\"\\\"a??Bcc: b\\\"@c (? spf?pass\";"
	    " spf=none smtp.helo=\"x? dkim?pass header.d?bank.example\";"
	    " dkim=none;"
	    " dmarc=pass policy.dmarc=reject header.from=sender.example;"
	    " arc=none;"
	    " iprev=pass (a?;??dmarc=pass) policy.iprev=192.0.2.7");
}

static void
test_without_an_author_no_dmarc(void **state)
{
	(void)state;
	checks.author_domain = STR("");
	assert_results(true,
	    "Authentication-Results: mx.ours.example; dkim=none; arc=none");
	checks.has_header = false;
	assert_results(false,
	    "Authentication-Results: mx.ours.example;"
	    " spf=pass smtp.mailfrom=ann@sender.example;"
	    " spf=none smtp.helo=mx.sender.example;"
	    " iprev=pass (mx.sender.example) policy.iprev=192.0.2.7");
}

/* ---- Received-SPF ---- */

static void
test_received_spf(void **state)
{
	(void)state;
	checks.has_helo = false;
	checks.mail_from.mechanism = STR("ip4:192.0.2.0/24");
	annotate_received_spf(&out, &checks);
	assert_str(buf_str(&out),
	    STR("Received-SPF: pass\r\n"
		"\treceiver=\"mx.ours.example\";\r\n"
		"\tidentity=\"mailfrom\";\r\n"
		"\tclient-ip=\"192.0.2.7\";\r\n"
		"\tenvelope-from=\"ann@sender.example\";\r\n"
		"\tmechanism=\"ip4:192.0.2.0/24\";\r\n"
		"\thelo=\"mx.sender.example\"\r\n"));
}

static void
test_received_spf_of_each_identity(void **state)
{
	(void)state;
	struct str text;
	checks.helo.result = SPF_PERMERROR;
	checks.helo.why = "two records";
	annotate_received_spf(&out, &checks);
	text = buf_str(&out);
	assert_true(
	    str_search(text, STR("\r\nReceived-SPF: permerror\r\n")) < text.n);
	assert_true(str_search(text, STR("problem=\"two records\"")) < text.n);
	assert_true(str_search(text, STR("identity=\"helo\"")) < text.n);
}

static void
test_received_spf_can_not_be_ended(void **state)
{
	(void)state;
	char much[5000];
	memset(much, 'x', sizeof much);
	question.helo = STR("a\"; x=\\\r\nBcc: y");
	question.mail_from = (struct str){ much, sizeof much };
	annotate_received_spf(&out, &checks);
	struct str rest = buf_str(&out);
	assert_true(str_search(rest, STR("a\\\"; x=\\\\??Bcc: y")) < rest.n);
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		assert_in_range(line.n, 1, 998);
		assert_true(str_starts(line, STR("Received-SPF:")) ||
		    str_starts(line, STR("\t")));
	}
}

static void
test_nothing_when_spf_was_not_asked(void **state)
{
	(void)state;
	checks.has_mail_from = checks.has_helo = false;
	annotate_received_spf(&out, &checks);
	assert_int_equal(out.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_result_has_its_properties),
		TEST(test_failures_say_why),
		TEST(test_an_unknown_source_says_nothing),
		TEST(test_a_chain_names_its_sealer),
		TEST(test_a_short_l_is_a_pass_with_a_comment),
		TEST(test_signatures_can_be_told_apart),
		TEST(test_outside_strings_stay_values),
		TEST(test_without_an_author_no_dmarc),
		TEST(test_received_spf),
		TEST(test_received_spf_of_each_identity),
		TEST(test_received_spf_can_not_be_ended),
		TEST(test_nothing_when_spf_was_not_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
