/*
 * handover.h - descriptors passed from PID 1 to its children.
 *
 * Each child inherits one end of an unnamed SOCK_SEQPACKET pair as descriptor
 * 3.  A record is a name ("smtp", "submission", "control", "signer", ...) and
 * at most one descriptor; the record "go" without one ends the start.  Later
 * records bring ports that could only be opened later.
 */
#ifndef LIB_HOST_HANDOVER_H
#define LIB_HOST_HANDOVER_H

#include <stdbool.h>

enum {
	HANDOVER_FD = 3,
	HANDOVER_NAME = 32
};

bool handover_pair(int ends[2]); /* close-on-exec */
/* fd -1 sends the name alone.  False: the other side is gone (or is full). */
bool handover_send(int socket, const char *name, int fd);
/* One record: 1; nothing there (non-blocking socket): 0; closed or garbage: -1.
 *fd is -1 when none came; else it is the caller's, close-on-exec. */
int handover_receive(int socket, char name[HANDOVER_NAME], int *fd);

#endif
