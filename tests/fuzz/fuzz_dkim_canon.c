/*
 * Canonical bodies and fields of any bytes: the same whatever the pieces, the
 * same as what a plain reading of RFC 6376 3.4 gives, and the same again when
 * they are made canonical once more.
 *
 * The first byte chooses the size of the pieces.
 */
#include "lib/trust/dkim_canon.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool good)
{
	if (!good)
		abort();
}

/* ---- bodies ---- */

/* RFC 6376 3.4.4 a: without white space at the end, runs of it one space */
static void
add_line(struct buf *out, struct str line)
{
	bool space = false;
	for (size_t i = 0; i < line.n; i++) {
		bool is = line.p[i] == ' ' || line.p[i] == '\t';
		if (!is && space)
			buf_addc(out, ' ');
		if (!is)
			buf_addc(out, line.p[i]);
		space = is;
	}
}

static bool
is_blank(struct str body)
{
	return str_empty(body) || str_eq(body, STR("\r\n"));
}

/* The whole body at once, line by line. */
static struct buf
plain_reading(enum dkim_canon canon, struct str body)
{
	struct buf out = { 0 };
	while (body.n) {
		size_t n = str_search(body, STR("\r\n"));
		if (canon == DKIM_RELAXED)
			add_line(&out, str_sub(body, 0, n));
		else
			buf_add(&out, str_sub(body, 0, n));
		buf_adds(&out, "\r\n");
		body = str_from(body, n + 2);
	}
	while (str_ends(buf_str(&out), STR("\r\n\r\n")))
		buf_cut(&out, out.n - 2);
	if (is_blank(buf_str(&out))) {
		buf_clear(&out);
		buf_adds(&out, canon == DKIM_SIMPLE ? "\r\n" : "");
	}
	return out;
}

static void
check_body(enum dkim_canon canon, struct str body, size_t piece)
{
	struct dkim_body b;
	uint8_t digest[32], wanted[32];
	dkim_body_start(&b, canon);
	for (size_t at = 0; at < body.n; at += piece)
		dkim_body_add(&b, str_sub(body, at, piece));
	dkim_body_end(&b, digest);
	struct buf plain = plain_reading(canon, body);
	EVP_Digest(plain.p, plain.n, wanted, NULL, EVP_sha256(), NULL);
	check(memcmp(digest, wanted, 32) == 0);
	check(b.length == plain.n);
	buf_free(&plain);
}

/* ---- header fields ---- */

static void
check_field(const struct header_field *field)
{
	struct arena arena = { 0 };
	struct buf once = { 0 }, twice = { 0 };
	struct header again;
	const char *why;
	dkim_header_canon(DKIM_RELAXED, field, &once);
	check(str_ends(buf_str(&once), STR("\r\n")));
	check(str_search(buf_str(&once), STR("\r\n")) == once.n - 2);
	if (header_parse(buf_str(&once), &arena, &again, &why)) {
		check(again.count == 1);
		dkim_header_canon(DKIM_RELAXED, again.fields, &twice);
		check(str_eq(buf_str(&once), buf_str(&twice)));
	}
	buf_free(&once);
	buf_free(&twice);
	arena_free(&arena);
}

static void
check_header(struct str section)
{
	struct arena arena = { 0 };
	struct header header;
	const char *why;
	if (header_parse(section, &arena, &header, &why))
		for (size_t i = 0; i < header.count; i++)
			check_field(&header.fields[i]);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t scanned = 0;
	if (size == 0)
		return 0;
	struct str text = { (const char *)data + 1, size - 1 };
	check_body(DKIM_SIMPLE, text, 1 + data[0] % 16u);
	check_body(DKIM_RELAXED, text, 1 + data[0] % 16u);
	check_header(str_sub(text, 0, header_end(text, &scanned)));
	return 0;
}
