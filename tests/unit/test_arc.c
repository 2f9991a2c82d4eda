#include "lib/trust/arc.h"

#include "lib/base/codec.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	NOW = 1795184403
};

static struct loop *loop;
static struct resolver *resolver;
static struct budget budget;

/* ---- a sealer, with its own idea of canonical fields ---- */

static EVP_PKEY *key;
static char record[128];

struct message {
	struct buf fields; /* those of ARC, the newest on top */
	struct buf sealed; /* the sets so far, canonical */
	unsigned sets;
	const char *subject, *body;
};

struct seal { /* what is unusual about a set; {0}: nothing */
	const char *results, *cv, *names, *selector, *canon, *more;
};

static void
add_signature(struct buf *field, struct str input)
{
	uint8_t digest[32], signature[64];
	size_t n = sizeof signature;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL);
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &n, digest, 32), 1);
	EVP_MD_CTX_free(context);
	base64_add(field, (struct str){ (const char *)signature, n });
}

/* A field's text is written as its canonical form is, but for the name. */
static void
prepend(struct message *m, const char *name, struct str value)
{
	struct buf fields = { 0 };
	buf_addf(&fields, "%s: %.*s\r\n", name, STR_ARG(value));
	buf_add(&fields, buf_str(&m->fields));
	buf_free(&m->fields);
	m->fields = fields;
}

static void
add_message_signature(
    struct message *m, const struct seal *seal, struct buf *value)
{
	uint8_t hash[32];
	struct buf input = { 0 };
	const char *names = seal->names ? seal->names : "from:subject";
	buf_addf(value,
	    "i=%u; a=ed25519-sha256;%s d=hop%u.test; s=%s; h=%s;%s bh=",
	    m->sets, seal->canon ? seal->canon : " c=relaxed/relaxed;", m->sets,
	    seal->selector ? seal->selector : "one", names,
	    seal->more ? seal->more : "");
	EVP_Digest(m->body, strlen(m->body), hash, NULL, EVP_sha256(), NULL);
	base64_add(value, (struct str){ (const char *)hash, 32 });
	buf_adds(value, "; b=");
	if (strstr(names, "from"))
		buf_adds(&input, "from:Ann <ann@author.test>\r\n");
	if (strstr(names, "subject"))
		buf_addf(&input, "subject:%s\r\n", m->subject);
	buf_adds(&input, "arc-message-signature:");
	buf_add(&input, buf_str(value));
	add_signature(value, buf_str(&input));
	buf_free(&input);
}

static void
add_set(struct message *m, struct seal seal)
{
	struct buf results = { 0 }, message = { 0 }, value = { 0 };
	m->sets++;
	buf_addf(&results, "i=%u; %s", m->sets,
	    seal.results ? seal.results : "hop.test; none");
	add_message_signature(m, &seal, &message);
	if (!seal.cv)
		seal.cv = m->sets > 1 ? "pass" : "none";
	buf_addf(&value,
	    "i=%u; a=ed25519-sha256; cv=%s; d=hop%u.test; s=%s; b=", m->sets,
	    seal.cv, m->sets, seal.selector ? seal.selector : "one");
	buf_addf(&m->sealed,
	    "arc-authentication-results:%s\r\n"
	    "arc-message-signature:%s\r\narc-seal:",
	    buf_cstr(&results), buf_cstr(&message));
	buf_add(&m->sealed, buf_str(&value));
	size_t n = value.n;
	add_signature(&value, buf_str(&m->sealed));
	buf_add(&m->sealed, str_from(buf_str(&value), n));
	buf_adds(&m->sealed, "\r\n");
	prepend(m, "ARC-Authentication-Results", buf_str(&results));
	prepend(m, "ARC-Message-Signature", buf_str(&message));
	prepend(m, "ARC-Seal", buf_str(&value));
	buf_free(&results);
	buf_free(&message);
	buf_free(&value);
}

