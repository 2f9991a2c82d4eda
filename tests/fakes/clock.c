#include "tests/fakes/clock.h"

/* 2026-11-20T14:20:03.117Z */
struct fake_clock fake_clock = { .wall_ms = 1795184403117, .mono_ms = 1000 };

void
fake_clock_advance(int64_t ms)
{
	fake_clock.wall_ms += ms;
	fake_clock.mono_ms += ms;
}

int64_t
clock_wall_ms(void)
{
	return fake_clock.wall_ms;
}

int64_t
clock_mono_ms(void)
{
	return fake_clock.mono_ms;
}

/* xorshift64 (Marsaglia) */
void
random_bytes(void *p, unsigned n)
{
	static uint64_t state = 0x9e3779b97f4a7c15;
	for (unsigned char *at = p; n; n--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		*at++ = (unsigned char)(state >> 32);
	}
}
