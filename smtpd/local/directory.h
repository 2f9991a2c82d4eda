/*
 * directory.h - this host's people: domains, users and aliases as one
 * immutable snapshot of config/.
 *
 * The files are checked whole before a snapshot is made.  It knows addresses
 * and mailboxes, neither SMTP nor the queue.
 */
#ifndef SMTPD_LOCAL_DIRECTORY_H
#define SMTPD_LOCAL_DIRECTORY_H

#include "lib/base/list.h"
#include "lib/base/settings.h"
#include "lib/mail/path.h"

struct directory;

struct mailbox { /* where a message for an address goes */
	struct str account; /* "you@example.test", lower case */
	struct str folder; /* "" for INBOX, else "Reports" */
};

struct mailbox_list { /* where an address leads; in the arena */
	size_t count;
	struct mailbox *mailboxes; /* each account once */
	size_t forward_count;
	struct str *forwards; /* "bob@remote.example", each once */
};

enum directory_result {
	DIRECTORY_FOUND,
	DIRECTORY_NOT_OURS, /* the domain isn't */
	DIRECTORY_UNKNOWN, /* 550 5.1.1 */
	DIRECTORY_UNAVAILABLE, /* role address without any account, or a
				  directory that could not be read: 450 4.2.1 */
};

/* Reads config/domains, users and aliases below the data folder; blocks.
   NULL with every error, one per line (file, line, what to mend). */
struct directory *directory_read(const struct settings *, struct buf *errors);
/* Would it be good with this text in place of "config/users", say? */
bool directory_check(const struct settings *, const char *file, struct str text,
    struct buf *errors);
/* One in which every address of the settings' domains is UNAVAILABLE: for a
   start with unreadable files. */
struct directory *directory_broken(const struct settings *);
void directory_free(struct directory *);

/* Account, alias (followed, loops end), +tag, role address, catch-all; local
   parts are compared without case. */
enum directory_result directory_resolve(const struct directory *,
    const struct address *, struct arena *, struct mailbox_list *);
bool directory_is_ours(const struct directory *, struct str domain);
/* postmaster, abuse, reports: of any domain, wherever it goes. */
bool directory_is_role(const struct address *);
/* May the account use this address as sender?  Its own, +tags, aliases that
   name it directly, the role addresses that go to it, any unassigned address
   of a domain whose catch-all it is.  Targets elsewhere give nobody a right. */
bool directory_may_send_as(
    const struct directory *, struct str account, const struct address *);
/* "{SCRAM-SHA-256}..." without the scheme name; false: no such account. */
bool directory_verifier(const struct directory *, struct str account,
    struct str *iterations_salt_keys);
size_t directory_accounts(const struct directory *);
/* The n-th domain, in the file's order; the first is the default realm. */
struct str directory_domain(const struct directory *, size_t n); /* or "" */

/* ---- the current one ---- */

struct directory_keeper; /* looks at the files every second, on a worker */
struct lane;
struct loop;

struct directory_keeper *directory_keeper_new(
    struct loop *, struct lane *, const struct settings *);
void directory_keeper_free(struct directory_keeper *);
/* Valid until the loop's next turn. */
const struct directory *directory_now(struct directory_keeper *);
void directory_reload(struct directory_keeper *); /* looks now */

/* A look of one's own: done runs once the files have been read as they stood
   when it was asked for, or later. */
struct directory_look {
	void (*done)(struct directory_look *);
	struct list_node node; /* private */
};

void directory_look_start(struct directory_keeper *, struct directory_look *,
    void (*done)(struct directory_look *));
void directory_look_cancel(struct directory_look *);

/* "" or why the files as they stand are not in use. */
struct str directory_trouble(const struct directory_keeper *);

/* Told (on the loop) whenever another snapshot is in use. */
struct directory_listener {
	void (*changed)(struct directory_listener *, const struct directory *);
	struct list_node node; /* private */
};

void directory_listen(struct directory_keeper *, struct directory_listener *,
    void (*changed)(struct directory_listener *, const struct directory *));

#endif
