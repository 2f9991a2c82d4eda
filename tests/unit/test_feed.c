#include "smtpd/delivery/feed.h"

#include "lib/base/crc.h"
#include "lib/base/log.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/peers.h"
#include "tests/fakes/story.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	LARGE = 1000000
}; /* octets: several pieces */

static struct loop *loop;

struct sender { /* one message in one session */
	struct dial dial;
	struct smtp_client client;
	struct smtp_mail mail;
	struct feed feed;
	struct message message;
	char path[32];
	bool done;
	int code;
};

static void
on_more(struct smtp_mail *mail)
{
	feed_more(&container_of(mail, struct sender, mail)->feed);
}

static void
on_done(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	s->done = true;
	s->code = mail->replies[0].code;
}

static void
on_ready(struct smtp_client *client)
{
	struct sender *s = container_of(client, struct sender, client);
	static const struct str recipient = { "bob@remote.test", 15 };
	if (s->done)
		return;
	s->mail.count = 1;
	s->mail.recipients = &recipient;
	s->mail.more = on_more;
	smtp_client_send(client, &s->mail, on_done);
}

static void
on_ended(struct smtp_client *client)
{
	(void)client;
}

static void
on_dialed(struct dial *dial)
{
	struct sender *s = container_of(dial, struct sender, dial);
	struct smtp_client_options options = { .helo = "a", .terms.name = "b" };
	smtp_client_start(
	    &s->client, loop, dial->fd, &options, on_ready, on_ended);
}

static void
make_body(struct sender *s, size_t size, struct buf *body)
{
	for (size_t i = 0; body->n < size; i++)
		buf_addf(body, "\r\nline %zu", i);
	snprintf(s->path, sizeof s->path, "/tmp/postern-feed-XXXXXX");
	int fd = mkstemp(s->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, body->p, body->n), body->n);
	close(fd);
	buf_adds(&s->message.file, s->path);
	s->message.file_size = body->n;
	s->message.file_crc = crc32c(0, buf_str(body));
}

static void
start(struct sender *s)
{
	static const struct fake_peer peers[] = { { .ip = "11.0.0.1" }, { 0 } };
	fake_peers_use(loop, peers);
	fake_jobs_use(loop);
	log_open(LOG_ERROR + 1, false, NULL);
	*s = (struct sender){ 0 };
	s->feed.message = &s->message;
	s->feed.mail = &s->mail;
	buf_adds(&s->message.header, "Subject: hello\r\n");
	ip_parse(STR("11.0.0.1"), &s->dial.to);
	dial_start(&s->dial, loop, on_dialed);
}

static void
finish(struct sender *s)
{
	feed_cancel(&s->feed);
	smtp_client_free(&s->client);
	fake_jobs_let_go();
	fake_loop_settle(loop);
	buf_free(&s->message.header);
	buf_free(&s->message.body);
	buf_free(&s->message.file);
	if (s->path[0])
		unlink(s->path);
	story_free();
	fake_peers_end();
}

static void
a_small_message_goes_at_once(void **state)
{
	struct sender s;
	(void)state;
	start(&s);
	buf_adds(&s.message.body, "\r\nbody\r\n");
	fake_loop_settle(loop);
	assert_int_equal(s.code, 250);
	assert_true(s.feed.ended);
	assert_str(fake_peers_text(), STR("Subject: hello\r\n\r\nbody\r\n"));
	assert_int_equal(fake_jobs.most, 0);
	finish(&s);
}

static void
a_large_one_is_read_by_workers(void **state)
{
	struct sender s;
	struct buf body = { 0 };
	(void)state;
	start(&s);
	make_body(&s, LARGE, &body);
	fake_loop_settle(loop);
	assert_int_equal(s.code, 250);
	assert_true(str_starts(
	    fake_peers_text(), STR("Subject: hello\r\n\r\nline 0\r\n")));
	assert_str(
	    str_from(fake_peers_text(), s.message.header.n), buf_str(&body));
	assert_int_equal(fake_jobs.most, 1);
	buf_free(&body);
	finish(&s);
}

/* Nobody gets half of it, or something else. */
static void
what_cannot_be_read_is_not_sent(void **state)
{
	static const struct {
		const char *what;
		bool missing, shorter, changed, full;
	} cases[] = {
		{ .what = "missing", .missing = true },
		{ .what = "shorter", .shorter = true },
		{ .what = "changed", .changed = true },
		{ .what = "no worker", .full = true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sender s;
		struct buf body = { 0 };
		start(&s);
		make_body(&s, LARGE, &body);
		if (cases[i].missing)
			unlink(s.path);
		if (cases[i].shorter)
			assert_int_equal(truncate(s.path, LARGE - 1), 0);
		s.message.file_crc ^= cases[i].changed;
		fake_jobs.full = cases[i].full;
		fake_loop_settle(loop);
		if (s.code != 451)
			print_error("%s\n", cases[i].what);
		assert_int_equal(s.code, 451);
		assert_false(s.feed.ended);
		buf_free(&body);
		finish(&s);
	}
}

static void
may_be_cancelled_while_a_worker_reads(void **state)
{
	(void)state;
	for (int begun = 0; begun < 2; begun++) {
		struct sender s;
		struct buf body = { 0 };
		start(&s);
		make_body(&s, LARGE, &body);
		fake_jobs.hold = true;
		fake_jobs.begun = begun;
		fake_loop_settle(loop);
		assert_int_equal(fake_jobs.waiting, 1);
		feed_cancel(&s.feed);
		feed_cancel(&s.feed);
		assert_int_equal(fake_jobs.waiting, begun);
		fake_jobs_let_go();
		fake_loop_settle(loop);
		assert_false(s.done);
		buf_free(&body);
		finish(&s);
	}
}

static int
setup(void **state)
{
	(void)state;
	loop = loop_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_message_goes_at_once),
		cmocka_unit_test(a_large_one_is_read_by_workers),
		cmocka_unit_test(what_cannot_be_read_is_not_sent),
		cmocka_unit_test(may_be_cancelled_while_a_worker_reads),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
