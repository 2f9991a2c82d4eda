#include "lib/net/stream.h"
#include "tests/unit/tls_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct tls_context *server_tls, *opportunistic, *verified;
static struct tls_terms anybody; /* opportunistic */
static char folder[] = "/tmp/test_stream.XXXXXX";

/* ---- one end of a connection that writes down what it is told ---- */

struct side {
	struct stream_owner owner;
	struct stream *stream;
	char told[64]; /* a letter per event, see letters */
	char stop_on; /* the loop stops when it comes */
	char free_on; /* the stream is freed when it comes */
	bool keep; /* input is not drained */
	struct str reply; /* to every octet */
	struct buf got;
};

static const char letters[] = {
	[STREAM_INPUT] = 'I',
	[STREAM_DRAINED] = 'D',
	[STREAM_SECURE] = 'S',
	[STREAM_CLOSED] = 'C',
	[STREAM_FAILED] = 'F',
	[STREAM_TIMEOUT] = 'T',
};

static void
on_stream(struct stream_owner *owner, enum stream_event event)
{
	struct side *s = container_of(owner, struct side, owner);
	size_t n = strlen(s->told);
	if (n < sizeof s->told - 1)
		s->told[n] = letters[event];
	if (event == STREAM_INPUT && !s->keep) {
		struct str input = stream_input(s->stream);
		buf_add(&s->got, input);
		for (size_t i = 0; i < input.n && s->reply.n; i++)
			stream_write(s->stream, s->reply);
		stream_drain(s->stream, input.n);
	}
	if (letters[event] == s->free_on) {
		stream_free(s->stream);
		s->stream = NULL;
	}
	if (letters[event] == s->stop_on)
		loop_stop(loop);
}

static void
side_open(struct side *s, int fd)
{
	*s = (struct side){ .owner = { on_stream } };
	s->stream = stream_new(loop, fd, &s->owner);
}

static void
side_close(struct side *s)
{
	stream_free(s->stream);
	buf_free(&s->got);
}

static void
on_too_late(struct timer *timer)
{
	(void)timer;
	fail_msg("nothing happens");
}

/* Runs until that side is told that. */
static void
run_until(struct side *s, char letter)
{
	struct timer limit = { 0 };
	timer_start(&limit, loop, 20000, on_too_late);
	s->stop_on = letter;
	loop_run(loop);
	s->stop_on = 0;
	timer_stop(&limit);
}

static void
on_enough(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* Lets everything happen that can. */
static void
run_ms(int64_t ms)
{
	struct timer enough = { 0 };
	timer_start(&enough, loop, ms, on_enough);
	while (timer_pending(&enough))
		loop_run(loop);
}

static void
run_until_got(struct side *s, size_t n)
{
	while (s->got.n < n)
		run_until(s, 'I');
}

#define assert_got(s, text) assert_true(str_eq(buf_str(&(s).got), STR(text)))

/* ---- sockets ---- */

static void
pair(int type, int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, ends), 0);
}

static void
tcp_pair(int ends[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(l, (struct sockaddr *)&a, length), 0);
	assert_int_equal(listen(l, 1), 0);
	getsockname(l, (struct sockaddr *)&a, &length);
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ends[1], (struct sockaddr *)&a, length), 0);
	ends[0] = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	assert_true(ends[0] >= 0);
	close(l);
}

static void
open_two(struct side *a, struct side *b)
{
	int ends[2];
	pair(SOCK_STREAM, ends);
	side_open(a, ends[0]);
	side_open(b, ends[1]);
}

static void
send_all(int fd, const char *text)
{
	ssize_t n = (ssize_t)strlen(text);
	assert_int_equal(send(fd, text, (size_t)n, 0), n);
}

/* ---- plain ---- */

static void
test_octets_arrive_both_ways(void **state)
{
	(void)state;
	struct side a, b;
	open_two(&a, &b);
	stream_write(a.stream, STR("hello"));
	assert_int_equal(stream_pending(a.stream), 5);
	run_until(&b, 'I');
	assert_got(b, "hello");
	assert_int_equal(stream_pending(a.stream), 0);
	assert_string_equal(a.told, "D");
	stream_write(b.stream, STR("hi"));
	run_until(&a, 'I');
	assert_got(a, "hi");
	side_close(&a);
	run_until(&b, 'C');
	side_close(&b);
}

