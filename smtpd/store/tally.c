#include "smtpd/store/tally.h"

#include "lib/base/arena.h"
#include "smtpd/store/tally_table.h"

#include <stdlib.h>

enum {
	WRITE_MS = 10000, /* a kill costs no more */
};

struct pair_write { /* on its way to the store */
	struct store_write write;
	struct tally *tally; /* NULL: it is gone */
	struct list_node node;
};

struct tally {
	struct loop *loop;
	struct store *store;
	struct tally_table table;
	struct list changed, writes;
	struct list refused; /* removals that found no space */
	struct timer timer;
	uint32_t today;
	uint64_t dropped;
	bool stopping;
	void (*idle)(struct tally *);
	struct later later;
	struct store_reader reader;
};

/* ---- writing ---- */

static void
on_idle(struct later *later)
{
	struct tally *t = container_of(later, struct tally, later);
	void (*idle)(struct tally *) = t->idle;
	t->idle = NULL;
	idle(t);
}

static void
rest(struct tally *t)
{
	if (t->idle && list_empty(&t->writes))
		loop_later(t->loop, &t->later, on_idle);
}

static void on_timer(struct timer *);

static void
write_later(struct tally *t)
{
	if (!timer_pending(&t->timer))
		timer_start(&t->timer, t->loop, WRITE_MS, on_timer);
}

static void
mark(struct tally *t, struct tally_entry *entry)
{
	if (list_linked(&entry->changed))
		return;
	list_push(&t->changed, &entry->changed);
	write_later(t);
}

static void
write_free(struct pair_write *w)
{
	buf_free(&w->write.key);
	buf_free(&w->write.value);
	free(w);
}

/* What was removed and stays in the store would be reported again after the
   next start. */
static void
try_again(struct tally *t, struct pair_write *w)
{
	struct map_node *node =
	    map_find(&t->table.entries, buf_str(&w->write.key));
	if (node)
		mark(t, container_of(node, struct tally_entry, node));
	if (node || w->write.value.n > 0) {
		write_free(w);
		return;
	}
	list_push(&t->refused, &w->node);
	write_later(t);
}

static void
on_written(struct store_write *write)
{
	struct pair_write *w = container_of(write, struct pair_write, write);
	struct tally *t = w->tally;
	list_remove(&w->node);
	if (t && write->result == STORE_FULL && !t->stopping)
		try_again(t, w);
	else
		write_free(w);
	if (t)
		rest(t);
}

/* An empty value takes the pair out. */
static void
write_pair(struct tally *t, struct str key, struct str value)
{
	struct pair_write *w = mem_alloc(sizeof *w);
	w->tally = t;
	w->write.key = buf_of(key);
	w->write.value = buf_of(value);
	list_push(&t->writes, &w->node);
	store_write(t->store, &w->write, on_written);
}

/* What has been counted anew since then stays. */
static void
remove_refused(struct tally *t)
{
	struct list_node *n;
	while ((n = list_pop(&t->refused))) {
		struct pair_write *w = container_of(n, struct pair_write, node);
		if (!map_find(&t->table.entries, buf_str(&w->write.key)))
			write_pair(t, buf_str(&w->write.key), STR(""));
		write_free(w);
	}
}

static void
write_changed(struct tally *t)
{
	struct list_node *n;
	timer_stop(&t->timer);
	remove_refused(t);
	while ((n = list_pop(&t->changed))) {
		struct tally_entry *e =
		    container_of(n, struct tally_entry, changed);
		write_pair(t, buf_str(&e->key), buf_str(&e->value));
	}
}

static void
on_timer(struct timer *timer)
{
	write_changed(container_of(timer, struct tally, timer));
}

/* ---- forgetting: on the disk, too ---- */

static void
forget_line(struct tally *t, struct tally_node *topic, struct tally_line *line)
{
	write_pair(t, buf_str(&line->entry.key), STR(""));
	tally_table_remove_line(&t->table, topic, line);
}

static void
forget_topic(struct tally *t, struct tally_node *topic)
{
	struct list_node *n;
	while ((n = list_first(&topic->rows)))
		forget_line(t, topic, container_of(n, struct tally_line, node));
	if (topic->entry.value.n > 0)
		write_pair(t, buf_str(&topic->entry.key), STR(""));
	tally_table_remove(&t->table, topic);
}

void
tally_expire(struct tally *t, uint32_t today)
{
	struct list_node *n = list_first(&t->table.topics), *next;
	t->today = today;
	for (; n; n = next) {
		struct tally_node *topic =
		    container_of(n, struct tally_node, node);
		next = list_next(&t->table.topics, n);
		if (topic->topic.day + t->table.kind->days < today)
			forget_topic(t, topic);
	}
}

/* ---- counting ---- */

static bool
count_line(struct tally *t, const struct tally_topic *where, struct str key)
{
	struct tally_node *topic =
	    tally_table_need_topic(&t->table, where->day, where->domain);
	if (!topic)
		return false;
	if (tally_table_set_note(topic, where->note))
		mark(t, &topic->entry);
	struct tally_line *line = tally_table_line(&t->table, key);
	if (!line)
		line = tally_table_add_line(&t->table, topic, key);
	if (!line)
		return false;
	tally_table_set_count(line, line->count + 1);
	mark(t, &line->entry);
	return true;
}

