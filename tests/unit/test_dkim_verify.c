#include "lib/trust/dkim_verify.h"

#include "lib/base/codec.h"
#include "lib/trust/dkim_public_key.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	NOW = 1795184403, /* Unix time */
	RECORDS = 16,
};

static struct loop *loop;
static struct resolver *resolver;
static EVP_PKEY *rsa_key, *ed25519_key, *short_key;
static struct fake_record world[RECORDS];
static struct buf texts[RECORDS]; /* of the world's records */

/* ---- keys in the DNS ---- */

static void
add_rsa_text(struct buf *out, EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);
	base64_add(out, (struct str){ (char *)der, (size_t)n });
	OPENSSL_free(der);
}

static void
add_ed25519_text(struct buf *out, EVP_PKEY *pkey)
{
	unsigned char raw[32];
	size_t n = sizeof raw;
	assert_int_equal(1, EVP_PKEY_get_raw_public_key(pkey, raw, &n));
	base64_add(out, (struct str){ (char *)raw, n });
}

/* A record whose p= is the key's. */
static void
publish(const char *name, const char *tags, EVP_PKEY *pkey)
{
	size_t i = 0;
	while (world[i].name)
		i++;
	buf_clear(&texts[i]);
	buf_addf(&texts[i], "%sp=", tags);
	if (pkey && EVP_PKEY_is_a(pkey, "RSA"))
		add_rsa_text(&texts[i], pkey);
	else if (pkey)
		add_ed25519_text(&texts[i], pkey);
	world[i] = (struct fake_record){ .name = name,
		.type = DNS_TXT,
		.value = buf_cstr(&texts[i]),
		.ttl = 60 };
}

static void
publish_failure(const char *name, enum dns_status status)
{
	size_t i = 0;
	while (world[i].name)
		i++;
	world[i] = (struct fake_record){
		.name = name, .type = DNS_TXT, .status = status
	};
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	rsa_key = EVP_RSA_gen(2048);
	short_key = EVP_RSA_gen(768);
	ed25519_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return rsa_key && short_key && ed25519_key ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < RECORDS; i++)
		buf_free(&texts[i]);
	EVP_PKEY_free(rsa_key);
	EVP_PKEY_free(short_key);
	EVP_PKEY_free(ed25519_key);
	dkim_public_key_forget();
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

/* Each test has a world of its own. */
static int
usual_world(void **state)
{
	(void)state;
	memset(world, 0, sizeof world);
	publish("rsa._domainkey.example.com", "v=DKIM1; ", rsa_key);
	publish("ed._domainkey.example.com", "k=ed25519; ", ed25519_key);
	fake_resolver_use(world);
	return 0;
}

/* ---- messages ---- */

/* The one that is being made: signatures are put in front of what is there. */
struct letter {
	struct buf header, body;
};

static struct letter
letter_of(const char *header, const char *body)
{
	return (struct letter){ .header = buf_of(str_of(header)),
		.body = buf_of(str_of(body)) };
}

static struct letter
usual_letter(void)
{
	return letter_of("From: Ann <ann@example.com>\r\n"
			 "To: bob@example.org\r\n"
			 "Subject:  Hello  there\r\n",
	    "Hi  Bob.\r\n\r\nBye \r\n\r\n");
}

static void
letter_free(struct letter *l)
{
	buf_free(&l->header);
	buf_free(&l->body);
}

static void
add_body_hash(struct buf *out, const struct letter *l, struct str tags)
{
	struct dkim_body body;
	uint8_t digest[32];
	uint64_t limit;
	enum dkim_canon canon = str_search(tags, STR("/relaxed;")) < tags.n
	    ? DKIM_RELAXED
	    : DKIM_SIMPLE;
	size_t l_at = str_search(tags, STR(" l="));
	struct str rest = str_from(tags, l_at + 3);
	dkim_body_start(&body, canon);
	if (l_at < tags.n && str_to_u64(str_cut(&rest, ';'), &limit))
		dkim_body_limit(&body, limit);
	dkim_body_add(&body, buf_str(&l->body));
	dkim_body_end(&body, digest);
	base64_add(out, (struct str){ (char *)digest, 32 });
}