/* A socket that keeps records shows each send() by itself. */
static void
test_writes_of_a_turn_leave_at_once(void **state)
{
	(void)state;
	int ends[2];
	char text[64];
	struct side a;
	pair(SOCK_SEQPACKET, ends);
	side_open(&a, ends[0]);
	stream_write(a.stream, STR("250-a\r\n"));
	stream_write(a.stream, STR("250-b\r\n"));
	stream_write(a.stream, STR("250 c\r\n"));
	assert_int_equal(recv(ends[1], text, sizeof text, 0), -1);
	run_until(&a, 'D');
	assert_int_equal(recv(ends[1], text, sizeof text, 0), 21);
	side_close(&a);
	close(ends[1]);
}

static void
test_unread_input_is_told_once(void **state)
{
	(void)state;
	int ends[2];
	struct side a;
	pair(SOCK_STREAM, ends);
	side_open(&a, ends[0]);
	a.keep = true;
	send_all(ends[1], "half a li");
	run_until(&a, 'I');
	run_ms(5);
	assert_string_equal(a.told, "I");
	stream_drain(a.stream, 5);
	send_all(ends[1], "ne\r\n");
	run_until(&a, 'I');
	assert_string_equal(a.told, "II");
	assert_true(str_eq(stream_input(a.stream), STR("a line\r\n")));
	side_close(&a);
	close(ends[1]);
}

static void
test_input_is_bounded(void **state)
{
	(void)state;
	enum {
		BOUND = 65536 + 16384
	};
	struct side a, b;
	char *text = calloc(1, 1 << 20);
	open_two(&a, &b);
	b.keep = true;
	stream_write(a.stream, (struct str){ text, 1 << 20 });
	run_ms(20);
	assert_true(stream_input(b.stream).n >= 65536);
	assert_true(stream_input(b.stream).n < BOUND);
	b.keep = false;
	size_t n = stream_input(b.stream).n;
	stream_drain(b.stream, n);
	run_until_got(&b, (1 << 20) - n);
	side_close(&a);
	side_close(&b);
	free(text);
}

/* Whoever asks and never listens costs a bounded amount. */
static void
test_output_is_bounded_by_not_reading(void **state)
{
	(void)state;
	enum {
		BOUND = 262144,
		REPLY = 16,
		PER_TURN = 65536 * REPLY
	};
	int ends[2];
	struct side a;
	char questions[1024] = { 0 };
	size_t sent = 0;
	pair(SOCK_STREAM, ends);
	side_open(&a, ends[0]);
	a.reply = STR("0123456789abcdef");
	for (int i = 0; i < 2000; i++) {
		ssize_t n = send(ends[1], questions, sizeof questions, 0);
		sent += n > 0 ? (size_t)n : 0;
		run_ms(0);
		assert_true(stream_pending(a.stream) < BOUND + PER_TURN);
	}
	char text[16384];
	size_t heard = 0;
	while (heard < sent * REPLY) { /* and nothing is lost */
		ssize_t n = recv(ends[1], text, sizeof text, 0);
		heard += n > 0 ? (size_t)n : 0;
		run_ms(0);
	}
	assert_int_equal(stream_pending(a.stream), 0);
	side_close(&a);
	close(ends[1]);
}

static void
test_pause_holds_input_and_end(void **state)
{
	(void)state;
	int ends[2];
	struct side a;
	pair(SOCK_STREAM, ends);
	side_open(&a, ends[0]);
	a.keep = true;
	send_all(ends[1], "one");
	run_until(&a, 'I');
	stream_pause(a.stream, true);
	send_all(ends[1], "two");
	close(ends[1]);
	run_ms(5);
	assert_string_equal(a.told, "I");
	assert_true(str_eq(stream_input(a.stream), STR("one")));
	stream_pause(a.stream, false);
	assert_string_equal(a.told, "I"); /* not from within the call */
	run_until(&a, 'C');
	assert_true(str_eq(stream_input(a.stream), STR("onetwo")));
	assert_int_equal(a.told[1], 'I'); /* for what was there already */
	side_close(&a);
}

