#include "smtpd/delivery/policy_store.h"

#include "lib/base/cursor.h"

#include <stdlib.h>

enum {
	VERSION = 1, /* of a value's form */
};

static const struct str prefix = { "sts/", 4 };

/* ---- a policy ---- */

static struct str
write_text(const struct sts_policy *policy, struct arena *arena)
{
	struct buf b = { 0 };
	buf_addf(&b, "version: STSv1\nmode: %s\n", sts_mode_name(policy->mode));
	for (size_t i = 0; i < policy->count; i++)
		buf_addf(&b, "mx: %.*s\n", STR_ARG(policy->mx[i]));
	buf_addf(&b, "max_age: %u\n", (unsigned)policy->max_age);
	struct str text = arena_str(arena, buf_str(&b));
	buf_free(&b);
	return text;
}

struct kept_policy *
kept_policy_new(
    struct str text, struct str id, int64_t wall_ms, const char **why)
{
	struct kept_policy *kept = mem_alloc(sizeof *kept);
	if (!sts_policy_parse(text, &kept->arena, &kept->policy, why)) {
		kept_policy_free(kept);
		return NULL;
	}
	kept->fetched_ms = wall_ms;
	kept->id = arena_str(&kept->arena, id);
	kept->text = write_text(&kept->policy, &kept->arena);
	return kept;
}

void
kept_policy_free(struct kept_policy *kept)
{
	if (!kept)
		return;
	arena_free(&kept->arena);
	free(kept);
}

/* ---- its pair ---- */

void
kept_policy_encode(const struct kept_policy *kept, struct buf *value)
{
	put_u8(value, VERSION);
	put_u64(value, (uint64_t)kept->fetched_ms);
	put_str(value, kept->id);
	put_str(value, kept->text);
}

struct kept_policy *
kept_policy_decode(struct str value)
{
	struct cursor c = cursor_of(value);
	const char *why;
	bool known = cursor_u8(&c) == VERSION;
	uint64_t fetched_ms = cursor_u64(&c);
	struct str id = cursor_str(&c);
	struct str text = cursor_str(&c);
	if (!known || !cursor_end(&c) || fetched_ms > INT64_MAX / 2 ||
	    id.n > STS_MAX_ID)
		return NULL;
	return kept_policy_new(text, id, (int64_t)fetched_ms, &why);
}

bool
kept_policy_key(struct str key, struct str *domain)
{
	*domain = str_from(key, prefix.n);
	return str_starts(key, prefix);
}

static void
on_written(struct store_write *write)
{
	buf_free(&write->key);
	buf_free(&write->value);
	free(write);
}

/* One that is lost is fetched again when it is needed. */
void
kept_policy_write(
    struct store *store, struct str domain, const struct kept_policy *kept)
{
	struct store_write *w = mem_alloc(sizeof *w);
	buf_add(&w->key, prefix);
	buf_add(&w->key, domain);
	if (kept)
		kept_policy_encode(kept, &w->value);
	store_write(store, w, on_written);
}