static void
digest_of(const struct letter *l, uint8_t digest[32])
{
	struct arena arena = { 0 };
	struct header header;
	struct dkim_signature sig;
	struct buf input = { 0 };
	const char *why = "";
	header_parse(buf_str(&l->header), &arena, &header, &why);
	/* b= is empty still, and h= may be what is tested: not its result */
	dkim_signature_parse(
	    DKIM_KIND_SIGNATURE, header.fields[0].value, &arena, &sig, &why);
	dkim_signature_input(&sig, &header, header.fields, &input);
	assert_int_equal(
	    1, EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL));
	buf_free(&input);
	arena_free(&arena);
}

static struct str
sign_digest(EVP_PKEY *pkey, const uint8_t digest[32], uint8_t out[512])
{
	size_t n = 512;
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey, NULL);
		EVP_PKEY_sign_init(c);
		EVP_PKEY_CTX_set_signature_md(c, EVP_sha256());
		assert_int_equal(1, EVP_PKEY_sign(c, out, &n, digest, 32));
		EVP_PKEY_CTX_free(c);
	} else {
		EVP_MD_CTX *c = EVP_MD_CTX_new();
		EVP_DigestSignInit(c, NULL, NULL, NULL, pkey);
		assert_int_equal(1, EVP_DigestSign(c, out, &n, digest, 32));
		EVP_MD_CTX_free(c);
	}
	return (struct str){ (char *)out, n };
}

/* A field with these tags, bh= and b= before the rest of the header.  Tags end
   in "; ". */
static void
sign(struct letter *l, const char *tags, EVP_PKEY *pkey)
{
	uint8_t digest[32], bytes[512];
	struct buf field = { 0 };
	buf_addf(&field, "DKIM-Signature: %sbh=", tags);
	add_body_hash(&field, l, str_of(tags));
	buf_adds(&field, "; b=");
	size_t end = field.n;
	buf_adds(&field, "\r\n");
	buf_add(&field, buf_str(&l->header));
	buf_free(&l->header);
	l->header = buf_take(&field);
	digest_of(l, digest);

	buf_add(&field, str_sub(buf_str(&l->header), 0, end));
	base64_add(&field, sign_digest(pkey, digest, bytes));
	buf_add(&field, str_from(buf_str(&l->header), end));
	buf_free(&l->header);
	l->header = field;
}

#define TAGS(more) \
	"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; " \
	"h=From:To:Subject; " more
#define ED_TAGS(more) \
	"v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=ed; " \
	"h=From:To:Subject; " more

/* ---- verifying ---- */

static struct budget budget;
static struct header header;
static struct arena header_arena;
static struct dkim_question question;
static unsigned done;

static void
on_done(struct dkim_verify *v)
{
	(void)v;
	done++;
}

static void
start(struct dkim_verify *v, const struct letter *l)
{
	const char *why;
	arena_free(&header_arena);
	assert_true(
	    header_parse(buf_str(&l->header), &header_arena, &header, &why));
	budget.left = BUDGET_MESSAGE;
	question = (struct dkim_question){ .resolver = resolver,
		.budget = &budget,
		.header = &header,
		.author_domain = STR("example.com"),
		.now = NOW };
	done = 0;
	*v = (struct dkim_verify){ 0 };
	dkim_verify_start(v, loop, &question);
}

static void
end(struct dkim_verify *v)
{
	dkim_verify_end(v, on_done);
	assert_int_equal(done, 0); /* never from within */
	fake_loop_settle(loop);
	assert_int_equal(done, 1);
}