static struct message
write_message(unsigned sets)
{
	struct message m = { .subject = "hello", .body = "Hello.\r\n" };
	while (m.sets < sets)
		add_set(&m, (struct seal){ 0 });
	return m;
}

static void
forget_message(struct message *m)
{
	buf_free(&m->fields);
	buf_free(&m->sealed);
}

/* In the fields of ARC, the first time it is there. */
static void
change(struct message *m, const char *from, const char *to)
{
	struct str all = buf_str(&m->fields);
	size_t at = str_search(all, str_of(from));
	assert_true(at < all.n);
	struct buf fields = buf_of(str_sub(all, 0, at));
	buf_adds(&fields, to);
	buf_add(&fields, str_from(all, at + strlen(from)));
	buf_free(&m->fields);
	m->fields = fields;
}

/* ---- a verifier ---- */

struct check {
	struct arc_verify arc;
	struct dkim_question question;
	struct header header;
	struct arena arena;
	struct buf section;
	unsigned done;
};

static void
on_done(struct arc_verify *arc)
{
	container_of(arc, struct check, arc)->done++;
}

static void
start(struct check *c, const struct message *m)
{
	const char *why;
	*c = (struct check){ 0 };
	c->section = buf_of(buf_str(&m->fields));
	buf_addf(&c->section, "From: Ann <ann@author.test>\r\nSubject: %s\r\n",
	    m->subject);
	assert_true(
	    header_parse(buf_str(&c->section), &c->arena, &c->header, &why));
	c->question = (struct dkim_question){ .resolver = resolver,
		.budget = &budget,
		.header = &c->header,
		.author_domain = STR("author.test"),
		.now = NOW };
	arc_start(&c->arc, loop, &c->question);
	for (struct str rest = str_of(m->body); rest.n > 0;
	     rest = str_from(rest, 3))
		arc_body(&c->arc, str_sub(rest, 0, 3));
	arc_end(&c->arc, on_done);
	assert_int_equal(c->done, 0); /* never from within */
}

static void
forget(struct check *c)
{
	arc_cancel(&c->arc);
	arc_cancel(&c->arc);
	buf_free(&c->section);
	arena_free(&c->arena);
}

static void
verify(struct check *c, const struct message *m)
{
	start(c, m);
	fake_loop_settle(loop);
	assert_int_equal(c->done, 1);
	if (c->arc.status == ARC_NONE || c->arc.status == ARC_PASS)
		assert_string_equal(c->arc.why, "");
	else
		assert_string_not_equal(c->arc.why, "");
}

static void
assert_status_at(struct message *m, enum arc_status wanted, int line)
{
	struct check c;
	verify(&c, m);
	if (c.arc.status != wanted)
		fail_msg("line %d: %s: %s", line, arc_status_name(c.arc.status),
		    c.arc.why);
	forget(&c);
	forget_message(m);
}

#define assert_status(m, wanted) assert_status_at(m, wanted, __LINE__)

/* ---- chains ---- */

static struct fake_record world[ARC_MAX_SETS + 8];
static char names[ARC_MAX_SETS + 1][32];

