#include "lib/trust/tlsrpt_record.h"

#include "lib/base/ascii.h"

enum {
	NAME_OCTETS = 32, /* of a field */
};

static struct str
trim(struct str s)
{
	while (s.n > 0 && ascii_is_blank(s.p[0]))
		s = str_from(s, 1);
	while (s.n > 0 && ascii_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* RFC 8460 3: (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".") */
static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) &&
		    (i == 0 || !str_has(STR("_-."), s.p[i])))
			return false;
	return s.n > 0 && s.n <= NAME_OCTETS;
}

/* RFC 8460 3: a value has no "=", ";", white space or control; a list of URIs
   has white space around its commas, and may have "=" in them */
static bool
is_value(struct str s, bool is_rua)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] > ' ' && s.p[i] <= '~' &&
			(is_rua || s.p[i] != '=')) &&
		    !(is_rua && ascii_is_blank(s.p[i])))
			return false;
	return s.n > 0;
}

static bool
read_field(struct str field, struct str *rua, const char **why)
{
	struct str value = field;
	struct str name = str_cut(&value, '=');
	bool is_rua = str_eq(name, STR("rua"));
	*why = "A field of the TLSRPT record is malformed";
	if (!is_name(name) || !is_value(value, is_rua))
		return false;
	if (!is_rua)
		return true; /* an extension */
	*why = "The TLSRPT record names more than one list, or a long one";
	if (!str_empty(*rua) || value.n > TLSRPT_RUA_MAX)
		return false;
	*rua = value;
	return true;
}

static bool
cut_version(struct str *text)
{
	return str_eq(trim(str_cut(text, ';')), STR("v=TLSRPTv1"));
}

bool
tlsrpt_record_parse(struct str text, struct str *rua, const char **why)
{
	*rua = STR("");
	*why = "It doesn't begin with v=TLSRPTv1";
	if (!cut_version(&text))
		return false;
	while (text.n > 0) {
		struct str field = trim(str_cut(&text, ';'));
		if (str_empty(field) && text.n == 0)
			break; /* behind the last delimiter */
		if (!read_field(field, rua, why))
			return false;
	}
	*why = "The TLSRPT record names no place for reports";
	return !str_empty(*rua);
}

/* RFC 8460 3: others are discarded, and two mean none */
bool
tlsrpt_record_select(const struct dns_answer *answer, struct arena *arena,
    struct str *rua, const char **why)
{
	const struct dns_record *found = NULL;
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *r = &answer->records[i];
		struct str text = r->text;
		if (r->type != DNS_TXT || !cut_version(&text))
			continue;
		*why = "There is more than one TLSRPT record";
		if (found)
			return false;
		found = r;
	}
	*why = "There is no TLSRPT record";
	if (!found || !tlsrpt_record_parse(found->text, rua, why))
		return false;
	*rua = arena_str(arena, *rua);
	return true;
}
