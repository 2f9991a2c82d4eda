#include "smtpd/queue/ids.h"

#include "lib/base/clock.h"
#include "lib/base/crc.h"
#include "lib/base/cursor.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAGIC = 0x50494453, /* "PIDS" */
	SLOTS = 2, /* written in turn: a torn one leaves the other */
	BLOCK = 4096,
	RECORD = 16, /* octets */
	US_PER_MS = 1000,
};

static const uint64_t ahead = 600 * 1000000ULL; /* ten minutes of ids */

static uint64_t
read_slot(int fd, unsigned slot)
{
	char bytes[RECORD];
	if (pread(fd, bytes, RECORD, (off_t)slot * BLOCK) != RECORD)
		return 0;
	struct cursor c = cursor_of((struct str){ bytes, RECORD });
	uint32_t magic = cursor_u32(&c);
	uint64_t ceiling = cursor_u64(&c);
	struct str covered = { bytes, c.at };
	return magic == MAGIC && cursor_u32(&c) == crc32c(0, covered) ? ceiling
								      : 0;
}

static bool
write_slot(int fd, unsigned slot, uint64_t ceiling)
{
	struct buf b = { 0 };
	put_u32(&b, MAGIC);
	put_u64(&b, ceiling);
	put_u32(&b, crc32c(0, buf_str(&b)));
	size_t pad = BLOCK - b.n;
	memset(buf_reserve(&b, pad), 0, pad);
	b.n += pad;
	bool written =
	    pwrite(fd, b.p, b.n, (off_t)slot * BLOCK) == (ssize_t)b.n;
	buf_free(&b);
	return written;
}

static uint64_t
clock_ids(void)
{
	int64_t ms = clock_wall_ms();
	return ms > 0 ? (uint64_t)ms * US_PER_MS : 0;
}

static uint64_t
max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* UNIQUE_ID: what an earlier process may have given out lies below its
   ceiling, and ours begins there. */
bool
ids_open(struct ids *ids, const struct disk *disk, uint64_t found,
    struct errands *errands, const char **why)
{
	*ids = (struct ids){ .errands = errands };
	ids->fd =
	    openat(disk->journal, "ids", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ids->fd < 0) {
		*why = strerror(errno);
		return false;
	}
	uint64_t old = max(read_slot(ids->fd, 0), read_slot(ids->fd, 1));
	ids->last = max(max(old, found), clock_ids());
	ids->ceiling = ids->last + ahead;
	bool written = true;
	for (unsigned slot = 0; slot < SLOTS && written; slot++)
		written = write_slot(ids->fd, slot, ids->ceiling) &&
		    fsync(ids->fd) == 0;
	if (written && fsync(disk->journal) == 0)
		return true;
	*why = strerror(errno);
	ids_close(ids);
	return false;
}

void
ids_close(struct ids *ids)
{
	if (ids->fd >= 0)
		close(ids->fd);
	ids->fd = -1;
}

static void
on_raise(struct errand *errand)
{
	struct ids *ids = container_of(errand, struct ids, raising);
	if (!write_slot(ids->fd, ids->slot, ids->wanted) || fdatasync(ids->fd))
		disk_failed("sync of the ids");
}

static void
on_raised(struct errand *errand)
{
	struct ids *ids = container_of(errand, struct ids, raising);
	ids->ceiling = ids->wanted;
	ids->slot = (ids->slot + 1) % SLOTS;
	ids->busy = false;
}

static void
raise_ceiling(struct ids *ids, uint64_t above)
{
	if (ids->busy)
		return;
	ids->busy = true;
	ids->wanted = above + ahead;
	errand_start(&ids->raising, ids->errands, on_raise, on_raised);
}

uint64_t
ids_next(struct ids *ids)
{
	uint64_t now = clock_ids();
	if (max(now, ids->last) + ahead / 2 > ids->ceiling)
		raise_ceiling(ids, max(now, ids->last));
	/* A clock that jumped beyond the ceiling isn't followed yet. */
	if (now > ids->last && now < ids->ceiling)
		ids->last = now;
	else
		ids->last++;
	if (ids->last >= ids->ceiling)
		abort(); /* 300 million ids while one sync was under way */
	return ids->last;
}
