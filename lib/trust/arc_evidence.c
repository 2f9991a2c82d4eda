#include "lib/base/name.h"
#include "lib/mail/authres.h"
#include "lib/trust/arc_sets.h"

/* A property that is there once; else "". */
static struct str
find_property(
    const struct authres_result *result, const char *type, const char *name)
{
	struct str value = STR("");
	unsigned count = 0;
	for (size_t i = 0; i < result->count; i++) {
		const struct authres_property *p = &result->properties[i];
		if (!str_eq(p->type, str_of(type)) ||
		    !str_eq(p->name, str_of(name)))
			continue;
		value = p->value;
		count++;
	}
	return count == 1 ? value : STR("");
}

/* Of a mailbox, in angle brackets or not, or the domain that stands alone. */
static struct str
domain_of(struct str address)
{
	if (str_starts(address, STR("<")) && str_ends(address, STR(">")))
		address = str_sub(address, 1, address.n - 2);
	size_t at = str_find_last(address, '@');
	return at == address.n ? address : str_from(address, at + 1);
}

static bool
is_of(const struct authres_result *result, const char *method,
    struct str domain, struct str wanted)
{
	return str_eq(result->method, str_of(method)) &&
	    str_eq(result->result, STR("pass")) && name_eq(domain, wanted);
}

static bool
is_dmarc_pass(const struct authres_result *result, struct str author_domain)
{
	struct str from = domain_of(find_property(result, "header", "from"));
	return is_of(result, "dmarc", from, author_domain);
}

static bool
is_own_pass(const struct authres_result *result, struct str author_domain)
{
	struct str signer = find_property(result, "header", "d");
	struct str sender =
	    domain_of(find_property(result, "smtp", "mailfrom"));
	return is_of(result, "dkim", signer, author_domain) ||
	    is_of(result, "spf", sender, author_domain);
}

/* When there are DMARC results, they alone count, and all of them. */
static bool
vouches(const struct authres *field, struct str author_domain)
{
	bool dmarc = false, own = false;
	for (size_t i = 0; i < field->count; i++) {
		const struct authres_result *result = &field->results[i];
		own = own || is_own_pass(result, author_domain);
		if (!str_eq(result->method, STR("dmarc")))
			continue;
		if (!is_dmarc_pass(result, author_domain))
			return false;
		dmarc = true;
	}
	return dmarc || own;
}

bool
arc_saw_pass(const struct arc_verify *arc, struct str author_domain)
{
	struct arena arena = { 0 };
	struct authres field;
	struct str rest;
	unsigned instance;
	const char *why;
	if (arc->status != ARC_PASS || author_domain.n == 0)
		return false;
	bool saw = arc_results_instance(arc->first_results, &instance, &rest) &&
	    instance == 1 && authres_parse(rest, &arena, &field, &why) &&
	    vouches(&field, author_domain);
	arena_free(&arena);
	return saw;
}
