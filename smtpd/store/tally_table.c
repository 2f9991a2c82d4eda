#include "smtpd/store/tally_table.h"

#include "lib/base/arena.h"

#include <stdlib.h>

enum {
	NOTE_VERSION = 1
};

static void
entry_add(struct tally_table *t, struct tally_entry *entry, struct str key)
{
	entry->key = buf_of(key);
	t->bytes += entry->key.n;
	map_add(&t->entries, &entry->node, buf_str(&entry->key));
}

static void
entry_remove(struct tally_table *t, struct tally_entry *entry)
{
	list_remove(&entry->changed);
	map_remove(&t->entries, &entry->node);
	t->bytes -= entry->key.n;
	buf_free(&entry->key);
	buf_free(&entry->value);
}

static bool
has_room(const struct tally_table *t, size_t octets)
{
	return t->entries.count < t->kind->rows &&
	    t->bytes + octets <= t->kind->bytes;
}

/* ---- topics ---- */

/* Those without notes have a key, too: the map's. */
static const char *
topic_tag(const struct tally_table *t)
{
	return t->kind->topic_tag ? t->kind->topic_tag : "";
}

static struct buf
topic_key(const struct tally_table *t, uint32_t day, struct str domain)
{
	struct buf key = { 0 };
	row_key_put(&key, topic_tag(t), day, domain);
	return key;
}

struct tally_node *
tally_table_topic(const struct tally_table *t, uint32_t day, struct str domain)
{
	struct buf key = topic_key(t, day, domain);
	struct map_node *node = map_find(&t->entries, buf_str(&key));
	buf_free(&key);
	return node ? container_of(node, struct tally_node, entry.node) : NULL;
}

static struct tally_node *
add_topic(struct tally_table *t, struct str key)
{
	struct tally_node *topic = mem_alloc(sizeof *topic);
	list_init(&topic->rows);
	list_push(&t->topics, &topic->node);
	entry_add(t, &topic->entry, key);
	struct cursor c = cursor_of(buf_str(&topic->entry.key));
	row_key_get(&c, topic_tag(t), &topic->topic.day, &topic->topic.domain);
	topic->topic.note = STR("");
	return topic;
}

struct tally_node *
tally_table_need_topic(struct tally_table *t, uint32_t day, struct str domain)
{
	struct tally_node *topic = tally_table_topic(t, day, domain);
	struct buf key = topic_key(t, day, domain);
	if (!topic && has_room(t, key.n))
		topic = add_topic(t, buf_str(&key));
	buf_free(&key);
	return topic;
}

bool
tally_table_set_note(struct tally_node *topic, struct str note)
{
	if (str_empty(note) || str_eq(note, topic->topic.note))
		return false;
	buf_clear(&topic->entry.value);
	put_u8(&topic->entry.value, NOTE_VERSION);
	buf_add(&topic->entry.value, note);
	topic->topic.note = str_from(buf_str(&topic->entry.value), 1);
	return true;
}

bool
tally_table_read_note(const struct tally_table *t, struct str key,
    struct str value, struct tally_topic *topic)
{
	struct cursor k = cursor_of(key), v = cursor_of(value);
	if (!t->kind->topic_tag)
		return false;
	row_key_get(&k, t->kind->topic_tag, &topic->day, &topic->domain);
	bool known = cursor_u8(&v) == NOTE_VERSION;
	topic->note = cursor_rest(&v);
	return known && cursor_end(&k) && topic->note.n > 0;
}

void
tally_table_remove(struct tally_table *t, struct tally_node *topic)
{
	struct list_node *n;
	while ((n = list_first(&topic->rows)))
		tally_table_remove_line(
		    t, topic, container_of(n, struct tally_line, node));
	list_remove(&topic->node);
	entry_remove(t, &topic->entry);
	free(topic);
}

/* ---- rows ---- */

struct tally_line *
tally_table_line(const struct tally_table *t, struct str key)
{
	struct map_node *node = map_find(&t->entries, key);
	return node ? container_of(node, struct tally_line, entry.node) : NULL;
}

struct tally_line *
tally_table_add_line(
    struct tally_table *t, struct tally_node *topic, struct str key)
{
	if (topic->count == t->kind->topic_rows || !has_room(t, key.n))
		return NULL;
	struct tally_line *line = mem_alloc(sizeof *line);
	list_push(&topic->rows, &line->node);
	topic->count++;
	entry_add(t, &line->entry, key);
	return line;
}

void
tally_table_set_count(struct tally_line *line, uint64_t count)
{
	line->count = count;
	buf_clear(&line->entry.value);
	row_count_encode(count, &line->entry.value);
}

void
tally_table_remove_line(
    struct tally_table *t, struct tally_node *topic, struct tally_line *line)
{
	list_remove(&line->node);
	topic->count--;
	entry_remove(t, &line->entry);
	free(line);
}

/* ---- the whole ---- */

void
tally_table_open(struct tally_table *t, const struct tally_kind *kind)
{
	*t = (struct tally_table){ .kind = kind };
	list_init(&t->topics);
}

void
tally_table_close(struct tally_table *t)
{
	struct list_node *n;
	while ((n = list_first(&t->topics)))
		tally_table_remove(t, container_of(n, struct tally_node, node));
	map_free(&t->entries);
}
