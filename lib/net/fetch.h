/*
 * fetch.h - one HTTPS request, made by the web process: RFC 8461 3.3,
 * RFC 8460 3.
 *
 * smtpd links no HTTP.  It asks over a pair that PID 1 made: host, path and
 * the addresses that it has resolved itself; web connects to those alone,
 * verifies the certificate for the host, follows nothing.  When web starts
 * anew it is asked again what it can't answer any more, once; while it is away
 * there is a deadline, then failure.  Only so many are under way at a
 * time; fetch_places.h says whose turn is next.  It knows no mail.
 */
#ifndef LIB_NET_FETCH_H
#define LIB_NET_FETCH_H

#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/net/loop.h"

enum {
	FETCH_IPS = 8,
	FETCH_BODY = 65536, /* octets of an answer that are taken */
	FETCH_POST = 131072, /* octets of a body that can be sent */
	FETCH_MS = 60000, /* in all, once it is asked: RFC 8461 3.3 */
	FETCH_BRIEF_MS = 10000, /* the same, when many are under way */
	FETCH_WAIT_MS = 300000, /* for a place */
};

enum fetch_result {
	FETCH_DONE, /* status and body are there */
	FETCH_NO_CONNECTION,
	FETCH_CERTIFICATE, /* it can't be verified, or not for this host */
	FETCH_TLS, /* another failure of the handshake */
	FETCH_TOO_LARGE,
	FETCH_TIMEOUT,
	FETCH_AWAY, /* web didn't answer */
};

struct fetch_channel; /* one per process */

struct fetch { /* {0} is idle */
	/* the question; kept by the asker until done() */
	struct str host; /* also SNI, and what is verified */
	struct str path; /* "/.well-known/mta-sts.txt" */
	uint16_t port;
	size_t count;
	struct ip ips[FETCH_IPS];
	bool ahead; /* of need: nobody waits for it yet */
	bool post;
	struct str body, type; /* of a POST: "application/tlsrpt+gzip" */
	/* the answer */
	enum fetch_result result;
	unsigned status; /* 200 */
	struct str content_type; /* lower case, without parameters */
	struct str content; /* valid until done() returns; none of a POST */
	void (*done)(struct fetch *);
	struct fetch_work *work; /* private */
};

struct fetch_channel *fetch_channel_new(struct loop *, int socket);
void fetch_channel_free(struct fetch_channel *); /* cancels what is asked */
/* done() runs once and later.  What no record can say (a host that is none, a
   path with a blank, too large a body) ends as if web were away. */
void fetch_start(
    struct fetch_channel *, struct fetch *, void (*done)(struct fetch *));
void fetch_cancel(struct fetch *);

#endif
