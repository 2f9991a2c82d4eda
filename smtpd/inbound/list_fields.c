#include "smtpd/inbound/list_fields.h"

#include "lib/base/name.h"
#include "lib/mail/path.h"

/* What stands in the last angle brackets; "" without them. */
static struct str
bracketed(struct str value)
{
	size_t open = str_find_last(value, '<');
	struct str inside = str_from(value, open + 1);
	size_t close = str_find(inside, '>');
	return close < inside.n ? str_trim(str_sub(inside, 0, close)) : STR("");
}

/* RFC 2919 3: "Name <announce.lists.example>" */
static struct str
domain_of_id(struct str value)
{
	return bracketed(value);
}

/* RFC 2369 3.4: "<mailto:announce@lists.example?subject=...>" */
static struct str
domain_of_post(struct str value)
{
	struct str address = bracketed(value);
	if (!str_starts_nocase(address, STR("mailto:")))
		return STR("");
	address = str_sub(address, 0, str_find(address, '?'));
	return address_domain(address);
}

static const struct list_field {
	const char *name;
	struct str (*domain)(struct str value);
} list_fields[] = {
	{ "List-Id", domain_of_id },
	{ "List-Post", domain_of_post },
};

enum {
	LIST_FIELDS = sizeof list_fields / sizeof *list_fields
};

static bool
is_own_field(const struct header *header, const struct list_field *field,
    struct str signer)
{
	if (header_count(header, field->name) != 1)
		return false;
	struct str domain =
	    field->domain(header_first(header, field->name)->value);
	return name_is_dns(domain) && name_is_below(domain, signer);
}

static bool
signs_list_fields(
    const struct header *header, const struct dkim_verify *dkim, size_t at)
{
	for (int i = 0; i < LIST_FIELDS; i++)
		if (is_own_field(
			header, &list_fields[i], dkim->results[at].domain) &&
		    dkim_verify_covers(dkim, at, list_fields[i].name))
			return true;
	return false;
}

bool
list_fields_signed(const struct header *header, const struct dkim_verify *dkim,
    struct str author_domain, struct str *domain)
{
	for (size_t i = 0; i < dkim->count; i++) {
		const struct dkim_result *result = &dkim->results[i];
		if (result->status != DKIM_PASS || result->weak ||
		    name_eq(result->domain, author_domain) ||
		    !signs_list_fields(header, dkim, i))
			continue;
		*domain = result->domain;
		return true;
	}
	return false;
}
