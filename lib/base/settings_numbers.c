#include "lib/base/settings_table.h"

struct unit {
	char letter;
	uint64_t worth;
};

static const struct unit size_units[] = {
	{ 'G', 1 << 30 },
	{ 'M', 1 << 20 },
	{ 'K', 1 << 10 },
	{ 0 },
};

static const struct unit time_units[] = {
	{ 'd', 86400000 },
	{ 'h', 3600000 },
	{ 'm', 60000 },
	{ 's', 1000 },
	{ 0 },
};

/* "50M": digits and one letter of the table. */
static bool
parse_with_unit(struct str s, const struct unit *unit, uint64_t *out)
{
	uint64_t n;
	if (s.n < 2 || !str_to_u64(str_sub(s, 0, s.n - 1), &n))
		return false;
	while (unit->letter && unit->letter != s.p[s.n - 1])
		unit++;
	if (!unit->letter || __builtin_mul_overflow(n, unit->worth, &n))
		return false;
	*out = n;
	return true;
}

bool
settings_parse_size(struct str s, uint64_t *out)
{
	return str_to_u64(s, out) || parse_with_unit(s, size_units, out);
}

bool
settings_parse_time_ms(struct str s, uint64_t *out)
{
	return parse_with_unit(s, time_units, out);
}

bool
settings_parse_rate(struct str s, struct rate *out)
{
	struct rate rate;
	if (!str_to_u64(str_cut(&s, '/'), &rate.count) || rate.count == 0 ||
	    !settings_parse_time_ms(s, &rate.ms) || rate.ms == 0)
		return false;
	*out = rate;
	return true;
}

static bool
read_number(const struct reading *r)
{
	bool (*number)(struct str, uint64_t *) = r->row->form->number;
	uint64_t n, least, most;
	if (!number(r->text, &n) || !number(str_of(r->row->least), &least) ||
	    !number(str_of(r->row->most), &most) || n < least || n > most)
		return false;
	*(uint64_t *)r->member = n;
	return true;
}

static bool
read_rate(const struct reading *r)
{
	return settings_parse_rate(r->text, r->member);
}

/* Which word of the row it is, or -1. */
static int
word_of(const struct reading *r)
{
	for (int i = 0; r->row->words[i]; i++)
		if (str_eq(r->text, str_of(r->row->words[i])))
			return i;
	return -1;
}

static bool
read_word(const struct reading *r)
{
	_Static_assert(sizeof(enum tls_source) == sizeof(unsigned),
	    "enums are stored as unsigned");
	int word = word_of(r);
	if (word >= 0)
		*(unsigned *)r->member = (unsigned)word;
	return word >= 0;
}

static bool
read_flag(const struct reading *r)
{
	int word = word_of(r);
	if (word >= 0)
		*(bool *)r->member = word > 0;
	return word >= 0;
}

static bool
read_word_text(const struct reading *r)
{
	int word = word_of(r);
	if (word >= 0)
		*(struct str *)r->member = str_of(r->row->words[word]);
	return word >= 0;
}

const struct setting_form form_count = {
	.allowed = "a number",
	.read = read_number,
	.number = str_to_u64,
};
const struct setting_form form_size = {
	.allowed = "a size such as 65536, 500K, 50M or 1G",
	.read = read_number,
	.number = settings_parse_size,
};
const struct setting_form form_time = {
	.allowed = "a time such as 30s, 10m, 4h or 5d",
	.read = read_number,
	.number = settings_parse_time_ms,
};
const struct setting_form form_rate = {
	.allowed = "a number per time, such as 300/1h",
	.read = read_rate,
};
const struct setting_form form_word = { .read = read_word };
const struct setting_form form_flag = { .read = read_flag };
const struct setting_form form_word_text = { .read = read_word_text };
