/*
 * dsn.h - delivery status notifications as text: RFC 3461 6,
 * RFC 3464, RFC 6522.
 *
 * Builds the whole message of a bounce or of a delay warning, multipart/report
 * with the three parts; the original's header section is returned, not its
 * body.  What a server said and what we found ourselves are told apart.  Knows
 * nothing of queues; strings from a remote are already cleaned.
 */
#ifndef LIB_MAIL_DSN_H
#define LIB_MAIL_DSN_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

enum dsn_action {
	DSN_FAILED,
	DSN_DELAYED
};

struct dsn_recipient {
	struct str original; /* address the sender used */
	struct str final; /* address that failed */
	struct str status; /* "5.1.1"; "" becomes 5.0.0 or 4.0.0 */
	struct str remote_host; /* who said the diagnostic, or "" */
	struct str diagnostic; /* "550 5.1.1 no such user", or "" */
	/* What we found when no server said it, without a full stop, or "". */
	struct str finding;
	struct str advice; /* cause and mend; "": what the status says */
	struct str reason; /* plain sentences for the human part, or "" */
	int64_t last_attempt_ms;
};

struct dsn {
	enum dsn_action action;
	struct str our_host; /* Reporting-MTA */
	struct str from; /* postmaster@domain: the From of the report */
	struct str to; /* who reads it: reverse-path of the original, or... */
	struct str sender; /* ... that one, when the reader is the owner of an
			      alias that sends mail on; else "" */
	struct str report_id; /* for Message-ID */
	struct str boundary; /* a word that nobody could guess whose text is in
				the report */
	struct str queue_id; /* of the original */
	int64_t arrival_ms; /* of the original */
	int64_t now_ms;
	int64_t give_up_ms; /* DELAYED: Will-Retry-Until */
	struct str header; /* the original's header section */
	size_t count;
	const struct dsn_recipient *recipients;
};

void dsn_write(const struct dsn *, struct buf *header, struct buf *body);

#endif