static void
test_end_comes_behind_the_input(void **state)
{
	(void)state;
	int ends[2];
	struct side a;
	pair(SOCK_STREAM, ends);
	side_open(&a, ends[0]);
	send_all(ends[1], "QUIT\r\n");
	close(ends[1]);
	run_until(&a, 'C');
	assert_string_equal(a.told, "IC");
	assert_got(a, "QUIT\r\n");
	assert_string_equal(stream_error(a.stream), "");
	side_close(&a);
}

static void
test_reset_is_a_failure(void **state)
{
	(void)state;
	int ends[2];
	struct side a;
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	tcp_pair(ends);
	side_open(&a, ends[0]);
	setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(ends[1]);
	run_until(&a, 'F');
	assert_string_equal(stream_error(a.stream), "Connection reset by peer");
	stream_write(a.stream, STR("nobody hears"));
	run_ms(2);
	assert_string_equal(a.told, "F");
	side_close(&a);
}

static void
test_deadline(void **state)
{
	(void)state;
	struct side a, b;
	open_two(&a, &b);
	stream_deadline(a.stream, 1);
	stream_deadline(b.stream, 1);
	stream_deadline(b.stream, 0);
	run_until(&a, 'T');
	run_ms(5);
	assert_string_equal(a.told, "T");
	assert_string_equal(b.told, "");
	side_close(&a);
	side_close(&b);
}

static void
test_owner_frees_from_within(void **state)
{
	(void)state;
	for (const char *when = "IDC"; *when; when++) {
		struct side a, b;
		open_two(&a, &b);
		a.free_on = *when;
		stream_write(a.stream, STR("x"));
		stream_write(b.stream, STR("y"));
		if (*when == 'C')
			stream_finish(b.stream, 1000);
		run_until(&a, *when);
		assert_null(a.stream);
		run_ms(2);
		if (*when != 'C')
			side_close(&b);
		buf_free(&a.got);
	}
}

static void
test_addresses(void **state)
{
	(void)state;
	int ends[2];
	struct side a;
	uint16_t local;
	tcp_pair(ends);
	side_open(&a, ends[0]);
	assert_true(ip_is_loopback(stream_local(a.stream, &local)));
	assert_true(local > 0);
	side_close(&a);
	close(ends[1]);
}

/* ---- the end of a connection ---- */

static void
test_finish_writes_everything(void **state)
{
	(void)state;
	enum {
		LARGE = 4 << 20
	};
	struct side a, b;
	char *text = calloc(1, LARGE);
	open_two(&a, &b);
	stream_write(a.stream, (struct str){ text, LARGE });
	stream_finish(a.stream, 10000);
	run_until(&b, 'C');
	assert_int_equal(b.got.n, LARGE);
	assert_string_equal(a.told, "");
	side_close(&b);
	run_ms(5);
	free(text);
}

/* Closing with unread input makes the kernel send a reset, which destroys what
   the peer has not read yet. */
static void
test_last_reply_survives_what_the_peer_still_sends(void **state)
{
	(void)state;
	int ends[2];
	char text[64];
	struct side a;
	tcp_pair(ends);
	side_open(&a, ends[0]);
	stream_pause(a.stream, true);
	send_all(ends[1], "much that nobody reads");
	stream_write(a.stream, STR("421 bye\r\n"));
	stream_finish(a.stream, 10000);
	run_ms(5);
	send_all(ends[1], "and more");
	run_ms(5);
	assert_int_equal(recv(ends[1], text, sizeof text, 0), 9);
	assert_int_equal(recv(ends[1], text, sizeof text, 0), 0);
	close(ends[1]);
	run_ms(5);
}

static void
test_finish_ends_with_its_time(void **state)
{
	(void)state;
	int ends[2];
	char text[64];
	struct side a;
	tcp_pair(ends);
	side_open(&a, ends[0]);
	stream_finish(a.stream, 5);
	run_ms(20);
	send_all(ends[1], "still here?");
	run_ms(2);
	assert_int_equal(recv(ends[1], text, sizeof text, MSG_DONTWAIT), 0);
	assert_int_equal(
	    send(ends[1], "gone", 4, MSG_NOSIGNAL | MSG_DONTWAIT), -1);
	close(ends[1]);
}

