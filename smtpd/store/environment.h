/*
 * environment.h - Berkeley DB: one environment with one tree in it.
 *
 * Private to smtpd/store.  One thread at a time may use it, so it needs
 * neither locks nor handles that threads share.
 */
#ifndef SMTPD_STORE_ENVIRONMENT_H
#define SMTPD_STORE_ENVIRONMENT_H

#include "smtpd/store/store.h"

struct environment;

struct environment_kind {
	unsigned cache, log_buffer, log_file; /* octets */
	bool soft; /* an error costs the environment, not the process */
};

/* Together they have 4 MB of cache. */
extern const struct environment_kind environment_queue, environment_soft;

/* Runs the recovery and reads every page once.  NULL: *error is an errno or
   one of libdb's own numbers. */
struct environment *environment_open(
    const char *folder, const struct environment_kind *, int *error);
const char *environment_error(int error);
void environment_walk(struct environment *, struct store_reader *);
/* All or nothing: one transaction and one flush of the log.  Any error that is
   not lack of space ends the process, or the soft environment: STORE_LOST. */
enum store_result environment_apply(struct environment *, struct list *writes);
void environment_checkpoint(struct environment *, bool now);
void environment_close(struct environment *);

#endif
