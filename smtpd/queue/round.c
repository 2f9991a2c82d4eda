#include "smtpd/queue/checkpoint.h"

#include "lib/base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void
remove_all(const struct disk *disk, struct list *removals,
    void (*name_of)(uint64_t, char[SPOOL_NAME]))
{
	for (struct list_node *n = list_first(removals); n;
	     n = list_next(removals, n)) {
		struct removal *r = container_of(n, struct removal, node);
		char name[SPOOL_NAME];
		name_of(r->id, name);
		r->failed = !spool_remove(disk, name);
	}
}

/* First of all, because it makes room. */
static void
remove_settled(struct round *round)
{
	remove_all(round->disk, &round->bodies, spool_body_name);
	if (list_empty(&round->unlinks))
		return;
	remove_all(round->disk, &round->unlinks, spool_name);
	if (fsync(round->disk->spool))
		disk_failed("sync of spool");
}

/* SPOOL_FIRST, SPOOL_AGAIN: all that waits is written, whatever is there. */
static bool
write_waiting(struct round *round)
{
	struct buf scratch = { 0 };
	bool ok = true;
	for (size_t i = 0; i < round->count && ok; i++)
		ok = spool_write(
		    round->disk, &round->entries[i].spool, &scratch);
	if (!ok)
		log_note(LOG_ERROR, "disk", "spool can't be written: %s",
		    strerror(errno));
	buf_free(&scratch);
	return ok;
}

static bool
mark_free(struct round *round)
{
	bool ok = true;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS && ok; i++)
		if (round->segments[i])
			ok = journal_mark(round->journal, i);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS && ok; i++)
		if (round->segments[i])
			journal_sync_mark(round->journal, i);
	return ok;
}

void
round_run(struct errand *errand)
{
	struct round *round = container_of(errand, struct round, errand);
	remove_settled(round);
	round->full = !write_waiting(round);
	if ((round->full || !round->freeing) && list_empty(&round->late))
		return;
	/* PLACE_FIRST: what is to last was placed before the round began. */
	disk_sync(round->disk);
	if (!round->full)
		round->full = !mark_free(round);
}
