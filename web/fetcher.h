/*
 * fetcher.h - smtpd's questions, read from the pair that PID 1 made, and their
 * answers.
 *
 * A bounded number of transfers at a time; while there are so many, the rest
 * waits in the socket.  What was asked before it started it doesn't answer,
 * and says so: smtpd asks again.  It knows no HTTP.
 */
#ifndef WEB_FETCHER_H
#define WEB_FETCHER_H

#include "web/transfer.h"

struct fetcher;

/* Takes the socket over.  gone() runs when its other end is gone for good. */
struct fetcher *fetcher_new(struct loop *, struct multi *, int socket,
    const struct transfer_rules *, void (*gone)(void));
void fetcher_free(struct fetcher *); /* cancels what is under way */

#endif
