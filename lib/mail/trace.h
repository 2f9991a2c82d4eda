/*
 * trace.h - trace fields: Received and Return-Path, RFC 5321 4.4; the hops
 * that were already made, 6.3.
 */
#ifndef LIB_MAIL_TRACE_H
#define LIB_MAIL_TRACE_H

#include "lib/base/ip.h"
#include "lib/mail/header.h"

enum {
	TRACE_MAX_HOPS = 50, /* more Received fields: 554 5.4.6 */
};

struct trace {
	struct str helo; /* as the client said it */
	struct ip client; /* family 0: not shown (an authenticated user) */
	struct str by; /* our host name */
	const char *with; /* "ESMTP", "ESMTPS", "ESMTPSA": RFC 3848 */
	struct str tls; /* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" */
	struct str id; /* queue id */
	struct str recipient; /* FOR, only when there is exactly one, else "" */
	int64_t wall_ms;
};

void trace_received(struct buf *, const struct trace *); /* folded, CR LF */
size_t trace_hops(const struct header *);
/* Has this host already handled it this many times?  Counts Received fields
   that are "by" the name. */
size_t trace_hops_by(const struct header *, struct str host);

#endif
