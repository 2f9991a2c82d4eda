#include "lib/trust/arc_sets.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digester {
	EVP_MD_CTX *chain; /* all sets so far, with their seals */
	EVP_MD_CTX *seal; /* the same, and a seal with an empty b= */
	struct arena *arena;
	struct buf text;
};

/* SHA-256 out of OpenSSL's default provider only fails for want of memory. */
static void
check(int good)
{
	if (good != 1)
		abort();
}

static void
add_text(struct digester *digester, EVP_MD_CTX *hash)
{
	check(EVP_DigestUpdate(hash, digester->text.p, digester->text.n));
	buf_clear(&digester->text);
}

/* RFC 8617 5.1.1: the sets in order, each results, message signature, seal;
   the last seal as its signer saw it */
static void
add_set(struct digester *digester, const struct arc_set *set,
    uint8_t digest[DKIM_HASH])
{
	struct buf *text = &digester->text;
	dkim_header_canon(DKIM_RELAXED, set->results, text);
	dkim_header_canon(DKIM_RELAXED, set->message, text);
	add_text(digester, digester->chain);

	check(EVP_MD_CTX_copy_ex(digester->seal, digester->chain));
	dkim_signature_own(DKIM_RELAXED, set->seal, digester->arena, text);
	add_text(digester, digester->seal);
	check(EVP_DigestFinal_ex(digester->seal, digest, NULL));

	dkim_header_canon(DKIM_RELAXED, set->seal, text);
	add_text(digester, digester->chain);
}

void
arc_seal_digests(const struct arc_sets *sets, struct arena *arena,
    uint8_t digests[ARC_MAX_SETS][DKIM_HASH])
{
	struct digester digester = { EVP_MD_CTX_new(), EVP_MD_CTX_new(), arena,
		{ 0 } };
	check(digester.chain && digester.seal &&
	    EVP_DigestInit_ex(digester.chain, EVP_sha256(), NULL));
	for (unsigned i = 0; i < sets->count; i++)
		add_set(&digester, &sets->sets[i], digests[i]);
	EVP_MD_CTX_free(digester.chain);
	EVP_MD_CTX_free(digester.seal);
	buf_free(&digester.text);
}