static int
set_up(void **state)
{
	(void)state;
	uint8_t public[32];
	size_t n = sizeof public;
	struct buf text = { 0 };
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY_get_raw_public_key(key, public, &n);
	buf_adds(&text, "v=DKIM1; k=ed25519; p=");
	base64_add(&text, (struct str){ (const char *)public, n });
	memcpy(record, buf_cstr(&text), text.n + 1);
	buf_free(&text);
	size_t row = 0;
	for (unsigned i = 1; i <= ARC_MAX_SETS; i++) {
		buf_addf(&text, "one._domainkey.hop%u.test", i);
		memcpy(names[i], buf_cstr(&text), text.n + 1);
		buf_free(&text);
		world[row++] = (struct fake_record){ names[i], DNS_TXT, record,
			DNS_FOUND, false, 60 };
	}
	world[row++] = (struct fake_record){ "down._domainkey.hop1.test",
		DNS_TXT, NULL, DNS_TEMPFAIL, false, 0 };
	world[row++] = (struct fake_record){ "down._domainkey.hop2.test",
		DNS_TXT, NULL, DNS_TEMPFAIL, false, 0 };
	world[row++] = (struct fake_record){ "two._domainkey.hop1.test",
		DNS_TXT, record, DNS_FOUND, false, 60 };
	world[row++] = (struct fake_record){ "two._domainkey.hop1.test",
		DNS_TXT, record, DNS_FOUND, false, 60 };
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	fake_resolver_use(world);
	budget.left = BUDGET_MESSAGE;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	fake_resolver_hold(false);
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

static void
passes_whole_chains(void **state)
{
	(void)state;
	static const unsigned counts[] = { 1, 2, 3, 50 };
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct message m = write_message(counts[i]);
		struct check c;
		budget.left = BUDGET_MESSAGE;
		verify(&c, &m);
		assert_string_equal(c.arc.why, "");
		assert_int_equal(c.arc.status, ARC_PASS);
		assert_int_equal(c.arc.sets, counts[i]);
		assert_str(str_sub(c.arc.sealer, 0, 3), STR("hop"));
		assert_str(c.arc.first_results, STR(" i=1; hop.test; none"));
		/* A key for each hop, and none twice. */
		assert_int_equal(budget.left, BUDGET_MESSAGE - counts[i]);
		forget(&c);
		forget_message(&m);
	}
}

static void
finds_no_chain(void **state)
{
	(void)state;
	struct message m = write_message(0);
	struct check c;
	verify(&c, &m);
	assert_int_equal(c.arc.status, ARC_NONE);
	assert_int_equal(c.arc.sets, 0);
	assert_int_equal(c.arc.sealer.n + c.arc.first_results.n, 0);
	assert_int_equal(fake_resolver_asked(), 0);
	forget(&c);
	forget_message(&m);
}

static const struct {
	const char *from, *to;
} breaks[] = {
	/* RFC 8617 5.2 step 3: one of each, for every instance */
	{ "ARC-Seal: i=2", "X-Seal: i=2" },
	{ "ARC-Seal: i=1", "X-Seal: i=1" },
	{ "ARC-Message-Signature: i=2", "X: i=2" },
	{ "ARC-Message-Signature: i=1", "X: i=1" },
	{ "ARC-Authentication-Results: i=2", "X: i=2" },
	{ "ARC-Authentication-Results: i=1", "X: i=1" },
	{ "ARC-Seal: i=2", "ARC-Seal: i=1" },
	{ "ARC-Seal: i=2", "ARC-Seal: i=3" },
	{ "ARC-Seal: i=2", "ARC-Seal: i=0" },
	{ "ARC-Seal: i=2", "ARC-Seal: i=-2" },
	{ "ARC-Seal: i=2", "ARC-Seal: i=4294967298" },
	{ "ARC-Seal: i=2;", "ARC-Seal:" },
	{ "ARC-Message-Signature: i=2", "ARC-Message-Signature: i=1" },
	{ "ARC-Message-Signature: i=2", "ARC-Message-Signature: i=51" },
	{ "Results: i=2;", "Results: i=1;" },
	{ "Results: i=2;", "Results: i=02 ; (c)" },
	{ "Results: i=2;", "Results: i=002;" },
	{ "Results: i=2;", "Results: i=;" },
	{ "Results: i=2;", "Results: i=2" },
	{ "Results: i=2;", "Results: j=2;" },
	{ "Results: i=2;", "Results: a.test; i=2;" },
	{ "Results: i=2;", "Results: (i=2;" },
	/* cv= */
	{ "cv=pass", "cv=none" },
	{ "cv=pass", "cv=fail" },
	{ "cv=pass", "cv=good" },
	{ "cv=pass", "cv=" },
	{ "cv=none", "cv=pass" },
	{ "cv=none", "cv=fail" },
	/* tags that don't go */
	{ "cv=pass;", "cv=pass; h=from;" },
	{ "cv=none;", "cv=none; h=from;" },
	{ "h=from:subject", "h=from:subject:ARC-Seal" },
	{ "a=ed25519-sha256; cv=pass", "a=rsa-sha1; cv=pass" },
	{ "a=ed25519-sha256; cv=none", "a=x; cv=none" },
	{ "a=ed25519-sha256; c=", "a=rsa-sha1; c=" },
	/* signatures: what is sealed by nothing but a seal, too */
	{ "i=1; hop.test; none", "i=1; hop.test; dmarc=pass" },
	{ "i=2; hop.test; none", "i=2; hop.test; dmarc=pass" },
	{ "d=hop1.test; s=one; h=from", "d=hop1.test; s=one; h=From" },
	{ "d=hop2.test; s=one; h=from", "d=hop2.test; s=one; h=From" },
	{ "i=1; a=ed25519-sha256; cv", "i=1; a=ed25519-sha256; t=1; cv" },
	{ "i=2; a=ed25519-sha256; cv", "i=2; a=ed25519-sha256; t=1; cv" },
	{ "d=hop2.test; s=one; b=", "d=hop3.test; s=one; b=" },
	{ "d=hop1.test; s=one; b=", "d=hop3.test; s=one; b=" },
	{ "d=hop1.test; s=one; b=", "d=hop1.test; s=none; b=" },
	{ "d=hop1.test; s=one; b=", "d=hop1.test; s=two; b=" },
};

