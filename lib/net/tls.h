/*
 * tls.h - TLS contexts: certificates we show, and what we ask of a peer.
 *
 * Creation reads files and blocks.  What a handshake meant is for the caller
 * to judge; the bytes flow through stream.h.
 */
#ifndef LIB_NET_TLS_H
#define LIB_NET_TLS_H

#include "lib/base/buf.h"

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
	TLS_VERIFIED, /* PKIX and name, TLS 1.2 at least */
};

/* ca_file "" uses the system's trust store. */
struct tls_context *tls_client(
    enum tls_verify, const char *ca_file, const char **why);

struct tls_info { /* of an established connection */
	char version[16]; /* "TLSv1.3" */
	char cipher[64];
	bool verified;
};

#endif
