#include "lib/net/dns_message.h"

#include "lib/base/cursor.h"
#include "lib/base/name.h"

#include <string.h>

enum {
	CLASS_IN = 1,
	TYPE_OPT = 41,
	FLAG_QR = 0x8000,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_AD = 0x0020,
	OPCODES = 0x7800,
	RCODES = 0x000f,
	EDNS_DO = 0x8000, /* RFC 3225 3: DNSSEC is understood */
	EDNS_SIZE = 1232, /* what passes any path in one piece */
	LABEL_MAX = 63,
	NAME_OCTETS = 255, /* RFC 1035 2.3.4: on the wire */
	POINTER = 0xc0,
	CNAMES_MAX = 8,
	RECORDS_MAX = 512, /* more serve nobody but an attacker */
};

struct record { /* any resource record, its data still on the wire */
	struct str owner;
	unsigned type, class;
	uint32_t ttl;
	size_t data, end;
};

struct reading {
	struct cursor at;
	struct arena *arena;
	struct buf scratch;
	struct dns_message *message;
	unsigned answer_count;
	struct record *answers;
};

/* ---- names ---- */

static void
add_label(struct buf *text, struct str label)
{
	if (text->n > 0)
		buf_addc(text, '.');
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		if (c <= ' ' || c > '~')
			buf_addf(text, "\\%03u", (unsigned)c);
		else if (c == '.' || c == '\\')
			buf_addf(text, "\\%c", c);
		else
			buf_addc(text, (char)c);
	}
}

/* RFC 1035 4.1.4: a pointer leads to a prior occurrence.  Each must lead
   further back than the one before it, so that loops end. */
static bool
add_name(struct cursor *c, struct buf *text)
{
	struct cursor walk = *c;
	size_t lowest = c->at, octets = 1;
	bool jumped = false;
	uint8_t n;
	while ((n = cursor_u8(&walk)) > 0) {
		if (n >= POINTER) {
			size_t target = (n & 0x3fU) << 8 | cursor_u8(&walk);
			if (!jumped)
				c->at = walk.at;
			jumped = true;
			if (target >= lowest || walk.failed)
				return false;
			walk.at = lowest = target;
			continue;
		}
		struct str label = cursor_bytes(&walk, n);
		octets += n + 1U;
		if (n > LABEL_MAX || octets > NAME_OCTETS || walk.failed)
			return false;
		add_label(text, label);
	}
	if (!jumped)
		c->at = walk.at;
	return !walk.failed;
}

static bool
read_name(struct reading *r, struct cursor *c, struct str *name)
{
	buf_clear(&r->scratch);
	if (!add_name(c, &r->scratch))
		return false;
	*name = arena_str(r->arena, buf_str(&r->scratch));
	return true;
}

/* ---- the data of a record: the reader must end where the data does ---- */

static bool
read_ip(struct dns_record *record, struct cursor *c, uint8_t family, size_t n)
{
	struct str bytes = cursor_bytes(c, n);
	record->ip = (struct ip){ .family = family };
	memcpy(record->ip.bytes, bytes.p ? bytes.p : "", bytes.n);
	return true;
}

static bool
read_text(
    struct reading *r, struct dns_record *record, struct cursor *c, size_t end)
{
	buf_clear(&r->scratch);
	while (c->at < end && !c->failed)
		buf_add(&r->scratch, cursor_bytes(c, cursor_u8(c)));
	record->text = arena_str(r->arena, buf_str(&r->scratch));
	return true;
}

/* RFC 6698 2.1: three numbers, then the rest */
static bool
read_tlsa(
    struct reading *r, struct dns_record *record, struct cursor *c, size_t end)
{
	record->tlsa.usage = cursor_u8(c);
	record->tlsa.selector = cursor_u8(c);
	record->tlsa.matching = cursor_u8(c);
	if (c->failed || c->at > end)
		return false;
	record->tlsa.data = arena_str(r->arena, cursor_bytes(c, end - c->at));
	return true;
}

static bool
read_soa(
    struct reading *r, struct dns_record *record, struct cursor *c, size_t end)
{
	bool read = read_name(r, c, &record->name);
	c->at = end;
	return read;
}