static void
verify(struct dkim_verify *v, const struct letter *l)
{
	start(v, l);
	dkim_verify_body(v, buf_str(&l->body));
	end(v);
}

static void
stop(struct dkim_verify *v)
{
	dkim_verify_cancel(v);
	dkim_verify_cancel(v);
	arena_free(&header_arena);
}

/* "pass, fail": the results of a letter. */
static void
expect(const struct letter *l, const char *wanted)
{
	struct dkim_verify v;
	struct buf got = { 0 };
	verify(&v, l);
	for (size_t i = 0; i < v.count; i++) {
		const struct dkim_result *r = &v.results[i];
		buf_addf(
		    &got, "%s%s", i ? ", " : "", dkim_status_name(r->status));
		assert_int_equal(r->status == DKIM_PASS, !*r->why);
	}
	assert_str(buf_str(&got), str_of(wanted));
	stop(&v);
	buf_free(&got);
}

static void
expect_of(const char *tags, EVP_PKEY *pkey, const char *wanted)
{
	struct letter l = usual_letter();
	sign(&l, tags, pkey);
	expect(&l, wanted);
	letter_free(&l);
}

/* ---- what is right passes ---- */

static void
both_algorithms_pass_in_every_canonicalisation(void **state)
{
	static const char *const canons[] = { "simple/simple", "simple/relaxed",
		"relaxed/simple", "relaxed/relaxed" };
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char tags[200];
		snprintf(tags, sizeof tags,
		    "v=1; a=rsa-sha256; c=%s; d=example.com; s=rsa; "
		    "h=From:To:Subject:To; ",
		    canons[i]);
		expect_of(tags, rsa_key, "pass");
		snprintf(tags, sizeof tags,
		    "v=1; a=ed25519-sha256; c=%s; d=example.com; s=ed; "
		    "h=From:To:Subject:To; ",
		    canons[i]);
		expect_of(tags, ed25519_key, "pass");
	}
}

static void
bodies_may_be_empty_or_end_anyhow(void **state)
{
	static const char *const bodies[] = { "", "\r\n", "\r\n\r\n", "a",
		"a\r\n", ".\r\n", "..\r\n.", "a\rb\nc" };
	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct letter l =
		    letter_of("From: a@example.com\r\n", bodies[i]);
		sign(&l, TAGS(""), rsa_key);
		sign(&l, "v=1; a=rsa-sha256; d=example.com; s=rsa; h=From; ",
		    rsa_key);
		expect(&l, "pass, pass");
		letter_free(&l);
	}
}

static void
a_message_without_signature_has_no_result(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	expect(&l, "");
	assert_int_equal(fake_resolver_asked(), 0);
	letter_free(&l);
}

/* ---- what was changed fails ---- */

static void
a_changed_body_or_field_fails(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	sign(&l, TAGS(""), rsa_key);
	l.body.p[3] ^= 1;
	expect(&l, "fail");
	l.body.p[3] ^= 1;
	expect(&l, "pass");
	size_t to = str_search(buf_str(&l.header), STR("bob@"));
	l.header.p[to] = 'c';
	expect(&l, "fail");
	l.header.p[to] = 'b';
	size_t tag = str_search(buf_str(&l.header), STR("v=1; a="));
	l.header.p[tag + 4] = '\t'; /* relaxed: the same */
	expect(&l, "pass");
	buf_adds(&l.body, "more\r\n");
	expect(&l, "fail");
	letter_free(&l);
}

/* RFC 6376 5.4.2, 8.15: one field more than was there */
static void
an_added_field_fails_when_its_name_is_over_signed(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	sign(&l, "v=1; a=rsa-sha256; d=example.com; s=rsa; h=From:From:To; ",
	    rsa_key);
	expect(&l, "pass");
	buf_adds(&l.header, "X-Other: 1\r\n");
	expect(&l, "pass");
	buf_adds(&l.header, "From: eve@example.com\r\n");
	expect(&l, "fail");
	letter_free(&l);
}

