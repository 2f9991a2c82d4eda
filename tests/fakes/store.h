/*
 * store.h - a store in memory that children share: rows are cells as those
 * of power.h, and each step is a point at which the process may end.
 */
#ifndef TESTS_FAKES_STORE_H
#define TESTS_FAKES_STORE_H

#include "smtpd/store/store.h"

void fake_store_begin(void); /* empty; behind power_watch() */
void fake_store_end(bool lost); /* the process is gone; all rows as well? */
size_t fake_store_rows(void);

#endif
