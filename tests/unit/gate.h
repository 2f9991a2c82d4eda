/*
 * gate.h - the whole of inbound with its clients, for tests: real sessions
 * over loopback, a directory on disk, and fakes of loop, jobs, intake, sign,
 * resolver and counters.  Ann's password is "correct horse".
 */
#ifndef TESTS_UNIT_GATE_H
#define TESTS_UNIT_GATE_H

#include "lib/net/stream.h"
#include "smtpd/inbound/inbound.h"
#include "tests/unit/data_folder.h"

#include <stdarg.h>

struct gate {
	struct data_folder folder;
	struct loop *loop;
	struct directory_keeper *directory;
	struct logins *logins;
	struct sign_channel *sign;
	struct resolver *resolver;
	struct tls_context *tls, *client_tls;
	struct inbound *inbound;
	uint16_t ports[PORT_COUNT];
};

extern struct gate gate;
extern const struct srs gate_srs;

/* For set-up and tear-down of each test. */
int gate_open(void **state);
/* Inbound anew, once gate.folder.settings were changed. */
void gate_reopen(void);
int gate_close(void **state);
/* config/ as it should be from now on. */
void gate_people(const char *users, const char *aliases);

struct caller { /* somebody who talks to us */
	struct stream_owner owner;
	struct stream *stream; /* NULL when it has closed */
	struct buf heard; /* since it said something */
	bool secure;
};

/* From an address of 127/8, as far as the greeting (465: the handshake). */
void caller_open(struct caller *, enum port_name, const char *from);
void caller_starttls(struct caller *);
/* Says it and fails the test unless the last line heard begins so. */
void caller_say(struct caller *, const char *text, const char *reply);
void caller_sayf(struct caller *, const char *reply, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void caller_close(struct caller *);
/* Connected, EHLO said, and known as Ann where that is asked for. */
void caller_ready(struct caller *, enum port_name);
/* AUTH PLAIN. */
void caller_login(
    struct caller *, const char *user, const char *password, const char *reply);
/* MAIL, RCPT and DATA; text with LF line ends. */
void caller_send(struct caller *, const char *from, const char *to,
    const char *text, const char *reply);

/* The message that was accepted last, with LF line ends. */
const char *gate_message(void);
/* Value of the first field of that name, unfolded, or NULL. */
const char *gate_field(const char *name);

#endif
