#include "smtpd/inbound/dnsbl.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/reverse.h"

#include <stdlib.h>

enum {
	TEST_MS = 3600 * 1000,
	RETRY_MS = 60 * 1000, /* of a test that got no answer */
};

enum meaning { /* of an answer */
	NOT_LISTED,
	LISTED,
	BLOCKED, /* 127.255.255.x: a message to whoever runs us */
	NONSENSE, /* not in 127/8: the zone is parked, or was sold */
	NO_ANSWER,
};

enum belief {
	UNTESTED,
	BELIEVED,
	BROKEN
};

struct dns_list {
	struct dnsbl *dnsbl;
	const struct dnsbl_zone *zone;
	enum belief belief;
	struct buf trouble; /* the sentence, or "" */
	int64_t test_ms; /* monotonic: when it is to be tested (again) */
	struct dns_query listed, unlisted; /* the test under way */
	enum meaning listed_means, unlisted_means;
	unsigned testing; /* answers that are due */
	struct list waiting; /* lookups, for the end of the test */
};

struct dnsbl {
	struct loop *loop;
	struct resolver *resolver;
	size_t count;
	struct dns_list lists[SETTINGS_LIST];
};

/* ---- answers ---- */

static enum meaning
address_means(struct ip ip)
{
	static const struct ip hits = { 4, { 127 } };
	static const struct ip errors = { 4, { 127, 255, 255 } };
	if (!ip_in_prefix(ip, hits, 8))
		return NONSENSE;
	return ip_in_prefix(ip, errors, 24) ? BLOCKED : LISTED;
}

static enum meaning
answer_means(const struct dns_answer *answer)
{
	enum meaning worst = NOT_LISTED;
	if (answer->status == DNS_TEMPFAIL)
		return NO_ANSWER;
	for (size_t i = 0; i < answer->count; i++) {
		enum meaning meaning = address_means(answer->records[i].ip);
		if (meaning > worst)
			worst = meaning;
	}
	return worst;
}

static void
ask(struct dns_list *list, struct dns_query *query, struct ip ip,
    void (*done)(struct dns_query *))
{
	struct buf name = { 0 };
	reverse_labels(&name, ip);
	buf_addf(&name, ".%.*s", STR_ARG(list->zone->zone));
	dns_ask(list->dnsbl->resolver, query, buf_str(&name), DNS_A, done);
	buf_free(&name);
}

/* ---- belief ---- */

static void
believe(struct dns_list *list)
{
	if (list->belief == BROKEN)
		log_note(LOG_INFO, "dns", "The DNS list %.*s works again",
		    STR_ARG(list->zone->zone));
	list->belief = BELIEVED;
	buf_clear(&list->trouble);
}

static void
doubt(struct dns_list *list, const char *why)
{
	bool news = list->belief != BROKEN;
	list->belief = BROKEN;
	buf_clear(&list->trouble);
	buf_addf(&list->trouble, "the DNS list %.*s is ignored: it %s",
	    STR_ARG(list->zone->zone), why);
	if (news)
		log_note(LOG_WARN, "dns", "%s", buf_cstr(&list->trouble));
}

static const char *
fault(enum meaning meaning)
{
	switch (meaning) {
	case BLOCKED:
		return "refuses our questions (is the resolver a public one?)";
	case NONSENSE:
		return "answers with addresses outside of 127.0.0.0/8";
	case NO_ANSWER:
		return "doesn't answer";
	case LISTED:
		return "lists every address";
	case NOT_LISTED:
		return "doesn't list the address for tests, 127.0.0.2";
	}
	return "";
}

/* ---- lookups ---- */

static void
end_lookup(struct dnsbl_lookup *lookup)
{
	struct dnsbl_check *check = lookup->check;
	if (--check->open == 0)
		check->done(check);
}

static void
count_hit(struct dnsbl_check *check, const struct dnsbl_zone *zone)
{
	check->weight += zone->weight;
	if (zone->weight <= check->heaviest)
		return;
	check->heaviest = zone->weight;
	check->list = zone->zone;
}

static void
settle(struct dnsbl_lookup *lookup, enum meaning meaning)
{
	struct dns_list *list = lookup->list;
	if (list->belief == BELIEVED &&
	    (meaning == BLOCKED || meaning == NONSENSE)) {
		doubt(list, fault(meaning));
		list->test_ms = clock_mono_ms() + TEST_MS;
	} else if (list->belief == BELIEVED && meaning == LISTED) {
		count_hit(lookup->check, list->zone);
	}
	end_lookup(lookup);
}

/* A hit can't be counted before it is known whom the list lists. */
static void
on_answer(struct dns_query *query)
{
	struct dnsbl_lookup *lookup =
	    container_of(query, struct dnsbl_lookup, query);
	struct dns_list *list = lookup->list;
	enum meaning meaning = answer_means(query->answer);
	if (meaning == LISTED && list->testing && list->belief != BELIEVED)
		list_push(&list->waiting, &lookup->node);
	else
		settle(lookup, meaning);
}

