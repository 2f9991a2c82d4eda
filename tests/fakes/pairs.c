#include "tests/fakes/pairs.h"

#include "lib/base/arena.h"
#include "lib/base/map.h"

#include <stdlib.h>

struct pair {
	struct map_node node;
	struct buf key, value;
};

struct store {
	struct loop *loop;
	struct later later;
	struct list waiting;
	struct map pairs;
};

struct fake_pairs fake_pairs;
static struct store store;

void
fake_pairs_open(struct loop *loop)
{
	fake_pairs = (struct fake_pairs){ .store = &store };
	store = (struct store){ .loop = loop };
	list_init(&store.waiting);
}

static void
take_out(struct str key)
{
	struct map_node *node = map_find(&store.pairs, key);
	if (!node)
		return;
	struct pair *pair = container_of(node, struct pair, node);
	map_remove(&store.pairs, node);
	buf_free(&pair->key);
	buf_free(&pair->value);
	free(pair);
}

void
fake_pairs_put(struct str key, struct str value)
{
	take_out(key);
	if (value.n > 0) {
		struct pair *pair = mem_alloc(sizeof *pair);
		pair->key = buf_of(key);
		pair->value = buf_of(value);
		map_add(&store.pairs, &pair->node, buf_str(&pair->key));
	}
	fake_pairs.count = store.pairs.count;
}

bool
fake_pairs_has(struct str key)
{
	return map_find(&store.pairs, key) != NULL;
}

static void
on_later(struct later *later)
{
	struct list_node *node;
	(void)later;
	while (!fake_pairs.hold && (node = list_pop(&store.waiting))) {
		struct store_write *w =
		    container_of(node, struct store_write, node);
		fake_pairs.writes++;
		w->result = fake_pairs.result;
		if (w->result == STORE_DONE) {
			fake_pairs_put(buf_str(&w->key), buf_str(&w->value));
			buf_free(&w->key);
			buf_free(&w->value);
		}
		w->done(w);
	}
}

void
store_write(
    struct store *s, struct store_write *w, void (*done)(struct store_write *))
{
	w->done = done;
	list_push(&s->waiting, &w->node);
	loop_later(s->loop, &s->later, on_later);
}

void
fake_pairs_let_go(void)
{
	fake_pairs.hold = false;
	loop_later(store.loop, &store.later, on_later);
}

static int
by_key(const void *a, const void *b)
{
	const struct pair *const *x = a, *const *y = b;
	return str_cmp(buf_str(&(*x)->key), buf_str(&(*y)->key));
}

void
store_scan(struct store *s, struct store_reader *reader)
{
	size_t count = 0;
	struct map_node *node = NULL;
	struct pair **all = mem_array(NULL, s->pairs.count + 1, sizeof *all);
	while ((node = map_next(&s->pairs, node)))
		all[count++] = container_of(node, struct pair, node);
	qsort(all, count, sizeof *all, by_key);
	for (size_t i = 0; i < count; i++)
		reader->pair(
		    reader, buf_str(&all[i]->key), buf_str(&all[i]->value));
	free(all);
}

void
fake_pairs_close(void)
{
	struct map_node *node;
	while ((node = map_next(&store.pairs, NULL)))
		take_out(node->key);
	map_free(&store.pairs);
	later_cancel(&store.later);
}
