/*
 * session.h - one program that is connected to the control socket.
 *
 * Requests are answered one after the other; while one waits, input stays in
 * the stream's buffer.
 */
#ifndef SMTPD_CONTROL_SESSION_H
#define SMTPD_CONTROL_SESSION_H

#include "lib/net/stream.h"
#include "smtpd/control/control.h"

#include <jansson.h>

enum { /* exit codes of postern, docs/reference.md */
	CONTROL_FAILED = 1,
	CONTROL_USAGE = 2,
	CONTROL_MISSING = 3,
	CONTROL_REFUSED = 4,
};

enum {
	CONTROL_PENDING = 65536, /* octets of answers not yet read */
	CONTROL_IDLE_MS = 60000, /* without a request, or without progress */
};

struct walk { /* over the queue, one item after the other */
	uint64_t at; /* the last one seen */
	uint64_t only; /* an id, or 0 */
	int64_t since_ms; /* monotonic */
	bool paused; /* until the other side has read what there is */
	char *domain; /* of a waiting recipient, or NULL */
	size_t count; /* that were acted on */
	const char *refusal; /* of the last one that was refused, or NULL */
	bool full; /* until the changes are durable */
	bool ended; /* only changes are waited for */
	struct queue_changes changes;
	struct queue_peek peek;
	struct later turn;
	const struct walk_verb *verb;
};

struct why { /* through the history */
	struct history_search search;
	bool paused; /* as the walk is */
	size_t count; /* of lines */
};

struct session {
	struct stream_owner owner;
	struct stream *stream;
	struct control *control;
	struct list_node node;
	bool waiting; /* an answer is due */
	struct walk walk;
	struct why why;
	struct directory_look look; /* at the files, by reload */
	struct route route; /* of a domain whose policy is asked for */
	struct buf route_domain; /* in lower case */
	struct report_request report;
};

struct control { /* the parts, to be read by the verbs */
	struct control_parts parts;
	struct list listeners, sessions;
	int64_t started_ms;
};

/* Any bytes as JSON text: those that aren't UTF-8 lose what isn't ASCII. */
json_t *session_text(struct str);
/* One line; takes the object over. */
void session_line(struct session *, json_t *);
/* The last line of an answer: the object with "ok": true in it. */
void session_done(struct session *, json_t *);
void session_fail(struct session *, int exit, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- walk.c: the verbs of the queue ---- */
void walk_list(struct session *, const json_t *request);
void walk_show(struct session *, const json_t *request);
void walk_retry(struct session *, const json_t *request);
void walk_hold(struct session *, const json_t *request);
void walk_release(struct session *, const json_t *request);
void walk_drop(struct session *, const json_t *request);
void walk_resume(struct session *); /* of a paused one */
void walk_cancel(struct walk *);

/* ---- why.c: the verb of the history ---- */
void why_start(struct session *, const json_t *request);
void why_resume(struct session *); /* of a paused one */
void why_cancel(struct why *);

/* ---- policy.c ---- */
void policy_start(struct session *, const json_t *request);
void policy_cancel(struct session *);

/* ---- report.c: cancelled by reports_cancel() ---- */
void report_send(struct session *, const json_t *request);

#endif
