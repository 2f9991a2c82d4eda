/*
 * server_rig.h - a server whose service accepts all, and its peer, which a test
 * speaks for.  Time stands still (tests/fakes/loop).
 */
#ifndef TESTS_UNIT_SERVER_RIG_H
#define TESTS_UNIT_SERVER_RIG_H

#include "smtpd/smtp/server.h"

enum {
	COMMAND_MS = 300000,
	DATA_MS = 180000
};

struct host {
	struct smtp_server server;
	struct smtp_options options;
	struct tls_context *tls;
	struct loop *loop;
	int fd; /* the client's end */
	struct buf calls, message, addresses;
	const struct address *sender, *recipient;
	bool wait; /* answers are the test's business */
	bool pause; /* at every piece of a message */
	bool within; /* a call of the service is under way */
	int gone;
	char got[200000];
};

/* type: SOCK_STREAM, or SOCK_SEQPACKET to see what is sent at once. */
struct host *host_open(int type);
struct host *host_open_tls(int type, struct tls_context *); /* implicit TLS */
struct host *host_greeted(int type); /* behind HELO */
void host_close(struct host *); /* gone() must have come once */

struct str host_hear(struct host *); /* what the server has said by now */
void host_say(struct host *, struct str);
void host_expect(struct host *, const char *said, const char *heard);
void host_in_transaction(struct host *); /* behind RCPT */
void host_in_data(struct host *); /* behind the 354 */

#endif
