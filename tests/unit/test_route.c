#include "smtpd/delivery/identity_private.h"
#include "smtpd/delivery/route.h"

#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static struct resolver *resolver;
static struct settings settings;
static unsigned answers;

static void
on_route(struct route *route)
{
	(void)route;
	answers++;
}

/* "mx1.a.test 192.0.2.1:25, ..." or "550 5.1.2 ...". */
static struct str
describe(const struct route *route, struct buf *out)
{
	char ip[IP_TEXT];
	buf_clear(out);
	for (size_t i = 0; i < route->count; i++) {
		const struct route_hop *hop = &route->hops[i];
		ip_print(hop->ip, ip);
		buf_addf(out, "%s%.*s %s:%u", i ? ", " : "", STR_ARG(hop->host),
		    ip, (unsigned)hop->port);
	}
	if (route->count == 0)
		buf_addf(
		    out, "%d %s", route->failure.code, route->failure.enhanced);
	return buf_str(out);
}

static void
find_as(
    struct route *route, const struct identity *identity, const char *domain)
{
	*route = (struct route){
		.settings = &settings,
		.identity = identity,
		.resolver = resolver,
		.loop = loop,
		.domain = str_of(domain),
	};
	answers = 0;
	route_start(route, on_route);
	assert_int_equal(answers, 0); /* never from within */
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
}

static void
find(struct route *route, const char *domain)
{
	find_as(route, NULL, domain);
}

/* ---- the world ---- */

#define MX(name, value) \
	{ \
		name, DNS_MX, value, DNS_FOUND, false, 60 \
	}
#define A(name, value) \
	{ \
		name, DNS_A, value, DNS_FOUND, false, 60 \
	}
#define AAAA(name, value) \
	{ \
		name, DNS_AAAA, value, DNS_FOUND, false, 60 \
	}
#define FAILS(name, type) \
	{ \
		name, type, NULL, DNS_TEMPFAIL, false, 0 \
	}

/* 63 octets of a label, as the resolver writes them: no SNI is so long. */
#define ESCAPED "\\001\\001\\001\\001\\001\\001\\001"
#define LABEL \
	ESCAPED ESCAPED ESCAPED ESCAPED ESCAPED ESCAPED ESCAPED ESCAPED ESCAPED
#define LONG_NAME LABEL "." LABEL ".test"

static const struct fake_record world[] = {
	A("mx1.test", "11.0.0.1"),
	AAAA("mx1.test", "2600::1"),
	A("mx2.test", "11.0.0.2"),
	A("mx2.test", "11.0.0.22"),
	A("private.test", "10.0.0.1"),
	A("looped.test", "127.0.0.1"),
	AAAA("six.test", "2600::6"),
	FAILS("broken.test", 0),
	A("many.test", "11.0.1.1"),
	A("many.test", "11.0.1.2"),
	A("many.test", "11.0.1.3"),
	A("many.test", "11.0.1.4"),
	A("many.test", "11.0.1.5"),
	A("many.test", "11.0.1.6"),
	A("mail.ours.test", "11.0.0.99"),
	A("also-us.test", "11.0.0.99"),
	/* domains */
	MX("plain.test", "10 mx1.test"),
	MX("two.test", "20 mx2.test"),
	MX("two.test", "10 mx1.test"),
	MX("null.test", "0 ."),
	MX("odd-null.test", "0 ."),
	MX("odd-null.test", "10 mx1.test"),
	A("address.test", "11.0.0.7"),
	{ "alias.test", DNS_CNAME, "plain.test", DNS_FOUND, false, 60 },
	{ "text.test", DNS_TXT, "no mail here", DNS_FOUND, false, 60 },
	FAILS("servfail.test", DNS_MX),
	A("servfail.test", "11.0.0.8"),
	MX("dangling.test", "10 nowhere.test"),
	MX("misnamed.test", "10 " LONG_NAME),
	MX("half-misnamed.test", "10 " LONG_NAME),
	MX("half-misnamed.test", "20 mx1.test"),
	MX("quoted.test", "10 mx\"1.test"),
	A(LONG_NAME, "11.0.0.66"),
	A("mx\"1.test", "11.0.0.66"),
	MX("half.test", "10 nowhere.test"),
	MX("half.test", "20 mx1.test"),
	MX("shaky.test", "10 broken.test"),
	MX("shaky.test", "20 nowhere.test"),
	MX("half-shaky.test", "10 broken.test"),
	MX("half-shaky.test", "20 mx1.test"),
	MX("inside.test", "10 private.test"),
	MX("inside.test", "20 looped.test"),
	MX("half-inside.test", "10 private.test"),
	MX("half-inside.test", "20 mx1.test"),
	MX("six-only.test", "10 six.test"),
	MX("big.test", "10 many.test"),
	MX("big.test", "20 mx1.test"),
	MX("us.test", "10 MAIL.ours.test"),
	MX("backup.test", "10 mx1.test"),
	MX("backup.test", "20 mail.ours.test"),
	MX("backup.test", "30 mx2.test"),
	MX("equal.test", "10 mail.ours.test"),
	MX("equal.test", "10 mx1.test"),
	MX("us-by-address.test", "10 also-us.test"),
	MX("backup-by-address.test", "10 mx1.test"),
	MX("backup-by-address.test", "20 also-us.test"),
	MX("backup-by-address.test", "30 mx2.test"),
	{ 0 },
};

