#include "smtpd/queue/history_files.h"

#include "lib/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	SPACE_LEAST = 16 << 20, /* octets that are left to the queue */
	DIGITS = 10,
	READ_MOST = HISTORY_SEGMENT + HISTORY_PENDING,
};

struct segment_name {
	char text[32];
};

static const char suffix[] = ".jsonl";

/* ---- names ---- */

static struct segment_name
name_of(uint64_t number)
{
	struct segment_name name;
	snprintf(name.text, sizeof name.text, "%0*llu%s", DIGITS,
	    (unsigned long long)number, suffix);
	return name;
}

/* 0: it is no segment. */
static uint64_t
number_of(struct str name)
{
	uint64_t number;
	bool fits = name.n == DIGITS + sizeof suffix - 1 &&
	    str_ends(name, str_of(suffix)) &&
	    str_to_u64(str_sub(name, 0, DIGITS), &number);
	return fits ? number : 0;
}

static void
remove_segment(const struct history_files *f, uint64_t number)
{
	unlinkat(f->folder, name_of(number).text, 0);
}

/* Into its place; the oldest goes when there are too many. */
static void
add_number(struct history_files *f, uint64_t number)
{
	size_t at = f->count;
	while (at > 0 && f->numbers[at - 1] > number)
		at--;
	if (f->count == f->most && at == 0) {
		remove_segment(f, number);
		return;
	}
	if (f->count == f->most) {
		remove_segment(f, f->numbers[0]);
		f->count--;
		at--;
		memmove(
		    f->numbers, f->numbers + 1, f->count * sizeof *f->numbers);
	}
	memmove(f->numbers + at + 1, f->numbers + at,
	    (f->count - at) * sizeof *f->numbers);
	f->numbers[at] = number;
	f->count++;
}

/* ---- opening ---- */

static void
list_segments(struct history_files *f)
{
	int fd = openat(f->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	while (folder && (entry = readdir(folder))) {
		uint64_t number = number_of(str_of(entry->d_name));
		if (number)
			add_number(f, number);
	}
	if (folder)
		closedir(folder);
}

void
history_files_open(struct history_files *f, const char *folder, size_t most)
{
	*f = (struct history_files){ .folder = -1, .fd = -1, .most = most };
	if (file_mkdirs(folder, 0700))
		f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->error = f->folder < 0 ? errno : 0;
	if (f->folder >= 0)
		list_segments(f);
}

void
history_files_close(struct history_files *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->folder >= 0)
		close(f->folder);
	f->fd = f->folder = -1;
}

/* ---- writing ---- */

static bool
ends_in_lf(int fd, uint64_t size)
{
	char last;
	return size == 0 ||
	    (pread(fd, &last, 1, (off_t)size - 1) == 1 && last == '\n');
}

/* Of an earlier life, or after a failed write. */
static bool
open_newest(struct history_files *f)
{
	struct stat s;
	if (f->count == 0)
		return false;
	f->fd = openat(f->folder, name_of(f->numbers[f->count - 1]).text,
	    O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (f->fd < 0)
		return false;
	if (fstat(f->fd, &s) == 0) {
		f->size = (uint64_t)s.st_size;
		if (ends_in_lf(f->fd, f->size))
			return true;
		if (fd_write_all(f->fd, STR("\n"))) {
			f->size++;
			return true;
		}
	}
	close(f->fd);
	f->fd = -1;
	return false;
}

static bool
begin_segment(struct history_files *f)
{
	uint64_t number = f->count ? f->numbers[f->count - 1] + 1 : 1;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = openat(f->folder, name_of(number).text,
	    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	f->size = 0;
	if (f->fd >= 0)
		add_number(f, number);
	return f->fd >= 0;
}

static bool
has_space(const struct history_files *f)
{
	struct statvfs s;
	return fstatvfs(f->folder, &s) != 0 ||
	    s.f_bavail * s.f_frsize >= SPACE_LEAST;
}

/* Whatever was written of it goes, or is ended by the next opening. */
static int
take_back(struct history_files *f)
{
	int error = errno;
	int gone = ftruncate(f->fd, (off_t)f->size);
	(void)gone;
	close(f->fd);
	f->fd = -1;
	return error;
}

int
history_files_append(struct history_files *f, struct str lines)
{
	if (f->folder < 0)
		return f->error;
	if (!has_space(f))
		return ENOSPC;
	if (f->fd < 0)
		open_newest(f);
	if ((f->fd < 0 || f->size + lines.n > HISTORY_SEGMENT) &&
	    !begin_segment(f))
		return errno;
	if (!fd_write_all(f->fd, lines))
		return take_back(f);
	f->size += lines.n;
	return 0;
}

/* ---- reading ---- */

uint64_t
history_files_next(const struct history_files *f, uint64_t number)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->numbers[i] >= number)
			return f->numbers[i];
	return 0;
}

bool
history_files_read(
    const struct history_files *f, uint64_t number, struct buf *out)
{
	int fd = openat(
	    f->folder, name_of(number).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	struct stat s;
	bool good =
	    fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size <= READ_MOST;
	size_t left = good ? (size_t)s.st_size : 0;
	char *to = buf_reserve(out, left);
	ssize_t n;
	while (left > 0 && (n = read(fd, to, left)) > 0) {
		to += n;
		left -= (size_t)n;
		out->n += (size_t)n;
	}
	close(fd);
	return good;
}
