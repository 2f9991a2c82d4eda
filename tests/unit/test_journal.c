#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "smtpd/queue/journal.h"
#include "tests/unit/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	SIZE = 64 * 1024, /* of a segment */
	OCTETS = 1000, /* of a message */
	PATIENCE_MS = 50,
	DEADLINE_MS = 10000,
	ADDS = 400,
};

static char folder[64];
static struct disk disk;
static struct loop *loop;
static struct journal *journal;
static struct queue_add adds[ADDS];
static size_t answered, refused;
static bool alone; /* nothing else is being written */
static uint64_t arrived[JOURNAL_SEGMENTS];
static uint64_t replayed[ADDS];
static size_t replayed_count;

/* ---- libc's, watched: what is written and not yet synced ---- */

static atomic_bool dirty;
static atomic_size_t syncs, last_write_at, last_write_size;
static atomic_size_t mark_writes, record_writes;

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	dirty = true;
	last_write_at = (size_t)at;
	last_write_size = n;
	mark_writes += at == SEGMENT_BLOCK;
	record_writes += at >= SEGMENT_RECORDS;
	return syscall(SYS_pwrite64, fd, p, n, at);
}

int
fdatasync(int fd)
{
	int result = (int)syscall(SYS_fdatasync, fd);
	dirty = false;
	syncs++;
	return result;
}

/* ---- a journal ---- */

static void
on_committed(struct journal_user *user, struct queue_add *add)
{
	(void)user;
	if (alone)
		assert_false(dirty); /* ACK_SYNCED */
	answered++;
	if (add->result == QUEUE_ADDED)
		arrived[add->item->private->segment]++;
	else
		refused++;
	item_free(add->item);
}

static void
on_turned(struct journal_user *user)
{
	(void)user;
}

static void
on_record(
    struct journal_reader *reader, unsigned segment, const struct record *r)
{
	(void)reader, (void)segment;
	struct payload p;
	assert_true(payload_read(&p, r->payload, r->kind, r->id, "spool"));
	payload_free(&p);
	replayed[replayed_count++] = r->id;
}

static struct journal_user user = { on_committed, on_turned };

static const char *
try_open(void)
{
	static struct journal_reader reader = { on_record };
	const char *why = NULL;
	replayed_count = 0;
	memset(arrived, 0, sizeof arrived);
	loop = loop_new();
	journal = journal_open(&(struct journal_options){ .disk = &disk,
				   .loop = loop,
				   .patience_ms = PATIENCE_MS,
				   .size = SIZE,
				   .user = &user },
	    &reader, &why);
	if (!journal)
		loop_free(loop);
	return journal ? NULL : why;
}

static void
open_it(void)
{
	assert_null(try_open());
	journal_start(journal);
}

static void
close_it(void)
{
	journal_stop(journal);
	journal_free(journal);
	loop_free(loop);
}

static int
set_up(void **state)
{
	(void)state;
	const char *why;
	snprintf(folder, sizeof folder, "/tmp/postern-journal-XXXXXX");
	return mkdtemp(folder) && disk_open(&disk, folder, &why) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	disk_close(&disk);
	return tree_remove(folder);
}

/* ---- waiting ---- */

struct waiting {
	struct timer timer;
	size_t count;
	int64_t until;
};

static void
on_look(struct timer *timer)
{
	struct waiting *w = container_of(timer, struct waiting, timer);
	if (answered >= w->count) {
		loop_stop(loop);
		return;
	}
	assert_true(clock_mono_ms() < w->until);
	timer_start(timer, loop, 1, on_look);
}

static void
wait_for(size_t count)
{
	struct waiting w = { .count = count,
		.until = clock_mono_ms() + DEADLINE_MS };
	timer_start(&w.timer, loop, 0, on_look);
	loop_run(loop);
	timer_stop(&w.timer);
}

static struct queue_item *
make_item(uint64_t id, size_t octets)
{
	struct queue_item *item = item_new(id);
	item->envelope = envelope_new();
	item->envelope->id = id;
	item->private->message = message_new();
	struct buf *body = &item->private->message->body;
	memset(buf_reserve(body, octets), 'x', octets);
	body->n = octets;
	return item;
}

/* Ids first, first + 1, ... all at once; waits for the answers. */
static void
commit(uint64_t first, size_t count, size_t octets)
{
	answered = refused = 0;
	alone = count == 1;
	for (size_t i = 0; i < count; i++) {
		adds[i] =
		    (struct queue_add){ .item = make_item(first + i, octets) };
		journal_add(journal, &adds[i]);
	}
	wait_for(count);
}

