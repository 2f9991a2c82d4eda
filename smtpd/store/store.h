/*
 * store.h - durable key-value pairs: Berkeley DB behind one committing thread.
 *
 * All waiting operations become one transaction, then one log flush, then
 * their answers.  What the records mean is their owners' business.  Lost or
 * damaged, a store may be deleted: mail is tried again, none is lost.
 *
 * There are two: the queue's, and the soft one, of what makes the server wiser
 * but isn't promised to anybody (report counters, policies).  The
 * soft one never keeps the server from starting, and never ends it.  Its
 * owners share it: the keys of each begin with octets that are its own.
 */
#ifndef SMTPD_STORE_STORE_H
#define SMTPD_STORE_STORE_H

#include "lib/base/buf.h"
#include "lib/net/loop.h"

struct store;

enum store_result {
	STORE_DONE,
	STORE_FULL, /* no space */
	STORE_LOST, /* of the soft one: nothing is kept until the next start */
};

struct store_write { /* {0} is idle */
	/* Moved in, and left as they are when they weren't kept; an empty
	   value deletes the key. */
	struct buf key, value;
	enum store_result result;
	void (*done)(struct store_write *);
	struct list_node node; /* private */
};

struct store_reader { /* a member of whoever reads */
	void (*pair)(struct store_reader *, struct str key, struct str value);
};

/* Opens, or makes, the environment below the folder and runs its recovery; a
   damaged one is moved to bad_folder and a new one made.  Blocks; starts no
   thread yet.  NULL with *why (static). */
struct store *store_open(struct loop *, const char *folder,
    const char *bad_folder, const char **why);
/* The same for what may be lost: never NULL.  One that can't be had is empty,
   the log says why, and what is written to it is answered STORE_LOST. */
struct store *store_open_soft(
    struct loop *, const char *folder, const char *bad_folder);
/* Every pair, in the order of keys; blocks: for the start. */
void store_scan(struct store *, struct store_reader *);
void store_start(struct store *); /* starts the thread */
/* Operations are applied in the order in which they were given.  An error
   that is not lack of space ends the process: recovery is the next start.  (The
   soft store is lost until then.) */
void store_write(
    struct store *, struct store_write *, void (*done)(struct store_write *));
void store_close(struct store *); /* commits what waits, then a checkpoint */

#endif
