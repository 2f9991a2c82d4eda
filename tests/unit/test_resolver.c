#include "lib/net/resolver.h"

#include "lib/base/cursor.h"
#include "lib/base/name.h"
#include "lib/net/listener.h"
#include "lib/net/resolver_server.h"
#include "lib/net/stream.h"
#include "tests/fakes/clock.h"

#include <arpa/inet.h>
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

/* ---- a name server ---- */

enum {
	SERVFAIL = 2,
	NXDOMAIN = 3,
	REFUSED = 5,
	AD = 0x20,
	TC = 0x200,
	FAR = 100000, /* a ttl beyond all caps */
};

struct row {
	const char *name;
	unsigned flags; /* AD, TC (over UDP), or an rcode */
	unsigned count; /* A records */
	uint32_t ttl;
	uint32_t soa; /* its ttl and minimum, or 0: none */
	const char *alias;
	bool referral, garbage;
};

struct name_server {
	const struct row *rows; /* what isn't there has one A with ttl 60 */
	int udp;
	uint16_t port;
	struct watch watch;
	struct listener tcp;
	struct stream *stream;
	struct stream_owner owner;
	unsigned asked, asked_tcp;
	uint16_t ids[8];
	uint16_t flags; /* of the last question */
	bool dnssec_ok;
};

static const struct row *
find_row(const struct name_server *s, struct str name)
{
	static const struct row common = { .count = 1, .ttl = 60 };
	for (const struct row *row = s->rows; row && row->name; row++)
		if (str_eq(str_of(row->name), name))
			return row;
	return &common;
}

/* The question, as text; the cursor then stands behind it. */
static struct str
read_name(struct cursor *c, struct buf *text)
{
	uint8_t n;
	while ((n = cursor_u8(c)) > 0) {
		if (text->n)
			buf_addc(text, '.');
		buf_add(text, cursor_bytes(c, n));
	}
	return buf_str(text);
}

static void
put_record(struct buf *out, unsigned type, uint32_t ttl, struct str data)
{
	put_u16(out, 0xc00c);
	put_u16(out, (uint16_t)type);
	put_u16(out, 1);
	put_u32(out, ttl);
	put_u16(out, (uint16_t)data.n);
	buf_add(out, data);
}

static void
put_records(struct buf *out, const struct row *row)
{
	struct buf data = { 0 };
	if (row->alias) {
		name_to_wire(str_of(row->alias), &data);
		put_record(out, DNS_CNAME, row->ttl, buf_str(&data));
	}
	for (unsigned i = 0; i < row->count; i++)
		put_record(out, DNS_A, row->ttl, STR("\xc0\x00\x02\x01"));
	if (row->referral)
		put_record(out, DNS_NS, 60, STR("\x01n\x00"));
	buf_clear(&data);
	buf_add(&data, STR("\0\0"));
	for (int i = 0; i < 5; i++)
		put_u32(&data, row->soa);
	if (row->soa)
		put_record(out, DNS_SOA, row->soa, buf_str(&data));
	buf_free(&data);
}

static void
answer(struct name_server *s, struct str query, bool tcp, struct buf *out)
{
	struct cursor c = cursor_of(query);
	struct buf text = { 0 };
	uint16_t id = cursor_u16(&c);
	s->ids[s->asked++ % 8] = id;
	s->asked_tcp += tcp;
	s->flags = cursor_u16(&c);
	cursor_bytes(&c, 8);
	struct str name = read_name(&c, &text);
	cursor_bytes(&c, 4);
	s->dnssec_ok = query.n > 4 && query.p[query.n - 4] & 0x80;
	const struct row *row = find_row(s, name);
	bool cut = row->flags & TC && !tcp;
	unsigned flags = row->flags & ~(cut ? 0U : (unsigned)TC);
	put_u16(out, id);
	put_u16(out, (uint16_t)(0x8180 | flags));
	put_u16(out, 1);
	put_u16(out, cut ? 0 : (uint16_t)(row->count + !!row->alias));
	put_u16(out, cut ? 0 : (uint16_t)(row->referral + !!row->soa));
	put_u16(out, 0);
	buf_add(out, str_sub(query, 12, c.at - 12));
	if (!cut)
		put_records(out, row);
	if (row->garbage)
		buf_cut(out, out->n - 1);
	buf_free(&text);
}

