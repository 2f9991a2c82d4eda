/*
 * Header sections whose first field is a signature of any bytes: what is read
 * keeps its bounds, and what is signed is no more than the header has.
 *
 * The first byte chooses the kind.
 */
#include "lib/trust/dkim_signature.h"

#include "lib/base/name.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool fact)
{
	if (!fact)
		abort();
}

static void
check_signature(enum dkim_kind kind, const struct dkim_signature *sig)
{
	check(name_is_dns(sig->domain) && name_is_dns(sig->selector));
	check(sig->domain.n + sig->selector.n + 12 <= NAME_MAX_TEXT);
	check(sig->signature.n > 0 && sig->algorithm_text.n > 0);
	check(sig->name_count <= DKIM_MAX_NAMES);
	check(sig->expires >= 0 && sig->signed_at >= 0);
	if (kind == DKIM_KIND_SIGNATURE)
		check(name_is_below(sig->identity_domain, sig->domain));
	else
		check(sig->instance > 0 && sig->identity.n == 0);
	if (kind != DKIM_KIND_ARC_SEAL && sig->known_algorithm)
		check(sig->body_hash.n == DKIM_HASH);
}

/* RFC 6376 5.4.2: no field is signed twice */
static void
check_input(const struct dkim_signature *sig, const struct header *header)
{
	struct buf input = { 0 };
	dkim_signature_input(sig, header, header->fields, &input);
	check(input.n + 2 <= header->bytes.n + 2 * header->count);
	check(!str_ends(buf_str(&input), STR("\r\n")) ||
	    sig->header_canon == DKIM_SIMPLE);
	buf_free(&input);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct header header;
	struct dkim_signature sig;
	const char *why = NULL;
	if (size == 0)
		return 0;
	enum dkim_kind kind = data[0] % 3;
	struct str section = { (const char *)data + 1, size - 1 };
	header_parse(section, &arena, &header, &why);
	if (header.count > 0 &&
	    dkim_signature_parse(
		kind, header.fields[0].value, &arena, &sig, &why)) {
		check_signature(kind, &sig);
		check_input(&sig, &header);
	} else {
		check(why != NULL || header.count == 0);
	}
	arena_free(&arena);
	return 0;
}