static void
set_up_world(void)
{
	settings = (struct settings){
		.hostname = STR("mail.ours.test"),
		.relay_host = STR(""),
		.outbound_port = 25,
		.ports = { [PORT_SMTP] = 25 },
	};
	settings.public_ip.count = 1;
	ip_parse(STR("11.0.0.99"), &settings.public_ip.ips[0]);
	fake_resolver_use(world);
}

/* ---- routes of domains ---- */

static void
leads_to_the_hosts_that_the_dns_names(void **state)
{
	static const struct {
		const char *domain, *wanted;
	} cases[] = {
		{ "plain.test", "mx1.test 11.0.0.1:25" },
		{ "two.test",
		    "mx1.test 11.0.0.1:25, mx2.test 11.0.0.2:25, "
		    "mx2.test 11.0.0.22:25" },
		{ "alias.test", "mx1.test 11.0.0.1:25" },
		{ "address.test", "address.test 11.0.0.7:25" },
		{ "null.test", "556 5.1.10" },
		{ "odd-null.test", "mx1.test 11.0.0.1:25" },
		{ "nowhere.test", "550 5.1.2" },
		{ "text.test", "550 5.1.2" },
		{ "not a domain", "550 5.1.2" },
		{ "servfail.test", "451 4.4.3" },
		{ "dangling.test", "550 5.4.4" },
		{ "half.test", "mx1.test 11.0.0.1:25" },
		{ "misnamed.test", "550 5.4.4" },
		{ "half-misnamed.test", "mx1.test 11.0.0.1:25" },
		{ "quoted.test", "550 5.4.4" },
		{ "shaky.test", "451 4.4.3" },
		{ "half-shaky.test", "mx1.test 11.0.0.1:25" },
		{ "inside.test", "550 5.4.4" },
		{ "half-inside.test", "mx1.test 11.0.0.1:25" },
		{ "six-only.test", "550 5.4.4" },
		{ "us.test", "554 5.4.6" },
		{ "mail.ours.test", "554 5.4.6" },
		{ "backup.test", "mx1.test 11.0.0.1:25" },
		{ "equal.test", "554 5.4.6" },
		{ "us-by-address.test", "554 5.4.6" },
		{ "backup-by-address.test", "mx1.test 11.0.0.1:25" },
		{ "[11.0.0.5]", "[11.0.0.5] 11.0.0.5:25" },
		{ "[ipv6:2600::5]", "550 5.4.4" },
		{ "[10.0.0.5]", "550 5.4.4" },
		{ "[11.0.0.99]", "554 5.4.6" },
		{ "[11.0.0]", "550 5.1.2" },
		{ "big.test",
		    "many.test 11.0.1.1:25, many.test 11.0.1.2:25, "
		    "many.test 11.0.1.3:25, many.test 11.0.1.4:25, "
		    "many.test 11.0.1.5:25, mx1.test 11.0.0.1:25" },
	};
	(void)state;
	struct route route;
	struct buf text = { 0 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up_world();
		find(&route, cases[i].domain);
		assert_str(describe(&route, &text), str_of(cases[i].wanted));
		route_end(&route);
	}
	buf_free(&text);
}

