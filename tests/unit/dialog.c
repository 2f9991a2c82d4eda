#include "tests/unit/dialog.h"

#include "lib/base/arena.h"
#include "lib/base/codec.h"

#include <stdio.h>
#include <stdlib.h>

struct reader {
	struct dialog *dialog;
	const char *script, *tested; /* how their lines begin */
	unsigned line;
};

static _Noreturn void
die(const struct reader *r, const char *what)
{
	fprintf(
	    stderr, "%s:%u: %s\n", buf_cstr(&r->dialog->name), r->line, what);
	exit(2);
}

/* ---- text: \r \n \0 \\ \xHH, and {text*N} for N times the text ---- */

static void unescape(const struct reader *, struct str, struct buf *out);

static size_t
unescape_one(const struct reader *r, struct str rest, struct buf *out)
{
	static const char names[] = "rn0\\", bytes[] = "\r\n\0\\";
	size_t n = str_find(STR("rn0\\"), rest.p[0]);
	if (rest.p[0] == 'x' && hex_read(out, str_sub(rest, 1, 2)))
		return 3;
	if (n == sizeof names - 1)
		die(r, "no such escape");
	buf_addc(out, bytes[n]);
	return 1;
}

static size_t
repeat(const struct reader *r, struct str rest, struct buf *out)
{
	struct str inside = str_sub(rest, 0, str_find(rest, '}'));
	size_t star = str_find_last(inside, '*');
	uint64_t count;
	if (!str_to_u64(str_from(inside, star + 1), &count))
		die(r, "not {text*N}");
	while (count-- > 0)
		unescape(r, str_sub(inside, 0, star), out);
	return inside.n + 1;
}

static void
unescape(const struct reader *r, struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		struct str rest = str_from(text, i + 1);
		if (text.p[i] == '\\' && rest.n > 0)
			i += unescape_one(r, rest, out);
		else if (text.p[i] == '{')
			i += repeat(r, rest, out);
		else
			buf_addc(out, text.p[i]);
	}
}

/* ---- lines ---- */

static struct dialog_step *
add_step(struct reader *r, enum step_kind kind, enum dialog_only only)
{
	struct dialog *d = r->dialog;
	d->steps = mem_array(d->steps, d->step_count + 1, sizeof *d->steps);
	struct dialog_step *step = &d->steps[d->step_count++];
	*step = (struct dialog_step){ kind, only, r->line, { 0 } };
	return step;
}

static void
add_pair(
    struct reader *r, struct dialog_pair **all, size_t *count, struct str line)
{
	struct str key = str_cut(&line, ' ');
	*all = mem_array(*all, *count + 1, sizeof **all);
	struct dialog_pair *pair = &(*all)[(*count)++];
	*pair = (struct dialog_pair){ .key = buf_of(key) };
	unescape(r, line, &pair->value);
}

static bool
read_setting(struct reader *r, struct str line)
{
	struct dialog *d = r->dialog;
	struct str rest = line;
	struct str word = str_cut(&rest, ' ');
	if (str_eq(word, STR("set")))
		add_pair(r, &d->settings, &d->setting_count, rest);
	else if (str_eq(word, STR("=")))
		add_pair(r, &d->checks, &d->check_count, rest);
	else if (str_eq(word, STR("skip")))
		unescape(r, rest, &add_step(r, STEP_SKIP, ONLY_NONE)->text);
	else if (str_eq(line, STR("only plain")))
		d->only = ONLY_PLAIN;
	else if (str_eq(line, STR("only tls")))
		d->only = ONLY_TLS;
	else
		return false;
	return true;
}

