#include "tests/unit/gate.h"

#include "lib/base/codec.h"
#include "lib/mail/header.h"
#include "tests/fakes/counters.h"
#include "tests/fakes/intake.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/fakes/sign.h"
#include "tests/unit/tls_pair.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The fake needs none, but somebody asks whether there is one. */
struct lane {
	int unused;
};

struct gate gate;
const struct srs gate_srs = { { 5, 7 } };
static struct arena arena;
static struct lane fake_lane;

/* ---- the server ---- */

static int
listen_somewhere(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&sin, n) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&sin, &n))
		abort();
	*port = ntohs(sin.sin_port);
	return fd;
}

static void
open_tls(void)
{
	const char *why = "";
	char cert[64], key[64];
	tls_pair_make(gate.folder.path, "mail");
	snprintf(cert, sizeof cert, "%s/mail.cert.pem", gate.folder.path);
	snprintf(key, sizeof key, "%s/mail.key.pem", gate.folder.path);
	gate.tls = tls_server(cert, key, false, &why);
	gate.client_tls = tls_client(TLS_OPPORTUNISTIC, "", &why);
	assert_non_null(gate.tls);
	assert_non_null(gate.client_tls);
}

static void
fill_settings(struct settings *s)
{
	s->max_size = 1 << 20;
	s->max_recipients = 5;
	s->max_connections = 10;
	s->connections_per_ip = 4;
	s->auth_failures = (struct rate){ 10, 600000 };
	s->user_rate = (struct rate){ 300, 3600000 };
	s->forward_rate = (struct rate){ 3000, 3600000 };
	s->ports[PORT_SUBMISSION] = 587;
	s->ports[PORT_SUBMISSIONS] = 465;
}

static void
open_ports(void)
{
	static const enum port_name names[] = { PORT_SMTP, PORT_SUBMISSION,
		PORT_SUBMISSIONS };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		inbound_listen(gate.inbound, names[i],
		    listen_somewhere(&gate.ports[names[i]]));
}

static void
open_inbound(void)
{
	gate.inbound = inbound_new(&(struct inbound_parts){
	    .loop = gate.loop,
	    .settings = &gate.folder.settings,
	    .queue = fake_intake.queue,
	    .directory = gate.directory,
	    .logins = gate.logins,
	    .sign = gate.sign,
	    .resolver = gate.resolver,
	    .srs = &gate_srs,
	    .counters = &fake_counters,
	    .tls = &gate.tls,
	});
	open_ports();
}

void
gate_reopen(void)
{
	inbound_free(gate.inbound);
	open_inbound();
}

int
gate_open(void **state)
{
	static const struct secret secret = { { 1 } };
	const char *why = "";
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	log_open(LOG_ERROR, false, NULL);
	data_folder_make(&gate.folder);
	fill_settings(&gate.folder.settings);
	data_folder_write(
	    &gate.folder, "users", USER("ann@example.test", HORSE));
	open_tls();
	gate.loop = loop_new();
	fake_jobs = (struct fake_jobs){ 0 };
	fake_jobs_use(gate.loop);
	fake_sign = (struct fake_sign){ 0 };
	fake_intake_open(gate.loop);
	gate.directory =
	    directory_keeper_new(gate.loop, &fake_lane, &gate.folder.settings);
	gate.logins =
	    logins_new(gate.directory, "mail.example.test", &secret, &why);
	logins_lane(gate.logins, &fake_lane);
	gate.sign = sign_channel_new(gate.loop, -1);
	fake_resolver_use(NULL);
	fake_counters = (struct tally){ 0 };
	gate.resolver = resolver_new(gate.loop, "", false);
	open_inbound();
	return 0;
}

int
gate_close(void **state)
{
	(void)state;
	inbound_free(gate.inbound);
	fake_intake_let_go();
	fake_loop_settle(gate.loop);
	assert_int_equal(fake_intake.memory, 0);
	assert_int_equal(fake_intake.bodies, 0);
	fake_intake_close();
	sign_channel_free(gate.sign);
	logins_free(gate.logins);
	directory_keeper_free(gate.directory);
	resolver_free(gate.resolver);
	loop_free(gate.loop);
	tls_free(gate.tls);
	tls_free(gate.client_tls);
	data_folder_remove(&gate.folder);
	arena_free(&arena);
	return 0;
}

void
gate_people(const char *users, const char *aliases)
{
	data_folder_write(&gate.folder, "users", users);
	data_folder_write(&gate.folder, "aliases", aliases);
	directory_reload(gate.directory);
	fake_loop_advance(gate.loop, 1);
	assert_true(str_empty(directory_trouble(gate.directory)));
}

/* ---- clients ---- */

