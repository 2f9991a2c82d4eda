#include "lib/base/log.h"

#include "lib/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Bytes of one value; what is longer ends in "...". */
enum {
	VALUE_MAX = 1024
};

/* Set once, before the first thread. */
static struct {
	enum log_level least;
	bool json;
	const char *program;
} self = { .least = LOG_INFO };

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

void
log_open(enum log_level least, bool json, const char *program)
{
	self.least = least;
	self.json = json;
	self.program = program;
}

/* "2026-11-20T14:20:03.117Z" */
static void
add_time(struct buf *b)
{
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	char text[sizeof("2026-11-20T14:20:03")];
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_addf(b, "%s.%03dZ", text, (int)(now % 1000));
}

static bool
is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
}

static bool
all_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_plain(s.p[i]))
			return false;
	return true;
}

static void
add_escaped(struct buf *b, bool json, char c)
{
	if (c == '"' || c == '\\')
		buf_addf(b, "\\%c", c);
	else if (c == '\n')
		buf_adds(b, "\\n");
	else if (c >= ' ' && c < 0x7f)
		buf_addc(b, c);
	else /* in JSON each byte is the code point of the same number */
		buf_addf(b, json ? "\\u%04x" : "\\x%02x",
		    (unsigned)(unsigned char)c);
}

void
log_json(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		add_escaped(b, true, s.p[i]);
}

static void
add_value(struct buf *b, bool json, struct str s)
{
	bool cut = s.n > VALUE_MAX;
	s = str_sub(s, 0, VALUE_MAX);
	bool quoted = json || !all_plain(s);
	if (quoted)
		buf_addc(b, '"');
	for (size_t i = 0; i < s.n; i++)
		add_escaped(b, json, s.p[i]);
	if (cut)
		buf_adds(b, "...");
	if (quoted)
		buf_addc(b, '"');
}

static void
add_key(struct buf *b, bool json, const char *key)
{
	buf_addf(b, json ? ",\"%s\":" : " %s=", key);
}

static void
add_start(struct buf *b, bool json, enum log_level level)
{
	if (json)
		buf_adds(b, "{\"time\":\"");
	add_time(b);
	buf_addf(b, json ? "\",\"level\":\"%s\"" : " %s", level_names[level]);
}

static struct log_line
begin(enum log_level level, const char *event, bool keeps)
{
	struct log_line line = {
		.level = level,
		.wanted = level >= self.least,
		.keeps = keeps,
	};
	if (line.wanted)
		add_start(&line.text, self.json, level);
	if (line.keeps)
		add_start(&line.kept, true, level);
	log_c(&line, "event", event);
	return line;
}

struct log_line
log_begin(enum log_level level, const char *event)
{
	return begin(level, event, false);
}

struct log_line
log_begin_kept(enum log_level level, const char *event)
{
	return begin(level, event, true);
}

void
log_kept(struct log_line *line, const char *key, struct str value)
{
	if (!line->keeps)
		return;
	add_key(&line->kept, true, key);
	add_value(&line->kept, true, value);
}

void
log_s(struct log_line *line, const char *key, struct str value)
{
	log_kept(line, key, value);
	if (!line->wanted)
		return;
	add_key(&line->text, self.json, key);
	add_value(&line->text, self.json, value);
}

void
log_c(struct log_line *line, const char *key, const char *value)
{
	if (value)
		log_s(line, key, str_of(value));
}

void
log_d(struct log_line *line, const char *key, int64_t value)
{
	if (line->keeps) {
		add_key(&line->kept, true, key);
		buf_addf(&line->kept, "%lld", (long long)value);
	}
	if (line->wanted) {
		add_key(&line->text, self.json, key);
		buf_addf(&line->text, "%lld", (long long)value);
	}
}

void
log_path(struct log_line *line, const char *key, struct str address)
{
	struct buf b = buf_of(STR("<"));
	buf_add(&b, str_sub(address, 0, VALUE_MAX));
	buf_addc(&b, '>');
	log_s(line, key, buf_str(&b));
	buf_free(&b);
}

__attribute__((format(printf, 3, 0))) static void
add_formatted(
    struct log_line *line, const char *key, const char *format, va_list args)
{
	char text[VALUE_MAX + 2]; /* one more than is shown, to see the cut */
	int n = vsnprintf(text, sizeof(text), format, args);
	if (n < 0)
		return;
	struct str value = { text, (size_t)n };
	log_s(line, key, str_sub(value, 0, VALUE_MAX + 1));
}

void
log_f(struct log_line *line, const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (line->wanted || line->keeps)
		add_formatted(line, key, format, args);
	va_end(args);
}

void
log_end(struct log_line *line)
{
	if (line->wanted) {
		log_c(line, "program", self.program);
		buf_adds(&line->text, self.json ? "}\n" : "\n");
		ssize_t n = write(STDERR_FILENO, line->text.p, line->text.n);
		(void)n; /* there is no other place to complain */
	}
	buf_free(&line->text);
	buf_free(&line->kept);
	line->wanted = line->keeps = false;
}

struct buf
log_take(struct log_line *line)
{
	if (line->keeps)
		buf_adds(&line->kept, "}\n");
	line->keeps = false;
	return buf_take(&line->kept);
}

void
log_note(enum log_level level, const char *event, const char *format, ...)
{
	struct log_line line = log_begin(level, event);
	va_list args;
	va_start(args, format);
	if (line.wanted)
		add_formatted(&line, "text", format, args);
	va_end(args);
	log_end(&line);
}
