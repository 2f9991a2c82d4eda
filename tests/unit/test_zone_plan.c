#include "lib/zone/plan.h"

#include "lib/base/buf.h"
#include "lib/base/crc.h"
#include "lib/base/settings.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint16_t all_ports[PORT_COUNT] = {
	[PORT_SMTP] = 25,
	[PORT_SUBMISSIONS] = 465,
	[PORT_SUBMISSION] = 587,
	[PORT_HTTP] = 80,
	[PORT_HTTPS] = 443,
	[PORT_IMAPS] = 993,
};

static const uint16_t smtp_only[PORT_COUNT] = { [PORT_SMTP] = 25 };

static const struct zone_key one_key[] = {
	{ TEXT("postern"), TEXT("v=DKIM1; k=rsa; p=MIIB") },
};

static const struct zone_key two_keys[] = {
	{ TEXT("a"), TEXT("v=DKIM1; k=rsa; p=AAAA") },
	{ TEXT("b"), TEXT("v=DKIM1; k=ed25519; p=BBBB") },
};

static struct ip ips[2];

/* One record a line: tier, name, type, value; "#" when there is a note. */
static struct buf
lines_of(const struct zone_plan *plan)
{
	static const char tiers[] = { [ZONE_REQUIRED] = '1',
		[ZONE_RECOMMENDED] = '2',
		[ZONE_OPTIONAL] = '3' };
	struct buf out = { 0 };
	for (size_t i = 0; i < plan->count; i++) {
		const struct zone_record *r = &plan->records[i];
		buf_addf(&out, "%c %.*s %s %.*s%s\n", tiers[r->tier],
		    STR_ARG(r->name), r->type, STR_ARG(r->value),
		    r->note ? " #" : "");
	}
	return out;
}

static struct zone_inputs
inputs(const char *domain, const char *hostname)
{
	struct zone_inputs in = {
		.domain = str_of(domain),
		.hostname = str_of(hostname),
		.ip_count = 2,
		.ips = ips,
		.key_count = 1,
		.keys = one_key,
		.dmarc_policy = STR("reject"),
		.ports = all_ports,
	};
	return in;
}

static void
check(const struct zone_inputs *in, const char *wanted)
{
	struct zone_plan plan;
	zone_plan(&plan, in);
	struct buf lines = lines_of(&plan);
	assert_string_equal(buf_cstr(&lines), wanted);
	buf_free(&lines);
	zone_plan_free(&plan);
}

#define MX_TO_DMARC(domain, hostname, mx_note) \
	"1 " domain " MX 10 " hostname "." mx_note "\n" \
	"1 " domain " TXT v=spf1 mx -all #\n" \
	"1 postern._domainkey." domain " TXT v=DKIM1; k=rsa; p=MIIB\n" \
	"1 _dmarc." domain " TXT v=DMARC1; p=reject; adkim=s; aspf=s; " \
	"rua=mailto:reports@" domain "\n"
#define REVERSE(hostname) \
	"1 5.113.0.203.in-addr.arpa PTR " hostname ". #\n" \
	"1 f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2." \
	"ip6.arpa PTR " hostname ". #\n"
#define TLS_REPORT(domain) \
	"2 _smtp._tls." domain " TXT v=TLSRPTv1; rua=mailto:reports@" domain \
	"\n"
#define CLIENTS(domain, hostname) \
	"2 autoconfig." domain " CNAME " hostname ".\n" \
	"2 autodiscover." domain " CNAME " hostname ".\n" \
	"2 _imaps._tcp." domain " SRV 0 1 993 " hostname ".\n" \
	"2 _submissions._tcp." domain " SRV 0 1 465 " hostname ".\n"

