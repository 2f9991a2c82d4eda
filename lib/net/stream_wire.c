#include "lib/net/stream_wire.h"

#include "lib/base/arena.h"
#include "lib/base/ip.h"

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

void
wire_connect(struct wire *w, const struct tls_context *tls, const char *name)
{
	struct ip ip;
	tls_begin(w, tls);
	SSL_set_connect_state(w->ssl);
	SSL_set_hostflags(w->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	char *copy = mem_cstr(str_of(name));
	SSL *ssl = w->ssl;
	/* RFC 6066 3: SNI is a host name, and no address.  Without memory for
	   the name nothing would be verified. */
	bool known = ip_parse(str_of(name), &ip)
	    ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), copy)
	    : SSL_set_tlsext_host_name(ssl, copy) && SSL_set1_host(ssl, copy);
	free(copy);
	if (!known)
		abort();
}

ssize_t
wire_handshake(struct wire *w)
{
	ERR_clear_error();
	ssize_t n = tls_result(w, SSL_do_handshake(w->ssl));
	w->secure = n > 0;
	return n;
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
