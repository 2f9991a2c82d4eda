#include "lib/trust/dmarc_record.h"

#include "lib/base/ascii.h"

#include <string.h>

enum tag {
	TAG_P,
	TAG_SP,
	TAG_NP,
	TAG_ADKIM,
	TAG_ASPF,
	TAG_PSD,
	TAG_T,
	TAG_RUA,
	TAGS
};

static const char *const tag_names[TAGS] = { "p", "sp", "np", "adkim", "aspf",
	"psd", "t", "rua" };

/* Values, each at the place of its number. */
static const char *const requests[] = { "none", "quarantine", "reject", NULL };
static const char *const modes[] = { "r", "s", NULL };
static const char *const yes_or_no[] = { "n", "y", NULL };
static const char *const psd_flags[] = { "u", "y", "n", NULL };

struct tags {
	unsigned times[TAGS]; /* 0: not there, the default holds */
	struct str values[TAGS]; /* the last one */
};

/* ---- tags ---- */

static struct str
cut_tag(struct str *rest, struct str *name)
{
	struct str value = str_cut(rest, ';');
	*name = str_trim(str_cut(&value, '='));
	return str_trim(value);
}

static enum tag
find_tag(struct str name)
{
	enum tag tag = 0;
	while (tag < TAGS && !str_eq_nocase(name, str_of(tag_names[tag])))
		tag++;
	return tag;
}

/* RFC 9989 4.8: unknown tags are ignored, and so are pct, rf, ri of old */
static void
collect(struct str rest, struct tags *tags)
{
	while (rest.n > 0) {
		struct str name;
		struct str value = cut_tag(&rest, &name);
		enum tag tag = find_tag(name);
		if (tag == TAGS)
			continue;
		tags->times[tag]++;
		tags->values[tag] = value;
	}
}

/* Reads what stands there into *value, which holds the default.  False: a
   syntax error; the default stays.  A tag that is there twice is one, because
   nobody can know which of both was meant. */
static bool
read_word(const struct tags *tags, enum tag tag, const char *const *words,
    unsigned *value)
{
	if (tags->times[tag] == 0)
		return true;
	for (unsigned i = 0; tags->times[tag] == 1 && words[i]; i++)
		if (str_eq_nocase(tags->values[tag], str_of(words[i]))) {
			*value = i;
			return true;
		}
	return false;
}

/* RFC 9989 4.8: a syntax error is discarded in favour of the default */
static unsigned
word_or_default(const struct tags *tags, enum tag tag, const char *const *words)
{
	unsigned value = 0;
	read_word(tags, tag, words, &value);
	return value;
}

/* ---- rua ---- */

/* RFC 3986 3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
static bool
is_scheme(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_letter(s.p[i]) &&
		    (i == 0 ||
			!(ascii_is_digit(s.p[i]) ||
			    str_has(STR("+-."), s.p[i]))))
			return false;
	return s.n > 0;
}

/* RFC 3986 2: what may stand behind the scheme */
static bool
is_uri_text(struct str s)
{
	static const struct str marks = { "-._~:/?#[]@$&'()*+=", 19 };
	for (size_t i = 0; i < s.n; i++) {
		bool encoded = s.p[i] == '%' && s.n - i > 2 &&
		    ascii_is_hex(s.p[i + 1]) && ascii_is_hex(s.p[i + 2]);
		if (!encoded && !ascii_is_alnum(s.p[i]) &&
		    !str_has(marks, s.p[i]))
			return false;
	}
	return s.n > 0;
}

/* RFC 9989 4.8: obs-dmarc-report-size, 1*DIGIT [ "k" / "m" / "g" / "t" ] */
static bool
is_size(struct str s)
{
	static const struct str units = { "kmgtKMGT", 8 };
	if (s.n > 1 && str_has(units, s.p[s.n - 1]))
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

static bool
is_reporting_uri(struct str size)
{
	struct str rest = str_cut(&size, '!');
	if (size.p && !is_size(size))
		return false;
	struct str scheme = str_cut(&rest, ':');
	if (!is_scheme(scheme) || !is_uri_text(rest))
		return false;
	size_t at = str_find(rest, '@');
	return !str_eq_nocase(scheme, STR("mailto")) ||
	    (at > 0 && at + 1 < rest.n);
}

static bool
has_reporting_uri(struct str list)
{
	while (list.n > 0)
		if (is_reporting_uri(str_trim(str_cut(&list, ','))))
			return true;
	return false;
}

/* Any other octet is a syntax error, and would come to the report's sender. */
static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] > '~')
			return false;
	return true;
}

