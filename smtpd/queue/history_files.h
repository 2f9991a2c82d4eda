/*
 * history_files.h - the segments of one roll of the history on disk.
 *
 * Private to smtpd/queue, and used by one thread at a time.  Everything here
 * blocks.  A torn last line is ended, so that it costs itself alone.
 */
#ifndef SMTPD_QUEUE_HISTORY_FILES_H
#define SMTPD_QUEUE_HISTORY_FILES_H

#include "smtpd/queue/history.h"

struct history_files {
	int folder; /* -1: can't be used */
	int error; /* then: why, an errno */
	int fd; /* of the newest, or -1: not open yet */
	uint64_t size; /* of the newest, while it is open */
	size_t most; /* segments, at most HISTORY_SEGMENTS */
	size_t count;
	uint64_t numbers[HISTORY_SEGMENTS]; /* ascending */
};

void history_files_open(
    struct history_files *, const char *folder, size_t most);
/* All of the lines or none: 0 or an errno.  Begins a new segment, and removes
   the oldest, when they don't fit into the newest. */
int history_files_append(struct history_files *, struct str lines);
/* The first segment whose number is at least this; 0: none. */
uint64_t history_files_next(const struct history_files *, uint64_t number);
/* Appends its bytes; false: it can't be read. */
bool history_files_read(
    const struct history_files *, uint64_t number, struct buf *);
void history_files_close(struct history_files *);

#endif