static void
records_are_those_of_the_table(void **state)
{
	(void)state;
	struct zone_inputs in = inputs("example.com", "mail.example.com");
	in.tlsa = STR("3 1 1 00ff");
	in.sts = true;
	in.sts_policy = STR("version: STSv1\r\nmode: testing\r\n");
	struct buf wanted = { 0 };
	buf_addf(&wanted,
	    "1 mail.example.com A 203.0.113.5\n"
	    "1 mail.example.com AAAA 2001:db8::1f\n" MX_TO_DMARC(
		"example.com", "mail.example.com", "")
		REVERSE(
		    "mail.example.com") "2 mta-sts.example.com CNAME mail.example.com.\n"
					"2 _mta-sts.example.com TXT v=STSv1; id=%08x\n" TLS_REPORT(
					    "example.com") "2 mail.example.com TXT v=spf1 a -all\n" CLIENTS("example.com",
					    "mail.example.com") "3 _25._tcp.mail.example.com TLSA 3 1 1 00ff #\n"
								"3 mail.example.com CAA 0 issue \"letsencrypt.org\"\n",
	    (unsigned)crc32c(0, in.sts_policy));
	check(&in, buf_cstr(&wanted));
	buf_free(&wanted);
}

/* A second domain, or a host that somebody else named. */
static void
host_elsewhere_has_no_records_here(void **state)
{
	(void)state;
	struct zone_inputs in = inputs("example.net", "mail.example.com");
	in.tlsa = STR("3 1 1 00ff");
	check(&in,
	    MX_TO_DMARC("example.net", "mail.example.com", " #") TLS_REPORT(
		"example.net") CLIENTS("example.net", "mail.example.com"));
	in = inputs("ample.com", "mail.example.com");
	check(&in,
	    MX_TO_DMARC("ample.com", "mail.example.com", " #") TLS_REPORT(
		"ample.com") CLIENTS("ample.com", "mail.example.com"));
}

/* RFC 7208 3.2: never two SPF records at one name */
static void
host_named_like_the_domain_has_one_spf_record(void **state)
{
	(void)state;
	struct zone_inputs in = inputs("example.com", "example.com");
	check(&in,
	    "1 example.com A 203.0.113.5\n"
	    "1 example.com AAAA 2001:db8::1f\n" MX_TO_DMARC(
		"example.com", "example.com", "") REVERSE("example.com")
		TLS_REPORT("example.com") CLIENTS("example.com",
		    "example.com") "3 example.com CAA 0 issue \"letsencrypt.org\"\n");
}

static void
what_is_missing_is_said(void **state)
{
	(void)state;
	struct zone_inputs in = inputs("example.com", "mail.example.com");
	in.ip_count = 0;
	in.key_count = 0;
	in.ports = smtp_only;
	in.dmarc_policy = STR("none");
	check(&in,
	    "1 mail.example.com A  #\n"
	    "1 example.com MX 10 mail.example.com.\n"
	    "1 example.com TXT v=spf1 mx -all #\n"
	    "1 _domainkey.example.com TXT  #\n"
	    "1 _dmarc.example.com TXT v=DMARC1; p=none; adkim=s; aspf=s; "
	    "rua=mailto:reports@example.com\n" TLS_REPORT(
		"example.com") "2 mail.example.com TXT v=spf1 a -all\n"
			       "2 autoconfig.example.com CNAME mail.example.com.\n"
			       "2 autodiscover.example.com CNAME mail.example.com.\n"
			       "3 mail.example.com CAA 0 issue \"letsencrypt.org\"\n");
}

static void
every_key_has_its_record(void **state)
{
	(void)state;
	struct zone_inputs in = inputs("example.com", "mail.example.com");
	struct zone_plan plan;
	in.keys = two_keys;
	in.key_count = 2;
	zone_plan(&plan, &in);
	struct buf lines = lines_of(&plan);
	assert_non_null(strstr(buf_cstr(&lines),
	    "1 a._domainkey.example.com TXT v=DKIM1; k=rsa; p=AAAA\n"
	    "1 b._domainkey.example.com TXT v=DKIM1; k=ed25519; p=BBBB\n"));
	buf_free(&lines);
	zone_plan_free(&plan);
}

static void
names_are_lower_case_without_last_dot(void **state)
{
	(void)state;
	struct zone_inputs in = inputs("Example.COM.", "MAIL.example.com.");
	struct zone_plan plan;
	zone_plan(&plan, &in);
	assert_string_equal(plan.domain.p, "example.com");
	assert_string_equal(plan.records[0].name.p, "mail.example.com");
	assert_string_equal(plan.records[2].value.p, "10 mail.example.com.");
	zone_plan_free(&plan);
}

