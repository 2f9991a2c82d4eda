#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t
milliseconds(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_wall_ms(void)
{
	return milliseconds(CLOCK_REALTIME);
}

int64_t
clock_mono_ms(void)
{
	return milliseconds(CLOCK_MONOTONIC);
}

void
random_bytes(void *p, unsigned n)
{
	char *at = p, *end = at + n;
	while (at < end) {
		ssize_t got = getrandom(at, (size_t)(end - at), 0);
		if (got >= 0)
			at += got;
		else if (errno != EINTR)
			abort();
	}
}