static void
on_udp(struct watch *watch, bool readable, bool writable)
{
	(void)readable, (void)writable;
	struct name_server *s = container_of(watch, struct name_server, watch);
	char query[512];
	struct sockaddr_in from;
	socklen_t length = sizeof from;
	struct buf out = { 0 };
	ssize_t n = recvfrom(s->udp, query, sizeof query, MSG_DONTWAIT,
	    (struct sockaddr *)&from, &length);
	if (n < 0)
		return;
	answer(s, (struct str){ query, (size_t)n }, false, &out);
	sendto(s->udp, out.p, out.n, 0, (struct sockaddr *)&from, length);
	buf_free(&out);
}

static void
on_tcp(struct stream_owner *owner, enum stream_event event)
{
	struct name_server *s = container_of(owner, struct name_server, owner);
	struct str input = stream_input(s->stream);
	if (event != STREAM_INPUT || input.n <= 2)
		return;
	struct buf out = { 0 }, framed = { 0 };
	answer(s, str_from(input, 2), true, &out);
	put_u16(&framed, (uint16_t)out.n);
	buf_add(&framed, buf_str(&out));
	stream_drain(s->stream, input.n);
	stream_write(s->stream, buf_str(&framed));
	buf_free(&out);
	buf_free(&framed);
}

static void
on_accepted(struct listener *listener, int fd, struct ip peer)
{
	(void)peer;
	struct name_server *s = container_of(listener, struct name_server, tcp);
	assert_null(s->stream);
	s->owner.on = on_tcp;
	s->stream = stream_new(loop, fd, &s->owner);
}

/* Any port when it is 0, and which one it is; -1 when it is taken. */
static int
bind_to(int type, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof a;
	int fd = socket(AF_INET, type, 0);
	if (bind(fd, (struct sockaddr *)&a, length) != 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&a, &length);
	*port = ntohs(a.sin_port);
	return fd;
}

/* TCP on the same port as UDP; a neighbour may have that. */
static int
bind_both(struct name_server *s)
{
	for (int tries = 0; tries < 100; tries++) {
		s->port = 0;
		s->udp = bind_to(SOCK_DGRAM, &s->port);
		int tcp = bind_to(SOCK_STREAM, &s->port);
		if (tcp >= 0)
			return tcp;
		close(s->udp);
	}
	fail_msg("no port is free for both");
	return -1;
}

static void
server_open(struct name_server *s, const struct row *rows)
{
	*s = (struct name_server){ .rows = rows };
	int tcp = bind_both(s);
	watch_start(&s->watch, loop, s->udp, true, false, on_udp);
	assert_int_equal(listen(tcp, 4), 0);
	listener_start(&s->tcp, loop, tcp, on_accepted);
}

static void
server_close(struct name_server *s)
{
	watch_stop(&s->watch);
	close(s->udp);
	listener_stop(&s->tcp);
	stream_free(s->stream);
}

/* ---- the asking side ---- */

static struct resolver *
open_resolver(
    const struct name_server *a, const struct name_server *b, bool trust_ad)
{
	char text[64];
	if (b)
		snprintf(text, sizeof text, "127.0.0.1:%d, 127.0.0.1:%d",
		    a->port, b->port);
	else
		snprintf(text, sizeof text, "127.0.0.1:%d", a->port);
	struct resolver *r = resolver_new(loop, text, trust_ad);
	assert_non_null(r);
	return r;
}

struct asker {
	struct dns_query query;
	unsigned done;
	enum dns_status status;
	bool authentic;
	uint32_t ttl;
	size_t count;
	char alias[32];
};

static unsigned open_questions;

