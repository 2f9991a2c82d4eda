/*
 * Any users file: the directory is made, or there is an error; and no account
 * in it names a folder outside mail/.
 */
#include "smtpd/local/directory_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static void
check_account(const struct directory *d, struct str account)
{
	struct str verifier;
	size_t at = str_find_last(account, '@');
	expect(at > 0 && *account.p != '.' && !str_has(account, '/'));
	expect(directory_is_ours(d, str_from(account, at + 1)));
	expect(directory_verifier(d, account, &verifier));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct str domain[] = { { "example.test", 12 } };
	const struct settings settings = {
		.domain = { 1, domain },
		.delimiter = '+',
		.catchall = STR(""),
	};
	struct buf errors = { 0 };
	struct directory_texts texts = {
		.users = buf_of((struct str){ (const char *)p, n }),
	};
	struct directory *d = directory_parse(&settings, &texts, &errors);
	expect(!d == (errors.n > 0));
	for (struct map_node *u = NULL; d && (u = map_next(&d->users, u));)
		check_account(d, u->key);
	directory_free(d);
	buf_free(&texts.users);
	buf_free(&errors);
	return 0;
}
