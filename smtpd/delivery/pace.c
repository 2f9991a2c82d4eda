#include "smtpd/delivery/pace.h"

#include "lib/base/clock.h"

enum {
	ONE = 1000 /* thousandths; per_second is thousandths per ms */
};

int64_t
pace_wait_ms(struct pace *pace, unsigned per_second)
{
	int64_t now = clock_mono_ms();
	int64_t full = (int64_t)per_second * ONE;
	pace->spent -= (now - pace->at_ms) * (int64_t)per_second;
	if (pace->spent < 0)
		pace->spent = 0;
	pace->at_ms = now;
	int64_t missing = pace->spent + ONE - full;
	return missing <= 0 ? 0 : (missing + per_second - 1) / per_second;
}

bool
pace_take(struct pace *pace, unsigned per_second)
{
	if (pace_wait_ms(pace, per_second) > 0)
		return false;
	pace->spent += ONE;
	return true;
}
