#include "smtpd/inbound/guard.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/siphash.h"
#include "lib/mail/path.h"

#include <stdlib.h>

enum {
	ADDRESSES = 64,
	PAIRS = 16, /* that are kept of an address */
	UNRELATED = 10, /* pairs that make a gateway of an address */
	HOUR_MS = 3600 * 1000,
};

struct pair { /* no other of the address has its HELO name or its domain */
	uint64_t helo, domain; /* hashed */
	int64_t seen_ms; /* monotonic, as all here */
};

struct source {
	struct ip ip;
	int64_t noted_ms;
	int64_t gateway_ms; /* it is one until then */
	size_t count;
	struct pair pairs[PAIRS];
};

struct guard {
	uint64_t key[2];
	size_t count;
	struct source sources[ADDRESSES];
};

/* Where a gateway of this host may be: RFC 1918, RFC 4193, RFC 6598, link-local
   and loopback; nobody else's address is ever excused. */
static const struct {
	struct ip net;
	unsigned bits;
} inside[] = {
	{ { 4, { 10 } }, 8 },
	{ { 4, { 172, 16 } }, 12 },
	{ { 4, { 192, 168 } }, 16 },
	{ { 4, { 100, 64 } }, 10 },
	{ { 4, { 169, 254 } }, 16 },
	{ { 4, { 127 } }, 8 },
	{ { 6, { 0xfc } }, 7 },
	{ { 6, { 0xfe, 0x80 } }, 10 },
	{ { 6, { [15] = 1 } }, 128 },
};

static bool
is_inside(struct ip ip)
{
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		if (ip_in_prefix(ip, inside[i].net, inside[i].bits))
			return true;
	return false;
}

/* ---- addresses ---- */

static size_t
find(const struct guard *guard, struct ip ip)
{
	size_t i = 0;
	while (i < guard->count && !ip_eq(guard->sources[i].ip, ip))
		i++;
	return i;
}

/* The address's place; a new one takes that of the one that was idle for
   longest. */
static struct source *
take(struct guard *guard, struct ip ip, int64_t now)
{
	size_t at = find(guard, ip);
	if (at == guard->count && at < ADDRESSES) {
		guard->count++;
	} else if (at == guard->count) {
		at = 0;
		for (size_t i = 1; i < ADDRESSES; i++)
			if (guard->sources[i].noted_ms <
			    guard->sources[at].noted_ms)
				at = i;
		guard->sources[at] = (struct source){ 0 };
	}
	guard->sources[at].ip = ip;
	guard->sources[at].noted_ms = now;
	return &guard->sources[at];
}

/* ---- pairs ---- */

static void
forget_old(struct source *source, int64_t now)
{
	size_t kept = 0;
	for (size_t i = 0; i < source->count; i++)
		if (source->pairs[i].seen_ms > now - HOUR_MS)
			source->pairs[kept++] = source->pairs[i];
	source->count = kept;
}

static struct pair *
find_relative(struct source *source, struct pair pair)
{
	for (size_t i = 0; i < source->count; i++) {
		struct pair *p = &source->pairs[i];
		if (p->helo == pair.helo || p->domain == pair.domain)
			return p;
	}
	return NULL;
}

static struct pair *
find_room(struct source *source)
{
	struct pair *oldest = &source->pairs[0];
	if (source->count < PAIRS)
		return &source->pairs[source->count++];
	for (size_t i = 1; i < PAIRS; i++)
		if (source->pairs[i].seen_ms < oldest->seen_ms)
			oldest = &source->pairs[i];
	return oldest;
}

/* One relay with many senders, or one sender with many hosts, stays one. */
static void
add_pair(struct source *source, struct pair pair)
{
	struct pair *relative = find_relative(source, pair);
	if (relative)
		relative->seen_ms = pair.seen_ms;
	else
		*find_room(source) = pair;
}

static uint64_t
hash(const struct guard *guard, struct str text)
{
	struct arena arena = { 0 };
	uint64_t value = siphash(guard->key, arena_lower(&arena, text));
	arena_free(&arena);
	return value;
}

/* ---- the whole ---- */

static void
write_trouble(const struct source *source, struct buf *out)
{
	char text[IP_TEXT];
	ip_print(source->ip, text);
	buf_addf(out,
	    "unrelated clients all appear as %s, so that SPF, DNS lists and "
	    "limits per address can't judge them: give the container "
	    "network_mode: host, or a bridge with a managed IPv6 network and "
	    "userland-proxy off",
	    text);
}

static void
warn(const struct source *source)
{
	struct buf text = { 0 };
	write_trouble(source, &text);
	log_note(LOG_WARN, "connect", "%s", buf_cstr(&text));
	buf_free(&text);
}

void
guard_note(
    struct guard *guard, struct ip ip, struct str helo, struct str sender)
{
	int64_t now = clock_mono_ms();
	struct str domain = address_domain(sender);
	if (!is_inside(ip) || str_empty(domain))
		return;
	struct source *source = take(guard, ip, now);
	forget_old(source, now);
	add_pair(source,
	    (struct pair){ hash(guard, helo), hash(guard, domain), now });
	if (source->count < UNRELATED)
		return;
	if (now >= source->gateway_ms)
		warn(source);
	source->gateway_ms = now + HOUR_MS;
}

bool
guard_is_gateway(const struct guard *guard, struct ip ip)
{
	size_t at = find(guard, ip);
	return at < guard->count &&
	    clock_mono_ms() < guard->sources[at].gateway_ms;
}

bool
guard_trouble(const struct guard *guard, struct buf *out)
{
	for (size_t i = 0; i < guard->count; i++)
		if (guard_is_gateway(guard, guard->sources[i].ip)) {
			write_trouble(&guard->sources[i], out);
			return true;
		}
	return false;
}

struct guard *
guard_new(void)
{
	struct guard *guard = mem_alloc(sizeof *guard);
	random_bytes(guard->key, sizeof guard->key);
	return guard;
}

void
guard_free(struct guard *guard)
{
	free(guard);
}
