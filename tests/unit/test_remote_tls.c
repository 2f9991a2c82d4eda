/* What the hosts of a route must prove, and what follows from what they do. */
#include "tests/unit/assert_str.h"
#include "tests/unit/delivery_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct delivery_rig rig;

#define ROW(name, type, value, authentic) \
	{ \
		name, type, value, DNS_FOUND, authentic, 60 \
	}
#define DIGEST \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct fake_record world[] = {
	/* nothing is signed */
	ROW("plain.test", DNS_MX, "10 mx.plain.test", false),
	ROW("mx.plain.test", DNS_A, "11.0.0.1", false),
	ROW("_25._tcp.mx.plain.test", DNS_TLSA, "3 1 1 " DIGEST, true),
	ROW("sts.test", DNS_MX, "10 mx.sts.test", false),
	ROW("sts.test", DNS_MX, "20 mx2.sts.test", false),
	ROW("sts.test", DNS_MX, "30 evil.test", false),
	ROW("mx.sts.test", DNS_A, "11.0.0.1", false),
	ROW("mx2.sts.test", DNS_A, "11.0.0.2", false),
	ROW("evil.test", DNS_A, "11.0.0.3", false),
	ROW("testing.test", DNS_MX, "10 mx.sts.test", false),
	ROW("unlisted.test", DNS_MX, "10 evil.test", false),
	ROW("lost.test", DNS_MX, "10 mx.plain.test", false),
	/* all is signed */
	ROW("dane.test", DNS_MX, "10 mx.dane.test", true),
	ROW("mx.dane.test", DNS_A, "11.0.0.1", true),
	ROW("_25._tcp.mx.dane.test", DNS_TLSA, "3 1 1 " DIGEST, true),
	ROW("direct.test", DNS_A, "11.0.0.1", true),
	{ "direct.test", DNS_MX, NULL, DNS_NODATA, true, 0 },
	ROW("_25._tcp.direct.test", DNS_TLSA, "2 0 1 " DIGEST, true),
	ROW("odd.test", DNS_MX, "10 mx.odd.test", true),
	ROW("mx.odd.test", DNS_A, "11.0.0.1", true),
	ROW("_25._tcp.mx.odd.test", DNS_TLSA, "1 1 1 " DIGEST, true),
	ROW("none.test", DNS_MX, "10 mx.none.test", true),
	ROW("mx.none.test", DNS_A, "11.0.0.1", true),
	{ "_25._tcp.mx.none.test", 0, NULL, DNS_NXDOMAIN, true, 0 },
	ROW("bogus.test", DNS_MX, "10 mx.bogus.test", true),
	ROW("mx.bogus.test", DNS_A, "11.0.0.1", true),
	{ "_25._tcp.mx.bogus.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	ROW("half.test", DNS_MX, "10 mx.bogus.test", true),
	ROW("half.test", DNS_MX, "20 mx.dane.test", true),
	/* all is signed, and an alias */
	ROW("alias.test", DNS_MX, "10 mx.alias.test", true),
	ROW("mx.alias.test", DNS_CNAME, "real.test", true),
	ROW("real.test", DNS_A, "11.0.0.1", true),
	ROW("_25._tcp.real.test", DNS_TLSA, "3 1 1 " DIGEST, true),
	ROW("_25._tcp.mx.alias.test", DNS_TLSA, "1 1 1 " DIGEST, true),
	ROW("first.test", DNS_MX, "10 mx.first.test", true),
	ROW("mx.first.test", DNS_CNAME, "bare.test", true),
	ROW("bare.test", DNS_A, "11.0.0.1", true),
	{ "_25._tcp.bare.test", 0, NULL, DNS_NXDOMAIN, true, 0 },
	ROW("_25._tcp.mx.first.test", DNS_TLSA, "3 1 1 " DIGEST, true),
	ROW("half-known.test", DNS_MX, "10 mx.half-known.test", true),
	ROW("mx.half-known.test", DNS_CNAME, "silent.test", true),
	ROW("silent.test", DNS_A, "11.0.0.1", true),
	{ "_25._tcp.silent.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	ROW("_25._tcp.mx.half-known.test", DNS_TLSA, "3 1 1 " DIGEST, true),
	ROW("moved.test", DNS_CNAME, "dane.test", true),
	ROW("self.test", DNS_CNAME, "direct.test", true),
	/* half is */
	ROW("start.test", DNS_MX, "10 mx.start.test", true),
	ROW("mx.start.test", DNS_CNAME, "weak.test", true),
	ROW("weak.test", DNS_A, "11.0.0.1", false),
	ROW("_25._tcp.mx.start.test", DNS_TLSA, "3 1 1 " DIGEST, true),
	ROW("_25._tcp.weak.test", DNS_TLSA, "1 1 1 " DIGEST, true),
	ROW("weak-start.test", DNS_MX, "10 mx.weak-start.test", true),
	ROW("mx.weak-start.test", DNS_CNAME, "real.test", false),
	{ "_25._tcp.mx.weak-start.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	ROW("own-start.test", DNS_CNAME, "weak.test", true),
	{ "weak.test", DNS_MX, NULL, DNS_NODATA, false, 0 },
	ROW("_25._tcp.own-start.test", DNS_TLSA, "3 1 1 " DIGEST, true),
	ROW("weak-mx.test", DNS_MX, "10 mx.dane.test", false),
	ROW("weak-host.test", DNS_MX, "10 mx.weak-host.test", true),
	ROW("mx.weak-host.test", DNS_A, "11.0.0.1", false),
	{ "_25._tcp.mx.weak-host.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	{ 0 },
};

#define POLICY(mode, mx) \
	"version: STSv1\nmode: " mode "\n" mx "max_age: 86400\n"

static const struct fake_policy policies[] = {
	{ "sts.test", POLICY("enforce", "mx: *.sts.test\n"), 0 },
	{ "testing.test", POLICY("testing", "mx: mx.sts.test\n"), 0 },
	{ "unlisted.test", POLICY("enforce", "mx: mx.unlisted.test\n"), 0 },
	{ "dane.test", POLICY("enforce", "mx: other.test\n"), 0 },
	{ "lost.test", NULL, POLICY_NOT_FETCHED },
	{ 0 },
};

/* ---- one message, one peer on every address ---- */

struct given {
	const char *domain;
	unsigned flags; /* of the envelope */
	struct fake_peer peer;
	const char *hello; /* the first; or NULL: nobody is connected to */
	const char *told;
	const char *attempts;
	bool mail; /* was said */
};

#define TRUSTED \
	{ \
		.verdict = TLS_VERDICT_GOOD \
	}
#define STRANGER \
	{ \
		.verdict = TLS_VERDICT_UNTRUSTED \
	}

static const struct given cases[] = {
	{ "plain.test", 0, STRANGER, "mx.plain.test, tls may", "D 250",
	    "no-policy-found plain.test mx.plain.test success 0\n", true },
	{ "plain.test", 0, { .plain = true }, "mx.plain.test, tls may", "D 250",
	    "no-policy-found plain.test mx.plain.test "
	    "starttls-not-supported 0\n",
	    true },
	{ "plain.test", 0, { .tls_breaks = true }, "mx.plain.test, tls may",
	    "D 250",
	    "no-policy-found plain.test mx.plain.test validation-failure 0\n",
	    true },
	/* MTA-STS */
	{ "sts.test", 0, TRUSTED, "mx.sts.test, tls must, pkix", "D 250",
	    "sts sts.test mx.sts.test success 4\n", true },
	{ "sts.test", 0, { .verdict = TLS_VERDICT_WRONG_NAME },
	    "mx.sts.test, tls must, pkix",
	    "W 451 4.7.5 The certificate of mx2.sts.test doesn't prove its "
	    "name (not right), and sts.test's MTA-STS policy demands that\n",
	    "sts sts.test mx.sts.test certificate-host-mismatch 4\n"
	    "sts sts.test mx2.sts.test certificate-host-mismatch 4\n",
	    false },
	{ "sts.test", 0, { .plain = true }, "mx.sts.test, tls must, pkix",
	    "W 451 4.7.10 mx2.sts.test doesn't offer TLS, and sts.test's "
	    "MTA-STS policy demands it\n",
	    "sts sts.test mx.sts.test starttls-not-supported 4\n"
	    "sts sts.test mx2.sts.test starttls-not-supported 4\n",
	    false },
	{ "sts.test", 0, { .tls_breaks = true }, "mx.sts.test, tls must, pkix",
	    "W 451 4.7.5 TLS with mx2.sts.test failed (unknown protocol), and "
	    "sts.test's MTA-STS policy demands it\n",
	    "sts sts.test mx.sts.test validation-failure 4\n"
	    "sts sts.test mx2.sts.test validation-failure 4\n",
	    false },
	{ "unlisted.test", 0, TRUSTED, NULL,
	    "W 451 4.7.5 None of the domain's mail servers is named by its "
	    "MTA-STS policy",
	    "sts unlisted.test evil.test validation-failure 4\n", false },
	{ "testing.test", 0, { .verdict = TLS_VERDICT_EXPIRED },
	    "mx.sts.test, tls may, watched", "D 250",
	    "sts testing.test mx.sts.test certificate-expired 4\n", true },
	{ "testing.test", 0, { .plain = true }, "mx.sts.test, tls may, watched",
	    "D 250", "sts testing.test mx.sts.test starttls-not-supported 4\n",
	    true },
	{ "lost.test", 0, STRANGER, "mx.plain.test, tls may", "D 250",
	    "sts lost.test mx.plain.test sts-policy-fetch-error 0\n", true },
	/* DANE, whatever a policy says */
	{ "dane.test", 0, TRUSTED, "mx.dane.test, tls must, dane or dane.test",
	    "D 250", "tlsa mx.dane.test mx.dane.test success 1\n", true },
	{ "dane.test", 0, { .verdict = TLS_VERDICT_NO_MATCH },
	    "mx.dane.test, tls must, dane or dane.test",
	    "W 451 4.7.5 The certificate of mx.dane.test doesn't prove its "
	    "name (not right), and its TLSA records demand that\n",
	    "tlsa mx.dane.test mx.dane.test validation-failure 1\n", false },
	{ "dane.test", 0, { .plain = true },
	    "mx.dane.test, tls must, dane or dane.test",
	    "W 451 4.7.10 mx.dane.test doesn't offer TLS, and its TLSA records "
	    "demand it\n",
	    "tlsa mx.dane.test mx.dane.test starttls-not-supported 1\n",
	    false },
	{ "direct.test", 0, TRUSTED, "direct.test, tls must, dane", "D 250",
	    "tlsa direct.test direct.test success 1\n", true },
	{ "odd.test", 0, STRANGER, "mx.odd.test, tls must", "D 250",
	    "tlsa mx.odd.test mx.odd.test tlsa-invalid 0\n", true },
	{ "odd.test", 0, { .plain = true }, "mx.odd.test, tls must",
	    "W 451 4.7.10 mx.odd.test doesn't offer TLS, and its TLSA records "
	    "demand it\n",
	    "tlsa mx.odd.test mx.odd.test starttls-not-supported 0\n", false },
	{ "none.test", 0, { .plain = true }, "mx.none.test, tls may", "D 250",
	    "no-policy-found none.test mx.none.test "
	    "starttls-not-supported 0\n",
	    true },
	{ "bogus.test", 0, TRUSTED, NULL,
	    "W 451 4.7.5 The TLSA records of the domain's mail servers can't "
	    "be had",
	    "tlsa mx.bogus.test mx.bogus.test dnssec-invalid 0\n", false },
	{ "half.test", 0, TRUSTED, "mx.dane.test, tls must, dane or half.test",
	    "D 250", "tlsa mx.dane.test mx.dane.test success 1\n", true },
	/* RFC 7672 2.2.2, 3.2.2: under the end of an alias, else its start */
	{ "alias.test", 0, TRUSTED, "real.test, tls must, dane or alias.test",
	    "D 250", "tlsa real.test mx.alias.test success 1\n", true },
	{ "first.test", 0, TRUSTED,
	    "mx.first.test, tls must, dane or first.test", "D 250",
	    "tlsa mx.first.test mx.first.test success 1\n", true },
	{ "half-known.test", 0, TRUSTED, NULL,
	    "W 451 4.7.5 The TLSA records of the domain's mail servers can't "
	    "be had",
	    "tlsa silent.test mx.half-known.test dnssec-invalid 0\n", false },
	{ "start.test", 0, TRUSTED,
	    "mx.start.test, tls must, dane or start.test", "D 250",
	    "tlsa mx.start.test mx.start.test success 1\n", true },
	{ "weak-start.test", 0, { .plain = true },
	    "mx.weak-start.test, tls may", "D 250",
	    "no-policy-found weak-start.test mx.weak-start.test "
	    "starttls-not-supported 0\n",
	    true },
	{ "moved.test", 0, TRUSTED,
	    "mx.dane.test, tls must, dane or moved.test or dane.test", "D 250",
	    "tlsa mx.dane.test mx.dane.test success 1\n", true },
	{ "self.test", 0, TRUSTED, "direct.test, tls must, dane or self.test",
	    "D 250", "tlsa direct.test self.test success 1\n", true },
	{ "own-start.test", 0, TRUSTED, "own-start.test, tls must, dane",
	    "D 250", "tlsa own-start.test own-start.test success 1\n", true },
	/* RFC 7672 2.2: what isn't signed isn't asked about */
	{ "weak-mx.test", 0, { .plain = true }, "mx.dane.test, tls may",
	    "D 250",
	    "no-policy-found weak-mx.test mx.dane.test "
	    "starttls-not-supported 0\n",
	    true },
	{ "weak-host.test", 0, { .plain = true }, "mx.weak-host.test, tls may",
	    "D 250",
	    "no-policy-found weak-host.test mx.weak-host.test "
	    "starttls-not-supported 0\n",
	    true },
	/* RFC 8689 */
	{ "sts.test", ENVELOPE_REQUIRETLS, { .keeps_tls = true },
	    "mx.sts.test, tls must, pkix", "D 250",
	    "sts sts.test mx.sts.test success 4\n", true },
	{ "sts.test", ENVELOPE_REQUIRETLS, TRUSTED,
	    "mx.sts.test, tls must, pkix",
	    "F 550 5.7.30 TLS is required, and the server doesn't offer "
	    "REQUIRETLS",
	    "sts sts.test mx.sts.test success 4\n"
	    "sts sts.test mx2.sts.test success 4\n",
	    false },
	{ "sts.test", ENVELOPE_REQUIRETLS, { .plain = true },
	    "mx.sts.test, tls must, pkix", "W 451 4.7.10",
	    "sts sts.test mx.sts.test starttls-not-supported 4\n"
	    "sts sts.test mx2.sts.test starttls-not-supported 4\n",
	    false },
	{ "plain.test", ENVELOPE_REQUIRETLS, { .keeps_tls = true }, NULL,
	    "F 550 5.7.30 TLS is required, and nothing proves the domain's "
	    "mail servers",
	    "no-policy-found plain.test mx.plain.test validation-failure 0\n",
	    false },
	{ "none.test", ENVELOPE_REQUIRETLS, { .keeps_tls = true },
	    "mx.none.test, tls must, pkix", "D 250",
	    "no-policy-found none.test mx.none.test success 0\n", true },
	{ "none.test", ENVELOPE_REQUIRETLS,
	    { .verdict = TLS_VERDICT_UNTRUSTED, .keeps_tls = true },
	    "mx.none.test, tls must, pkix",
	    "W 451 4.7.5 The certificate of mx.none.test doesn't prove its "
	    "name (not right), and REQUIRETLS demands that\n",
	    "no-policy-found none.test mx.none.test certificate-not-trusted "
	    "0\n",
	    false },
	{ "testing.test", ENVELOPE_REQUIRETLS, { .keeps_tls = true },
	    "mx.sts.test, tls must, pkix", "D 250",
	    "sts testing.test mx.sts.test success 4\n", true },
	{ "lost.test", ENVELOPE_REQUIRETLS, { .keeps_tls = true }, NULL,
	    "W 451 4.7.5",
	    "sts lost.test mx.plain.test sts-policy-fetch-error 0\n", false },
	{ "dane.test", ENVELOPE_TLS_OPTIONAL, { .plain = true },
	    "mx.dane.test, tls may", "D 250", "", true },
	{ "unlisted.test", ENVELOPE_TLS_OPTIONAL, { .tls_breaks = true },
	    "evil.test, tls may", "D 250", "", true },
	{ "dane.test", ENVELOPE_REQUIRETLS | ENVELOPE_TLS_OPTIONAL,
	    { .keeps_tls = true }, "mx.dane.test, tls must, dane or dane.test",
	    "D 250", "tlsa mx.dane.test mx.dane.test success 1\n", true },
};

static void
use_peer(struct fake_peer all[4], const struct fake_peer *like)
{
	static const char *const ips[] = { "11.0.0.1", "11.0.0.2", "11.0.0.3" };
	memset(all, 0, 4 * sizeof *all);
	for (size_t i = 0; i < 3; i++) {
		all[i] = *like;
		all[i].ip = ips[i];
	}
}

static void
begin(const struct fake_peer *peers)
{
	delivery_rig_make(&rig, world, peers);
	fake_policies_use(rig.loop, policies);
	buf_clear(&rig.attempts);
}

static void
hand(const char *domain, unsigned flags)
{
	char recipient[64];
	snprintf(recipient, sizeof recipient, "bob@%s", domain);
	fake_queue_hand(fake_queue_item("a@else.test", flags, recipient));
}

/* A line that begins with both. */
static bool
has(const char *story, const char *start, const char *text)
{
	char wanted[256];
	snprintf(wanted, sizeof wanted, "%s %s", start, text);
	return strstr(story, wanted);
}

static void
check(const struct given *g, const char *story)
{
	assert_non_null(strstr(story, "told 1.0"));
	const char *hello = strstr(story, "hello ");
	assert_int_equal(hello != NULL, g->hello != NULL);
	if (hello) {
		struct str line = str_of(hello + strlen("hello "));
		assert_str(str_cut(&line, '\n'), str_of(g->hello));
	}
	if (!has(story, "told 1.0", g->told))
		print_error("%s:\n%s", g->domain, story);
	assert_true(has(story, "told 1.0", g->told));
	assert_string_equal(buf_cstr(&rig.attempts), g->attempts);
	assert_int_equal(strstr(story, "mail <") != NULL, g->mail);
	bool announced = strstr(story, ", REQUIRETLS");
	assert_int_equal(announced, g->mail && g->flags & ENVELOPE_REQUIRETLS);
}

static void
a_host_gets_mail_when_it_has_proven_what_it_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fake_peer peers[4];
		use_peer(peers, &cases[i].peer);
		begin(peers);
		hand(cases[i].domain, cases[i].flags);
		const char *story = delivery_rig_run(&rig);
		check(&cases[i], story);
		delivery_rig_remove(&rig);
	}
}

/* RFC 8689 5: the null sender's mail needs a proven host, and says REQUIRETLS
   where that is understood */
static void
a_report_is_not_lost_for_want_of_an_offer(void **state)
{
	static const struct {
		const char *to;
		struct fake_peer peer;
		const char *mail, *told;
	} reports[] = {
		{ "bob@dane.test", { .keeps_tls = true },
		    "mail <> to bob@dane.test, REQUIRETLS\n", "D 250" },
		{ "bob@dane.test", { .keeps_tls = false },
		    "mail <> to bob@dane.test\n", "D 250" },
		{ "bob@dane.test", { .verdict = TLS_VERDICT_NO_MATCH }, NULL,
		    "W 451 4.7.5" },
		{ "bob@plain.test", { .keeps_tls = true }, NULL,
		    "F 550 5.7.30" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
		struct fake_peer peers[4];
		use_peer(peers, &reports[i].peer);
		begin(peers);
		fake_queue_hand(
		    fake_queue_item("", ENVELOPE_REQUIRETLS, reports[i].to));
		const char *story = delivery_rig_run(&rig);
		assert_true(has(story, "told 1.0", reports[i].told));
		assert_int_equal(
		    strstr(story, "mail <>") != NULL, reports[i].mail != NULL);
		if (reports[i].mail)
			assert_non_null(strstr(story, reports[i].mail));
		delivery_rig_remove(&rig);
	}
}

/* ---- settings ---- */

static void
dane_can_be_turned_off(void **state)
{
	struct fake_peer peers[4];
	(void)state;
	use_peer(peers, &(struct fake_peer){ .plain = true });
	begin(peers);
	rig.settings.dane = NO;
	hand("odd.test", 0);
	const char *story = delivery_rig_run(&rig);
	assert_non_null(strstr(story, "hello mx.odd.test, tls may\n"));
	assert_non_null(strstr(story, "told 1.0 D 250"));
	delivery_rig_remove(&rig);
}

/* RFC 8689 4.2.1: the smarthost's certificate proves it, or nothing does */
static void
a_smarthost_keeps_to_its_setting(void **state)
{
	static const struct {
		enum relay_tls tls;
		unsigned flags;
		bool keeps_tls;
		const char *told;
	} relays[] = {
		{ RELAY_TLS_VERIFY, ENVELOPE_REQUIRETLS, true, "D 250" },
		{ RELAY_TLS_VERIFY, ENVELOPE_REQUIRETLS, false,
		    "F 550 5.7.30" },
		{ RELAY_TLS_OPPORTUNISTIC, ENVELOPE_REQUIRETLS, true,
		    "F 550 5.7.30" },
		{ RELAY_TLS_NONE, ENVELOPE_REQUIRETLS, true, "F 550 5.7.30" },
		{ RELAY_TLS_VERIFY, ENVELOPE_TLS_OPTIONAL, false, "D 250" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof relays / sizeof *relays; i++) {
		struct fake_peer peers[4];
		use_peer(peers,
		    &(struct fake_peer){ .keeps_tls = relays[i].keeps_tls });
		begin(peers);
		rig.settings.relay_host = STR("11.0.0.1");
		rig.settings.relay_port = 587;
		rig.settings.relay_tls = relays[i].tls;
		hand("dane.test", relays[i].flags);
		const char *story = delivery_rig_run(&rig);
		assert_true(has(story, "told 1.0", relays[i].told));
		assert_string_equal(buf_cstr(&rig.attempts), "");
		delivery_rig_remove(&rig);
	}
}

/* ---- sessions ---- */

/* A session that has proven little isn't used for mail that wants more. */
static void
wishes_share_no_session(void **state)
{
	struct fake_peer peers[4];
	(void)state;
	use_peer(peers, &(struct fake_peer){ .keeps_tls = true });
	begin(peers);
	hand("sts.test", ENVELOPE_TLS_OPTIONAL);
	assert_non_null(strstr(delivery_rig_run(&rig), "tls may\n"));
	hand("sts.test", 0);
	assert_non_null(strstr(delivery_rig_run(&rig), "tls must, pkix\n"));
	hand("sts.test", ENVELOPE_REQUIRETLS);
	assert_non_null(strstr(delivery_rig_run(&rig), "dial"));
	hand("sts.test", ENVELOPE_REQUIRETLS);
	assert_null(strstr(delivery_rig_run(&rig), "dial"));
	hand("sts.test", 0);
	assert_null(strstr(delivery_rig_run(&rig), "dial"));
	delivery_rig_remove(&rig);
}

/* The server has closed; what was found out about it may be old by then. */
static void
a_later_connection_follows_the_policy_of_then(void **state)
{
	static const struct fake_policy none[] = { { 0 } };
	struct fake_peer peers[4];
	(void)state;
	use_peer(peers, &(struct fake_peer){ .trouble = PEER_LOST_REUSED });
	begin(peers);
	fake_policies_use(rig.loop, none);
	hand("sts.test", 0);
	assert_non_null(strstr(delivery_rig_run(&rig), "tls may\n"));
	fake_policies_use(rig.loop, policies);
	fake_clock_advance(300000);
	hand("sts.test", 0);
	const char *story = delivery_rig_run(&rig);
	assert_non_null(strstr(story, "tls must, pkix\n"));
	assert_non_null(strstr(story, "told 2.0 D 250"));
	delivery_rig_remove(&rig);
}

/* The next host is held to its own proof. */
static void
the_next_host_may_be_better(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.1", .verdict = TLS_VERDICT_UNTRUSTED },
		{ .ip = "11.0.0.2" },
		{ .ip = "11.0.0.3", .plain = true },
		{ 0 },
	};
	(void)state;
	begin(peers);
	hand("sts.test", 0);
	const char *story = delivery_rig_run(&rig);
	assert_non_null(strstr(story, "hello mx2.sts.test, tls must, pkix\n"));
	assert_non_null(strstr(story, "told 1.0 D 250"));
	assert_null(strstr(story, "dial 11.0.0.3"));
	delivery_rig_remove(&rig);
}

static void
may_end_while_it_asks(void **state)
{
	(void)state;
	for (int asks = 0; asks < 2; asks++) {
		begin(NULL);
		fake_resolver_hold(true);
		hand("dane.test", 0);
		if (asks)
			delivery_rig_run(&rig);
		delivery_free(rig.delivery);
		rig.delivery = NULL;
		fake_resolver_hold(false);
		assert_null(strstr(delivery_rig_run(&rig), "told"));
		delivery_rig_remove(&rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_host_gets_mail_when_it_has_proven_what_it_must),
		cmocka_unit_test(a_report_is_not_lost_for_want_of_an_offer),
		cmocka_unit_test(dane_can_be_turned_off),
		cmocka_unit_test(a_smarthost_keeps_to_its_setting),
		cmocka_unit_test(wishes_share_no_session),
		cmocka_unit_test(a_later_connection_follows_the_policy_of_then),
		cmocka_unit_test(the_next_host_may_be_better),
		cmocka_unit_test(may_end_while_it_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
