/* The control socket as postern meets it: a real one, with a queue that is
   only a shelf behind it. */
#include "lib/base/clock.h"
#include "lib/base/settings.h"
#include "smtpd/control/session.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char reports; /* stands for those who send them */
static struct settings settings = { .hostname = { "mail.a.test", 11 } };
static struct sockaddr_un address; /* of no name in the file system */
static socklen_t address_size;
static struct loop *loop;
static struct control *control;
static unsigned reloads; /* of one test */
static int client;
static struct buf heard;

static void
on_reload(struct control *c)
{
	assert_ptr_equal(c, control);
	reloads++;
}

static int
connect_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&address, address_size), 0);
	fake_loop_settle(loop);
	return fd;
}

static int
setup(void **state)
{
	(void)state;
	loop = loop_new();
	reloads = 0;
	fake_shelf_use(loop);
	control = control_new(&(struct control_parts){
	    .loop = loop,
	    .settings = &settings,
	    .reports = (struct reports *)(void *)&reports,
	    .reload = on_reload,
	});
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	address.sun_family = AF_UNIX;
	address_size = sizeof address;
	if (bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) != 0 ||
	    listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &address_size) != 0)
		return -1;
	control_listen(control, fd);
	client = connect_client();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	control_free(control);
	loop_free(loop);
	close(client);
	buf_free(&heard);
	return 0;
}

static void
say(const char *text)
{
	assert_int_equal(
	    write(client, text, strlen(text)), (ssize_t)strlen(text));
	fake_loop_settle(loop);
}

