#include "lib/host/sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that are younger than the headers of Debian 12. */
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)

enum {
	/* Version 1 lets no file move from one folder into another. */
	VERSION_REFER = 2,
	VERSION_TRUNCATE = 3,
	VERSION_IOCTL_DEV = 5,
};

enum {
	READ = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_READ_FILE,
	PLACE = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
	    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
	    LANDLOCK_ACCESS_FS_REFER,
};

static const uint64_t rights[] = {
	[SANDBOX_READ] = READ,
	[SANDBOX_WRITE] = READ | PLACE | FS_TRUNCATE,
	[SANDBOX_PLACE] = PLACE,
};

static uint64_t
known_rights(int version)
{
	uint64_t all = LANDLOCK_ACCESS_FS_REFER * 2 - 1;
	if (version >= VERSION_TRUNCATE)
		all |= FS_TRUNCATE;
	if (version >= VERSION_IOCTL_DEV)
		all |= FS_IOCTL_DEV;
	return all;
}

static bool
add_rule(int rules, const struct sandbox_rule *rule, uint64_t known)
{
	struct landlock_path_beneath_attr below = {
		.allowed_access = rights[rule->access] & known,
		.parent_fd = open(rule->path, O_PATH | O_CLOEXEC),
	};
	if (below.parent_fd < 0)
		return errno == ENOENT ||
		    errno == EACCES; /* nothing to allow */
	long added = syscall(SYS_landlock_add_rule, rules,
	    LANDLOCK_RULE_PATH_BENEATH, &below, 0);
	close(below.parent_fd);
	return added == 0;
}

static bool
add_rules(
    int fd, const struct sandbox_rule *rules, size_t count, uint64_t known)
{
	for (size_t i = 0; i < count; i++)
		if (!add_rule(fd, &rules[i], known))
			return false;
	return true;
}

int
sandbox_files(const struct sandbox_rule *rules, size_t count, const char **why)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	*why = version < 0 ? strerrordesc_np(errno) : "the kernel is too old";
	if (version < VERSION_REFER)
		return 0;
	uint64_t known = known_rights((int)version);
	struct landlock_ruleset_attr attr = { .handled_access_fs = known };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr,
	    sizeof attr.handled_access_fs, 0);
	bool in_force = fd >= 0 && add_rules(fd, rules, count, known) &&
	    syscall(SYS_landlock_restrict_self, fd, 0) == 0;
	*why = in_force ? "" : strerrordesc_np(errno);
	if (fd >= 0)
		close(fd);
	return in_force ? (int)version : 0;
}
