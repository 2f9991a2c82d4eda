/*
 * directory_private.h - what the files of the directory share: directory.c
 * (the snapshot and its questions), directory_read.c (how one is made), users.c
 * and aliases.c (two of the files), keeper.c; login.c reads the verifiers.
 */
#ifndef SMTPD_LOCAL_DIRECTORY_PRIVATE_H
#define SMTPD_LOCAL_DIRECTORY_PRIVATE_H

#include "lib/base/map.h"
#include "lib/zone/domains.h"
#include "smtpd/local/directory.h"

enum {
	CONFIG_MAX = 16 << 20, /* octets of a file in config/ */
	CONFIG_ERRORS = 100, /* lines said about one reading */
	ITERATIONS_MIN = 15000, /* of a verifier */
	ITERATIONS_MAX = 10000000, /* a login must end */
	ALIAS_DEPTH = 30, /* aliases that lead to aliases */
	ALIAS_MAILBOXES = 1000, /* one address may lead to */
	ALIAS_FORWARDS = 100, /* other servers' addresses, the same */
	ALIASES_TARGETS = 100000, /* of all aliases together */
};

struct user { /* an account */
	struct map_node node; /* key: the account, lower case */
	struct str verifier; /* "iterations,salt,StoredKey,ServerKey" */
};

struct target { /* one address behind the colon of an alias */
	struct target *next;
	struct address address;
	struct str elsewhere; /* the same as text, or "" for one of ours */
	unsigned line; /* 0: from the settings, may lead nowhere */
};

/* One address, or "@domain".  Either a user's or an alias; neither: a role
   address while there is no account. */
struct entry {
	struct map_node node; /* key: lower case */
	const struct user *user; /* of an account or a role address */
	struct str folder; /* with user */
	struct target *targets; /* of an alias, in their order */
	struct target **last;
	struct mailbox_list list; /* where it leads; empty: nowhere.  What it
				     points to is the heap's. */
	unsigned line;
	const struct entry *seen_by; /* while lists are made */
};

struct directory {
	struct arena arena;
	struct domains domains;
	struct map users, entries;
	const struct user *first; /* of config/users, or NULL */
	char delimiter;
	bool broken; /* nothing is known but the domains */
};

/* A file that is being read, and what is wrong with it. */
struct reading {
	struct directory *directory;
	struct arena scratch;
	const char *file; /* "config/users" */
	unsigned line;
	unsigned count; /* of errors */
	size_t targets; /* of aliases, so far */
	struct buf *errors;
};

/* Adds "file:line: reason". */
void reading_complain(struct reading *, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* users.c, aliases.c: the whole text into the directory. */
void users_read(struct reading *, struct str text);
void aliases_read(struct reading *, struct str text);
/* aliases.c: one of ours, or elsewhere. */
bool target_parse(
    struct directory *, struct str text, struct target *, const char **why);

/* directory_read.c: the files' bytes, without a disk */
struct directory_texts {
	struct buf domains, users, aliases;
};

struct directory *directory_parse(const struct settings *,
    const struct directory_texts *, struct buf *errors);

/* directory.c */
struct entry *directory_find(const struct directory *, struct str local,
    struct str domain); /* exactly this one, or NULL */
struct entry *directory_add(
    struct directory *, struct str local, struct str domain);

/* The entry that an address belongs to: its own, that without +tag, or the
   domain's catch-all; NULL when there is none. */
struct entry *directory_route(const struct directory *, const struct address *);
const struct user *directory_user(const struct directory *, struct str account);
bool directory_leads_nowhere(const struct entry *);

/* keeper.c */
struct loop *directory_loop(const struct directory_keeper *);

#endif
