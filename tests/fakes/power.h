/*
 * power.h - libc's file calls with a memory of what the disk would hold, so
 * that a test can end a process at any of them and then cut the power.
 *
 * The storage is that of queue_model.py: a block of a file, and a name in a
 * folder, is a cell: a row of values, of which the first is on the disk and
 * the last is what is read.  A sync leaves the last; a power cut picks any,
 * or tears a block; a failed sync leaves the first on the disk and the last
 * in the cache.  All of it lies in memory that child processes share.
 *
 * Watched are the files below journal/ and spool/ of one folder, through
 * openat, write, pwrite, unlinkat, fsync, fdatasync and syncfs.
 */
#ifndef TESTS_FAKES_POWER_H
#define TESTS_FAKES_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins anew with what the folder holds, all of it on the disk. */
void power_watch(const char *folder, unsigned seed);
void power_ignore(void); /* nothing is watched any more */
void *power_alloc(size_t); /* shared with children, zeroed */
uint32_t power_random(uint32_t below);

/* For a child: the process ends at the n-th call that changes something (a
   write may have come half way), or the n-th sync fails; 0: never. */
void power_plan(unsigned end_at, unsigned fail_at);
bool power_failed(void); /* has that sync failed? */
/* Every so often there is no space: for spool files and for other fakes. */
bool power_is_full(void);
/* A point at which the process may end, for other fakes. */
void power_point(void);

/* For the parent, when the child is gone. */
void power_cut(void);

/* A thing of the test's that syncfs makes durable, such as a placed file.
   Setting it again stands for an exchange: until the next sync the disk may
   hold neither the old one nor the new. */
struct power_flag {
	bool disk, cache, dirty, failed;
};
struct power_flag *power_flag_new(void);
void power_flag_set(struct power_flag *);

#endif
