#include "smtpd/control/session.h"

#include "lib/base/clock.h"
#include "lib/net/listener.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LINE_MAX_OCTETS = 4096
};

struct entrance { /* a listening socket */
	struct listener listener;
	struct control *control;
	struct list_node node;
};

/* ---- verbs ---- */

static json_t *
delivery_trouble_text(const struct delivery *delivery)
{
	struct buf text = { 0 };
	delivery_trouble(delivery, &text);
	json_t *json = session_text(buf_str(&text));
	buf_free(&text);
	return json;
}

static json_t *
inbound_troubles(const struct inbound *inbound)
{
	json_t *all = json_array();
	struct buf text = { 0 };
	for (size_t at = 0; inbound_trouble(inbound, &at, &text);) {
		json_array_append_new(all, session_text(buf_str(&text)));
		buf_clear(&text);
	}
	buf_free(&text);
	return all;
}

/* A sentence for each IP version. */
static json_t *
identities(const struct identity *identity)
{
	json_t *all = json_array();
	struct buf text = { 0 };
	for (uint8_t family = 4; identity && family <= 6; family += 2) {
		buf_clear(&text);
		identity_describe(identity, family, &text);
		json_array_append_new(all, session_text(buf_str(&text)));
	}
	buf_free(&text);
	return all;
}

static void
status(struct session *s, const json_t *request)
{
	(void)request;
	const struct control_parts *p = &s->control->parts;
	const struct directory *d = directory_now(p->directory);
	session_done(s,
	    json_pack(
		"{s:s%, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:o, "
		"s:s, s:s, s:o, s:o, s:o}",
		"hostname", p->settings->hostname.p, p->settings->hostname.n,
		"accounts", (json_int_t)directory_accounts(d), "queued",
		(json_int_t)queue_count(p->queue), "held",
		(json_int_t)queue_count_held(p->queue), "sessions",
		(json_int_t)inbound_sessions(p->inbound), "deliveries",
		(json_int_t)delivery_sessions(p->delivery), "uptime_s",
		(json_int_t)((clock_mono_ms() - s->control->started_ms) / 1000),
		"unreported", (json_int_t)reports_dropped(p->reports), "space",
		queue_has_space(p->queue), "spare_resolver",
		resolver_is_spare(p->resolver), "config_trouble",
		session_text(directory_trouble(p->directory)), "tls_trouble",
		tls_keeper_trouble(p->tls), "history_trouble",
		history_trouble(p->history), "inbound_troubles",
		inbound_troubles(p->inbound), "delivery_trouble",
		delivery_trouble_text(p->delivery), "identities",
		identities(p->identity)));
}

static void
health(struct session *s, const json_t *request)
{
	(void)request;
	session_done(s, json_object());
}

static void
on_looked(struct directory_look *look)
{
	struct session *s = container_of(look, struct session, look);
	struct directory_keeper *directory = s->control->parts.directory;
	session_done(s,
	    json_pack("{s:o}", "config_trouble",
		session_text(directory_trouble(directory))));
}

/* Who gets the answer may use what config/ holds. */
static void
reload(struct session *s, const json_t *request)
{
	(void)request;
	const struct control_parts *p = &s->control->parts;
	p->reload(s->control);
	directory_look_start(p->directory, &s->look, on_looked);
}

struct verb {
	const char *name;
	void (*run)(struct session *, const json_t *request);
};

static const struct verb verbs[] = {
	{ "status", status },
	{ "health", health },
	{ "reload", reload },
	{ "queue-list", walk_list },
	{ "queue-show", walk_show },
	{ "queue-retry", walk_retry },
	{ "queue-hold", walk_hold },
	{ "queue-release", walk_release },
	{ "queue-drop", walk_drop },
	{ "why", why_start },
	{ "policy", policy_start },
	{ "report-send", report_send },
};

/* ---- answers ---- */

