/*
 * scram_client.h - libsasl2's own client, for SCRAM with and without a channel
 * binding (of type tls-exporter).
 */
#ifndef TESTS_UNIT_SCRAM_CLIENT_H
#define TESTS_UNIT_SCRAM_CLIENT_H

#include "lib/base/str.h"

#include <sasl/sasl.h>

struct scram_client {
	sasl_conn_t *sasl;
	const char *user;
	sasl_secret_t *password;
	sasl_callback_t callbacks[4];
	sasl_channel_binding_t binding;
};

/* All are kept by the caller; binding "" for none. */
void scram_client_open(struct scram_client *, const char *user,
    const char *password, struct str binding);
void scram_client_close(struct scram_client *);
/* What it says next, raw, until the next step. */
struct str scram_client_start(struct scram_client *, const char *mechanism);
struct str scram_client_step(struct scram_client *, struct str challenge);

#endif
