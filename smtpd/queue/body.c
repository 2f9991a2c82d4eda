/* A large body on its way into spool/ID.body: one job at a time appends what
   has come in the meantime. */
#include "smtpd/queue/queue_private.h"

#include "lib/base/arena.h"
#include "lib/base/crc.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct body_file {
	struct errand errand;
	struct queue *queue;
	struct queue_body *body; /* NULL: cut off, the file is to go */
	uint64_t id;
	struct buf pending; /* for the next job */
	struct message *message; /* to be told at the end; or NULL */
	bool running, finishing;
	struct buf piece; /* for the running job to read */
	bool last;
	/* the running job's: */
	int fd;
	int error;
	uint64_t size;
	uint32_t crc;
};

static struct body_file *
file_of(struct errand *errand)
{
	return container_of(errand, struct body_file, errand);
}

/* ---- on a worker ---- */

static bool
open_file(struct body_file *f)
{
	char name[SPOOL_NAME];
	spool_body_name(f->id, name);
	f->fd = openat(f->queue->disk.spool, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return f->fd >= 0;
}

static bool
has_space(const struct body_file *f)
{
	int64_t space = disk_free_space(&f->queue->disk);
	if (space > f->queue->options.space_reserve)
		return true;
	errno = ENOSPC;
	return false;
}

static bool
append(struct body_file *f)
{
	if ((f->fd < 0 && !open_file(f)) || !has_space(f) ||
	    !fd_write_all(f->fd, buf_str(&f->piece)))
		return false;
	f->size += f->piece.n;
	f->crc = crc32c(f->crc, buf_str(&f->piece));
	return true;
}

/* BODY_SYNCED: the file and its name, before the record is written. */
static bool
sync_file(struct body_file *f)
{
	if (fdatasync(f->fd)) {
		if (disk_is_full(errno))
			return false;
		disk_failed("sync of a body");
	}
	if (fsync(f->queue->disk.spool))
		disk_failed("sync of spool");
	close(f->fd);
	f->fd = -1;
	return true;
}

static void
on_run(struct errand *errand)
{
	struct body_file *f = file_of(errand);
	if (f->error == 0 && (!append(f) || (f->last && !sync_file(f))))
		f->error = errno;
}

static void
on_remove(struct errand *errand)
{
	struct body_file *f = file_of(errand);
	char name[SPOOL_NAME];
	spool_body_name(f->id, name);
	if (f->fd >= 0)
		close(f->fd);
	spool_remove(&f->queue->disk, name);
}

/* ---- on the loop ---- */

static void
file_free(struct body_file *f)
{
	buf_free(&f->pending);
	buf_free(&f->piece);
	free(f);
}

static void
on_removed(struct errand *errand)
{
	file_free(file_of(errand));
}

static void on_done(struct errand *);

static void
run(struct body_file *f)
{
	buf_free(&f->piece);
	f->piece = buf_take(&f->pending);
	f->last = f->finishing;
	f->running = true;
	errand_start(&f->errand, &f->queue->errands, on_run, on_done);
}

/* The file now belongs to whoever owns the message. */
static void
finish(struct body_file *f)
{
	struct queue_body *body = f->body;
	body->file = NULL;
	body->error = f->error;
	if (f->error) {
		errand_start(
		    &f->errand, &f->queue->errands, on_remove, on_removed);
	} else {
		spool_body_path(
		    f->queue->disk.spool_path, f->id, &f->message->file);
		f->message->file_size = f->size;
		f->message->file_crc = f->crc;
		file_free(f);
	}
	body->finished(body);
}

static void
on_done(struct errand *errand)
{
	struct body_file *f = file_of(errand);
	f->running = false;
	if (!f->body) {
		errand_start(errand, &f->queue->errands, on_remove, on_removed);
		return;
	}
	f->body->error = f->error;
	if (f->finishing && (f->last || f->error))
		finish(f);
	else if (!f->error && (f->pending.n || f->finishing))
		run(f);
	else
		f->body->drained(f->body);
}

void
queue_body_start(struct queue *q, struct queue_body *body, uint64_t id,
    void (*drained)(struct queue_body *))
{
	struct body_file *f = mem_alloc(sizeof *f);
	f->queue = q;
	f->body = body;
	f->id = id;
	f->fd = -1;
	body->drained = drained;
	body->error = 0;
	body->file = f;
}

void
queue_body_write(struct queue_body *body, struct buf *piece)
{
	struct body_file *f = body->file;
	if (f->pending.n) {
		buf_add(&f->pending, buf_str(piece));
		buf_free(piece);
	} else {
		f->pending = buf_take(piece);
	}
	if (!f->running)
		run(f);
}

size_t
queue_body_pending(const struct queue_body *body)
{
	const struct body_file *f = body->file;
	return f ? f->pending.n + (f->running ? f->piece.n : 0) : 0;
}

void
queue_body_finish(struct queue_body *body, struct message *message,
    void (*finished)(struct queue_body *))
{
	struct body_file *f = body->file;
	f->message = message;
	f->finishing = true;
	body->finished = finished;
	if (!f->running)
		run(f);
}

void
queue_body_cancel(struct queue_body *body)
{
	struct body_file *f = body->file;
	body->file = NULL;
	if (!f)
		return;
	f->body = NULL;
	if (!f->running)
		errand_start(
		    &f->errand, &f->queue->errands, on_remove, on_removed);
}

void
queue_body_discard(struct queue *q, struct message *message)
{
	uint64_t id;
	bool body;
	struct str path = buf_str(&message->file);
	struct str name = str_from(path, str_find_last(path, '/') + 1);
	char *text = mem_cstr(name);
	if (spool_parse_name(text, &id, &body) && body) {
		struct body_file *f = mem_alloc(sizeof *f);
		f->queue = q;
		f->id = id;
		f->fd = -1;
		errand_start(&f->errand, &q->errands, on_remove, on_removed);
	}
	free(text);
}