/* A line that can't be written would leave the other side waiting. */
json_t *
session_text(struct str s)
{
	json_t *text = json_stringn(s.p, s.n);
	if (text)
		return text;
	char *copy = mem_cstr(s);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	text = json_stringn(copy, s.n);
	free(copy);
	return text;
}

void
session_line(struct session *s, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text) {
		stream_write(s->stream, str_of(text));
		stream_write(s->stream, STR("\n"));
		free(text);
	}
	json_decref(object);
}

void
session_done(struct session *s, json_t *object)
{
	s->waiting = false;
	json_object_set_new(object, "ok", json_true());
	session_line(s, object);
}

void
session_fail(struct session *s, int exit, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	s->waiting = false;
	session_line(s,
	    json_pack("{s:b, s:s, s:i}", "ok", 0, "error", text, "exit", exit));
}

/* ---- sessions ---- */

static void
session_free(struct session *s)
{
	walk_cancel(&s->walk);
	why_cancel(&s->why);
	policy_cancel(s);
	reports_cancel(&s->report);
	directory_look_cancel(&s->look);
	list_remove(&s->node);
	stream_free(s->stream);
	free(s);
}

static void
answer(struct session *s, struct str line)
{
	json_t *request = json_loadb(line.p, line.n, 0, NULL);
	const char *name = json_string_value(json_object_get(request, "verb"));
	s->waiting = true;
	stream_deadline(s->stream, CONTROL_IDLE_MS);
	size_t i = 0, count = sizeof verbs / sizeof *verbs;
	while (name && i < count && strcmp(verbs[i].name, name) != 0)
		i++;
	if (!name || i == count)
		session_fail(s, CONTROL_USAGE, "no such verb");
	else
		verbs[i].run(s, request);
	json_decref(request);
}

static void
on_input(struct session *s)
{
	while (!s->waiting) {
		struct str input = stream_input(s->stream);
		size_t end = str_find(input, '\n');
		if (end == input.n) {
			if (input.n > LINE_MAX_OCTETS)
				session_free(s);
			return;
		}
		struct buf line = buf_of(str_sub(input, 0, end));
		stream_drain(s->stream, end + 1);
		answer(s, buf_str(&line));
		buf_free(&line);
	}
}

static void
on_stream(struct stream_owner *owner, enum stream_event event)
{
	struct session *s = container_of(owner, struct session, owner);
	if (event == STREAM_DRAINED && s->walk.paused)
		walk_resume(s);
	else if (event == STREAM_DRAINED && s->why.paused)
		why_resume(s);
	else if (event == STREAM_DRAINED || event == STREAM_INPUT)
		on_input(s);
	else
		session_free(s);
}

static void
on_accepted(struct listener *listener, int fd, struct ip peer)
{
	(void)peer;
	struct entrance *e = container_of(listener, struct entrance, listener);
	struct session *s = mem_alloc(sizeof *s);
	s->control = e->control;
	s->owner.on = on_stream;
	s->stream = stream_new(e->control->parts.loop, fd, &s->owner);
	stream_deadline(s->stream, CONTROL_IDLE_MS);
	list_push(&e->control->sessions, &s->node);
}

/* ---- the whole ---- */

struct control *
control_new(const struct control_parts *parts)
{
	struct control *c = mem_alloc(sizeof *c);
	c->parts = *parts;
	c->started_ms = clock_mono_ms();
	list_init(&c->listeners);
	list_init(&c->sessions);
	return c;
}

void
control_listen(struct control *c, int fd)
{
	struct entrance *e = mem_alloc(sizeof *e);
	e->control = c;
	list_push(&c->listeners, &e->node);
	listener_start(&e->listener, c->parts.loop, fd, on_accepted);
}

void
control_free(struct control *c)
{
	struct list_node *n;
	if (!c)
		return;
	while ((n = list_first(&c->sessions)))
		session_free(container_of(n, struct session, node));
	while ((n = list_pop(&c->listeners))) {
		struct entrance *e = container_of(n, struct entrance, node);
		listener_stop(&e->listener);
		free(e);
	}
	free(c);
}