static void
fails_whatever_is_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
		struct message m = write_message(2);
		struct check c;
		change(&m, breaks[i].from, breaks[i].to);
		verify(&c, &m);
		if (c.arc.status != ARC_FAIL)
			fail_msg("%s for %s: %s", breaks[i].to, breaks[i].from,
			    arc_status_name(c.arc.status));
		assert_false(arc_saw_pass(&c.arc, STR("author.test")));
		forget(&c);
		forget_message(&m);
	}
}

static bool
is_header(struct str section)
{
	struct arena arena = { 0 };
	struct header header;
	const char *why;
	bool good = header_parse(section, &arena, &header, &why);
	arena_free(&arena);
	return good;
}

static char
another(char c)
{
	if (str_has(STR(" :\r\n"), c))
		return 'x';
	return c == 'q' ? 'r' : 'q';
}

/* Every octet is sealed. */
static void
fails_whatever_octet_is_changed(void **state)
{
	(void)state;
	struct message whole = write_message(2);
	for (size_t i = 0; i < whole.fields.n; i++) {
		struct message m = write_message(0);
		m.fields = buf_of(buf_str(&whole.fields));
		m.fields.p[i] = another(m.fields.p[i]);
		if (is_header(buf_str(&m.fields)))
			assert_status(&m, ARC_FAIL);
		forget_message(&m);
	}
	forget_message(&whole);
}

static void
fails_when_the_message_is_another(void **state)
{
	(void)state;
	struct message m = write_message(2);
	m.subject = "goodbye";
	assert_status(&m, ARC_FAIL);
	m = write_message(2);
	m.body = "Goodbye.\r\n";
	assert_status(&m, ARC_FAIL);
	m = write_message(2);
	m.body = "Hello.\r\nAnd more.\r\n";
	assert_status(&m, ARC_FAIL);
}

/* RFC 8617 5.2 step 5: lists change messages; only the newest counts. */
static void
forgives_what_hops_changed(void **state)
{
	(void)state;
	struct message m = write_message(1);
	m.subject = "[list] hello";
	m.body = "Hello.\r\nlist\r\n";
	add_set(&m, (struct seal){ 0 });
	assert_status(&m, ARC_PASS);
}

