#include "lib/net/tls.h"

#include "lib/base/arena.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

/* A key under a pass phrase is an error, not a question on the terminal. */
static int
on_pass_phrase(char *text, int size, int writing, void *context)
{
	(void)text, (void)size, (void)writing, (void)context;
	return 0;
}

static SSL_CTX *
context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (!ctx)
		abort();
	SSL_CTX_set_default_passwd_cb(ctx, on_pass_phrase);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	/* RFC 5746 1: who can't renegotiate can't be attacked through it */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static struct tls_context *
finish(SSL_CTX *ctx, const char *problem, const char **why)
{
	ERR_clear_error();
	*why = problem;
	if (problem) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	struct tls_context *tls = mem_alloc(sizeof *tls);
	tls->ctx = ctx;
	return tls;
}

/* NULL, or what is wrong with the pair. */
static const char *
load_pair(SSL_CTX *ctx, const char *certificate, const char *key)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return "the certificate can't be read";
	bool read =
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1;
	if (!read && ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_X509)
		return "the key can't be read";
	if (SSL_CTX_check_private_key(ctx) != 1)
		return "the key does not belong to the certificate";
	return NULL;
}

struct tls_context *
tls_server(
    const char *certificate, const char *key, bool tickets, const char **why)
{
	static const unsigned char id[] = "postern";
	SSL_CTX *ctx = context_new(TLS_server_method());
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	if (!tickets) { /* some large senders give up on STARTTLS over them */
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx, 0);
	}
	return finish(ctx, load_pair(ctx, certificate, key), why);
}

/* RFC 7435 3: certificates that nobody verifies protect nothing; anything goes
   that keeps a passive listener out. */
static void
allow_anything(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=0");
	SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
}

static const char *
demand_proof(SSL_CTX *ctx, const char *ca_file)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_dane_enable(ctx) <= 0)
		abort();
	int loaded = *ca_file ? SSL_CTX_load_verify_file(ctx, ca_file)
			      : SSL_CTX_set_default_verify_paths(ctx);
	return loaded == 1 ? NULL : "the trust store can't be read";
}

struct tls_context *
tls_client(enum tls_verify verify, const char *ca_file, const char **why)
{
	SSL_CTX *ctx = context_new(TLS_client_method());
	if (verify == TLS_VERIFIED)
		return finish(ctx, demand_proof(ctx, ca_file), why);
	allow_anything(ctx);
	return finish(ctx, NULL, why);
}

void
tls_free(struct tls_context *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}
