#include "lib/mail/date.h"

#include "lib/mail/cfws.h"

#include <time.h>

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* RFC 5322 4.3: other names, and single letters, say nothing; -0000 */
static const struct {
	char name[4];
	int hours;
} zones[] = {
	{ "UT", 0 },
	{ "GMT", 0 },
	{ "EST", -5 },
	{ "EDT", -4 },
	{ "CST", -6 },
	{ "CDT", -5 },
	{ "MST", -7 },
	{ "MDT", -6 },
	{ "PST", -8 },
	{ "PDT", -7 },
};

/* ---- writing ---- */

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

/* ---- reading; each takes what it reads, and white space before it ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct str
take(struct str *rest, bool (*belongs)(char))
{
	size_t n = 0;
	if (!cfws_skip(rest))
		return STR("");
	while (n < rest->n && belongs(rest->p[n]))
		n++;
	struct str taken = str_sub(*rest, 0, n);
	*rest = str_from(*rest, n);
	return taken;
}

static bool
take_char(struct str *rest, char c)
{
	if (!cfws_skip(rest) || rest->n == 0 || *rest->p != c)
		return false;
	*rest = str_from(*rest, 1);
	return true;
}

static bool
take_number(struct str *rest, size_t digits, unsigned limit, int *out)
{
	uint64_t value;
	struct str text = take(rest, is_digit);
	if (text.n > digits || !str_to_u64(text, &value) || value > limit)
		return false;
	*out = (int)value;
	return true;
}

static bool
take_name(struct str *rest, const char (*names)[4], int count, int *out)
{
	struct str word = take(rest, is_letter);
	for (*out = 0; *out < count; ++*out)
		if (str_eq_nocase(word, str_of(names[*out])))
			return true;
	return false;
}

static bool
take_weekday(struct str *rest)
{
	int day;
	if (!cfws_skip(rest) || rest->n == 0 || is_digit(*rest->p))
		return true;
	return take_name(rest, days, 7, &day) && take_char(rest, ',');
}

/* RFC 5322 4.3: two digits are 1950 to 2049, three count from 1900 */
static bool
take_year(struct str *rest, int *years)
{
	if (!cfws_skip(rest))
		return false;
	size_t before = rest->n;
	if (!take_number(rest, 4, 9999, years))
		return false;
	size_t digits = before - rest->n;
	if (digits == 4)
		*years -= 1900;
	else if (digits == 2 && *years < 50)
		*years += 100;
	return digits > 1 && *years >= 0;
}

static bool
take_date(struct str *rest, struct tm *tm)
{
	return take_weekday(rest) && take_number(rest, 2, 31, &tm->tm_mday) &&
	    take_name(rest, months, 12, &tm->tm_mon) &&
	    take_year(rest, &tm->tm_year);
}

static bool
take_time(struct str *rest, struct tm *tm)
{
	if (!take_number(rest, 2, 23, &tm->tm_hour) || !take_char(rest, ':') ||
	    !take_number(rest, 2, 59, &tm->tm_min))
		return false;
	return !take_char(rest, ':') || take_number(rest, 2, 60, &tm->tm_sec);
}

static bool
take_offset(struct str *rest, int *minutes)
{
	int number;
	bool west = take_char(rest, '-');
	if ((!west && !take_char(rest, '+')) || rest->n < 4 ||
	    !is_digit(rest->p[3]) || !take_number(rest, 4, 9959, &number) ||
	    number % 100 > 59)
		return false;
	*minutes = number / 100 * 60 + number % 100;
	if (west)
		*minutes = -*minutes;
	return true;
}

static bool
take_zone(struct str *rest, int *minutes)
{
	struct str name = take(rest, is_letter);
	*minutes = 0;
	if (name.n == 0)
		return take_offset(rest, minutes);
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (str_eq_nocase(name, str_of(zones[i].name)))
			*minutes = zones[i].hours * 60;
	return true;
}

bool
date_parse_rfc5322(struct str text, int64_t *wall_ms)
{
	struct tm tm = { 0 };
	int minutes = 0;
	if (!take_date(&text, &tm) || !take_time(&text, &tm) ||
	    !take_zone(&text, &minutes) || !cfws_skip(&text) || text.n > 0)
		return false;
	int day = tm.tm_mday;
	bool leap_second = tm.tm_sec == 60;
	tm.tm_sec -= leap_second;
	time_t seconds = timegm(&tm);
	seconds += leap_second - minutes * (time_t)60;
	*wall_ms = (int64_t)seconds * 1000;
	return day == tm.tm_mday;
}
