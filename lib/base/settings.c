#include "lib/base/settings_table.h"

#include "lib/base/file.h"

#include <errno.h>
#include <string.h>

static const struct str file_suffix = { "_FILE", 5 };

enum {
	SECRET_MAX = 4096, /* bytes of a secret's file */
	SHOWN_MAX = 200, /* bytes of a value in an error */
};

/* ---- errors ---- */

/* A value comes from outside and may hold anything. */
static void
add_shown(struct buf *b, struct str value)
{
	bool cut = value.n > SHOWN_MAX;
	value = str_sub(value, 0, SHOWN_MAX);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c >= ' ' && c < 0x7f)
			buf_addc(b, c);
		else
			buf_addf(b, "\\x%02x", (unsigned)(unsigned char)c);
	}
	buf_adds(b, cut ? "..." : "");
}

static void
complain_value(struct buf *errors, const struct setting *row, struct str value)
{
	buf_addf(errors, SETTING_PREFIX "%s=", row->name);
	if (row->secret)
		buf_adds(errors, "(not shown)");
	else
		add_shown(errors, value);
	buf_adds(errors, ": it must be ");
	setting_allowed(row, errors);
	buf_addc(errors, '\n');
}

/* The value isn't shown: it may be a secret whose name was mistyped. */
static void
complain_name(struct buf *errors, struct str name)
{
	const char *nearest = setting_nearest(name);
	buf_adds(errors, SETTING_PREFIX);
	add_shown(errors, name);
	buf_adds(errors, ": there is no such setting");
	if (nearest)
		buf_addf(
		    errors, "; did you mean " SETTING_PREFIX "%s?", nearest);
	buf_addc(errors, '\n');
}

/* ---- the environment ---- */

struct loading {
	struct settings *settings;
	char *const *environment;
	struct buf *errors;
	bool bad[SETTINGS_MOST]; /* by the row's number */
};

static bool
split_variable(const char *variable, struct str *name, struct str *value)
{
	struct str rest = str_of(variable);
	if (!str_starts(rest, STR(SETTING_PREFIX)))
		return false;
	rest = str_from(rest, strlen(SETTING_PREFIX));
	*name = str_cut(&rest, '=');
	*value = rest.p ? rest : STR("");
	return true;
}

/* Empty means unset. */
static struct str
find_value(const struct loading *l, const char *name, struct str suffix)
{
	struct str have, value;
	for (char *const *v = l->environment; *v; v++)
		if (split_variable(*v, &have, &value) &&
		    str_starts(have, str_of(name)) &&
		    str_eq(str_from(have, strlen(name)), suffix))
			return value;
	return STR("");
}

static void
read_row(struct loading *l, const struct setting *row, struct str text)
{
	struct reading r = {
		.row = row,
		.text = text,
		.arena = &l->settings->arena,
		.member = (char *)l->settings + row->member,
	};
	if (row->form->read(&r))
		return;
	complain_value(l->errors, row, text);
	l->bad[row - settings_table] = true;
}

static struct str
without_line_end(struct str s)
{
	while (str_ends(s, STR("\n")) || str_ends(s, STR("\r")))
		s.n--;
	return s;
}

static void
read_secret_file(struct loading *l, const struct setting *row, struct str path)
{
	struct buf b = { 0 };
	struct str copy = arena_str(&l->settings->arena, path);
	if (file_read(copy.p, SECRET_MAX, &b)) {
		read_row(l, row, without_line_end(buf_str(&b)));
	} else {
		buf_addf(l->errors, SETTING_PREFIX "%s_FILE=", row->name);
		add_shown(l->errors, path);
		buf_addf(l->errors, ": %s\n", strerror(errno));
		l->bad[row - settings_table] = true;
	}
	buf_free(&b);
}

static void
load_secret(struct loading *l, const struct setting *row, struct str value)
{
	struct str path = find_value(l, row->name, file_suffix);
	if (str_empty(path))
		return;
	if (str_empty(value)) {
		read_secret_file(l, row, path);
		return;
	}
	buf_addf(l->errors,
	    SETTING_PREFIX "%s and " SETTING_PREFIX "%s_FILE are both set\n",
	    row->name, row->name);
}