static void
settings_change_the_route(void **state)
{
	static const struct {
		const char *domain, *wanted;
		enum outbound_family family;
		bool private;
		uint16_t port;
	} cases[] = {
		{ "six-only.test", "six.test [2600::6]", OUTBOUND_IPV6, false,
		    25 },
		{ "plain.test", "mx1.test [2600::1]", OUTBOUND_IPV6, false,
		    25 },
		{ "[ipv6:2600::5]", "[ipv6:2600::5] [2600::5]", OUTBOUND_IPV6,
		    false, 25 },
		{ "inside.test", "private.test 10.0.0.1, looped.test 127.0.0.1",
		    OUTBOUND_AUTO, true, 25 },
		{ "plain.test", "mx1.test 11.0.0.1", OUTBOUND_IPV4, false,
		    2600 },
		/* another server on our address, behind another port */
		{ "us-by-address.test", "also-us.test 11.0.0.99", OUTBOUND_AUTO,
		    false, 2600 },
	};
	(void)state;
	struct route route;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up_world();
		settings.outbound = cases[i].family;
		settings.allow_private_destinations = cases[i].private;
		settings.outbound_port = cases[i].port;
		find(&route, cases[i].domain);
		struct buf text = { 0 };
		for (size_t n = 0; n < route.count; n++) {
			char ip[IP_TEXT];
			const struct route_hop *hop = &route.hops[n];
			ip_print(hop->ip, ip);
			buf_addf(&text,
			    hop->ip.family == 6 ? "%s%s [%s]" : "%s%s %s",
			    n ? ", " : "", hop->host.p, ip);
			assert_int_equal(hop->port, cases[i].port);
		}
		assert_str(buf_str(&text), str_of(cases[i].wanted));
		buf_free(&text);
		route_end(&route);
	}
}

/* Our IPv6 address is as receivers want it: both families of a host, IPv6
   before IPv4, and hosts in their own order. */
static void
both_families_are_used_when_ipv6_is_complete(void **state)
{
	static const struct {
		const char *domain, *wanted;
	} cases[] = {
		{ "two.test",
		    "mx1.test 2600::1:25, mx1.test 11.0.0.1:25, "
		    "mx2.test 11.0.0.2:25, mx2.test 11.0.0.22:25" },
		{ "six-only.test", "six.test 2600::6:25" },
		{ "address.test", "address.test 11.0.0.7:25" },
		{ "[ipv6:2600::5]", "[ipv6:2600::5] 2600::5:25" },
		{ "[11.0.0.5]", "[11.0.0.5] 11.0.0.5:25" },
	};
	struct identity identity = { 0 };
	struct buf text = { 0 };
	struct route route;
	(void)state;
	identity.families[1].state = IDENTITY_COMPLETE;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up_world();
		find_as(&route, &identity, cases[i].domain);
		assert_str(describe(&route, &text), str_of(cases[i].wanted));
		route_end(&route);
	}
	buf_free(&text);
}

/* Our IPv4 address lacks something: of equals the IPv6 addresses come first,
   never before a better one's; a host without IPv6 keeps its place. */
