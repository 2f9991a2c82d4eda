#include "lib/net/stream_wire.h"

#include "lib/base/arena.h"
#include "lib/net/dns_message.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
wire_open(struct wire *w, int fd)
{
	int on = 1;
	w->fd = fd;
	/* Whoever writes collects before; nobody waits for an ACK. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void
wire_close(struct wire *w)
{
	SSL_free(w->ssl);
	close(w->fd);
}

/* ---- results ---- */

static ssize_t
fail(struct wire *w, const char *why)
{
	w->error = why ? why : "connection lost";
	return WIRE_FAILED;
}

static ssize_t
socket_result(struct wire *w, ssize_t done)
{
	if (done >= 0)
		return done;
	if (errno == EAGAIN || errno == EINTR)
		return WIRE_WAIT;
	return fail(w, strerrordesc_np(errno));
}

static const char *
tls_problem(const SSL *ssl, unsigned long error)
{
	if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return X509_verify_cert_error_string(
		    SSL_get_verify_result(ssl));
	return ERR_reason_error_string(error);
}

static ssize_t
tls_result(struct wire *w, int done)
{
	int system = errno;
	if (done > 0)
		return done;
	switch (SSL_get_error(w->ssl, done)) {
	case SSL_ERROR_WANT_READ:
		return WIRE_WAIT;
	case SSL_ERROR_WANT_WRITE:
		w->blocked = true;
		return WIRE_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return WIRE_END;
	case SSL_ERROR_SYSCALL:
		return fail(w, system ? strerrordesc_np(system) : NULL);
	default:
		return fail(w, tls_problem(w->ssl, ERR_peek_error()));
	}
}

/* ---- octets ---- */

ssize_t
wire_read(struct wire *w, char piece[WIRE_PIECE])
{
	if (w->secure) {
		ERR_clear_error();
		return tls_result(w, SSL_read(w->ssl, piece, WIRE_PIECE));
	}
	ssize_t n = socket_result(w, recv(w->fd, piece, WIRE_PIECE, 0));
	return n == 0 ? WIRE_END : n;
}

ssize_t
wire_write(struct wire *w, struct str bytes)
{
	if (w->secure) {
		int n = (int)str_sub(bytes, 0, WIRE_PIECE).n;
		ERR_clear_error();
		return tls_result(w, SSL_write(w->ssl, bytes.p, n));
	}
	ssize_t n =
	    socket_result(w, send(w->fd, bytes.p, bytes.n, MSG_NOSIGNAL));
	w->blocked |= n == WIRE_WAIT;
	return n;
}

ssize_t
wire_discard(struct wire *w)
{
	char scratch[WIRE_PIECE];
	ssize_t n = socket_result(w, recv(w->fd, scratch, sizeof scratch, 0));
	return n == 0 ? WIRE_END : n;
}

void
wire_goodbye(struct wire *w)
{
	if (w->secure) {
		ERR_clear_error();
		SSL_shutdown(w->ssl);
	}
	shutdown(w->fd, SHUT_WR);
}

/* ---- TLS ---- */

static void
tls_begin(struct wire *w, const struct tls_context *tls)
{
	w->ssl = SSL_new(tls->ctx);
	if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1)
		abort();
}

void
wire_accept(struct wire *w, const struct tls_context *tls)
{
	tls_begin(w, tls);
	SSL_set_accept_state(w->ssl);
}

static bool
is_enforced(enum tls_check check)
{
	return check == TLS_CHECK_PKIX || check == TLS_CHECK_DANE;
}

/* RFC 6066 3: SNI is a host name, and no address. */
static bool
set_name(SSL *ssl, const char *name, char *copy)
{
	struct ip ip;
	return ip_parse(str_of(name), &ip)
	    ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), copy)
	    : SSL_set_tlsext_host_name(ssl, copy) && SSL_set1_host(ssl, copy);
}

/* Without memory for a name nothing would be verified. */
static void
set_names(SSL *ssl, const struct tls_terms *terms)
{
	char *copy = mem_cstr(str_of(terms->name));
	/* RFC 8461 4.2: a DNS-ID; RFC 7672 3.2.3 takes the common name, too */
	unsigned only = terms->check == TLS_CHECK_PKIX
	    ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
	    : 0;
	SSL_set_hostflags(ssl, only | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	bool set = set_name(ssl, terms->name, copy);
	for (size_t i = 0; i < TLS_OTHER_NAMES; i++)
		if (terms->others[i])
			set = set && SSL_add1_host(ssl, terms->others[i]);
	if (!set)
		abort();
	free(copy);
}

/* RFC 7672 3.1.1: neither name nor expiry of a DANE-EE certificate matter.
   Without a record that it takes OpenSSL looks for an authority, and a record
   set that means something else doesn't get past that. */
static void
set_records(SSL *ssl, const struct tls_terms *terms)
{
	if (SSL_dane_enable(ssl, terms->name) <= 0)
		abort();
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < terms->count; i++) {
		const struct dns_record *r = &terms->records[i];
		SSL_dane_tlsa_add(ssl, r->tlsa.usage, r->tlsa.selector,
		    r->tlsa.matching, (const unsigned char *)r->tlsa.data.p,
		    r->tlsa.data.n);
	}
}

