#include "lib/trust/dkim_verify.h"

#include "lib/base/name.h"
#include "lib/trust/dkim_hashes.h"

#include <stdlib.h>
#include <string.h>

/* One question about a key, for one signature or several. */
struct lookup {
	struct dns_query query;
	struct dkim_verifier *verifier;
	struct str name;
};

/* What becomes one result. */
struct check {
	const struct header_field *field;
	struct dkim_signature signature;
	bool open; /* nothing is known against it yet */
	struct lookup *lookup;
	size_t hash; /* index */
	struct dkim_record record; /* when it is still open after the answer */
};

struct dkim_verifier {
	struct dkim_verify *verify; /* its owner; results are parallel */
	struct loop *loop;
	const struct dkim_question *question;
	struct arena arena;
	struct check checks[DKIM_LOOKED_AT];
	struct lookup lookups[DKIM_VERIFIED];
	size_t lookup_count;
	size_t waiting; /* lookups without an answer */
	struct dkim_hashes hashes;
	bool ended; /* so is the body */
	struct later later;
};

_Static_assert((int)DKIM_VERIFIED == (int)DKIM_HASHES, "a hash for each");
_Static_assert((int)DKIM_VERIFIED <= (int)BUDGET_DKIM, "a question for each");

static void
settle(
    struct dkim_verifier *v, size_t i, enum dkim_status status, const char *why)
{
	v->checks[i].open = false;
	v->verify->results[i].status = status;
	v->verify->results[i].why = why;
}

/* ---- before keys are asked for ---- */

/* Is there such a field, and does h= name each one of them? */
static bool
covers(const struct dkim_verifier *v, const struct dkim_signature *sig,
    const char *name)
{
	size_t fields = header_count(v->question->header, name), named = 0;
	for (size_t i = 0; i < sig->name_count; i++)
		named += str_eq_nocase(sig->names[i], str_of(name));
	return fields > 0 && named >= fields;
}

/* RFC 6376 6.1.1; RFC 8601 2.7.1 has the names of the results. */
static enum dkim_status
judge_tags(const struct dkim_verifier *v, const struct dkim_signature *sig,
    const char **why)
{
	int64_t now = v->question->now;
	*why = "From is not signed";
	if (!dkim_signature_signs(sig, "From"))
		return DKIM_PERMERROR;
	/* RFC 6376 8.15: the reader may be shown the one that isn't signed */
	*why = "not every From is signed";
	if (!covers(v, sig, "From"))
		return DKIM_POLICY;
	/* RFC 6376 8.13: a parent signs for what is its own */
	*why = "d= is a top-level domain";
	if (name_labels(sig->domain) < 2)
		return DKIM_POLICY;
	/* RFC 8301 3.1: rsa-sha1 is not verified */
	*why = "rsa-sha1 is not acceptable";
	if (str_eq(sig->algorithm_text, STR("rsa-sha1")))
		return DKIM_POLICY;
	*why = "unknown algorithm in a=";
	if (!sig->known_algorithm)
		return DKIM_NEUTRAL;
	*why = "the signature has expired";
	if (sig->expires && sig->expires < now)
		return DKIM_POLICY;
	/* RFC 6376 3.5: a t= that is in the future may be ignored */
	*why = "the signature is of the future";
	if (sig->signed_at > now && sig->signed_at - now > DKIM_CLOCK_SKEW)
		return DKIM_POLICY;
	*why = "";
	return DKIM_PASS;
}

static void
read_signature(struct dkim_verifier *v, size_t i)
{
	struct dkim_result *result = &v->verify->results[i];
	struct dkim_signature *sig = &v->checks[i].signature;
	const char *why;
	enum dkim_status status = DKIM_NEUTRAL;
	if (dkim_signature_parse(DKIM_KIND_SIGNATURE, v->checks[i].field->value,
		&v->arena, sig, &why))
		status = judge_tags(v, sig, &why);
	*result = (struct dkim_result){
		.domain = sig->domain,
		.selector = sig->selector,
		.algorithm = sig->algorithm_text,
		.identity = sig->identity,
		.signature = sig->signature_text,
	};
	settle(v, i, status, why);
	v->checks[i].open = status == DKIM_PASS;
}

static void
read_signatures(struct dkim_verifier *v)
{
	const struct header *header = v->question->header;
	struct dkim_verify *verify = v->verify;
	for (size_t i = 0; i < header->count; i++) {
		const struct header_field *field = &header->fields[i];
		if (verify->count == DKIM_LOOKED_AT)
			return;
		if (!str_eq_nocase(field->name, STR("DKIM-Signature")))
			continue;
		v->checks[verify->count].field = field;
		read_signature(v, verify->count++);
	}
}

/* ---- keys ---- */

static void finish_when_all_is_there(struct dkim_verifier *);

static void
on_answer(struct dns_query *query)
{
	struct lookup *lookup = container_of(query, struct lookup, query);
	struct dkim_verifier *v = lookup->verifier;
	budget_charge(v->question->budget, query->answer);
	for (size_t i = 0; i < v->verify->count; i++) {
		struct check *c = &v->checks[i];
		const char *why;
		if (!c->open || c->lookup != lookup)
			continue;
		enum dkim_status status = dkim_record_select(
		    query->answer, &c->signature, &v->arena, &c->record, &why);
		v->verify->results[i].testing = c->record.testing;
		if (status != DKIM_PASS)
			settle(v, i, status, why);
	}
	v->waiting--;
	finish_when_all_is_there(v);
}