static bool
read_data(
    struct reading *r, struct dns_record *record, struct cursor *c, size_t end)
{
	switch (record->type) {
	case DNS_A:
		return read_ip(record, c, 4, 4);
	case DNS_AAAA:
		return read_ip(record, c, 6, 16);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return read_name(r, c, &record->name);
	case DNS_SOA:
		return read_soa(r, record, c, end);
	case DNS_MX:
		record->mx.preference = cursor_u16(c);
		return read_name(r, c, &record->mx.host);
	case DNS_TXT:
		return read_text(r, record, c, end);
	case DNS_TLSA:
		return read_tlsa(r, record, c, end);
	}
	return false;
}

static bool
read_record(
    struct reading *r, const struct record *raw, struct dns_record *record)
{
	struct cursor c = r->at;
	c.at = raw->data;
	record->type = (enum dns_type)raw->type;
	record->ttl = raw->ttl;
	return read_data(r, record, &c, raw->end) && !c.failed &&
	    c.at == raw->end;
}

/* ---- the sections ---- */

static bool
read_raw(struct reading *r, struct record *raw)
{
	struct cursor *c = &r->at;
	if (!read_name(r, c, &raw->owner))
		return false;
	raw->type = cursor_u16(c);
	raw->class = cursor_u16(c);
	raw->ttl = cursor_u32(c);
	if (raw->ttl > INT32_MAX && raw->type != TYPE_OPT)
		raw->ttl = 0; /* RFC 2181 8: the sign bit */
	size_t length = cursor_u16(c);
	raw->data = c->at;
	cursor_bytes(c, length);
	raw->end = c->at;
	return !c->failed;
}

static bool
read_question(struct reading *r, struct str name, enum dns_type type)
{
	struct str asked;
	return read_name(r, &r->at, &asked) && name_eq(asked, name) &&
	    cursor_u16(&r->at) == type && cursor_u16(&r->at) == CLASS_IN &&
	    !r->at.failed;
}

static bool
read_answers(struct reading *r)
{
	r->answers =
	    arena_alloc(r->arena, r->answer_count * sizeof *r->answers);
	for (unsigned i = 0; i < r->answer_count; i++)
		if (!read_raw(r, &r->answers[i]))
			return false;
	return true;
}

/* RFC 2308 5: how long it is true that there is nothing. */
static uint32_t
negative_ttl(const struct reading *r, const struct record *soa)
{
	enum {
		MINIMUM_OCTETS = 4
	};
	struct cursor c = r->at;
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
		struct record raw;
		if (!read_raw(r, &raw))
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
		struct record raw;
		if (!read_raw(r, &raw))
			return false;
		if (raw.type == TYPE_OPT)
			r->message->rcode |= raw.ttl >> 24 << 4;
	}
	return true;
}

/* ---- the answer ---- */

static bool
is_about(const struct record *raw, struct str owner, unsigned type)
{
	return raw->type == type && raw->class == CLASS_IN &&
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
		*broken = !read_record(r, &r->answers[i], &alias);
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
	    arena_alloc(r->arena, r->answer_count * sizeof *m->records);
	for (unsigned i = 0; i < r->answer_count; i++) {
		struct dns_record *record = &m->records[m->count];
		if (!is_about(&r->answers[i], owner, type))
			continue;
		if (!read_record(r, &r->answers[i], record))
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
	struct str owner = arena_lower(r->arena, name_strip_dot(name));
	struct str first = owner;
	m->ttl = UINT32_MAX;
	if (type != DNS_CNAME && !follow_aliases(r, &owner))
		return false;
	if (!collect(r, owner, type))
		return false;
	if (m->count > 0)
		return true;
	shorten(&m->ttl, nothing_ttl);
	m->alias = str_eq(owner, first) ? str_of("") : owner;
	return true;
}

static bool
read_message(struct reading *r, struct str name, enum dns_type type)
{
	struct cursor *c = &r->at;
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
	    !read_question(r, name, type))
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
		.at = cursor_of(wire), .arena = arena, .message = message
	};
	*message = (struct dns_message){ 0 };
	bool read = read_message(&r, name, type);
	buf_free(&r.scratch);
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
	put_u16(out, CLASS_IN);
	/* RFC 6891 6.1.2: OPT belongs to the root */
	put_u8(out, 0);
	put_u16(out, TYPE_OPT);
	put_u16(out, EDNS_SIZE);
	put_u32(out, EDNS_DO);
	put_u16(out, 0);
	return true;
}