/* As lenient as if nobody looked; what is looked at counts by the default
   level's strength all the same. */
static void
only_watch(SSL *ssl)
{
	int level = SSL_get_security_level(ssl);
	SSL_set_security_level(ssl, 0);
	X509_VERIFY_PARAM_set_auth_level(SSL_get0_param(ssl), level);
	SSL_set_min_proto_version(ssl, TLS1_VERSION);
	SSL_set_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT);
}

void
wire_connect(struct wire *w, const struct tls_terms *terms)
{
	tls_begin(w, terms->context);
	SSL_set_connect_state(w->ssl);
	if (terms->check == TLS_CHECK_DANE)
		set_records(w->ssl, terms);
	set_names(w->ssl, terms);
	SSL_set_verify(w->ssl,
	    is_enforced(terms->check) ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
	    NULL);
	if (terms->check == TLS_CHECK_WATCHED)
		only_watch(w->ssl);
	w->check = terms->check;
}

ssize_t
wire_handshake(struct wire *w)
{
	ERR_clear_error();
	ssize_t n = tls_result(w, SSL_do_handshake(w->ssl));
	w->secure = n > 0;
	return n;
}

enum tls_verdict
wire_verdict(const struct wire *w)
{
	long result =
	    w->ssl ? SSL_get_verify_result(w->ssl) : X509_V_ERR_UNSPECIFIED;
	if (w->secure && w->check == TLS_CHECK_NOTHING)
		return TLS_VERDICT_GOOD;
	/* a certificate that was refused ends the handshake */
	if (!w->secure && !(is_enforced(w->check) && result != X509_V_OK))
		return TLS_VERDICT_NO_HANDSHAKE;
	switch (result) {
	case X509_V_OK:
		return TLS_VERDICT_GOOD;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_VERDICT_WRONG_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TLS_VERDICT_EXPIRED;
	case X509_V_ERR_DANE_NO_MATCH:
		return TLS_VERDICT_NO_MATCH;
	default:
		return TLS_VERDICT_UNTRUSTED;
	}
}

const char *
wire_reason(const struct wire *w)
{
	if (wire_verdict(w) == TLS_VERDICT_GOOD)
		return "";
	return X509_verify_cert_error_string(SSL_get_verify_result(w->ssl));
}

void
wire_tls_info(const struct wire *w, struct tls_info *info)
{
	*info = (struct tls_info){ 0 };
	strncpy(
	    info->version, SSL_get_version(w->ssl), sizeof info->version - 1);
	strncpy(
	    info->cipher, SSL_get_cipher_name(w->ssl), sizeof info->cipher - 1);
	info->verified = SSL_get_verify_mode(w->ssl) & SSL_VERIFY_PEER &&
	    SSL_get_verify_result(w->ssl) == X509_V_OK;
}

/* RFC 9266 2: exported keying material is unique to the connection */
static bool
exporter_binding(SSL *ssl, struct buf *data)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	enum {
		LENGTH = 32
	};
	unsigned char *p = (unsigned char *)buf_reserve(data, LENGTH);
	if (SSL_export_keying_material(ssl, p, LENGTH, label, sizeof label - 1,
		(const unsigned char *)"", 0, 1) != 1)
		return false;
	data->n += LENGTH;
	return true;
}

/* RFC 5929 3.1: the first Finished message, which is the client's in a full
   handshake and the server's in an abbreviated one.  RFC 7627 1: without the
   extended master secret it proves nothing. */
static bool
unique_binding(SSL *ssl, struct buf *data)
{
	enum {
		LENGTH = 64
	};
	if (SSL_get_extms_support(ssl) != 1)
		return false;
	bool theirs = SSL_is_server(ssl) != SSL_session_reused(ssl);
	char *p = buf_reserve(data, LENGTH);
	data->n += theirs ? SSL_get_peer_finished(ssl, p, LENGTH)
			  : SSL_get_finished(ssl, p, LENGTH);
	return true;
}

bool
wire_binding(const struct wire *w, const char **type, struct buf *data)
{
	bool exporter = SSL_version(w->ssl) >= TLS1_3_VERSION;
	*type = exporter ? "tls-exporter" : "tls-unique";
	return exporter ? exporter_binding(w->ssl, data)
			: unique_binding(w->ssl, data);
}
