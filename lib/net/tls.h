/*
 * tls.h - TLS contexts: certificates we show, and what we ask of a peer.
 *
 * Creation reads files and blocks.  What a handshake meant is for the caller
 * to judge; the bytes flow through stream.h.
 */
#ifndef LIB_NET_TLS_H
#define LIB_NET_TLS_H

#include "lib/base/buf.h"

struct dns_record;
struct ssl_ctx_st; /* OpenSSL's */

struct tls_context {
	struct ssl_ctx_st *ctx; /* private */
};

/* Contexts are shared by pointer count inside OpenSSL: freeing one leaves the
   connections that use it alone.  NULL with *why (static) on failure. */
struct tls_context *tls_server(
    const char *certificate, const char *key, bool tickets, const char **why);
void tls_free(struct tls_context *); /* NULL is fine */

enum tls_verify {
	TLS_OPPORTUNISTIC, /* any certificate, TLS 1.0 too, security level 0 */
	TLS_VERIFIED, /* has a trust store; TLS 1.2 at least */
};

/* ca_file "" uses the system's trust store; only TLS_VERIFIED has one. */
struct tls_context *tls_client(
    enum tls_verify, const char *ca_file, const char **why);

enum tls_check { /* of the certificate a server shows */
	TLS_CHECK_NOTHING,
	TLS_CHECK_WATCHED, /* PKIX and name are looked at, and don't matter */
	TLS_CHECK_PKIX, /* authority and name, TLS 1.2 at least */
	TLS_CHECK_DANE, /* the TLSA records, TLS 1.2 at least */
};

enum {
	TLS_OTHER_NAMES = 2
};

struct tls_terms { /* of a client's handshake; {0} asks for no proof */
	const struct tls_context *context; /* TLS_VERIFIED, if it is checked */
	enum tls_check check;
	const char *name; /* SNI, and what the certificate must be for */
	const char *others[TLS_OTHER_NAMES]; /* or NULL: for these it may be,
						too */
	/* TLS_CHECK_DANE: records that OpenSSL knows; with none that it takes
	   no certificate is good */
	size_t count;
	const struct dns_record *records;
};

enum tls_verdict { /* on the server's certificate */
	TLS_VERDICT_GOOD, /* nothing that was looked at is wrong */
	TLS_VERDICT_WRONG_NAME,
	TLS_VERDICT_EXPIRED,
	TLS_VERDICT_UNTRUSTED, /* authority unknown, self-signed, not yet valid
				*/
	TLS_VERDICT_NO_MATCH, /* no TLSA record fits */
	TLS_VERDICT_NO_HANDSHAKE, /* it didn't come to a verdict */
};

struct tls_info { /* of an established connection */
	char version[16]; /* "TLSv1.3" */
	char cipher[64];
	bool verified;
};

#endif
