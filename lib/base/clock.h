/*
 * clock.h - what time it is.  Tests replace it at link time.
 */
#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970-01-01 UTC; may jump */
int64_t clock_mono_ms(void); /* since some start; never goes back */
void random_bytes(void *, unsigned n); /* getrandom; aborts when it fails */

#endif