/* ---- tests ---- */

/* RFC 5782 5: 127.0.0.2 is listed, 127.0.0.1 is not.  The two of IPv6 tell
   nothing, since most lists have no IPv6 addresses at all. */
static void
end_test(struct dns_list *list)
{
	struct list_node *n;
	enum meaning yes = list->listed_means, no = list->unlisted_means;
	bool answered = yes != NO_ANSWER && no != NO_ANSWER;
	list->test_ms = clock_mono_ms() + (answered ? TEST_MS : RETRY_MS);
	if (answered && yes != LISTED)
		doubt(list, fault(yes));
	else if (answered && no != NOT_LISTED)
		doubt(list, fault(no));
	else if (answered)
		believe(list);
	else if (list->belief == UNTESTED)
		doubt(list, fault(NO_ANSWER));
	while ((n = list_pop(&list->waiting)))
		settle(container_of(n, struct dnsbl_lookup, node), LISTED);
}

static void
on_listed(struct dns_query *query)
{
	struct dns_list *list = container_of(query, struct dns_list, listed);
	list->listed_means = answer_means(query->answer);
	if (--list->testing == 0)
		end_test(list);
}

static void
on_unlisted(struct dns_query *query)
{
	struct dns_list *list = container_of(query, struct dns_list, unlisted);
	list->unlisted_means = answer_means(query->answer);
	if (--list->testing == 0)
		end_test(list);
}

static void
keep_tested(struct dns_list *list)
{
	static const struct ip listed = { 4, { 127, 0, 0, 2 } };
	static const struct ip unlisted = { 4, { 127, 0, 0, 1 } };
	if (list->testing ||
	    (list->belief != UNTESTED && clock_mono_ms() < list->test_ms))
		return;
	list->testing = 2;
	ask(list, &list->listed, listed, on_listed);
	ask(list, &list->unlisted, unlisted, on_unlisted);
}

/* ---- checks ---- */

static void
on_nothing(struct later *later)
{
	struct dnsbl_check *check =
	    container_of(later, struct dnsbl_check, later);
	check->done(check);
}

void
dnsbl_start(struct dnsbl_check *check, struct dnsbl *dnsbl, struct ip ip,
    void (*done)(struct dnsbl_check *))
{
	*check = (struct dnsbl_check){ .done = done };
	/* Lists refuse, or lie to, whoever asks through a resolver of many. */
	size_t count = resolver_is_spare(dnsbl->resolver) ? 0 : dnsbl->count;
	for (size_t i = 0; i < count; i++) {
		struct dns_list *list = &dnsbl->lists[i];
		struct dnsbl_lookup *lookup = &check->lookups[i];
		keep_tested(list);
		if (list->belief == BROKEN && !list->testing)
			continue;
		lookup->list = list;
		lookup->check = check;
		check->open++;
		ask(list, &lookup->query, ip, on_answer);
	}
	if (check->open == 0)
		loop_later(dnsbl->loop, &check->later, on_nothing);
}

void
dnsbl_cancel(struct dnsbl_check *check)
{
	later_cancel(&check->later);
	for (size_t i = 0; i < SETTINGS_LIST; i++) {
		dns_cancel(&check->lookups[i].query);
		list_remove(&check->lookups[i].node);
	}
	check->open = 0;
}

/* ---- all ---- */

struct dnsbl *
dnsbl_new(struct loop *loop, struct resolver *resolver,
    const struct settings *settings)
{
	struct dnsbl *dnsbl = mem_alloc(sizeof *dnsbl);
	dnsbl->loop = loop;
	dnsbl->resolver = resolver;
	dnsbl->count = settings->dnsbl.count;
	for (size_t i = 0; i < dnsbl->count; i++) {
		struct dns_list *list = &dnsbl->lists[i];
		list->dnsbl = dnsbl;
		list->zone = &settings->dnsbl.zones[i];
		list_init(&list->waiting);
	}
	return dnsbl;
}

void
dnsbl_free(struct dnsbl *dnsbl)
{
	if (!dnsbl)
		return;
	for (size_t i = 0; i < dnsbl->count; i++) {
		dns_cancel(&dnsbl->lists[i].listed);
		dns_cancel(&dnsbl->lists[i].unlisted);
		buf_free(&dnsbl->lists[i].trouble);
	}
	free(dnsbl);
}

const char *
dnsbl_trouble(const struct dnsbl *dnsbl, size_t *at)
{
	while (*at < dnsbl->count) {
		const struct dns_list *list = &dnsbl->lists[(*at)++];
		if (list->belief == BROKEN)
			return list->trouble.p;
	}
	return NULL;
}
