#include "lib/trust/sts.h"

#include "lib/base/ascii.h"
#include "lib/base/name.h"

static const char *const modes[] = {
	[STS_NONE] = "none",
	[STS_TESTING] = "testing",
	[STS_ENFORCE] = "enforce",
};

const char *
sts_mode_name(enum sts_mode mode)
{
	return modes[mode];
}

/* ---- words of both ---- */

static struct str
skip_blanks(struct str s)
{
	while (s.n > 0 && ascii_is_blank(*s.p))
		s = str_from(s, 1);
	return s;
}

static struct str
strip_blanks(struct str s)
{
	while (s.n > 0 && ascii_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* RFC 8461 3.1, 3.2: both grammars name extensions alike */
static bool
is_field_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) &&
		    (i == 0 || !str_has(STR("_-."), s.p[i])))
			return false;
	return s.n > 0 && s.n <= STS_MAX_NAME;
}

/* ---- the record ---- */

static bool
is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]))
			return false;
	return s.n > 0 && s.n <= STS_MAX_ID;
}

static bool
is_extension_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '=')
			return false;
	return s.n > 0;
}

/* RFC 8461 3.2: of fields that come twice the first counts; others that
   aren't known are skipped */
static bool
read_field(struct str field, struct str *id)
{
	struct str value = field;
	struct str name = str_cut(&value, '=');
	if (!str_eq(name, STR("id")) || !str_empty(*id))
		return is_field_name(name) && is_extension_value(value);
	*id = value;
	return is_id(value);
}

static bool
record_id(struct str text, struct str *id)
{
	*id = STR("");
	str_cut(&text, ';'); /* the version, which was looked at */
	while (text.n > 0) {
		struct str field = skip_blanks(str_cut(&text, ';'));
		if (text.p) /* blanks before a semicolon are part of it */
			field = strip_blanks(field);
		else if (str_empty(field))
			break; /* the last semicolon ends the record */
		if (!read_field(field, id))
			return false;
	}
	return !str_empty(*id);
}

/* RFC 8461 3.1: others are discarded, and two mean none */
static bool
is_sts(struct str text)
{
	struct str version = str_cut(&text, ';');
	return text.p && str_eq(strip_blanks(version), STR("v=STSv1"));
}

bool
sts_record_select(const struct dns_answer *answer, struct arena *arena,
    struct str *id, const char **why)
{
	const struct dns_record *found = NULL;
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *r = &answer->records[i];
		if (r->type != DNS_TXT || !is_sts(r->text))
			continue;
		*why = "There is more than one MTA-STS record";
		if (found)
			return false;
		found = r;
	}
	*why = found ? "The MTA-STS record has no proper id"
		     : "There is no MTA-STS record";
	if (!found || !record_id(found->text, id))
		return false;
	*id = arena_str(arena, *id);
	return true;
}

/* ---- the policy ---- */

enum { /* keys that were seen: the first counts, RFC 8461 3.2 */
	SEEN_VERSION = 1,
	SEEN_MODE = 2,
	SEEN_MAX_AGE = 4,
};

struct sts_reading {
	struct sts_policy *policy;
	struct arena *arena;
	unsigned seen;
	const char *why;
};

static bool
read_version(struct sts_reading *r, struct str value)
{
	r->why = "The version isn't STSv1";
	return str_eq(value, STR("STSv1"));
}

static bool
read_mode(struct sts_reading *r, struct str value)
{
	r->why = "The mode is none of none, testing, enforce";
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
		if (str_eq(value, str_of(modes[i]))) {
			r->policy->mode = (enum sts_mode)i;
			return true;
		}
	return false;
}

static bool
read_max_age(struct sts_reading *r, struct str value)
{
	uint64_t seconds;
	r->why = "max_age is no number of seconds";
	if (value.n > 10 || !str_to_u64(value, &seconds))
		return false;
	r->policy->max_age =
	    seconds < STS_MAX_AGE ? (uint32_t)seconds : STS_MAX_AGE;
	return true;
}

/* RFC 8461 4.1: a wildcard stands for the whole first label, and for one */
static bool
read_mx(struct sts_reading *r, struct str value)
{
	struct sts_policy *policy = r->policy;
	struct str host =
	    str_starts(value, STR("*.")) ? str_from(value, 2) : value;
	r->why = "An mx is no host name";
	if (!name_is_host(name_strip_dot(host)))
		return false;
	r->why = "There are too many mx";
	if (policy->count == STS_MAX_MX)
		return false;
	policy->mx[policy->count++] =
	    arena_lower(r->arena, name_strip_dot(value));
	return true;
}

static const struct sts_key {
	const char *name;
	unsigned seen; /* 0: may come again */
	bool (*read)(struct sts_reading *, struct str value);
} keys[] = {
	{ "version", SEEN_VERSION, read_version },
	{ "mode", SEEN_MODE, read_mode },
	{ "max_age", SEEN_MAX_AGE, read_max_age },
	{ "mx", 0, read_mx },
};

/* RFC 8461 3.2: what isn't known is skipped, if it has the form of a field */
static bool
read_term(struct sts_reading *r, struct str line)
{
	struct str value = line;
	struct str name = str_cut(&value, ':');
	r->why = "A line isn't of the form \"name: value\"";
	if (!value.p || !is_field_name(name))
		return false;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const struct sts_key *key = &keys[i];
		if (!str_eq(name, str_of(key->name)))
			continue;
		bool again = r->seen & key->seen;
		r->seen |= key->seen;
		return again || key->read(r, skip_blanks(value));
	}
	return true;
}

/* RFC 8461 3.2: LF or CR LF.  Empty lines are common, and harmless. */
static bool
read_line(struct sts_reading *r, struct str line)
{
	if (str_ends(line, STR("\r")))
		line.n--;
	line = strip_blanks(line);
	return str_empty(line) || read_term(r, line);
}

static bool
is_complete(struct sts_reading *r)
{
	r->why = "The policy lacks version, mode or max_age";
	if (r->seen != (SEEN_VERSION | SEEN_MODE | SEEN_MAX_AGE))
		return false;
	r->why = "The policy names no mx";
	return r->policy->mode == STS_NONE || r->policy->count > 0;
}

bool
sts_policy_parse(struct str text, struct arena *arena,
    struct sts_policy *policy, const char **why)
{
	struct sts_reading r = { .policy = policy, .arena = arena };
	*policy = (struct sts_policy){ 0 };
	r.why = "The policy is too large";
	bool good = text.n <= STS_MAX_POLICY;
	while (good && text.n > 0)
		good = read_line(&r, str_cut(&text, '\n'));
	if (good && is_complete(&r))
		return true;
	*why = r.why;
	return false;
}

static bool
matches(struct str pattern, struct str host)
{
	if (str_starts(pattern, STR("*.")))
		return name_eq(name_parent(host), str_from(pattern, 2));
	return name_eq(host, pattern);
}

bool
sts_policy_matches(const struct sts_policy *policy, struct str host)
{
	host = name_strip_dot(host);
	if (!name_is_host(host))
		return false;
	for (size_t i = 0; i < policy->count; i++)
		if (matches(policy->mx[i], host))
			return true;
	return false;
}
