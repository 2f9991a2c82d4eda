/*
 * queue.h - the messages we have promised to deliver.
 *
 * A message enters by one journal record, synced; from then on the queue owns
 * it until every recipient is settled.  Inbound adds, delivery takes: they
 * meet here and nowhere else.  docs/queue.md holds the states and what a crash
 * leaves between any two.  The queue knows neither SMTP nor Maildirs nor DNS:
 * whether and how a recipient is reached is its consumer's business.
 */
#ifndef SMTPD_QUEUE_QUEUE_H
#define SMTPD_QUEUE_QUEUE_H

#include "lib/mail/envelope.h"
#include "lib/mail/message.h"
#include "lib/mail/reply.h"
#include "lib/net/jobs.h"

struct queue;
struct store;

enum {
	QUEUE_INLINE = 65536, /* octets; larger messages have a body file */
	QUEUE_MEMORY = 32 << 20, /* of message bytes, then they spill early */
	QUEUE_REPLY = 400, /* octets of a reply that are kept in a row */
};

/* ---- start and stop ---- */

struct queue_options {
	/* Holds journal/ spool/ bad/, and mail/: what is placed there is synced
	   with our checkpoints, also when it is a mount of its own. */
	const char *data;
	struct loop *loop;
	struct lane *io; /* for body files and reading the spool */
	struct store *store;
	int64_t space_reserve; /* octets that stay free on the volume */
};

/* Makes folders and segments, replays and reconciles; blocks.  Starts no
   thread.  NULL with *why (static). */
struct queue *queue_open(const struct queue_options *, const char **why);
void queue_start(struct queue *); /* the committer, the checkpointer */
/* Stops handing out; commits what waits, ends with a checkpoint when it can;
   blocks for at most max_ms.  The loop has been stopped, and runs on for it. */
void queue_close(struct queue *, int64_t max_ms);
void queue_free(struct queue *);

/* ---- adding ---- */

enum queue_result {
	QUEUE_ADDED, /* synced: the 250 may be said */
	QUEUE_FULL, /* no space: 452 4.3.1 */
};

struct queue_add { /* {0} is idle; can't be cancelled once it is started */
	struct envelope *envelope; /* moved in at the start */
	struct message *message; /* moved in at the start */
	enum queue_result result;
	void (*done)(struct queue_add *);
	struct list_node node; /* private */
	struct later later; /* private */
	struct queue_item *item; /* private */
};

/* Never repeats, whatever the clock does. */
uint64_t queue_new_id(struct queue *);
void queue_add(
    struct queue *, struct queue_add *, void (*done)(struct queue_add *));
/* Is there room for a new message now?  For an early 452 at MAIL. */
bool queue_has_space(const struct queue *);
/* Message bytes that somebody holds in memory for mail in or out of the
   queue; true: above QUEUE_MEMORY, spill.  The queue counts what it holds
   itself, from queue_add() on. */
bool queue_memory(struct queue *, int64_t change);

/* A large body on its way into spool/: written by workers while it arrives. */
struct queue_body { /* {0} is idle */
	/* All that was handed over is written, or it failed (error is set). */
	void (*drained)(struct queue_body *);
	void (*finished)(struct queue_body *); /* synced, or error is set */
	int error; /* errno; ENOSPC: 452, others: 451 */
	struct body_file *file; /* private: cut off by the cancel */
};

void queue_body_start(struct queue *, struct queue_body *, uint64_t id,
    void (*drained)(struct queue_body *));
void queue_body_write(struct queue_body *, struct buf *piece); /* moved in */
/* Octets not yet written. */
size_t queue_body_pending(const struct queue_body *);
/* Sync of file and folder; then message->file, size and CRC are set and the
   file belongs to whoever owns the message. */
void queue_body_finish(struct queue_body *, struct message *,
    void (*finished)(struct queue_body *));
void queue_body_cancel(struct queue_body *); /* removes the file, later */
/* Of a message that was never added: removes its body file, later. */
void queue_body_discard(struct queue *, struct message *);

/* ---- taking ---- */

enum recipient_state {
	RECIPIENT_WAITING,
	RECIPIENT_DELIVERED,
	RECIPIENT_FAILED, /* for good; who must be told has been told */
	RECIPIENT_DROPPED, /* by a person */
};

