#include "lib/net/dns_wire.h"

#include "lib/base/ascii.h"

#include <string.h>

enum {
	LABEL_MAX = 63,
	NAME_OCTETS = 255, /* RFC 1035 2.3.4: on the wire */
	POINTER = 0xc0,
	POINTERS_MAX = 127, /* of a name: it has no more labels */
};

/* ---- names ---- */

/* RFC 1035 5.1.  Written out, because a thousand names of nothing else may
   stand in one answer. */
static void
add_number(struct buf *text, unsigned char c)
{
	buf_addc(text, '\\');
	buf_addc(text, (char)('0' + c / 100));
	buf_addc(text, (char)('0' + c / 10 % 10));
	buf_addc(text, (char)('0' + c % 10));
}

static void
add_octet(struct buf *text, unsigned char c)
{
	if (c <= ' ' || c > '~') {
		add_number(text, c);
		return;
	}
	if (c == '.' || c == '\\')
		buf_addc(text, '\\');
	buf_addc(text, ascii_lower((char)c));
}

static void
add_label(struct buf *text, struct str label)
{
	if (text->n > 0)
		buf_addc(text, '.');
	for (size_t i = 0; i < label.n; i++)
		add_octet(text, (unsigned char)label.p[i]);
}

/* RFC 1035 4.1.4: a pointer leads to a prior occurrence.  Each must lead
   further back than the one before it, so that loops end; and what all records
   point at costs each of them little. */
static bool
add_name(struct cursor *c, struct buf *text)
{
	struct cursor walk = *c;
	size_t lowest = c->at, octets = 1;
	unsigned pointers = 0;
	uint8_t n;
	while ((n = cursor_u8(&walk)) > 0) {
		if (n >= POINTER) {
			size_t target = (n & 0x3fU) << 8 | cursor_u8(&walk);
			if (pointers++ == 0)
				c->at = walk.at;
			if (target >= lowest || walk.failed ||
			    pointers > POINTERS_MAX)
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
	if (pointers == 0)
		c->at = walk.at;
	return !walk.failed;
}

static bool
read_name(struct dns_wire *w, struct cursor *c, struct str *name)
{
	buf_clear(&w->scratch);
	if (!add_name(c, &w->scratch))
		return false;
	*name = arena_str(w->arena, buf_str(&w->scratch));
	return true;
}

bool
dns_wire_name(struct dns_wire *w, struct str *name)
{
	return read_name(w, &w->at, name);
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
    struct dns_wire *w, struct dns_record *record, struct cursor *c, size_t end)
{
	buf_clear(&w->scratch);
	while (c->at < end && !c->failed)
		buf_add(&w->scratch, cursor_bytes(c, cursor_u8(c)));
	record->text = arena_str(w->arena, buf_str(&w->scratch));
	return true;
}

/* RFC 6698 2.1: three numbers, then the rest */
static bool
read_tlsa(
    struct dns_wire *w, struct dns_record *record, struct cursor *c, size_t end)
{
	record->tlsa.usage = cursor_u8(c);
	record->tlsa.selector = cursor_u8(c);
	record->tlsa.matching = cursor_u8(c);
	if (c->failed || c->at > end)
		return false;
	record->tlsa.data = arena_str(w->arena, cursor_bytes(c, end - c->at));
	return true;
}

static bool
read_soa(
    struct dns_wire *w, struct dns_record *record, struct cursor *c, size_t end)
{
	bool read = read_name(w, c, &record->name);
	c->at = end;
	return read;
}

static bool
read_data(
    struct dns_wire *w, struct dns_record *record, struct cursor *c, size_t end)
{
	switch (record->type) {
	case DNS_A:
		return read_ip(record, c, 4, 4);
	case DNS_AAAA:
		return read_ip(record, c, 6, 16);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return read_name(w, c, &record->name);
	case DNS_SOA:
		return read_soa(w, record, c, end);
	case DNS_MX:
		record->mx.preference = cursor_u16(c);
		return read_name(w, c, &record->mx.host);
	case DNS_TXT:
		return read_text(w, record, c, end);
	case DNS_TLSA:
		return read_tlsa(w, record, c, end);
	}
	return false;
}

/* ---- records ---- */

bool
dns_wire_raw(struct dns_wire *w, struct dns_raw *raw)
{
	struct cursor *c = &w->at;
	if (!read_name(w, c, &raw->owner))
		return false;
	raw->type = cursor_u16(c);
	raw->class = cursor_u16(c);
	raw->ttl = cursor_u32(c);
	if (raw->ttl > INT32_MAX && raw->type != DNS_OPT)
		raw->ttl = 0; /* RFC 2181 8: the sign bit */
	size_t length = cursor_u16(c);
	raw->data = c->at;
	cursor_bytes(c, length);
	raw->end = c->at;
	return !c->failed;
}

bool
dns_wire_record(
    struct dns_wire *w, const struct dns_raw *raw, struct dns_record *record)
{
	struct cursor c = w->at;
	c.at = raw->data;
	record->type = (enum dns_type)raw->type;
	record->ttl = raw->ttl;
	return read_data(w, record, &c, raw->end) && !c.failed &&
	    c.at == raw->end;
}
