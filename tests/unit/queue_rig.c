#include "tests/unit/queue_rig.h"
#include "tests/unit/tree.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/crc.h"
#include "lib/base/file.h"
#include "smtpd/queue/checkpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SEGMENT_OCTETS = 1 << 20, /* small ones are quick to read */
	DEADLINE_MS = 10000,
	CLOSE_MS = 10000,
	IO_THREADS = 2,
	BOUND = 256,
};

static const char letters[] = "WDFX";

/* ---- folders ---- */

void
rig_make(struct rig *rig)
{
	*rig = (struct rig){ 0 };
	snprintf(rig->folder, sizeof rig->folder, "/tmp/postern-queue-XXXXXX");
	char journal[96];
	snprintf(journal, sizeof journal, "%s/journal", mkdtemp(rig->folder));
	int folder = file_mkdirs(journal, 0700) ? open(journal, O_RDONLY) : -1;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++) {
		char name[16];
		snprintf(name, sizeof name, "segment.%u", i);
		if (!segment_make(folder, name, SEGMENT_OCTETS))
			abort();
	}
	close(folder);
}

void
rig_remove(struct rig *rig)
{
	tree_remove(rig->folder);
}

static const char *
below(struct rig *rig, const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", rig->folder, name);
	return path;
}

bool
rig_exists(struct rig *rig, const char *name)
{
	return access(below(rig, name), F_OK) == 0;
}

static bool
has_name(
    struct rig *rig, uint64_t id, void (*name_of)(uint64_t, char[SPOOL_NAME]))
{
	char name[SPOOL_NAME], path[SPOOL_NAME + 8];
	name_of(id, name);
	snprintf(path, sizeof path, "spool/%s", name);
	return rig_exists(rig, path);
}

bool
rig_has_spool(struct rig *rig, uint64_t id)
{
	return has_name(rig, id, spool_name);
}

bool
rig_has_body(struct rig *rig, uint64_t id)
{
	return has_name(rig, id, spool_body_name);
}

size_t
rig_files(struct rig *rig, const char *name)
{
	size_t count = 0;
	DIR *folder = opendir(below(rig, name));
	const struct dirent *entry;
	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return count;
}

/* ---- start and stop ---- */

static void
on_due(struct queue_consumer *consumer, struct queue_item *item)
{
	struct rig *rig = container_of(consumer, struct rig, consumer);
	if (rig->handed_count == RIG_HANDED)
		abort();
	rig->handed[rig->handed_count++] = item;
	rig->handed_ever++;
}

void
rig_open(struct rig *rig)
{
	const char *why = "";
	rig->loop = loop_new();
	rig->io = lane_new(rig->loop, IO_THREADS, BOUND, "io");
	char *store = mem_cstr(str_of(below(rig, "store")));
	rig->store = store_open(rig->loop, store, below(rig, "bad"), &why);
	free(store);
	struct queue_options options = { .data = rig->folder,
		.loop = rig->loop,
		.io = rig->io,
		.store = rig->store,
		.space_reserve = rig->space_reserve };
	rig->queue = rig->store ? queue_open(&options, &why) : NULL;
	if (!rig->queue) {
		fprintf(stderr, "rig: %s\n", why);
		abort();
	}
	rig->handed_count = rig->handed_ever = 0;
}

void
rig_begin(struct rig *rig)
{
	store_start(rig->store);
	queue_start(rig->queue);
	rig->consumer.due = on_due;
	queue_consume(rig->queue, &rig->consumer);
}

void
rig_close(struct rig *rig)
{
	queue_close(rig->queue, CLOSE_MS);
	queue_free(rig->queue);
	store_close(rig->store);
	lane_free(rig->io);
	loop_free(rig->loop);
}

bool
rig_killed(struct rig *rig, void (*life)(struct rig *))
{
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		rig_open(rig);
		rig_begin(rig);
		life(rig);
		_exit(0);
	}
	int status;
	return child > 0 && waitpid(child, &status, 0) == child &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- waiting ---- */

struct waiting {
	struct rig *rig;
	bool (*so)(struct rig *);
	struct timer timer;
	int64_t until;
};

