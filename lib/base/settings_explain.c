#include "lib/base/settings_table.h"

#include <string.h>

/* ---- finding ---- */

const struct setting *
setting_find(struct str name)
{
	for (size_t i = 0; i < settings_count; i++)
		if (str_eq(name, str_of(settings_table[i].name)))
			return &settings_table[i];
	return NULL;
}

static size_t
least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to insert, to remove or to replace, or neighbours to swap. */
static size_t
distance(struct str a, struct str b)
{
	enum {
		LONGEST = 32
	};
	size_t rows[3][LONGEST + 1];
	if (a.n > LONGEST || b.n > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3];
		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];
			now[j] = least_of(last[j - 1] + !same,
			    least_of(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				now[j] = least_of(
				    now[j], rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

const char *
setting_nearest(struct str name)
{
	size_t best = SIZE_MAX;
	const char *nearest = NULL;
	for (size_t i = 0; i < settings_count; i++) {
		size_t d = distance(name, str_of(settings_table[i].name));
		if (d < best) {
			best = d;
			nearest = settings_table[i].name;
		}
	}
	return best <= name.n / 2 ? nearest : NULL;
}

/* ---- explaining ---- */

static void
add_words(const struct setting *row, struct buf *b)
{
	buf_adds(b, "one of ");
	for (size_t i = 0; row->words[i]; i++)
		buf_addf(b, "%s%s", i ? ", " : "", row->words[i]);
}

void
setting_allowed(const struct setting *row, struct buf *b)
{
	if (row->words[0])
		add_words(row, b);
	else
		buf_adds(b, row->form->allowed);
	if (row->least)
		buf_addf(b, ", from %s to %s", row->least, row->most);
}

/* Appends a paragraph, indented, in lines of at most 78 columns. */
static void
add_paragraph(struct buf *b, struct str text)
{
	enum {
		INDENT = 8,
		WIDTH = 78
	};
	size_t column = 0;
	while (text.p) {
		struct str word = str_cut(&text, ' ');
		if (column == 0 || column + 1 + word.n > WIDTH) {
			buf_addf(b, "%s%*s", column ? "\n" : "", INDENT, "");
			column = INDENT;
		} else {
			buf_addc(b, ' ');
			column++;
		}
		buf_add(b, word);
		column += word.n;
	}
	buf_addc(b, '\n');
}

static void
explain_row(const struct setting *row, struct buf *b)
{
	struct buf form = { 0 };
	buf_addf(b, SETTING_PREFIX "%s\n", row->name);
	add_paragraph(b, str_of(row->meaning));
	buf_adds(&form, "Form: ");
	setting_allowed(row, &form);
	add_paragraph(b, buf_str(&form));
	buf_clear(&form);
	buf_addf(&form, "Default: %s",
	    row->standard ? row->standard : row->otherwise);
	add_paragraph(b, buf_str(&form));
	if (row->secret)
		buf_addf(b,
		    "%8sOr " SETTING_PREFIX "%s_FILE: a file that holds it.\n",
		    "", row->name);
	buf_free(&form);
}

bool
settings_explain(const char *name, struct buf *b)
{
	struct str wanted = str_of(name);
	if (str_starts(wanted, STR(SETTING_PREFIX)))
		wanted = str_from(wanted, strlen(SETTING_PREFIX));
	const struct setting *only = name ? setting_find(wanted) : NULL;
	if (only)
		explain_row(only, b);
	for (size_t i = 0; !name && i < settings_count; i++) {
		if (i)
			buf_addc(b, '\n');
		explain_row(&settings_table[i], b);
	}
	return only || !name;
}
