/*
 * sandbox.h - what a process gives up before it meets the world: Landlock,
 * seccomp, no new privileges, not dumpable.
 *
 * Called once everything is open and before the first thread starts (a thread
 * that exists before is not confined).  On a kernel without Landlock or
 * seccomp the process goes on and the log says so.
 */
#ifndef LIB_HOST_SANDBOX_H
#define LIB_HOST_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

enum sandbox_access {
	SANDBOX_READ, /* files below may be read, folders listed */
	SANDBOX_WRITE, /* and written, made, renamed, removed */
	SANDBOX_PLACE, /* listed, made, renamed, removed, written when made: but
			  files that are there can't be read (Maildirs) */
};

struct sandbox_rule {
	const char *path; /* of a folder; one that isn't there is skipped */
	enum sandbox_access access;
};

enum sandbox_calls {
	SANDBOX_CALLS_NETWORK, /* deny list: no exec, ptrace, mount, bpf, ... */
	SANDBOX_CALLS_SIGNER, /* allow list: no open, no socket, no exec */
};

void sandbox_enter(
    const struct sandbox_rule *, size_t count, enum sandbox_calls);

#endif