static void
on_look(struct timer *timer)
{
	struct waiting *w = container_of(timer, struct waiting, timer);
	if (w->so(w->rig)) {
		loop_stop(w->rig->loop);
		return;
	}
	if (clock_mono_ms() > w->until) {
		fprintf(stderr, "rig: waited in vain\n");
		abort();
	}
	timer_start(timer, w->rig->loop, 1, on_look);
}

void
rig_until(struct rig *rig, bool (*so)(struct rig *))
{
	struct waiting w = {
		.rig = rig, .so = so, .until = clock_mono_ms() + DEADLINE_MS
	};
	timer_start(&w.timer, rig->loop, 0, on_look);
	loop_run(rig->loop);
	timer_stop(&w.timer);
}

static bool
no_round(struct rig *rig)
{
	return !rig->queue->round;
}

void
rig_checkpoint(struct rig *rig)
{
	rig_until(rig, no_round);
	journal_cut(rig->queue->journal);
	checkpoint_try(rig->queue, true);
	rig_until(rig, no_round);
}

/* ---- adding ---- */

struct adding {
	struct queue_add add;
	struct queue_body body;
	struct rig *rig;
	bool done;
};

static struct adding adding;

static bool
is_added(struct rig *rig)
{
	(void)rig;
	return adding.done;
}

static void
on_added(struct queue_add *add)
{
	(void)add;
	adding.done = true;
}

static struct envelope *
make_envelope(const char *recipients)
{
	struct envelope *e = envelope_new();
	e->sender = STR("ann@sender.example");
	e->received_ms = clock_wall_ms();
	for (const char *c = recipients; *c; c++) {
		struct recipient *r = envelope_add(e);
		r->kind = *c == 'L' ? RECIPIENT_LOCAL : RECIPIENT_REMOTE;
		r->address = STR("bob@remote.example");
		r->original = r->address;
		r->folder = STR("");
	}
	return e;
}

static struct buf
make_body(size_t size)
{
	struct buf b = { 0 };
	buf_adds(&b, "\r\n");
	while (b.n < size)
		buf_adds(&b, "So it goes, line by line.\r\n");
	buf_cut(&b, size);
	return b;
}

static void
on_body(struct queue_body *body)
{
	if (body->error)
		abort();
	adding.done = true;
}

static void
on_drained(struct queue_body *body)
{
	if (body->error)
		abort();
}

static void
send_body(struct rig *rig, uint64_t id, struct buf *bytes)
{
	struct buf first = buf_of(str_sub(buf_str(bytes), 0, bytes->n / 2));
	struct buf second = buf_of(str_from(buf_str(bytes), bytes->n / 2));
	queue_body_start(rig->queue, &adding.body, id, on_drained);
	queue_body_write(&adding.body, &first);
	queue_body_write(&adding.body, &second);
	queue_body_finish(&adding.body, adding.add.message, on_body);
	rig_until(rig, is_added);
	adding.done = false;
	buf_free(bytes);
}

static uint64_t
add(struct rig *rig, struct envelope *e, size_t size)
{
	uint64_t id = queue_new_id(rig->queue);
	adding = (struct adding){ .rig = rig };
	e->id = id;
	adding.add.envelope = e;
	adding.add.message = message_new();
	buf_adds(&adding.add.message->header, "Subject: hello\r\n");
	struct buf body = make_body(size);
	if (size > QUEUE_INLINE)
		send_body(rig, id, &body);
	else
		adding.add.message->body = buf_take(&body);
	queue_add(rig->queue, &adding.add, on_added);
	rig_until(rig, is_added);
	return adding.add.result == QUEUE_ADDED ? id : 0;
}

uint64_t
rig_add(struct rig *rig, const char *recipients, size_t size)
{
	return add(rig, make_envelope(recipients), size);
}

uint64_t
rig_add_bounce(struct rig *rig, const char *recipients, const char *envid)
{
	struct envelope *e = make_envelope(recipients);
	e->flags = ENVELOPE_BOUNCE;
	e->sender = STR("");
	e->envid = str_of(envid);
	return add(rig, e, 100);
}

/* ---- taking ---- */

static uint64_t wanted;

static size_t
find_handed(struct rig *rig, uint64_t id)
{
	size_t i = 0;
	while (i < rig->handed_count && rig->handed[i]->id != id)
		i++;
	return i;
}

