/*
 * resolver_server.h - private to resolver*.c: one name server, asked through
 * c-ares.  It knows neither names nor records.
 */
#ifndef LIB_NET_RESOLVER_SERVER_H
#define LIB_NET_RESOLVER_SERVER_H

#include "lib/base/ip.h"
#include "lib/net/loop.h"

enum {
	SERVER_PACKET = 1232, /* octets; what passes any path in one piece.  A
				 larger answer is asked for again, over TCP */
	SERVER_ASKED = 4096, /* questions under way, then it is full */
};

struct server;

struct server_question { /* a member of its owner, which stays until the end */
	/* The message as it came, valid during the call; p is NULL when there
	   was none.  Comes once, and maybe from within the start. */
	void (*answered)(struct server_question *, struct str message);
};

struct server *resolver_server_new(struct loop *, struct ip, uint16_t port);
void resolver_server_free(
    struct server *); /* answers what is open with nothing */
/* Questions wait for ten seconds when a zone is dead, and whoever had them
   asked may have gone, and come again. */
bool resolver_server_is_full(const struct server *);
void resolver_server_ask(
    struct server *, struct server_question *, struct str query);

#endif
