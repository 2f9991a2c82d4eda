#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Closes what an error leaves behind, and keeps its errno. */
static bool
fail(int fd)
{
	int error = errno;
	close(fd);
	errno = error;
	return false;
}

static bool
fail_with(int fd, int error)
{
	errno = error;
	return fail(fd);
}

static bool
read_all(int fd, size_t limit, struct buf *b)
{
	enum {
		CHUNK = 65536
	};
	size_t before = b->n;
	for (;;) {
		ssize_t n = read(fd, buf_reserve(b, CHUNK), CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		b->n += (size_t)n;
		if (b->n - before > limit) {
			errno = EFBIG;
			return false;
		}
	}
}

bool
file_read(const char *path, size_t limit, struct buf *b)
{
	size_t before = b->n;
	struct stat st;
	/* O_NONBLOCK: a FIFO may not keep us waiting for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0)
		return fail(fd);
	if (!S_ISREG(st.st_mode))
		return fail_with(fd, S_ISDIR(st.st_mode) ? EISDIR : EINVAL);
	if (!read_all(fd, limit, b)) {
		buf_cut(b, before);
		return fail(fd);
	}
	close(fd);
	return true;
}

struct str
file_folder(struct str path)
{
	size_t slash = str_find_last(path, '/');
	if (slash == path.n)
		return STR(".");
	return str_sub(path, 0, slash ? slash : 1);
}

/* path is at most PATH_MAX bytes long. */
static bool
sync_folder_of(const char *path)
{
	char folder[PATH_MAX] = "";
	struct str view = file_folder(str_of(path));
	memcpy(folder, view.p, view.n);
	return file_sync_folder(folder);
}

/* chmod comes before chown: root without CAP_FOWNER can't change the mode of
   what belongs to somebody else. */
static bool
fill(int fd, struct str bytes, mode_t mode, uid_t uid, gid_t gid)
{
	return fd_write_all(fd, bytes) && fchmod(fd, mode) == 0 &&
	    ((uid == (uid_t)-1 && gid == (gid_t)-1) ||
		fchown(fd, uid, gid) == 0) &&
	    fsync(fd) == 0;
}

static bool
write_file(const char *path, struct str bytes, mode_t mode, uid_t uid,
    gid_t gid, unsigned rename_flags)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return false;
	}
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!fill(fd, bytes, mode, uid, gid) ||
	    renameat2(AT_FDCWD, temporary, AT_FDCWD, path, rename_flags) != 0) {
		fail(fd);
		int error = errno;
		unlink(temporary);
		errno = error;
		return false;
	}
	close(fd);
	return sync_folder_of(path);
}

bool
file_replace(
    const char *path, struct str bytes, mode_t mode, uid_t uid, gid_t gid)
{
	return write_file(path, bytes, mode, uid, gid, 0);
}

bool
file_create(
    const char *path, struct str bytes, mode_t mode, uid_t uid, gid_t gid)
{
	return write_file(path, bytes, mode, uid, gid, RENAME_NOREPLACE);
}

static bool
make_folder(const char *path, mode_t mode)
{
	struct stat st;
	if (mkdir(path, mode) == 0)
		return chmod(path, mode) == 0; /* whatever the umask */
	if (errno != EEXIST && errno != EROFS)
		return false;
	int error = errno;
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		errno = error == EEXIST ? ENOTDIR : error;
		return false;
	}
	return true;
}

bool
file_mkdirs(const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof(copy)) {
		errno = n ? ENAMETOOLONG : ENOENT;
		return false;
	}
	memcpy(copy, path, n);
	copy[n] = '\0';
	for (size_t i = 1; i < n; i++) {
		if (copy[i] != '/')
			continue;
		copy[i] = '\0';
		if (!make_folder(copy, 0755))
			return false;
		copy[i] = '/';
	}
	return make_folder(copy, mode);
}

bool
file_exists(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

bool
file_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fsync(fd) != 0)
		return fail(fd);
	close(fd);
	return true;
}

bool
fd_write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			s = str_from(s, (size_t)n);
	}
	return true;
}
