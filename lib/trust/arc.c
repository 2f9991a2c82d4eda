#include "lib/trust/arc_sets.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_SIGNATURES = ARC_MAX_SETS + 1 /* the seals, and one message's */
};

/* One of the signatures that must verify. */
struct arc_check {
	const struct dkim_signature *tags;
	uint8_t digest[DKIM_HASH];
	struct arc_key *key;
};

/* One question, for all the checks that need its answer. */
struct arc_key {
	struct dns_query query;
	struct arc_verifier *verifier;
	struct str name;
};

struct arc_verifier {
	struct arc_verify *owner;
	struct loop *loop;
	const struct dkim_question *question;
	struct arena arena;
	struct arc_sets sets; /* none: there is nothing to verify */
	enum arc_status status; /* a pass until something else is found */
	const char *why;
	struct dkim_body body;
	size_t check_count, key_count, waiting;
	struct arc_check *checks;
	struct arc_key *keys;
	struct later later;
};

static const struct arc_set *
newest(const struct arc_verifier *verifier)
{
	return &verifier->sets.sets[verifier->sets.count - 1];
}

/* ---- the end ---- */

static void
stop(struct arc_verifier *verifier)
{
	for (size_t i = 0; i < verifier->key_count; i++)
		dns_cancel(&verifier->keys[i].query);
	dkim_body_cancel(&verifier->body);
	later_cancel(&verifier->later);
}

static void
decide(struct arc_verifier *verifier, enum arc_status status, const char *why)
{
	verifier->status = status;
	verifier->why = why;
}

/* The last thing a callback does: done() may cancel. */
static void
finish(struct arc_verifier *verifier)
{
	struct arc_verify *owner = verifier->owner;
	stop(verifier);
	owner->status = verifier->status;
	owner->why = verifier->why;
	owner->done(owner);
}

static void
on_later(struct later *later)
{
	finish(container_of(later, struct arc_verifier, later));
}

/* ---- keys ---- */

static void
check_signature(struct arc_verifier *verifier, const struct arc_check *check,
    const struct dns_answer *answer)
{
	bool testing;
	const char *why = "";
	enum dkim_status status = dkim_record_verify(
	    answer, check->tags, check->digest, &testing, &why);
	if (status == DKIM_TEMPERROR)
		decide(verifier, ARC_TEMPERROR, why);
	else if (status != DKIM_PASS)
		decide(verifier, ARC_FAIL, why);
}

/* The first failure decides; trouble with one key doesn't, since another may
   show that the chain is broken. */
static void
on_key(struct dns_query *query)
{
	struct arc_key *key = container_of(query, struct arc_key, query);
	struct arc_verifier *verifier = key->verifier;
	verifier->waiting--;
	budget_charge(verifier->question->budget, query->answer);
	for (size_t i = 0;
	     i < verifier->check_count && verifier->status != ARC_FAIL; i++)
		if (verifier->checks[i].key == key)
			check_signature(
			    verifier, &verifier->checks[i], query->answer);
	if (verifier->status != ARC_FAIL && verifier->waiting > 0)
		return;
	finish(verifier);
}

/* Equal questions are one. */
static struct arc_key *
find_key(struct arc_verifier *verifier, struct str name)
{
	for (size_t i = 0; i < verifier->key_count; i++)
		if (str_eq(verifier->keys[i].name, name))
			return &verifier->keys[i];
	struct arc_key *key = &verifier->keys[verifier->key_count++];
	*key = (struct arc_key){ .verifier = verifier, .name = name };
	return key;
}

/* All keys, or none when the budget isn't enough for all. */
static bool
ask_keys(struct arc_verifier *verifier)
{
	const struct dkim_question *question = verifier->question;
	for (size_t i = 0; i < verifier->check_count; i++) {
		struct arc_check *check = &verifier->checks[i];
		check->key = find_key(
		    verifier, dkim_record_name(check->tags, &verifier->arena));
	}
	verifier->waiting = verifier->key_count;
	for (size_t i = 0; i < verifier->key_count; i++)
		if (!budget_take(question->budget))
			return false;
	for (size_t i = 0; i < verifier->key_count; i++) {
		struct arc_key *key = &verifier->keys[i];
		dns_ask(question->resolver, &key->query, key->name, DNS_TXT,
		    on_key);
	}
	return true;
}

/* ---- signatures ---- */

static uint8_t *
add_check(struct arc_verifier *verifier, const struct dkim_signature *tags)
{
	struct arc_check *check = &verifier->checks[verifier->check_count++];
	check->tags = tags;
	return check->digest;
}

