#include "lib/trust/dkim_canon.h"

#include "lib/base/ascii.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Canonical octets on their way to the hash, which is slow on small bites. */
struct output {
	struct dkim_body *body;
	size_t n;
	char bytes[4096];
};

/* SHA-256 out of OpenSSL's default provider only fails for want of memory. */
static void
check(int good)
{
	if (good != 1)
		abort();
}

static void
flush(struct output *o)
{
	struct dkim_body *b = o->body;
	uint64_t left = b->limit > b->length ? b->limit - b->length : 0;
	size_t n = o->n < left ? o->n : (size_t)left;
	check(EVP_DigestUpdate(b->hash, o->bytes, n));
	b->length += o->n;
	o->n = 0;
}

static void
emit(struct output *o, const char *p, size_t n)
{
	while (n > sizeof o->bytes - o->n) {
		size_t part = sizeof o->bytes - o->n;
		memcpy(o->bytes + o->n, p, part);
		o->n += part;
		p += part;
		n -= part;
		flush(o);
	}
	memcpy(o->bytes + o->n, p, n);
	o->n += n;
}

/* What was held back turns out to stand before text. */
static void
emit_held(struct output *o)
{
	struct dkim_body *b = o->body;
	for (; b->blank_lines; b->blank_lines--)
		emit(o, "\r\n", 2);
	if (b->space)
		emit(o, " ", 1);
	b->space = false;
}

static void
emit_text(struct output *o, const char *p, size_t n)
{
	emit_held(o);
	emit(o, p, n);
}

static void
end_line(struct dkim_body *b)
{
	b->blank_lines++;
	b->space = false; /* RFC 6376 3.4.4: none at the end of a line */
}

/* As it is between most words: canonical already. */
static bool
is_single_space(const char *p, const char *end)
{
	return *p == ' ' && p + 1 < end && p[1] != '\r' &&
	    !ascii_is_blank(p[1]);
}

/* How many octets need no thought. */
static size_t
plain_run(const struct dkim_body *b, const char *from, const char *end)
{
	const char *p = from;
	if (b->canon == DKIM_SIMPLE) {
		p = memchr(from, '\r', (size_t)(end - from));
		return (size_t)((p ? p : end) - from);
	}
	while (p < end && *p != '\r' &&
	    (!ascii_is_blank(*p) || (p > from && is_single_space(p, end))))
		p++;
	return (size_t)(p - from);
}

void
dkim_body_start(struct dkim_body *b, enum dkim_canon canon)
{
	*b = (struct dkim_body){ .canon = canon, .limit = UINT64_MAX };
	b->hash = EVP_MD_CTX_new();
	check(b->hash && EVP_DigestInit_ex(b->hash, EVP_sha256(), NULL));
}

void
dkim_body_limit(struct dkim_body *b, uint64_t limit)
{
	b->limit = limit;
}

/* Takes one octet or more; says how many.  A CR that no LF follows, and a LF
   that follows no CR, are text. */
static size_t
take(struct output *o, const char *p, const char *end)
{
	struct dkim_body *b = o->body;
	bool after_cr = b->cr;
	b->cr = false;
	if (after_cr && *p == '\n') {
		end_line(b);
		return 1;
	}
	if (after_cr)
		emit_text(o, "\r", 1);
	size_t n = plain_run(b, p, end);
	if (n) {
		emit_text(o, p, n);
		return n;
	}
	if (*p == '\r')
		b->cr = true;
	else
		b->space = true;
	return 1;
}

void
dkim_body_add(struct dkim_body *b, struct str piece)
{
	struct output o;
	o.body = b;
	o.n = 0;
	for (size_t at = 0; at < piece.n;)
		at += take(&o, piece.p + at, piece.p + piece.n);
	flush(&o);
}

/* RFC 6376 3.4.3, 3.4.4: one CR LF at the end, whatever stood there; but a
   relaxed body of nothing stays nothing. */
void
dkim_body_end(struct dkim_body *b, uint8_t digest[32])
{
	struct output o;
	o.body = b;
	o.n = 0;
	if (b->cr)
		emit_text(&o, "\r", 1);
	if (b->canon == DKIM_SIMPLE || b->length || o.n)
		emit(&o, "\r\n", 2);
	flush(&o);
	check(EVP_DigestFinal_ex(b->hash, digest, NULL));
	dkim_body_cancel(b);
}

void
dkim_body_cancel(struct dkim_body *b)
{
	EVP_MD_CTX_free(b->hash);
	b->hash = NULL;
}

/* ---- header fields ---- */

/* RFC 6376 3.4.2: unfolded, runs of white space one space, none at the ends. */
static void
add_relaxed(struct buf *out, struct str value)
{
	bool space = false, any = false;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n') {
			i++;
			continue;
		}
		if (ascii_is_blank(c)) {
			space = true;
			continue;
		}
		if (space && any)
			buf_addc(out, ' ');
		buf_addc(out, c);
		space = false;
		any = true;
	}
}

void
dkim_header_canon(
    enum dkim_canon canon, const struct header_field *field, struct buf *out)
{
	if (canon == DKIM_SIMPLE) {
		buf_add(out, field->whole);
		return;
	}
	for (size_t i = 0; i < field->name.n; i++)
		buf_addc(out, ascii_lower(field->name.p[i]));
	buf_addc(out, ':');
	add_relaxed(out, field->value);
	buf_adds(out, "\r\n");
}