static void
on_done(struct dns_query *query)
{
	struct asker *a = container_of(query, struct asker, query);
	a->done++;
	a->status = query->answer->status;
	a->authentic = query->answer->authentic;
	a->ttl = query->answer->ttl;
	a->count = query->answer->count;
	snprintf(
	    a->alias, sizeof a->alias, "%.*s", STR_ARG(query->answer->alias));
	if (a->status == DNS_FOUND)
		assert_int_equal(query->answer->records[0].ip.bytes[0], 192);
	if (--open_questions == 0)
		loop_stop(loop);
}

static void
ask(struct resolver *r, struct asker *a, const char *name)
{
	*a = (struct asker){ 0 };
	dns_ask(r, &a->query, str_of(name), DNS_A, on_done);
	assert_int_equal(a->done, 0); /* never from within the call */
	open_questions++;
}

static struct asker
ask_now(struct resolver *r, const char *name)
{
	struct asker a;
	ask(r, &a, name);
	loop_run(loop);
	assert_int_equal(a.done, 1);
	a.query = (struct dns_query){ 0 };
	return a;
}

static void
on_enough(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void
run_ms(int64_t ms)
{
	struct timer enough = { 0 };
	timer_start(&enough, loop, ms, on_enough);
	while (timer_pending(&enough))
		loop_run(loop);
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	open_questions = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

/* ---- cases ---- */

static void
test_answers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ .name = "found.example", .count = 3, .ttl = 70 },
		{ .name = "long.example", .count = 1, .ttl = FAR },
		{ .name = "none.example", .soa = 50 },
		{ .name = "none-long.example", .soa = FAR },
		{ .name = "none-soon.example" },
		{ .name = "not.example", .flags = NXDOMAIN, .soa = 50 },
		{ .name = "fail.example", .flags = SERVFAIL, .soa = 50 },
		{ .name = "refused.example", .flags = REFUSED, .soa = 50 },
		{ .name = "elsewhere.example", .referral = true },
		{ .name = "cut.example", .count = 1, .garbage = true },
		{ .name = "big.example", .flags = TC, .count = 3, .ttl = 9 },
		{ 0 },
	};
	static const struct {
		const char *name;
		enum dns_status status;
		size_t count;
		uint32_t ttl;
		bool cached;
	} cases[] = {
		{ "found.example", DNS_FOUND, 3, 70, true },
		{ "Found.Example.", DNS_FOUND, 3, 70, true },
		{ "long.example", DNS_FOUND, 1, 3600, true },
		{ "none.example", DNS_NODATA, 0, 50, true },
		{ "none-long.example", DNS_NODATA, 0, 300, true },
		{ "none-soon.example", DNS_NODATA, 0, 0, false },
		{ "not.example", DNS_NXDOMAIN, 0, 50, true },
		{ "fail.example", DNS_TEMPFAIL, 0, 0, false },
		{ "refused.example", DNS_TEMPFAIL, 0, 0, false },
		{ "elsewhere.example", DNS_TEMPFAIL, 0, 0, false },
		{ "cut.example", DNS_TEMPFAIL, 0, 0, false },
		{ "big.example", DNS_FOUND, 3, 9, true },
		{ "bad..example", DNS_NXDOMAIN, 0, 0, false },
	};
	struct name_server s;
	server_open(&s, rows);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct resolver *r = open_resolver(&s, NULL, true);
		struct asker a = ask_now(r, cases[i].name);
		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(a.count, cases[i].count);
		assert_int_equal(a.ttl, cases[i].ttl);
		assert_false(a.authentic);
		unsigned asked = s.asked;
		a = ask_now(r, cases[i].name);
		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(a.count, cases[i].count);
		assert_int_equal(s.asked == asked,
		    cases[i].cached || a.status == DNS_NXDOMAIN);
		resolver_free(r);
	}
	assert_int_equal(s.asked_tcp, 1);
	server_close(&s);
}

