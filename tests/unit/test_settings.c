#include "lib/base/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* The environment is the arguments, "NAME=value" without POSTERN_. */
enum {
	MOST = 8
};

static struct settings settings;
static struct buf errors;

static bool
load(const char *const *variables)
{
	char *environment[MOST + 3] = { NULL };
	size_t n = 0;
	struct arena arena = { 0 };
	environment[n++] = mem_cstr(STR("PATH=/bin"));
	for (; *variables; variables++)
		environment[n++] =
		    mem_cstr(arena_printf(&arena, "POSTERN_%s", *variables));
	settings_free(&settings);
	buf_clear(&errors);
	bool good = settings_load(&settings, environment, &errors);
	while (n)
		free(environment[--n]);
	arena_free(&arena);
	assert_int_equal(good, errors.n == 0);
	return good;
}

#define LOAD(...) load((const char *const[MOST + 1]){ __VA_ARGS__ })

static size_t
lines_of_errors(void)
{
	size_t lines = 0;
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	return lines;
}

static void
assert_error(const char *text)
{
	if (!strstr(buf_cstr(&errors), text))
		fail_msg("no \"%s\" in:\n%s", text, buf_cstr(&errors));
}

static void
assert_str(struct str s, const char *text)
{
	assert_true(str_eq(s, str_of(text)));
	assert_string_equal(s.p, text); /* ended by a NUL */
}

static void
assert_ip(struct ip ip, const char *text)
{
	char printed[IP_TEXT];
	ip_print(ip, printed);
	assert_string_equal(printed, text);
}

static void
an_empty_environment_gives_the_defaults(void **state)
{
	(void)state;
	const struct settings *s = &settings;
	assert_true(LOAD(NULL));
	assert_int_equal(s->domain.count, 0);
	assert_str(s->hostname, "");
	assert_str(s->data, "/data");
	assert_str(s->run, "/run/postern");
	assert_int_equal(s->listen.count, 2);
	assert_ip(s->listen.ips[0], "0.0.0.0");
	assert_ip(s->listen.ips[1], "::");
	static const uint16_t ports[] = { 25, 465, 587, 80, 443, 993 };
	assert_memory_equal(s->ports, ports, sizeof(ports));
	assert_int_equal(s->public_ip.count, 0);
	assert_int_equal(s->resolver.count, 0);
	assert_int_equal(s->trust_ad, AUTO);
	assert_int_equal(s->dane, AUTO);
	assert_str(s->root_servers, "");
	assert_str(s->ca_file, "");
	assert_int_equal(s->outbound, OUTBOUND_AUTO);
	assert_int_equal(s->outbound_address.count, 0);
	assert_int_equal(s->outbound_port, 25);
	assert_false(s->allow_private_destinations);
	assert_true(s->mta_sts);
	assert_int_equal(s->sts_port, 443);
	assert_true(s->reports);
	assert_str(s->relay_host, "");
	assert_str(s->relay_user, "");
	assert_str(s->relay_password, "");
	assert_int_equal(s->relay_tls, RELAY_TLS_VERIFY);
	assert_int_equal(s->tls, TLS_ACME);
	assert_str(s->tls_cert, "");
	assert_str(s->tls_key, "");
	assert_int_equal(s->max_size, 50 << 20);
	assert_int_equal(s->max_recipients, 1000);
	assert_int_equal(s->max_connections, 2000);
	assert_int_equal(s->connections_per_ip, 20);
	assert_int_equal(s->auth_failures.count, 10);
	assert_int_equal(s->auth_failures.ms, 600000);
	assert_int_equal(s->user_rate.count, 300);
	assert_int_equal(s->user_rate.ms, 3600000);
	assert_int_equal(s->forward_rate.count, 3000);
	assert_int_equal(s->dmarc_action, ACTION_ENFORCE);
	assert_int_equal(s->spf_action, ACTION_ENFORCE);
	assert_int_equal(s->dnsbl.count, 0);
	assert_int_equal(s->dnsbl_action, DNSBL_JUNK);
	assert_str(s->dmarc_publish, "reject");
	assert_str(s->catchall, "");
	assert_int_equal(s->delimiter, '+');
	assert_int_equal(s->queue_lifetime_ms, 432000000);
	assert_int_equal(s->queue_warning_ms, 14400000);
	assert_int_equal(s->retry_min_ms, 300000);
	assert_int_equal(s->retry_max_ms, 14400000);
	assert_int_equal(s->log_level, LOG_INFO);
	assert_false(s->log_json);
	assert_false(s->ephemeral);
}

