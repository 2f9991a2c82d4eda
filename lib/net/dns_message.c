#include "lib/net/dns_message.h"

#include "lib/base/name.h"
#include "lib/net/dns_wire.h"

enum {
	FLAG_QR = 0x8000,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_AD = 0x0020,
	OPCODES = 0x7800,
	RCODES = 0x000f,
	EDNS_DO = 0x8000, /* RFC 3225 3: DNSSEC is understood */
	EDNS_SIZE = 1232, /* what passes any path in one piece */
	CNAMES_MAX = 8,
	RECORDS_MAX = 512, /* more serve nobody but an attacker */
};

struct reading {
	struct dns_wire wire;
	struct dns_message *message;
	unsigned answer_count;
	struct dns_raw *answers;
};

/* ---- the sections ---- */

static bool
read_question(struct dns_wire *w, struct str name, enum dns_type type)
{
	struct str asked;
	return dns_wire_name(w, &asked) && name_eq(asked, name) &&
	    cursor_u16(&w->at) == type && cursor_u16(&w->at) == DNS_CLASS_IN &&
	    !w->at.failed;
}

static bool
read_answers(struct reading *r)
{
	r->answers =
	    arena_alloc(r->wire.arena, r->answer_count * sizeof *r->answers);
	for (unsigned i = 0; i < r->answer_count; i++)
		if (!dns_wire_raw(&r->wire, &r->answers[i]))
			return false;
	return true;
}

/* RFC 2308 5: how long it is true that there is nothing. */
static uint32_t
negative_ttl(const struct reading *r, const struct dns_raw *soa)
{
	enum {
		MINIMUM_OCTETS = 4
	};
	struct cursor c = r->wire.at;
	if (soa->end - soa->data < MINIMUM_OCTETS)
		return 0;
	c.at = soa->end - MINIMUM_OCTETS;
	uint32_t minimum = cursor_u32(&c);
	return minimum < soa->ttl ? minimum : soa->ttl;
}

/* The SOA of a negative answer, the name servers of a referral. */
static bool
read_authority(struct reading *r, unsigned count, uint32_t *nothing_ttl)
{
	bool soa = false, servers = false;
	for (unsigned i = 0; i < count; i++) {
		struct dns_raw raw;
		if (!dns_wire_raw(&r->wire, &raw))
			return false;
		servers |= raw.type == DNS_NS;
		if (raw.type == DNS_SOA && !soa)
			*nothing_ttl = negative_ttl(r, &raw);
		soa |= raw.type == DNS_SOA;
	}
	r->message->referral = servers && !soa && r->answer_count == 0 &&
	    r->message->rcode == DNS_NOERROR;
	return true;
}

static bool
read_additional(struct reading *r, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct dns_raw raw;
		if (!dns_wire_raw(&r->wire, &raw))
			return false;
		if (raw.type == DNS_OPT)
			r->message->rcode |= raw.ttl >> 24 << 4;
	}
	return true;
}

/* ---- the answer ---- */

static bool
is_about(const struct dns_raw *raw, struct str owner, unsigned type)
{
	return raw->type == type && raw->class == DNS_CLASS_IN &&
	    str_eq(raw->owner, owner);
}

static void
shorten(uint32_t *ttl, uint32_t other)
{
	if (other < *ttl)
		*ttl = other;
}

/* One CNAME further; false when there is none. */
static bool
step_alias(struct reading *r, struct str *name, bool *broken)
{
	for (unsigned i = 0; i < r->answer_count; i++) {
		struct dns_record alias;
		if (!is_about(&r->answers[i], *name, DNS_CNAME))
			continue;
		*broken = !dns_wire_record(&r->wire, &r->answers[i], &alias);
		if (*broken)
			return false;
		shorten(&r->message->ttl, alias.ttl);
		*name = alias.name;
		return true;
	}
	return false;
}

static bool
follow_aliases(struct reading *r, struct str *name)
{
	bool broken = false;
	for (int i = 0; i <= CNAMES_MAX; i++)
		if (!step_alias(r, name, &broken))
			return !broken;
	return false;
}

static bool
collect(struct reading *r, struct str owner, enum dns_type type)
{
	struct dns_message *m = r->message;
	m->records =
	    arena_alloc(r->wire.arena, r->answer_count * sizeof *m->records);
	for (unsigned i = 0; i < r->answer_count; i++) {
		struct dns_record *record = &m->records[m->count];
		if (!is_about(&r->answers[i], owner, type))
			continue;
		if (!dns_wire_record(&r->wire, &r->answers[i], record))
			return false;
		shorten(&m->ttl, record->ttl);
		m->count++;
	}
	return true;
}

static bool
read_answer(struct reading *r, struct str name, enum dns_type type,
    uint32_t nothing_ttl)
{
	struct dns_message *m = r->message;
	struct str owner = arena_lower(r->wire.arena, name_strip_dot(name));
	struct str first = owner;
	m->ttl = UINT32_MAX;
	if (type != DNS_CNAME && !follow_aliases(r, &owner))
		return false;
	m->alias = str_eq(owner, first) ? str_of("") : owner;
	if (!collect(r, owner, type))
		return false;
	if (m->count == 0)
		shorten(&m->ttl, nothing_ttl);
	return true;
}

static bool
read_message(struct reading *r, struct str name, enum dns_type type)
{
	struct cursor *c = &r->wire.at;
	struct dns_message *m = r->message;
	cursor_u16(c); /* the id was compared by who asked */
	unsigned flags = cursor_u16(c);
	unsigned questions = cursor_u16(c);
	r->answer_count = cursor_u16(c);
	unsigned authorities = cursor_u16(c);
	unsigned additional = cursor_u16(c);
	if (r->answer_count + authorities + additional > RECORDS_MAX)
		return false;
	if ((flags & (FLAG_QR | OPCODES)) != FLAG_QR || questions != 1 ||
	    !read_question(&r->wire, name, type))
		return false;
	m->rcode = flags & RCODES;
	m->authentic = flags & FLAG_AD;
	m->truncated = flags & FLAG_TC;
	if (m->truncated)
		return true;
	uint32_t nothing_ttl = 0;
	return read_answers(r) &&
	    read_authority(r, authorities, &nothing_ttl) &&
	    read_additional(r, additional) &&
	    read_answer(r, name, type, nothing_ttl);
}

bool
dns_message_parse(struct str wire, struct str name, enum dns_type type,
    struct arena *arena, struct dns_message *message)
{
	struct reading r = {
		.wire = { .at = cursor_of(wire), .arena = arena },
		.message = message,
	};
	*message = (struct dns_message){ 0 };
	bool read = read_message(&r, name, type);
	buf_free(&r.wire.scratch);
	return read;
}

bool
dns_message_write(
    struct buf *out, uint16_t id, struct str name, enum dns_type type)
{
	size_t start = out->n;
	put_u16(out, id);
	/* RFC 6840 5.7: AD asks for the verdict */
	put_u16(out, FLAG_RD | FLAG_AD);
	put_u16(out, 1);
	put_u16(out, 0);
	put_u16(out, 0);
	put_u16(out, 1);
	if (!name_to_wire(name, out)) {
		buf_cut(out, start);
		return false;
	}
	put_u16(out, (uint16_t)type);
	put_u16(out, DNS_CLASS_IN);
	/* RFC 6891 6.1.2: OPT belongs to the root */
	put_u8(out, 0);
	put_u16(out, DNS_OPT);
	put_u16(out, EDNS_SIZE);
	put_u32(out, EDNS_DO);
	put_u16(out, 0);
	return true;
}