static void
load_row(struct loading *l, const struct setting *row)
{
	struct str value = find_value(l, row->name, STR(""));
	if (row->form->text)
		*(struct str *)(void *)((char *)l->settings + row->member) =
		    STR("");
	if (row->standard)
		read_row(l, row, str_of(row->standard));
	if (!str_empty(value))
		read_row(l, row, value);
	if (row->secret)
		load_secret(l, row, value);
}

static bool
is_secret_file(struct str name)
{
	if (!str_ends(name, file_suffix))
		return false;
	name.n -= file_suffix.n;
	const struct setting *row = setting_find(name);
	return row && row->secret;
}

static void
check_names(struct loading *l)
{
	struct str name, value;
	for (char *const *v = l->environment; *v; v++)
		if (split_variable(*v, &name, &value) && !setting_find(name) &&
		    !is_secret_file(name))
			complain_name(l->errors, name);
}

/* ---- what must agree ---- */

static bool
retry_is_reversed(const struct settings *s)
{
	return s->retry_min_ms > s->retry_max_ms;
}

static bool
files_are_missing(const struct settings *s)
{
	return s->tls == TLS_FILES &&
	    (str_empty(s->tls_cert) || str_empty(s->tls_key));
}

static bool
files_are_ignored(const struct settings *s)
{
	return s->tls != TLS_FILES &&
	    !(str_empty(s->tls_cert) && str_empty(s->tls_key));
}

static bool
relay_is_missing(const struct settings *s)
{
	return str_empty(s->relay_host) && !str_empty(s->relay_user);
}

static bool
relay_login_is_half(const struct settings *s)
{
	return str_empty(s->relay_user) != str_empty(s->relay_password);
}

static bool
relay_login_is_in_clear(const struct settings *s)
{
	return s->relay_tls == RELAY_TLS_NONE && !str_empty(s->relay_user);
}

struct relation {
	const char *of[3]; /* not looked at while one of these is bad */
	bool (*is_broken)(const struct settings *);
	const char *rule;
};

static const struct relation relations[] = {
	{ { "RETRY_MIN", "RETRY_MAX" }, retry_is_reversed,
	    "POSTERN_RETRY_MIN must not be longer than POSTERN_RETRY_MAX" },
	{ { "TLS", "TLS_CERT", "TLS_KEY" }, files_are_missing,
	    "POSTERN_TLS=files needs POSTERN_TLS_CERT and POSTERN_TLS_KEY" },
	{ { "TLS", "TLS_CERT", "TLS_KEY" }, files_are_ignored,
	    "POSTERN_TLS_CERT and POSTERN_TLS_KEY need POSTERN_TLS=files" },
	{ { "RELAY", "RELAY_USER" }, relay_is_missing,
	    "POSTERN_RELAY_USER needs POSTERN_RELAY" },
	{ { "RELAY_USER", "RELAY_PASSWORD" }, relay_login_is_half,
	    "POSTERN_RELAY_USER and POSTERN_RELAY_PASSWORD need each other" },
	{ { "RELAY_USER", "RELAY_TLS" }, relay_login_is_in_clear,
	    "POSTERN_RELAY_USER needs TLS, so not POSTERN_RELAY_TLS=none" },
};

static bool
any_is_bad(const struct loading *l, const struct relation *relation)
{
	for (size_t i = 0; i < 3 && relation->of[i]; i++)
		if (l->bad[setting_find(str_of(relation->of[i])) -
			settings_table])
			return true;
	return false;
}

static void
check_relations(struct loading *l)
{
	for (size_t i = 0; i < sizeof(relations) / sizeof(*relations); i++)
		if (!any_is_bad(l, &relations[i]) &&
		    relations[i].is_broken(l->settings))
			buf_addf(l->errors, "%s\n", relations[i].rule);
}

bool
settings_load(struct settings *s, char *const environment[], struct buf *errors)
{
	struct loading l = {
		.settings = s,
		.environment = environment,
		.errors = errors,
	};
	size_t before = errors->n;
	*s = (struct settings){ 0 };
	for (size_t i = 0; i < settings_count; i++)
		load_row(&l, &settings_table[i]);
	if (!str_empty(s->relay_host) && s->relay_port == 0)
		s->relay_port = str_empty(s->relay_user) ? 25 : 587;
	check_relations(&l);
	check_names(&l);
	return errors->n == before;
}

void
settings_free(struct settings *s)
{
	arena_free(&s->arena);
	*s = (struct settings){ 0 };
}
