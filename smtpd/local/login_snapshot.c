#include "lib/base/codec.h"
#include "smtpd/local/directory_private.h"
#include "smtpd/local/login_private.h"
#include "smtpd/local/login_verifier.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	INVENTED_SALT = 16
};

struct account {
	struct map_node node;
	struct str verifier;
};

void
snapshot_open(struct snapshot *s, const struct secret *secret)
{
	*s = (struct snapshot){ 0 };
	pthread_mutex_init(&s->lock, NULL);
	secret_derive(secret, "invented salts", s->secret, sizeof s->secret);
}

void
snapshot_close(struct snapshot *s)
{
	map_free(&s->accounts);
	arena_free(&s->arena);
	pthread_mutex_destroy(&s->lock);
}

/* Copies what a directory that may go at any time holds. */
void
snapshot_take(struct snapshot *s, const struct directory *d)
{
	struct map accounts = { 0 };
	struct arena arena = { 0 };
	for (struct map_node *n = NULL; (n = map_next(&d->users, n));) {
		struct user *user = container_of(n, struct user, node);
		struct account *account = arena_alloc(&arena, sizeof *account);
		account->verifier = arena_str(&arena, user->verifier);
		map_add(&accounts, &account->node, arena_str(&arena, n->key));
	}
	pthread_mutex_lock(&s->lock);
	map_free(&s->accounts);
	arena_free(&s->arena);
	s->accounts = accounts;
	s->arena = arena;
	pthread_mutex_unlock(&s->lock);
}

static void
add_key(struct buf *out, const uint8_t *bytes, size_t n)
{
	buf_addc(out, ',');
	base64_add(out, (struct str){ (const char *)bytes, n });
}

/* RFC 5802 9: who asks about an unknown user must not learn that it is one */
static void
invent(const struct snapshot *s, struct str account, char text[LOGIN_VERIFIER])
{
	uint8_t hash[VERIFIER_HASH], key[VERIFIER_HASH];
	struct buf out = { 0 };
	if (!HMAC(EVP_sha256(), s->secret, sizeof s->secret,
		(const uint8_t *)account.p, account.n, hash, NULL) ||
	    !HMAC(EVP_sha256(), s->secret, sizeof s->secret, hash, sizeof hash,
		key, NULL))
		abort();
	buf_addf(&out, "%d", ITERATIONS_MIN);
	add_key(&out, hash, INVENTED_SALT);
	add_key(&out, key, sizeof key);
	add_key(&out, key, sizeof key);
	snprintf(text, LOGIN_VERIFIER, "%s", buf_cstr(&out));
	buf_free(&out);
}

void
snapshot_verifier(
    struct snapshot *s, struct str account, char text[LOGIN_VERIFIER])
{
	pthread_mutex_lock(&s->lock);
	struct map_node *node = map_find(&s->accounts, account);
	if (node)
		snprintf(text, LOGIN_VERIFIER, "%s",
		    container_of(node, struct account, node)->verifier.p);
	pthread_mutex_unlock(&s->lock);
	if (!node)
		invent(s, account, text);
}
