#include "tests/unit/tls_pair.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *
create(const char *folder, const char *name, const char *what)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s.%s.pem", folder, name, what);
	FILE *file = fopen(path, "w");
	if (!file)
		abort();
	return file;
}

static void
add_name(X509 *x, const char *name)
{
	char value[300];
	X509_NAME *subject = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, subject);
	snprintf(value, sizeof value, "DNS:%s", name);
	X509_EXTENSION *e =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

void
tls_pair_make(const char *folder, const char *name)
{
	tls_pair_make_until(folder, name, 86400);
}

void
tls_pair_make_until(const char *folder, const char *name, long seconds)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	X509_set_pubkey(x, key);
	add_name(x, name);
	X509_sign(x, key, EVP_sha256());
	FILE *file = create(folder, name, "cert");
	PEM_write_X509(file, x);
	fclose(file);
	file = create(folder, name, "key");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(x);
	EVP_PKEY_free(key);
}