static void
names_are_read(void **state)
{
	(void)state;
	assert_true(LOAD("DOMAIN=Example.com, second.example.,EXAMPLE.com",
	    "HOSTNAME=MX.example.com.", "DATA=./data", "RUN=/tmp/run",
	    "CATCHALL=Jo.e+x@example.com", "ROOT_SERVERS=/r", "CA_FILE=/c"));
	assert_int_equal(settings.domain.count, 2);
	assert_str(settings.domain.items[0], "example.com");
	assert_str(settings.domain.items[1], "second.example");
	assert_str(settings.hostname, "mx.example.com");
	assert_str(settings.data, "./data");
	assert_str(settings.run, "/tmp/run");
	assert_str(settings.catchall, "Jo.e+x@example.com");
	assert_str(settings.root_servers, "/r");
	assert_str(settings.ca_file, "/c");
}

static void
addresses_are_read(void **state)
{
	(void)state;
	assert_true(LOAD("LISTEN=127.0.0.1, ::1,127.0.0.1",
	    "PUBLIC_IP=203.0.113.1", "RESOLVER=127.0.0.1:5353,[::1]:54,::2",
	    "OUTBOUND_ADDRESS=2001:db8::1,192.0.2.1", "OUTBOUND_PORT=2525",
	    "PORTS=smtp=2525, imaps=9993"));
	assert_int_equal(settings.listen.count, 2);
	assert_ip(settings.listen.ips[1], "::1");
	assert_int_equal(settings.public_ip.count, 1);
	assert_ip(settings.public_ip.ips[0], "203.0.113.1");
	assert_int_equal(settings.resolver.count, 3);
	assert_int_equal(settings.resolver.endpoints[0].port, 5353);
	assert_int_equal(settings.resolver.endpoints[1].port, 54);
	assert_int_equal(settings.resolver.endpoints[2].port, 53);
	assert_ip(settings.resolver.endpoints[2].ip, "::2");
	assert_int_equal(settings.outbound_address.count, 2);
	assert_int_equal(settings.outbound_port, 2525);
	static const uint16_t ports[] = { 2525, 0, 0, 0, 0, 9993 };
	assert_memory_equal(settings.ports, ports, sizeof(ports));
}

static void
words_become_their_enum(void **state)
{
	(void)state;
	assert_true(LOAD("DANE=yes"));
	assert_int_equal(settings.dane, YES);
	assert_true(LOAD("DANE=no"));
	assert_int_equal(settings.dane, NO);
	assert_true(LOAD("TRUST_AD=yes", "OUTBOUND=ipv6", "TLS=selfsigned",
	    "ALLOW_PRIVATE_DESTINATIONS=yes", "LOG_LEVEL=error",
	    "LOG_FORMAT=json", "EPHEMERAL=yes", "DMARC_PUBLISH=none"));
	assert_int_equal(settings.trust_ad, YES);
	assert_int_equal(settings.outbound, OUTBOUND_IPV6);
	assert_int_equal(settings.tls, TLS_SELFSIGNED);
	assert_true(settings.allow_private_destinations);
	assert_int_equal(settings.log_level, LOG_ERROR);
	assert_true(settings.log_json);
	assert_true(settings.ephemeral);
	assert_str(settings.dmarc_publish, "none");
	assert_true(LOAD("TRUST_AD=no", "OUTBOUND=ipv4", "TLS=acme",
	    "ALLOW_PRIVATE_DESTINATIONS=no", "LOG_LEVEL=debug",
	    "LOG_FORMAT=logfmt", "DMARC_PUBLISH=quarantine"));
	assert_int_equal(settings.trust_ad, NO);
	assert_int_equal(settings.outbound, OUTBOUND_IPV4);
	assert_int_equal(settings.tls, TLS_ACME);
	assert_false(settings.allow_private_destinations);
	assert_int_equal(settings.log_level, LOG_DEBUG);
	assert_false(settings.log_json);
	assert_true(LOAD("TLS=files", "TLS_CERT=/c.pem", "TLS_KEY=/k.pem",
	    "LOG_LEVEL=warn"));
	assert_int_equal(settings.tls, TLS_FILES);
	assert_str(settings.tls_cert, "/c.pem");
	assert_str(settings.tls_key, "/k.pem");
	assert_int_equal(settings.log_level, LOG_WARN);
}

