/*
 * remote_private.h - what the files of a session share: remote.c (its hops),
 * remote_tls.c (what they prove), remote_mail.c (its mails).
 */
#ifndef SMTPD_DELIVERY_REMOTE_PRIVATE_H
#define SMTPD_DELIVERY_REMOTE_PRIVATE_H

#include "smtpd/delivery/remote.h"

/* remote.c */
struct slots *remote_slots(const struct remote *); /* that it holds one of */
struct peer remote_peer(const struct remote *); /* points into the remote */
void remote_try_hop(struct remote *); /* behind the last: leaves */
bool remote_is_relay(const struct remote *);
/* What we found ourselves in its session names the host then.  The text lives
   as long as the remote. */
struct reply remote_name(struct remote *, struct reply);
/* What the smarthost says to us, not to a mail, is no reason to bounce mail: it
   comes of settings, which a person can mend.  The text lives as long as the
   remote. */
struct reply remote_soften(
    struct remote *, struct reply, const char *what_it_refuses);

/* remote_tls.c; what is found goes to the listener, once per session */
void remote_tell_refusal(const struct remote *); /* no host may be tried */
bool remote_tls_failed(const struct remote *); /* that is why it ended */
/* Then: may the mail go in plain text?  False: why not, which waits. */
bool remote_may_be_plain(struct remote *, struct reply *why);
/* The session is ready: may mail go over it?  False: why not. */
bool remote_is_good(struct remote *, struct reply *why);

/* remote_mail.c */
/* The session is ready: the next transfer, or none for now. */
void remote_send_next(struct remote *);
void remote_broken(struct remote *); /* it ended, BUSY */
void remote_leave(struct remote *); /* the destination goes on without it */

#endif