static void
on_event(struct stream_owner *owner, enum stream_event event)
{
	struct caller *c = container_of(owner, struct caller, owner);
	struct str input = stream_input(c->stream);
	buf_add(&c->heard, input);
	stream_drain(c->stream, input.n);
	c->secure |= event == STREAM_SECURE;
	if (event == STREAM_CLOSED || event == STREAM_FAILED) {
		stream_free(c->stream);
		c->stream = NULL;
	}
}

static int
connect_from(const char *from, uint16_t port)
{
	struct sockaddr_in us = { .sin_family = AF_INET };
	struct sockaddr_in them = us;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	us.sin_addr.s_addr = inet_addr(from);
	them.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	them.sin_port = htons(port);
	assert_int_equal(bind(fd, (struct sockaddr *)&us, sizeof us), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&them, sizeof them), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void
settle(void)
{
	fake_loop_advance(gate.loop, 1);
}

void
caller_open(struct caller *c, enum port_name port, const char *from)
{
	*c = (struct caller){ .owner.on = on_event };
	c->stream = stream_new(
	    gate.loop, connect_from(from, gate.ports[port]), &c->owner);
	if (port == PORT_SUBMISSIONS)
		stream_tls_connect(c->stream,
		    &(struct tls_terms){
			.context = gate.client_tls, .name = "mail" });
	settle();
}

static const char *
last_line(struct caller *c)
{
	struct str all = str_trim(buf_str(&c->heard));
	size_t n = str_find_last(all, '\n');
	return arena_str(&arena, str_from(all, n < all.n ? n + 1 : 0)).p;
}

void
caller_say(struct caller *c, const char *text, const char *reply)
{
	buf_clear(&c->heard);
	if (*text && !c->stream)
		fail_msg("closed before: %s", text);
	if (*text)
		stream_write(c->stream, str_of(text));
	settle();
	if (strncmp(last_line(c), reply, strlen(reply)) != 0)
		fail_msg("%sgave: %s", text, buf_cstr(&c->heard));
}

void
caller_sayf(struct caller *c, const char *reply, const char *format, ...)
{
	char text[4096];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	caller_say(c, text, reply);
}

void
caller_close(struct caller *c)
{
	stream_free(c->stream);
	buf_free(&c->heard);
	*c = (struct caller){ 0 };
	settle();
}

void
caller_starttls(struct caller *c)
{
	caller_say(c, "EHLO client.test\r\n", "250 ");
	caller_say(c, "STARTTLS\r\n", "220 ");
	stream_tls_connect(c->stream,
	    &(struct tls_terms){ .context = gate.client_tls, .name = "mail" });
	settle();
	assert_true(c->secure);
}

void
caller_login(
    struct caller *c, const char *user, const char *password, const char *reply)
{
	struct buf plain = { 0 }, text = { 0 };
	buf_addc(&plain, '\0');
	buf_adds(&plain, user);
	buf_addc(&plain, '\0');
	buf_adds(&plain, password);
	base64_add(&text, buf_str(&plain));
	caller_sayf(c, reply, "AUTH PLAIN %s\r\n", buf_cstr(&text));
	buf_free(&plain);
	buf_free(&text);
}

void
caller_ready(struct caller *c, enum port_name port)
{
	caller_open(c, port, "127.0.0.1");
	if (port == PORT_SUBMISSION)
		caller_starttls(c);
	caller_say(c, "EHLO client.test\r\n", "250 ");
	if (port != PORT_SMTP)
		caller_login(c, "ann@example.test", "correct horse", "235 ");
}

/* CR LF line ends, and the final dot. */
static void
write_text(struct caller *c, const char *text)
{
	struct buf out = { 0 };
	for (; *text; text++) {
		if (*text == '\n')
			buf_addc(&out, '\r');
		buf_addc(&out, *text);
	}
	buf_adds(&out, ".\r\n");
	stream_write(c->stream, buf_str(&out));
	buf_free(&out);
}

void
caller_send(struct caller *c, const char *from, const char *to,
    const char *text, const char *reply)
{
	caller_sayf(c, "250 2.1.0", "MAIL FROM:<%s>\r\n", from);
	caller_sayf(c, "250 2.1.5", "RCPT TO:<%s>\r\n", to);
	caller_say(c, "DATA\r\n", "354 ");
	write_text(c, text);
	caller_say(c, "", reply);
}

/* ---- what came of it ---- */

const char *
gate_message(void)
{
	struct str text = buf_str(&fake_intake.text);
	char *to = arena_alloc(&arena, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\r')
			to[n++] = text.p[i];
	return to;
}

const char *
gate_field(const char *name)
{
	struct header header;
	const char *why;
	struct str text = buf_str(&fake_intake.text);
	size_t n = str_search(text, STR("\r\n\r\n"));
	assert_true(
	    header_parse(str_sub(text, 0, n + 2), &arena, &header, &why));
	const struct header_field *field = header_first(&header, name);
	if (!field)
		return NULL;
	return arena_str(&arena, header_unfold(field->value, &arena)).p;
}
