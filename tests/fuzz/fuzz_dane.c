/*
 * A DNS answer about TLSA records, from the wire to what a host is held to:
 * the records that count are such as RFC 7672 3.1 has, and OpenSSL takes them
 * all, else nothing would be left to prove the host by.
 *
 * The first octet is the length of the name that was asked for.
 */
#include "lib/base/cursor.h"
#include "lib/net/dns_message.h"
#include "lib/trust/dane.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static SSL_CTX *context;

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static void
check_record(SSL *ssl, const struct dns_record *r)
{
	static const size_t digests[] = { [1] = 32, [2] = 64 };
	expect(r->tlsa.usage == 2 || r->tlsa.usage == 3);
	expect(r->tlsa.selector <= 1 && r->tlsa.matching <= 2);
	expect(r->tlsa.matching == 0 ||
	    r->tlsa.data.n == digests[r->tlsa.matching]);
	expect(SSL_dane_tlsa_add(ssl, r->tlsa.usage, r->tlsa.selector,
		   r->tlsa.matching, (const unsigned char *)r->tlsa.data.p,
		   r->tlsa.data.n) > 0);
}

static void
check_set(const struct dane_set *set)
{
	SSL *ssl = SSL_new(context);
	expect(ssl && SSL_dane_enable(ssl, "mx.example.test") > 0);
	expect((set->count > 0) == (set->status == DANE_USABLE));
	for (size_t i = 0; i < set->count; i++)
		check_record(ssl, &set->records[i]);
	SSL_free(ssl);
	ERR_clear_error();
}

static void
read_set(struct dns_message *message, bool authentic)
{
	struct arena arena = { 0 };
	struct dane_set set = { 0 };
	struct dns_answer answer = {
		.status = message->count > 0 ? DNS_FOUND : DNS_NODATA,
		.authentic = authentic,
		.count = message->count,
		.records = message->records,
	};
	dane_read(&answer, STR("mx.example.test"), &arena, &set);
	expect(authentic || set.status == DANE_INSECURE);
	expect(set.count <= message->count);
	check_set(&set);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor c = cursor_of((struct str){ (const char *)data, n });
	struct str name = cursor_bytes(&c, cursor_u8(&c));
	struct arena arena = { 0 };
	struct dns_message message = { 0 };
	if (!context) {
		context = SSL_CTX_new(TLS_client_method());
		expect(context && SSL_CTX_dane_enable(context) > 0);
	}
	if (!c.failed &&
	    dns_message_parse(
		cursor_rest(&c), name, DNS_TLSA, &arena, &message)) {
		read_set(&message, true);
		read_set(&message, false);
	}
	arena_free(&arena);
	return 0;
}
