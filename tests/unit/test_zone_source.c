/* What a plan is made from: settings, this host's addresses, and dns/. */
#include "lib/base/file.h"
#include "lib/zone/source.h"
#include "tests/unit/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct data_folder folder;
static struct zone_source source;

static void
write_record(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/dns", folder.path);
	assert_true(file_mkdirs(path, 0755));
	snprintf(path, sizeof path, "%s/dns/%s", folder.path, name);
	assert_true(
	    file_replace(path, str_of(text), 0644, (uid_t)-1, (gid_t)-1));
}

static const struct zone_inputs *
read_source(const char *domain)
{
	zone_source_free(&source);
	zone_source_read(&source, &folder.settings, str_of(domain));
	return &source.inputs;
}

static int
setup(void **state)
{
	(void)state;
	data_folder_make(&folder);
	folder.settings.dmarc_publish = STR("quarantine");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	zone_source_free(&source);
	data_folder_remove(&folder);
	return 0;
}

static void
settings_are_taken_over(void **state)
{
	(void)state;
	folder.settings.public_ip.count = 2;
	assert_true(
	    ip_parse(STR("192.0.2.7"), &folder.settings.public_ip.ips[0]));
	assert_true(
	    ip_parse(STR("2001:db8::7"), &folder.settings.public_ip.ips[1]));
	const struct zone_inputs *in = read_source("example.test");
	assert_true(str_eq(in->domain, STR("example.test")));
	assert_true(str_eq(in->hostname, STR("mail.example.test")));
	assert_true(str_eq(in->dmarc_policy, STR("quarantine")));
	assert_ptr_equal(in->ports, folder.settings.ports);
	assert_int_equal(in->ip_count, 2);
	assert_true(ip_eq(in->ips[1], folder.settings.public_ip.ips[1]));
	assert_false(in->sts); /* there is nothing to serve the policy yet */
}

/* Whatever interfaces this host has. */
static void
found_addresses_are_public(void **state)
{
	(void)state;
	const struct zone_inputs *in = read_source("example.test");
	assert_true(in->ip_count <= SETTINGS_LIST);
	for (size_t i = 0; i < in->ip_count; i++) {
		assert_false(ip_is_special(in->ips[i]));
		for (size_t k = 0; k < i; k++)
			assert_false(ip_eq(in->ips[i], in->ips[k]));
	}
}

static void
nothing_made_yet_is_no_error(void **state)
{
	(void)state;
	const struct zone_inputs *in = read_source("example.test");
	assert_int_equal(in->key_count, 0);
	assert_int_equal(in->tlsa.n, 0);
}

static void
keys_are_those_of_the_domain(void **state)
{
	static const char *const others[] = { "example.test.zone", "tlsa",
		"other.test.postern.txt", "xexample.test.a.txt",
		"example.test.txt", "example.test..txt",
		"example.test.au.postern.txt", "example.test.half" };
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		write_record(others[i], "not this one\n");
	write_record("example.test.s2.txt", "v=DKIM1; k=rsa; p=BBBB\n");
	write_record("example.test.postern.txt", " v=DKIM1; p=AAAA \r\n");
	write_record("example.test.empty.txt", "\n");
	const struct zone_inputs *in = read_source("example.test");
	assert_int_equal(in->key_count, 2);
	assert_true(str_eq(in->keys[0].selector, STR("postern")));
	assert_true(str_eq(in->keys[0].txt, STR("v=DKIM1; p=AAAA")));
	assert_true(str_eq(in->keys[1].selector, STR("s2")));
	assert_true(str_eq(in->keys[1].txt, STR("v=DKIM1; k=rsa; p=BBBB")));
}

static void
keys_are_bounded(void **state)
{
	char name[64];
	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "example.test.s%d.txt", i);
		write_record(name, "v=DKIM1; p=AAAA\n");
	}
	assert_int_equal(read_source("example.test")->key_count, 16);
}

static void
tlsa_is_read(void **state)
{
	(void)state;
	write_record("tlsa", "3 1 1 00ff\n");
	assert_true(
	    str_eq(read_source("example.test")->tlsa, STR("3 1 1 00ff")));
	write_record("tlsa", "");
	assert_int_equal(read_source("example.test")->tlsa.n, 0);
}

#define SOURCE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SOURCE_TEST(settings_are_taken_over),
		SOURCE_TEST(found_addresses_are_public),
		SOURCE_TEST(nothing_made_yet_is_no_error),
		SOURCE_TEST(keys_are_those_of_the_domain),
		SOURCE_TEST(keys_are_bounded),
		SOURCE_TEST(tlsa_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
