/*
 * sandbox_calls.h - private to sandbox.c: the system calls that are left.
 */
#ifndef LIB_HOST_SANDBOX_CALLS_H
#define LIB_HOST_SANDBOX_CALLS_H

#include "lib/host/sandbox.h"

/* "allow" or "deny" by the kind of list that is in force, or NULL without one,
   then *why says so. */
const char *sandbox_calls(enum sandbox_calls, const char **why);

#endif
