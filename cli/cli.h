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
#include "lib/mail/path.h"
#include "lib/zone/domains.h"

#include <jansson.h>

enum exit_code { /* docs/reference.md */
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
	struct settings settings;
	struct domains domains; /* after config_need_domains() */
	struct arena arena;
	size_t count; /* operands */
	char *const *operands;
	bool json, all, password_stdin, at_once;
	const char *format, *to; /* NULL: not given */
	const char *ip, *helo, *mail_from, *now;
};

typedef int command_function(struct cli *);

command_function cli_user_add, cli_user_passwd, cli_user_list, cli_user_delete;
command_function cli_alias_add, cli_alias_list, cli_alias_delete;
command_function cli_domain_add, cli_domain_list, cli_domain_delete;
command_function cli_address_resolve, cli_dns_show;
command_function cli_queue_list, cli_queue_show, cli_queue_retry,
    cli_queue_hold, cli_queue_release, cli_queue_drop;
command_function cli_check_spf, cli_check_message, cli_check_policy;
command_function cli_why, cli_report_send;
command_function cli_status, cli_health, cli_reload, cli_version,
    cli_config_explain;

/* ---- cli.c ---- */
/* "postern: ..." on stderr; returns code. */
int cli_say(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_print_json(json_t *); /* indented; frees it */
/* The string under the key; "" when there is none. */
const char *cli_text_at(const json_t *object, const char *key);
/* What came from outside: control characters, which a terminal would obey,
   become "?". */
void cli_print_text(const char *);
const char *cli_data_path(struct cli *, const char *name); /* in the arena */
const char *cli_run_path(struct cli *, const char *name);
/* The address with its domain in A-labels; what is none comes back as it is. */
struct str cli_address_text(struct cli *, const char *);
/* An address that config/ can hold, in lower case; 0, or an exit code after
   saying why. */
int cli_read_address(struct cli *, const char *text, struct str *address);
/* The operand in A-labels; the same. */
int cli_read_domain(struct cli *, const char *text, struct str *name);

/* ---- ask.c: smtpd's control socket, which PID 1 made ---- */
struct ask; /* one request under way */
/* NULL when smtpd can't be reached, after saying so. */
struct ask *ask_start(struct cli *, json_t *request);
/* The next line of the answer; the caller frees it.  NULL: connection lost. */
json_t *ask_line(struct ask *);
void ask_end(struct ask *);
/* One request with one answer line: 0 and the object, or an exit code after
   saying why.  The second is for answers that take their time. */
int ask_once(struct cli *, const char *verb, json_t **answer);
int ask_slowly(
    struct cli *, json_t *request, int wait_seconds, json_t **answer);
/* Says why, and the exit code that the answer names; 0 for "ok": true. */
int ask_result(const json_t *answer);
/* Has smtpd read config/ now, if it is there. */
void ask_reload(struct cli *);
/* Tells PID 1 to look again; 0 or an exit code, after saying why. */
int ask_rescan(struct cli *);

/* ---- edit.c: config/ files ---- */
/* Appends the file's text, with an LF at its end; one that isn't there is
   empty.  0 or an exit code, after saying why. */
int config_read(struct cli *, const char *name, struct buf *);
/* Takes the next record off: a line, and those behind it that continue it. */
struct str config_record(struct str *rest);
struct str config_key(struct str record); /* what stands before ":" or blank */
bool config_is_comment(struct str record); /* or blank */
/* Reads config/domains and, if it isn't set, derives the host name; 0, or an
   exit code after saying why: MISSING when there is none. */
int config_need_domains(struct cli *);

struct edit {
	int lock;
	const char *name; /* "config/users" */
	const char *path;
	bool continues; /* lines that begin with white space belong to others */
	struct buf before, text; /* as it was read; to be changed */
};

/* Locks config/ and reads the file; 0 or an exit code, after saying why. */
int edit_start(struct cli *, struct edit *, const char *name);
/* Replaces the file, unless the whole of config/ would no longer be usable,
   or somebody else has changed it meanwhile; unlocks, and waits until smtpd,
   if it runs, has read it.  The same. */
int edit_save(struct cli *, struct edit *);
void edit_cancel(struct edit *); /* unlocks */
/* The record whose key is this one, without case; "" when there is none. */
struct str edit_find(const struct edit *, struct str key);
/* Takes the record with this key out of the file; MISSING when there is none:
   "there is no account ..." */
int edit_remove(
    struct cli *, const char *name, struct str key, const char *kind);
/* Puts the line in the record's place; "" as record: at the end; "" as line:
   the record is taken out. */
void edit_put(struct edit *, struct str record, struct str line);

/* ---- password.c ---- */
/* "{SCRAM-SHA-256}...": RFC 5803's values, in Dovecot's form. */
void password_verifier(struct str password, struct buf *);
void password_invent(struct buf *); /* 80 random bits, easy to type */

#endif
