/*
 * certificate.c - the self-signed certificate that TLS begins with:
 * tls/cert.pem and tls/key.pem.  When the host name has changed, and before it
 * expires, the same key gets a new one; what somebody else has put there stays.
 */
#include "keygen/keygen.h"

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/name.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

/* Its O: whoever puts a certificate here by hand has another one. */
#define OURS "self-signed"

enum {
	DAYS = 825, /* what strict clients still accept */
	LAST_DAYS = 30, /* when a new one is made */
	EARLY = 3600, /* seconds: their clocks may be slow */
	SERIAL_BITS = 159, /* RFC 5280 4.1.2.2: at most 20 octets, positive */
	CN_MAX = 64, /* RFC 5280 A.1: ub-common-name */
	FILE_LIMIT = 65536,
};

static const char *
tls_path(struct keygen *k, const char *name)
{
	return arena_printf(&k->arena, "%s/tls/%s", k->data, name).p;
}

/* ---- the key ---- */

static EVP_PKEY *
read_key(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	char none[] = ""; /* or OpenSSL would ask the terminal */
	EVP_PKEY *pkey =
	    bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, none) : NULL;
	BIO_free(bio);
	return pkey;
}

/* The key is written first: one without a certificate is what a crash left,
   and is used.  NULL after saying why. */
static EVP_PKEY *
prepare_key(struct keygen *k)
{
	const char *path = tls_path(k, "key.pem");
	EVP_PKEY *pkey;
	if (file_exists(path)) {
		pkey = read_key(path);
		if (!pkey)
			keygen_say(KEYGEN_FAILED, "%s can't be used", path);
		return pkey;
	}
	pkey = EVP_EC_gen("P-256");
	if (pkey && pem_write_key(path, pkey, 0640))
		return pkey;
	keygen_say(KEYGEN_FAILED, "can't make %s: %s", path, strerror(errno));
	EVP_PKEY_free(pkey);
	return NULL;
}

/* ---- the certificate ---- */

static bool
set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	bool good = n &&
	    BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return good;
}

static bool
set_times(X509 *x)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	return X509_time_adj_ex(X509_getm_notBefore(x), 0, -EARLY, &now) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), DAYS, 0, &now);
}

static bool
add_name(X509_NAME *name, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
		   (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool
set_names(X509 *x, const char *common)
{
	X509_NAME *name = X509_get_subject_name(x);
	return add_name(name, "O", OURS) &&
	    (strlen(common) > CN_MAX || add_name(name, "CN", common)) &&
	    X509_set_issuer_name(x, name);
}

static bool
add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool good = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return good;
}

static bool
add_extensions(X509 *x, const char *alternatives)
{
	return add_extension(x, NID_subject_alt_name, alternatives) &&
	    add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(x, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(x, NID_ext_key_usage, "serverAuth") &&
	    add_extension(x, NID_subject_key_identifier, "hash");
}

/* Lower case; false when one of the words is no host name. */
static bool
prepare_names(struct keygen *k, struct str *names, struct buf *list)
{
	for (size_t i = 0; i < k->count; i++) {
		names[i] = arena_lower(&k->arena, str_of(k->words[i]));
		if (!name_is_host(names[i]))
			return false;
		buf_addf(list, "%sDNS:%s", i ? "," : "", names[i].p);
	}
	return true;
}

static X509 *
make_certificate(EVP_PKEY *pkey, const char *common, const char *alternatives)
{
	X509 *x = X509_new();
	if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	    set_times(x) && set_names(x, common) && X509_set_pubkey(x, pkey) &&
	    add_extensions(x, alternatives) && X509_sign(x, pkey, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

/* ---- one that is there ---- */

static X509 *
read_certificate(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return x;
}

static bool
is_ours(const X509 *x)
{
	char text[sizeof OURS + 1] = "";
	X509_NAME *name = X509_get_subject_name(x);
	X509_NAME_get_text_by_NID(
	    name, NID_organizationName, text, sizeof text);
	return strcmp(text, OURS) == 0 &&
	    X509_NAME_cmp(name, X509_get_issuer_name(x)) == 0;
}

static bool
is_near_its_end(const X509 *x)
{
	time_t now = (time_t)(clock_wall_ms() / 1000), end = now;
	ASN1_TIME *last = X509_time_adj_ex(NULL, LAST_DAYS, 0, &end);
	bool near = last && ASN1_TIME_compare(X509_get0_notAfter(x), last) < 0;
	ASN1_TIME_free(last);
	return near;
}

/* May a new one take its place?  Made by us, and for a host name that isn't
   ours any more, or it will soon have expired. */
static bool
is_outdated(const char *path, const char *host)
{
	X509 *x = read_certificate(path);
	bool outdated = x && is_ours(x) &&
	    (X509_check_host(x, host, 0, 0, NULL) != 1 || is_near_its_end(x));
	X509_free(x);
	return outdated;
}

/* Entrypoint asks at every start, so this is told at level debug. */
static enum keygen_exit
leave_alone(const char *path)
{
	log_note(LOG_DEBUG, "keygen", "%s exists", path);
	return KEYGEN_EXISTS;
}

static enum keygen_exit
write_pair(struct keygen *k, const char *common, const char *alternatives)
{
	const char *folder = tls_path(k, ""), *path = tls_path(k, "cert.pem");
	bool there = file_exists(path);
	if (there && !is_outdated(path, common))
		return leave_alone(path);
	if (!file_mkdirs(folder, 0750))
		return keygen_say(KEYGEN_FAILED, "can't make %s: %s", folder,
		    strerror(errno));
	EVP_PKEY *pkey = prepare_key(k);
	if (!pkey)
		return KEYGEN_FAILED;
	X509 *x = make_certificate(pkey, common, alternatives);
	EVP_PKEY_free(pkey);
	if (!x)
		return keygen_say(KEYGEN_FAILED, "OpenSSL made no certificate");
	enum keygen_exit code = KEYGEN_DONE;
	if (!pem_write_certificate(path, x, 0640, there))
		code =
		    keygen_say(errno == EEXIST ? KEYGEN_EXISTS : KEYGEN_FAILED,
			"can't write %s: %s", path, strerror(errno));
	X509_free(x);
	return code;
}

enum keygen_exit
certificate_make(struct keygen *k)
{
	struct buf list = { 0 };
	struct str *names = arena_alloc(&k->arena, k->count * sizeof *names);
	enum keygen_exit code = prepare_names(k, names, &list)
	    ? write_pair(k, names[0].p, buf_cstr(&list))
	    : keygen_say(KEYGEN_USAGE, "a name is no host name");
	buf_free(&list);
	return code;
}

/* ---- TLSA ---- */

/* RFC 6698 2.1: usage 3, selector 1, matching type 1: SHA-256 of the
   certificate's SubjectPublicKeyInfo */
static bool
add_tlsa(struct buf *out, const X509 *x)
{
	unsigned char *der = NULL;
	unsigned char digest[32];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	bool good = n > 0 &&
	    EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	if (!good)
		return false;
	buf_adds(out, "3 1 1 ");
	hex_add(out, (struct str){ (char *)digest, sizeof digest });
	buf_addc(out, '\n');
	return true;
}

enum keygen_exit
certificate_tlsa(struct keygen *k)
{
	const char *path = tls_path(k, "cert.pem");
	if (!file_exists(path))
		return keygen_say(KEYGEN_MISSING, "there is no %s", path);
	X509 *x = read_certificate(path);
	bool good = x && add_tlsa(&k->output, x);
	X509_free(x);
	return good ? KEYGEN_DONE
		    : keygen_say(KEYGEN_FAILED, "%s can't be used", path);
}