static void
policies_and_reports_can_be_switched_off(void **state)
{
	(void)state;
	assert_true(LOAD("MTA_STS=no", "REPORTS=no", "STS_PORT=8443"));
	assert_false(settings.mta_sts);
	assert_false(settings.reports);
	assert_int_equal(settings.sts_port, 8443);
}

static void
numbers_are_read(void **state)
{
	(void)state;
	assert_true(LOAD("MAX_SIZE=64K", "MAX_RECIPIENTS=100",
	    "MAX_CONNECTIONS=1", "CONNECTIONS_PER_IP=100000",
	    "AUTH_FAILURES=3/1m", "USER_RATE=5/2d", "DELIMITER=-"));
	assert_int_equal(settings.max_size, 65536);
	assert_int_equal(settings.max_recipients, 100);
	assert_int_equal(settings.max_connections, 1);
	assert_int_equal(settings.connections_per_ip, 100000);
	assert_int_equal(settings.auth_failures.count, 3);
	assert_int_equal(settings.auth_failures.ms, 60000);
	assert_int_equal(settings.user_rate.ms, 2 * 86400000);
	assert_int_equal(settings.delimiter, '-');
	assert_true(LOAD("QUEUE_LIFETIME=1d", "QUEUE_WARNING=30s",
	    "RETRY_MIN=1s", "RETRY_MAX=1s", "DELIMITER=none"));
	assert_int_equal(settings.queue_lifetime_ms, 86400000);
	assert_int_equal(settings.queue_warning_ms, 30000);
	assert_int_equal(settings.retry_min_ms, 1000);
	assert_int_equal(settings.retry_max_ms, 1000);
	assert_int_equal(settings.delimiter, 0);
}

static void
actions_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *dmarc, *spf;
		enum policy_action action;
	} cases[] = {
		{ "DMARC_ACTION=enforce", "SPF_ACTION=enforce",
		    ACTION_ENFORCE },
		{ "DMARC_ACTION=strict", "SPF_ACTION=strict", ACTION_STRICT },
		{ "DMARC_ACTION=junk", "SPF_ACTION=junk", ACTION_JUNK },
		{ "DMARC_ACTION=mark", "SPF_ACTION=mark", ACTION_MARK },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(LOAD(cases[i].dmarc));
		assert_int_equal(settings.dmarc_action, cases[i].action);
		assert_int_equal(settings.spf_action, ACTION_ENFORCE);
		assert_true(LOAD(cases[i].spf));
		assert_int_equal(settings.spf_action, cases[i].action);
		assert_int_equal(settings.dmarc_action, ACTION_ENFORCE);
	}
}

static void
dns_lists_have_weights(void **state)
{
	(void)state;
	assert_true(LOAD("DNSBL=Zen.Example.org, bl.example.net.=40,c.d=1",
	    "DNSBL_ACTION=reject"));
	assert_int_equal(settings.dnsbl.count, 3);
	assert_str(settings.dnsbl.zones[0].zone, "zen.example.org");
	assert_int_equal(settings.dnsbl.zones[0].weight, 100);
	assert_str(settings.dnsbl.zones[1].zone, "bl.example.net");
	assert_int_equal(settings.dnsbl.zones[1].weight, 40);
	assert_int_equal(settings.dnsbl.zones[2].weight, 1);
	assert_int_equal(settings.dnsbl_action, DNSBL_REJECT);
}