static void
test_authentic_only_when_trusted(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ .name = "yes.example", .flags = AD, .count = 1, .ttl = 9 },
		{ .name = "no.example", .count = 1, .ttl = 9 },
		{ .name = "none.example", .flags = AD, .soa = 9 },
		{ .name = "fail.example", .flags = AD | SERVFAIL },
		{ 0 },
	};
	struct name_server s;
	server_open(&s, rows);
	for (int trust = 0; trust <= 1; trust++) {
		struct resolver *r = open_resolver(&s, NULL, trust);
		assert_int_equal(ask_now(r, "yes.example").authentic, trust);
		assert_int_equal(ask_now(r, "none.example").authentic, trust);
		assert_false(ask_now(r, "no.example").authentic);
		assert_false(ask_now(r, "fail.example").authentic);
		resolver_free(r);
	}
	server_close(&s);
}

static void
test_question_on_the_wire(void **state)
{
	(void)state;
	struct name_server s;
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	for (int i = 0; i < 4; i++) {
		char name[32];
		snprintf(name, sizeof name, "n%d.example", i);
		ask_now(r, name);
	}
	assert_true(s.flags & 0x0100); /* RD */
	assert_true(s.flags & AD);
	assert_true(s.dnssec_ok);
	/* RFC 5452 9.2: ids that can't be foreseen */
	assert_false(s.ids[1] == (uint16_t)(s.ids[0] + 1) &&
	    s.ids[2] == (uint16_t)(s.ids[1] + 1));
	assert_false(s.ids[0] == s.ids[1] && s.ids[1] == s.ids[2]);
	resolver_free(r);
	server_close(&s);
}

static void
test_equal_questions_are_asked_once(void **state)
{
	(void)state;
	struct name_server s;
	struct asker a[3];
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	ask(r, &a[0], "a.example");
	ask(r, &a[1], "A.EXAMPLE.");
	ask(r, &a[2], "b.example");
	loop_run(loop);
	for (int i = 0; i < 3; i++)
		assert_int_equal(a[i].done, 1);
	assert_int_equal(s.asked, 2);
	resolver_free(r);
	server_close(&s);
}

static void
test_cache_keeps_the_lifetime(void **state)
{
	(void)state;
	struct name_server s;
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	assert_int_equal(ask_now(r, "a.example").ttl, 60);
	fake_clock_advance(59000);
	assert_int_equal(ask_now(r, "a.example").ttl, 1);
	assert_int_equal(s.asked, 1);
	fake_clock_advance(1000);
	assert_int_equal(ask_now(r, "a.example").ttl, 60);
	assert_int_equal(s.asked, 2);
	resolver_free(r);
	server_close(&s);
}

static void
test_cache_is_bounded(void **state)
{
	(void)state;
	enum {
		NAMES = 4200
	};
	struct name_server s;
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	for (int i = 0; i < NAMES; i++) {
		char name[32];
		snprintf(name, sizeof name, "n%d.example", i);
		ask_now(r, name);
		ask_now(r, "used.example"); /* and therefore stays */
	}
	assert_int_equal(s.asked, NAMES + 1);
	ask_now(r, "n0.example");
	assert_int_equal(s.asked, NAMES + 2);
	ask_now(r, "used.example");
	assert_int_equal(s.asked, NAMES + 2);
	resolver_free(r);
	server_close(&s);
}

/* ---- several servers ---- */

static const struct row fails[] = {
	{ .name = "a.example", .flags = SERVFAIL },
	{ .name = "b.example", .flags = REFUSED },
	{ 0 },
};

static void
test_second_server_after_a_failure(void **state)
{
	(void)state;
	struct name_server bad, good;
	server_open(&bad, fails);
	server_open(&good, NULL);
	struct resolver *r = open_resolver(&bad, &good, false);
	assert_int_equal(ask_now(r, "a.example").status, DNS_FOUND);
	assert_int_equal(ask_now(r, "b.example").status, DNS_FOUND);
	assert_int_equal(ask_now(r, "c.example").status, DNS_FOUND);
	assert_int_equal(bad.asked, 3);
	assert_int_equal(good.asked, 2);
	resolver_free(r);
	r = open_resolver(&bad, &bad, false);
	assert_int_equal(ask_now(r, "a.example").status, DNS_TEMPFAIL);
	assert_int_equal(bad.asked, 5);
	resolver_free(r);
	server_close(&bad);
	server_close(&good);
}

