/*
 * smtpd - receives, keeps and delivers mail.
 *
 * Started by entrypoint, never as root: listening sockets, the control socket
 * and the signer's pair come over descriptor 3.  Open everything, then the
 * sandbox, then the first thread.
 */
#include "lib/base/log.h"
#include "lib/host/handover.h"
#include "lib/host/sandbox.h"
#include "lib/net/tls_keeper.h"
#include "smtpd/control/control.h"
#include "smtpd/delivery/delivery.h"
#include "smtpd/inbound/inbound.h"
#include "smtpd/store/store.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	EXIT_SETTINGS = 78,
	EXIT_TEMPORARY = 75,
	IO_THREADS = 12,
	PLACE_THREADS = 8, /* at most; more than cores only wait for locks */
	LANE_BOUND = 4096,
	LOGIN_BOUND = 64, /* password checks that may wait for a core */
	STOP_MS = 5000, /* entrypoint waits 8 s for all of us */
	CLOSE_MS = 2000,
	SPACE_RESERVE = 64 << 20,
};

struct smtpd {
	struct settings settings;
	struct arena arena;
	struct loop *loop;
	struct lane *io, *place, *cpu;
	struct store *store;
	struct queue *queue;
	struct directory_keeper *directory;
	struct logins *logins;
	struct resolver *resolver;
	struct tls_keeper *tls;
	struct tls_context *tls_opportunistic, *tls_verified;
	struct sign_channel *sign;
	struct inbound *inbound;
	struct delivery *delivery;
	struct control *control;
	struct watch handover;
	struct signal_watch stop, reload;
	struct timer deadline;
	unsigned busy; /* of inbound and delivery, while stopping */
	bool stopping;
};

static struct smtpd server;

/* ---- what PID 1 hands down ---- */

static bool
take_port(const char *name, int fd)
{
	for (int port = 0; port < PORT_COUNT; port++)
		if (strcmp(name, settings_port_name((enum port_name)port)) ==
		    0) {
			inbound_listen(
			    server.inbound, (enum port_name)port, fd);
			return true;
		}
	return false;
}

static void
take(const char *name, int fd)
{
	if (strcmp(name, "control") == 0 && fd >= 0)
		control_listen(server.control, fd);
	else if (fd >= 0 && !take_port(name, fd))
		close(fd);
}

static void
on_handover(struct watch *watch, bool readable, bool writable)
{
	(void)readable, (void)writable;
	char name[HANDOVER_NAME];
	int fd;
	int got;
	while ((got = handover_receive(watch->fd, name, &fd)) == 1)
		take(name, fd);
	if (got < 0)
		watch_stop(watch); /* PID 1 is gone, and we soon are */
}

struct handed { /* before "go" */
	char name[HANDOVER_NAME];
	int fd;
};

enum {
	HANDED_MAX = 128
};

static struct handed handed[HANDED_MAX];
static size_t handed_count;

static bool
receive_all(void)
{
	for (;;) {
		struct handed *h = &handed[handed_count];
		if (handover_receive(HANDOVER_FD, h->name, &h->fd) != 1)
			return false;
		if (strcmp(h->name, "go") == 0)
			return true;
		if (++handed_count == HANDED_MAX)
			return false;
	}
}

/* The descriptor of that name, no longer in the list; -1 without one. */
static int
handed_take(const char *name)
{
	for (size_t i = 0; i < handed_count; i++)
		if (strcmp(handed[i].name, name) == 0) {
			int fd = handed[i].fd;
			handed[i].fd = -1;
			return fd;
		}
	return -1;
}

/* ---- opening ---- */

static const char *
below_data(const char *name)
{
	return arena_printf(
	    &server.arena, "%s/%s", server.settings.data.p, name)
	    .p;
}

static bool
fail(const char *what, const char *why)
{
	log_note(LOG_ERROR, "start", "%s: %s", what, why);
	return false;
}

