/*
 * tls_keeper.h - the certificate we show now, read again when its files change.
 *
 * A worker looks at the files; the loop swaps the context.  Connections keep
 * the one they began with.  A bad pair of files leaves the old one in use.
 */
#ifndef LIB_NET_TLS_KEEPER_H
#define LIB_NET_TLS_KEEPER_H

#include "lib/net/jobs.h"
#include "lib/net/tls.h"

struct tls_keeper;

/* Reads the files at once and blocks; without a usable pair the context is
   NULL until there is one. */
struct tls_keeper *tls_keeper_new(
    struct loop *, struct lane *, const char *certificate, const char *key);
void tls_keeper_free(struct tls_keeper *);
/* Where the current context stands; the place stays the same for ever. */
struct tls_context **tls_keeper_now(struct tls_keeper *);
void tls_keeper_start(struct tls_keeper *); /* looks every minute from now on */
void tls_keeper_reload(struct tls_keeper *); /* looks now */
/* "" or why the files as they stand are not in use. */
const char *tls_keeper_trouble(const struct tls_keeper *);

#endif
