#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 8192, /* of each kind: what attackers can make us keep */
	REFUSED_MS = 3600 * 1000,
	DELAY_MS = 250, /* for the second failure, doubled with each one more */
	DELAY_MAX_MS = 2000,
	RESERVED_SHARE = 8, /* one in so many connections is for our users... */
	RESERVED = 10, /* ... and at least these, but not more than half */
};

/* Of an address; a large sender whose recipients are all unknown has less. */
static const struct rate wasted_rate = { .count = 600, .ms = 600000 };

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

/* ---- buckets ---- */

/* It leaks: each event adds the time that the rate gives to one, and what is in
   it is the time until it is empty. */
struct bucket {
	struct map_node node;
	struct list_node age;
	int64_t empty_ms; /* monotonic: when it will be */
	int64_t refused_ms; /* until then */
	char key[];
};

static struct bucket *
find_bucket(const struct buckets *all, struct str key)
{
	struct map_node *node = map_find(&all->map, key);
	return node ? container_of(node, struct bucket, node) : NULL;
}

static void
remove_oldest(struct buckets *all)
{
	struct bucket *bucket =
	    container_of(list_pop(&all->ages), struct bucket, age);
	map_remove(&all->map, &bucket->node);
	free(bucket);
}

static struct bucket *
take_bucket(struct buckets *all, struct str key)
{
	struct bucket *bucket = find_bucket(all, key);
	if (!bucket) {
		if (all->map.count >= BUCKETS)
			remove_oldest(all);
		bucket = mem_alloc(sizeof *bucket + key.n + 1);
		memcpy(bucket->key, key.p, key.n);
		map_add(&all->map, &bucket->node,
		    (struct str){ bucket->key, key.n });
	}
	list_remove(&bucket->age);
	list_push(&all->ages, &bucket->age);
	return bucket;
}

static int64_t
cost(struct rate rate)
{
	uint64_t ms = rate.count ? rate.ms / rate.count : rate.ms;
	return ms ? (int64_t)ms : 1;
}

/* How many events are still in it. */
static uint64_t
recent(const struct bucket *bucket, struct rate rate, int64_t now)
{
	int64_t left = bucket ? bucket->empty_ms - now : 0;
	return left > 0 ? (uint64_t)((left + cost(rate) - 1) / cost(rate)) : 0;
}

static uint64_t
count(struct bucket *bucket, struct rate rate, size_t events, int64_t now)
{
	if (bucket->empty_ms < now)
		bucket->empty_ms = now;
	bucket->empty_ms += cost(rate) * (int64_t)events;
	return recent(bucket, rate, now);
}

/* ---- logins ---- */

bool
limits_may_login(struct limits *l, struct ip ip, struct str account)
{
	struct key key;
	int64_t now = clock_mono_ms();
	struct bucket *of_ip = find_bucket(&l->addresses, make_key(&key, ip));
	struct bucket *of_account = find_bucket(&l->accounts, account);
	if (!of_ip)
		return true;
	if (now < of_ip->refused_ms && !guard_is_gateway(l->guard, ip))
		return false;
	return !of_account || now >= of_account->refused_ms ||
	    recent(of_ip, l->settings->auth_failures, now) == 0;
}

static uint64_t
count_failure(struct limits *l, struct buckets *all, struct str key)
{
	struct rate rate = l->settings->auth_failures;
	int64_t now = clock_mono_ms();
	struct bucket *bucket = take_bucket(all, key);
	uint64_t failures = count(bucket, rate, 1, now);
	if (failures >= rate.count)
		bucket->refused_ms = now + REFUSED_MS;
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

/* ---- MAIL without a message ---- */

bool
limits_may_mail(const struct limits *l, struct ip ip)
{
	struct key key;
	struct bucket *bucket = find_bucket(&l->wasters, make_key(&key, ip));
	return guard_is_gateway(l->guard, ip) ||
	    recent(bucket, wasted_rate, clock_mono_ms()) < wasted_rate.count;
}

void
limits_wasted(struct limits *l, struct ip ip, size_t mails)
{
	struct key key;
	if (mails > 0)
		count(take_bucket(&l->wasters, make_key(&key, ip)), wasted_rate,
		    mails, clock_mono_ms());
}

/* ---- recipients ---- */

bool
limits_recipient(struct limits *l, struct str account, size_t addresses)
{
	struct rate rate = l->settings->user_rate;
	int64_t now = clock_mono_ms();
	struct bucket *bucket = take_bucket(&l->users, account);
	if (recent(bucket, rate, now) >= rate.count)
		return false;
	count(bucket, rate, addresses, now);
	return true;
}

bool
limits_may_forward(const struct limits *l, struct str domain)
{
	struct rate rate = l->settings->forward_rate;
	return recent(find_bucket(&l->domains, domain), rate, clock_mono_ms()) <
	    rate.count;
}

void
limits_forward(struct limits *l, struct str domain)
{
	count(take_bucket(&l->domains, domain), l->settings->forward_rate, 1,
	    clock_mono_ms());
}

/* ---- all ---- */

void
limits_open(struct limits *l, const struct settings *settings,
    const struct guard *guard)
{
	*l = (struct limits){ .settings = settings, .guard = guard };
	list_init(&l->addresses.ages);
	list_init(&l->accounts.ages);
	list_init(&l->wasters.ages);
	list_init(&l->users.ages);
	list_init(&l->domains.ages);
}

static void
free_buckets(struct buckets *all)
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
	free_buckets(&l->addresses);
	free_buckets(&l->accounts);
	free_buckets(&l->wasters);
	free_buckets(&l->users);
	free_buckets(&l->domains);
}
