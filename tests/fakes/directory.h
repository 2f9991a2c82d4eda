/*
 * directory.h - a directory in which every address of ours.test and also.test
 * is an account of its own; "gone@" is unknown, "later@" can't be looked up,
 * and what begins with "away" leads to the same at elsewhere.test.
 *
 * It stands in for smtpd/local's directory and its keeper.
 */
#ifndef TESTS_FAKES_DIRECTORY_H
#define TESTS_FAKES_DIRECTORY_H

#include "smtpd/local/directory.h"

#endif
