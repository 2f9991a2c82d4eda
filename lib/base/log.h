/*
 * log.h - one event per line on stderr, as logfmt or JSON.
 *
 *	struct log_line l = log_begin(LOG_INFO, "delivered");
 *	log_path(&l, "to", address);
 *	log_d(&l, "ms", elapsed);
 *	log_end(&l);
 *
 * 2026-11-20T14:20:03.117Z info event=delivered to=<you@example.com> ms=412
 *
 * Every byte from outside is escaped.  Content, subjects and secrets are
 * never logged: that is the caller's duty.  May be used from any thread.
 */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include "lib/base/buf.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR
};

struct log_line {
	struct buf text, kept; /* private */
	enum log_level level;
	bool wanted; /* in the log */
	bool keeps; /* a record of it, too */
};

/* program, if it isn't NULL, ends each line as program=...: for all but smtpd,
   whose lines are the many. */
void log_open(enum log_level least, bool json, const char *program);
struct log_line log_begin(enum log_level, const char *event);
/* The same, and besides a record for log_take(), whatever the log's level and
   form: a line of JSON with the same keys. */
struct log_line log_begin_kept(enum log_level, const char *event);
void log_s(struct log_line *, const char *key, struct str);
void log_c(struct log_line *, const char *key, const char *); /* NULL: no key */
void log_d(struct log_line *, const char *key, int64_t);
void log_path(struct log_line *, const char *key, struct str address); /* <a> */
void log_f(struct log_line *, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A key of the record alone. */
void log_kept(struct log_line *, const char *key, struct str);
void log_end(struct log_line *); /* writes it with one write(2), and frees */
/* Before log_end(): the record with its LF, moved out; "" without one. */
struct buf log_take(struct log_line *);
/* A value as JSON has it between its quotes: US-ASCII, no octet below SP, no
   bare quote. */
void log_json(struct buf *, struct str);

/* An event that is one sentence: event=... text="..." */
void log_note(enum log_level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
