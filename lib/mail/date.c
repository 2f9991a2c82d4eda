#include "lib/mail/date.h"

#include <time.h>

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* A clock that is mad gives a mad date, of four digits. */
static struct tm
split(int64_t wall_ms)
{
	const time_t last = 253402300799; /* 9999-12-31T23:59:59Z */
	time_t seconds = wall_ms < 0 ? 0 : wall_ms / 1000;
	struct tm tm = { 0 };
	if (seconds > last)
		seconds = last;
	gmtime_r(&seconds, &tm);
	return tm;
}

void
date_rfc5322(struct buf *out, int64_t wall_ms)
{
	struct tm tm = split(wall_ms);
	buf_addf(out, "%s, %d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

void
date_rfc3339(struct buf *out, int64_t wall_ms)
{
	struct tm tm = split(wall_ms);
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    wall_ms < 0 ? 0 : (int)(wall_ms % 1000));
}
