/*
 * peers.h - other mail servers, as a table.
 *
 * It stands in for lib/net/dial.c and smtpd/smtp/client*.c: name it in
 * tests/unit/fakes.mk with story.  Lines of the story: "dial 192.0.2.1:25",
 * "hello mx.remote.test, tls may" (and ", watched", ", pkix" or ", dane or
 * remote.test"), "mail <you@ours.test> to bob@remote.test" (and ", REQUIRETLS")
 * and "quit".  By the local part recipients are refused: "bad" 550, "later"
 * 451, "stranger" 530, "relayed" 554; the rest of a mail whose recipients are
 * all refused isn't sent.
 */
#ifndef TESTS_FAKES_PEERS_H
#define TESTS_FAKES_PEERS_H

#include "lib/net/dial.h"
#include "smtpd/smtp/client.h"

enum fake_trouble {
	PEER_FINE,
	PEER_LOST_EARLY, /* before the final dot, in the first mail */
	PEER_LOST_REUSED, /* the same, in the second mail */
	PEER_LOST_LATE, /* behind it */
	PEER_ONE_EACH, /* closes after each mail */
	PEER_SILENT, /* no reply to the final dot, until let go */
	PEER_STUCK, /* no greeting, until let go */
};

struct fake_peer {
	const char *ip; /* NULL ends the table; unknown: ECONNREFUSED */
	int error; /* of the connection */
	enum smtp_failure failure; /* of the session, before it is ready */
	struct reply reply; /* to it */
	enum fake_trouble trouble;
	bool tls_breaks; /* the handshake fails */
	bool plain; /* no STARTTLS */
	enum tls_verdict verdict; /* on its certificate, when it is looked at */
	bool keeps_tls; /* it offers REQUIRETLS */
	unsigned most; /* sessions at a time, then 421; 0: any number */
};

void fake_peers_use(struct loop *, const struct fake_peer *);
void fake_peers_let_go(void);
void fake_peers_close(void); /* the session that was opened last */
unsigned fake_peers_sessions(void); /* that are open */
struct str fake_peers_text(void); /* of the last message that was fed */
const struct tls_context *fake_peers_tls(void); /* of the last session */
void fake_peers_end(void);

#endif
