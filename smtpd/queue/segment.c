#include "smtpd/queue/segment.h"

#include "lib/base/clock.h"
#include "lib/base/crc.h"
#include "lib/base/cursor.h"
#include "lib/base/file.h"
#include "smtpd/queue/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	MAGIC = 0x50534547, /* "PSEG" */
	MARK_MAGIC = 0x504d524b, /* "PMRK" */
	VERSION = 1,
	HEAD = 24, /* octets */
	MARK = 16,
	PIECE = 1 << 20,
};

/* ---- making one ---- */

static void
pad_block(struct buf *b)
{
	size_t n = SEGMENT_BLOCK - b->n;
	memset(buf_reserve(b, n), 0, n);
	b->n += n;
}

static void
write_head(struct buf *b, uint64_t size)
{
	uint32_t seed;
	random_bytes(&seed, sizeof seed);
	put_u32(b, MAGIC);
	put_u32(b, VERSION);
	put_u64(b, size);
	put_u32(b, seed);
	put_u32(b, crc32c(0, buf_str(b)));
	pad_block(b);
}

static bool
fill(int fd, uint64_t size)
{
	struct buf block = { 0 };
	write_head(&block, size);
	bool ok = fd_write_all(fd, buf_str(&block));
	memset(block.p, 0, block.n);
	for (uint64_t at = SEGMENT_BLOCK; ok && at < size; at += SEGMENT_BLOCK)
		ok = fd_write_all(fd, buf_str(&block));
	buf_free(&block);
	return ok && fsync(fd) == 0;
}

bool
segment_make(int folder, const char *name, uint64_t size)
{
	char temporary[64];
	snprintf(temporary, sizeof temporary, "%s.new", name);
	int fd = openat(
	    folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool ok = fill(fd, size);
	close(fd);
	return ok && renameat(folder, temporary, folder, name) == 0 &&
	    fsync(folder) == 0;
}

/* ---- opening one ---- */

static enum segment_status
read_head(struct segment *s)
{
	char bytes[HEAD];
	ssize_t n = pread(s->fd, bytes, HEAD, 0);
	if (n != HEAD)
		return SEGMENT_DAMAGED;
	struct cursor c = cursor_of((struct str){ bytes, HEAD });
	if (cursor_u32(&c) != MAGIC)
		return SEGMENT_DAMAGED;
	if (cursor_u32(&c) != VERSION)
		return SEGMENT_OTHER_VERSION;
	s->size = cursor_u64(&c);
	s->seed = cursor_u32(&c);
	struct str covered = { bytes, c.at };
	off_t end = lseek(s->fd, 0, SEEK_END);
	return cursor_u32(&c) == crc32c(0, covered) && end >= 0 &&
		(uint64_t)end == s->size
	    ? SEGMENT_OPEN
	    : SEGMENT_DAMAGED;
}

enum segment_status
segment_open(struct segment *s, int folder, const char *name)
{
	s->fd = openat(folder, name, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return errno == ENOENT ? SEGMENT_MISSING : SEGMENT_ERROR;
	enum segment_status status = read_head(s);
	if (status != SEGMENT_OPEN)
		segment_close(s);
	return status;
}

void
segment_close(struct segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* ---- reading ---- */

/* Block by block where the whole piece can't be had. */
static void
read_blocks(int fd, char *to, size_t n, uint64_t at)
{
	for (size_t i = 0; i < n; i += SEGMENT_BLOCK)
		if (pread(fd, to + i, SEGMENT_BLOCK, (off_t)(at + i)) !=
		    SEGMENT_BLOCK)
			memset(to + i, 0, SEGMENT_BLOCK);
}

void
segment_read(const struct segment *s, struct buf *out)
{
	buf_clear(out);
	while (out->n < s->size) {
		size_t n = s->size - out->n < PIECE ? s->size - out->n : PIECE;
		char *to = buf_reserve(out, n);
		if (pread(s->fd, to, n, (off_t)out->n) != (ssize_t)n)
			read_blocks(s->fd, to, n, out->n);
		out->n += n;
	}
}

/* ---- the mark ---- */

static void
write_mark(const struct segment *s, uint64_t lap, struct buf *b)
{
	put_u32(b, MARK_MAGIC);
	put_u64(b, lap);
	put_u32(b, crc32c(s->seed, buf_str(b)));
}

uint64_t
segment_marked(const struct segment *s, struct str bytes)
{
	struct str found = str_sub(bytes, SEGMENT_BLOCK, MARK);
	struct cursor c = cursor_of(found);
	uint32_t magic = cursor_u32(&c);
	uint64_t lap = cursor_u64(&c);
	uint32_t crc = cursor_u32(&c);
	bool right = !c.failed && magic == MARK_MAGIC &&
	    crc == crc32c(s->seed, str_sub(found, 0, MARK - sizeof crc));
	return right ? lap : 0;
}

/* FREE_MARK: freeing writes the lap into the segment's own mark block. */
bool
segment_mark(const struct segment *s, uint64_t lap)
{
	struct buf b = { 0 };
	write_mark(s, lap, &b);
	pad_block(&b);
	bool written = segment_write(s, buf_str(&b), SEGMENT_BLOCK);
	buf_free(&b);
	return written;
}

/* ---- writing ---- */

bool
segment_write(const struct segment *s, struct str bytes, uint64_t at)
{
	while (bytes.n) {
		ssize_t n = pwrite(s->fd, bytes.p, bytes.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = str_from(bytes, (size_t)n);
		at += (uint64_t)n;
	}
	return true;
}

void
segment_sync(const struct segment *s)
{
	if (fdatasync(s->fd))
		disk_failed("sync of the journal");
}
