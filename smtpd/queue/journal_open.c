#include "smtpd/queue/journal_private.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	NAME = 64, /* octets of a name with its NUL */
	KEPT_STRETCHES = 16, /* damaged ones of a segment that go to bad/ */
};

static void
segment_name(unsigned i, char name[NAME])
{
	snprintf(name, NAME, "segment.%u", i);
}

/* ---- what is damaged ---- */

static void
keep_stretch(const struct disk *disk, unsigned segment, uint64_t lap, size_t at,
    struct str bytes)
{
	char name[NAME];
	snprintf(name, sizeof name, "segment.%u.%llu.%zu", segment,
	    (unsigned long long)lap, at);
	int fd = openat(
	    disk->bad, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool kept = fd >= 0 && fd_write_all(fd, bytes);
	if (fd >= 0)
		close(fd);
	struct log_line l = log_begin(LOG_ERROR, "damaged");
	log_f(&l, "what", "journal segment %u, %zu octets at %zu", segment,
	    bytes.n, at);
	log_c(&l, "kept", kept ? name : "no");
	log_end(&l);
}

static bool
is_zero(struct str bytes)
{
	return bytes.n == 0 ||
	    (bytes.p[0] == 0 && memcmp(bytes.p, bytes.p + 1, bytes.n - 1) == 0);
}

/* ---- reading a segment ---- */

struct replay { /* of one segment */
	struct journal *journal;
	struct journal_reader *reader;
	unsigned segment;
	struct part *part;
	struct str bytes;
	uint64_t top; /* the highest lap of its whole records */
	size_t good_end; /* behind the last whole record */
	size_t bad_end; /* of a damaged one behind that, or 0 */
	unsigned stretches;
};

static struct record_scan
scan_of(const struct replay *r)
{
	return (struct record_scan){ r->bytes, r->part->file.seed,
		SEGMENT_RECORDS };
}

static uint64_t
find_top(const struct replay *r)
{
	struct record_scan scan = scan_of(r);
	struct record record;
	uint64_t top = 0;
	while (record_next(&scan, &record))
		if (record.whole && record.lap > top)
			top = record.lap;
	return top;
}

/* What is neither a record nor padding stood there once. */
static void
look_at_gap(struct replay *r, size_t end)
{
	struct str gap = str_sub(r->bytes, r->good_end, end - r->good_end);
	if (is_zero(gap))
		return;
	if (r->stretches++ < KEPT_STRETCHES)
		keep_stretch(r->journal->options.disk, r->segment, r->top,
		    r->good_end, gap);
}

static void
take_record(struct replay *r, const struct record *record)
{
	if (!record->whole) {
		r->bad_end = record->end;
		return;
	}
	look_at_gap(r, record->at);
	r->good_end = record->end;
	r->bad_end = 0;
	/* RECORD_AGAIN: after a failed sync the cache may show what the disk
	   doesn't have.  The same bytes: nothing can tear. */
	struct str whole =
	    str_sub(r->bytes, record->at, record->end - record->at);
	if (!segment_write(&r->part->file, whole, record->at))
		disk_failed("journal");
	if (r->reader)
		r->reader->record(r->reader, r->segment, record);
}

/* LAP: of a segment only its highest lap counts. */
static void
take_records(struct replay *r)
{
	struct record_scan scan = scan_of(r);
	struct record record;
	r->good_end = SEGMENT_RECORDS;
	while (record_next(&scan, &record))
		if (record.lap == r->top)
			take_record(r, &record);
	if (r->bad_end)
		look_at_gap(r, r->bad_end);
}

/* Nothing acts on the records before queue_open() has returned, so syncing
   behind them is early enough. */
static void
replay_segment(struct replay *r)
{
	struct journal *j = r->journal;
	uint64_t marked = segment_marked(&r->part->file, r->bytes);
	r->top = find_top(r);
	/* MARK_AGAIN: the same for a mark that is found. */
	if (marked && !segment_mark(&r->part->file, marked))
		disk_failed("journal");
	if (r->top > marked) {
		r->part->state = PART_CLOSED;
		r->part->lap = r->top;
		take_records(r);
	}
	segment_sync(&r->part->file);
	/* LAP_MARK: the next lap is above all records and all marks. */
	uint64_t high = r->top > marked ? r->top : marked;
	j->lap = high > j->lap ? high : j->lap;
}

/* ---- opening ---- */

/* A segment whose first block is damaged can't be believed any more. */
static bool
set_segment_aside(const struct disk *disk, const char *name)
{
	char to[2 * NAME];
	snprintf(to, sizeof to, "%s.%lld", name, (long long)clock_wall_ms());
	log_note(LOG_ERROR, "damaged", "journal %s is now bad/%s", name, to);
	return renameat(disk->journal, name, disk->bad, to) == 0 &&
	    fsync(disk->bad) == 0 && fsync(disk->journal) == 0;
}

static bool
open_part(struct journal *j, unsigned i, const char **why)
{
	const struct disk *disk = j->options.disk;
	struct segment *file = &j->parts[i].file;
	char name[NAME];
	segment_name(i, name);
	enum segment_status status = segment_open(file, disk->journal, name);
	if (status == SEGMENT_DAMAGED && set_segment_aside(disk, name))
		status = SEGMENT_MISSING;
	if (status == SEGMENT_MISSING &&
	    segment_make(disk->journal, name, j->options.size))
		status = segment_open(file, disk->journal, name);
	*why = status == SEGMENT_OTHER_VERSION
	    ? "the journal was written by another version"
	    : strerror(errno);
	return status == SEGMENT_OPEN;
}

static struct journal *
make_journal(const struct journal_options *options)
{
	struct journal *j = mem_alloc(sizeof *j);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&j->work, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&j->lock, NULL);
	list_init(&j->taken);
	list_init(&j->waiting);
	list_init(&j->finished);
	j->options = *options;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		j->parts[i].file.fd = -1;
	j->has_space = disk_free_space(options->disk) > options->space_reserve;
	return j;
}

struct journal *
journal_open(const struct journal_options *options,
    struct journal_reader *reader, const char **why)
{
	struct journal *j = make_journal(options);
	struct buf bytes = { 0 };
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++) {
		if (!open_part(j, i, why)) {
			buf_free(&bytes);
			journal_free(j);
			return NULL;
		}
		segment_read(&j->parts[i].file, &bytes);
		replay_segment(&(struct replay){ .journal = j,
		    .reader = reader,
		    .segment = i,
		    .part = &j->parts[i],
		    .bytes = buf_str(&bytes) });
	}
	buf_free(&bytes);
	return j;
}

void
journal_free(struct journal *j)
{
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		segment_close(&j->parts[i].file);
	buf_free(&j->bytes);
	pthread_cond_destroy(&j->work);
	pthread_mutex_destroy(&j->lock);
	free(j);
}
