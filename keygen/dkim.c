/*
 * dkim.c - DKIM keys: keys/<domain>/<selector>.pem, and their records.
 */
#include "keygen/keygen.h"

#include "lib/base/file.h"
#include "lib/base/name.h"
#include "lib/trust/dkim_key.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

static const struct key_type {
	const char *name, *algorithm;
	size_t bits;
} key_types[] = {
	{ "rsa2048", "RSA", 2048 }, /* the default */
	{ "rsa4096", "RSA", 4096 },
	{ "ed25519", "ED25519", 0 }, /* OpenSSL doesn't look at the bits */
};

static const struct key_type *
find_type(const struct keygen *k)
{
	if (k->count == 2)
		return &key_types[0];
	if (k->count != 4 || strcmp(k->words[2], "--type") != 0)
		return NULL;
	for (size_t i = 0; i < sizeof key_types / sizeof *key_types; i++)
		if (strcmp(k->words[3], key_types[i].name) == 0)
			return &key_types[i];
	return NULL;
}

/* The key's file, or NULL after saying why there is none.  *folder: its
   domain's. */
static const char *
key_path(struct keygen *k, const char **folder)
{
	struct str domain = str_of(k->words[0]), selector = str_of(k->words[1]);
	if (!name_is_host(domain)) {
		keygen_say(KEYGEN_USAGE, "%s is no domain", k->words[0]);
		return NULL;
	}
	if (!name_is_dns(selector) || str_has(selector, '.')) {
		keygen_say(KEYGEN_USAGE, "%s is no selector", k->words[1]);
		return NULL;
	}
	domain = arena_lower(&k->arena, domain);
	*folder = arena_printf(&k->arena, "%s/keys/%s", k->data, domain.p).p;
	return arena_printf(&k->arena, "%s/%s.pem", *folder, k->words[1]).p;
}

static bool
make_folders(struct keygen *k, const char *folder)
{
	const char *keys = arena_printf(&k->arena, "%s/keys", k->data).p;
	return file_mkdirs(keys, 0700) && file_mkdirs(folder, 0700) &&
	    file_sync_folder(keys);
}

static enum keygen_exit
write_key(struct keygen *k, const struct dkim_key *key, const char *path)
{
	if (!dkim_key_record(key, &k->output))
		return keygen_say(KEYGEN_FAILED, "OpenSSL can't encode it");
	buf_addc(&k->output, '\n');
	if (pem_write_key(path, key->pkey, 0400))
		return KEYGEN_DONE;
	return keygen_say(errno == EEXIST ? KEYGEN_EXISTS : KEYGEN_FAILED,
	    "can't write %s: %s", path, strerror(errno));
}

enum keygen_exit
dkim_make(struct keygen *k)
{
	const char *folder, *path = key_path(k, &folder);
	const struct key_type *type = find_type(k);
	struct dkim_key key;
	if (!path)
		return KEYGEN_USAGE;
	if (!type)
		return keygen_say(
		    KEYGEN_USAGE, "--type is rsa2048, rsa4096 or ed25519");
	if (file_exists(path)) /* before the work; it is looked at again */
		return keygen_say(KEYGEN_EXISTS, "%s exists", path);
	if (!make_folders(k, folder))
		return keygen_say(KEYGEN_FAILED, "can't make %s: %s", folder,
		    strerror(errno));
	const char *why = dkim_key_of(
	    &key, EVP_PKEY_Q_keygen(NULL, NULL, type->algorithm, type->bits));
	if (why)
		return keygen_say(
		    KEYGEN_FAILED, "OpenSSL made no usable key: %s", why);
	enum keygen_exit code = write_key(k, &key, path);
	dkim_key_free(&key);
	return code;
}

enum keygen_exit
dkim_show(struct keygen *k)
{
	const char *folder, *path = key_path(k, &folder);
	struct dkim_key key;
	if (!path)
		return KEYGEN_USAGE;
	if (!file_exists(path))
		return keygen_say(KEYGEN_MISSING, "there is no %s", path);
	const char *why = dkim_key_read(&key, path);
	if (why)
		return keygen_say(
		    KEYGEN_FAILED, "the key %s can't be used: %s", path, why);
	bool good = dkim_key_record(&key, &k->output);
	buf_addc(&k->output, '\n');
	dkim_key_free(&key);
	return good ? KEYGEN_DONE
		    : keygen_say(KEYGEN_FAILED, "OpenSSL can't encode it");
}