/* ---- what isn't acceptable ---- */

static void
from_must_be_signed(void **state)
{
	(void)state;
	expect_of("v=1; a=rsa-sha256; d=example.com; s=rsa; h=To:Subject; ",
	    rsa_key, "permerror");
	assert_int_equal(fake_resolver_asked(), 0);
}

/* RFC 6376 8.15: where there are two, the other one may be shown */
static void
every_from_must_be_signed(void **state)
{
	(void)state;
	struct letter l = letter_of("From: Ann <ann@example.com>\r\n"
				    "To: bob@example.org\r\n",
	    "Hi\r\n");
	sign(&l, TAGS(""), rsa_key);
	buf_adds(&l.header, "X-Other: 1\r\n");
	expect(&l, "pass");
	struct letter two = letter_of("From: eve@example.org\r\n", "Hi\r\n");
	buf_add(&two.header, buf_str(&l.header));
	expect(&two, "policy");
	letter_free(&two);
	letter_free(&l);
}

/* RFC 6376 8.13: no registry signs for what is registered with it */
static void
a_top_level_domain_signs_nothing(void **state)
{
	(void)state;
	publish("rsa._domainkey.com", "v=DKIM1; ", rsa_key);
	expect_of("v=1; a=rsa-sha256; d=com; s=rsa; i=@example.com; h=From; ",
	    rsa_key, "policy");
	assert_int_equal(fake_resolver_asked(), 0);
}

static void
sha1_is_never_verified(void **state)
{
	(void)state;
	expect_of("v=1; a=rsa-sha1; d=example.com; s=rsa; h=From; ", rsa_key,
	    "policy");
	expect_of("v=1; a=rsa-sha512; d=example.com; s=rsa; h=From; ", rsa_key,
	    "neutral");
	assert_int_equal(fake_resolver_asked(), 0);
}

