#include "smtpd/report/report.h"

#include "lib/base/codec.h"
#include "lib/report/dmarc_row.h"
#include "lib/report/tls_row.h"
#include "smtpd/report/quota.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/fetch.h"
#include "tests/fakes/intake.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/pairs.h"
#include "tests/fakes/resolver.h"
#include "tests/fakes/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum {
	TODAY = 20777,
	MINUTE_MS = 60000,
	HOUR_MS = 60 * MINUTE_MS,
	DAY_MS = 24 * HOUR_MS,
};

static const struct tally_kind dmarc_kind = {
	.row_tag = DMARC_ROW_TAG,
	.topic_tag = DMARC_NOTE_TAG,
	.rows = 5000,
	.topic_rows = 2500,
	.bytes = 4 << 20,
	.days = 3,
};

static const struct tally_kind tls_kind = {
	.row_tag = TLS_ROW_TAG,
	.rows = 400,
	.topic_rows = 50,
	.bytes = 1 << 20,
	.days = 3,
};

static const struct fake_record zone[] = {
	{ "_smtp._tls.a.test", DNS_TXT,
	    "v=TLSRPTv1; rua=mailto:tls@r.test,https://web.test/v1",
	    .ttl = 60 },
	{ "_smtp._tls.mail.test", DNS_TXT, "v=TLSRPTv1;rua=mailto:tls@r.test",
	    .ttl = 60 },
	{ "_smtp._tls.web.test", DNS_TXT, "v=TLSRPTv1;rua=https://web.test/v1",
	    .ttl = 60 },
	{ "_smtp._tls.trouble.test", .status = DNS_TEMPFAIL },
	{ "web.test", DNS_A, "11.0.0.7", .ttl = 60 },
	{ "web.test", DNS_AAAA, "fd00::7", .ttl = 60 },
	{ "_dmarc.org.test", DNS_TXT, "v=DMARC1; p=reject", .ttl = 60 },
	{ "a.test._report._dmarc.agreed.test", DNS_TXT, "v=DMARC1;",
	    .ttl = 60 },
	{ "a.test._report._dmarc.moved.test", DNS_TXT,
	    "v=DMARC1; rua=mailto:new@moved.test,mailto:x@moved.test",
	    .ttl = 60 },
	{ "a.test._report._dmarc.bent.test", DNS_TXT,
	    "v=DMARC1; rua=mailto:new@bent.test,mailto:x@evil.test",
	    .ttl = 60 },
	{ "a.test._report._dmarc.web.test", DNS_TXT,
	    "v=DMARC1; rua=https://web.test/", .ttl = 60 },
	{ "a.test._report._dmarc.twice.test", DNS_TXT, "v=DMARC1", .ttl = 60 },
	{ "a.test._report._dmarc.twice.test", DNS_TXT,
	    "v=DMARC1; rua=mailto:new@twice.test", .ttl = 60 },
	{ "a.test._report._dmarc.strange.test", DNS_TXT, "v=spf1 -all",
	    .ttl = 60 },
	{ "a.test._report._dmarc.trouble.test", .status = DNS_TEMPFAIL },
	{ 0 },
};

static struct loop *loop;
static struct settings settings;
static struct tally *dmarc, *tls;
static struct sign_channel *sign;
static struct resolver *resolver;
static struct reports *reports;
static struct report_request request;
static unsigned answers;
static char channel; /* stands for web's */

static void
start(void)
{
	reports = reports_new(&(struct report_parts){
	    .loop = loop,
	    .settings = &settings,
	    .resolver = resolver,
	    .queue = fake_intake.queue,
	    .sign = sign,
	    .fetch = (struct fetch_channel *)(void *)&channel,
	    .dmarc = dmarc,
	    .tls = tls,
	});
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	fake_clock.wall_ms = (int64_t)TODAY * DAY_MS + 12 * HOUR_MS;
	settings.hostname = STR("mail.ours.test");
	fake_pairs_open(loop);
	fake_intake_open(loop);
	fake_jobs_use(loop);
	fake_fetch_use(loop);
	fake_fetch.status = 200;
	fake_resolver_use(zone);
	fake_sign_set(FAKE_SIGN_ANSWERS);
	dmarc = tally_open(loop, fake_pairs.store, &dmarc_kind);
	tls = tally_open(loop, fake_pairs.store, &tls_kind);
	sign = sign_channel_new(loop, -1);
	resolver = resolver_new(loop, "", false);
	request = (struct report_request){ 0 };
	answers = 0;
	start();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	reports_free(reports);
	sign_channel_free(sign);
	resolver_free(resolver);
	tally_free(dmarc);
	tally_free(tls);
	fake_jobs_let_go();
	fake_loop_settle(loop);
	fake_intake_close();
	fake_pairs_close();
	loop_free(loop);
	return 0;
}

