#include "lib/trust/arc_sets.h"

#include "lib/base/ascii.h"
#include "lib/mail/cfws.h"
#include "lib/mail/taglist.h"

enum field {
	RESULTS,
	MESSAGE,
	SEAL,
	FIELDS
};

static const char *const names[FIELDS] = {
	[RESULTS] = "ARC-Authentication-Results",
	[MESSAGE] = "ARC-Message-Signature",
	[SEAL] = "ARC-Seal",
};

struct collector {
	struct arc_sets *sets;
	struct arena *arena;
	const char *why;
};

static bool
fail(struct collector *collector, const char *why)
{
	collector->why = why;
	return false;
}

bool
arc_results_instance(struct str value, unsigned *instance, struct str *rest)
{
	if (!cfws_skip(&value) || !str_starts(value, STR("i")))
		return false;
	value = str_from(value, 1);
	if (!cfws_skip(&value) || !str_starts(value, STR("=")))
		return false;
	value = str_from(value, 1);
	if (!cfws_skip(&value))
		return false;
	*instance = 0;
	size_t n = 0;
	/* RFC 8617 4.1: position is one digit or two */
	for (; n < 2 && n < value.n && ascii_is_digit(value.p[n]); n++)
		*instance = *instance * 10 + (unsigned)(value.p[n] - '0');
	value = str_from(value, n);
	if (n == 0 || !cfws_skip(&value) || !str_starts(value, STR(";")))
		return false;
	*rest = str_from(value, 1);
	return true;
}

/* ---- collecting ---- */

static enum field
field_kind(const struct header_field *field)
{
	enum field kind = 0;
	if (!str_starts_nocase(field->name, STR("ARC-")))
		return FIELDS;
	while (
	    kind < FIELDS && !str_eq_nocase(field->name, str_of(names[kind])))
		kind++;
	return kind;
}

/* The set of an instance that must be in the chain. */
static struct arc_set *
find_set(struct collector *collector, unsigned instance)
{
	if (instance == 0 || instance > collector->sets->count)
		return NULL;
	return &collector->sets->sets[instance - 1];
}

/* RFC 8617 5.2 step 3: one of each in a set */
static bool
put(struct collector *collector, const struct header_field **place,
    const struct header_field *field)
{
	if (*place)
		return fail(collector, "A field of a set is there twice");
	*place = field;
	return true;
}

static bool
add_results(struct collector *collector, const struct header_field *field)
{
	unsigned instance;
	struct str rest;
	struct arc_set *set;
	if (!arc_results_instance(field->value, &instance, &rest))
		return fail(
		    collector, "ARC-Authentication-Results is malformed");
	set = find_set(collector, instance);
	return set ? put(collector, &set->results, field)
		   : fail(collector, "An instance is out of range");
}

/* Without c= a DKIM-Signature is simple.  Those who seal and leave it out mean
   relaxed, and other verifiers read it so. */
static void
set_default_canon(
    struct collector *collector, struct str value, struct dkim_signature *tags)
{
	struct taglist list;
	const char *why;
	if (taglist_parse(value, collector->arena, &list, &why) &&
	    !taglist_find(&list, "c").p)
		tags->header_canon = tags->body_canon = DKIM_RELAXED;
}

static bool
add_message(struct collector *collector, const struct header_field *field)
{
	struct dkim_signature tags;
	struct arc_set *set;
	if (!dkim_signature_parse(DKIM_KIND_ARC_MESSAGE, field->value,
		collector->arena, &tags, &collector->why))
		return false;
	set = find_set(collector, tags.instance);
	if (!set)
		return fail(collector, "An instance is out of range");
	set_default_canon(collector, field->value, &tags);
	set->message_tags = tags;
	return put(collector, &set->message, field);
}

static bool
add_seal(struct collector *collector, const struct header_field *field)
{
	struct dkim_signature tags;
	struct arc_set *set;
	if (!dkim_signature_parse(DKIM_KIND_ARC_SEAL, field->value,
		collector->arena, &tags, &collector->why))
		return false;
	set = find_set(collector, tags.instance);
	if (!set)
		return fail(collector, "An instance is out of range");
	set->seal_tags = tags;
	return put(collector, &set->seal, field);
}

/* Counting is all that is done about fields beyond the limit. */
static bool
count_sets(struct collector *collector, const struct header *header)
{
	unsigned counts[FIELDS + 1] = { 0 };
	for (size_t i = 0; i < header->count; i++)
		counts[field_kind(&header->fields[i])]++;
	if (counts[RESULTS] > ARC_MAX_SETS || counts[MESSAGE] > ARC_MAX_SETS ||
	    counts[SEAL] > ARC_MAX_SETS)
		return fail(collector, "There are too many sets");
	if (counts[RESULTS] != counts[SEAL] || counts[MESSAGE] != counts[SEAL])
		return fail(collector, "A set is incomplete");
	collector->sets->count = counts[SEAL];
	collector->sets->sets = arena_alloc(
	    collector->arena, counts[SEAL] * sizeof(struct arc_set));
	return true;
}

/* As many as there are sets, of instances up to their number, none twice: so
   none is missing. */
static bool
collect(struct collector *collector, const struct header *header)
{
	static bool (*const add[])(
	    struct collector *, const struct header_field *) = {
		[RESULTS] = add_results,
		[MESSAGE] = add_message,
		[SEAL] = add_seal,
	};
	if (!count_sets(collector, header))
		return false;
	for (size_t i = 0; i < header->count; i++) {
		const struct header_field *field = &header->fields[i];
		enum field kind = field_kind(field);
		if (kind < FIELDS && !add[kind](collector, field))
			return false;
	}
	return true;
}

/* ---- the chain ---- */

/* RFC 8617 5.2 steps 2 and 3: the newest may say that the chain was broken */
static bool
check_seals(struct collector *collector)
{
	unsigned count = collector->sets->count;
	for (unsigned i = count; i > 0; i--) {
		const struct dkim_signature *seal =
		    &collector->sets->sets[i - 1].seal_tags;
		struct str wanted = i == 1 ? STR("none") : STR("pass");
		if (str_eq(seal->chain_validation, STR("fail")))
			return fail(collector, "A hop found the chain broken");
		if (!str_eq(seal->chain_validation, wanted))
			return fail(collector, "cv= is wrong in a seal");
		if (!seal->known_algorithm)
			return fail(collector, "a= of a seal isn't supported");
	}
	return true;
}

bool
arc_sets_collect(const struct header *header, struct arena *arena,
    struct arc_sets *sets, const char **why)
{
	struct collector collector = { .sets = sets, .arena = arena };
	*sets = (struct arc_sets){ 0 };
	if (collect(&collector, header) && check_seals(&collector))
		return true;
	*sets = (struct arc_sets){ 0 };
	*why = collector.why;
	return false;
}