static struct str
first_uris(struct str list)
{
	if (list.n <= DMARC_RUA_MAX)
		return list;
	list.n = DMARC_RUA_MAX;
	size_t comma = str_find_last(list, ',');
	return str_sub(list, 0, comma < list.n ? comma : 0);
}

static struct str
read_rua(const struct tags *tags, struct arena *arena)
{
	struct str list = first_uris(tags->values[TAG_RUA]);
	if (tags->times[TAG_RUA] != 1 || !is_printable(list) ||
	    !has_reporting_uri(list))
		return STR("");
	return arena_str(arena, list);
}

/* ---- records ---- */

/* False: one of them isn't valid, or p isn't there. */
static bool
read_policies(const struct tags *tags, struct dmarc_record *record)
{
	unsigned p = DMARC_POLICY_NONE;
	bool good =
	    tags->times[TAG_P] > 0 && read_word(tags, TAG_P, requests, &p);
	unsigned sp = p;
	good = read_word(tags, TAG_SP, requests, &sp) && good;
	unsigned np = sp;
	good = read_word(tags, TAG_NP, requests, &np) && good;
	if (!good)
		return false;
	record->p = p;
	record->sp = sp;
	record->np = np;
	record->has_sp = tags->times[TAG_SP] > 0;
	record->has_np = tags->times[TAG_NP] > 0;
	return true;
}

/* RFC 9989 4.7: "v" is the first tag, and its value has case; what begins
   with white space doesn't begin with it */
static bool
cut_version(struct str *text)
{
	struct str name;
	if (!str_starts_nocase(*text, STR("v")))
		return false;
	struct str value = cut_tag(text, &name);
	return str_eq_nocase(name, STR("v")) && str_eq(value, STR("DMARC1"));
}

bool
dmarc_record_parse(struct str text, struct arena *arena,
    struct dmarc_record *record, const char **why)
{
	struct tags tags = { 0 };
	*record = (struct dmarc_record){ 0 };
	*why = "It doesn't begin with v=DMARC1";
	if (!cut_version(&text))
		return false;
	collect(text, &tags);
	record->strict_dkim = word_or_default(&tags, TAG_ADKIM, modes);
	record->strict_spf = word_or_default(&tags, TAG_ASPF, modes);
	record->testing = word_or_default(&tags, TAG_T, yes_or_no);
	record->psd = word_or_default(&tags, TAG_PSD, psd_flags);
	record->rua = read_rua(&tags, arena);
	/* RFC 9989 4.10.1: without valid policies it is p=none for who asks for
	   reports, else no DMARC */
	bool good = read_policies(&tags, record);
	record->applicable = good || record->rua.n > 0;
	*why = good ? "" : "p, sp or np of the DMARC record is not valid";
	return true;
}

bool
dmarc_record_select(const struct dns_answer *answer, struct arena *arena,
    struct dmarc_record *record, bool *several, const char **why)
{
	const struct dns_record *found = NULL;
	*several = false;
	*why = "There is no DMARC record";
	for (size_t i = 0; i < answer->count; i++) {
		struct str text = answer->records[i].text;
		if (!cut_version(&text))
			continue;
		*several = found != NULL;
		if (*several)
			break;
		found = &answer->records[i];
	}
	/* RFC 9989 4.10: of multiple records, all are discarded */
	if (*several)
		*why = "There are several DMARC records";
	return found && !*several &&
	    dmarc_record_parse(found->text, arena, record, why);
}

const char *
dmarc_policy_name(enum dmarc_policy policy)
{
	return requests[policy];
}
