/*
 * dialog.h - an SMTP conversation as a text file: tests/dialogs/README says
 * how it is written.
 */
#ifndef TESTS_UNIT_DIALOG_H
#define TESTS_UNIT_DIALOG_H

#include "lib/base/buf.h"

enum step_kind {
	STEP_SAY, /* the script's end says these bytes */
	STEP_EXPECT, /* ... and wants this line */
	STEP_SKIP, /* ... and wants these bytes */
	STEP_TLS, /* ... and does its half of a handshake */
	STEP_TURN, /* ... and lets the other end have its turn */
	STEP_CLOSE, /* ... and closes */
	STEP_CLOSED, /* ... and wants to be closed */
};

enum dialog_only {
	ONLY_NONE,
	ONLY_PLAIN,
	ONLY_TLS
};

struct dialog_step {
	enum step_kind kind;
	enum dialog_only only;
	unsigned line; /* of the file */
	struct buf text;
};

struct dialog_pair {
	struct buf key, value;
};

struct dialog {
	struct buf name; /* of the file, with its folder */
	bool client; /* it tests the client, else the server */
	enum dialog_only only;
	struct dialog_step *steps;
	size_t step_count;
	struct dialog_pair *settings;
	size_t setting_count;
	struct dialog_pair *checks; /* what must have been noted in the end */
	size_t check_count;
	size_t said; /* bytes of all steps that say something */
};

/* Ends the test program with a message when the file can't be understood. */
void dialog_read(struct dialog *, const char *folder, const char *name);
void dialog_free(struct dialog *);
/* The n-th setting of that key, or an empty view. */
struct str dialog_setting(const struct dialog *, const char *key, size_t n);
uint64_t dialog_number(
    const struct dialog *, const char *key, uint64_t otherwise);
/* The pattern's final "*" stands for anything. */
bool dialog_match(struct str pattern, struct str text);

#endif
