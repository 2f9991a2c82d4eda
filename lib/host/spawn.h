/*
 * spawn.h - starts a program under another identity with few descriptors.
 */
#ifndef LIB_HOST_SPAWN_H
#define LIB_HOST_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

enum {
	SPAWN_GROUPS = 8
};

struct spawn {
	const char *program; /* path */
	char *const *arguments;
	char *const *environment;
	uid_t uid; /* (uid_t)-1: stay who we are */
	gid_t gid;
	size_t group_count;
	gid_t groups[SPAWN_GROUPS];
	int fd3; /* becomes descriptor 3, or -1: every other one but 0-2 closes
		  */
	int output; /* becomes descriptor 1 (stdout); 0 or less: stays as it is
		     */
	bool no_new_privs;
};

/* The child's pid, or -1 with errno (also of a failed exec). */
pid_t spawn_start(const struct spawn *);
/* A user's ids by name; false when there is none. */
bool spawn_user(const char *name, uid_t *, gid_t *);
bool spawn_group(const char *name, gid_t *);

#endif