/* The plan owns what it holds. */
static void
inputs_may_go(void **state)
{
	(void)state;
	struct zone_inputs in = inputs("example.com", "mail.example.com");
	struct arena arena = { 0 };
	struct zone_plan plan;
	struct zone_key key = { arena_str(&arena, STR("s")),
		arena_str(&arena, STR("v=DKIM1; p=AAAA")) };
	in.domain = arena_str(&arena, in.domain);
	in.hostname = arena_str(&arena, in.hostname);
	in.tlsa = arena_str(&arena, STR("3 1 1 00"));
	in.keys = &key;
	zone_plan(&plan, &in);
	arena_free(&arena);
	struct buf lines = lines_of(&plan);
	assert_non_null(strstr(buf_cstr(&lines), "v=DKIM1; p=AAAA"));
	assert_non_null(strstr(buf_cstr(&lines), "3 1 1 00"));
	buf_free(&lines);
	zone_plan_free(&plan);
}

static int
setup(void **state)
{
	(void)state;
	return ip_parse(STR("203.0.113.5"), &ips[0]) &&
		ip_parse(STR("2001:db8::1f"), &ips[1])
	    ? 0
	    : -1;
}

static const struct {
	const char *relay, *spf, *value, *note;
} relays[] = {
	{ "", "", "v=spf1 mx -all", "add mx to it" },
	{ "", "include:a.test", "v=spf1 mx -all", "add mx to it" },
	{ "relay.test", "include:_spf.a.test ip4:192.0.2.1",
	    "v=spf1 mx include:_spf.a.test ip4:192.0.2.1 -all",
	    "add mx include:_spf.a.test ip4:192.0.2.1 to it" },
	{ "smtp.sendgrid.net", "", "v=spf1 mx include:sendgrid.net -all",
	    "include:sendgrid.net" },
	{ "smtp.sendgrid.net", "ip4:192.0.2.1", "v=spf1 mx ip4:192.0.2.1 -all",
	    "ip4:192.0.2.1" },
	{ "email-smtp.eu-west-1.amazonaws.com", "",
	    "v=spf1 mx include:amazonses.com -all", "add mx" },
	{ "ec2-1.eu-west-1.compute.amazonaws.com", "", "v=spf1 mx -all",
	    "set POSTERN_RELAY_SPF" },
	{ "smtp-relay.brevo.com", "", "v=spf1 mx include:spf.brevo.com -all",
	    "add mx" },
	{ "smtp-relay.gmail.com", "", "v=spf1 mx include:_spf.google.com -all",
	    "add mx" },
	{ "gmail-smtp-in.l.google.com", "", "v=spf1 mx -all",
	    "set POSTERN_RELAY_SPF" },
	{ "ours-test.mail.protection.outlook.com", "",
	    "v=spf1 mx include:spf.protection.outlook.com -all", "add mx" },
	{ "mail.smtp2go.com", "", "v=spf1 mx -all", "set POSTERN_RELAY_SPF" },
	{ "notsendgrid.net", "", "v=spf1 mx -all", "set POSTERN_RELAY_SPF" },
	{ "192.0.2.1", "", "v=spf1 mx -all", "what 192.0.2.1 wants in SPF" },
};

/* Mail through a smarthost comes from its addresses. */
static void
spf_names_the_smarthost(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof relays / sizeof *relays; i++) {
		struct zone_inputs in =
		    inputs("example.com", "mail.example.com");
		struct zone_plan plan;
		in.relay = str_of(relays[i].relay);
		in.relay_spf = str_of(relays[i].spf);
		zone_plan(&plan, &in);
		size_t k = 0;
		while (!str_starts(plan.records[k].value, STR("v=spf1 mx")))
			k++;
		assert_str(plan.records[k].value, str_of(relays[i].value));
		assert_non_null(strstr(plan.records[k].note, relays[i].note));
		zone_plan_free(&plan);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spf_names_the_smarthost),
		cmocka_unit_test(records_are_those_of_the_table),
		cmocka_unit_test(host_elsewhere_has_no_records_here),
		cmocka_unit_test(host_named_like_the_domain_has_one_spf_record),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(every_key_has_its_record),
		cmocka_unit_test(names_are_lower_case_without_last_dot),
		cmocka_unit_test(inputs_may_go),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