static bool
open_queue(void)
{
	const char *why = "";
	server.store = store_open(
	    server.loop, below_data("store"), below_data("bad"), &why);
	if (!server.store)
		return fail("store", why);
	struct queue_options options = {
		.data = server.settings.data.p,
		.loop = server.loop,
		.io = server.io,
		.store = server.store,
		.space_reserve = SPACE_RESERVE,
	};
	server.queue = queue_open(&options, &why);
	return server.queue || fail("queue", why);
}

static bool
open_tls(void)
{
	const struct settings *s = &server.settings;
	bool files = s->tls == TLS_FILES;
	server.tls = tls_keeper_new(server.loop, server.io,
	    files ? s->tls_cert.p : below_data("tls/cert.pem"),
	    files ? s->tls_key.p : below_data("tls/key.pem"));
	const char *why = "";
	server.tls_opportunistic = tls_client(TLS_OPPORTUNISTIC, "", &why);
	server.tls_verified = tls_client(TLS_VERIFIED, s->ca_file.p, &why);
	return (server.tls_opportunistic && server.tls_verified) ||
	    fail("TLS for outgoing connections", why);
}

static bool
open_dns(void)
{
	struct buf servers = { 0 };
	bool local = server.settings.resolver.count > 0;
	for (size_t i = 0; i < server.settings.resolver.count; i++) {
		const struct endpoint *e =
		    &server.settings.resolver.endpoints[i];
		char text[IP_TEXT];
		ip_print(e->ip, text);
		buf_addf(&servers, e->ip.family == 6 ? "%s[%s]:%u" : "%s%s:%u",
		    i ? "," : "", text, (unsigned)e->port);
		local = local && ip_is_loopback(e->ip);
	}
	bool trust = server.settings.trust_ad == YES ||
	    (server.settings.trust_ad == AUTO && local);
	server.resolver = resolver_new(server.loop, buf_cstr(&servers), trust);
	buf_free(&servers);
	return server.resolver || fail("resolver", "can't be set up");
}

static bool
open_people(void)
{
	server.directory =
	    directory_keeper_new(server.loop, server.io, &server.settings);
	const char *why = "";
	server.logins =
	    logins_new(server.directory, server.settings.hostname.p, &why);
	return server.logins || fail("SASL", why);
}

static bool
open_signer(void)
{
	int fd = handed_take("signer");
	if (fd < 0)
		return fail("signer", "its socket was not handed down");
	server.sign = sign_channel_new(server.loop, fd);
	return true;
}

static void
open_parts(void)
{
	server.inbound = inbound_new(&(struct inbound_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .queue = server.queue,
	    .directory = server.directory,
	    .logins = server.logins,
	    .sign = server.sign,
	    .tls = tls_keeper_now(server.tls),
	});
	server.delivery = delivery_new(&(struct delivery_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .queue = server.queue,
	    .directory = server.directory,
	    .resolver = server.resolver,
	    .place = server.place,
	    .io = server.io,
	    .tls_opportunistic = server.tls_opportunistic,
	    .tls_verified = server.tls_verified,
	});
}

/* ---- signals ---- */

static void
reload(void)
{
	directory_reload(server.directory);
	tls_keeper_reload(server.tls);
}

static void
on_control_reload(struct control *control)
{
	(void)control;
	reload();
}

static void
on_sighup(struct signal_watch *watch)
{
	(void)watch;
	reload();
}

static void
part_idle(void)
{
	if (--server.busy == 0)
		loop_stop(server.loop);
}

static void
on_inbound_idle(struct inbound *inbound)
{
	(void)inbound;
	part_idle();
}

static void
on_delivery_idle(struct delivery *delivery)
{
	(void)delivery;
	part_idle();
}

static void
on_deadline(struct timer *timer)
{
	(void)timer;
	loop_stop(server.loop);
}

static void
on_sigterm(struct signal_watch *watch)
{
	(void)watch;
	if (server.stopping)
		return;
	server.stopping = true;
	server.busy = 2;
	timer_start(&server.deadline, server.loop, STOP_MS, on_deadline);
	inbound_stop(server.inbound, on_inbound_idle);
	delivery_stop(server.delivery, STOP_MS, on_delivery_idle);
}

/* ---- the start and the end ---- */

