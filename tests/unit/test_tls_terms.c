/* A client's handshake: what is asked of the certificate, and the verdict. */
#include "lib/net/dns_message.h"
#include "lib/net/stream.h"
#include "tests/unit/tls_pair.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum pair {
	GOOD,
	OLD, /* it has expired */
	STRANGE, /* nobody whom the client trusts has signed it */
	PAIRS
};

static const char *const names[PAIRS] = { "good.test", "old.test",
	"strange.test" };
static char folder[] = "/tmp/test_tls_terms.XXXXXX";
static struct loop *loop;
static struct tls_context *servers[PAIRS], *trusting;
static unsigned char keys[PAIRS][32]; /* SHA-256 of the public keys */

/* ---- one handshake ---- */

struct side {
	struct stream_owner owner;
	struct stream *stream;
	bool secure, failed;
};

static void
on_stream(struct stream_owner *owner, enum stream_event event)
{
	struct side *s = container_of(owner, struct side, owner);
	s->secure |= event == STREAM_SECURE;
	s->failed |= event == STREAM_FAILED;
}

static void
side_open(struct side *s, int fd)
{
	*s = (struct side){ .owner = { on_stream } };
	s->stream = stream_new(loop, fd, &s->owner);
}

static void
on_too_late(struct timer *timer)
{
	(void)timer;
	fail_msg("the handshake doesn't end");
}

static void
on_turn(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void
run_until_over(const struct side *s)
{
	struct timer limit = { 0 }, turn = { 0 };
	timer_start(&limit, loop, 20000, on_too_late);
	while (!s->secure && !s->failed) {
		timer_start(&turn, loop, 1, on_turn);
		loop_run(loop);
	}
	timer_stop(&limit);
	timer_stop(&turn);
}

/* The verdict; the client with it, to be closed. */
static enum tls_verdict
shake(enum pair pair, const struct tls_terms *terms, struct side *client,
    const char **why)
{
	int ends[2];
	struct side server;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	side_open(&server, ends[0]);
	side_open(client, ends[1]);
	stream_tls_accept(server.stream, servers[pair]);
	stream_tls_connect(client->stream, terms);
	run_until_over(client);
	enum tls_verdict verdict = stream_tls_verdict(client->stream, why);
	stream_free(server.stream);
	return verdict;
}

/* ---- what is asked, what is said ---- */

static const struct {
	enum tls_check check;
	enum pair pair;
	const char *name, *others[TLS_OTHER_NAMES];
	enum tls_verdict verdict;
	const char *why;
} cases[] = {
	{ TLS_CHECK_NOTHING, OLD, "other.test", { NULL }, TLS_VERDICT_GOOD,
	    "" },
	{ TLS_CHECK_NOTHING, STRANGE, "x.test", { NULL }, TLS_VERDICT_GOOD,
	    "" },
	{ TLS_CHECK_WATCHED, GOOD, "good.test", { NULL }, TLS_VERDICT_GOOD,
	    "" },
	{ TLS_CHECK_WATCHED, GOOD, "other.test", { NULL },
	    TLS_VERDICT_WRONG_NAME, "hostname mismatch" },
	{ TLS_CHECK_WATCHED, OLD, "old.test", { NULL }, TLS_VERDICT_EXPIRED,
	    "certificate has expired" },
	{ TLS_CHECK_WATCHED, STRANGE, "strange.test", { NULL },
	    TLS_VERDICT_UNTRUSTED, "self-signed certificate" },
	{ TLS_CHECK_PKIX, GOOD, "good.test", { NULL }, TLS_VERDICT_GOOD, "" },
	{ TLS_CHECK_PKIX, GOOD, "other.test", { "good.test" }, TLS_VERDICT_GOOD,
	    "" },
	{ TLS_CHECK_PKIX, GOOD, "other.test", { "third.test" },
	    TLS_VERDICT_WRONG_NAME, "hostname mismatch" },
	{ TLS_CHECK_PKIX, GOOD, "other.test", { "third.test", "good.test" },
	    TLS_VERDICT_GOOD, "" },
	{ TLS_CHECK_PKIX, OLD, "old.test", { NULL }, TLS_VERDICT_EXPIRED,
	    "certificate has expired" },
	{ TLS_CHECK_PKIX, STRANGE, "strange.test", { NULL },
	    TLS_VERDICT_UNTRUSTED, "self-signed certificate" },
};

static void
a_certificate_is_judged_as_far_as_it_matters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct side client;
		const char *why;
		struct tls_terms terms = {
			.context = trusting,
			.check = cases[i].check,
			.name = cases[i].name,
			.others = { cases[i].others[0], cases[i].others[1] },
		};
		enum tls_verdict verdict =
		    shake(cases[i].pair, &terms, &client, &why);
		assert_int_equal(verdict, cases[i].verdict);
		assert_string_equal(why, cases[i].why);
		bool refused = cases[i].check == TLS_CHECK_PKIX &&
		    verdict != TLS_VERDICT_GOOD;
		assert_int_equal(client.secure, !refused);
		stream_free(client.stream);
	}
}

/* ---- TLSA records ---- */

static struct dns_record
record_of(enum pair pair, uint8_t usage, size_t octets)
{
	struct dns_record r = { .type = DNS_TLSA };
	r.tlsa.usage = usage;
	r.tlsa.selector = 1;
	r.tlsa.matching = 1;
	r.tlsa.data = (struct str){ (const char *)keys[pair], octets };
	return r;
}