static void
the_relay_has_a_port_by_its_login(void **state)
{
	(void)state;
	static const struct {
		const char *relay, *user, *password;
		const char *host;
		uint16_t port;
	} cases[] = {
		{ "RELAY=Smtp.Example.com", "RELAY_USER=", NULL,
		    "smtp.example.com", 25 },
		{ "RELAY=smtp.example.com", "RELAY_USER=u",
		    "RELAY_PASSWORD=p w", "smtp.example.com", 587 },
		{ "RELAY=localhost:465", "RELAY_USER=u", "RELAY_PASSWORD=p",
		    "localhost", 465 },
		{ "RELAY=192.0.2.1", "RELAY_USER=", NULL, "192.0.2.1", 25 },
		{ "RELAY=[2001:db8::1]:26", "RELAY_USER=", NULL, "2001:db8::1",
		    26 },
		{ "RELAY=2001:db8::1", "RELAY_USER=", NULL, "2001:db8::1", 25 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(
		    LOAD(cases[i].relay, cases[i].user, cases[i].password));
		assert_str(settings.relay_host, cases[i].host);
		assert_int_equal(settings.relay_port, cases[i].port);
	}
	assert_true(LOAD("RELAY=a.example",
	    "RELAY_SPF=include:_spf.a.example ip4:192.0.2.0/24"));
	assert_str(
	    settings.relay_spf, "include:_spf.a.example ip4:192.0.2.0/24");
	assert_true(LOAD("RELAY=a.example", "RELAY_TLS=none"));
	assert_int_equal(settings.relay_tls, RELAY_TLS_NONE);
	assert_true(LOAD("RELAY=a.example", "RELAY_TLS=opportunistic"));
	assert_int_equal(settings.relay_tls, RELAY_TLS_OPPORTUNISTIC);
}

static void
empty_means_unset(void **state)
{
	(void)state;
	assert_true(LOAD("DOMAIN=", "DATA=", "TLS_CERT=", "RETRY_MIN=",
	    "RELAY_PASSWORD=", "RELAY_PASSWORD_FILE="));
	assert_int_equal(settings.domain.count, 0);
	assert_str(settings.data, "/data");
	assert_int_equal(settings.retry_min_ms, 300000);
}

static void
bad_values_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"DOMAIN=example..com",
		"DOMAIN=example.com,,b.example",
		"DOMAIN=b\xc3\xbc"
		"cher.example",
		"DOMAIN=192.0.2.1",
		"DOMAIN=_a.example",
		"DOMAIN=a.b,c.b,d.b,e.b,f.b,g.b,h.b,i.b,j.b,k.b,l.b,m.b,n.b,"
		"o.b,p.b,q.b,r.b",
		"HOSTNAME=localhost",
		"HOSTNAME=203.0.113.1",
		"HOSTNAME=mail.example.com:25",
		"LISTEN=eth0",
		"LISTEN=127.0.0.1:25",
		"LISTEN=127.0.0.1,",
		"LISTEN=::1,::2,::3,::4,::5,::6,::7,::8,::9,::a,::b,::c,::d,"
		"::e,::f,::10,::11",
		"DATA=/da\nta",
		"PORTS=smtp",
		"PORTS=smtp=0",
		"PORTS=smtp=65536",
		"PORTS=smtp=25,smtp=26",
		"PORTS=smtp=25,submission=25",
		"PORTS=pop3=110",
		"PORTS=25",
		"PUBLIC_IP=host.example",
		"RESOLVER=127.0.0.1:x",
		"RESOLVER=::1,::2,::3,::4,::5,::6,::7,::8,::9,::a,::b,::c,::d,"
		"::e,::f,::10,::11",
		"TRUST_AD=true",
		"DANE=true",
		"OUTBOUND=ipv5",
		"OUTBOUND_ADDRESS=192.0.2.1,192.0.2.2",
		"OUTBOUND_ADDRESS=192.0.2.1,::1,::2",
		"OUTBOUND_PORT=smtp",
		"STS_PORT=0",
		"MTA_STS=enforce",
		"REPORTS=daily",
		"ALLOW_PRIVATE_DESTINATIONS=1",
		"RELAY=smtp.example.com:",
		"RELAY=smtp.example.com:99999",
		"RELAY=_smtp.example.com",
		"RELAY=smtps://example.com",
		"RELAY_TLS=yes",
		"RELAY_SPF=spf.example.net",
		"RELAY_SPF=include:",
		"RELAY_SPF=all",
		"RELAY_SPF=+all",
		"RELAY_SPF=include:a.test  include:b.test",
		"RELAY_SPF=include:a.test\"",
		"RELAY_SPF=include:a.test -all",
		"TLS=letsencrypt",
		"MAX_SIZE=50MB",
		"MAX_SIZE=63K",
		"MAX_SIZE=2G",
		"MAX_SIZE=-1",
		"MAX_SIZE=99999999999999999999G",
		"MAX_RECIPIENTS=99",
		"MAX_CONNECTIONS=0",
		"CONNECTIONS_PER_IP=many",
		"AUTH_FAILURES=10",
		"AUTH_FAILURES=0/1h",
		"USER_RATE=10/0s",
		"USER_RATE=10/h",
		"DMARC_ACTION=reject",
		"SPF_ACTION=yes",
		"DNSBL=list",
		"DNSBL=a.b,",
		"DNSBL=a.b=0",
		"DNSBL=a.b=101",
		"DNSBL=a.b=",
		"DNSBL=a.b=50=50",
		"DNSBL=a b.c",
		"DNSBL=a.b,b.b,c.b,d.b,e.b,f.b,g.b,h.b,i.b,j.b,k.b,l.b,m.b,n.b,"
		"o.b,p.b,q.b",
		"DNSBL_ACTION=refuse",
		"DMARC_PUBLISH=strict",
		"CATCHALL=example.com",
		"CATCHALL=@example.com",
		"CATCHALL=a b@example.com",
		"CATCHALL=a@b@example.com",
		"CATCHALL=you@-example.com",
		"DELIMITER=@",
		"DELIMITER=++",
		"QUEUE_LIFETIME=5",
		"QUEUE_LIFETIME=31d",
		"QUEUE_WARNING=4 h",
		"RETRY_MIN=0s",
		"RETRY_MAX=1w",
		"LOG_LEVEL=INFO",
		"LOG_FORMAT=xml",
		"EPHEMERAL=maybe",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (LOAD(cases[i]))
			fail_msg("%s is accepted", cases[i]);
		struct buf shown = { 0 };
		size_t name = str_find(str_of(cases[i]), '=');
		buf_addf(&shown, "POSTERN_%.*s=", (int)name, cases[i]);
		assert_error(buf_cstr(&shown));
		assert_int_equal(lines_of_errors(), 1);
		buf_free(&shown);
	}
}