static void
ipv6_of_equals_comes_first_when_ipv4_is_wrong(void **state)
{
	static const struct fake_record rows[] = {
		MX("d.test", "5 best.test"),
		MX("d.test", "10 four.test"),
		MX("d.test", "10 both.test"),
		MX("d.test", "20 last.test"),
		A("best.test", "11.0.0.1"),
		A("four.test", "11.0.0.2"),
		A("both.test", "11.0.0.3"),
		AAAA("both.test", "2600::3"),
		AAAA("last.test", "2600::4"),
		{ 0 },
	};
	static const char best[] = "best.test 11.0.0.1:25, ";
	struct identity identity = { 0 };
	struct buf text = { 0 };
	unsigned seen[2] = { 0 }; /* by the state of IPv4 */
	(void)state;
	set_up_world();
	fake_resolver_use(rows);
	identity.families[1].state = IDENTITY_COMPLETE;
	for (int i = 0; i < 100; i++) {
		struct route route;
		enum identity_state four =
		    i % 2 ? IDENTITY_INCOMPLETE : IDENTITY_UNKNOWN;
		identity.families[0].state = four;
		find_as(&route, &identity, "d.test");
		struct str hops = describe(&route, &text);
		assert_int_equal(route.count, 5);
		assert_true(str_starts(hops, str_of(best)));
		assert_true(str_ends(hops, STR("last.test 2600::4:25")));
		seen[i % 2] += route.hops[1].ip.family == 6;
		route_end(&route);
	}
	assert_int_equal(seen[1], 50);
	assert_in_range(seen[0], 1, 49); /* as chance has it */
	buf_free(&text);
}

/* RFC 5321 5.1: every order of equals comes, and none before a better one */
static void
equals_come_in_random_order(void **state)
{
	static const struct fake_record rows[] = {
		MX("d.test", "5 first.test"),
		MX("d.test", "10 a.test"),
		MX("d.test", "10 b.test"),
		MX("d.test", "10 c.test"),
		A("first.test", "11.0.0.1"),
		A("a.test", "11.0.0.2"),
		A("b.test", "11.0.0.3"),
		A("c.test", "11.0.0.4"),
		{ 0 },
	};
	(void)state;
	set_up_world();
	fake_resolver_use(rows);
	unsigned seen[64] = { 0 };
	size_t orders = 0;
	for (int i = 0; i < 300; i++) {
		struct route route;
		find(&route, "d.test");
		assert_int_equal(route.count, 4);
		assert_str(route.hops[0].host, STR("first.test"));
		unsigned order = 0;
		for (size_t n = 1; n < 4; n++)
			order = order * 4 +
			    (unsigned)(route.hops[n].host.p[0] - 'a');
		orders += seen[order]++ == 0;
		route_end(&route);
	}
	assert_int_equal(orders, 6);
}

static void
a_great_many_hosts_cost_a_few_questions(void **state)
{
	static struct fake_record rows[2 * 40 + 1];
	static char values[40][32], names[40][32];
	(void)state;
	set_up_world();
	for (int i = 0; i < 40; i++) {
		snprintf(values[i], sizeof values[i], "%d h%d.test", i, i);
		snprintf(names[i], sizeof names[i], "h%d.test", i);
		rows[2 * i] = (struct fake_record)MX("d.test", values[i]);
		rows[2 * i + 1] = (struct fake_record)A(names[i], "11.0.0.1");
	}
	fake_resolver_use(rows);
	struct route route;
	find(&route, "d.test");
	assert_int_equal(route.count, ROUTE_HOSTS);
	assert_int_equal(fake_resolver_asked(), 1 + ROUTE_HOSTS);
	assert_str(route.hops[0].host, STR("h0.test"));
	route_end(&route);
}

/* ---- the smarthost ---- */