/* A chain that was broken stays so, however well it is sealed. */
static void
believes_a_hop_that_says_fail(void **state)
{
	(void)state;
	struct message m = write_message(1);
	add_set(&m, (struct seal){ .cv = "fail" });
	assert_status(&m, ARC_FAIL);
	m = write_message(1);
	add_set(&m, (struct seal){ .cv = "fail" });
	add_set(&m, (struct seal){ .cv = "pass" });
	assert_status(&m, ARC_FAIL);
	m = write_message(0);
	add_set(&m, (struct seal){ .cv = "pass" });
	assert_status(&m, ARC_FAIL);
	m = write_message(1);
	add_set(&m, (struct seal){ .cv = "none" });
	assert_status(&m, ARC_FAIL);
}

static void
reads_tags_of_the_message_signature(void **state)
{
	(void)state;
	static const struct {
		const char *more;
		enum arc_status wanted;
	} cases[] = {
		{ " l=8;", ARC_PASS },
		{ " l=7;", ARC_FAIL },
		{ " l=9;", ARC_FAIL },
		{ " x=1795184404;", ARC_PASS },
		{ " x=1795184402;", ARC_FAIL },
		{ " t=1795184402;", ARC_PASS },
		{ " z=1;", ARC_PASS },
		{ " z=1; z=1;", ARC_FAIL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message m = write_message(1);
		add_set(&m, (struct seal){ .more = cases[i].more });
		assert_status(&m, cases[i].wanted);
	}
}

/* The sealer here knows no other than relaxed. */
static void
reads_canonicalisations(void **state)
{
	(void)state;
	static const struct {
		const char *canon;
		enum arc_status wanted;
	} cases[] = {
		{ " c=relaxed/simple;", ARC_PASS },
		{ " c=relaxed;", ARC_PASS },
		{ "", ARC_PASS },
		{ " c=simple/relaxed;", ARC_FAIL },
		{ " c=;", ARC_FAIL },
		{ " c=relaxed/;", ARC_FAIL },
		{ " c=nowsp;", ARC_FAIL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message m = write_message(1);
		add_set(&m, (struct seal){ .canon = cases[i].canon });
		assert_status(&m, cases[i].wanted);
	}
}

/* ---- keys ---- */

static void
tells_trouble_from_failure(void **state)
{
	(void)state;
	struct message m = write_message(1);
	struct check c;
	add_set(&m, (struct seal){ .selector = "down" });
	verify(&c, &m);
	assert_int_equal(c.arc.status, ARC_TEMPERROR);
	assert_string_equal(arc_status_name(c.arc.status), "fail");
	assert_false(arc_saw_pass(&c.arc, STR("author.test")));
	forget(&c);
	/* What is broken is broken, whatever the other key is. */
	change(&m, "i=1; hop.test; none", "i=1; hop.test; x=pass");
	assert_status(&m, ARC_FAIL);
	m = write_message(0);
	add_set(&m, (struct seal){ .selector = "nowhere" });
	assert_status(&m, ARC_FAIL);
}

static void
asks_nothing_about_a_changed_body(void **state)
{
	(void)state;
	struct message m = write_message(3);
	m.body = "Goodbye.\r\n";
	assert_status(&m, ARC_FAIL);
	assert_int_equal(fake_resolver_asked(), 0);
}

static void
keeps_to_its_budget(void **state)
{
	(void)state;
	struct message m = write_message(3);
	budget.left = 2;
	assert_status(&m, ARC_FAIL);
	assert_int_equal(fake_resolver_asked(), 0);
	m = write_message(3);
	budget.left = 3;
	assert_status(&m, ARC_PASS);
	assert_int_equal(budget.left, 0);
	assert_int_equal(fake_resolver_asked(), 3);
}

static void
can_be_cancelled_at_any_time(void **state)
{
	(void)state;
	struct message m = write_message(3);
	struct check c = { 0 };
	forget(&c);
	fake_resolver_hold(true);
	start(&c, &m);
	fake_loop_settle(loop);
	assert_int_equal(c.done, 0);
	forget(&c);
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_int_equal(c.done, 0);

	start(&c, &m);
	forget(&c);
	fake_loop_settle(loop);
	assert_int_equal(c.done, 0);
	forget_message(&m);

	m = write_message(0);
	start(&c, &m);
	forget(&c);
	fake_loop_settle(loop);
	assert_int_equal(c.done, 0);
	forget_message(&m);
}

/* ---- bounds ---- */

static void
takes_fifty_sets_at_most(void **state)
{
	(void)state;
	struct message m = write_message(ARC_MAX_SETS + 1);
	assert_status(&m, ARC_FAIL);
	assert_int_equal(fake_resolver_asked(), 0);
}

static void
bounds_its_work(void **state)
{
	(void)state;
	static const char *const fields[] = { "ARC-Seal: i=1; a=b; (\r\n",
		"ARC-Message-Signature: i=1\r\n",
		"ARC-Authentication-Results: i=1;x\r\n" };
	struct message m = write_message(0);
	for (unsigned i = 0; i < HEADER_MAX_FIELDS - 2; i++)
		buf_adds(&m.fields, fields[i % 3]);
	assert_status(&m, ARC_FAIL);
	m = write_message(1);
	buf_adds(&m.fields, "ARC-Authentication-Results: ");
	for (unsigned i = 0; i < 100000; i++)
		buf_addc(&m.fields, '(');
	buf_adds(&m.fields, "\r\n");
	assert_status(&m, ARC_FAIL);
	assert_int_equal(fake_resolver_asked(), 0);
}

/* ---- evidence ---- */

static const struct {
	const char *results;
	bool saw;
} evidence[] = {
	{ "i=1; a.test; dmarc=pass header.from=author.test", true },
	{ " i = 1 ; a.test; DMARC=Pass (p=reject) header.From=AUTHOR.test.",
	    true },
	{ "i=1; a.test 1; spf=fail smtp.mailfrom=x.test; dmarc=pass action=none"
	  " header.from=author.test; dkim=fail header.d=author.test",
	    true },
	{ "i=1; a.test; dmarc=pass header.from=\"author.test\"", true },
	{ "i=1; a.test; dmarc=pass header.from=<ann@author.test>", true },
	/* another domain, or none */
	{ "i=1; a.test; dmarc=pass header.from=<author.test@x.test>", false },
	{ "i=1; a.test; dmarc=pass header.from=<", false },
	{ "i=1; a.test; dmarc=pass header.from=@", false },
	{ "i=1; a.test; dmarc=pass header.from=sub.author.test", false },
	{ "i=1; a.test; dmarc=pass header.from=test", false },
	{ "i=1; a.test; dmarc=pass header.from=evil.test", false },
	{ "i=1; a.test; dmarc=pass", false },
	{ "i=1; a.test; dmarc=pass header.d=author.test", false },
	{ "i=1; a.test; dmarc=pass smtp.from=author.test", false },
	{ "i=1; a.test; dmarc=pass header.from=evil.test"
	  " header.from=author.test",
	    false },
	/* no pass */
	{ "i=1; a.test; dmarc=fail header.from=author.test", false },
	{ "i=1; a.test; dmarc=none header.from=author.test", false },
	{ "i=1; a.test; dmarc=bestguesspass header.from=author.test", false },
	{ "i=1; a.test; dmarc=fail header.from=author.test;"
	  " dmarc=pass header.from=author.test",
	    false },
	{ "i=1; a.test; x=y reason=\"dmarc=pass header.from=author.test\"",
	    false },
	{ "i=1; a.test; x=y (dmarc=pass header.from=author.test)", false },
	{ "i=1; a.test; none", false },
	/* a DMARC result hides all others */
	{ "i=1; a.test; dmarc=fail header.from=author.test;"
	  " dkim=pass header.d=author.test",
	    false },
	{ "i=1; a.test; dkim=pass header.d=author.test;"
	  " spf=pass smtp.mailfrom=author.test; dmarc=none",
	    false },
	/* without one, those of the very same domain */
	{ "i=1; a.test; dkim=pass header.d=author.test", true },
	{ "i=1; a.test; dkim=fail header.d=x.test;"
	  " dkim=pass header.d=Author.Test header.s=s",
	    true },
	{ "i=1; a.test; dkim=pass header.d=sub.author.test", false },
	{ "i=1; a.test; dkim=fail header.d=author.test", false },
	{ "i=1; a.test; dkim=pass", false },
	{ "i=1; a.test; spf=pass smtp.mailfrom=ann@author.test", true },
	{ "i=1; a.test; spf=pass smtp.mailfrom=author.test", true },
	{ "i=1; a.test; spf=pass smtp.mailfrom=\"ann@x\"@author.test", true },
	{ "i=1; a.test; spf=pass smtp.mailfrom=author.test@x.test", false },
	{ "i=1; a.test; spf=pass smtp.helo=author.test", false },
	{ "i=1; a.test; spf=softfail smtp.mailfrom=ann@author.test", false },
	{ "i=1; a.test; auth=pass smtp.mailfrom=ann@author.test", false },
	/* malformed, or of another hop */
	{ "i=2; a.test; dmarc=pass header.from=author.test", false },
	{ "a.test; dmarc=pass header.from=author.test", false },
	{ "i=1; dmarc=pass header.from=author.test", false },
	{ "i=1; a.test; dmarc=pass header.from=author.test; (", false },
	{ "i=1; a.test; dmarc=pass header.from=author.test; x", false },
	{ "", false },
};

static void
looks_for_the_author_in_the_first_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof evidence / sizeof *evidence; i++) {
		struct arc_verify arc = { .status = ARC_PASS,
			.first_results = str_of(evidence[i].results) };
		if (arc_saw_pass(&arc, STR("author.test")) != evidence[i].saw)
			fail_msg("%s", evidence[i].results);
		assert_false(arc_saw_pass(&arc, STR("")));
		arc.status = ARC_FAIL;
		assert_false(arc_saw_pass(&arc, STR("author.test")));
		arc.status = ARC_TEMPERROR;
		assert_false(arc_saw_pass(&arc, STR("author.test")));
	}
}