/* ---- what was counted ---- */

static void
count_dmarc_by(const char *domain, const char *rua, const char *author)
{
	struct dmarc_row row = {
		.day = (uint32_t)(fake_clock.wall_ms / DAY_MS),
		.policy_domain = str_of(domain),
		.source = { 4, { 10, 0, 0, 1 } },
		.header_from = str_of(author),
	};
	struct buf key = { 0 }, note = { 0 };
	dmarc_row_encode(&row, &key);
	dmarc_note_encode(&row, str_of(rua), &note);
	const struct tally_topic topic = { row.day, row.policy_domain,
		buf_str(&note) };
	tally_count(dmarc, &topic, buf_str(&key));
	buf_free(&key);
	buf_free(&note);
}

static void
count_dmarc(const char *domain, const char *rua)
{
	count_dmarc_by(domain, rua, domain);
}

static void
count_tls(const char *domain)
{
	struct tls_row row = { .day = (uint32_t)(fake_clock.wall_ms / DAY_MS),
		.domain = str_of(domain) };
	const struct tally_topic topic = { row.day, row.domain, STR("") };
	struct buf key = { 0 };
	tls_row_encode(&row, &key);
	tally_count(tls, &topic, buf_str(&key));
	buf_free(&key);
}

static size_t
left(struct tally *tally)
{
	size_t count = 0;
	const struct tally_topic *topic = NULL;
	while ((topic = tally_next(tally, topic)))
		count++;
	return count;
}

/* ---- time ---- */

static void
pass(int64_t ms)
{
	for (; ms > 0; ms -= MINUTE_MS) {
		fake_clock_advance(MINUTE_MS);
		fake_loop_advance(loop, MINUTE_MS);
	}
}

static void
on_sent(struct report_request *r)
{
	assert_ptr_equal(r, &request);
	answers++;
}

static void
send_now(void)
{
	reports_send(reports, &request, on_sent);
	assert_int_equal(answers, 0); /* later, never from within the call */
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
	answers = 0;
}

static void
assert_text(const char *wanted)
{
	if (str_search(buf_str(&fake_intake.text), str_of(wanted)) ==
	    fake_intake.text.n)
		print_error(
		    "no \"%s\" in\n%s\n", wanted, buf_cstr(&fake_intake.text));
	assert_true(str_search(buf_str(&fake_intake.text), str_of(wanted)) <
	    fake_intake.text.n);
}

static struct str
recipient(void)
{
	assert_int_equal(fake_intake.envelope->count, 1);
	return fake_intake.envelope->recipients[0].address;
}

/* ---- when ---- */

static void
a_day_is_reported_when_it_is_over(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@a.test");
	pass(12 * HOUR_MS);
	assert_int_equal(fake_intake.added, 0);
	count_dmarc("a.test", "mailto:d@a.test"); /* of the next day */
	pass(4 * HOUR_MS);
	assert_int_equal(fake_intake.added, 1);
	assert_true(str_eq(recipient(), STR("d@a.test")));
	assert_int_equal(left(dmarc), 1);
	pass(20 * HOUR_MS);
	assert_int_equal(fake_intake.added, 1);
	pass(4 * HOUR_MS);
	assert_int_equal(fake_intake.added, 2);
	assert_int_equal(left(dmarc), 0);
}

static void
not_everybody_reports_at_once(void **state)
{
	(void)state;
	int64_t when[2];
	for (int i = 0; i < 2; i++) {
		unsigned added = fake_intake.added;
		count_dmarc("a.test", "mailto:d@a.test");
		pass(12 * HOUR_MS);
		while (fake_intake.added == added)
			pass(MINUTE_MS);
		when[i] = fake_clock.wall_ms % DAY_MS;
		assert_in_range(
		    when[i], MINUTE_MS, 3 * HOUR_MS + 2 * MINUTE_MS);
		pass(DAY_MS / 2 - when[i]);
	}
	assert_int_not_equal(when[0], when[1]);
}