struct recipient_status {
	enum recipient_state state;
	int16_t code; /* of the last reply, 0: none yet */
	bool ours; /* the last reply: we found it, no server said it */
	/* "550 5.1.1 no such user (mx.remote.example[192.0.2.1])", or NULL;
	   owned by the item, and perhaps the same as another's */
	char *text;
};

struct queue_item { /* owned by the queue, to be read by all */
	uint64_t id;
	int64_t received_ms, next_ms; /* wall clock */
	unsigned attempts;
	bool warned; /* a delay warning has been queued */
	bool held; /* by a person: isn't due, and doesn't expire */
	/* Found at start: what is in a Maildir is to be replaced. */
	bool replayed;
	/* Monotonic: when a person last wished it were tried; 0: nobody did. */
	int64_t wished_ms;
	/* With the consumer, between due() and the end of settling. */
	bool busy;
	size_t count; /* of recipients */
	struct recipient_status *status; /* one per recipient of the envelope */
	struct envelope *envelope; /* there while busy */
	struct queue_private *private;
};

/* Who delivers.  Each call hands one item over: fresh, replayed or due. */
struct queue_consumer {
	void (*due)(struct queue_consumer *, struct queue_item *);
};

void queue_consume(struct queue *, struct queue_consumer *);

/* The bytes of a busy item: from memory, or read from the spool. */
struct queue_open_message { /* {0} is idle */
	struct queue_item *item;
	/* NULL: damaged, now in bad/; the item ends when it is given back */
	const struct message *message;
	void (*done)(struct queue_open_message *);
	struct queue_load *load; /* private */
	struct later later; /* private */
};

void queue_message(struct queue *, struct queue_open_message *,
    void (*done)(struct queue_open_message *));
void queue_message_cancel(struct queue_open_message *);
/* The message may leave memory again.  Once per successful queue_message(). */
void queue_message_release(struct queue *, struct queue_item *);

/* What became of some recipients of a busy item. */
struct queue_outcome {
	size_t recipient; /* index */
	enum recipient_state state; /* WAITING: deferred */
	struct str text; /* reply and host; at most QUEUE_REPLY are kept */
	int16_t code;
	bool ours; /* no server said it */
};

struct queue_settle { /* {0} is idle; can't be cancelled */
	struct queue_item *item;
	size_t count;
	const struct queue_outcome *outcomes; /* the caller's, until done() */
	bool attempted; /* counts as an attempt */
	bool warned; /* a delay warning was queued for it */
	bool give_back; /* the consumer is through with the item for now */
	int64_t next_ms; /* with give_back: when it is due again, wall clock */
	void (*done)(struct queue_settle *); /* durable; the item may be gone */
	struct queue *queue; /* private */
	struct later later; /* private */
};

void queue_settle(
    struct queue *, struct queue_settle *, void (*done)(struct queue_settle *));

/* ---- for people ---- */

size_t queue_count(const struct queue *);
size_t queue_count_held(const struct queue *);
/* In the order of ids; the last one seen, or 0 to begin. */
struct queue_item *queue_next(const struct queue *, uint64_t after);
struct queue_item *queue_find(const struct queue *, uint64_t id); /* or NULL */
/* Due now, as somebody wished at that time (monotonic); nothing when it is
   busy or held. */
void queue_retry(struct queue *, struct queue_item *, int64_t wished_ms);

struct queue_changes { /* {0} is idle; for one item or many */
	/* All that were made until now are durable. */
	void (*done)(struct queue_changes *);
	size_t count; /* that aren't durable yet */
	struct list rows; /* private */
};

/* From now on it isn't handed out; or it is again, at once.  False, and
   nothing is done, while it is busy. */
bool queue_hold(struct queue *, struct queue_item *, bool hold,
    struct queue_changes *, void (*done)(struct queue_changes *));
/* Nobody waits for them any more; they are made all the same. */
void queue_changes_leave(struct queue_changes *);

/* Reads a waiting item's envelope for showing: as queue_message(), but for
   any item, busy or not; the answer is a copy that the asker frees. */
struct queue_peek { /* {0} is idle */
	uint64_t id;
	struct envelope *envelope; /* NULL: gone, or damaged */
	void (*done)(struct queue_peek *);
	struct queue_load *load; /* private */
	struct later later; /* private */
};

void queue_peek(
    struct queue *, struct queue_peek *, void (*done)(struct queue_peek *));
void queue_peek_cancel(struct queue_peek *);
/* Ends all waiting recipients as RECIPIENT_DROPPED; false while it is busy. */
bool queue_drop(struct queue *, struct queue_item *);

#endif
