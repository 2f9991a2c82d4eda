/*
 * control.h - postern's questions, answered: JSON lines over a Unix socket.
 *
 * One request per line {"verb": "...", ...}, one answer per line
 * {"ok": true, ...} or {"ok": false, "error": "...", "exit": 3}; the verbs are
 * one table.  Who may connect is decided by the socket's owner and mode.
 */
#ifndef SMTPD_CONTROL_CONTROL_H
#define SMTPD_CONTROL_CONTROL_H

#include "lib/net/tls_keeper.h"
#include "smtpd/delivery/delivery.h"
#include "smtpd/delivery/identity.h"
#include "smtpd/delivery/policy_cache.h"
#include "smtpd/delivery/route.h"
#include "smtpd/inbound/inbound.h"
#include "smtpd/queue/history.h"
#include "smtpd/report/report.h"

struct control;

struct control_parts {
	struct loop *loop;
	const struct settings *settings;
	struct queue *queue;
	struct history *history; /* NULL: there is none */
	struct directory_keeper *directory;
	const struct tls_keeper *tls;
	struct resolver *resolver;
	struct inbound *inbound;
	struct delivery *delivery;
	const struct identity *identity; /* NULL behind a smarthost */
	struct policy_cache *policies;
	struct reports *reports; /* NULL: none are sent */
	void (*reload)(struct control *); /* the files are to be read again */
};

struct control *control_new(const struct control_parts *);
void control_listen(struct control *, int fd); /* takes it over */
void control_free(struct control *);

#endif