static void
an_error_names_value_and_what_is_allowed(void **state)
{
	(void)state;
	assert_false(LOAD("RETRY_MIN=5x"));
	assert_string_equal(buf_cstr(&errors),
	    "POSTERN_RETRY_MIN=5x: it must be a time such as 30s, 10m, 4h or "
	    "5d, from 1s to 1d\n");
	assert_false(LOAD("OUTBOUND=\33[31m\n"));
	assert_string_equal(buf_cstr(&errors),
	    "POSTERN_OUTBOUND=\\x1b[31m\\x0a: it must be one of auto, ipv4, "
	    "ipv6\n");
}

static void
long_values_are_not_shown_whole(void **state)
{
	(void)state;
	char variable[5000] = "TLS=";
	memset(variable + 4, 'x', sizeof(variable) - 5);
	variable[sizeof(variable) - 1] = '\0';
	assert_false(LOAD(variable));
	assert_error("xxx...: it must be");
	assert_true(errors.n < 400);
	memset(variable, 'X', 4000);
	assert_false(LOAD(variable));
	assert_error("XXX...: there is no such setting\n");
	assert_true(errors.n < 400);
}

static void
all_errors_come_at_once(void **state)
{
	(void)state;
	assert_false(LOAD("TLS=x", "LOG_LEVEL=y", "DOMIAN=a.example",
	    "RETRY_MIN=2h", "RETRY_MAX=1h"));
	assert_int_equal(lines_of_errors(), 4);
	assert_error("POSTERN_TLS=x");
	assert_error("POSTERN_LOG_LEVEL=y");
	assert_error("POSTERN_DOMIAN");
	assert_error("POSTERN_RETRY_MAX");
	assert_int_equal(settings.tls, TLS_ACME);
}