static void
records_prove_a_host(void **state)
{
	static const struct {
		enum pair shown, first, second;
		size_t octets;
		enum tls_verdict verdict;
	} sets[] = {
		{ STRANGE, STRANGE, STRANGE, 32, TLS_VERDICT_GOOD },
		{ STRANGE, GOOD, STRANGE, 32, TLS_VERDICT_GOOD },
		{ OLD, OLD, GOOD, 32, TLS_VERDICT_GOOD },
		{ GOOD, OLD, STRANGE, 32, TLS_VERDICT_NO_MATCH },
		/* OpenSSL takes none of them: an authority alone is not it */
		{ STRANGE, STRANGE, STRANGE, 31, TLS_VERDICT_UNTRUSTED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		struct side client;
		const char *why;
		const struct dns_record records[] = {
			record_of(sets[i].first, 3, sets[i].octets),
			record_of(sets[i].second, 3, sets[i].octets),
		};
		struct tls_terms terms = {
			.context = trusting,
			.check = TLS_CHECK_DANE,
			.name = "any.test",
			.count = 2,
			.records = records,
		};
		assert_int_equal(shake(sets[i].shown, &terms, &client, &why),
		    sets[i].verdict);
		assert_int_equal(
		    client.secure, sets[i].verdict == TLS_VERDICT_GOOD);
		stream_free(client.stream);
	}
}

/* RFC 7671 9: of digests of the same thing the strongest alone counts, so that
   whoever can forge the others gains nothing */
static void
the_strongest_digest_counts(void **state)
{
	static const char wrong[64] = "";
	static const struct {
		uint8_t selector;
		bool last;
		enum tls_verdict verdict;
	} rows[] = {
		{ 1, false, TLS_VERDICT_NO_MATCH },
		{ 1, true, TLS_VERDICT_NO_MATCH },
		{ 0, false, TLS_VERDICT_GOOD },
		{ 0, true, TLS_VERDICT_GOOD },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct side client;
		const char *why;
		struct dns_record records[2] = { { 0 } };
		struct dns_record *strong = &records[rows[i].last];
		records[!rows[i].last] = record_of(STRANGE, 3, 32);
		strong->tlsa.usage = 3;
		strong->tlsa.selector = rows[i].selector;
		strong->tlsa.matching = 2;
		strong->tlsa.data = (struct str){ wrong, sizeof wrong };
		const struct tls_terms terms = {
			.context = trusting,
			.check = TLS_CHECK_DANE,
			.name = "any.test",
			.count = 2,
			.records = records,
		};
		assert_int_equal(
		    shake(STRANGE, &terms, &client, &why), rows[i].verdict);
		stream_free(client.stream);
	}
}

static void
what_is_no_handshake_is_no_verdict(void **state)
{
	(void)state;
	for (enum tls_check check = TLS_CHECK_NOTHING; check <= TLS_CHECK_DANE;
	     check++) {
		struct dns_record record = record_of(GOOD, 3, 32);
		struct tls_terms terms = { .context = trusting,
			.check = check,
			.name = "good.test",
			.count = 1,
			.records = &record };
		int ends[2];
		struct side client;
		const char *why;
		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends),
		    0);
		side_open(&client, ends[0]);
		stream_tls_connect(client.stream, &terms);
		assert_int_equal(
		    send(ends[1], "500 what?\r\n", 11, MSG_NOSIGNAL), 11);
		run_until_over(&client);
		assert_int_equal(stream_tls_verdict(client.stream, &why),
		    TLS_VERDICT_NO_HANDSHAKE);
		assert_true(strlen(why) > 0);
		stream_free(client.stream);
		close(ends[1]);
	}
}

/* ---- the pairs ---- */

static const char *
path(char text[96], enum pair pair, const char *what)
{
	snprintf(text, 96, "%s/%s.%s.pem", folder, names[pair], what);
	return text;
}

static void
hash_key(enum pair pair)
{
	char text[96];
	unsigned char *der = NULL;
	FILE *file = fopen(path(text, pair, "cert"), "r");
	assert_non_null(file);
	X509 *x = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	int length = i2d_PUBKEY(X509_get0_pubkey(x), &der);
	assert_true(length > 0);
	EVP_Digest(der, (size_t)length, keys[pair], NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	X509_free(x);
}

/* The client trusts the good one and the old one. */
static void
write_store(char path_of_store[96])
{
	char text[96], line[256];
	snprintf(path_of_store, 96, "%s/store.pem", folder);
	FILE *out = fopen(path_of_store, "w");
	assert_non_null(out);
	for (enum pair pair = GOOD; pair <= OLD; pair++) {
		FILE *in = fopen(path(text, pair, "cert"), "r");
		assert_non_null(in);
		while (fgets(line, sizeof line, in))
			fputs(line, out);
		fclose(in);
	}
	fclose(out);
}

static int
set_up(void **state)
{
	char certificate[96], key[96];
	const char *why;
	(void)state;
	loop = loop_new();
	assert_non_null(mkdtemp(folder));
	for (enum pair pair = GOOD; pair < PAIRS; pair++) {
		tls_pair_make_until(
		    folder, names[pair], pair == OLD ? -60 : 86400);
		servers[pair] = tls_server(path(certificate, pair, "cert"),
		    path(key, pair, "key"), false, &why);
		assert_non_null(servers[pair]);
		hash_key(pair);
	}
	write_store(certificate);
	trusting = tls_client(TLS_VERIFIED, certificate, &why);
	unlink(certificate);
	return trusting ? 0 : -1;
}

static int
tear_down(void **state)
{
	char text[96];
	(void)state;
	for (enum pair pair = GOOD; pair < PAIRS; pair++) {
		tls_free(servers[pair]);
		unlink(path(text, pair, "cert"));
		unlink(path(text, pair, "key"));
	}
	tls_free(trusting);
	loop_free(loop);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_judged_as_far_as_it_matters),
		cmocka_unit_test(records_prove_a_host),
		cmocka_unit_test(the_strongest_digest_counts),
		cmocka_unit_test(what_is_no_handshake_is_no_verdict),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