static bool
is_closed(int fd)
{
	send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	run_ms(1);
	return send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
}

/* Nobody counts them any more, and peers may leave them open. */
static void
test_so_many_finish_at_a_time(void **state)
{
	(void)state;
	int ends[STREAM_FINISHING + 1];
	for (int i = 0; i <= STREAM_FINISHING; i++) {
		int pair[2];
		struct side a;
		tcp_pair(pair);
		side_open(&a, pair[0]);
		ends[i] = pair[1];
		stream_finish(a.stream, 10000);
		run_ms(1);
		if (i == STREAM_FINISHING - 1)
			assert_false(is_closed(ends[0]));
	}
	assert_true(is_closed(ends[0]));
	assert_false(is_closed(ends[1]));
	for (int i = 0; i <= STREAM_FINISHING; i++)
		close(ends[i]);
	run_ms(20);
}

/* ---- TLS ---- */

static void
open_tls(struct side *server, struct side *client,
    const struct tls_context *tls, const char *name)
{
	open_two(server, client);
	stream_tls_accept(server->stream, server_tls);
	stream_tls_connect(client->stream,
	    &(struct tls_terms){ .context = tls,
		.name = name,
		.check = SSL_CTX_get_verify_mode(tls->ctx) == SSL_VERIFY_PEER
		    ? TLS_CHECK_PKIX
		    : TLS_CHECK_NOTHING });
}

static void
test_tls_both_ways(void **state)
{
	(void)state;
	struct side s, c;
	struct tls_info info;
	open_tls(&s, &c, opportunistic, "mail.example");
	assert_false(stream_tls_info(c.stream, &info));
	stream_write(c.stream, STR("EHLO x\r\n")); /* waits for the handshake */
	run_until(&s, 'I');
	assert_got(s, "EHLO x\r\n");
	assert_string_equal(s.told, "SI");
	assert_true(stream_tls_info(c.stream, &info));
	assert_string_equal(info.version, "TLSv1.3");
	assert_false(info.verified);
	stream_write(s.stream, STR("250 y\r\n"));
	run_until(&c, 'I');
	assert_got(c, "250 y\r\n");
	side_close(&s);
	run_until(&c, 'C'); /* a close_notify came first */
	side_close(&c);
}

static void
test_tls_never_sees_plain_input(void **state)
{
	(void)state;
	struct side s, c;
	open_two(&s, &c);
	s.keep = true;
	stream_write(c.stream, STR("STARTTLS\r\nMAIL FROM:<injected>\r\n"));
	run_until(&s, 'I');
	stream_drain(s.stream, 10);
	stream_write(s.stream, STR("220 go\r\n"));
	stream_tls_accept(s.stream, server_tls);
	assert_int_equal(stream_input(s.stream).n, 0);
	run_until(&c, 'I');
	assert_got(c, "220 go\r\n");
	stream_tls_connect(c.stream, &anybody);
	stream_write(c.stream, STR("EHLO\r\n"));
	run_until(&s, 'I');
	assert_true(str_eq(stream_input(s.stream), STR("EHLO\r\n")));
	side_close(&s);
	side_close(&c);
}

static void
test_nothing_leaves_in_plain_text_after_the_start(void **state)
{
	(void)state;
	int ends[2];
	char text[512];
	struct side a;
	pair(SOCK_STREAM, ends);
	side_open(&a, ends[0]);
	stream_write(a.stream, STR("STARTTLS\r\n"));
	stream_tls_connect(a.stream, &anybody);
	stream_write(a.stream, STR("secret"));
	run_ms(5);
	ssize_t n = recv(ends[1], text, sizeof text, 0);
	assert_true(n > 10);
	assert_memory_equal(text, "STARTTLS\r\n", 10);
	assert_null(memmem(text, (size_t)n, "secret", 6));
	assert_int_equal(text[10], 22); /* a handshake record */
	side_close(&a);
	close(ends[1]);
}