static void
time_limits_count(void **state)
{
	static const struct {
		const char *tags, *wanted;
	} cases[] = {
		{ TAGS("x=1795184404; "), "pass" },
		{ TAGS("x=1795184403; "), "pass" },
		{ TAGS("x=1795184402; "), "policy" },
		{ TAGS("x=0; "), "policy" },
		{ TAGS("t=1; x=1795184404; "), "pass" },
		{ TAGS("t=1795184403; "), "pass" },
		{ TAGS("t=1795270803; "), "pass" }, /* a day ahead */
		{ TAGS("t=1795270804; "), "policy" },
		{ TAGS("t=9999999999999999999999; "), "policy" },
		{ TAGS("t=99; x=99; "), "neutral" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_of(cases[i].tags, rsa_key, cases[i].wanted);
}

/* RFC 8301 3.2 */
static void
short_keys_are_not_used(void **state)
{
	(void)state;
	publish("short._domainkey.example.com", "", short_key);
	expect_of("v=1; a=rsa-sha256; d=example.com; s=short; h=From; ",
	    short_key, "policy");
}

static void
a_length_below_the_body_does_not_count(void **state)
{
	(void)state;
	struct dkim_verify v;
	struct letter l = letter_of("From: a@example.com\r\n", "12345678\r\n");
	sign(&l, TAGS("l=10; "), rsa_key);
	sign(&l, TAGS("l=4; "), rsa_key);
	sign(&l, TAGS("l=0; "), rsa_key);
	sign(&l, TAGS("l=11; "), rsa_key);
	expect(&l, "permerror, policy, policy, pass");
	verify(&v, &l);
	assert_false(v.results[0].weak || v.results[3].weak);
	assert_true(v.results[1].weak && v.results[2].weak);
	stop(&v);
	/* what stands behind makes the whole one as weak, and no failure */
	buf_adds(&l.body, "more\r\n");
	expect(&l, "fail, policy, policy, policy");
	l.body.p[0] = 'x';
	expect(&l, "fail, policy, fail, fail");
	letter_free(&l);
}

static void
malformed_signatures_are_neutral(void **state)
{
	(void)state;
	struct letter l = letter_of("DKIM-Signature: junk\r\n"
				    "DKIM-Signature:\r\n"
				    "DKIM-Signature: v=1; a=rsa-sha256;;\r\n"
				    "From: a@example.com\r\n",
	    "");
	sign(&l, TAGS(""), rsa_key);
	sign(&l,
	    "v=1; a=rsa-sha256; d=example.com; i=@example.org; s=rsa; "
	    "h=From; ",
	    rsa_key);
	expect(&l, "neutral, pass, neutral, neutral, neutral");
	letter_free(&l);
}

/* ---- keys ---- */

static void
what_the_record_says_counts(void **state)
{
	static const struct {
		const char *tags, *wanted;
	} cases[] = {
		{ "v=DKIM1; ", "pass" },
		{ "v=DKIM1; t=y; ", "pass" },
		{ "v=DKIM1; t=s; ", "permerror" },
		{ "v=DKIM1; h=sha1; ", "permerror" },
		{ "v=DKIM1; s=other; ", "permerror" },
		{ "v=DKIM1; k=ed25519; ", "permerror" },
		{ "v=spf1 ", "permerror" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(world, 0, sizeof world);
		publish("k._domainkey.example.com", cases[i].tags, rsa_key);
		expect_of("v=1; a=rsa-sha256; d=example.com; s=k; h=From; "
			  "i=x@sub.example.com; ",
		    rsa_key, cases[i].wanted);
	}
}

static void
a_key_that_is_missing_is_permanent_and_trouble_is_not(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	publish_failure("broken._domainkey.example.com", DNS_TEMPFAIL);
	publish_failure("empty._domainkey.example.com", DNS_NODATA);
	publish("revoked._domainkey.example.com", "v=DKIM1; ", NULL);
	publish("two._domainkey.example.com", "v=DKIM1; ", rsa_key);
	publish("two._domainkey.example.com", "v=DKIM1; n=x; ", rsa_key);
	sign(&l, "v=1; a=rsa-sha256; d=example.com; s=gone; h=From; ", rsa_key);
	sign(
	    &l, "v=1; a=rsa-sha256; d=example.com; s=empty; h=From; ", rsa_key);
	sign(&l, "v=1; a=rsa-sha256; d=example.com; s=revoked; h=From; ",
	    rsa_key);
	sign(&l, "v=1; a=rsa-sha256; d=example.com; s=two; h=From; ", rsa_key);
	sign(&l, "v=1; a=rsa-sha256; d=example.com; s=broken; h=From; ",
	    rsa_key);
	expect(&l, "temperror, permerror, permerror, permerror, permerror");
	letter_free(&l);
}

static void
testing_keys_are_marked(void **state)
{
	(void)state;
	struct dkim_verify v;
	struct letter l = usual_letter();
	publish("t._domainkey.example.com", "v=DKIM1; t=y; ", rsa_key);
	sign(&l, TAGS(""), rsa_key);
	sign(&l, "v=1; a=rsa-sha256; d=example.com; s=t; h=From; ", rsa_key);
	verify(&v, &l);
	assert_true(v.results[0].testing);
	assert_false(v.results[1].testing);
	stop(&v);
	letter_free(&l);
}

static void
equal_keys_are_asked_for_once(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	sign(&l, TAGS(""), rsa_key);
	sign(&l, TAGS("t=1; "), rsa_key);
	sign(&l, ED_TAGS(""), ed25519_key);
	expect(&l, "pass, pass, pass");
	assert_int_equal(fake_resolver_asked(), 2);
	assert_int_equal(budget.left, BUDGET_MESSAGE - 2);
	letter_free(&l);
}

/* ---- how many ---- */

static void
at_most_five_are_verified_and_eight_looked_at(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	char tags[200];
	for (int i = 0; i < 10; i++) {
		snprintf(tags, sizeof tags,
		    "v=1; a=rsa-sha256; d=other.example; s=s%d; h=From; ", i);
		sign(&l, tags, rsa_key);
	}
	expect(&l,
	    "permerror, permerror, permerror, permerror, permerror, policy, "
	    "policy, policy");
	assert_int_equal(fake_resolver_asked(), DKIM_VERIFIED);
	letter_free(&l);
}

static void
the_author_domains_come_first(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	char tags[200];
	sign(&l, TAGS(""), rsa_key);
	sign(&l, "v=1; a=rsa-sha256; d=example.com; s=s; h=From; ", rsa_key);
	sign(
	    &l, "v=1; a=rsa-sha256; d=sub.example.com; s=s; h=From; ", rsa_key);
	for (int i = 0; i < 5; i++) {
		snprintf(tags, sizeof tags,
		    "v=1; a=rsa-sha256; d=other.example; s=s%d; h=From; ", i);
		sign(&l, tags, rsa_key);
	}
	expect(&l,
	    "permerror, permerror, policy, policy, policy, permerror, "
	    "permerror, pass");
	letter_free(&l);
}

static void
malformed_ones_take_no_place(void **state)
{
	(void)state;
	struct letter l = usual_letter();
	sign(&l, TAGS(""), rsa_key);
	for (int i = 0; i < 7; i++)
		sign(&l, "v=2; d=example.com; ", rsa_key);
	expect(&l,
	    "neutral, neutral, neutral, neutral, neutral, neutral, neutral, "
	    "pass");
	letter_free(&l);
}

static void
a_spent_budget_asks_nothing(void **state)
{
	(void)state;
	struct dkim_verify v;
	struct letter l = usual_letter();
	sign(&l, TAGS(""), rsa_key);
	start(&v, &l);
	dkim_verify_cancel(&v);
	fake_resolver_use(world);
	budget.left = 0;
	dkim_verify_start(&v, loop, &question);
	end(&v);
	assert_int_equal(v.results[0].status, DKIM_POLICY);
	assert_int_equal(fake_resolver_asked(), 0);
	stop(&v);
	letter_free(&l);
}

/* As many fields as a header may have, each a signature. */
static void
thousands_of_signatures_cost_little(void **state)
{
	(void)state;
	struct letter l = letter_of("From: a@example.com\r\n", "");
	for (int i = 0; i + 1 < HEADER_MAX_FIELDS; i++)
		buf_adds(&l.header,
		    "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; "
		    "h=From; bh=x; b=x\r\n");
	expect(&l,
	    "neutral, neutral, neutral, neutral, neutral, neutral, neutral, "
	    "neutral");
	letter_free(&l);
}

/* ---- order of events ---- */

static void
keys_and_body_may_come_in_either_order(void **state)
{
	(void)state;
	struct dkim_verify v;
	struct letter l = usual_letter();
	sign(&l, TAGS(""), rsa_key);
	start(&v, &l);
	fake_loop_settle(loop); /* the answer is there */
	assert_int_equal(done, 0);
	for (size_t i = 0; i < l.body.n; i++)
		dkim_verify_body(&v, str_sub(buf_str(&l.body), i, 1));
	end(&v);
	assert_int_equal(v.results[0].status, DKIM_PASS);
	stop(&v);

	start(&v, &l);
	fake_resolver_hold(true);
	dkim_verify_cancel(&v);
	dkim_verify_start(&v, loop, &question);
	dkim_verify_body(&v, buf_str(&l.body));
	dkim_verify_end(&v, on_done);
	fake_loop_settle(loop);
	assert_int_equal(done, 0); /* the key isn't there yet */
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_int_equal(done, 1);
	assert_int_equal(v.results[0].status, DKIM_PASS);
	stop(&v);
	letter_free(&l);
}

static void
nothing_happens_after_a_cancel(void **state)
{
	(void)state;
	struct dkim_verify v;
	struct letter l = usual_letter();
	sign(&l, TAGS(""), rsa_key);
	start(&v, &l);
	dkim_verify_body(&v, STR("some"));
	stop(&v);
	start(&v, &l);
	dkim_verify_end(&v, on_done);
	stop(&v);
	fake_loop_settle(loop);
	assert_int_equal(done, 0);
	v = (struct dkim_verify){ 0 };
	dkim_verify_cancel(&v);
	letter_free(&l);
}

/* ---- results ---- */

static void
results_name_their_signature(void **state)
{
	(void)state;
	struct dkim_verify v;
	struct letter l = usual_letter();
	sign(&l, ED_TAGS("i=ann@sub.example.com; "), ed25519_key);
	verify(&v, &l);
	const struct dkim_result *r = &v.results[0];
	assert_str(r->domain, STR("example.com"));
	assert_str(r->selector, STR("ed"));
	assert_str(r->algorithm, STR("ed25519-sha256"));
	assert_str(r->identity, STR("ann@sub.example.com"));
	assert_int_equal(r->signature.n, 88);
	stop(&v);
	letter_free(&l);
}

static void
a_field_is_covered_when_every_one_of_its_name_is_signed(void **state)
{
	(void)state;
	struct dkim_verify v;
	struct letter l = letter_of("From: a@example.com\r\nList-Id: a\r\n"
				    "X: 1\r\nX: 2\r\n",
	    "");
	sign(&l,
	    "v=1; a=rsa-sha256; d=example.com; s=rsa; "
	    "h=From:list-id:X:List-Post; ",
	    rsa_key);
	verify(&v, &l);
	assert_true(dkim_verify_covers(&v, 0, "List-Id"));
	assert_false(dkim_verify_covers(&v, 0, "List-Post")); /* not there */
	assert_false(dkim_verify_covers(&v, 0, "X")); /* one of two */
	assert_false(dkim_verify_covers(&v, 0, "List-Owner"));
	stop(&v);
	letter_free(&l);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup(test, usual_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(both_algorithms_pass_in_every_canonicalisation),
		IN_A_WORLD(bodies_may_be_empty_or_end_anyhow),
		IN_A_WORLD(a_message_without_signature_has_no_result),
		IN_A_WORLD(a_changed_body_or_field_fails),
		IN_A_WORLD(an_added_field_fails_when_its_name_is_over_signed),
		IN_A_WORLD(from_must_be_signed),
		IN_A_WORLD(every_from_must_be_signed),
		IN_A_WORLD(a_top_level_domain_signs_nothing),
		IN_A_WORLD(sha1_is_never_verified),
		IN_A_WORLD(time_limits_count),
		IN_A_WORLD(short_keys_are_not_used),
		IN_A_WORLD(a_length_below_the_body_does_not_count),
		IN_A_WORLD(malformed_signatures_are_neutral),
		IN_A_WORLD(what_the_record_says_counts),
		IN_A_WORLD(
		    a_key_that_is_missing_is_permanent_and_trouble_is_not),
		IN_A_WORLD(testing_keys_are_marked),
		IN_A_WORLD(equal_keys_are_asked_for_once),
		IN_A_WORLD(at_most_five_are_verified_and_eight_looked_at),
		IN_A_WORLD(the_author_domains_come_first),
		IN_A_WORLD(malformed_ones_take_no_place),
		IN_A_WORLD(a_spent_budget_asks_nothing),
		IN_A_WORLD(thousands_of_signatures_cost_little),
		IN_A_WORLD(keys_and_body_may_come_in_either_order),
		IN_A_WORLD(nothing_happens_after_a_cancel),
		IN_A_WORLD(results_name_their_signature),
		IN_A_WORLD(
		    a_field_is_covered_when_every_one_of_its_name_is_signed),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
