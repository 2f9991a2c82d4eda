#include "lib/net/resolver_server.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/net/resolver_datagram.h"

#include <ares.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TIMEOUT_MS = 1500, /* of the first try; each further one doubles it */
	TRIES = 3,
	LOOK_MS = 100, /* between two looks at who has waited too long */
};

struct server {
	struct loop *loop;
	ares_channel channel;
	struct timer timer;
	struct list sockets;
	struct list asked;
	size_t asked_count;
	struct ip ip;
	uint16_t port;
};

struct asked { /* a question, until its answer */
	struct server *server;
	struct server_question *question;
	struct buf query;
	struct datagram datagram;
	struct list_node node;
};

struct socket_watch {
	struct watch watch;
	struct server *server;
	struct list_node node;
};

/* ---- c-ares on the loop ---- */

static void process(struct server *, ares_socket_t read, ares_socket_t write);

static void
on_timer(struct timer *timer)
{
	process(container_of(timer, struct server, timer), ARES_SOCKET_BAD,
	    ARES_SOCKET_BAD);
}

/* To be called after everything that c-ares does.  It isn't asked when it wants
   to be called next: to say so it looks at all questions. */
static void
rearm(struct server *server)
{
	if (list_empty(&server->asked))
		timer_stop(&server->timer);
	else if (!timer_pending(&server->timer))
		timer_start(&server->timer, server->loop, LOOK_MS, on_timer);
}

static void
process(struct server *server, ares_socket_t read, ares_socket_t write)
{
	ares_process_fd(server->channel, read, write);
	rearm(server);
}

/* The watch may be gone when c-ares returns. */
static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	struct socket_watch *w =
	    container_of(watch, struct socket_watch, watch);
	ares_socket_t fd = watch->fd;
	process(w->server, readable ? fd : ARES_SOCKET_BAD,
	    writable ? fd : ARES_SOCKET_BAD);
}

static struct socket_watch *
find_watch(struct server *server, int fd)
{
	struct list_node *node = list_first(&server->sockets);
	for (; node; node = list_next(&server->sockets, node)) {
		struct socket_watch *w =
		    container_of(node, struct socket_watch, node);
		if (w->watch.fd == fd)
			return w;
	}
	return NULL;
}

static void
drop_watch(struct socket_watch *w)
{
	watch_stop(&w->watch);
	list_remove(&w->node);
	free(w);
}

static void
on_socket(void *context, ares_socket_t fd, int read, int write)
{
	struct server *server = context;
	struct socket_watch *w = find_watch(server, fd);
	if (w && !read && !write) {
		drop_watch(w);
	} else if (w) {
		watch_change(&w->watch, read, write);
	} else if (read || write) {
		w = mem_alloc(sizeof *w);
		w->server = server;
		list_push(&server->sockets, &w->node);
		watch_start(&w->watch, server->loop, fd, read, write, on_ready);
	}
}

/* ---- a server ---- */

static bool
open_channel(struct server *server)
{
	/* Answers of any kind come to us: whether another server is asked then
	   is for the resolver to say. */
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH |
		    ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP,
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.ednspsz = SERVER_PACKET,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = server,
	};
	char lookups[] = "b";
	options.lookups = lookups;
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	    ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS;
#ifdef ARES_OPT_QUERY_CACHE
	options.qcache_max_ttl = 0; /* the cache is the resolver's */
	mask |= ARES_OPT_QUERY_CACHE;
#endif
#ifdef ARES_OPT_UDP_MAX_QUERIES
	options.udp_max_queries = 1; /* RFC 5452 9.2: a port for each */
	mask |= ARES_OPT_UDP_MAX_QUERIES;
#endif
	return ares_init_options(&server->channel, &options, mask) ==
	    ARES_SUCCESS;
}

static bool
set_address(struct server *server, struct ip ip, uint16_t port)
{
	char text[IP_TEXT], csv[IP_TEXT + 10];
	ip_print(ip, text);
	snprintf(csv, sizeof csv, ip.family == 6 ? "[%s]:%u" : "%s:%u", text,
	    (unsigned)port);
	return ares_set_servers_ports_csv(server->channel, csv) == ARES_SUCCESS;
}

struct server *
resolver_server_new(struct loop *loop, struct ip ip, uint16_t port)
{
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		abort();
	struct server *server = mem_alloc(sizeof *server);
	server->loop = loop;
	server->ip = ip;
	server->port = port;
	list_init(&server->sockets);
	list_init(&server->asked);
	if (!open_channel(server) || !set_address(server, ip, port))
		abort();
	return server;
}

/* ---- questions ---- */

static void
answer(struct asked *asked, struct str message)
{
	struct server_question *question = asked->question;
	list_remove(&asked->node);
	asked->server->asked_count--;
	datagram_cancel(&asked->datagram);
	buf_free(&asked->query);
	free(asked);
	question->answered(question, message);
}

static void
on_datagram(struct datagram *datagram, struct str message)
{
	answer(container_of(datagram, struct asked, datagram), message);
}

/* Of the question or the answer, not of the server. */
static bool
is_particular(int status)
{
	return status == ARES_EBADNAME || status == ARES_EBADQUERY ||
	    status == ARES_EBADRESP || status == ARES_EFORMERR;
}

static void
on_answer(
    void *context, int status, int timeouts, unsigned char *message, int n)
{
	(void)timeouts;
	struct asked *asked = context;
	struct server *server = asked->server;
	struct str none = { 0 };
	struct str all = { (const char *)message, (size_t)n };
	if (is_particular(status))
		datagram_start(&asked->datagram, server->loop, server->ip,
		    server->port, buf_str(&asked->query), on_datagram);
	else
		answer(asked, status == ARES_SUCCESS ? all : none);
}

bool
resolver_server_is_full(const struct server *server)
{
	return server->asked_count >= SERVER_ASKED;
}

void
resolver_server_ask(
    struct server *server, struct server_question *question, struct str query)
{
	struct asked *asked = mem_alloc(sizeof *asked);
	asked->server = server;
	asked->question = question;
	asked->query = buf_of(query);
	list_push(&server->asked, &asked->node);
	server->asked_count++;
	ares_send(server->channel, (const unsigned char *)query.p, (int)query.n,
	    on_answer, asked);
	rearm(server);
}

void
resolver_server_free(struct server *server)
{
	struct list_node *node;
	ares_destroy(server->channel);
	while ((node = list_first(&server->asked)))
		answer(
		    container_of(node, struct asked, node), (struct str){ 0 });
	while ((node = list_first(&server->sockets)))
		drop_watch(container_of(node, struct socket_watch, node));
	timer_stop(&server->timer);
	free(server);
	ares_library_cleanup();
}