static bool
read_word(struct reader *r, struct str line, enum dialog_only only)
{
	static const struct {
		const char *word;
		enum step_kind kind;
	} words[] = {
		{ "tls", STEP_TLS },
		{ "turn", STEP_TURN },
		{ "close", STEP_CLOSE },
		{ "closed", STEP_CLOSED },
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (str_eq(line, str_of(words[i].word))) {
			add_step(r, words[i].kind, only);
			return true;
		}
	return false;
}

/* "C: line" says a line with its CR LF, "c: bytes" without. */
static bool
read_speech(struct reader *r, struct str line, enum dialog_only only)
{
	struct str text = str_from(line, 3);
	bool whole = str_starts(line, str_of(r->script));
	bool bytes = str_starts_nocase(line, str_of(r->script)) && !whole;
	bool expected = str_starts(line, str_of(r->tested));
	if (!whole && !bytes && !expected)
		return false;
	struct dialog_step *step =
	    add_step(r, expected ? STEP_EXPECT : STEP_SAY, only);
	unescape(r, text, &step->text);
	if (whole)
		buf_adds(&step->text, "\r\n");
	if (!expected)
		r->dialog->said += step->text.n;
	return true;
}

static enum dialog_only
cut_only(struct str *line)
{
	struct str rest = *line;
	struct str word = str_cut(&rest, ' ');
	enum dialog_only only = ONLY_NONE;
	if (str_eq(word, STR("[plain]")))
		only = ONLY_PLAIN;
	else if (str_eq(word, STR("[tls]")))
		only = ONLY_TLS;
	if (only != ONLY_NONE)
		*line = rest;
	return only;
}

static void read_lines(struct reader *, struct str);

static void
read_file(struct reader *r, struct str name)
{
	struct buf path = { 0 }, text = { 0 };
	buf_addf(&path, "tests/dialogs/%.*s", STR_ARG(name));
	FILE *file = fopen(buf_cstr(&path), "r");
	if (!file)
		die(r, "no such file");
	text.n = fread(buf_reserve(&text, 65536), 1, 65536, file);
	fclose(file);
	unsigned line = r->line;
	read_lines(r, buf_str(&text));
	r->line = line;
	buf_free(&path);
	buf_free(&text);
}

static bool
read_include(struct reader *r, struct str line)
{
	if (!str_starts(line, STR("include ")))
		return false;
	read_file(r, str_from(line, 8));
	return true;
}

static void
read_lines(struct reader *r, struct str text)
{
	r->line = 0;
	while (text.n > 0) {
		struct str line = str_cut(&text, '\n');
		r->line++;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		enum dialog_only only = cut_only(&line);
		if (!read_speech(r, line, only) && !read_word(r, line, only) &&
		    !read_setting(r, line) && !read_include(r, line))
			die(r, "can't be understood");
	}
}

void
dialog_read(struct dialog *d, const char *folder, const char *file)
{
	*d = (struct dialog){ 0 };
	d->client = str_eq(str_of(folder), STR("client"));
	buf_addf(&d->name, "%s/%s", folder, file);
	struct reader r = { d, "C:", "S:", 0 };
	if (d->client)
		r = (struct reader){ d, "S:", "C:", 0 };
	read_file(&r, str_of(buf_cstr(&d->name)));
}

static void
free_pairs(struct dialog_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_free(&pairs[i].key);
		buf_free(&pairs[i].value);
	}
	free(pairs);
}

void
dialog_free(struct dialog *d)
{
	for (size_t i = 0; i < d->step_count; i++)
		buf_free(&d->steps[i].text);
	free(d->steps);
	buf_free(&d->name);
	free_pairs(d->settings, d->setting_count);
	free_pairs(d->checks, d->check_count);
}

/* ---- asking ---- */

struct str
dialog_setting(const struct dialog *d, const char *key, size_t n)
{
	for (size_t i = 0; i < d->setting_count; i++) {
		const struct dialog_pair *pair = &d->settings[i];
		if (str_eq(buf_str(&pair->key), str_of(key)) && n-- == 0)
			return buf_str(&pair->value);
	}
	return str_of("");
}

uint64_t
dialog_number(const struct dialog *d, const char *key, uint64_t otherwise)
{
	uint64_t number = otherwise;
	str_to_u64(dialog_setting(d, key, 0), &number);
	return number;
}

bool
dialog_match(struct str pattern, struct str text)
{
	if (str_ends(pattern, STR("*")))
		return str_starts(text, str_sub(pattern, 0, pattern.n - 1));
	return str_eq(pattern, text);
}
