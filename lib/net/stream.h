/*
 * stream.h - a connection, plain or TLS, behind a few events.
 *
 * Output is queued and written when the socket takes it; input is collected
 * into a buffer of bounded size that the owner drains.  It knows no mail and
 * no lines.  After STREAM_CLOSED or STREAM_FAILED the owner frees it.
 */
#ifndef LIB_NET_STREAM_H
#define LIB_NET_STREAM_H

#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/net/loop.h"
#include "lib/net/tls.h"

struct stream;

enum stream_event {
	STREAM_INPUT, /* new bytes in stream_input() */
	STREAM_DRAINED, /* all output has been given to the kernel */
	STREAM_SECURE, /* the TLS handshake is done */
	STREAM_CLOSED, /* the peer ended cleanly: EOF or close_notify */
	STREAM_FAILED, /* reset, TLS error: stream_error() says */
	STREAM_TIMEOUT, /* the deadline passed */
};

/* The owner embeds this; on() may free the stream (and the owner). */
struct stream_owner {
	void (*on)(struct stream_owner *, enum stream_event);
};

/* Takes the connected, non-blocking descriptor over. */
struct stream *stream_new(struct loop *, int fd, struct stream_owner *);
/* Sends what still fits into the socket at once, close_notify first under
   TLS, and closes.  NULL is fine. */
void stream_free(struct stream *);
enum {
	STREAM_FINISHING = 256,
};

/* Writes out all output (at most linger_ms), then closes; the owner is told
   nothing more and must not use the stream again.  Of more than
   STREAM_FINISHING at a time the oldest is closed at once: owners don't count
   them any more. */
void stream_finish(struct stream *, int64_t linger_ms);

struct str stream_input(const struct stream *); /* what has not been drained */
void stream_drain(struct stream *, size_t n);
/* Reading stops (and the peer is made to wait) while paused, while the input
   holds more than 64 KiB, or while more than 256 KiB of output wait. */
void stream_pause(struct stream *, bool paused);

void stream_write(struct stream *, struct str); /* copied */
size_t stream_pending(const struct stream *); /* output not yet written */

/* One deadline at a time, in ms from now; 0 takes it away. */
void stream_deadline(struct stream *, int64_t ms);

/* Starts a handshake once all output is written.  Input that is already here
   is thrown away and never used (the server should have refused it). */
void stream_tls_accept(struct stream *, const struct tls_context *);
void stream_tls_connect(struct stream *, const struct tls_terms *); /* copied */
/* After STREAM_SECURE, or STREAM_FAILED in the handshake; *why is OpenSSL's
   reason (static), "" of a good one. */
enum tls_verdict stream_tls_verdict(const struct stream *, const char **why);
bool stream_tls_info(const struct stream *, struct tls_info *);
/* Channel binding, RFC 9266 or RFC 5929; false when there is none. */
bool stream_channel_binding(
    struct stream *, const char **type, struct buf *data);
const char *stream_error(const struct stream *); /* "" or why it failed */
/* Family 0 of a socket that has none. */
struct ip stream_local(const struct stream *, uint16_t *port);

#endif