static void
days_that_were_left_are_reported_after_a_start(void **state)
{
	(void)state;
	reports_free(reports);
	count_dmarc("a.test", "mailto:d@a.test");
	fake_clock_advance(DAY_MS);
	start();
	pass(71 * MINUTE_MS);
	assert_int_equal(fake_intake.added, 1);
}

static void
a_restart_around_midnight_neither_loses_nor_repeats(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@a.test");
	count_tls("mail.test");
	pass(12 * HOUR_MS - MINUTE_MS);
	reports_free(reports);
	pass(2 * MINUTE_MS);
	start();
	pass(71 * MINUTE_MS);
	assert_int_equal(fake_intake.added, 2);
	assert_int_equal(left(dmarc) + left(tls), 0);
	pass(DAY_MS);
	assert_int_equal(fake_intake.added, 2);
}

/* It came before midnight, and was judged after that day's report. */
static void
a_straggler_gets_a_report_of_its_own(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@a.test");
	pass(16 * HOUR_MS);
	assert_int_equal(fake_intake.added, 1);
	fake_clock.wall_ms -= 5 * HOUR_MS;
	count_dmarc_by("a.test", "mailto:d@a.test", "x.a.test");
	fake_clock.wall_ms += 5 * HOUR_MS;
	count_dmarc("a.test", "mailto:d@a.test"); /* of today */
	send_now();
	assert_int_equal(fake_intake.added, 3);
	assert_int_equal(left(dmarc), 0);
}

static void
a_clock_that_jumps_is_no_trouble(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@trouble.test");
	fake_clock.wall_ms += DAY_MS;
	pass(2 * HOUR_MS);
	static const int64_t jumps[] = { -20 * HOUR_MS, -20 * DAY_MS,
		22 * DAY_MS };
	for (size_t i = 0; i < 3; i++) {
		fake_clock.wall_ms += jumps[i];
		pass(28 * HOUR_MS);
	}
	count_dmarc("b.test", "mailto:d@b.test");
	pass(28 * HOUR_MS);
	assert_int_equal(fake_intake.added, 1);
	/* What was kept wasn't tried again and again. */
	assert_in_range(fake_resolver_asked(), 1, 60);
}

static void
people_need_not_wait(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@a.test");
	count_dmarc("b.test", "mailto:d@b.test");
	count_dmarc("c.test", "mailto:d@elsewhere.test");
	count_tls("mail.test");
	count_tls("trouble.test");
	send_now();
	assert_int_equal(request.sent, 3);
	assert_int_equal(request.kept, 1);
	assert_int_equal(left(dmarc), 0);
	send_now();
	assert_int_equal(request.sent, 0);
}

static void
what_is_counted_meanwhile_stays(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@a.test");
	fake_intake.hold = true;
	reports_send(reports, &request, on_sent);
	fake_loop_settle(loop);
	assert_int_equal(answers, 0);
	count_dmarc("a.test", "mailto:d@a.test");
	fake_intake_let_go();
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
	struct row_sheet sheet;
	tally_copy(dmarc, tally_find(dmarc, TODAY, STR("a.test")), &sheet);
	assert_int_equal(sheet.count, 1);
	assert_int_equal(sheet.rows[0].count, 1);
	row_sheet_free(&sheet);
}

/* ---- to whom: DMARC ---- */

