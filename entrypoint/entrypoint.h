/*
 * entrypoint.h - what the parts of PID 1 share.
 *
 * The order of the start is start.c; folders.c prepares the data folder,
 * domains.c knows which are ours, keys.c has keygen make what is missing,
 * ports.c opens the listening sockets, records.c prints the DNS records,
 * main.c supervises, service.c keeps each child up, children.c says how it is
 * started, status.c tells `postern status`.  It knows no mail and no TLS.
 */
#ifndef ENTRYPOINT_ENTRYPOINT_H
#define ENTRYPOINT_ENTRYPOINT_H

#include "lib/base/buf.h"
#include "lib/base/settings.h"
#include "lib/zone/domains.h"

#include <sys/types.h>

enum {
	EXIT_USAGE = 2,
	EXIT_SETTINGS = 78,
	EXIT_TEMPORARY = 75,
	STOP_MS = 8000, /* docker stop kills after 10 s */
};

struct entrypoint {
	struct settings settings;
	struct domains domains;
	struct arena arena;
	struct arena turn; /* freed at the end of each turn of main's loop */
	char **environment; /* of smtpd: hostname and resolver are set */
	char **plain_environment; /* of the others of ours: nothing about the
				     smarthost, whose password is a secret */
	bool image; /* root in the image: Dovecot and unbound are there, and
		       each child is a user of its own */
	const char *programs; /* the folder that holds smtpd, signer, keygen */
	int lock; /* flock on DATA/lock: held as long as anybody writes */
	int signer[2]; /* the pair between smtpd and signer: both ends kept */
	int web[2]; /* the same between smtpd and web */
	int control; /* listening Unix socket */
};

extern struct entrypoint self;

const char *data_path(const char *name); /* DATA/name, for this turn */
const char *run_path(const char *name);
/* Says what is wrong, and what mends it. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A program's arguments as execve wants them; NULL-ended. */
char **words_copy(const char *const *);
void words_free(char **);

/* ---- start.c ---- */
int entrypoint_start(void); /* 0, or the exit status after complaining */

/* ---- domains.c ---- */
/* Before anything is written: false when there can't be any; complains. */
bool our_domains_hoped_for(void);
bool our_domains_prepare(void); /* false without any; complains */
/* A bad file leaves the old ones in use. */
void our_domains_rescan(void);

/* ---- folders.c: all complain ---- */
bool folders_check(void); /* may the data folder be ours? */
bool folders_lock(void); /* false: another server has it */
bool folders_prepare(void); /* every path, with its owner and mode */
/* The files of config/: made when they are missing; owners and modes are put
   right, since they may have been edited on the host. */
bool folders_config(void);
/* Writes a file of ours with the owner and mode of docs/reference.md. */
bool folders_write(
    const char *name, struct str bytes, mode_t, const char *group);

/* ---- keys.c ---- */
/* Makes what is missing.  True: a DKIM key was. */
bool keys_prepare(void);
bool keys_changed(void); /* is the certificate another one since then? */
void keys_status(struct buf *); /* what could not be made */

/* ---- ports.c ---- */
bool ports_open(void); /* false: port 25 can't be had; complains */
void ports_hand_down(int handover); /* all that are open */
/* Tries the others again; hands down what could be opened now.  True: some. */
bool ports_retry(int handover);
bool ports_missing(void);
void ports_status(struct buf *);

/* ---- records.c ---- */
void records_publish(bool print); /* dns/<domain>.zone, and the table */

/* ---- service.c, children.c ---- */
enum service_name {
	SERVICE_UNBOUND,
	SERVICE_SIGNER,
	SERVICE_WEB,
	SERVICE_SMTPD,
	SERVICE_DOVECOT,
	SERVICE_COUNT,
};

/* Starts the program; -1 when it can't be. */
pid_t child_start(enum service_name);
bool child_wanted(enum service_name);
void child_gone(enum service_name); /* closes what led to it */
int child_handover(enum service_name); /* or -1 */

void services_start(void);
void service_restart(enum service_name);
void service_signal(enum service_name, int number); /* when it is up */
void services_reaped(pid_t, int status);
void services_tick(int64_t now_ms); /* waits that are over */
int64_t services_next_ms(void); /* when the next one is, or INT64_MAX */
void services_stop(void); /* in order; again at each turn until all have */
void services_kill(void);
bool services_stopped(void);
void services_status(struct buf *);

/* ---- status.c ---- */
void status_write(void); /* RUN/status: what stands, and what doesn't */

#endif
