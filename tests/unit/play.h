/*
 * play.h - a dialog against the real server with a scripted service, or
 * against the real client with a scripted owner.
 *
 * What is said to the service is written into the addresses: by the local
 * part it accepts, refuses, defers or hangs up (play_server.c has the list).
 */
#ifndef TESTS_UNIT_PLAY_H
#define TESTS_UNIT_PLAY_H

#include "tests/unit/player.h"

/* True when all went as the dialog says, else the trouble in words.  With a
   cut only what must hold for any cut is checked.  *answers: how many the
   scripted owner gave. */
bool play_server(const struct dialog *, const struct play *,
    struct buf *trouble, int64_t *answers);
bool play_client(const struct dialog *, const struct play *,
    struct buf *trouble, int64_t *answers);

#endif
