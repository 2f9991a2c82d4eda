/*
 * why.c - what happened to a message: the history's lines about it.
 *
 * One answer line {"line": {...}} for each, the oldest first, then their
 * number and whether older messages were left out.
 */
#include "smtpd/control/session.h"

static void
end(struct session *s)
{
	struct why *w = &s->why;
	bool more = w->search.more;
	history_search_cancel(&w->search);
	if (w->count == 0)
		session_fail(
		    s, CONTROL_MISSING, "the history knows nothing of that");
	else
		session_done(s,
		    json_pack("{s:I, s:b}", "count", (json_int_t)w->count,
			"more", more));
}

/* A torn line, of a crash, is left out. */
static void
tell(struct session *s, struct str text)
{
	json_t *line = json_loadb(text.p, text.n, 0, NULL);
	if (!json_is_object(line)) {
		json_decref(line);
		return;
	}
	s->why.count++;
	session_line(s, json_pack("{s:o}", "line", line));
}

static void
on_piece(struct history_search *search)
{
	struct session *s = container_of(search, struct session, why.search);
	struct str rest = buf_str(&search->lines);
	while (rest.n > 0)
		tell(s, str_cut(&rest, '\n'));
	stream_deadline(s->stream, CONTROL_IDLE_MS);
	if (search->last)
		end(s);
	else if (stream_pending(s->stream) > CONTROL_PENDING)
		s->why.paused = true;
	else
		history_search_next(s->control->parts.history, search);
}

void
why_resume(struct session *s)
{
	s->why.paused = false;
	history_search_next(s->control->parts.history, &s->why.search);
}

/* An id has no "@", and what stands in brackets is no id. */
static enum history_key
read_key(struct str *text)
{
	bool enclosed =
	    str_starts(*text, STR("<")) && str_ends(*text, STR(">"));
	enum history_key key =
	    enclosed || str_has(*text, '@') ? HISTORY_PATH : HISTORY_ID;
	if (enclosed)
		*text = str_sub(*text, 1, text->n - 2);
	return key;
}

void
why_start(struct session *s, const json_t *request)
{
	struct history *history = s->control->parts.history;
	struct str text =
	    str_of(json_string_value(json_object_get(request, "what")));
	if (str_empty(text) || !history) {
		session_fail(
		    s, CONTROL_USAGE, "say what: ID, ADDRESS or MESSAGE-ID");
		return;
	}
	enum history_key key = read_key(&text);
	s->why.count = 0;
	history_search_start(history, &s->why.search, key, text, on_piece);
}

void
why_cancel(struct why *w)
{
	history_search_cancel(&w->search);
}
