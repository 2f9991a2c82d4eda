/*
 * client_rig.h - a client with its owner, and the peer, which a test speaks
 * for.  Time stands still (tests/fakes/loop).
 */
#ifndef TESTS_UNIT_CLIENT_RIG_H
#define TESTS_UNIT_CLIENT_RIG_H

#include "smtpd/smtp/client.h"

enum {
	MINUTE = 60000,
	RECIPIENTS = 250,
	MORE = 300000,
	BIG = 10000000
};

enum when {
	NEVER,
	AT_READY,
	AT_DONE,
	AT_ENDED
};

struct sender {
	struct smtp_client client;
	struct loop *loop;
	int fd; /* the server's end */
	struct smtp_mail mail;
	struct str recipients[RECIPIENTS];
	struct str recipient; /* each of them, if it isn't bob's */
	struct buf calls;
	struct buf replies; /* of the mail */
	struct str message; /* fed at once, at the first more() */
	size_t pieces; /* that were asked for and not fed */
	enum when free_at;
	char got[200000];
};

/* type: SOCK_STREAM, or SOCK_SEQPACKET to see what is sent at once. */
struct sender *sender_open(int type);
/* It takes the connection for a secure one, and wants to log in. */
struct sender *sender_login(const char *user, const char *password);
struct sender *sender_ready(int type, const char *ehlo); /* the reply to it */
void sender_close(struct sender *);
void sender_send(struct sender *, size_t recipients);

struct str sender_hear(struct sender *); /* what the client has said by now */
void sender_say(struct sender *, const char *);
void sender_expect(struct sender *, const char *said, const char *heard);

#endif
