#include "tests/fakes/store.h"

#include "lib/base/arena.h"
#include "tests/fakes/power.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROWS = 256,
	KEY = 8,
	VALUE = 2048
};

struct version {
	char bytes[VALUE];
	size_t n; /* 0: not there */
};

struct fake_row {
	char key[KEY];
	struct version disk, cache;
};

struct rows {
	struct fake_row rows[ROWS];
	size_t count;
};

static struct rows *rows;

struct store {
	struct loop *loop;
	struct later later;
	struct list waiting;
};

static struct fake_row *
find(struct str key)
{
	for (size_t i = 0; i < rows->count; i++)
		if (memcmp(rows->rows[i].key, key.p, KEY) == 0)
			return &rows->rows[i];
	if (key.n != KEY || rows->count == ROWS)
		abort();
	struct fake_row *row = &rows->rows[rows->count++];
	memcpy(row->key, key.p, KEY);
	return row;
}

struct store *
store_open(struct loop *loop, const char *folder, const char *bad_folder,
    const char **why)
{
	(void)folder, (void)bad_folder, (void)why;
	struct store *store = mem_alloc(sizeof *store);
	store->loop = loop;
	list_init(&store->waiting);
	return store;
}

void
store_scan(struct store *store, struct store_reader *reader)
{
	(void)store;
	for (size_t i = 0; i < rows->count; i++) {
		const struct fake_row *row = &rows->rows[i];
		if (row->cache.n)
			reader->pair(reader, (struct str){ row->key, KEY },
			    (struct str){ row->cache.bytes, row->cache.n });
	}
}

void
store_start(struct store *store)
{
	(void)store;
}

static void
apply(struct store_write *w)
{
	struct fake_row *row = find(buf_str(&w->key));
	if (w->value.n > VALUE)
		abort();
	row->cache.n = w->value.n;
	if (w->value.n)
		memcpy(row->cache.bytes, w->value.p, w->value.n);
}

static void
flush(void)
{
	for (size_t i = 0; i < rows->count; i++)
		rows->rows[i].disk = rows->rows[i].cache;
}

static void
answer(struct list *batch, enum store_result result)
{
	struct list_node *node;
	while ((node = list_pop(batch))) {
		struct store_write *w =
		    container_of(node, struct store_write, node);
		w->result = result;
		if (result == STORE_DONE) {
			buf_free(&w->key);
			buf_free(&w->value);
		}
		w->done(w);
	}
}

static void
on_batch(struct later *later)
{
	struct store *store = container_of(later, struct store, later);
	struct list batch;
	struct list_node *node;
	list_init(&batch);
	while ((node = list_pop(&store->waiting)))
		list_push(&batch, node);
	if (power_is_full()) {
		answer(&batch, STORE_FULL);
		return;
	}
	for (node = list_first(&batch); node; node = list_next(&batch, node))
		apply(container_of(node, struct store_write, node));
	power_point();
	flush();
	power_point();
	answer(&batch, STORE_DONE);
}

void
store_write(struct store *store, struct store_write *w,
    void (*done)(struct store_write *))
{
	w->done = done;
	list_push(&store->waiting, &w->node);
	loop_later(store->loop, &store->later, on_batch);
}

void
store_close(struct store *store)
{
	later_cancel(&store->later);
	free(store);
}

void
fake_store_begin(void)
{
	rows = power_alloc(sizeof *rows);
}

/* What wasn't flushed may be there or not. */
void
fake_store_end(bool lost)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct fake_row *row = &rows->rows[i];
		if (power_random(2))
			row->disk = row->cache;
		if (lost)
			row->disk.n = 0;
		row->cache = row->disk;
	}
}

size_t
fake_store_rows(void)
{
	size_t count = 0;
	for (size_t i = 0; i < rows->count; i++)
		count += rows->rows[i].cache.n > 0;
	return count;
}
