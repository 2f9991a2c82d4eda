#include "lib/base/codec.h"

#include <string.h>

static const char digits64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char digits62[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char digits16[] = "0123456789abcdef";

/* The value of a digit, or -1. */
static int
value_of(const char *digits, char c)
{
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* The same for base 64, where there is much to read. */
static int
value_of_64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static unsigned
byte_at(struct str s, size_t i)
{
	return i < s.n ? (unsigned char)s.p[i] : 0;
}

void
base64_add(struct buf *b, struct str s)
{
	for (; s.n; s = str_from(s, 3)) {
		unsigned three =
		    byte_at(s, 0) << 16 | byte_at(s, 1) << 8 | byte_at(s, 2);
		buf_addc(b, digits64[three >> 18]);
		buf_addc(b, digits64[three >> 12 & 63]);
		buf_addc(b, s.n > 1 ? digits64[three >> 6 & 63] : '=');
		buf_addc(b, s.n > 2 ? digits64[three & 63] : '=');
	}
}

/* Two to four digits give one to three bytes; the bits left over must be 0
   (RFC 4648 3.5: else several texts would mean the same bytes). */
static bool
read_quad(struct buf *out, struct str quad)
{
	unsigned bits = 0;
	for (size_t i = 0; i < 4; i++) {
		int value = i < quad.n ? value_of_64(quad.p[i]) : 0;
		if (value < 0)
			return false;
		bits = bits << 6 | (unsigned)value;
	}
	for (size_t i = 1; i < quad.n; i++, bits <<= 8)
		buf_addc(out, (char)(bits >> 16 & 0xff));
	return (bits & 0xffffff) == 0;
}

static struct str
without_padding(struct str quad)
{
	for (int i = 0; i < 2 && str_ends(quad, STR("=")); i++)
		quad.n--;
	return quad;
}

bool
base64_read(struct buf *out, struct str text)
{
	size_t before = out->n;
	bool good = text.n % 4 == 0;
	for (; good && text.n; text = str_from(text, 4)) {
		struct str quad = str_sub(text, 0, 4);
		if (text.n == 4)
			quad = without_padding(quad);
		good = read_quad(out, quad);
	}
	if (!good)
		buf_cut(out, before);
	return good;
}

void
hex_add(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		buf_addc(b, digits16[byte_at(s, i) >> 4]);
		buf_addc(b, digits16[byte_at(s, i) & 15]);
	}
}

static int
hex_value(char c)
{
	return value_of(digits16, c >= 'A' && c <= 'F' ? (char)(c + 32) : c);
}

bool
hex_read(struct buf *out, struct str text)
{
	size_t before = out->n;
	if (text.n % 2)
		return false;
	for (size_t i = 0; i < text.n; i += 2) {
		int high = hex_value(text.p[i]), low = hex_value(text.p[i + 1]);
		if (high < 0 || low < 0) {
			buf_cut(out, before);
			return false;
		}
		buf_addc(out, (char)(high << 4 | low));
	}
	return true;
}

void
base62_add(struct buf *b, uint64_t n)
{
	char text[11]; /* 62^11 > 2^64 */
	size_t at = sizeof(text);
	do
		text[--at] = digits62[n % 62];
	while (n /= 62);
	buf_add(b, (struct str){ text + at, sizeof(text) - at });
}

bool
base62_read(struct str text, uint64_t *out)
{
	uint64_t sum = 0;
	if (text.n == 0)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int value = value_of(digits62, text.p[i]);
		if (value < 0 || __builtin_mul_overflow(sum, 62u, &sum) ||
		    __builtin_add_overflow(sum, (unsigned)value, &sum))
			return false;
	}
	*out = sum;
	return true;
}
