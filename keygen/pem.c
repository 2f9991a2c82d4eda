/*
 * pem.c - keys and certificates as text, into files.
 */
#include "keygen/keygen.h"

#include "lib/base/file.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Frees the memory that holds the text. */
static bool
save(BIO *bio, bool encoded, const char *path, mode_t mode, bool replace)
{
	char *text;
	bool (*write)(const char *, struct str, mode_t, uid_t, gid_t) =
	    replace ? file_replace : file_create;
	bool good = false;
	int error = ENOMEM; /* what else should keep OpenSSL from encoding it */
	if (encoded) {
		long n = BIO_get_mem_data(bio, &text);
		good = write(path, (struct str){ text, (size_t)n }, mode,
		    (uid_t)-1, (gid_t)-1);
		error = errno;
	}
	BIO_free(bio);
	errno = error;
	return good;
}

bool
pem_write_key(const char *path, EVP_PKEY *pkey, mode_t mode)
{
	BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when it is freed */
	bool encoded = bio &&
	    PEM_write_bio_PKCS8PrivateKey(
		bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;
	return save(bio, encoded, path, mode, false);
}

bool
pem_write_certificate(const char *path, X509 *x, mode_t mode, bool replace)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return save(
	    bio, bio && PEM_write_bio_X509(bio, x) == 1, path, mode, replace);
}
