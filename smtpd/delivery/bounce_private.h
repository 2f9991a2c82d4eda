/*
 * bounce_private.h - what the files of a bounce share: bounce.c (its steps),
 * bounce_text.c (what it says).
 */
#ifndef SMTPD_DELIVERY_BOUNCE_PRIVATE_H
#define SMTPD_DELIVERY_BOUNCE_PRIVATE_H

#include "smtpd/delivery/bounce.h"

/* The domain of ours that the report comes from. */
struct str bounce_home(const struct bounce *);
/* The report on the chosen recipients; original is the header section that
   they didn't get. */
struct message *bounce_write(const struct bounce *, struct str original);

#endif