bool
rig_is_handed(struct rig *rig, uint64_t id)
{
	return find_handed(rig, id) < rig->handed_count;
}

static bool
wanted_is_handed(struct rig *rig)
{
	return rig_is_handed(rig, wanted);
}

struct queue_item *
rig_handed(struct rig *rig, uint64_t id)
{
	wanted = id;
	rig_until(rig, wanted_is_handed);
	return rig->handed[find_handed(rig, id)];
}

struct settling {
	struct queue_settle settle;
	bool done;
};

static struct settling settling;

static void
on_settled(struct queue_settle *settle)
{
	(void)settle;
	settling.done = true;
}

/* A late placing waits for a round: now rather than at the next tick. */
static bool
is_settled(struct rig *rig)
{
	if (!settling.done)
		checkpoint_try(rig->queue, true);
	return settling.done;
}

static size_t
read_outcomes(const char *states, struct queue_outcome *outcomes)
{
	size_t count = 0;
	for (size_t i = 0; states[i]; i++) {
		const char *letter = strchr(letters, states[i]);
		if (!letter)
			continue;
		outcomes[count++] = (struct queue_outcome){ .recipient = i,
			.state = (enum recipient_state)(letter - letters),
			.text = STR("451 4.0.0 so"),
			.code = 451 };
	}
	return count;
}

void
rig_settle(struct rig *rig, uint64_t id, const char *states, bool give_back,
    int64_t next_ms)
{
	struct queue_outcome outcomes[16];
	struct queue_item *item = rig_handed(rig, id);
	size_t at = find_handed(rig, id);
	settling =
	    (struct settling){ .settle = { .item = item,
				   .count = read_outcomes(states, outcomes),
				   .outcomes = outcomes,
				   .attempted = true,
				   .give_back = give_back,
				   .next_ms = next_ms } };
	if (give_back)
		rig->handed[at] = rig->handed[--rig->handed_count];
	queue_settle(rig->queue, &settling.settle, on_settled);
	rig_until(rig, is_settled);
}

const char *
rig_states(struct rig *rig, uint64_t id)
{
	static char text[32];
	const struct queue_item *item = queue_find(rig->queue, id);
	size_t n = 0;
	for (; item && n < item->count && n + 1 < sizeof text; n++)
		text[n] = letters[item->status[n].state];
	text[n] = '\0';
	return text;
}

struct opening {
	struct queue_open_message open;
	bool done;
};

static struct opening opening;

static void
on_open(struct queue_open_message *open)
{
	(void)open;
	opening.done = true;
}

static bool
is_open(struct rig *rig)
{
	(void)rig;
	return opening.done;
}

static int64_t
count_octets(const struct message *message)
{
	static char piece[4096];
	struct message_reader reader;
	int64_t total = 0;
	long n;
	message_read_start(&reader, message);
	while ((n = message_read(&reader, piece, sizeof piece)) > 0)
		total += n;
	message_read_end(&reader);
	return n < 0 ? -1 : total;
}

int64_t
rig_read(struct rig *rig, uint64_t id)
{
	opening = (struct opening){ .open = { .item = rig_handed(rig, id) } };
	queue_message(rig->queue, &opening.open, on_open);
	rig_until(rig, is_open);
	if (!opening.open.message)
		return -1;
	int64_t size = count_octets(opening.open.message);
	queue_message_release(rig->queue, opening.open.item);
	return size;
}

/* ---- the store ---- */

struct counter {
	struct store_reader reader;
	size_t count;
};

static void
on_pair(struct store_reader *reader, struct str key, struct str value)
{
	(void)key, (void)value;
	container_of(reader, struct counter, reader)->count++;
}

size_t
rig_rows(struct rig *rig)
{
	const char *why;
	struct counter counter = { .reader = { on_pair } };
	char *folder = mem_cstr(str_of(below(rig, "store")));
	struct loop *loop = loop_new();
	struct store *store = store_open(loop, folder, below(rig, "bad"), &why);
	store_scan(store, &counter.reader);
	store_close(store);
	loop_free(loop);
	free(folder);
	return counter.count;
}