/* RFC 8617 5.2 steps 4 and 6: the newest message signature and all seals */
static void
list_checks(struct arc_verifier *verifier)
{
	const struct arc_sets *sets = &verifier->sets;
	const struct arc_set *last = newest(verifier);
	uint8_t digests[ARC_MAX_SETS][DKIM_HASH];
	arc_seal_digests(sets, &verifier->arena, digests);
	verifier->checks = arena_alloc(
	    &verifier->arena, MAX_SIGNATURES * sizeof(struct arc_check));
	verifier->keys = arena_alloc(
	    &verifier->arena, MAX_SIGNATURES * sizeof(struct arc_key));
	dkim_signature_digest(&last->message_tags, verifier->question->header,
	    last->message, add_check(verifier, &last->message_tags));
	for (unsigned i = sets->count; i > 0; i--)
		memcpy(add_check(verifier, &sets->sets[i - 1].seal_tags),
		    digests[i - 1], DKIM_HASH);
}

/* What makes a message signature worthless without any key; or NULL. */
static const char *
flaw(const struct dkim_signature *tags, const struct dkim_question *question)
{
	if (!tags->known_algorithm)
		return "a= of the message signature isn't supported";
	/* RFC 6376 3.5: x= */
	if (tags->expires && tags->expires < question->now)
		return "The message signature has expired";
	return NULL;
}

static const char *
check_body(struct arc_verifier *verifier)
{
	const struct dkim_signature *tags = &newest(verifier)->message_tags;
	uint8_t digest[DKIM_HASH];
	dkim_body_end(&verifier->body, digest);
	if (memcmp(digest, tags->body_hash.p, DKIM_HASH) != 0)
		return "The body isn't the one that was signed";
	/* Bytes that nobody signed could stand behind those that l= covers. */
	if (tags->has_length && tags->length != verifier->body.length)
		return "l= doesn't cover the body";
	return NULL;
}

/* ---- arc.h ---- */

static void
open_chain(struct arc_verifier *verifier)
{
	struct arc_verify *owner = verifier->owner;
	const struct arc_set *set = newest(verifier);
	const char *why = flaw(&set->message_tags, verifier->question);
	owner->sets = verifier->sets.count;
	owner->sealer = set->seal_tags.domain;
	/* What the first hop saw is about the From that it saw. */
	if (dkim_signature_signs(&set->message_tags, "From"))
		owner->first_results = verifier->sets.sets[0].results->value;
	if (why)
		decide(verifier, ARC_FAIL, why);
	else
		dkim_body_start(&verifier->body, set->message_tags.body_canon);
}

void
arc_start(struct arc_verify *arc, struct loop *loop,
    const struct dkim_question *question)
{
	struct arc_verifier *verifier = mem_alloc(sizeof *verifier);
	const char *why;
	*arc = (struct arc_verify){ .why = "", .verifier = verifier };
	decide(verifier, ARC_NONE, "");
	verifier->owner = arc;
	verifier->loop = loop;
	verifier->question = question;
	if (!arc_sets_collect(
		question->header, &verifier->arena, &verifier->sets, &why))
		decide(verifier, ARC_FAIL, why);
	else if (verifier->sets.count > 0)
		open_chain(verifier);
}

void
arc_body(struct arc_verify *arc, struct str piece)
{
	if (arc->verifier->body.hash)
		dkim_body_add(&arc->verifier->body, piece);
}

static void
verify(struct arc_verifier *verifier)
{
	const char *why = check_body(verifier);
	if (why) {
		decide(verifier, ARC_FAIL, why);
		return;
	}
	decide(verifier, ARC_PASS, "");
	list_checks(verifier);
	if (!ask_keys(verifier))
		decide(verifier, ARC_FAIL, "There are too many DNS questions");
}

void
arc_end(struct arc_verify *arc, void (*done)(struct arc_verify *))
{
	struct arc_verifier *verifier = arc->verifier;
	arc->done = done;
	if (verifier->body.hash)
		verify(verifier);
	if (verifier->status != ARC_PASS)
		loop_later(verifier->loop, &verifier->later, on_later);
}

void
arc_cancel(struct arc_verify *arc)
{
	if (!arc->verifier)
		return;
	stop(arc->verifier);
	arena_free(&arc->verifier->arena);
	free(arc->verifier);
	*arc = (struct arc_verify){ 0 };
}

const char *
arc_status_name(enum arc_status status)
{
	static const char *const names[] = {
		[ARC_NONE] = "none",
		[ARC_PASS] = "pass",
		[ARC_FAIL] = "fail",
		[ARC_TEMPERROR] = "fail",
	};
	return names[status];
}
