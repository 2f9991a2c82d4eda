/*
 * envelope.h - who a message is from, to whom, and how it came.
 *
 * What the journal and spool keep beside the bytes.  The binary form carries
 * a version; decode refuses anything it doesn't know.  All strings live in
 * the envelope's own arena, which makes an envelope movable between threads.
 */
#ifndef LIB_MAIL_ENVELOPE_H
#define LIB_MAIL_ENVELOPE_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/list.h"

enum recipient_kind {
	RECIPIENT_LOCAL, /* a mailbox of ours */
	RECIPIENT_REMOTE,
	RECIPIENT_FORWARD, /* elsewhere, by an alias of ours or back by SRS */
};

struct recipient {
	enum recipient_kind kind;
	struct str address; /* where it goes now: account, or remote address */
	struct str original; /* as the client wrote it in RCPT, for
				Delivered-To and Original-Recipient */
	struct str folder; /* LOCAL: "" for INBOX, else "Junk", "Reports" */
};

enum envelope_flags {
	ENVELOPE_8BIT = 1, /* BODY=8BITMIME, or 8-bit bytes were seen */
	ENVELOPE_SUBMITTED = 2, /* by one of our users; bounces may go back */
	ENVELOPE_BOUNCE = 4, /* made by us about another message */
	ENVELOPE_REQUIRETLS = 8, /* parameter of MAIL, RFC 8689 4.1 */
	ENVELOPE_TLS_OPTIONAL = 16, /* "TLS-Required: No", RFC 8689 3 */
	ENVELOPE_SENDER_PROVEN = 32, /* SPF passed for the sender: it may be
					told of a forward that failed */
};

struct envelope {
	uint64_t id; /* never repeats; written in base 62 */
	int64_t received_ms; /* wall clock */
	unsigned flags;
	struct str sender; /* reverse-path as text, "" for the null path */
	struct str user; /* account that submitted it, or "" */
	struct str envid; /* reserved (DSN), "" */
	size_t count;
	struct recipient *recipients; /* at most settings' MAX_RECIPIENTS */
	struct arena arena;
};

struct envelope *envelope_new(void);
void envelope_free(struct envelope *); /* NULL is fine */
struct recipient *envelope_add(struct envelope *); /* zeroed, to be filled */
void envelope_encode(const struct envelope *, struct buf *);
struct envelope *envelope_decode(struct str); /* NULL: damaged or unknown */
void envelope_id_text(uint64_t id, struct buf *);

#endif
