#include "smtpd/queue/disk.h"

#include "lib/base/arena.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC
};

static int
open_folder(const char *data, const char *name)
{
	struct buf path = { 0 };
	buf_addf(&path, "%s/%s", data, name);
	int fd = file_mkdirs(buf_cstr(&path), 0700)
	    ? open(buf_cstr(&path), FOLDER)
	    : -1;
	buf_free(&path);
	return fd;
}

/* Placed mail is made durable by our syncs, also on a mount of its own. */
static int
open_other_mount(int data, const char *name)
{
	struct stat here, there;
	int fd = openat(data, name, FOLDER);
	if (fd < 0)
		return -1;
	if (fstat(data, &here) == 0 && fstat(fd, &there) == 0 &&
	    here.st_dev != there.st_dev)
		return fd;
	close(fd);
	return -1;
}

bool
disk_open(struct disk *disk, const char *data, const char **why)
{
	*disk = (struct disk){ -1, -1, -1, -1, -1, NULL };
	struct buf path = { 0 };
	buf_addf(&path, "%s/spool", data);
	disk->spool_path = mem_cstr(buf_str(&path));
	buf_free(&path);
	if ((disk->journal = open_folder(data, "journal")) < 0 ||
	    (disk->spool = open_folder(data, "spool")) < 0 ||
	    (disk->bad = open_folder(data, "bad")) < 0 ||
	    (disk->data = open(data, FOLDER)) < 0) {
		*why = strerror(errno);
		disk_close(disk);
		return false;
	}
	disk->mail = open_other_mount(disk->data, "mail");
	return true;
}

static void
close_if_open(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
disk_close(struct disk *disk)
{
	close_if_open(&disk->data);
	close_if_open(&disk->journal);
	close_if_open(&disk->spool);
	close_if_open(&disk->bad);
	close_if_open(&disk->mail);
	free(disk->spool_path);
	disk->spool_path = NULL;
}

void
disk_sync(const struct disk *disk)
{
	if (syncfs(disk->data) || (disk->mail >= 0 && syncfs(disk->mail)))
		disk_failed("syncfs");
}

int64_t
disk_free_space(const struct disk *disk)
{
	struct statvfs s;
	if (fstatvfs(disk->data, &s))
		return 0;
	return (int64_t)(s.f_bavail * s.f_frsize);
}

void
disk_failed(const char *what)
{
	log_note(LOG_ERROR, "disk", "%s: %s; smtpd ends and starts anew", what,
	    strerror(errno));
	_exit(EX_IOERR);
}

bool
disk_is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}
