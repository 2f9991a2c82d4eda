/*
 * tls_pair.h - a key and a self-signed certificate for tests.
 */
#ifndef TESTS_UNIT_TLS_PAIR_H
#define TESTS_UNIT_TLS_PAIR_H

/* Writes folder/NAME.cert.pem and folder/NAME.key.pem, valid for NAME. */
void tls_pair_make(const char *folder, const char *name);
/* Valid until so many seconds from now, perhaps before it. */
void tls_pair_make_until(const char *folder, const char *name, long seconds);

#endif
