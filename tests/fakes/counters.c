#include "tests/fakes/counters.h"

struct tally fake_counters;

void
counters_note(struct tally *counters, const struct checks *checks,
    const struct verdict *verdict)
{
	(void)checks;
	counters->told++;
	counters->last = verdict->disposition;
}