static void
free_closed(void)
{
	uint64_t records;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		if (journal_closed(journal, i, &records)) {
			assert_int_equal(records, arrived[i]);
			assert_true(journal_mark(journal, i));
			journal_sync_mark(journal, i);
			journal_freed(journal, i);
			arrived[i] = 0;
		}
}

static size_t
files_in_bad(void)
{
	size_t count = 0;
	char path[96];
	snprintf(path, sizeof path, "%s/bad", folder);
	DIR *bad = opendir(path);
	const struct dirent *entry;
	while ((entry = readdir(bad)))
		count += entry->d_name[0] != '.';
	closedir(bad);
	return count;
}

/* Of the files in bad/, those that hold this text. */
static size_t
files_with(const char *wanted)
{
	size_t count = 0;
	char path[96], name[512];
	snprintf(path, sizeof path, "%s/bad", folder);
	DIR *bad = opendir(path);
	const struct dirent *entry;
	while ((entry = readdir(bad))) {
		struct buf bytes = { 0 };
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		count += file_read(name, SIZE, &bytes) &&
		    str_search(buf_str(&bytes), str_of(wanted)) < bytes.n;
		buf_free(&bytes);
	}
	closedir(bad);
	return count;
}

static void
write_at(unsigned segment, long at, const char *bytes, size_t n)
{
	char path[96];
	snprintf(path, sizeof path, "%s/journal/segment.%u", folder, segment);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

/* ---- the tests ---- */

static void
what_is_committed_is_replayed(void **state)
{
	(void)state;
	open_it();
	assert_int_equal(replayed_count, 0);
	commit(1, 20, OCTETS);
	assert_int_equal(refused, 0);
	close_it();
	for (unsigned again = 0; again < 3; again++) {
		open_it();
		assert_int_equal(replayed_count, 20);
		for (size_t i = 0; i < 20; i++)
			assert_int_equal(replayed[i], i + 1);
		close_it();
	}
	assert_int_equal(files_in_bad(), 0);
}

/* BLOCK, and one sync for all that waits. */
static void
a_batch_is_one_write_of_fresh_blocks(void **state)
{
	(void)state;
	open_it();
	size_t end = SEGMENT_RECORDS;
	for (uint64_t id = 1; id < 8; id++) {
		size_t before = syncs;
		commit(id, 1, 100 * id);
		assert_int_equal(last_write_at, end);
		assert_int_equal(last_write_size % SEGMENT_BLOCK, 0);
		assert_int_equal(syncs, before + 1);
		end = last_write_at + last_write_size;
	}
	size_t before = syncs;
	commit(100, 30, 10);
	assert_true(syncs - before < 10);
	close_it();
}

static void
a_freed_segment_isnt_replayed(void **state)
{
	(void)state;
	open_it();
	commit(1, 10, OCTETS);
	journal_cut(journal);
	commit(11, 10, OCTETS);
	free_closed(); /* the first ten */
	close_it();
	open_it();
	assert_int_equal(replayed_count, 10);
	assert_int_equal(replayed[0], 11);
	close_it();
	/* A torn mark: those of its lap count again. */
	write_at(0, SEGMENT_BLOCK + 5, "\377", 1);
	open_it();
	assert_int_equal(replayed_count, 20);
	free_closed();
	close_it();
	open_it();
	assert_int_equal(replayed_count, 0);
	close_it();
}

/* LAP, LAP_MARK: old records behind the new ones stay dead. */
static void
a_reused_segment_holds_its_last_lap_only(void **state)
{
	(void)state;
	open_it();
	for (uint64_t round = 0; round < 12; round++) {
		commit(1000 * (round + 1), round % 3 ? 3 : 40, OCTETS);
		assert_int_equal(refused, 0);
		journal_cut(journal);
		if (round % 4 == 3) {
			close_it();
			open_it();
			assert_int_equal(replayed_count, round % 3 ? 3 : 40);
			assert_int_equal(replayed[0], 1000 * (round + 1));
		}
		free_closed();
	}
	commit(1, 2, OCTETS);
	close_it();
	open_it();
	assert_int_equal(replayed_count, 2);
	close_it();
	assert_int_equal(files_in_bad(), 0);
}

/* MARK_AGAIN, RECORD_AGAIN: after a failed sync the cache may show what the
   disk doesn't have. */
static void
what_a_start_reads_is_written_again_and_synced(void **state)
{
	(void)state;
	open_it();
	commit(1, 5, OCTETS);
	journal_cut(journal);
	commit(6, 3, OCTETS);
	free_closed();
	close_it();
	mark_writes = record_writes = 0;
	open_it();
	assert_int_equal(replayed_count, 3);
	assert_int_equal(mark_writes, 1);
	assert_int_equal(record_writes, 3);
	assert_false(dirty);
	close_it();
}

/* LAP_MARK: the mark counts also when its records can't be read any more. */
static void
a_mark_without_records_isnt_reached_again(void **state)
{
	(void)state;
	static const char zeros[SIZE - SEGMENT_RECORDS];
	open_it();
	for (uint64_t i = 0; i < 3 * JOURNAL_SEGMENTS; i++) {
		commit(1 + i, 1, OCTETS);
		journal_cut(journal);
		free_closed();
	}
	close_it();
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		write_at(i, SEGMENT_RECORDS, zeros, sizeof zeros);
	open_it();
	commit(100, 1, OCTETS);
	close_it();
	open_it();
	assert_int_equal(replayed_count, 1);
	assert_int_equal(replayed[0], 100);
	close_it();
}

static void
full_segments_are_followed_by_others(void **state)
{
	(void)state;
	open_it();
	commit(1, 150, OCTETS); /* three segments hold 56 each */
	assert_int_equal(refused, 0);
	close_it();
	open_it();
	assert_int_equal(replayed_count, 150);
	close_it();
}

static void
without_a_free_segment_mail_is_refused_in_the_end(void **state)
{
	(void)state;
	open_it();
	int64_t begin = clock_mono_ms();
	commit(1, 300, OCTETS);
	assert_true(refused > 50 && refused < 200);
	assert_true(clock_mono_ms() - begin >= PATIENCE_MS);
	assert_false(journal_has_space(journal));
	commit(1001, 1, OCTETS);
	assert_int_equal(refused, 1);
	free_closed();
	commit(2001, 100, OCTETS);
	assert_int_equal(refused, 0);
	assert_true(journal_has_space(journal));
	commit(3001, 1, SIZE); /* larger than a segment */
	assert_int_equal(refused, 1);
	commit(3002, 1, SIZE - 2 * SEGMENT_RECORDS);
	close_it();
}

static void
a_damaged_stretch_is_kept_in_bad(void **state)
{
	(void)state;
	open_it();
	for (uint64_t id = 1; id <= 6; id++)
		commit(id, 1, OCTETS); /* a block each */
	close_it();
	/* The head of the second, the middle of the fourth, the last. */
	write_at(0, SEGMENT_RECORDS + SEGMENT_BLOCK, "????", 4);
	write_at(0, SEGMENT_RECORDS + 3 * SEGMENT_BLOCK + 500, "????", 4);
	write_at(0, SEGMENT_RECORDS + 5 * SEGMENT_BLOCK + 500, "????", 4);
	open_it();
	assert_int_equal(replayed_count, 3);
	assert_int_equal(replayed[0], 1);
	assert_int_equal(replayed[1], 3);
	assert_int_equal(replayed[2], 5);
	assert_int_equal(files_in_bad(), 3);
	assert_int_equal(files_with("????"), 3);
	close_it();
}

static void
a_damaged_head_costs_its_segment_only(void **state)
{
	(void)state;
	open_it();
	commit(1, 2, OCTETS);
	journal_cut(journal);
	commit(11, 2, OCTETS);
	close_it();
	write_at(0, 20, "\1\2\3\4", 4);
	open_it();
	assert_int_equal(replayed_count, 2);
	assert_int_equal(replayed[0], 11);
	assert_int_equal(files_in_bad(), 1);
	commit(21, 200, OCTETS - 900);
	assert_int_equal(refused, 0);
	close_it();
}

static void
another_version_is_refused(void **state)
{
	(void)state;
	open_it();
	close_it();
	write_at(2, 4, "\0\0\0\2", 4);
	assert_string_equal(
	    try_open(), "the journal was written by another version");
	assert_int_equal(files_in_bad(), 0);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(what_is_committed_is_replayed),
		CASE(a_batch_is_one_write_of_fresh_blocks),
		CASE(a_freed_segment_isnt_replayed),
		CASE(a_reused_segment_holds_its_last_lap_only),
		CASE(what_a_start_reads_is_written_again_and_synced),
		CASE(a_mark_without_records_isnt_reached_again),
		CASE(full_segments_are_followed_by_others),
		CASE(without_a_free_segment_mail_is_refused_in_the_end),
		CASE(a_damaged_stretch_is_kept_in_bad),
		CASE(a_damaged_head_costs_its_segment_only),
		CASE(another_version_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
