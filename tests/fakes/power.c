#include "tests/fakes/power.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	BLOCK = 4096,
	SECTOR = 512,
	FILES = 512,
	BLOCKS = 64, /* of a file */
	VALUES = 24, /* of a cell */
	FLAGS = 256,
	FDS = 1024,
	NAME = 48,
	MEMORY = 192 << 20,
	FULL_ONCE_IN = 25,
};

struct cell { /* of a block; an image, NULL for zeros */
	const char *values[VALUES];
	unsigned count;
	bool failed; /* between the first and the last */
};

struct entry { /* a name: is it there? */
	bool values[VALUES];
	unsigned count;
};

struct file {
	char name[NAME]; /* "spool/10" */
	struct entry entry;
	struct cell cells[BLOCKS];
	size_t disk_size, size;
	bool size_failed;
	bool error; /* a sync of all has failed here: the next one tells */
};

struct power {
	pthread_mutex_t lock;
	char folder[128];
	struct file files[FILES];
	unsigned count;
	struct power_flag flags[FLAGS];
	unsigned flag_count;
	atomic_ullong random;
	unsigned end_at, fail_at;
	bool failed; /* the sync that was to */
	size_t used; /* of the memory behind */
	char memory[];
};

static struct power *power;
static struct file *_Atomic files_of[FDS]; /* by descriptor; our own */

static void
lock(void)
{
	pthread_mutex_lock(&power->lock);
}

static void
unlock(void)
{
	pthread_mutex_unlock(&power->lock);
}

void *
power_alloc(size_t n)
{
	n = (n + 15) & ~(size_t)15;
	if (power->used + n > MEMORY)
		abort();
	power->used += n;
	return power->memory + power->used - n;
}

