/*
 * keygen.h - what the parts of keygen share.
 *
 * One command a run.  What exists is never overwritten, but for a self-signed
 * certificate that is of no more use, and what is written is there whole or
 * not at all.
 */
#ifndef KEYGEN_KEYGEN_H
#define KEYGEN_KEYGEN_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

#include <sys/types.h>

struct evp_pkey_st; /* OpenSSL's */
struct x509_st;

enum keygen_exit {
	KEYGEN_DONE = 0,
	KEYGEN_FAILED = 1,
	KEYGEN_USAGE = 2,
	KEYGEN_MISSING = 3,
	KEYGEN_EXISTS = 4,
	KEYGEN_SETTINGS = 78,
};

struct keygen {
	const char *data; /* the folder */
	size_t count;
	char **words; /* behind the command */
	struct buf output; /* for stdout */
	struct arena arena;
};

/* Says why on stderr, and returns the code.  That a key is missing is what
   entrypoint asks at every start: only told at level debug. */
enum keygen_exit keygen_say(enum keygen_exit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- pem.c ---- */
/* They create the file; EEXIST when it is there, unless it is to be replaced.
 */
bool pem_write_key(const char *path, struct evp_pkey_st *, mode_t);
bool pem_write_certificate(
    const char *path, struct x509_st *, mode_t, bool replace);

/* ---- dkim.c ---- */
enum keygen_exit dkim_make(struct keygen *); /* DOMAIN SELECTOR [--type T] */
enum keygen_exit dkim_show(struct keygen *); /* DOMAIN SELECTOR */

/* ---- certificate.c ---- */
enum keygen_exit certificate_make(struct keygen *); /* NAME... */
enum keygen_exit certificate_tlsa(struct keygen *);

#endif
