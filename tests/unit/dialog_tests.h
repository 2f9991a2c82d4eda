/*
 * dialog_tests.h - one test per file of tests/dialogs.
 */
#ifndef TESTS_UNIT_DIALOG_TESTS_H
#define TESTS_UNIT_DIALOG_TESTS_H

#include "tests/unit/play.h"

/* Plays it one way; the test fails, with the trouble, when that isn't good.
   Ways that the dialog excludes are left out.  Gives the number of answers
   of the scripted owner. */
int64_t dialog_play(
    const struct dialog *, const struct play *, const char *way);

/* Runs test for each dialog whose name contains argv[1], if that is given. */
int dialog_tests(int argc, char **argv, const char *group,
    void (*test)(const struct dialog *));

#endif