static void
test_dead_server_is_asked_last_from_then_on(void **state)
{
	(void)state;
	struct name_server dead, good;
	server_open(&dead, NULL);
	server_close(&dead);
	server_open(&good, NULL);
	struct resolver *r = open_resolver(&dead, &good, false);
	assert_int_equal(ask_now(r, "a.example").status, DNS_FOUND);
	server_open(&dead, NULL); /* elsewhere: nobody asks it */
	assert_int_equal(ask_now(r, "b.example").status, DNS_FOUND);
	assert_int_equal(good.asked, 2);
	resolver_free(r);
	server_close(&dead);
	server_close(&good);
}

static void
test_nobody_there(void **state)
{
	(void)state;
	struct name_server dead;
	server_open(&dead, NULL);
	server_close(&dead);
	struct resolver *r = open_resolver(&dead, NULL, false);
	assert_int_equal(ask_now(r, "a.example").status, DNS_TEMPFAIL);
	resolver_free(r);
}

/* Whoever asks and goes, as a client that says MAIL and vanishes, leaves
   questions behind. */
static void
test_so_many_questions_at_a_time(void **state)
{
	(void)state;
	struct name_server s;
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	for (unsigned i = 0; i < SERVER_ASKED; i++) {
		char name[32];
		struct asker gone;
		snprintf(name, sizeof name, "a%u.example", i);
		ask(r, &gone, name);
		dns_cancel(&gone.query);
		open_questions--;
	}
	struct asker a;
	ask(r, &a, "one-more.example");
	run_ms(1); /* it isn't even asked */
	assert_int_equal(a.done, 1);
	assert_int_equal(a.status, DNS_TEMPFAIL);
	resolver_free(r);
	server_close(&s);
}

/* ---- CNAMEs that the server doesn't follow ---- */

static void
test_aliases_are_followed_by_asking(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ .name = "a.example", .alias = "b.example", .ttl = 9 },
		{ .name = "b.example",
		    .alias = "c.example",
		    .ttl = 9,
		    .flags = AD },
		{ .name = "c.example", .count = 2, .ttl = 600, .flags = AD },
		{ .name = "to-none.example", .alias = "none.example" },
		{ .name = "none.example", .soa = 60 },
		{ .name = "x.example", .alias = "y.example", .ttl = 9 },
		{ .name = "y.example", .alias = "x.example", .ttl = 9 },
		{ 0 },
	};
	struct name_server s;
	server_open(&s, rows);
	struct resolver *r = open_resolver(&s, NULL, true);
	struct asker a = ask_now(r, "a.example");
	assert_int_equal(a.count, 2);
	assert_int_equal(a.ttl, 0);
	assert_false(a.authentic); /* the first answer wasn't */
	assert_string_equal(a.alias, "c.example");
	assert_true(ask_now(r, "b.example").authentic);
	a = ask_now(r, "c.example");
	assert_int_equal(a.count, 2);
	assert_string_equal(a.alias, "");
	a = ask_now(r, "to-none.example");
	assert_int_equal(a.status, DNS_NODATA);
	assert_string_equal(a.alias, "none.example");
	a = ask_now(r, "x.example");
	assert_int_equal(a.status, DNS_TEMPFAIL);
	assert_string_equal(a.alias, "");
	resolver_free(r);
	server_close(&s);
}

/* ---- cancelling ---- */

static void
test_cancelled_is_never_done(void **state)
{
	(void)state;
	struct name_server s;
	struct asker a, b, c, idle = { 0 };
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	dns_cancel(&idle.query);
	ask(r, &a, "a.example");
	ask(r, &b, "a.example");
	ask(r, &c, "c.example");
	dns_cancel(&a.query);
	dns_cancel(&a.query);
	dns_cancel(&c.query);
	open_questions = 1;
	loop_run(loop);
	run_ms(20);
	assert_int_equal(a.done, 0);
	assert_int_equal(b.done, 1);
	assert_int_equal(c.done, 0);
	ask(r, &c, "c.example"); /* what nobody waited for was kept */
	dns_cancel(&c.query); /* cached, and not told yet */
	run_ms(5);
	assert_int_equal(c.done, 0);
	assert_int_equal(s.asked, 2);
	resolver_free(r);
	server_close(&s);
}

