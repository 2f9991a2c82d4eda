/*
 * handed.h - what PID 1 has handed down before the start.
 *
 * One list per process.  What comes later is whoever's who watches the socket.
 */
#ifndef SMTPD_HANDED_H
#define SMTPD_HANDED_H

#include "lib/host/handover.h"

#include <stdbool.h>
#include <stddef.h>

/* Up to "go"; false: nobody hands anything down. */
bool handed_receive(void);
bool handed_has(const char *name);
/* The descriptor of that name, no longer in the list; -1 without one. */
int handed_take(const char *name);
/* One after the other, from *at 0; false behind the last.  The descriptor is
   -1 when there is none any more. */
bool handed_next(size_t *at, const char **name, int *fd);

#endif
