#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
	TALLIES = 8192, /* of each kind: what attackers can make us keep */
	REFUSED_MS = 3600 * 1000,
	DELAY_MS = 250, /* for the second failure; twice as long for the next */
	DELAY_MAX_MS = 2000,
	RESERVED_SHARE = 8, /* of all connections, for our users */
	RESERVED = 10, /* at least, but not more than half */
};

/* ---- networks ---- */

struct key { /* a /32 or a /64 */
	char bytes[1 + 16];
};

static struct str
make_key(struct key *key, struct ip ip)
{
	struct ip network = ip_network(ip, 32, 64);
	key->bytes[0] = (char)network.family;
	memcpy(key->bytes + 1, network.bytes, 16);
	return (struct str){ key->bytes, sizeof key->bytes };
}

struct network {
	struct map_node node;
	struct key key;
	size_t connections;
};

static struct network *
find_network(struct limits *l, struct str key)
{
	struct map_node *node = map_find(&l->networks, key);
	return node ? container_of(node, struct network, node) : NULL;
}

static struct network *
add_network(struct limits *l, struct str key)
{
	struct network *network = mem_alloc(sizeof *network);
	memcpy(network->key.bytes, key.p, key.n);
	map_add(&l->networks, &network->node,
	    (struct str){ network->key.bytes, key.n });
	return network;
}

/* However many strangers come, our users can still send. */
static size_t
most_strangers(const struct settings *s)
{
	size_t most = s->max_connections;
	size_t reserved = most / RESERVED_SHARE;
	if (!s->ports[PORT_SUBMISSION] && !s->ports[PORT_SUBMISSIONS])
		return most;
	if (reserved < RESERVED)
		reserved = RESERVED;
	return most - (reserved < most / 2 ? reserved : most / 2);
}

static bool
is_full(const struct limits *l, enum port_name port)
{
	return l->connections >= l->settings->max_connections ||
	    (port == PORT_SMTP && l->strangers >= most_strangers(l->settings));
}

bool
limits_connect(struct limits *l, enum port_name port, struct ip ip)
{
	struct key key;
	struct str name = make_key(&key, ip);
	struct network *network = find_network(l, name);
	if (is_full(l, port) ||
	    (network && !guard_is_gateway(l->guard, ip) &&
		network->connections >= l->settings->connections_per_ip))
		return false;
	if (!network)
		network = add_network(l, name);
	network->connections++;
	l->connections++;
	l->strangers += port == PORT_SMTP;
	return true;
}

void
limits_disconnect(struct limits *l, enum port_name port, struct ip ip)
{
	struct key key;
	struct network *network = find_network(l, make_key(&key, ip));
	l->connections--;
	l->strangers -= port == PORT_SMTP;
	if (--network->connections > 0)
		return;
	map_remove(&l->networks, &network->node);
	free(network);
}

/* ---- tallies ---- */

/* A bucket that leaks: full_ms is when it will be empty, and each event fills
   it for as long as one of them has room in the rate's time. */
struct tally {
	struct map_node node;
	struct list_node age;
	int64_t full_ms;
	int64_t refused_ms; /* until then */
	char key[];
};

static struct tally *
find_tally(const struct tallies *all, struct str key)
{
	struct map_node *node = map_find(&all->map, key);
	return node ? container_of(node, struct tally, node) : NULL;
}

static void
remove_oldest(struct tallies *all)
{
	struct tally *tally =
	    container_of(list_pop(&all->ages), struct tally, age);
	map_remove(&all->map, &tally->node);
	free(tally);
}

static struct tally *
take_tally(struct tallies *all, struct str key)
{
	struct tally *tally = find_tally(all, key);
	if (!tally) {
		if (all->map.count >= TALLIES)
			remove_oldest(all);
		tally = mem_alloc(sizeof *tally + key.n + 1);
		memcpy(tally->key, key.p, key.n);
		map_add(
		    &all->map, &tally->node, (struct str){ tally->key, key.n });
	}
	list_remove(&tally->age);
	list_push(&all->ages, &tally->age);
	return tally;
}

static int64_t
cost(struct rate rate)
{
	uint64_t ms = rate.count ? rate.ms / rate.count : rate.ms;
	return ms ? (int64_t)ms : 1;
}

/* Events of late that still count. */
static uint64_t
recent(const struct tally *tally, struct rate rate, int64_t now)
{
	int64_t left = tally ? tally->full_ms - now : 0;
	return left > 0 ? (uint64_t)((left + cost(rate) - 1) / cost(rate)) : 0;
}

static uint64_t
count(struct tally *tally, struct rate rate, int64_t now)
{
	if (tally->full_ms < now)
		tally->full_ms = now;
	tally->full_ms += cost(rate);
	return recent(tally, rate, now);
}

/* ---- logins ---- */

bool
limits_may_login(struct limits *l, struct ip ip, struct str account)
{
	struct key key;
	int64_t now = clock_mono_ms();
	struct tally *address = find_tally(&l->addresses, make_key(&key, ip));
	struct tally *tally = find_tally(&l->accounts, account);
	if (!address)
		return true;
	if (now < address->refused_ms && !guard_is_gateway(l->guard, ip))
		return false;
	return !tally || now >= tally->refused_ms ||
	    recent(address, l->settings->auth_failures, now) == 0;
}

static uint64_t
count_failure(struct limits *l, struct tallies *all, struct str key)
{
	struct rate rate = l->settings->auth_failures;
	int64_t now = clock_mono_ms();
	struct tally *tally = take_tally(all, key);
	uint64_t failures = count(tally, rate, now);
	if (failures >= rate.count)
		tally->refused_ms = now + REFUSED_MS;
	return failures;
}

int64_t
limits_failed_login(struct limits *l, struct ip ip, struct str account)
{
	struct key key;
	uint64_t failures = count_failure(l, &l->addresses, make_key(&key, ip));
	uint64_t others =
	    str_empty(account) ? 0 : count_failure(l, &l->accounts, account);
	int64_t delay = DELAY_MS;
	if (failures < others)
		failures = others;
	if (failures < 2)
		return 0;
	for (uint64_t i = 2; i < failures && delay < DELAY_MAX_MS; i++)
		delay *= 2;
	return delay;
}

/* ---- recipients ---- */

bool
limits_recipient(struct limits *l, struct str account)
{
	struct rate rate = l->settings->user_rate;
	int64_t now = clock_mono_ms();
	struct tally *tally = take_tally(&l->users, account);
	if (recent(tally, rate, now) >= rate.count)
		return false;
	count(tally, rate, now);
	return true;
}

/* ---- all ---- */

void
limits_open(struct limits *l, const struct settings *settings,
    const struct guard *guard)
{
	*l = (struct limits){ .settings = settings, .guard = guard };
	list_init(&l->addresses.ages);
	list_init(&l->accounts.ages);
	list_init(&l->users.ages);
}

static void
free_tallies(struct tallies *all)
{
	while (all->map.count > 0)
		remove_oldest(all);
	map_free(&all->map);
}

void
limits_close(struct limits *l)
{
	for (struct map_node *n; (n = map_next(&l->networks, NULL));) {
		map_remove(&l->networks, n);
		free(container_of(n, struct network, node));
	}
	map_free(&l->networks);
	free_tallies(&l->addresses);
	free_tallies(&l->accounts);
	free_tallies(&l->users);
}
