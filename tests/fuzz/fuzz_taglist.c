/*
 * Tag lists of any bytes: what is read is in the text, once each, in order,
 * and gives the same list when it is written again.
 */
#include "lib/mail/taglist.h"

#include "lib/base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool fact)
{
	if (!fact)
		abort();
}

static void
check_tags(struct str text, const struct taglist *list)
{
	const char *at = text.p;
	check(list->count > 0 && list->count <= TAGLIST_MAX);
	for (size_t i = 0; i < list->count; i++) {
		const struct tag *tag = &list->tags[i];
		check(tag->name.p >= at && tag->name.n > 0);
		at = tag->name.p + tag->name.n;
		check(tag->value.n == 0 || tag->value.p > at);
		if (tag->value.n > 0)
			at = tag->value.p + tag->value.n;
		check(at <= text.p + text.n);
		check(!str_has(tag->value, ';'));
		for (size_t j = 0; j < i; j++)
			check(!str_eq(list->tags[j].name, tag->name));
	}
}

static void
check_again(const struct taglist *list, struct arena *arena)
{
	struct buf text = { 0 };
	struct taglist again;
	const char *why;
	for (size_t i = 0; i < list->count; i++) {
		buf_add(&text, list->tags[i].name);
		buf_addc(&text, '=');
		buf_add(&text, taglist_squeeze(list->tags[i].value, arena));
		buf_addc(&text, ';');
	}
	check(taglist_parse(buf_str(&text), arena, &again, &why));
	check(again.count == list->count);
	for (size_t i = 0; i < list->count; i++)
		check(str_eq(again.tags[i].value,
		    taglist_squeeze(list->tags[i].value, arena)));
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena arena = { 0 };
	struct taglist list;
	const char *why = NULL;
	if (taglist_parse(text, &arena, &list, &why)) {
		check_tags(text, &list);
		check_again(&list, &arena);
		check(taglist_find(&list, "p").n <= size);
	} else {
		check(why != NULL);
	}
	arena_free(&arena);
	return 0;
}
