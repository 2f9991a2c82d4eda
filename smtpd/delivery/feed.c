#include "smtpd/delivery/feed.h"

#include "lib/base/arena.h"
#include "lib/base/crc.h"
#include "lib/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	PIECE = 262144
}; /* octets */

/* With a worker or with us, never both: it owns all that it points to. */
struct feed_reading {
	struct job job;
	struct feed *feed; /* NULL: cut off */
	struct message body; /* the file alone */
	struct message_reader reader;
	struct buf piece;
	uint32_t crc;
	int error;
	bool busy;
};

static void
reading_free(struct feed_reading *reading)
{
	message_read_end(&reading->reader);
	buf_free(&reading->piece);
	buf_free(&reading->body.file);
	free(reading);
}

/* ---- on a worker ---- */

static int
read_piece(struct feed_reading *reading)
{
	buf_clear(&reading->piece);
	long got = message_read(
	    &reading->reader, buf_reserve(&reading->piece, PIECE), PIECE);
	if (got <= 0)
		return got < 0 ? errno : EIO;
	reading->piece.n = (size_t)got;
	reading->crc = crc32c(reading->crc, buf_str(&reading->piece));
	return 0;
}

static void
run(struct job *job)
{
	struct feed_reading *reading =
	    container_of(job, struct feed_reading, job);
	reading->error = read_piece(reading);
}

/* ---- on the loop ---- */

static void
fail(struct feed *feed, int error)
{
	log_note(LOG_ERROR, "spool", "%s can't be read: %s",
	    buf_cstr(&feed->reading->body.file), strerror(error));
	smtp_mail_abort(feed->mail);
}

static void
on_read(struct job *job)
{
	struct feed_reading *reading =
	    container_of(job, struct feed_reading, job);
	struct feed *feed = reading->feed;
	reading->busy = false;
	if (!feed) {
		reading_free(reading);
		return;
	}
	bool end = reading->reader.at == reading->body.file_size;
	bool damaged = end && reading->crc != feed->message->file_crc;
	if (reading->error || damaged) {
		fail(feed, damaged ? EILSEQ : reading->error);
		return;
	}
	feed->ended = end;
	smtp_mail_feed(feed->mail, buf_str(&reading->piece), end);
}

static void
start_reading(struct feed *feed)
{
	struct feed_reading *reading = mem_alloc(sizeof *reading);
	reading->feed = feed;
	reading->body.file = buf_of(buf_str(&feed->message->file));
	reading->body.file_size = feed->message->file_size;
	message_read_start(&reading->reader, &reading->body);
	feed->reading = reading;
}

static void
feed_all(struct feed *feed)
{
	struct buf all = buf_of(buf_str(&feed->message->header));
	buf_add(&all, buf_str(&feed->message->body));
	feed->ended = true;
	smtp_mail_feed(feed->mail, buf_str(&all), true);
	buf_free(&all);
}

void
feed_more(struct feed *feed)
{
	if (feed->message->file_size == 0) {
		feed_all(feed);
		return;
	}
	if (!feed->reading) {
		start_reading(feed);
		smtp_mail_feed(
		    feed->mail, buf_str(&feed->message->header), false);
		return;
	}
	feed->reading->busy = true;
	if (!job_start(feed->io, &feed->reading->job, run, on_read)) {
		feed->reading->busy = false;
		fail(feed, EAGAIN);
	}
}

void
feed_cancel(struct feed *feed)
{
	struct feed_reading *reading = feed->reading;
	feed->reading = NULL;
	if (!reading)
		return;
	reading->feed = NULL;
	if (!reading->busy || job_cancel(&reading->job))
		reading_free(reading);
}
