#include "smtpd/local/secret.h"

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 1024, /* octets; somebody may have edited it */
};

static void
wipe(struct buf *buf)
{
	if (buf->cap > 0)
		OPENSSL_cleanse(buf->p, buf->cap);
	buf_free(buf);
}

bool
secret_read(struct secret *secret, const char *path, const char **why)
{
	struct buf text = { 0 }, octets = { 0 };
	bool read = file_read(path, FILE_MAX, &text);
	*why = read ? "it is not 64 hexadecimal digits" : strerror(errno);
	bool good = read && hex_read(&octets, str_trim(buf_str(&text))) &&
	    octets.n == SECRET_SIZE;
	if (good)
		memcpy(secret->octets, octets.p, SECRET_SIZE);
	else
		random_bytes(secret->octets, SECRET_SIZE);
	wipe(&text);
	wipe(&octets);
	return good;
}

void
secret_derive(
    const struct secret *secret, const char *label, void *key, size_t size)
{
	uint8_t mac[SECRET_SIZE];
	struct str text = str_of(label);
	if (size > sizeof mac ||
	    !HMAC(EVP_sha256(), secret->octets, SECRET_SIZE,
		(const uint8_t *)text.p, text.n, mac, NULL))
		abort();
	memcpy(key, mac, size);
	OPENSSL_cleanse(mac, sizeof mac);
}
