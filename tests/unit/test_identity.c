#include "smtpd/delivery/identity.h"

#include "lib/net/source.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NIBBLES \
	"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
#define RECORD(name, type, value) \
	{ \
		name, type, value, DNS_FOUND, false, 60 \
	}
#define ALL_OF_IPV6 \
	RECORD("mail.ours.test", DNS_AAAA, "2001:db8::1"), \
	    RECORD("ours.test", DNS_TXT, "v=spf1 ip6:2001:db8::1 -all"), \
	    RECORD("mail.ours.test", DNS_TXT, "v=spf1 a -all")

static const struct fake_record good[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "mail.ours.test"),
	ALL_OF_IPV6,
	{ 0 },
};
static const struct fake_record no_ptr[] = { ALL_OF_IPV6, { 0 } };
static const struct fake_record other_name[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "host1.provider.test"),
	RECORD("host1.provider.test", DNS_AAAA, "2001:db8::1"),
	ALL_OF_IPV6,
	{ 0 },
};
static const struct fake_record leads_elsewhere[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "mail.ours.test"),
	RECORD("mail.ours.test", DNS_AAAA, "2001:db8::2"),
	{ 0 },
};
static const struct fake_record no_spf[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "mail.ours.test"),
	RECORD("mail.ours.test", DNS_AAAA, "2001:db8::1"),
	RECORD("mail.ours.test", DNS_TXT, "v=spf1 a -all"),
	RECORD("ours.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all"),
	{ 0 },
};
static const struct fake_record no_host_spf[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "mail.ours.test"),
	RECORD("mail.ours.test", DNS_AAAA, "2001:db8::1"),
	RECORD("ours.test", DNS_TXT, "v=spf1 mx a:mail.ours.test -all"),
	{ 0 },
};
static const struct fake_record both[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "mail.ours.test"),
	RECORD("8.8.8.8.in-addr.arpa", DNS_PTR, "mail.ours.test"),
	RECORD("mail.ours.test", DNS_A, "8.8.8.8"),
	RECORD("mail.ours.test", DNS_AAAA, "2001:db8::1"),
	RECORD("mail.ours.test", DNS_TXT, "v=spf1 a -all"),
	RECORD("ours.test", DNS_TXT, "v=spf1 a:mail.ours.test -all"),
	{ 0 },
};
static const struct fake_record two_names[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "host1.provider.test"),
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "a.provider.test"),
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "b.provider.test"),
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "mail.ours.test"),
	RECORD("host1.provider.test", DNS_AAAA, "2001:db8::1"),
	ALL_OF_IPV6,
	{ 0 },
};
static const struct fake_record shops[] = {
	RECORD("1.0.0.0." NIBBLES, DNS_PTR, "mail.ours.test"),
	ALL_OF_IPV6,
	RECORD("shop.test", DNS_TXT, "v=spf1 ip6:2001:db8::1 -all"),
	RECORD("club.test", DNS_TXT, "v=spf1 a:mail.ours.test ~all"),
	RECORD("old.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 ~all"),
	{ "dead.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	{ 0 },
};
static const struct fake_record dead[] = {
	{ "1.0.0.0." NIBBLES, 0, NULL, DNS_TEMPFAIL, false, 0 },
	{ "ours.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	{ "mail.ours.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
	{ 0 },
};

static struct loop *loop;
static struct resolver *resolver;
static struct settings settings;
static struct ip chosen;
static struct identity *identity;
static struct buf text;
static const char *domains[3]; /* ours, in the directory */
static struct directory_listener *listener;

/* In place of lib/net/source.c and of smtpd/local. */
struct ip
source_address(uint8_t family)
{
	return chosen.family == family ? chosen : (struct ip){ 0 };
}

const struct directory *
directory_now(struct directory_keeper *keeper)
{
	(void)keeper;
	return NULL;
}

struct str
directory_domain(const struct directory *directory, size_t n)
{
	(void)directory;
	return n < sizeof domains / sizeof *domains ? str_of(domains[n])
						    : STR("");
}

void
directory_listen(struct directory_keeper *keeper, struct directory_listener *l,
    void (*changed)(struct directory_listener *, const struct directory *))
{
	(void)keeper;
	l->changed = changed;
	listener = l;
}

static struct ip
ip_of(const char *address)
{
	struct ip ip;
	assert_true(ip_parse(str_of(address), &ip));
	return ip;
}

static void
set_domains(const char *first, const char *second, const char *third)
{
	domains[0] = first;
	domains[1] = second;
	domains[2] = third;
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	resolver = resolver_new(loop, "", true);
	settings = (struct settings){ .hostname = STR("mail.ours.test") };
	settings.public_ip.ips[0] = ip_of("2001:db8::1");
	settings.public_ip.count = 1;
	chosen = (struct ip){ 0 };
	set_domains("ours.test", NULL, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	identity_free(identity);
	identity_free(NULL);
	identity = NULL;
	resolver_free(resolver);
	loop_free(loop);
	buf_free(&text);
	return 0;
}

static void
begin(void)
{
	identity = identity_new(&(struct identity_parts){
	    .loop = loop, .settings = &settings, .resolver = resolver });
}

static void
start(const struct fake_record *world)
{
	identity_free(identity);
	fake_resolver_use(world);
	begin();
	fake_loop_advance(loop, 0);
	fake_loop_settle(loop);
}

static bool
allows(uint8_t family)
{
	return identity_allows(identity, &settings, family);
}

static void
assert_says(uint8_t family, const char *wanted)
{
	buf_clear(&text);
	identity_describe(identity, family, &text);
	assert_str(buf_str(&text), str_of(wanted));
}

/* ---- cases ---- */

static void
ipv6_is_used_when_all_agrees(void **state)
{
	(void)state;
	start(good);
	assert_true(allows(6));
	assert_true(allows(4));
	assert_says(6, "IPv6 2001:db8::1: used, complete");
	assert_says(4,
	    "IPv4: used, untested: no address that others see is known; "
	    "POSTERN_PUBLIC_IP can name it");
}

static void
each_thing_that_is_missing_is_named(void **state)
{
	static const struct {
		const struct fake_record *world;
		const char *why;
	} cases[] = {
		{ no_ptr, "incomplete: it has no reverse name (PTR)" },
		{ other_name,
		    "incomplete: its reverse name is host1.provider.test, not "
		    "mail.ours.test" },
		{ leads_elsewhere,
		    "incomplete: its reverse name mail.ours.test doesn't lead "
		    "back to it" },
		{ no_spf, "incomplete: SPF of ours.test says fail for it" },
		{ no_host_spf,
		    "incomplete: SPF of mail.ours.test says none for it" },
		{ dead, "untested: the DNS doesn't answer" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf wanted = { 0 };
		start(cases[i].world);
		assert_false(allows(6));
		assert_true(allows(4)); /* never nothing */
		buf_addf(
		    &wanted, "IPv6 2001:db8::1: not used, %s", cases[i].why);
		assert_says(6, buf_cstr(&wanted));
		buf_free(&wanted);
	}
}

static void
nothing_is_known_before_the_answers(void **state)
{
	(void)state;
	fake_resolver_use(good);
	fake_resolver_hold(true);
	begin();
	fake_loop_advance(loop, 0);
	assert_false(allows(6));
	assert_true(allows(4));
	assert_false(identity_allows(NULL, &settings, 6));
	assert_true(identity_allows(NULL, &settings, 4));
}

static void
a_setting_decides_for_itself(void **state)
{
	(void)state;
	start(no_ptr);
	settings.outbound = OUTBOUND_IPV6;
	assert_true(allows(6));
	assert_false(allows(4));
	start(good);
	settings.outbound = OUTBOUND_IPV4;
	assert_false(allows(6));
	assert_true(allows(4));
	assert_says(6,
	    "IPv6 2001:db8::1: not used, as POSTERN_OUTBOUND says, complete");
	assert_says(4,
	    "IPv4: used, as POSTERN_OUTBOUND says, untested: no address that "
	    "others see is known; POSTERN_PUBLIC_IP can name it");
}

/* Any of several PTRs counts, wherever it stands. */
static void
one_reverse_name_of_several_is_enough(void **state)
{
	(void)state;
	start(two_names);
	assert_says(6, "IPv6 2001:db8::1: used, complete");
}

/* A session has mail of all our domains. */
static void
the_spf_of_each_domain_counts(void **state)
{
	static const struct {
		const char *second, *third, *says;
	} cases[] = {
		{ "shop.test", "club.test", "used, complete" },
		{ "shop.test", "old.test",
		    "not used, incomplete: SPF of old.test says softfail for "
		    "it" },
		{ "new.test", "shop.test",
		    "not used, incomplete: SPF of new.test says none for it" },
		{ "dead.test", "shop.test",
		    "not used, untested: the DNS of dead.test doesn't answer" },
		{ "dead.test", "old.test",
		    "not used, incomplete: SPF of old.test says softfail for "
		    "it" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf wanted = { 0 };
		set_domains("ours.test", cases[i].second, cases[i].third);
		start(shops);
		buf_addf(&wanted, "IPv6 2001:db8::1: %s", cases[i].says);
		assert_says(6, buf_cstr(&wanted));
		buf_free(&wanted);
	}
}

/* Domains are asked about one after the other, until one is wrong. */
static void
nothing_is_asked_that_cannot_matter(void **state)
{
	(void)state;
	start(no_ptr);
	unsigned host = fake_resolver_asked();
	set_domains("ours.test", "shop.test", "old.test");
	start(no_ptr);
	assert_int_equal(fake_resolver_asked(), host);
	set_domains("old.test", "ours.test", "shop.test");
	start(shops);
	unsigned one = fake_resolver_asked();
	set_domains("ours.test", "shop.test", "old.test");
	start(shops);
	assert_int_equal(fake_resolver_asked(), one + 2);
}

static void
another_domain_is_asked_about_at_once(void **state)
{
	(void)state;
	start(shops);
	assert_true(allows(6));
	unsigned asked = fake_resolver_asked();
	listener->changed(listener, NULL); /* of a user, say */
	fake_loop_advance(loop, 0);
	fake_loop_settle(loop);
	assert_int_equal(fake_resolver_asked(), asked);
	set_domains("ours.test", "old.test", NULL);
	listener->changed(listener, NULL);
	fake_resolver_hold(true);
	fake_loop_advance(loop, 0);
	set_domains("ours.test", "new.test", NULL);
	listener->changed(listener, NULL); /* while it asks about those */
	fake_resolver_hold(false);
	fake_loop_advance(loop, 0);
	fake_loop_settle(loop);
	assert_says(6,
	    "IPv6 2001:db8::1: not used, incomplete: SPF of new.test says "
	    "none for it");
}

static bool
ipv6_is_first(void)
{
	return identity_puts_ipv6_first(identity, &settings);
}

static void
ipv6_is_first_when_ipv4_is_wrong(void **state)
{
	(void)state;
	start(good);
	assert_false(ipv6_is_first()); /* nothing is known of IPv4 */
	chosen = ip_of("8.8.8.8");
	start(good);
	assert_true(ipv6_is_first());
	assert_true(allows(4));
	assert_says(4,
	    "IPv4 8.8.8.8: used after IPv6, incomplete: it has no reverse "
	    "name (PTR)");
	settings.outbound = OUTBOUND_IPV4;
	assert_false(ipv6_is_first());
	settings.outbound = OUTBOUND_AUTO;
	start(no_ptr); /* both are wrong */
	assert_false(ipv6_is_first());
	start(both);
	assert_false(ipv6_is_first());
	assert_says(4, "IPv4 8.8.8.8: used, complete");
	assert_false(identity_puts_ipv6_first(NULL, &settings));
}

static void
it_is_asked_again_every_hour(void **state)
{
	(void)state;
	start(no_ptr);
	fake_resolver_use(good);
	fake_loop_advance(loop, IDENTITY_AGAIN_MS - 1);
	assert_false(allows(6));
	fake_loop_advance(loop, 1);
	fake_loop_settle(loop);
	assert_true(allows(6));
	fake_resolver_use(no_ptr);
	fake_loop_advance(loop, IDENTITY_AGAIN_MS);
	fake_loop_settle(loop);
	assert_false(allows(6));
}

/* A resolver that is away for a while says nothing about our address. */
static void
what_is_good_outlasts_trouble_of_the_dns(void **state)
{
	(void)state;
	start(good);
	fake_resolver_use(dead);
	fake_loop_advance(loop, IDENTITY_AGAIN_MS);
	fake_loop_settle(loop);
	assert_true(allows(6));
	fake_resolver_use(no_ptr);
	fake_loop_advance(loop, IDENTITY_SOON_MS);
	fake_loop_settle(loop);
	assert_false(allows(6));
}

static void
the_address_is_the_one_that_others_see(void **state)
{
	static const struct {
		const char *outbound, *public, *chosen, *used;
	} cases[] = {
		{ NULL, "192.0.2.1", "198.51.100.1", "192.0.2.1" },
		{ "203.0.113.1", NULL, "8.8.8.8", "203.0.113.1" },
		{ "10.0.0.1", "8.8.4.4", NULL, "8.8.4.4" },
		{ "8.8.8.8", "8.8.4.4", NULL, "8.8.8.8" },
		{ NULL, NULL, "8.8.8.8", "8.8.8.8" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf wanted = { 0 };
		settings.public_ip.count = cases[i].public != NULL;
		settings.outbound_address.count = cases[i].outbound != NULL;
		if (cases[i].public)
			settings.public_ip.ips[0] = ip_of(cases[i].public);
		if (cases[i].outbound)
			settings.outbound_address.ips[0] =
			    ip_of(cases[i].outbound);
		chosen =
		    cases[i].chosen ? ip_of(cases[i].chosen) : (struct ip){ 0 };
		start(no_ptr);
		buf_addf(&wanted,
		    "IPv4 %s: used, incomplete: it has no reverse name (PTR)",
		    cases[i].used);
		assert_says(4, buf_cstr(&wanted));
		buf_free(&wanted);
	}
	settings.public_ip.count = settings.outbound_address.count = 0;
	chosen = ip_of("192.168.1.5"); /* behind NAT */
	start(no_ptr);
	assert_says(4,
	    "IPv4: used, untested: no address that others see is known; "
	    "POSTERN_PUBLIC_IP can name it");
}

static void
it_may_end_while_it_asks(void **state)
{
	(void)state;
	fake_resolver_use(good);
	fake_resolver_hold(true);
	begin();
	fake_loop_advance(loop, 0);
	assert_true(fake_resolver_asked() > 0);
	identity_free(identity);
	identity = NULL;
	fake_resolver_hold(false);
	fake_loop_settle(loop);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(ipv6_is_used_when_all_agrees),
		CASE(each_thing_that_is_missing_is_named),
		CASE(nothing_is_known_before_the_answers),
		CASE(a_setting_decides_for_itself),
		CASE(one_reverse_name_of_several_is_enough),
		CASE(the_spf_of_each_domain_counts),
		CASE(nothing_is_asked_that_cannot_matter),
		CASE(another_domain_is_asked_about_at_once),
		CASE(ipv6_is_first_when_ipv4_is_wrong),
		CASE(it_is_asked_again_every_hour),
		CASE(what_is_good_outlasts_trouble_of_the_dns),
		CASE(the_address_is_the_one_that_others_see),
		CASE(it_may_end_while_it_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
