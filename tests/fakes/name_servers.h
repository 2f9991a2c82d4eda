/*
 * name_servers.h - name servers that are up or down as a test says.
 *
 * They stand in for lib/net/resolver_server.c: name it in tests/unit/fakes.mk.
 * One that is up answers every question, at once: the root with a name server,
 * any other name with its own port as the last octets of an address, ttl 300
 * and AD.
 */
#ifndef TESTS_FAKES_NAME_SERVERS_H
#define TESTS_FAKES_NAME_SERVERS_H

#include "lib/net/resolver_server.h"

enum fake_state {
	FAKE_UP,
	FAKE_SERVFAIL,
	FAKE_SILENT, /* never there: its questions end without an answer */
	FAKE_HOLDS, /* answers when it is freed, with nothing */
};

void fake_server_set(uint16_t port, enum fake_state); /* all are up at first */
unsigned fake_server_asked(uint16_t port); /* questions since the last call */

#endif
