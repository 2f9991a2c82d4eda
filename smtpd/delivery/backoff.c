#include "smtpd/delivery/backoff.h"

#include "lib/base/clock.h"

enum {
	LOCAL_LEAST_MS = 5000, /* a full disk is noticed by somebody */
	LOCAL_MOST_MS = 300000,
	PAUSE_STEPS = 5, /* the pause grows no further: new mail shouldn't
			    wait for hours once the other side is back */
};

int64_t
backoff_delay(int64_t least_ms, int64_t most_ms, unsigned tries)
{
	int64_t ms = least_ms;
	for (unsigned i = 1; i < tries && ms > 1 && ms < most_ms; i++)
		ms += ms / 2;
	return ms < most_ms ? ms : most_ms;
}

int64_t
backoff_jitter(int64_t ms)
{
	uint32_t lot;
	random_bytes(&lot, sizeof lot);
	int64_t span = ms / 5 + 1;
	return ms - ms / 10 + (int64_t)(lot % (uint64_t)span);
}

int64_t
backoff_remote(const struct settings *s, unsigned tries)
{
	return backoff_jitter(backoff_delay(
	    (int64_t)s->retry_min_ms, (int64_t)s->retry_max_ms, tries));
}

int64_t
backoff_local(unsigned tries)
{
	return backoff_jitter(
	    backoff_delay(LOCAL_LEAST_MS, LOCAL_MOST_MS, tries));
}

int64_t
backoff_pause(const struct settings *s, unsigned failures)
{
	unsigned steps = failures < PAUSE_STEPS ? failures : PAUSE_STEPS;
	return backoff_delay(
		   (int64_t)s->retry_min_ms, (int64_t)s->retry_max_ms, steps) /
	    2;
}