static struct asker first, second;
static struct resolver *shared;

static void
on_cancel_second(struct dns_query *query)
{
	on_done(query);
	dns_cancel(&second.query);
	loop_stop(loop);
}

static void
test_done_cancels_another_of_the_same_answer(void **state)
{
	(void)state;
	struct name_server s;
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	first = (struct asker){ 0 };
	dns_ask(r, &first.query, STR("a.example"), DNS_A, on_cancel_second);
	ask(r, &second, "a.example");
	open_questions = 2;
	loop_run(loop);
	run_ms(5);
	assert_int_equal(first.done, 1);
	assert_int_equal(second.done, 0);
	resolver_free(r);
	server_close(&s);
}

static void
on_ask_again(struct dns_query *query)
{
	struct asker *a = container_of(query, struct asker, query);
	if (++a->done == 5)
		loop_stop(loop);
	else
		dns_ask(
		    shared, query, STR("again.example"), DNS_A, on_ask_again);
	assert_int_equal(query->answer == NULL, a->done < 5);
}

/* With an answer that is kept, and with one that isn't. */
static void
test_done_asks_the_same_again(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ .name = "again.example", .count = 1, .ttl = 0 },
		{ 0 },
	};
	for (int kept = 0; kept <= 1; kept++) {
		struct name_server s;
		server_open(&s, kept ? NULL : rows);
		shared = open_resolver(&s, NULL, false);
		first = (struct asker){ 0 };
		dns_ask(shared, &first.query, STR("again.example"), DNS_A,
		    on_ask_again);
		loop_run(loop);
		assert_int_equal(first.done, 5);
		assert_int_equal(s.asked, kept ? 1 : 5);
		resolver_free(shared);
		server_close(&s);
	}
}

static void
test_free_cancels_everything(void **state)
{
	(void)state;
	struct name_server s;
	struct asker wire, cached;
	server_open(&s, NULL);
	struct resolver *r = open_resolver(&s, NULL, false);
	ask_now(r, "cached.example");
	ask(r, &wire, "wire.example");
	ask(r, &cached, "cached.example");
	resolver_free(r);
	run_ms(5);
	assert_int_equal(wire.done, 0);
	assert_int_equal(cached.done, 0);
	dns_cancel(&wire.query);
	dns_cancel(&cached.query);
	resolver_free(NULL);
	server_close(&s);
}

static void
test_servers_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *servers;
		bool good;
	} cases[] = {
		{ "127.0.0.1", true },
		{ "127.0.0.1:5353,[::1]:53", true },
		{ "::1 , 192.0.2.1", true },
		{ "", true },
		{ "localhost", false },
		{ "127.0.0.1,,::1", false },
		{ "127.0.0.1:99999", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct resolver *r =
		    resolver_new(loop, cases[i].servers, false);
		assert_int_equal(r != NULL, cases[i].good);
		resolver_free(r);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answers),
		CASE(test_authentic_only_when_trusted),
		CASE(test_question_on_the_wire),
		CASE(test_equal_questions_are_asked_once),
		CASE(test_cache_keeps_the_lifetime),
		CASE(test_cache_is_bounded),
		CASE(test_second_server_after_a_failure),
		CASE(test_dead_server_is_asked_last_from_then_on),
		CASE(test_nobody_there),
		CASE(test_so_many_questions_at_a_time),
		CASE(test_aliases_are_followed_by_asking),
		CASE(test_cancelled_is_never_done),
		CASE(test_done_cancels_another_of_the_same_answer),
		CASE(test_done_asks_the_same_again),
		CASE(test_free_cancels_everything),
		CASE(test_servers_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