static bool
saw_pass(const struct seal *first, const struct seal *second)
{
	struct message m = write_message(0);
	struct check c;
	add_set(&m, *first);
	add_set(&m, *second);
	verify(&c, &m);
	assert_int_equal(c.arc.status, ARC_PASS);
	bool saw = arc_saw_pass(&c.arc, STR("author.test"));
	forget(&c);
	forget_message(&m);
	return saw;
}

static void
believes_the_first_hop_alone(void **state)
{
	(void)state;
	static const struct seal plain = { 0 },
				 seen = { .results =
					      "a.test; dmarc=pass "
					      "header.from=author.test" },
				 failed = { .results = "a.test; dmarc=fail "
						       "header.from=author."
						       "test" },
				 blind = { .names = "subject" };
	assert_true(saw_pass(&seen, &plain));
	assert_true(saw_pass(&seen, &failed));
	assert_false(saw_pass(&plain, &seen));
	assert_false(saw_pass(&failed, &seen));
	/* Whoever signs no From says nothing about the author. */
	assert_false(saw_pass(&seen, &blind));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(passes_whole_chains),
		TEST(finds_no_chain),
		TEST(fails_whatever_is_changed),
		TEST(fails_whatever_octet_is_changed),
		TEST(fails_when_the_message_is_another),
		TEST(forgives_what_hops_changed),
		TEST(believes_a_hop_that_says_fail),
		TEST(reads_tags_of_the_message_signature),
		TEST(reads_canonicalisations),
		TEST(tells_trouble_from_failure),
		TEST(asks_nothing_about_a_changed_body),
		TEST(keeps_to_its_budget),
		TEST(can_be_cancelled_at_any_time),
		TEST(takes_fifty_sets_at_most),
		TEST(bounds_its_work),
		TEST(looks_for_the_author_in_the_first_results),
		TEST(believes_the_first_hop_alone),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
