#include "smtpd/queue/spool.h"

#include "lib/base/codec.h"
#include "lib/base/crc.h"
#include "lib/base/cursor.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	MAGIC = 0x50535031, /* "PSP1" */
	CRC_BYTES = 4,
	READ_BYTES = 65536,
};

#define BODY_SUFFIX ".body"
#define END STR("END\n")

/* ---- names ---- */

static void
make_name(uint64_t id, const char *suffix, char name[SPOOL_NAME])
{
	struct buf text = { 0 };
	envelope_id_text(id, &text);
	snprintf(name, SPOOL_NAME, "%s%s", buf_cstr(&text), suffix);
	buf_free(&text);
}

void
spool_name(uint64_t id, char name[SPOOL_NAME])
{
	make_name(id, "", name);
}

void
spool_body_name(uint64_t id, char name[SPOOL_NAME])
{
	make_name(id, BODY_SUFFIX, name);
}

void
spool_body_path(const char *spool_path, uint64_t id, struct buf *out)
{
	char name[SPOOL_NAME];
	spool_body_name(id, name);
	buf_addf(out, "%s/%s", spool_path, name);
}

bool
spool_parse_name(const char *name, uint64_t *id, bool *body)
{
	struct str text = str_of(name);
	*body = str_ends(text, STR(BODY_SUFFIX));
	if (*body)
		text.n -= sizeof BODY_SUFFIX - 1;
	if (!base62_read(text, id))
		return false;
	char canonical[SPOOL_NAME];
	make_name(*id, *body ? BODY_SUFFIX : "", canonical);
	return strcmp(name, canonical) == 0;
}

/* ---- the form ---- */

void
spool_encode(const struct spool_entry *entry, struct buf *out)
{
	put_u32(out, MAGIC);
	put_u32(out, payload_kind(entry->message));
	put_u64(out, entry->envelope->id);
	put_str(out, entry->states);
	struct buf payload = { 0 };
	payload_write(entry->envelope, entry->message, &payload);
	put_str(out, buf_str(&payload));
	buf_free(&payload);
	put_u32(out, crc32c(0, buf_str(out)));
	buf_add(out, END);
}

/* Cuts END and a right CRC off. */
static bool
check_end(struct str *bytes)
{
	if (bytes->n < CRC_BYTES + END.n || !str_ends(*bytes, END))
		return false;
	size_t n = bytes->n - CRC_BYTES - END.n;
	struct cursor crc = cursor_of(str_from(*bytes, n));
	*bytes = str_sub(*bytes, 0, n);
	return cursor_u32(&crc) == crc32c(0, *bytes);
}

bool
spool_decode(struct str bytes, uint64_t id, const char *spool_path,
    struct spool_file *file)
{
	if (!check_end(&bytes))
		return false;
	struct cursor c = cursor_of(bytes);
	uint32_t magic = cursor_u32(&c);
	uint32_t kind = cursor_u32(&c);
	uint64_t written_id = cursor_u64(&c);
	struct str states = cursor_str(&c);
	struct str payload = cursor_str(&c);
	if (magic != MAGIC || written_id != id || !cursor_end(&c) ||
	    !payload_read(&file->payload, payload, (enum payload_kind)kind, id,
		spool_path))
		return false;
	if (states.n != file->payload.envelope->count) {
		payload_free(&file->payload);
		return false;
	}
	file->states = buf_of(states);
	return true;
}

void
spool_file_free(struct spool_file *file)
{
	payload_free(&file->payload);
	buf_free(&file->states);
}

/* ---- files ---- */

bool
spool_write(const struct disk *disk, const struct spool_entry *entry,
    struct buf *scratch)
{
	char name[SPOOL_NAME];
	spool_name(entry->envelope->id, name);
	buf_clear(scratch);
	spool_encode(entry, scratch);
	int fd = openat(
	    disk->spool, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool written = fd_write_all(fd, buf_str(scratch));
	int error = errno;
	close(fd);
	errno = error;
	return written;
}

static bool
is_passing(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

enum spool_status
spool_read(const struct disk *disk, uint64_t id, struct spool_file *file)
{
	char name[SPOOL_NAME];
	struct buf path = { 0 }, bytes = { 0 };
	spool_name(id, name);
	buf_addf(&path, "%s/%s", disk->spool_path, name);
	enum spool_status status = SPOOL_DAMAGED;
	if (!file_read(buf_cstr(&path), SPOOL_LIMIT, &bytes))
		status = is_passing(errno) ? SPOOL_LATER : SPOOL_DAMAGED;
	else if (spool_decode(buf_str(&bytes), id, disk->spool_path, file))
		status = SPOOL_READ;
	buf_free(&path);
	buf_free(&bytes);
	return status;
}

static bool
crc_of_file(int fd, uint64_t *size, uint32_t *crc)
{
	static _Thread_local char piece[READ_BYTES];
	*size = 0, *crc = 0;
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		*size += (size_t)n;
		*crc = crc32c(*crc, (struct str){ piece, (size_t)n });
	}
}

enum spool_status
spool_check_body(const struct message *message)
{
	struct buf path = buf_of(buf_str(&message->file));
	int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
	buf_free(&path);
	if (fd < 0)
		return is_passing(errno) ? SPOOL_LATER : SPOOL_DAMAGED;
	uint64_t size;
	uint32_t crc;
	bool right = crc_of_file(fd, &size, &crc) &&
	    size == message->file_size && crc == message->file_crc;
	close(fd);
	return right ? SPOOL_READ : SPOOL_DAMAGED;
}

static void
move_to_bad(const struct disk *disk, const char *name)
{
	if (renameat(disk->spool, name, disk->bad, name) && errno != ENOENT)
		log_note(LOG_ERROR, "damaged", "%s can't be moved to bad: %s",
		    name, strerror(errno));
}

void
spool_set_aside(const struct disk *disk, uint64_t id, const char *why)
{
	char name[SPOOL_NAME], body[SPOOL_NAME];
	spool_name(id, name);
	spool_body_name(id, body);
	move_to_bad(disk, name);
	move_to_bad(disk, body);
	if (fsync(disk->bad) || fsync(disk->spool))
		disk_failed("sync of bad");
	struct log_line l = log_begin(LOG_ERROR, "damaged");
	log_c(&l, "id", name);
	log_c(&l, "why", why);
	log_c(&l, "now", "in bad/");
	log_end(&l);
}

bool
spool_remove(const struct disk *disk, const char *name)
{
	if (unlinkat(disk->spool, name, 0) == 0 || errno == ENOENT)
		return true;
	log_note(LOG_ERROR, "disk", "spool/%s can't be removed: %s", name,
	    strerror(errno));
	return false;
}