static void
an_unknown_name_gets_the_nearest(void **state)
{
	(void)state;
	static const struct {
		const char *variable;
		const char *error;
	} cases[] = {
		{ "DOMIAN=a.example",
		    "POSTERN_DOMIAN: there is no such setting; did you mean "
		    "POSTERN_DOMAIN?\n" },
		{ "HOST_NAME=a.example", "did you mean POSTERN_HOSTNAME?" },
		{ "hostname=a.example", "no such setting\n" },
		{ "RELAY_PASSWRD=x", "did you mean POSTERN_RELAY_PASSWORD?" },
		{ "RETRYMAX=1h", "did you mean POSTERN_RETRY_MAX?" },
		{ "XYZZY=1", "POSTERN_XYZZY: there is no such setting\n" },
		{ "DOMIAN=", "POSTERN_DOMIAN" },
		{ "=1", "POSTERN_: there is no such setting\n" },
		{ "DOMAIN_FILE=/x", "POSTERN_DOMAIN_FILE: there is no such" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_false(LOAD(cases[i].variable));
		assert_error(cases[i].error);
		assert_int_equal(lines_of_errors(), 1);
	}
}

static void
settings_must_agree(void **state)
{
	(void)state;
	static const struct {
		const char *variables[MOST + 1];
		const char *error; /* NULL: fine */
	} cases[] = {
		{ { "RETRY_MIN=5h" }, "RETRY_MIN must not be longer" },
		{ { "RETRY_MAX=4m" }, "RETRY_MIN must not be longer" },
		{ { "RETRY_MIN=4h", "RETRY_MAX=4h" }, NULL },
		{ { "TLS=files" }, "needs POSTERN_TLS_CERT" },
		{ { "TLS=files", "TLS_CERT=/c" }, "and POSTERN_TLS_KEY" },
		{ { "TLS=files", "TLS_KEY=/k" }, "needs POSTERN_TLS_CERT" },
		{ { "TLS_CERT=/c", "TLS_KEY=/k" }, "need POSTERN_TLS=files" },
		{ { "RELAY_USER=u", "RELAY_PASSWORD=p" },
		    "POSTERN_RELAY_USER needs POSTERN_RELAY" },
		{ { "RELAY=a.b", "RELAY_USER=u" }, "need each other" },
		{ { "RELAY=a.b", "RELAY_PASSWORD=p" }, "need each other" },
		{ { "RELAY=a.b", "RELAY_USER=u", "RELAY_PASSWORD=p",
		      "RELAY_TLS=none" },
		    "POSTERN_RELAY_USER needs TLS" },
		{ { "RELAY=a.b", "RELAY_USER=u", "RELAY_PASSWORD=p",
		      "RELAY_TLS=opportunistic" },
		    NULL },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(load(cases[i].variables), !cases[i].error);
		assert_int_equal(lines_of_errors(), cases[i].error != NULL);
		if (cases[i].error)
			assert_error(cases[i].error);
	}
}

static void
a_bad_value_hides_what_follows_from_it(void **state)
{
	(void)state;
	assert_false(LOAD("TLS=file", "TLS_CERT=/c", "TLS_KEY=/k"));
	assert_int_equal(lines_of_errors(), 1);
	assert_false(LOAD("RETRY_MIN=5h", "RETRY_MAX=5x"));
	assert_int_equal(lines_of_errors(), 1);
}

static void
the_first_of_two_variables_counts(void **state)
{
	(void)state;
	assert_true(LOAD("DATA=/first", "DATA=/second"));
	assert_str(settings.data, "/first");
}

/* Loads with RELAY_PASSWORD_FILE naming a file of these bytes. */
static bool
load_secret_file(struct str bytes, const char *other)
{
	char path[] = "/tmp/test_settings.XXXXXX";
	char variable[64] = "RELAY_PASSWORD_FILE=";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
	strncat(variable, path, sizeof(variable) - strlen(variable) - 1);
	bool good = LOAD("RELAY=a.example", "RELAY_USER=u", variable, other);
	unlink(path);
	return good;
}

/* Whether the smarthost prepares them or not, they mean the same. */
static void
a_login_is_one_that_needs_no_preparation(void **state)
{
	(void)state;
	assert_true(LOAD("RELAY=a.example", "RELAY_USER=\xc3\xa4nn",
	    "RELAY_PASSWORD=p\xc3\xa4ss"));
	assert_str(settings.relay_password, "p\xc3\xa4ss");
	assert_false(LOAD(
	    "RELAY=a.example", "RELAY_USER=u", "RELAY_PASSWORD=pa\xcc\x88ss"));
	assert_error("POSTERN_RELAY_PASSWORD=(not shown): it must be one line "
		     "of UTF-8");
	assert_int_equal(lines_of_errors(), 1);
	assert_false(
	    LOAD("RELAY=a.example", "RELAY_USER=\xe4nn", "RELAY_PASSWORD=p"));
	assert_error("POSTERN_RELAY_USER=");
}

static void
a_secret_may_come_from_a_file(void **state)
{
	(void)state;
	assert_true(load_secret_file(STR(" s3cret \r\n"), NULL));
	assert_str(settings.relay_password, " s3cret ");
	assert_int_equal(settings.relay_port, 587);
	assert_false(load_secret_file(STR("two\nlines"), NULL));
	assert_string_equal(buf_cstr(&errors),
	    "POSTERN_RELAY_PASSWORD=(not shown): it must be one line of "
	    "UTF-8 text, letters with accents as one character each (NFC), "
	    "without signs that SASLprep (RFC 4013) would replace\n");
	assert_false(load_secret_file(STR("\n"), NULL));
	assert_error("need each other");
	assert_false(load_secret_file(STR("s3cret"), "RELAY_PASSWORD=s3cret"));
	assert_error("POSTERN_RELAY_PASSWORD_FILE are both set");
	assert_false(LOAD("RELAY=a.example", "RELAY_USER=u",
	    "RELAY_PASSWORD_FILE=/nowhere/secret"));
	assert_error("POSTERN_RELAY_PASSWORD_FILE=/nowhere/secret: No such");
	assert_int_equal(lines_of_errors(), 1);
}

static void
secrets_are_never_shown(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"RELAY_PASSWORD=hunter2",
		"RELAY_PASSWORD=hunter2\n",
		"RELAYPASSWORD=hunter2",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_false(LOAD(cases[i]));
		assert_null(strstr(buf_cstr(&errors), "hunter2"));
	}
	assert_false(
	    load_secret_file(STR("hunter2"), "RELAY_PASSWORD=hunter2"));
	assert_null(strstr(buf_cstr(&errors), "hunter2"));
}