static void
all_goes_to_the_smarthost(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		enum relay_tls tls;
		const char *wanted;
		enum smtp_client_tls must;
		enum tls_check check;
		bool plain;
	} cases[] = {
		{ "private.test", 587, RELAY_TLS_VERIFY,
		    "private.test 10.0.0.1:587", CLIENT_TLS_MUST,
		    TLS_CHECK_PKIX, false },
		{ "10.0.0.9", 465, RELAY_TLS_VERIFY, "10.0.0.9 10.0.0.9:465",
		    CLIENT_TLS_IMPLICIT, TLS_CHECK_PKIX, false },
		{ "mx1.test", 25, RELAY_TLS_OPPORTUNISTIC,
		    "mx1.test 11.0.0.1:25", CLIENT_TLS_MAY, TLS_CHECK_NOTHING,
		    true },
		{ "mx1.test", 465, RELAY_TLS_OPPORTUNISTIC,
		    "mx1.test 11.0.0.1:465", CLIENT_TLS_IMPLICIT,
		    TLS_CHECK_NOTHING, false },
		{ "mx1.test", 465, RELAY_TLS_NONE, "mx1.test 11.0.0.1:465",
		    CLIENT_TLS_NONE, TLS_CHECK_NOTHING, false },
		/* whatever is wrong with it, mail waits */
		{ "nowhere.test", 25, RELAY_TLS_NONE, "451 4.4.4",
		    CLIENT_TLS_NONE, TLS_CHECK_NOTHING, false },
		{ "broken.test", 25, RELAY_TLS_NONE, "451 4.4.3",
		    CLIENT_TLS_NONE, TLS_CHECK_NOTHING, false },
	};
	(void)state;
	struct route route;
	struct buf text = { 0 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up_world();
		settings.relay_host = str_of(cases[i].host);
		settings.relay_port = cases[i].port;
		settings.relay_tls = cases[i].tls;
		find(&route, "");
		assert_str(describe(&route, &text), str_of(cases[i].wanted));
		if (route.count > 0) {
			const struct requirement *r =
			    &route.hops[0].requirement;
			assert_int_equal(r->tls, cases[i].must);
			assert_int_equal(r->check, cases[i].check);
			assert_int_equal(r->plain, cases[i].plain);
		}
		route_end(&route);
	}
	buf_free(&text);
}

static void
an_mx_is_opportunistic(void **state)
{
	(void)state;
	struct route route;
	set_up_world();
	find(&route, "plain.test");
	assert_string_equal(route.hops[0].requirement.proof, "opportunistic");
	assert_int_equal(route.hops[0].requirement.tls, CLIENT_TLS_MAY);
	assert_int_equal(route.hops[0].requirement.check, TLS_CHECK_NOTHING);
	route_end(&route);
}

/* ---- cancelling ---- */

static void
may_be_ended_at_any_time(void **state)
{
	static const char *const domains[] = { "two.test", "[11.0.0.5]", "" };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct route route = { .settings = &settings,
			.resolver = resolver,
			.loop = loop,
			.domain = str_of(domains[i]) };
		set_up_world();
		settings.relay_host = STR("mx1.test");
		answers = 0;
		route_end(&route); /* idle */
		route_start(&route, on_route);
		route_end(&route); /* not begun */
		fake_loop_settle(loop);
		fake_resolver_hold(true);
		route_start(&route, on_route);
		fake_loop_settle(loop);
		route_end(&route); /* asking */
		fake_resolver_hold(false);
		fake_loop_settle(loop);
		route_end(&route);
		assert_true(answers <= 1); /* the literal's came */
	}
}

static int
setup(void **state)
{
	(void)state;
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_to_the_hosts_that_the_dns_names),
		cmocka_unit_test(settings_change_the_route),
		cmocka_unit_test(both_families_are_used_when_ipv6_is_complete),
		cmocka_unit_test(ipv6_of_equals_comes_first_when_ipv4_is_wrong),
		cmocka_unit_test(equals_come_in_random_order),
		cmocka_unit_test(a_great_many_hosts_cost_a_few_questions),
		cmocka_unit_test(all_goes_to_the_smarthost),
		cmocka_unit_test(an_mx_is_opportunistic),
		cmocka_unit_test(may_be_ended_at_any_time),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
