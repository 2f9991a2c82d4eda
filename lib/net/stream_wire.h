/*
 * stream_wire.h - private to stream.c: octets through a socket, plain or TLS.
 *
 * It does not wait, buffer or call back.
 */
#ifndef LIB_NET_STREAM_WIRE_H
#define LIB_NET_STREAM_WIRE_H

#include "lib/net/tls.h"

#include <sys/types.h>

struct ssl_st; /* OpenSSL's */

/* The largest TLS record: a read of this size leaves nothing behind inside
   OpenSSL, so the readiness of the socket tells everything. */
enum {
	WIRE_PIECE = 16384
};

/* What is returned instead of a number of octets. */
enum {
	WIRE_WAIT = -1,
	WIRE_END = -2,
	WIRE_FAILED = -3
};

struct wire {
	int fd;
	struct ssl_st *ssl; /* NULL without TLS */
	bool secure; /* the handshake is done */
	enum tls_check check; /* of a client */
	bool blocked; /* it goes on when the socket is writable */
	const char *error; /* static; NULL as long as nothing failed */
};

void wire_open(struct wire *, int fd);
void wire_close(struct wire *);
ssize_t wire_read(struct wire *, char piece[WIRE_PIECE]);
ssize_t wire_write(struct wire *, struct str);
/* Throws away what the peer still sends. */
ssize_t wire_discard(struct wire *);
/* Ends our direction, with a close_notify under TLS. */
void wire_goodbye(struct wire *);

void wire_accept(struct wire *, const struct tls_context *);
void wire_connect(struct wire *, const struct tls_terms *);
ssize_t wire_handshake(struct wire *); /* above 0: done */
enum tls_verdict wire_verdict(const struct wire *);
const char *wire_reason(const struct wire *); /* of the verdict */
void wire_tls_info(const struct wire *, struct tls_info *);
bool wire_binding(const struct wire *, const char **type, struct buf *data);

#endif