static void
explaining_one_shows_form_and_default(void **state)
{
	(void)state;
	static const char wanted[] =
	    "POSTERN_RETRY_MAX\n"
	    "        The longest wait between two attempts.\n"
	    "        Form: a time such as 30s, 10m, 4h or 5d, from 1s to 1d\n"
	    "        Default: 4h\n";
	struct buf b = { 0 };
	assert_true(settings_explain("RETRY_MAX", &b));
	assert_string_equal(buf_cstr(&b), wanted);
	buf_clear(&b);
	assert_true(settings_explain("POSTERN_RETRY_MAX", &b));
	assert_string_equal(buf_cstr(&b), wanted);
	buf_clear(&b);
	assert_true(settings_explain("RELAY_PASSWORD", &b));
	assert_non_null(strstr(buf_cstr(&b), "POSTERN_RELAY_PASSWORD_FILE"));
	buf_clear(&b);
	assert_false(settings_explain("NOTHING", &b));
	assert_false(settings_explain("", &b));
	assert_int_equal(b.n, 0);
	assert_string_equal(settings_nearest("POSTERN_RELY"), "RELAY");
	assert_string_equal(settings_nearest("RETYR_MAX"), "RETRY_MAX");
	assert_null(settings_nearest("NOTHING_LIKE_IT"));
	buf_free(&b);
}

