/*
 * remote_private.h - what the files of a session share: remote.c (its hops),
 * remote_mail.c (its mails).
 */
#ifndef SMTPD_DELIVERY_REMOTE_PRIVATE_H
#define SMTPD_DELIVERY_REMOTE_PRIVATE_H

#include "smtpd/delivery/remote.h"

/* remote.c */
struct peer remote_peer(const struct remote *); /* points into the remote */
void remote_try_hop(struct remote *); /* behind the last: leaves */

/* remote_mail.c */
/* The session is ready: the next transfer, or none for now. */
void remote_send_next(struct remote *);
void remote_broken(struct remote *); /* it ended, BUSY */
void remote_leave(struct remote *); /* the destination goes on without it */

#endif