static void
others_must_agree_to_reports(void **state)
{
	static const struct {
		const char *domain, *rua, *to; /* NULL: nobody */
		bool kept;
	} cases[] = {
		{ "a.test", "mailto:d@a.test", "d@a.test", false },
		{ "a.test", "mailto:d@victim.test", NULL, false },
		{ "a.test", "mailto:d@agreed.test", "d@agreed.test", false },
		{ "b.test", "mailto:d@agreed.test", NULL, false },
		{ "a.test", "mailto:d@strange.test", NULL, false },
		{ "a.test", "mailto:d@trouble.test", NULL, true },
		{ "a.test", "mailto:old@moved.test", "new@moved.test", false },
		{ "a.test", "mailto:old@moved.test,mailto:o@moved.test",
		    "new@moved.test", false },
		{ "a.test", "mailto:old@bent.test", NULL, false },
		{ "a.test", "mailto:old@web.test", NULL, false },
		{ "a.test", "mailto:old@twice.test", "new@twice.test", false },
		{ "a.test", "mailto:d@a.test,mailto:d@a.test", "d@a.test",
		    false },
		{ "news.org.test", "mailto:d@org.test", "d@org.test", false },
		{ "org.test", "mailto:d@x.org.test", "d@x.org.test", false },
		{ "a.test", "mailto:d@x.a.test", NULL, false },
		{ "x.a.test", "mailto:d@a.test", NULL, false },
		{ "a.test", "https://a.test/", NULL, false },
		{ "a.test", "mailto:d@victim.test,mailto:e@a.test", "e@a.test",
		    false },
		{ "a.test", "mailto:d@trouble.test,mailto:e@a.test", "e@a.test",
		    false },
		{ "a.test", "mailto:d@a.test!1k", NULL, false },
		{ "a.test", "mailto:d@a.test!10k", "d@a.test", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned added = fake_intake.added;
		count_dmarc(cases[i].domain, cases[i].rua);
		send_now();
		if (fake_intake.added - added != (cases[i].to != NULL))
			print_error("%s %s\n", cases[i].domain, cases[i].rua);
		assert_int_equal(
		    fake_intake.added - added, cases[i].to != NULL);
		if (cases[i].to)
			assert_true(str_eq(recipient(), str_of(cases[i].to)));
		assert_int_equal(left(dmarc), cases[i].kept);
		tally_expire(dmarc, TODAY + 10);
	}
}

static void
trouble_of_the_dns_is_tried_again_for_some_days(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@trouble.test");
	pass(15 * HOUR_MS);
	unsigned asked = fake_resolver_asked();
	pass(8 * HOUR_MS);
	assert_true(fake_resolver_asked() > asked);
	assert_int_equal(left(dmarc), 1);
	pass(4 * DAY_MS);
	assert_int_equal(left(dmarc), 0);
	assert_int_equal(fake_intake.added, 0);
}

static void
our_own_get_theirs_at_once(void **state)
{
	(void)state;
	count_dmarc("ours.test", "mailto:reports@ours.test");
	send_now();
	assert_int_equal(
	    fake_intake.envelope->recipients[0].kind, RECIPIENT_LOCAL);
	count_dmarc("ours.test", "mailto:gone@ours.test");
	send_now();
	assert_int_equal(fake_intake.added, 1);
	assert_int_equal(left(dmarc), 0);
	count_dmarc("ours.test", "mailto:later@ours.test");
	send_now();
	assert_int_equal(left(dmarc), 1);
}

/* ---- to whom: TLS ---- */

static void
domains_say_where_tls_reports_go(void **state)
{
	(void)state;
	count_tls("mail.test");
	count_tls("silent.test");
	count_tls("trouble.test");
	send_now();
	assert_int_equal(request.sent, 1);
	assert_int_equal(request.kept, 1);
	assert_int_equal(left(tls), 1);
	assert_true(str_eq(recipient(), STR("tls@r.test")));
	assert_int_equal(fake_intake.envelope->flags, ENVELOPE_TLS_OPTIONAL);
	assert_text("\r\nTLS-Required: No\r\n");
	assert_text("\r\nTLS-Report-Domain: mail.test\r\n"
		    "TLS-Report-Submitter: ours.test\r\n");
	assert_text("multipart/report; report-type=\"tlsrpt\"");
	assert_text("Content-Type: application/tlsrpt+gzip\r\n");
}

static void
tls_reports_go_over_https_too(void **state)
{
	(void)state;
	count_tls("a.test");
	send_now();
	assert_int_equal(fake_intake.added, 1);
	assert_int_equal(fake_fetch.asked, 1);
	assert_string_equal(fake_fetch.host, "web.test");
	assert_string_equal(fake_fetch.path, "/v1");
	assert_int_equal(fake_fetch.port, 443);
	assert_int_equal(fake_fetch.count, 1); /* the other is private */
	assert_int_equal(fake_fetch.ips[0].bytes[0], 11);
	assert_int_equal(left(tls), 0);
}

static void
an_upload_is_tried_again_for_a_day(void **state)
{
	(void)state;
	count_tls("a.test");
	fake_fetch.status = 503;
	pass(15 * HOUR_MS + 5 * MINUTE_MS);
	unsigned asked = fake_fetch.asked;
	assert_in_range(asked, 1, 3);
	assert_int_equal(fake_intake.added, 0); /* it waits with it */
	pass(8 * HOUR_MS);
	assert_in_range(fake_fetch.asked, asked + 2, asked + 4);
	assert_int_equal(left(tls), 1);
	pass(DAY_MS);
	assert_int_equal(fake_intake.added, 1); /* at least that */
	assert_int_equal(left(tls), 0);
}

static void
an_upload_may_be_refused(void **state)
{
	(void)state;
	count_tls("web.test");
	fake_fetch.status = 404;
	send_now();
	assert_int_equal(request.sent, 0);
	assert_int_equal(left(tls), 0);
	count_tls("web.test");
	fake_fetch.result = FETCH_AWAY;
	send_now();
	assert_int_equal(request.kept, 1);
	assert_int_equal(left(tls), 1);
}

/* ---- a victim's share ---- */

enum {
	DOMAINS = 60, /* that name one receiver, or another host of it */
};

static struct fake_record many[2 * DOMAINS + 3];
static char names[2 * DOMAINS][32];

static void
name_receivers(const char *mails, const char *posts)
{
	size_t n = 0;
	for (int i = 0; i < DOMAINS; i++) {
		snprintf(names[n], sizeof *names, "_smtp._tls.m%d.test", i);
		many[n] =
		    (struct fake_record){ names[n], DNS_TXT, mails, .ttl = 60 };
		n++;
		snprintf(names[n], sizeof *names, "_smtp._tls.h%d.test", i);
		many[n] =
		    (struct fake_record){ names[n], DNS_TXT, posts, .ttl = 60 };
		n++;
	}
	many[n++] =
	    (struct fake_record){ "web.test", DNS_A, "11.0.0.7", .ttl = 60 };
	many[n++] = (struct fake_record){ "_smtp._tls.victim.test", DNS_TXT,
		"v=TLSRPTv1;rua=mailto:tls@victim.test", .ttl = 60 };
	many[n] = (struct fake_record){ 0 };
	fake_resolver_use(many);
}

static void
count_many(char kind)
{
	for (int i = 0; i < DOMAINS; i++) {
		char domain[24];
		snprintf(domain, sizeof domain, "%c%d.test", kind, i);
		count_tls(domain);
	}
}

static void
a_receiver_gets_so_many_reports_in_a_day(void **state)
{
	(void)state;
	name_receivers("v=TLSRPTv1;rua=mailto:a@victim.test", "");
	count_many('m');
	send_now();
	assert_int_equal(request.sent, QUOTA_REPORTS);
	assert_int_equal(request.kept, DOMAINS - QUOTA_REPORTS);
	/* What it asks for itself isn't anybody's doing. */
	count_tls("victim.test");
	send_now();
	assert_int_equal(request.sent, 1);
	assert_int_equal(fake_intake.added, QUOTA_REPORTS + 1);
	/* The rest comes the next day. */
	fake_clock_advance(DAY_MS);
	send_now();
	assert_int_equal(request.sent, DOMAINS - QUOTA_REPORTS);
	assert_int_equal(request.kept, 0);
	assert_int_equal(left(tls), 0);
}

static void
several_addresses_of_a_receiver_share(void **state)
{
	(void)state;
	name_receivers("v=TLSRPTv1;rua=mailto:a@victim.test,"
		       "mailto:b@victim.test",
	    "");
	count_many('m');
	send_now();
	assert_int_equal(fake_intake.added, QUOTA_REPORTS);
	assert_int_equal(request.sent, QUOTA_REPORTS / 2);
}

static void
a_host_gets_so_many_uploads_in_a_day(void **state)
{
	(void)state;
	name_receivers("", "v=TLSRPTv1;rua=https://web.test/v1");
	count_many('h');
	fake_fetch.status = 503;
	send_now();
	send_now();
	assert_int_equal(fake_fetch.asked, QUOTA_REPORTS);
	assert_int_equal(request.kept, DOMAINS);
	fake_clock_advance(DAY_MS);
	fake_fetch.status = 200;
	send_now();
	assert_int_equal(request.sent, QUOTA_REPORTS);
	assert_int_equal(fake_fetch.asked, 2 * QUOTA_REPORTS);
}

static void
without_its_share_the_other_place_gets_it(void **state)
{
	(void)state;
	name_receivers("v=TLSRPTv1;rua=mailto:a@victim.test",
	    "v=TLSRPTv1;rua=mailto:a@victim.test,https://web.test/v1");
	count_many('m');
	send_now();
	count_tls("h1.test");
	send_now();
	assert_int_equal(request.sent, 1);
	assert_int_equal(fake_fetch.asked, 1);
	assert_int_equal(fake_intake.added, QUOTA_REPORTS);
}

/* Who wants those has agreed to. */
static void
dmarc_reports_have_no_such_share(void **state)
{
	(void)state;
	for (int i = 0; i < DOMAINS; i++) {
		char domain[24];
		snprintf(domain, sizeof domain, "n%d.org.test", i);
		count_dmarc(domain, "mailto:d@org.test");
	}
	send_now();
	assert_int_equal(request.sent, DOMAINS);
}

/* ---- the message ---- */

/* Out of the base64 behind the last empty line but the text's. */
static void
unpack(struct buf *out)
{
	char xml[4096];
	struct str text = buf_str(&fake_intake.text);
	struct str name = STR("filename=");
	text = str_from(text, str_search(text, name));
	text = str_from(text, str_search(text, STR("\r\n\r\n")) + 4);
	text = str_sub(text, 0, str_search(text, STR("\r\n--")));
	struct buf one = { 0 }, file = { 0 };
	while (text.n > 0)
		buf_add(&one, str_trim(str_cut(&text, '\n')));
	assert_true(base64_read(&file, buf_str(&one)));
	z_stream z = { .next_in = (Bytef *)file.p,
		.avail_in = (uInt)file.n,
		.next_out = (Bytef *)xml,
		.avail_out = sizeof xml };
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	buf_add(out, (struct str){ xml, z.total_out });
	inflateEnd(&z);
	buf_free(&one);
	buf_free(&file);
}

static void
a_report_is_signed_and_from_us(void **state)
{
	(void)state;
	struct buf xml = { 0 };
	count_dmarc("a.test", "mailto:d@a.test");
	fake_clock.wall_ms += DAY_MS;
	send_now();
	const struct envelope *e = fake_intake.envelope;
	assert_true(str_eq(e->sender, STR("reports@ours.test")));
	assert_int_equal(e->flags, 0); /* nobody is told when it fails */
	assert_true(str_empty(e->user));
	assert_true(str_starts(buf_str(&fake_intake.text),
	    STR("DKIM-Signature: v=1; d=ours.test; b=fake\r\n"
		"From: <postmaster@ours.test>\r\nTo: <d@a.test>\r\n")));
	assert_text("Subject: Report Domain: a.test\r\n\tSubmitter: "
		    "ours.test\r\n\tReport-ID: <");
	struct str id = str_from(buf_str(&fake_intake.text),
	    str_search(buf_str(&fake_intake.text), STR("Report-ID: <")) + 12);
	id = str_cut(&id, '>');
	assert_text("@mail.ours.test>\r\nAuto-Submitted: auto-generated\r\n");
	assert_text("Content-Type: application/gzip\r\n");
	assert_text("filename=\"ours.test!a.test!1795132800!1795219199!");
	unpack(&xml);
	assert_true(str_search(buf_str(&xml), STR("<count>1</count>")) < xml.n);
	/* RFC 9990 3.1.4: one id everywhere */
	struct buf same = { 0 };
	buf_addf(&same, "<report_id>%.*s</report_id>", STR_ARG(id));
	assert_true(str_search(buf_str(&xml), buf_str(&same)) < xml.n);
	buf_clear(&same);
	buf_addf(&same, "!1795219199!%.*s.xml.gz\"", STR_ARG(id));
	assert_text(buf_cstr(&same));
	buf_free(&same);
	buf_free(&xml);
}

static void
a_limit_is_for_all_that_is_sent(void **state)
{
	(void)state;
	char rua[48];
	count_dmarc("a.test", "mailto:d@a.test");
	send_now();
	size_t octets = fake_intake.text.n;
	for (size_t less = 0; less < 2; less++) {
		snprintf(rua, sizeof rua, "mailto:d@a.test!%zu", octets - less);
		count_dmarc("a.test", rua);
		send_now();
		assert_int_equal(request.sent, 1 - less);
	}
}

static void
nothing_goes_out_unsigned(void **state)
{
	(void)state;
	static const enum fake_sign_mood moods[] = { FAKE_SIGN_NOT_OURS,
		FAKE_SIGN_AWAY };
	for (size_t i = 0; i < 2; i++) {
		fake_sign_set(moods[i]);
		count_dmarc("a.test", "mailto:d@a.test");
		send_now();
		assert_int_equal(request.kept, 1);
		assert_int_equal(fake_intake.added, 0);
		assert_int_equal(left(dmarc), 1);
	}
}

static void
without_space_it_is_kept(void **state)
{
	(void)state;
	count_dmarc("a.test", "mailto:d@a.test");
	fake_intake.result = QUEUE_FULL;
	send_now();
	assert_int_equal(request.kept, 1);
	assert_int_equal(left(dmarc), 1);
	fake_jobs.full = true;
	send_now();
	assert_int_equal(request.kept, 1);
}

/* Noise, which can't be compressed much. */
static void
a_large_report_has_a_body_file(void **state)
{
	(void)state;
	char author[129] = "";
	uint32_t noise = 1;
	for (unsigned row = 0; row < 2000; row++) {
		for (unsigned i = 0; i < sizeof author - 1; i++) {
			noise = noise * 1103515245 + 12345;
			author[i] = (char)('a' + (noise >> 16) % 26);
		}
		count_dmarc_by("a.test", "mailto:d@a.test", author);
	}
	send_now();
	assert_int_equal(request.sent, 1);
	assert_true(fake_intake.in_file);
	assert_in_range(fake_intake.text.n, QUEUE_INLINE, 1 << 20);
	count_dmarc_by("a.test", "mailto:d@a.test", author);
	send_now();
	assert_false(fake_intake.in_file);
}

static void
it_can_end_at_any_moment(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		count_dmarc("a.test", "mailto:d@a.test");
		count_dmarc("a.test", "mailto:d@agreed.test");
		count_tls("a.test");
		fake_resolver_hold(i == 0);
		fake_jobs.hold = i == 1;
		fake_fetch.hold = i == 2;
		fake_sign_set(i == 3 ? FAKE_SIGN_SILENT : FAKE_SIGN_ANSWERS);
		fake_intake.hold = i == 4;
		reports_send(reports, &request, on_sent);
		fake_loop_settle(loop);
		assert_int_equal(answers, 0);
		reports_free(reports);
		fake_resolver_hold(false);
		fake_jobs.hold = false;
		fake_jobs_let_go();
		fake_fetch.hold = false;
		if (i == 4)
			fake_intake_let_go();
		fake_loop_settle(loop);
		assert_int_equal(answers, 0);
		start();
	}
	reports_send(reports, &request, on_sent);
	reports_cancel(&request);
	fake_loop_settle(loop);
	assert_int_equal(answers, 0);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_day_is_reported_when_it_is_over),
		CASE(not_everybody_reports_at_once),
		CASE(days_that_were_left_are_reported_after_a_start),
		CASE(a_restart_around_midnight_neither_loses_nor_repeats),
		CASE(a_straggler_gets_a_report_of_its_own),
		CASE(a_clock_that_jumps_is_no_trouble),
		CASE(people_need_not_wait),
		CASE(what_is_counted_meanwhile_stays),
		CASE(others_must_agree_to_reports),
		CASE(trouble_of_the_dns_is_tried_again_for_some_days),
		CASE(our_own_get_theirs_at_once),
		CASE(domains_say_where_tls_reports_go),
		CASE(tls_reports_go_over_https_too),
		CASE(an_upload_is_tried_again_for_a_day),
		CASE(an_upload_may_be_refused),
		CASE(a_receiver_gets_so_many_reports_in_a_day),
		CASE(several_addresses_of_a_receiver_share),
		CASE(a_host_gets_so_many_uploads_in_a_day),
		CASE(without_its_share_the_other_place_gets_it),
		CASE(dmarc_reports_have_no_such_share),
		CASE(a_report_is_signed_and_from_us),
		CASE(a_limit_is_for_all_that_is_sent),
		CASE(nothing_goes_out_unsigned),
		CASE(without_space_it_is_kept),
		CASE(a_large_report_has_a_body_file),
		CASE(it_can_end_at_any_moment),
	};
	log_open(LOG_ERROR, false, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
