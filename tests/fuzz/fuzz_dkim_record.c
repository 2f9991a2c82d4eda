/*
 * Key records of any bytes, and keys in them: what may be used is within
 * bounds, and OpenSSL can be given it.
 *
 * The first byte chooses the algorithm; a line feed separates records.
 */
#include "lib/trust/dkim_record.h"

#include "lib/trust/dkim_public_key.h"

#include <stdlib.h>

enum {
	RECORDS = 4
};

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool fact)
{
	if (!fact)
		abort();
}

static void
check_der(struct str der)
{
	struct dkim_rsa key, again;
	if (!dkim_rsa_parse(der, &key))
		return;
	check(key.key.p >= der.p && key.bits > 0);
	check(key.key.p + key.key.n <= der.p + der.n);
	check(key.bits <= key.key.n * 8);
	check(dkim_rsa_parse(key.key, &again) && again.bits == key.bits);
}

static void
check_record(const struct dkim_record *record, const struct dkim_signature *sig)
{
	uint8_t digest[DKIM_HASH] = { 0 };
	const char *why;
	check(record->algorithm == sig->algorithm && record->key.n > 0);
	if (record->algorithm == SIGN_RSA_SHA256)
		check(record->bits >= DKIM_RSA_LEAST &&
		    record->bits <= DKIM_RSA_MOST);
	check(dkim_record_check(record, sig, digest, &why) == DKIM_FAIL);
	check(dkim_public_key_kept() <= DKIM_KEYS_KEPT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char bytes[256] = { 2 };
	struct arena arena = { 0 };
	struct dns_record all[RECORDS];
	struct dns_answer answer = { .records = all };
	struct dkim_record record;
	const char *why = NULL;
	if (size == 0)
		return 0;
	struct dkim_signature sig = { .domain = STR("a.example"),
		.identity = STR("@a.example"),
		.identity_domain = STR("a.example"),
		.signature = { bytes, sizeof bytes } };
	sig.algorithm = data[0] & 1 ? SIGN_ED25519_SHA256 : SIGN_RSA_SHA256;
	sig.signature.n = data[0] & 1 ? 64 : 128;
	struct str rest = { (const char *)data + 1, size - 1 };
	check_der(rest);
	while (answer.count < RECORDS && rest.p)
		all[answer.count++] = (struct dns_record){ .type = DNS_TXT,
			.text = str_cut(&rest, '\n') };
	if (dkim_record_select(&answer, &sig, &arena, &record, &why) ==
	    DKIM_PASS)
		check_record(&record, &sig);
	check(why != NULL);
	arena_free(&arena);
	return 0;
}
