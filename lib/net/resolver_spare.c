#include "lib/net/resolver_spare.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/dns_message.h"

enum {
	PROBE_MS = 30000,
	AGAIN_MS = 5000, /* after a first failure: it may be starting */
	FAILURES = 2, /* in a row; one answer is enough for the way back */
};

static bool
is_good(struct str wire)
{
	struct arena arena = { 0 };
	struct dns_message m;
	bool good = wire.p &&
	    dns_message_parse(wire, STR("."), DNS_NS, &arena, &m) &&
	    m.rcode == DNS_NOERROR && m.count > 0;
	arena_free(&arena);
	return good;
}

static void
set_needed(struct spare *spare, bool needed)
{
	if (spare->needed == needed)
		return;
	spare->needed = needed;
	if (needed)
		log_note(LOG_WARN, "dns",
		    "the resolver of our own doesn't reach the root servers: "
		    "the system's are asked");
	else
		log_note(LOG_INFO, "dns",
		    "the resolver of our own reaches the root servers again");
	spare->changed(spare);
}

static void on_timer(struct timer *);

static void
on_probed(struct server_question *question, struct str wire)
{
	struct spare *spare = container_of(question, struct spare, probe);
	if (!spare->loop)
		return; /* stopped: the server is being freed */
	bool good = is_good(wire);
	spare->failures = good ? 0 : spare->failures + 1;
	timer_start(&spare->timer, spare->loop,
	    spare->failures == 1 ? AGAIN_MS : PROBE_MS, on_timer);
	if (good)
		set_needed(spare, false);
	else if (spare->failures >= FAILURES)
		set_needed(spare, true);
}

static void
on_timer(struct timer *timer)
{
	struct spare *spare = container_of(timer, struct spare, timer);
	struct buf query = { 0 };
	uint16_t id;
	random_bytes(&id, sizeof id);
	dns_message_write(&query, id, STR("."), DNS_NS);
	spare->probe.answered = on_probed;
	resolver_server_ask(spare->watched, &spare->probe, buf_str(&query));
	buf_free(&query);
}

void
spare_start(struct spare *spare, struct loop *loop, struct server *watched,
    void (*changed)(struct spare *))
{
	spare->loop = loop;
	spare->watched = watched;
	spare->changed = changed;
	timer_start(&spare->timer, loop, 0, on_timer);
}

void
spare_stop(struct spare *spare)
{
	timer_stop(&spare->timer);
	spare->loop = NULL;
}
