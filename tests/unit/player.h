/*
 * player.h - plays a dialog's script over a stream, against whatever sits on
 * the other end of the socket pair, and notes what went wrong.  Time is that
 * of tests/fakes/loop: it passes when there is nothing else to do.
 */
#ifndef TESTS_UNIT_PLAYER_H
#define TESTS_UNIT_PLAYER_H

#include "lib/net/stream.h"
#include "tests/unit/dialog.h"

enum {
	NO_CUT = -1
};

struct play { /* how a dialog is played */
	bool tls; /* from the first byte */
	bool later; /* the tested end's owner answers later */
	bool bytewise; /* the script's bytes arrive one by one */
	int64_t cut; /* the script's end closes after so many bytes */
	int64_t cut_answers; /* ... or after so many of the owner's answers */
};

struct player {
	struct stream_owner owner;
	struct loop *loop;
	const struct dialog *dialog;
	const struct play *play;
	bool server; /* the script's end is the server of the handshake */
	struct stream *stream; /* NULL when it has closed */
	size_t step; /* of the dialog: where we are */
	size_t offset; /* of a step that says something */
	size_t said; /* bytes, all in all */
	bool closed; /* by the other end */
	bool handshake; /* under way */
	struct timer turn; /* until the next byte or step */
	struct buf trouble; /* the first thing that went wrong, or empty */
	struct buf notes; /* "key value" lines, for the dialog's checks */
};

extern struct tls_context *player_server_tls, *player_client_tls;
void player_setup(void); /* the two contexts, once */
void player_teardown(void);

/* Gives the other end's descriptor back. */
int player_start(struct player *, struct loop *, const struct dialog *,
    const struct play *, bool server);
void player_cut(struct player *); /* closes here and now */
/* Lets an hour pass: whatever is to happen has happened then. */
void player_run(struct player *);
void player_note(struct player *, const char *key, struct str value);
void player_check(struct player *); /* the notes, in the end */
void player_free(struct player *);

#endif
