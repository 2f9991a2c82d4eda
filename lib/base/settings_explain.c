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

const char *
setting_nearest(struct str name)
{
	size_t best = SIZE_MAX;
	const char *nearest = NULL;
	for (size_t i = 0; i < settings_count; i++) {
		size_t d = str_distance(name, str_of(settings_table[i].name));
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

static struct str
without_prefix(const char *name)
{
	struct str whole = str_of(name);
	return str_starts(whole, STR(SETTING_PREFIX))
	    ? str_from(whole, strlen(SETTING_PREFIX))
	    : whole;
}

const char *
settings_nearest(const char *name)
{
	return setting_nearest(without_prefix(name));
}

bool
settings_explain(const char *name, struct buf *b)
{
	const struct setting *only =
	    name ? setting_find(without_prefix(name)) : NULL;
	if (only)
		explain_row(only, b);
	for (size_t i = 0; !name && i < settings_count; i++) {
		if (i)
			buf_addc(b, '\n');
		explain_row(&settings_table[i], b);
	}
	return only || !name;
}