/* NULL: it may not be asked for. */
static struct lookup *
look_up(struct dkim_verifier *v, struct str name)
{
	for (size_t i = 0; i < v->lookup_count; i++)
		if (str_eq(v->lookups[i].name, name))
			return &v->lookups[i];
	if (!budget_take(v->question->budget))
		return NULL;
	struct lookup *lookup = &v->lookups[v->lookup_count++];
	lookup->verifier = v;
	lookup->name = name;
	v->waiting++;
	dns_ask(
	    v->question->resolver, &lookup->query, name, DNS_TXT, on_answer);
	return lookup;
}

/* ---- which ones are verified ---- */

enum rank {
	RANK_AUTHOR, /* d= is the author domain or above: DMARC may need it */
	RANK_BELOW_AUTHOR,
	RANK_OTHER,
	RANKS,
};

static enum rank
rank_of(const struct dkim_verifier *v, size_t i)
{
	struct str author = v->question->author_domain;
	struct str domain = v->checks[i].signature.domain;
	if (author.n > 0 && name_is_below(author, domain))
		return RANK_AUTHOR;
	if (author.n > 0 && name_is_below(domain, author))
		return RANK_BELOW_AUTHOR;
	return RANK_OTHER;
}

static void
begin(struct dkim_verifier *v, size_t i)
{
	struct check *c = &v->checks[i];
	c->lookup = look_up(v, dkim_record_name(&c->signature, &v->arena));
	if (c->lookup)
		c->hash = dkim_hashes_want(&v->hashes, &c->signature);
	else
		settle(v, i, DKIM_POLICY, "not verified: too many questions");
}

static void
begin_those_that_count(struct dkim_verifier *v)
{
	size_t begun = 0;
	for (enum rank rank = 0; rank < RANKS; rank++)
		for (size_t i = 0; i < v->verify->count; i++) {
			if (!v->checks[i].open || rank_of(v, i) != rank)
				continue;
			if (begun++ < DKIM_VERIFIED)
				begin(v, i);
			else
				settle(v, i, DKIM_POLICY,
				    "not verified: too many signatures");
		}
}

/* ---- the end ---- */

/* RFC 6376 6.1.3: the body's hash is the cheaper half. */
static enum dkim_status
verify(const struct dkim_verifier *v, const struct check *c, bool *weak,
    const char **why)
{
	const struct dkim_signature *sig = &c->signature;
	const struct dkim_hash *hash = &v->hashes.all[c->hash];
	uint8_t digest[DKIM_HASH];
	*why = "l= is more than the body has";
	if (sig->has_length && sig->length > hash->length)
		return DKIM_PERMERROR;
	*why = "the body has another hash";
	if (memcmp(hash->digest, sig->body_hash.p, DKIM_HASH) != 0)
		return DKIM_FAIL;
	dkim_signature_digest(sig, v->question->header, c->field, digest);
	enum dkim_status status =
	    dkim_record_check(&c->record, sig, digest, why);
	*weak = status == DKIM_PASS && sig->has_length &&
	    sig->length < hash->length;
	if (!*weak)
		return status;
	/* RFC 6376 8.2: anything may have been put behind what is signed */
	*why = "l= leaves a part of the body unsigned";
	return DKIM_POLICY;
}

static void
verify_and_settle(struct dkim_verifier *v, size_t i)
{
	const char *why;
	enum dkim_status status =
	    verify(v, &v->checks[i], &v->verify->results[i].weak, &why);
	settle(v, i, status, why);
}

static void
on_all_there(struct later *later)
{
	struct dkim_verifier *v =
	    container_of(later, struct dkim_verifier, later);
	for (size_t i = 0; i < v->verify->count; i++)
		if (v->checks[i].open)
			verify_and_settle(v, i);
	v->verify->done(v->verify);
}

static void
finish_when_all_is_there(struct dkim_verifier *v)
{
	if (v->ended && v->waiting == 0)
		loop_later(v->loop, &v->later, on_all_there);
}

/* ---- for the owner ---- */

void
dkim_verify_start(struct dkim_verify *verify, struct loop *loop,
    const struct dkim_question *question)
{
	struct dkim_verifier *v = mem_alloc(sizeof *v);
	*verify = (struct dkim_verify){ .verifier = v };
	v->verify = verify;
	v->loop = loop;
	v->question = question;
	read_signatures(v);
	begin_those_that_count(v);
}

void
dkim_verify_body(struct dkim_verify *verify, struct str piece)
{
	dkim_hashes_add(&verify->verifier->hashes, piece);
}

void
dkim_verify_end(struct dkim_verify *verify, void (*done)(struct dkim_verify *))
{
	struct dkim_verifier *v = verify->verifier;
	verify->done = done;
	dkim_hashes_end(&v->hashes);
	v->ended = true;
	finish_when_all_is_there(v);
}

void
dkim_verify_cancel(struct dkim_verify *verify)
{
	struct dkim_verifier *v = verify->verifier;
	if (!v)
		return;
	for (size_t i = 0; i < v->lookup_count; i++)
		dns_cancel(&v->lookups[i].query);
	later_cancel(&v->later);
	dkim_hashes_cancel(&v->hashes);
	arena_free(&v->arena);
	free(v);
	verify->verifier = NULL;
	verify->count = 0;
}

bool
dkim_verify_covers(const struct dkim_verify *verify, size_t i, const char *name)
{
	const struct dkim_verifier *v = verify->verifier;
	return covers(v, &v->checks[i].signature, name);
}

const char *
dkim_status_name(enum dkim_status status)
{
	static const char *const names[] = {
		[DKIM_PASS] = "pass",
		[DKIM_FAIL] = "fail",
		[DKIM_POLICY] = "policy",
		[DKIM_NEUTRAL] = "neutral",
		[DKIM_TEMPERROR] = "temperror",
		[DKIM_PERMERROR] = "permerror",
	};
	return names[status];
}