static void
test_tls_cut_is_a_failure(void **state)
{
	(void)state;
	struct side s;
	int ends[2], copy;
	pair(SOCK_STREAM, ends);
	struct side c;
	side_open(&s, ends[0]);
	side_open(&c, ends[1]);
	copy = dup(ends[1]);
	stream_tls_accept(s.stream, server_tls);
	stream_tls_connect(c.stream, &anybody);
	run_until(&c, 'S');
	run_ms(5);
	shutdown(copy, SHUT_WR); /* behind the back of TLS */
	run_until(&s, 'F');
	assert_non_null(strstr(stream_error(s.stream), "eof"));
	side_close(&s);
	side_close(&c);
	close(copy);
}

static void
test_handshake_with_no_tls_peer_fails(void **state)
{
	(void)state;
	int ends[2];
	struct side a;
	struct tls_info info;
	pair(SOCK_STREAM, ends);
	side_open(&a, ends[0]);
	stream_tls_accept(a.stream, server_tls);
	send_all(ends[1], "EHLO me\r\n");
	run_until(&a, 'F');
	assert_true(strlen(stream_error(a.stream)) > 0);
	assert_false(stream_tls_info(a.stream, &info));
	side_close(&a);
	close(ends[1]);
}

static void
test_verified_wants_name_and_authority(void **state)
{
	(void)state;
	static const struct {
		const char *name, *error;
	} cases[] = {
		{ "mail.example", NULL },
		{ "other.example", "hostname mismatch" },
		{ "192.0.2.1", "IP address mismatch" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct side s, c;
		struct tls_info info = { 0 };
		open_tls(&s, &c, verified, cases[i].name);
		run_until(&c, cases[i].error ? 'F' : 'S');
		if (cases[i].error)
			assert_string_equal(
			    stream_error(c.stream), cases[i].error);
		assert_int_equal(
		    stream_tls_info(c.stream, &info), !cases[i].error);
		assert_int_equal(info.verified, !cases[i].error);
		side_close(&s);
		side_close(&c);
	}
	const char *why;
	struct tls_context *system = tls_client(TLS_VERIFIED, "", &why);
	struct side s, c;
	open_tls(&s, &c, system, "mail.example");
	run_until(&c, 'F');
	assert_string_equal(stream_error(c.stream), "self-signed certificate");
	side_close(&s);
	side_close(&c);
	tls_free(system);
}

static void
test_channel_bindings_agree(void **state)
{
	(void)state;
	static const struct {
		int version;
		const char *type;
		size_t length;
	} cases[] = {
		{ TLS1_3_VERSION, "tls-exporter", 32 },
		{ TLS1_2_VERSION, "tls-unique", 12 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct side s, c;
		const char *type = "", *why;
		struct buf theirs = { 0 }, ours = { 0 };
		struct tls_context *tls =
		    tls_client(TLS_OPPORTUNISTIC, "", &why);
		SSL_CTX_set_max_proto_version(tls->ctx, cases[i].version);
		open_tls(&s, &c, tls, "mail.example");
		assert_false(stream_channel_binding(s.stream, &type, &ours));
		run_until(&c, 'S');
		run_ms(5);
		assert_true(stream_channel_binding(s.stream, &type, &ours));
		assert_string_equal(type, cases[i].type);
		assert_true(stream_channel_binding(c.stream, &type, &theirs));
		assert_int_equal(ours.n, cases[i].length);
		assert_true(str_eq(buf_str(&ours), buf_str(&theirs)));
		buf_free(&ours);
		buf_free(&theirs);
		side_close(&s);
		side_close(&c);
		tls_free(tls);
	}
}

static void
test_tls_through_a_slow_reader(void **state)
{
	(void)state;
	enum {
		LARGE = 3 << 20
	};
	struct side s, c;
	struct buf text = { 0 };
	for (uint32_t i = 0; i < LARGE / 4; i++)
		buf_add(&text, (struct str){ (char *)&i, 4 });
	open_tls(&s, &c, opportunistic, "mail.example");
	stream_write(c.stream, buf_str(&text));
	while (s.got.n < LARGE) {
		run_until(&s, 'I');
		stream_pause(s.stream, true);
		run_ms(1);
		stream_pause(s.stream, false);
	}
	assert_true(str_eq(buf_str(&s.got), buf_str(&text)));
	side_close(&s);
	side_close(&c);
	buf_free(&text);
}

/* ---- what an idle one costs ---- */

static size_t
heap(void)
{
	return mallinfo2().uordblks;
}

static void
test_idle_connections_are_small(void **state)
{
	(void)state;
	/* Octets; TLS for both ends.  Newer ones keep more for each. */
	enum {
		PAIRS = 50,
		PLAIN = 1500,
		TLS = OPENSSL_VERSION_NUMBER < 0x30200000L ? 40000 : 80000
	};
	static struct side s[PAIRS], c[PAIRS];
	size_t before = heap();
	for (int i = 0; i < PAIRS; i++) {
		open_two(&s[i], &c[i]);
		stream_write(s[i].stream, STR("220 hello\r\n"));
		stream_write(c[i].stream, STR("EHLO me\r\n"));
		run_until(&c[i], 'I');
		buf_free(&s[i].got);
		buf_free(&c[i].got);
	}
	run_ms(5);
	assert_true((heap() - before) / (2 * PAIRS) < PLAIN);
	for (int i = 0; i < PAIRS; i++) {
		stream_tls_accept(s[i].stream, server_tls);
		stream_tls_connect(c[i].stream, &anybody);
		run_until(&c[i], 'S');
		buf_free(&s[i].got);
	}
	run_ms(5);
	assert_true((heap() - before) / PAIRS < TLS);
	for (int i = 0; i < PAIRS; i++) {
		side_close(&s[i]);
		side_close(&c[i]);
	}
}

static int
set_up_all(void **state)
{
	(void)state;
	char cert[64], key[64];
	const char *why = "";
	assert_non_null(mkdtemp(folder));
	tls_pair_make(folder, "mail.example");
	snprintf(cert, sizeof cert, "%s/mail.example.cert.pem", folder);
	snprintf(key, sizeof key, "%s/mail.example.key.pem", folder);
	loop = loop_new();
	server_tls = tls_server(cert, key, false, &why);
	opportunistic = tls_client(TLS_OPPORTUNISTIC, "", &why);
	anybody = (struct tls_terms){ .context = opportunistic,
		.name = "mail.example" };
	verified = tls_client(TLS_VERIFIED, cert, &why);
	unlink(cert);
	unlink(key);
	rmdir(folder);
	return server_tls && opportunistic && verified ? 0 : -1;
}

static int
tear_down_all(void **state)
{
	(void)state;
	tls_free(server_tls);
	tls_free(opportunistic);
	tls_free(verified);
	loop_free(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets_arrive_both_ways),
		cmocka_unit_test(test_writes_of_a_turn_leave_at_once),
		cmocka_unit_test(test_unread_input_is_told_once),
		cmocka_unit_test(test_input_is_bounded),
		cmocka_unit_test(test_output_is_bounded_by_not_reading),
		cmocka_unit_test(test_pause_holds_input_and_end),
		cmocka_unit_test(test_end_comes_behind_the_input),
		cmocka_unit_test(test_reset_is_a_failure),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_owner_frees_from_within),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_finish_writes_everything),
		cmocka_unit_test(
		    test_last_reply_survives_what_the_peer_still_sends),
		cmocka_unit_test(test_finish_ends_with_its_time),
		cmocka_unit_test(test_so_many_finish_at_a_time),
		cmocka_unit_test(test_tls_both_ways),
		cmocka_unit_test(test_tls_never_sees_plain_input),
		cmocka_unit_test(
		    test_nothing_leaves_in_plain_text_after_the_start),
		cmocka_unit_test(test_tls_cut_is_a_failure),
		cmocka_unit_test(test_handshake_with_no_tls_peer_fails),
		cmocka_unit_test(test_verified_wants_name_and_authority),
		cmocka_unit_test(test_channel_bindings_agree),
		cmocka_unit_test(test_tls_through_a_slow_reader),
		cmocka_unit_test(test_idle_connections_are_small),
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