/* Rules name folders, because files are replaced. */
static const char *
folder_of(struct str path)
{
	size_t slash = str_find_last(path, '/');
	if (slash == path.n)
		return ".";
	return arena_str(&server.arena, str_sub(path, 0, slash ? slash : 1)).p;
}

static void
enter_sandbox(void)
{
	bool files = server.settings.tls == TLS_FILES;
	const char *tls = below_data("tls");
	const struct sandbox_rule rules[] = {
		{ below_data("journal"), SANDBOX_WRITE },
		{ below_data("spool"), SANDBOX_WRITE },
		{ below_data("store"), SANDBOX_WRITE },
		{ below_data("bad"), SANDBOX_WRITE },
		{ below_data("mail"), SANDBOX_PLACE },
		{ below_data("config"), SANDBOX_READ },
		{ files ? folder_of(server.settings.tls_cert) : tls,
		    SANDBOX_READ },
		{ files ? folder_of(server.settings.tls_key) : tls,
		    SANDBOX_READ },
		{ "/etc", SANDBOX_READ },
		{ "/usr", SANDBOX_READ },
		{ "/lib", SANDBOX_READ },
		{ "/dev", SANDBOX_READ },
		{ "/proc/self", SANDBOX_READ },
	};
	sandbox_enter(
	    rules, sizeof rules / sizeof *rules, SANDBOX_CALLS_NETWORK);
}

static unsigned
count_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores > 0 ? (unsigned)cores : 1;
}

static bool
open_all(void)
{
	server.loop = loop_new();
	server.io = lane_new(server.loop, IO_THREADS, LANE_BOUND, "io");
	unsigned cores = count_cores();
	server.place = lane_new(server.loop,
	    cores < PLACE_THREADS ? cores : PLACE_THREADS, LANE_BOUND, "place");
	server.cpu = lane_new(server.loop, cores, LOGIN_BOUND, "cpu");
	if (!open_queue() || !open_tls() || !open_dns() || !open_people() ||
	    !open_signer())
		return false;
	enter_sandbox();
	return true;
}

static void
start_all(void)
{
	store_start(server.store);
	logins_lane(server.logins, server.cpu);
	tls_keeper_start(server.tls);
	queue_start(server.queue);
	open_parts();
	server.control = control_new(&(struct control_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .queue = server.queue,
	    .directory = server.directory,
	    .tls = server.tls,
	    .inbound = server.inbound,
	    .delivery = server.delivery,
	    .reload = on_control_reload,
	});
	signal_start(&server.stop, server.loop, SIGTERM, on_sigterm);
	signal_start(&server.reload, server.loop, SIGHUP, on_sighup);
	for (size_t i = 0; i < handed_count; i++)
		if (strcmp(handed[i].name, "lock") != 0)
			take(handed[i].name, handed[i].fd);
	fcntl(HANDOVER_FD, F_SETFL, O_NONBLOCK);
	watch_start(&server.handover, server.loop, HANDOVER_FD, true, false,
	    on_handover);
}

static void
close_all(void)
{
	control_free(server.control);
	inbound_free(server.inbound);
	delivery_free(server.delivery);
	queue_close(server.queue, CLOSE_MS);
	store_close(server.store);
	log_note(LOG_INFO, "stop", "smtpd has stopped");
}

static void
raise_limits(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	mallopt(M_ARENA_MAX, 2);
	umask(0007);
}

int
main(void)
{
	struct buf errors = { 0 };
	if (!settings_load(&server.settings, environ, &errors) ||
	    str_empty(server.settings.hostname)) {
		fprintf(stderr, "%s", buf_cstr(&errors));
		return EXIT_SETTINGS;
	}
	log_open(server.settings.log_level, server.settings.log_json, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	if (!receive_all()) {
		fail("smtpd", "is started by entrypoint, not by hand");
		return EXIT_SETTINGS;
	}
	if (!open_all())
		return EXIT_TEMPORARY;
	start_all();
	log_note(LOG_INFO, "start", "smtpd is ready as %s",
	    server.settings.hostname.p);
	loop_run(server.loop);
	close_all();
	return 0;
}
