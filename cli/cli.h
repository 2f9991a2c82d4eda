/*
 * cli.h - what the commands of `postern` share.
 *
 * A command gets its operands and the settings, prints results on stdout and
 * talk on stderr, and returns the exit code.  It edits config/ itself and asks
 * smtpd over the control socket; it never opens the queue.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "lib/base/buf.h"
#include "lib/base/settings.h"
#include "lib/zone/domains.h"

#include <jansson.h>

enum exit_code { /* INTERFACE.md 4 */
	DONE = 0,
	FAILED = 1,
	USAGE = 2,
	MISSING = 3,
	REFUSED = 4,
	UNREACHABLE = 5,
	TEMPORARY = 75,
	BAD_SETTINGS = 78,
};

struct cli {
	struct settings settings; /* hostname is set when a domain is known */
	struct domains domains; /* of config/domains; may be empty */
	struct arena arena;
	size_t count; /* operands */
	char *const *operands;
	bool json, all, password_stdin;
	const char *format, *to; /* NULL: not given */
};

typedef int command_function(struct cli *);

command_function user_add, user_passwd, user_list, user_delete;
command_function alias_add, alias_list, alias_delete;
command_function domain_add, domain_list, domain_delete;
command_function address_resolve, dns_show;
command_function queue_list, queue_show, queue_retry, queue_drop;
command_function status_show, health, reload, version_show, config_explain;

/* "postern: ..." on stderr; returns code. */
int say(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *data_path(struct cli *, const char *name);
const char *run_path(struct cli *, const char *name);
/* Prints it indented and frees it. */
void print_json(json_t *);

/* ---- ask.c: smtpd's control socket ---- */
struct ask; /* one request under way */
/* NULL when smtpd can't be reached. */
struct ask *ask_start(struct cli *, json_t *request);
/* The next line of the answer; the caller frees it.  NULL: connection lost. */
json_t *ask_line(struct ask *);
void ask_end(struct ask *);
/* One request with one answer line: 0 and the object, or an exit code. */
int ask_once(struct cli *, const char *verb, json_t **answer);
/* Says why, and the exit code that the answer names; 0 for "ok": true. */
int ask_result(const json_t *answer);

/* ---- edit.c: config/ files ---- */
struct edit {
	int lock;
	const char *name; /* "config/users" */
	struct buf text; /* to be changed */
};

/* Locks config/ and reads the file; 0 or an exit code, after saying why. */
int edit_start(struct cli *, struct edit *, const char *name);
/* Replaces the file when save is true, and unlocks. */
int edit_end(struct cli *, struct edit *, bool save);
/* The line whose key (up to the first ":" or blank, without case) is key, with
   its LF and the lines that continue it; "" when there is none. */
struct str edit_find(const struct edit *, struct str key);
void edit_remove(struct edit *, struct str line);
void edit_append(struct edit *, struct str line); /* LF is added */

/* ---- password.c ---- */
/* "{SCRAM-SHA-256}...": RFC 5803's values, in Dovecot's form. */
void password_verifier(struct str password, struct buf *);
void password_invent(struct buf *); /* 80 random bits, easy to type */

/* Tells PID 1 to look again; 0 or an exit code, after saying why. */
int tell_entrypoint(struct cli *);

#endif
