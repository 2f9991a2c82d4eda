/*
 * fetch_wire.h - the records between smtpd and web, read by both ends.
 *
 * A head of fixed size and a body behind it, over an unnamed SOCK_SEQPACKET
 * pair whose both ends PID 1 keeps, so that either side may restart: no EOF
 * ever comes.  An answer repeats the question's id; what doesn't match is
 * thrown away.  Both sides check every length and every text, because web
 * talks to strangers and may have been taken over.  Host byte order: both ends
 * are one build on one machine.
 */
#ifndef LIB_NET_FETCH_WIRE_H
#define LIB_NET_FETCH_WIRE_H

#include "lib/net/fetch.h"

enum { /* each with its NUL */
	FETCH_HOST = 256,
	FETCH_PATH = 1024,
	FETCH_TYPE = 128,
};

enum {
	FETCH_PLACES = 32, /* questions under way, at both ends */
	FETCH_START = 0, /* the id with which web says that it has started, and
			    that it knows of no question that came before */
};

struct fetch_question {
	uint64_t id; /* starts at random; not FETCH_START */
	uint32_t ms; /* to take at most, in all */
	uint32_t length; /* of the body */
	uint16_t port;
	uint8_t post; /* 0: GET, without a body; 1: POST */
	uint8_t count;
	struct ip ips[FETCH_IPS];
	char host[FETCH_HOST]; /* lower case; padded with NULs, as all texts */
	char path[FETCH_PATH]; /* printable US-ASCII, begins with "/" */
	char type[FETCH_TYPE]; /* of a POST's body */
};

struct fetch_answer {
	uint64_t id;
	uint32_t result; /* enum fetch_result */
	uint32_t status;
	uint32_t length; /* of the content */
	char type[FETCH_TYPE]; /* lower case, without parameters */
};

enum {
	FETCH_QUESTION_MAX = sizeof(struct fetch_question) + FETCH_POST,
	FETCH_ANSWER_MAX = sizeof(struct fetch_answer) + FETCH_BODY,
};

/* Non-blocking, with room for the largest record. */
void fetch_wire_prepare(int socket);
/* False: the socket is full (errno EAGAIN), or its other end is gone for
   good. */
bool fetch_wire_send(
    int socket, const void *head, size_t size, struct str body);
/* One record into the buffer: 1; nothing there: 0; gone for good: -1. */
int fetch_wire_receive(int socket, struct buf *, size_t most);

/* A text for a record; false: too long, or it isn't what the record has. */
bool fetch_wire_set_host(struct fetch_question *, struct str);
bool fetch_wire_set_path(struct fetch_question *, struct str);
bool fetch_wire_set_type(char type[FETCH_TYPE], struct str);

/* Checks a record; the body is a view of it.  False: it is none. */
bool fetch_question_read(
    struct str record, struct fetch_question *, struct str *body);
bool fetch_answer_read(
    struct str record, struct fetch_answer *, struct str *content);

#endif
