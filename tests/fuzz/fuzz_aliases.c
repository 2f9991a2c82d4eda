/*
 * Any aliases file: the directory is made, or there is an error; every address
 * that resolves leads to accounts that exist and to addresses that aren't ours,
 * each once.
 */
#include "smtpd/local/directory_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define VERIFIER \
	":{SCRAM-SHA-256}15000,MDEy," \
	"2jLIJLf9X/y8uDJx+f+c/Yr0sMPqg1JZecIGzoQev8M=," \
	"3DBrRqXLHbAya0X8izWvWi+4zFsrhnxA5eZRJwRHZQY=\n"

static const char users[] =
    "ann@example.test" VERIFIER "bob@other.test" VERIFIER;

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static void
check_forwards(const struct directory *d, const struct mailbox_list *list)
{
	struct arena arena = { 0 };
	for (size_t i = 0; i < list->forward_count; i++) {
		struct address address;
		const char *why;
		expect(
		    address_parse(list->forwards[i], &arena, &address, &why));
		expect(!directory_is_ours(d, address.domain));
		for (size_t j = 0; j < i; j++)
			expect(!str_eq(list->forwards[i], list->forwards[j]));
	}
	arena_free(&arena);
}

static void
check_entry(const struct directory *d, const struct entry *e)
{
	struct str verifier;
	expect(e->list.count + e->list.forward_count > 0);
	check_forwards(d, &e->list);
	for (size_t i = 0; i < e->list.count; i++) {
		struct str account = e->list.mailboxes[i].account;
		expect(directory_verifier(d, account, &verifier));
		for (size_t j = 0; j < i; j++)
			expect(!str_eq(account, e->list.mailboxes[j].account));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct str domains[] = { { "example.test", 12 },
		{ "other.test", 10 } };
	const struct settings settings = {
		.domain = { 2, domains },
		.delimiter = '+',
		.catchall = STR(""),
	};
	struct buf errors = { 0 };
	struct directory_texts texts = {
		.users = buf_of(str_of(users)),
		.aliases = buf_of((struct str){ (const char *)p, n }),
	};
	struct directory *d = directory_parse(&settings, &texts, &errors);
	expect(!d == (errors.n > 0));
	for (struct map_node *e = NULL; d && (e = map_next(&d->entries, e));)
		check_entry(d, container_of(e, struct entry, node));
	directory_free(d);
	buf_free(&texts.users);
	buf_free(&texts.aliases);
	buf_free(&errors);
	return 0;
}