static void
explaining_all_fits_a_terminal(void **state)
{
	(void)state;
	struct buf b = { 0 };
	assert_true(settings_explain(NULL, &b));
	struct str rest = buf_str(&b);
	size_t names = 0, defaults = 0;
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		assert_true(line.n <= 80);
		assert_false(str_has(line, '\t'));
		names += str_starts(line, STR("POSTERN_"));
		defaults += str_search(line, STR(" Default:")) < line.n;
		assert_int_equal(str_search(line, STR("(null)")), line.n);
	}
	assert_int_equal(names, 48);
	assert_int_equal(defaults, names);
	buf_free(&b);
}

static void
sizes_times_and_rates_have_units(void **state)
{
	(void)state;
	struct rate rate;
	uint64_t n;
	assert_true(settings_parse_size(STR("10"), &n) && n == 10);
	assert_true(settings_parse_size(STR("3K"), &n) && n == 3 * 1024);
	assert_true(settings_parse_size(STR("1G"), &n) && n == 1 << 30);
	assert_true(settings_parse_time_ms(STR("2m"), &n) && n == 120000);
	assert_true(settings_parse_time_ms(STR("1d"), &n) && n == 86400000);
	assert_true(settings_parse_rate(STR("7/10s"), &rate));
	assert_int_equal(rate.count, 7);
	assert_int_equal(rate.ms, 10000);
	static const char *const bad[] = { "", "K", "m", "10x", "1 m", "m1",
		"18446744073709551615G", "1/2/3" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(settings_parse_size(str_of(bad[i]), &n));
		assert_false(settings_parse_time_ms(str_of(bad[i]), &n));
		assert_false(settings_parse_rate(str_of(bad[i]), &rate));
	}
	assert_false(settings_parse_time_ms(STR("10"), &n));
	assert_false(settings_parse_time_ms(STR("300000000000000d"), &n));
}

static void
every_port_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(settings_port_name(PORT_SMTP), "smtp");
	assert_string_equal(
	    settings_port_name(PORT_SUBMISSIONS), "submissions");
	assert_string_equal(settings_port_name(PORT_SUBMISSION), "submission");
	assert_string_equal(settings_port_name(PORT_IMAPS), "imaps");
}

static int
free_all(void **state)
{
	(void)state;
	settings_free(&settings);
	buf_free(&errors);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_environment_gives_the_defaults),
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(words_become_their_enum),
		cmocka_unit_test(policies_and_reports_can_be_switched_off),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(actions_are_read),
		cmocka_unit_test(dns_lists_have_weights),
		cmocka_unit_test(the_relay_has_a_port_by_its_login),
		cmocka_unit_test(empty_means_unset),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(an_error_names_value_and_what_is_allowed),
		cmocka_unit_test(long_values_are_not_shown_whole),
		cmocka_unit_test(all_errors_come_at_once),
		cmocka_unit_test(an_unknown_name_gets_the_nearest),
		cmocka_unit_test(settings_must_agree),
		cmocka_unit_test(a_bad_value_hides_what_follows_from_it),
		cmocka_unit_test(the_first_of_two_variables_counts),
		cmocka_unit_test(a_login_is_one_that_needs_no_preparation),
		cmocka_unit_test(a_secret_may_come_from_a_file),
		cmocka_unit_test(secrets_are_never_shown),
		cmocka_unit_test(explaining_one_shows_form_and_default),
		cmocka_unit_test(explaining_all_fits_a_terminal),
		cmocka_unit_test(sizes_times_and_rates_have_units),
		cmocka_unit_test(every_port_has_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, free_all);
}