bool
tally_count(struct tally *t, const struct tally_topic *where, struct str key)
{
	if (where->day != t->today)
		tally_expire(t, where->day);
	bool counted = count_line(t, where, key);
	if (!counted)
		t->dropped++;
	return counted;
}

uint64_t
tally_dropped(const struct tally *t)
{
	return t->dropped;
}

/* ---- from and to the disk ---- */

/* In the store rows may come before the notes: a row's topic has none yet. */
static void
load_line(struct tally *t, struct str key, struct str value)
{
	struct cursor c = cursor_of(key);
	uint32_t day;
	uint64_t count;
	struct str domain;
	row_key_get(&c, t->table.kind->row_tag, &day, &domain);
	if (c.failed || !row_count_decode(value, &count))
		return;
	struct tally_node *topic =
	    tally_table_need_topic(&t->table, day, domain);
	struct tally_line *line =
	    topic ? tally_table_add_line(&t->table, topic, key) : NULL;
	if (line)
		tally_table_set_count(line, count);
}

static void
on_pair(struct store_reader *reader, struct str key, struct str value)
{
	struct tally *t = container_of(reader, struct tally, reader);
	struct tally_topic where;
	if (!tally_table_read_note(&t->table, key, value, &where)) {
		load_line(t, key, value);
		return;
	}
	struct tally_node *topic =
	    tally_table_need_topic(&t->table, where.day, where.domain);
	if (topic)
		tally_table_set_note(topic, where.note);
}

struct tally *
tally_open(struct loop *loop, struct store *soft, const struct tally_kind *kind)
{
	struct tally *t = mem_alloc(sizeof *t);
	t->loop = loop;
	t->store = soft;
	tally_table_open(&t->table, kind);
	list_init(&t->changed);
	list_init(&t->writes);
	list_init(&t->refused);
	t->reader.pair = on_pair;
	store_scan(soft, &t->reader);
	return t;
}

void
tally_stop(struct tally *t, void (*idle)(struct tally *))
{
	t->stopping = true;
	t->idle = idle;
	write_changed(t);
	rest(t);
}

void
tally_free(struct tally *t)
{
	struct list_node *n;
	if (!t)
		return;
	timer_stop(&t->timer);
	later_cancel(&t->later);
	while ((n = list_pop(&t->writes)))
		container_of(n, struct pair_write, node)->tally = NULL;
	while ((n = list_pop(&t->refused)))
		write_free(container_of(n, struct pair_write, node));
	tally_table_close(&t->table);
	free(t);
}

/* ---- for a report ---- */

const struct tally_topic *
tally_next(struct tally *t, const struct tally_topic *after)
{
	struct tally_node *topic = after
	    ? tally_table_topic(&t->table, after->day, after->domain)
	    : NULL;
	struct list_node *n = topic ? list_next(&t->table.topics, &topic->node)
				    : list_first(&t->table.topics);
	return n ? &container_of(n, struct tally_node, node)->topic : NULL;
}

const struct tally_topic *
tally_find(const struct tally *t, uint32_t day, struct str domain)
{
	struct tally_node *topic = tally_table_topic(&t->table, day, domain);
	return topic ? &topic->topic : NULL;
}

static int
by_key(const void *a, const void *b)
{
	const struct row_counted *x = a, *y = b;
	return str_cmp(buf_str(&x->key), buf_str(&y->key));
}

void
tally_copy(const struct tally *t, const struct tally_topic *where,
    struct row_sheet *sheet)
{
	struct tally_node *topic =
	    tally_table_topic(&t->table, where->day, where->domain);
	*sheet = (struct row_sheet){ 0 };
	if (!topic || topic->count == 0)
		return;
	sheet->rows = mem_alloc(topic->count * sizeof *sheet->rows);
	for (struct list_node *n = list_first(&topic->rows); n;
	     n = list_next(&topic->rows, n)) {
		struct tally_line *line =
		    container_of(n, struct tally_line, node);
		struct row_counted *row = &sheet->rows[sheet->count++];
		row->key = buf_of(buf_str(&line->entry.key));
		row->count = line->count;
	}
	qsort(sheet->rows, sheet->count, sizeof *sheet->rows, by_key);
}

void
tally_deduct(struct tally *t, uint32_t day, struct str domain,
    const struct row_sheet *sheet)
{
	struct tally_node *topic = tally_table_topic(&t->table, day, domain);
	for (size_t i = 0; topic && i < sheet->count; i++) {
		const struct row_counted *row = &sheet->rows[i];
		struct tally_line *line =
		    tally_table_line(&t->table, buf_str(&row->key));
		if (line && line->count > row->count) {
			tally_table_set_count(line, line->count - row->count);
			mark(t, &line->entry);
		} else if (line) {
			forget_line(t, topic, line);
		}
	}
	if (topic && topic->count == 0)
		forget_topic(t, topic);
}
