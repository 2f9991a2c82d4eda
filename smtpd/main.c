/*
 * smtpd - receives, keeps and delivers mail.
 *
 * Started by entrypoint, never as root: listening sockets, the control socket
 * and the pairs with signer and web come over descriptor 3.  Open everything,
 * then the sandbox, then the first thread.
 */
#include "lib/base/log.h"
#include "lib/net/tls_keeper.h"
#include "smtpd/control/control.h"
#include "smtpd/delivery/delivery.h"
#include "smtpd/delivery/identity.h"
#include "smtpd/handed.h"
#include "smtpd/inbound/inbound.h"
#include "smtpd/jail.h"
#include "smtpd/memories.h"
#include "smtpd/names.h"
#include "smtpd/report/report.h"
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
	struct memories memories;
	struct queue *queue;
	struct directory_keeper *directory;
	struct logins *logins;
	struct srs srs;
	struct resolver *resolver;
	struct tls_keeper *tls;
	struct tls_context *tls_opportunistic, *tls_verified;
	struct sign_channel *sign;
	struct fetch_channel *fetch;
	struct policy_cache *policies;
	struct inbound *inbound;
	struct delivery *delivery;
	struct identity *identity; /* NULL behind a smarthost */
	struct reports *reports; /* or NULL */
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
take_all(void)
{
	const char *name;
	int fd;
	for (size_t at = 0; handed_next(&at, &name, &fd);)
		if (strcmp(name, "lock") != 0)
			take(name, fd);
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
	server.resolver =
	    names_open(server.loop, &server.settings, handed_has("bundled"));
	return server.resolver || fail("resolver", "can't be set up");
}

/* Without the file mail goes on; what other servers send back to rewritten
   addresses (SRS) is refused after the next start. */
static void
open_secret(struct secret *secret)
{
	const char *why;
	if (!secret_read(secret, below_data("config/secret"), &why))
		log_note(LOG_ERROR, "start",
		    "config/secret: %s; another one is used until the next "
		    "start",
		    why);
	secret_derive(secret, "srs", server.srs.key, sizeof server.srs.key);
}

static bool
open_people(void)
{
	struct secret secret;
	const char *why = "";
	open_secret(&secret);
	server.directory =
	    directory_keeper_new(server.loop, server.io, &server.settings);
	server.logins = logins_new(
	    server.directory, server.settings.hostname.p, &secret, &why);
	explicit_bzero(&secret, sizeof secret);
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

/* Before the soft store is started: the policies in it are read. */
static bool
open_web(void)
{
	int fd = handed_take("web");
	if (fd < 0)
		return fail("web", "its socket was not handed down");
	server.fetch = fetch_channel_new(server.loop, fd);
	server.policies = policy_cache_new(&(struct policy_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .resolver = server.resolver,
	    .fetch = server.fetch,
	    .store = server.memories.soft,
	});
	return true;
}

static struct reports *
open_reports(void)
{
	return reports_new(&(struct report_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .directory = server.directory,
	    .resolver = server.resolver,
	    .queue = server.queue,
	    .sign = server.sign,
	    .fetch = server.fetch,
	    .lane = server.io,
	    .dmarc = server.memories.dmarc,
	    .tls = server.memories.tls,
	});
}

/* Behind a smarthost it is the smarthost's that counts. */
static struct identity *
open_identity(void)
{
	if (!str_empty(server.settings.relay_host))
		return NULL;
	return identity_new(&(struct identity_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .resolver = server.resolver,
	    .directory = server.directory,
	});
}

static void
open_parts(void)
{
	server.identity = open_identity();
	bool reports = server.settings.reports;
	server.reports = reports ? open_reports() : NULL;
	server.inbound = inbound_new(&(struct inbound_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .queue = server.queue,
	    .history = server.memories.history,
	    .counters = reports ? server.memories.dmarc : NULL,
	    .directory = server.directory,
	    .logins = server.logins,
	    .sign = server.sign,
	    .resolver = server.resolver,
	    .srs = &server.srs,
	    .tls = tls_keeper_now(server.tls),
	});
	server.delivery = delivery_new(&(struct delivery_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .queue = server.queue,
	    .history = server.memories.history,
	    .directory = server.directory,
	    .resolver = server.resolver,
	    .policies = server.policies,
	    .identity = server.identity,
	    .listener = reports ? &server.memories.tls_counters.listener : NULL,
	    .sign = server.sign,
	    .srs = &server.srs,
	    .place = server.place,
	    .io = server.io,
	    .cpu = server.cpu,
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
on_memories_idle(struct memories *memories)
{
	(void)memories;
	loop_stop(server.loop);
}

static void
part_idle(void)
{
	if (--server.busy == 0)
		memories_stop(&server.memories, on_memories_idle);
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
	if (!open_queue())
		return false;
	memories_open(
	    &server.memories, server.loop, server.io, server.settings.data.p);
	if (!open_tls() || !open_dns() || !open_people() || !open_signer() ||
	    !open_web())
		return false;
	jail_enter(&server.settings);
	return true;
}

static void
start_all(void)
{
	store_start(server.store);
	store_start(server.memories.soft);
	logins_lane(server.logins, server.cpu);
	tls_keeper_start(server.tls);
	queue_start(server.queue);
	open_parts();
	server.control = control_new(&(struct control_parts){
	    .loop = server.loop,
	    .settings = &server.settings,
	    .queue = server.queue,
	    .history = server.memories.history,
	    .reports = server.reports,
	    .directory = server.directory,
	    .tls = server.tls,
	    .resolver = server.resolver,
	    .inbound = server.inbound,
	    .delivery = server.delivery,
	    .identity = server.identity,
	    .policies = server.policies,
	    .reload = on_control_reload,
	});
	signal_start(&server.stop, server.loop, SIGTERM, on_sigterm);
	signal_start(&server.reload, server.loop, SIGHUP, on_sighup);
	take_all();
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
	identity_free(server.identity);
	reports_free(server.reports);
	policy_cache_free(server.policies);
	fetch_channel_free(server.fetch);
	memories_free(&server.memories);
	queue_close(server.queue, CLOSE_MS);
	store_close(server.store);
	store_close(server.memories.soft);
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
	if (!handed_receive()) {
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
