#include "lib/base/saslprep.h"

#include <stdint.h>

/* Code points that are assigned in Unicode 3.2, that neither RFC 4013 2.1 maps
   nor 2.3 prohibits, that NFKC leaves alone and never joins with what stands
   before them, and that don't run from right to left (2.4). */
static const struct range {
	uint32_t first, last;
} idle[] = {
	{ 0x20, 0x7e },
	{ 0xa1, 0xa7 },
	{ 0xa9, 0xa9 },
	{ 0xab, 0xac },
	{ 0xae, 0xae },
	{ 0xb0, 0xb1 },
	{ 0xb6, 0xb7 },
	{ 0xbb, 0xbb },
	{ 0xbf, 0x131 },
	{ 0x134, 0x13e },
	{ 0x141, 0x148 },
	{ 0x14a, 0x17e },
	{ 0x180, 0x1c3 },
	{ 0x1cd, 0x1f0 },
	{ 0x1f4, 0x220 },
	{ 0x222, 0x233 },
	{ 0x386, 0x386 },
	{ 0x388, 0x38a },
	{ 0x38c, 0x38c },
	{ 0x38e, 0x3a1 },
	{ 0x3a3, 0x3ce },
	{ 0x400, 0x482 },
	{ 0x48a, 0x4ce },
	{ 0x4d0, 0x4f5 },
	{ 0x4f8, 0x4f9 },
	{ 0x500, 0x50f },
	{ 0x1e00, 0x1e99 },
	{ 0x1ea0, 0x1ef9 },
	{ 0x2012, 0x2016 },
	{ 0x2018, 0x2022 },
	{ 0x20a0, 0x20a7 },
	{ 0x20a9, 0x20b1 },
	{ 0x3041, 0x3096 },
	{ 0x30a1, 0x30fe },
	{ 0x4e00, 0x9fa5 },
	{ 0xac00, 0xd7a3 },
};

static bool
is_idle(uint32_t point)
{
	for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
		if (point >= idle[i].first && point <= idle[i].last)
			return true;
	return false;
}

/* The octets of a code point up to U+FFFF, by the first one; 0: of none, or
   of a longer one. */
static size_t
octets_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	return first >= 0xe0 && first < 0xf0 ? 3 : 0;
}

/* False: no UTF-8, RFC 3629 3. */
static bool
take_point(struct str *text, uint32_t *point)
{
	static const unsigned char bits[] = { 0, 0x7f, 0x1f, 0x0f };
	size_t n = octets_of((unsigned char)text->p[0]);
	if (n == 0 || n > text->n)
		return false;
	*point = (unsigned char)text->p[0] & bits[n];
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)text->p[i];
		if ((c & 0xc0) != 0x80)
			return false;
		*point = *point << 6 | (c & 0x3f);
	}
	*text = str_from(*text, n);
	return n < 3 || *point >= 0x800;
}

bool
saslprep_is_idle(struct str text)
{
	uint32_t point;
	while (text.n > 0)
		if (!take_point(&text, &point) || !is_idle(point))
			return false;
	return true;
}