/* splitmix64 (Vigna); from any thread */
uint32_t
power_random(uint32_t below)
{
	static const uint64_t step = 0x9e3779b97f4a7c15;
	uint64_t z = atomic_fetch_add(&power->random, step) + step;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

/* ---- cells ---- */

static void
put(struct cell *c, const char *value)
{
	if (c->failed)
		c->count = 1;
	c->failed = false;
	if (c->count == VALUES)
		memmove(&c->values[1], &c->values[2],
		    (--c->count - 1) * sizeof c->values[0]);
	c->values[c->count++] = value;
}

static const char *
now(const struct cell *c)
{
	return c->values[c->count - 1];
}

static void
sync_cell(struct cell *c)
{
	if (c->failed)
		return;
	c->values[0] = now(c);
	c->count = 1;
}

static bool
fail_cell(struct cell *c)
{
	if (c->count == 1 || c->failed)
		return false;
	c->values[1] = now(c);
	c->count = 2;
	c->failed = true;
	return true;
}

static void
put_entry(struct entry *e, bool value)
{
	if (e->count == VALUES)
		e->count--;
	e->values[e->count++] = value;
}

static void
sync_entry(struct entry *e)
{
	e->values[0] = e->values[e->count - 1];
	e->count = 1;
}

/* True when something didn't get to the disk. */
static bool
sync_content(struct file *f, bool fails)
{
	bool lost = false;
	for (size_t i = 0; i < BLOCKS; i++)
		if (fails)
			lost |= fail_cell(&f->cells[i]);
		else
			sync_cell(&f->cells[i]);
	f->size_failed = f->size_failed || (lost && f->size != f->disk_size);
	if (!f->size_failed)
		f->disk_size = f->size;
	return lost;
}

/* ---- files ---- */

static struct file *
find_file(const char *name)
{
	for (unsigned i = 0; i < power->count; i++)
		if (strcmp(power->files[i].name, name) == 0)
			return &power->files[i];
	if (power->count == FILES)
		abort();
	struct file *f = &power->files[power->count++];
	snprintf(f->name, NAME, "%s", name);
	f->entry.count = 1;
	for (size_t i = 0; i < BLOCKS; i++)
		f->cells[i].count = 1;
	return f;
}

/* What was written at this place, block by block as the cache holds it. */
static void
note_write(struct file *f, const char *p, size_t n, size_t at)
{
	f->size = at + n > f->size ? at + n : f->size;
	f->size_failed = false;
	while (n) {
		size_t block = at / BLOCK, from = at % BLOCK;
		size_t part = n < BLOCK - from ? n : BLOCK - from;
		if (block >= BLOCKS)
			abort();
		char *image = power_alloc(BLOCK);
		if (now(&f->cells[block]))
			memcpy(image, now(&f->cells[block]), BLOCK);
		memcpy(image + from, p, part);
		put(&f->cells[block], image);
		p += part, n -= part, at += part;
	}
}

static void
note_truncate(struct file *f)
{
	for (size_t i = 0; i * BLOCK < f->size; i++)
		put(&f->cells[i], NULL);
	f->size = 0;
	f->size_failed = false;
}

/* The watched file or folder "spool/10" of a folder's descriptor. */
static bool
name_of(int folder, const char *name, char out[NAME])
{
	char link[32], path[256];
	if (!power || !*power->folder)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
	ssize_t n = readlink(link, path, sizeof path - 1);
	size_t root = strlen(power->folder);
	if (n <= (ssize_t)root || memcmp(path, power->folder, root) != 0)
		return false;
	path[n] = '\0';
	snprintf(out, NAME, "%s%s%s", path + root + 1, *name ? "/" : "", name);
	return strncmp(out, "spool", 5) == 0 || strncmp(out, "journal", 7) == 0;
}

static struct file *
file_of(int fd)
{
	return power && fd >= 0 && fd < FDS ? files_of[fd] : NULL;
}

/* ---- the end of a process, and of a sync ---- */

/* The lock is held.  True when this call is the last. */
static bool
is_last(void)
{
	return power->end_at && --power->end_at == 0;
}

/* The lock is held, and stays so: no other thread is within a call. */
static _Noreturn void
end_with(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

static _Noreturn void
end(void)
{
	end_with(0);
}

/* The code's own end waits for calls of other threads, too: what a half of one
   had noted would confuse the next life. */
void
_exit(int status)
{
	if (power)
		lock();
	end_with(status);
}

void
power_point(void)
{
	if (!power)
		return;
	lock();
	if (is_last())
		end();
	unlock();
}

bool
power_is_full(void)
{
	return power_random(FULL_ONCE_IN) == 0;
}

static bool
sync_fails(void)
{
	bool fails = power->fail_at && --power->fail_at == 0;
	power->failed |= fails;
	return fails;
}

/* ---- libc's calls ---- */

int
openat(int folder, const char *name, int flags, ...)
{
	va_list list;
	va_start(list, flags);
	unsigned mode = flags & O_CREAT ? va_arg(list, unsigned) : 0;
	va_end(list);
	char path[NAME];
	if (!(flags & (O_CREAT | O_WRONLY | O_RDWR)) ||
	    !name_of(folder, name, path))
		return (int)syscall(SYS_openat, folder, name, flags, mode);
	lock();
	if (is_last())
		end();
	if ((flags & O_TRUNC) && power_is_full()) {
		unlock();
		errno = ENOSPC;
		return -1;
	}
	int fd = (int)syscall(SYS_openat, folder, name, flags, mode);
	if (fd >= 0 && fd < FDS) {
		struct file *f = find_file(path);
		files_of[fd] = f;
		if (!f->entry.values[f->entry.count - 1])
			put_entry(&f->entry, true);
		if (flags & O_TRUNC)
			note_truncate(f);
	}
	unlock();
	return fd;
}

int
close(int fd)
{
	if (fd >= 0 && fd < FDS)
		files_of[fd] = NULL;
	return (int)syscall(SYS_close, fd);
}

static ssize_t
watched_write(struct file *f, int fd, const char *p, size_t n, off_t at)
{
	lock();
	bool last = is_last();
	if (last)
		n = power_random((uint32_t)(n / SECTOR + 1)) * SECTOR;
	ssize_t written = syscall(SYS_pwrite64, fd, p, n, at);
	if (written > 0)
		note_write(f, p, (size_t)written, (size_t)at);
	if (last)
		end();
	unlock();
	return written;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct file *f = file_of(fd);
	return f ? watched_write(f, fd, p, n, at)
		 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	struct file *f = file_of(fd);
	if (!f)
		return syscall(SYS_write, fd, p, n);
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t written = watched_write(f, fd, p, n, at);
	if (written > 0)
		lseek(fd, written, SEEK_CUR);
	return written;
}

int
unlinkat(int folder, const char *name, int flags)
{
	char path[NAME];
	if (!name_of(folder, name, path))
		return (int)syscall(SYS_unlinkat, folder, name, flags);
	lock();
	if (is_last())
		end();
	int result = (int)syscall(SYS_unlinkat, folder, name, flags);
	if (result == 0)
		put_entry(&find_file(path)->entry, false);
	unlock();
	return result;
}

static int
watched_sync(
    void (*what)(const void *, bool fails), const void *of, bool *error)
{
	lock();
	if (is_last())
		end();
	bool fails = sync_fails() || (error && *error);
	if (error)
		*error = false;
	what(of, fails);
	if (is_last())
		end();
	unlock();
	errno = EIO;
	return fails ? -1 : 0;
}

static void
sync_one(const void *of, bool fails)
{
	for (unsigned i = 0; i < power->count; i++)
		if (&power->files[i] == of)
			sync_content(&power->files[i], fails);
}

/* Names don't fail: a file system that can't write its metadata shuts down. */
static void
sync_folder(const void *of, bool fails)
{
	const char *folder = of;
	(void)fails;
	for (unsigned i = 0; i < power->count; i++) {
		struct file *f = &power->files[i];
		if (strncmp(f->name, folder, strlen(folder)) == 0)
			sync_entry(&f->entry);
	}
}

static void
sync_everything(const void *of, bool fails)
{
	(void)of;
	for (unsigned i = 0; i < power->count; i++) {
		struct file *f = &power->files[i];
		f->error = sync_content(f, fails) || f->error;
		sync_entry(&f->entry);
	}
	for (unsigned i = 0; i < power->flag_count; i++) {
		struct power_flag *flag = &power->flags[i];
		if (flag->dirty) {
			flag->disk = !fails;
			flag->failed = fails;
		}
		flag->dirty = false;
	}
}

int
fdatasync(int fd)
{
	struct file *f = file_of(fd);
	return f ? watched_sync(sync_one, f, &f->error)
		 : (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	char path[NAME];
	struct file *f = file_of(fd);
	if (f)
		return watched_sync(sync_one, f, &f->error);
	if (!name_of(fd, "", path))
		return (int)syscall(SYS_fsync, fd);
	return watched_sync(sync_folder, path, NULL);
}

int
syncfs(int fd)
{
	return power && *power->folder
	    ? watched_sync(sync_everything, NULL, NULL)
	    : (int)syscall(SYS_syncfs, fd);
}

/* ---- the power cut ---- */

static const char *
pick(struct cell *c)
{
	const char *value = c->values[0];
	if (!c->failed && c->count > 1) {
		value = c->values[power_random(c->count)];
		if (power_random(8) == 0 && now(c)) { /* torn */
			char *torn = power_alloc(BLOCK);
			if (value)
				memcpy(torn, value, BLOCK);
			size_t n = power_random(BLOCK / SECTOR + 1) * SECTOR;
			memcpy(torn, now(c), n);
			value = torn;
		}
	}
	c->values[0] = value;
	c->count = 1;
	c->failed = false;
	return value;
}

static void
cut_file(struct file *f)
{
	static const char zeros[BLOCK];
	char path[256];
	struct entry *e = &f->entry;
	e->values[0] = e->values[power_random(e->count)];
	e->count = 1;
	if (!f->size_failed && f->size > f->disk_size)
		f->disk_size +=
		    power_random((uint32_t)(f->size - f->disk_size) + 1);
	else if (!f->size_failed && power_random(2))
		f->disk_size = f->size;
	f->size = f->disk_size;
	f->size_failed = f->error = false;
	snprintf(path, sizeof path, "%s/%s", power->folder, f->name);
	unlink(path);
	int fd = e->values[0]
	    ? (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY, 0600)
	    : -1;
	for (size_t i = 0; i < BLOCKS; i++) {
		const char *image = pick(&f->cells[i]);
		size_t at = i * BLOCK;
		size_t n = at >= f->size   ? 0
		    : f->size - at < BLOCK ? f->size - at
					   : BLOCK;
		if (fd >= 0 && n)
			syscall(SYS_pwrite64, fd, image ? image : zeros, n, at);
	}
	if (fd >= 0)
		syscall(SYS_close, fd);
}

void
power_cut(void)
{
	for (unsigned i = 0; i < power->count; i++)
		cut_file(&power->files[i]);
	for (unsigned i = 0; i < power->flag_count; i++) {
		struct power_flag *flag = &power->flags[i];
		if (flag->dirty)
			flag->disk = power_random(2);
		flag->cache = flag->disk;
		flag->dirty = flag->failed = false;
	}
}

/* ---- for the test ---- */

struct power_flag *
power_flag_new(void)
{
	if (power->flag_count == FLAGS)
		abort();
	return &power->flags[power->flag_count++];
}

void
power_flag_set(struct power_flag *flag)
{
	lock();
	if (is_last())
		end();
	flag->cache = flag->dirty = true;
	flag->failed = false;
	unlock();
}

static void
take_file(const char *folder, const char *name)
{
	char path[512], whole[300];
	static char bytes[BLOCKS * BLOCK];
	snprintf(whole, sizeof whole, "%s/%s", folder, name);
	snprintf(path, sizeof path, "%s/%s", power->folder, whole);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof bytes);
	close(fd);
	struct file *f = find_file(whole);
	put_entry(&f->entry, true);
	sync_entry(&f->entry);
	if (n > 0)
		note_write(f, bytes, (size_t)n, 0);
	sync_content(f, false);
}

void
power_watch(const char *folder, unsigned seed)
{
	if (!power)
		power = mmap(NULL, sizeof *power + MEMORY,
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	madvise(power, sizeof *power + MEMORY, MADV_REMOVE); /* zeros */
	power->random = seed;
	char path[256];
	const char *folders[] = { "journal", "spool" };
	snprintf(power->folder, sizeof power->folder, "%s", folder);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
		DIR *d = opendir(path);
		const struct dirent *e;
		while (d && (e = readdir(d)))
			if (e->d_name[0] != '.')
				take_file(folders[i], e->d_name);
		if (d)
			closedir(d);
	}
}

void
power_ignore(void)
{
	power->folder[0] = '\0';
}

/* The lock may have been held when the process before this one ended. */
void
power_plan(unsigned end_at, unsigned fail_at)
{
	pthread_mutex_init(&power->lock, NULL);
	pthread_mutex_init(&power->lock, NULL); /* the last life had it */
	power->end_at = end_at;
	power->fail_at = fail_at;
	power->failed = false;
}

bool
power_failed(void)
{
	return power->failed;
}
