/*
 * Header sections of lists, with signatures that are taken for valid: whoever
 * vouches isn't the author, and the one field that counts names them.
 *
 * Input: an octet, of which bit 0 says whether List-Id is covered, bit 1
 * List-Post, bit 2 that the first signature is no pass, bit 3 that it is weak;
 * two signers and the author, a line each; the header section.
 */
#include "smtpd/inbound/list_fields.h"

#include "lib/base/name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned covered;

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* In place of the real one, which would have to verify something. */
bool
dkim_verify_covers(const struct dkim_verify *verify, size_t i, const char *name)
{
	expect(i < verify->count && verify->results[i].status == DKIM_PASS);
	return covered & (strcmp(name, "List-Id") == 0 ? 1U : 2U);
}

static bool
has_nocase(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (str_eq_nocase(str_sub(text, i, part.n), part))
			return true;
	return false;
}

/* One such field, whose brackets hold the signer's name. */
static bool
names(const struct header *header, const char *field, struct str domain)
{
	const struct header_field *first = header_first(header, field);
	if (!first || header_count(header, field) != 1)
		return false;
	size_t open = str_find_last(first->value, '<');
	return open < first->value.n &&
	    has_nocase(str_from(first->value, open), domain);
}

static void
check(const struct header *header, const struct dkim_verify *dkim,
    struct str author)
{
	struct str domain = STR("");
	if (!list_fields_signed(header, dkim, author, &domain))
		return;
	size_t at = str_eq(domain, dkim->results[0].domain) ? 0 : 1;
	expect(str_eq(domain, dkim->results[at].domain));
	expect(!name_eq(domain, author) && name_is_dns(domain));
	expect((covered & 1 && names(header, "List-Id", domain)) ||
	    (covered & 2 && names(header, "List-Post", domain)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str rest = { (const char *)p, n };
	struct dkim_verify dkim = { .count = 2 };
	struct arena arena = { 0 };
	struct header header;
	const char *why;
	if (n == 0)
		return 0;
	covered = p[0];
	rest = str_from(rest, 1);
	for (size_t i = 0; i < 2; i++) {
		dkim.results[i].domain = str_cut(&rest, '\n');
		if (!name_is_dns(dkim.results[i].domain))
			return 0; /* no signature of theirs is a pass */
	}
	struct str author = str_cut(&rest, '\n');
	dkim.results[0].status = covered & 4 ? DKIM_FAIL : DKIM_PASS;
	dkim.results[0].weak = covered & 8;
	dkim.results[1].status = DKIM_PASS;
	header_parse(rest, &arena, &header, &why);
	check(&header, &dkim, author);
	arena_free(&arena);
	return 0;
}