/* All that has come; false when the server has closed. */
static bool
hear(void)
{
	ssize_t n;
	do {
		fake_loop_settle(loop);
		n = read(client, buf_reserve(&heard, 4096), 4096);
		heard.n += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return n < 0 && errno == EAGAIN;
}

/* The next line, or NULL. */
static json_t *
line(void)
{
	assert_true(hear());
	size_t end = str_find(buf_str(&heard), '\n');
	if (end == heard.n)
		return NULL;
	json_t *object = json_loadb(heard.p, end, 0, NULL);
	assert_non_null(object);
	buf_drain(&heard, end + 1);
	return object;
}

static void
expect_line(const char *wanted)
{
	json_t *object = line();
	assert_non_null(object);
	char *text = json_dumps(object, JSON_COMPACT);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(object);
}

static void
expect_nothing(void)
{
	assert_true(hear());
	assert_int_equal(heard.n, 0);
}

/* ---- the simple verbs ---- */

static void
status_counts(void **state)
{
	(void)state;
	fake_shelf.items = 3;
	fake_shelf.unreported = 3;
	fake_clock_advance(42000);
	say("{\"verb\":\"status\"}\n");
	expect_line(
	    "{\"hostname\":\"mail.a.test\",\"accounts\":5,"
	    "\"queued\":3,\"held\":0,\"sessions\":7,\"deliveries\":9,"
	    "\"uptime_s\":42,\"unreported\":3,\"space\":true,"
	    "\"spare_resolver\":false,\"config_trouble\":\"\","
	    "\"tls_trouble\":\"\",\"history_trouble\":\"\",\"inbound_troubles\":[],"
	    "\"delivery_trouble\":\"mail waits\",\"identities\":[],"
	    "\"ok\":true}");
	expect_nothing();
}

/* A file of config/ may hold any bytes, and the complaint repeats them. */
static void
status_tells_of_trouble_whatever_its_bytes(void **state)
{
	(void)state;
	fake_shelf.full = true;
	fake_shelf.trouble = "config/users:1: y\303\266u\377\n\"";
	fake_shelf.tls_trouble = "the key can't be read";
	fake_shelf.inbound_troubles[0] = "everybody is one";
	fake_shelf.inbound_troubles[1] = "a list lists all";
	say("{\"verb\":\"status\"}\n");
	json_t *answer = line();
	assert_non_null(answer);
	assert_true(json_is_false(json_object_get(answer, "space")));
	assert_string_equal(
	    json_string_value(json_object_get(answer, "config_trouble")),
	    "config/users:1: y??u?\n\"");
	assert_string_equal(
	    json_string_value(json_object_get(answer, "tls_trouble")),
	    "the key can't be read");
	json_t *inbound = json_object_get(answer, "inbound_troubles");
	assert_int_equal(json_array_size(inbound), 2);
	assert_string_equal(
	    json_string_value(json_array_get(inbound, 0)), "everybody is one");
	assert_string_equal(
	    json_string_value(json_array_get(inbound, 1)), "a list lists all");
	json_decref(answer);
}

static void
health_asks_nobody(void **state)
{
	(void)state;
	say("{\"verb\":\"health\"}\n{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
	expect_line("{\"ok\":true}");
	expect_nothing();
}

/* Who gets the answer may use what was changed. */
static void
reload_is_done_when_config_has_been_read(void **state)
{
	(void)state;
	say("{\"verb\":\"reload\"}\n");
	assert_int_equal(reloads, 1);
	expect_nothing();
	fake_shelf_looked();
	expect_line("{\"config_trouble\":\"\",\"ok\":true}");
	fake_shelf.trouble = "config/users:1: no account";
	say("{\"verb\":\"reload\"}\n");
	fake_shelf_looked();
	expect_line("{\"config_trouble\":\"config/users:1: no account\","
		    "\"ok\":true}");
	say("{\"verb\":\"reload\"}\n");
	close(client);
	client = -1;
	fake_loop_settle(loop);
	assert_int_equal(fake_shelf.looks, 0);
}

static void
reports_are_sent_when_a_person_wants_it(void **state)
{
	(void)state;
	say("{\"verb\":\"report-send\"}\n");
	assert_true(hear());
	assert_int_equal(heard.n, 0);
	struct report_request *request = fake_shelf.reporting;
	request->sent = 2;
	request->kept = 1;
	request->done(request);
	expect_line("{\"sent\":2,\"kept\":1,\"ok\":true}");
	say("{\"verb\":\"report-send\"}\n");
	assert_non_null(fake_shelf.reporting);
	close(client);
	client = connect_client(); /* and the other is gone */
	assert_null(fake_shelf.reporting);
}

static void
policy_tells_what_a_domain_demands(void **state)
{
	(void)state;
	static const struct sts_policy policy = {
		.mode = STS_ENFORCE,
		.max_age = 604800,
		.count = 2,
		.mx = { { "mx.a.test", 9 }, { "*.b.test", 8 } },
	};
	say("{\"verb\":\"policy\",\"domain\":\"A.test\"}\n");
	struct route *route = fake_shelf.route;
	assert_true(str_eq(route->domain, STR("a.test")));
	assert_ptr_equal(route->settings, &settings);
	expect_nothing();
	route->sts = &policy;
	route->failure.text = "No mail server has an address";
	route->done(route);
	assert_null(fake_shelf.route); /* and is freed */
	expect_line("{\"domain\":\"a.test\",\"sts_trouble\":\"\",\"sts\":"
		    "{\"mode\":\"enforce\",\"max_age\":604800,"
		    "\"mx\":[\"mx.a.test\",\"*.b.test\"]},\"hosts\":[],"
		    "\"failure\":\"No mail server has an address\","
		    "\"status\":\"\",\"temporary\":false,\"ok\":true}");
	say("{\"verb\":\"policy\",\"domain\":\"b.test\"}\n");
	route = fake_shelf.route;
	route->trouble = POLICY_WEBPKI;
	route->done(route);
	expect_line("{\"domain\":\"b.test\",\"sts_trouble\":\"a policy is "
		    "announced, and its host's certificate isn't valid\","
		    "\"sts\":null,\"hosts\":[],\"failure\":\"\","
		    "\"status\":\"\",\"temporary\":false,\"ok\":true}");
	say("{\"verb\":\"policy\",\"domain\":\"c.test\"}\n");
	route = fake_shelf.route;
	route->failure = REPLY(451, "4.4.3", "The DNS doesn't answer");
	route->done(route);
	expect_line(
	    "{\"domain\":\"c.test\",\"sts_trouble\":\"can't be had now: "
	    "the DNS doesn't answer\",\"sts\":null,\"hosts\":[],"
	    "\"failure\":\"The DNS doesn't answer\","
	    "\"status\":\"4.4.3\",\"temporary\":true,\"ok\":true}");
	say("{\"verb\":\"policy\",\"domain\":\"d.test\"}\n");
	route = fake_shelf.route;
	route->trouble = POLICY_UNKNOWN; /* and its hosts are known */
	route->done(route);
	expect_line(
	    "{\"domain\":\"d.test\",\"sts_trouble\":\"can't be had now: "
	    "the DNS doesn't answer\",\"sts\":null,\"hosts\":[],"
	    "\"failure\":\"\",\"status\":\"\",\"temporary\":true,"
	    "\"ok\":true}");
	say("{\"verb\":\"policy\"}\n");
	expect_line("{\"ok\":false,\"error\":\"say which: DOMAIN\","
		    "\"exit\":2}");
}

static struct route_hop
make_hop(const char *host, const char *ip, struct tls_demand demand)
{
	struct route_hop hop = {
		.host = str_of(host),
		.requirement = policy_for_mx(demand, NULL),
	};
	assert_true(ip_parse(str_of(ip), &hop.ip));
	return hop;
}

static void
expect_hosts(const struct sts_policy *policy, struct tls_demand demand,
    const char *wanted)
{
	say("{\"verb\":\"policy\",\"domain\":\"a.test\"}\n");
	struct route *route = fake_shelf.route;
	struct route_hop hop = make_hop("mx.test", "11.0.0.1", demand);
	route->sts = policy;
	if (hop.requirement.refusal)
		route->refusals[route->refusal_count++] = hop;
	else
		route->hops[route->count++] = hop;
	route->done(route);
	json_t *answer = line();
	json_t *hosts = json_object_get(answer, "hosts");
	assert_int_equal(json_array_size(hosts), 1);
	json_t *host = json_array_get(hosts, 0);
	json_object_del(host, "host");
	json_object_del(host, "addresses");
	char *text = json_dumps(host, JSON_COMPACT);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(answer);
}

#define HOST(proof, refusal, dane, listed) \
	"{\"proof\":\"" proof "\",\"refusal\":\"" refusal \
	"\",\"dane\":\"" dane "\",\"listed\":" listed "}"

static void
policy_tells_what_each_host_must_prove(void **state)
{
	static const struct sts_policy policy;
	static const struct {
		bool has_policy;
		struct tls_demand demand;
		const char *wanted;
	} cases[] = {
		{ false, { .dane = DANE_USABLE },
		    HOST("dane", "", "usable", "null") },
		{ false, { .dane = DANE_UNUSABLE },
		    HOST("encrypted", "", "unusable", "null") },
		{ false, { .dane = DANE_BOGUS },
		    HOST("none", "its TLSA records can't be had", "bogus",
			"null") },
		{ false, { .dane = DANE_ABSENT },
		    HOST("opportunistic", "", "none", "null") },
		{ true, { .sts = STS_ENFORCE, .listed = true },
		    HOST("sts", "", "insecure", "true") },
		{ true, { .sts = STS_ENFORCE },
		    HOST("none", "the enforced policy doesn't name it",
			"insecure", "false") },
		{ true, { .sts = STS_TESTING },
		    HOST("opportunistic", "", "insecure", "false") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_hosts(cases[i].has_policy ? &policy : NULL,
		    cases[i].demand, cases[i].wanted);
}

static void
policy_tells_each_host_once(void **state)
{
	static const char *const wanted[] = { "[\"2600::1\",\"11.0.0.1\"]",
		"[\"11.0.0.2\"]", "[\"11.0.0.3\",\"11.0.0.4\"]" };
	struct tls_demand demand = { 0 }, bogus = { .dane = DANE_BOGUS };
	(void)state;
	say("{\"verb\":\"policy\",\"domain\":\"a.test\"}\n");
	struct route *route = fake_shelf.route;
	route->count = 3;
	route->hops[0] = make_hop("mx1.test", "2600::1", demand);
	route->hops[1] = make_hop("mx1.test", "11.0.0.1", demand);
	route->hops[2] = make_hop("mx2.test", "11.0.0.2", demand);
	route->refusal_count = 2;
	route->refusals[0] = make_hop("mx0.test", "11.0.0.3", bogus);
	route->refusals[1] = make_hop("mx0.test", "11.0.0.4", bogus);
	route->done(route);
	json_t *answer = line();
	json_t *hosts = json_object_get(answer, "hosts");
	assert_int_equal(json_array_size(hosts), 3);
	for (size_t i = 0; i < 3; i++) {
		char *text = json_dumps(
		    json_object_get(json_array_get(hosts, i), "addresses"),
		    JSON_COMPACT);
		assert_string_equal(text, wanted[i]);
		free(text);
	}
	json_decref(answer);
}

static void
a_client_that_goes_ends_its_lookup(void **state)
{
	(void)state;
	say("{\"verb\":\"policy\",\"domain\":\"a.test\"}\n");
	close(client);
	client = -1;
	fake_loop_settle(loop);
	assert_null(fake_shelf.route);
}

static void
bad_requests_are_answered(void **state)
{
	static const char *const cases[] = {
		"\n",
		"nonsense\n",
		"[]\n",
		"{}\n",
		"{\"verb\":1}\n",
		"{\"verb\":\"statu\"}\n",
		"{\"verb\":\"status\"} {}\n",
		"\377\n",
		"[[[[[[[[[[[[\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		say(cases[i]);
		expect_line("{\"ok\":false,\"error\":\"no such verb\","
			    "\"exit\":2}");
	}
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
}

static void
a_line_without_end_is_cut_off(void **state)
{
	char text[5001];
	(void)state;
	memset(text, 'x', 5000);
	text[5000] = 0;
	say(text);
	assert_false(hear());
}

/* ---- the queue ---- */

#define ITEM(id, sender, to) \
	"{\"item\":{\"id\":\"" id "\",\"received_ms\":1000,\"next_ms\":2000," \
	"\"attempts\":3,\"busy\":false,\"held\":false," \
	"\"sender\":\"sender@" sender \
	".test\",\"recipients\":[{\"address\":\"you@" to \
	".test\",\"state\":\"waiting\",\"reply\":\"\"}]}}"

static void
list_tells_each_item(void **state)
{
	(void)state;
	fake_shelf.items = 2;
	say("{\"verb\":\"queue-list\"}\n");
	expect_line(ITEM("1", "1", "a"));
	expect_line(ITEM("2", "2", "b"));
	expect_line("{\"count\":2,\"ok\":true}");
	expect_nothing();
}

static void
verbs_mean_what_was_asked(void **state)
{
	static const struct {
		const char *request, *last;
		unsigned items, retried, dropped, held, released;
	} cases[] = {
		{ "queue-list\"", "{\"count\":7,\"ok\":true}", .items = 7 },
		{ "queue-list\",\"to\":\"a.test\"", "{\"count\":4,\"ok\":true}",
		    .items = 4 },
		{ "queue-list\",\"to\":\"A.Test\"", "{\"count\":4,\"ok\":true}",
		    .items = 4 },
		{ "queue-show\",\"id\":\"5\"", "{\"count\":1,\"ok\":true}",
		    .items = 1 },
		{ "queue-retry\",\"id\":\"5\"", "{\"count\":1,\"ok\":true}",
		    .retried = 1 },
		{ "queue-retry\",\"to\":\"b.test\"",
		    "{\"count\":2,\"ok\":true}", .retried = 2 }, /* 6 is held */
		{ "queue-retry\",\"all\":true", "{\"count\":6,\"ok\":true}",
		    .retried = 6 },
		{ "queue-retry\",\"to\":\"c.test\"",
		    "{\"count\":0,\"ok\":true}", .items = 0 },
		{ "queue-drop\",\"id\":\"6\"", "{\"count\":1,\"ok\":true}",
		    .dropped = 1 },
		{ "queue-drop\",\"to\":\"a.test\"", "{\"count\":3,\"ok\":true}",
		    .dropped = 3 }, /* 3 is busy */
		{ "queue-drop\",\"id\":\"3\"",
		    "{\"ok\":false,\"error\":\"it is being delivered just "
		    "now; try again\",\"exit\":4}",
		    .items = 0 },
		{ "queue-hold\",\"id\":\"5\"", "{\"count\":1,\"ok\":true}",
		    .held = 1 },
		{ "queue-hold\",\"to\":\"a.test\"", "{\"count\":3,\"ok\":true}",
		    .held = 3 }, /* 3 is busy */
		{ "queue-hold\",\"id\":\"3\"",
		    "{\"ok\":false,\"error\":\"it is being delivered just "
		    "now; try again\",\"exit\":4}",
		    .items = 0 },
		{ "queue-hold\"",
		    "{\"ok\":false,\"error\":\"say which: ID, --to "
		    "DOMAIN or --all\",\"exit\":2}",
		    .items = 0 },
		{ "queue-release\",\"to\":\"b.test\"",
		    "{\"count\":3,\"ok\":true}", .released = 1 }, /* 6 */
		{ "queue-retry\",\"id\":\"6\"",
		    "{\"ok\":false,\"error\":\"it is held: release it "
		    "first\",\"exit\":4}",
		    .items = 0 },
		{ "queue-show\",\"id\":\"99\"",
		    "{\"ok\":false,\"error\":\"no such message is queued\","
		    "\"exit\":3}",
		    .items = 0 },
		/* never all of them by mistake */
		{ "queue-drop\"",
		    "{\"ok\":false,\"error\":\"say which: ID, --to "
		    "DOMAIN or --all\",\"exit\":2}",
		    .items = 0 },
		{ "queue-drop\",\"id\":\"0\"",
		    "{\"ok\":false,\"error\":\"that is no queue id\","
		    "\"exit\":2}",
		    .items = 0 },
		{ "queue-drop\",\"id\":\"\"",
		    "{\"ok\":false,\"error\":\"that is no queue id\","
		    "\"exit\":2}",
		    .items = 0 },
		{ "queue-drop\",\"to\":\"\"", "{\"count\":0,\"ok\":true}",
		    .items = 0 },
		{ "queue-drop\",\"id\":\"5\",\"to\":\"b.test\"",
		    "{\"ok\":false,\"error\":\"no such message is queued\","
		    "\"exit\":3}",
		    .items = 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char request[128];
		fake_shelf_use(loop);
		fake_shelf.items = 7;
		fake_shelf.busy = 3;
		fake_shelf.on_hold = 6;
		snprintf(request, sizeof request, "{\"verb\":\"%s}\n",
		    cases[i].request);
		say(request);
		for (unsigned k = 0; k < cases[i].items; k++) {
			json_t *item = line();
			assert_non_null(json_object_get(item, "item"));
			json_decref(item);
		}
		expect_line(cases[i].last);
		assert_int_equal(fake_shelf.retried, cases[i].retried);
		assert_int_equal(fake_shelf.dropped, cases[i].dropped);
		assert_int_equal(fake_shelf.held, cases[i].held);
		assert_int_equal(fake_shelf.released, cases[i].released);
	}
}

/* Who gets the answer may rely on it, whatever happens next. */
static void
a_hold_is_answered_when_it_is_durable(void **state)
{
	(void)state;
	fake_shelf.items = 4;
	fake_shelf.changing = true;
	say("{\"verb\":\"queue-hold\",\"to\":\"a.test\"}\n");
	assert_int_equal(fake_shelf.held, 2);
	expect_nothing();
	fake_shelf_changed();
	expect_line("{\"count\":2,\"ok\":true}");
	say("{\"verb\":\"queue-hold\",\"to\":\"b.test\"}\n");
	close(client);
	client = -1;
	fake_loop_settle(loop);
	assert_true(list_empty(&control->sessions));
}

/* A long queue isn't all changes on their way. */
static void
many_holds_wait_for_each_other(void **state)
{
	(void)state;
	fake_shelf.items = 4000;
	fake_shelf.changing = true;
	say("{\"verb\":\"queue-hold\",\"to\":\"b.test\"}\n");
	assert_int_equal(fake_shelf.held, 1000);
	fake_shelf_changed();
	expect_nothing();
	assert_int_equal(fake_shelf.held, 2000);
	fake_shelf_changed();
	expect_line("{\"count\":2000,\"ok\":true}");
}

static void
replies_of_others_may_hold_any_bytes(void **state)
{
	(void)state;
	fake_shelf.items = 1;
	fake_shelf.reply = "550 5.1.1 \377\033[2J no";
	say("{\"verb\":\"queue-show\",\"id\":\"1\"}\n");
	json_t *answer = line();
	assert_string_equal(
	    json_string_value(json_object_get(
		json_array_get(json_object_get(json_object_get(answer, "item"),
				   "recipients"),
		    0),
		"reply")),
	    "550 5.1.1 ?\033[2J no");
	json_decref(answer);
}

static void
what_ends_while_it_is_read_is_left_out(void **state)
{
	(void)state;
	fake_shelf.items = 1;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-show\",\"id\":\"1\"}\n");
	fake_shelf.gone = 1;
	fake_shelf_let_go();
	expect_line("{\"ok\":false,\"error\":\"no such message is queued\","
		    "\"exit\":3}");
}

/* ---- many requests, slow and vanished clients ---- */

static void
requests_are_answered_in_their_order(void **state)
{
	(void)state;
	fake_shelf.items = 1;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-list\"}\n{\"verb\":\"health\"}\n");
	expect_nothing();
	fake_shelf_let_go();
	expect_line(ITEM("1", "1", "a"));
	expect_line("{\"count\":1,\"ok\":true}");
	expect_line("{\"ok\":true}");
}

/* The answer to one who doesn't read is not kept in memory. */
static void
a_client_that_does_not_read_makes_the_walk_wait(void **state)
{
	enum {
		MANY = 4000,
		LINE = 150
	};
	(void)state;
	fake_shelf.items = MANY;
	say("{\"verb\":\"queue-list\"}\n");
	const struct session *s =
	    container_of(list_first(&control->sessions), struct session, node);
	assert_true(s->walk.paused);
	assert_true(s->walk.count < MANY);
	assert_in_range(stream_pending(s->stream), 1, CONTROL_PENDING + 1024);
	size_t count = 0;
	for (json_t *item; (item = line()); count++)
		json_decref(item);
	assert_int_equal(count, MANY + 1);
}

static void
a_client_that_goes_ends_its_walk(void **state)
{
	(void)state;
	fake_shelf.items = 10;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-drop\",\"to\":\"a.test\"}\n");
	assert_int_equal(fake_shelf.reading, 1);
	close(client);
	fake_loop_settle(loop);
	assert_int_equal(fake_shelf.reading, 0);
	fake_shelf_let_go();
	fake_loop_settle(loop);
	assert_int_equal(fake_shelf.dropped, 0);
	client = connect_client();
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
}

static void
an_end_of_all_ends_a_walk(void **state)
{
	(void)state;
	fake_shelf.items = 10;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-list\"}\n");
	control_free(control);
	control = NULL;
	assert_int_equal(fake_shelf.reading, 0);
}

static void
silence_is_bounded(void **state)
{
	(void)state;
	fake_loop_advance(loop, CONTROL_IDLE_MS - 1);
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
	fake_loop_advance(loop, CONTROL_IDLE_MS - 1);
	expect_nothing();
	fake_loop_advance(loop, 1);
	assert_false(hear());
}

static void
clients_do_not_disturb_each_other(void **state)
{
	(void)state;
	int first = client;
	fake_shelf.items = 1;
	fake_shelf.hold = true;
	say("{\"verb\":\"queue-list\"}\n");
	client = connect_client();
	say("{\"verb\":\"health\"}\n");
	expect_line("{\"ok\":true}");
	close(client);
	client = first;
	fake_shelf_let_go();
	expect_line(ITEM("1", "1", "a"));
}

#define CONTROL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(status_counts),
		CONTROL_TEST(status_tells_of_trouble_whatever_its_bytes),
		CONTROL_TEST(health_asks_nobody),
		CONTROL_TEST(reload_is_done_when_config_has_been_read),
		CONTROL_TEST(reports_are_sent_when_a_person_wants_it),
		CONTROL_TEST(policy_tells_what_a_domain_demands),
		CONTROL_TEST(policy_tells_what_each_host_must_prove),
		CONTROL_TEST(policy_tells_each_host_once),
		CONTROL_TEST(a_client_that_goes_ends_its_lookup),
		CONTROL_TEST(bad_requests_are_answered),
		CONTROL_TEST(a_line_without_end_is_cut_off),
		CONTROL_TEST(list_tells_each_item),
		CONTROL_TEST(verbs_mean_what_was_asked),
		CONTROL_TEST(a_hold_is_answered_when_it_is_durable),
		CONTROL_TEST(many_holds_wait_for_each_other),
		CONTROL_TEST(replies_of_others_may_hold_any_bytes),
		CONTROL_TEST(what_ends_while_it_is_read_is_left_out),
		CONTROL_TEST(requests_are_answered_in_their_order),
		CONTROL_TEST(a_client_that_does_not_read_makes_the_walk_wait),
		CONTROL_TEST(a_client_that_goes_ends_its_walk),
		CONTROL_TEST(an_end_of_all_ends_a_walk),
		CONTROL_TEST(silence_is_bounded),
		CONTROL_TEST(clients_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
