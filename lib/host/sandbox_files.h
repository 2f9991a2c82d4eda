/*
 * sandbox_files.h - private to sandbox.c: Landlock.
 */
#ifndef LIB_HOST_SANDBOX_FILES_H
#define LIB_HOST_SANDBOX_FILES_H

#include "lib/host/sandbox.h"

/* Nothing but what the rules allow.  The version of the kernel's Landlock, or
   0 when it has none that is of use, then *why says so. */
int sandbox_files(const struct sandbox_rule *, size_t count, const char **why);

#endif
