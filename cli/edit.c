/*
 * edit.c - changes to the files of config/: under config/.lock, whole files
 * replaced, so that fifty at once and an editor beside them lose nothing.
 */
#include "cli/cli.h"

#include "lib/base/file.h"
#include "smtpd/local/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CONFIG_MAX = 16 << 20
};

/* ---- reading ---- */

static int
cant_read(const char *path)
{
	return cli_say(FAILED, "can't read %s: %s%s", path, strerror(errno),
	    errno == EACCES ? " (postern reload puts owners right)" : "");
}

static int
not_there(const char *path)
{
	return cli_say(MISSING,
	    "there is no %s: start the server first, or set POSTERN_DATA to "
	    "its data folder",
	    path);
}

int
config_read(struct cli *cli, const char *name, struct buf *text)
{
	const char *path = cli_data_path(cli, name);
	if (!file_read(path, CONFIG_MAX, text) && errno != ENOENT)
		return cant_read(path);
	if (!file_exists(cli_data_path(cli, "config")))
		return not_there(cli_data_path(cli, "config"));
	if (text->n && text->p[text->n - 1] != '\n')
		buf_addc(text, '\n');
	return DONE;
}

bool
config_is_comment(struct str record)
{
	struct str text = str_trim(record);
	return str_empty(text) || *text.p == '#';
}

/* Comments and blank lines may stand between a line and its continuation:
   leaving a continuation behind would join it to another line. */
struct str
config_record(struct str *rest)
{
	struct str record = str_cut(rest, '\n'), ahead = *rest;
	bool alone = config_is_comment(record);
	while (!alone && ahead.n) {
		struct str line = str_cut(&ahead, '\n');
		if (config_is_comment(line))
			continue;
		if (*line.p != ' ' && *line.p != '\t')
			break;
		record.n = (size_t)(line.p + line.n - record.p);
		*rest = ahead;
	}
	return record;
}

struct str
config_key(struct str record)
{
	size_t n = 0;
	record = str_trim(record);
	while (n < record.n && !strchr(": \t\r\n", record.p[n]))
		n++;
	return str_sub(record, 0, n);
}

int
config_need_domains(struct cli *cli)
{
	struct buf text = { 0 }, errors = { 0 };
	struct settings *s = &cli->settings;
	int code = config_read(cli, "config/domains", &text);
	if (!code &&
	    !domains_parse(
		&cli->domains, buf_str(&text), "config/domains", &errors)) {
		fputs(buf_cstr(&errors), stderr);
		code = cli_say(FAILED, "config/domains is not usable");
	}
	if (!code && cli->domains.count == 0)
		code = cli_say(MISSING,
		    "there is no domain yet: postern domain add DOMAIN");
	if (!code && str_empty(s->hostname))
		s->hostname = arena_printf(
		    &cli->arena, "mail.%s", cli->domains.names[0].p);
	buf_free(&text);
	buf_free(&errors);
	return code;
}

/* ---- changing ---- */

int
edit_start(struct cli *cli, struct edit *e, const char *name)
{
	const char *lock = cli_data_path(cli, "config/.lock");
	*e = (struct edit){ .name = name };
	e->path = cli_data_path(cli, name);
	e->continues = strcmp(name, "config/aliases") == 0;
	e->lock = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (e->lock < 0 && errno == ENOENT)
		return not_there(lock);
	if (e->lock < 0 || flock(e->lock, LOCK_EX) != 0)
		return cli_say(
		    FAILED, "can't lock %s: %s", lock, strerror(errno));
	int code = config_read(cli, name, &e->before);
	e->text = buf_of(buf_str(&e->before));
	if (code)
		edit_cancel(e);
	return code;
}

void
edit_cancel(struct edit *e)
{
	buf_free(&e->before);
	buf_free(&e->text);
	close(e->lock);
}

/* What is already unusable may be changed, for that is how it is mended. */
static int
check(struct cli *cli, struct edit *e)
{
	struct buf errors = { 0 }, unused = { 0 };
	int code = DONE;
	if (!directory_check(
		&cli->settings, e->name, buf_str(&e->text), &errors)) {
		fputs(buf_cstr(&errors), stderr);
		if (directory_check(
			&cli->settings, e->name, buf_str(&e->before), &unused))
			code = cli_say(REFUSED, "nothing was changed");
		else
			cli_say(DONE,
			    "the change is made; it takes effect when this is "
			    "mended");
	}
	buf_free(&errors);
	buf_free(&unused);
	return code;
}

static int
check_unchanged(struct cli *cli, struct edit *e)
{
	struct buf now = { 0 };
	int code = config_read(cli, e->name, &now);
	if (!code && !str_eq(buf_str(&now), buf_str(&e->before)))
		code = cli_say(TEMPORARY,
		    "%s was changed by somebody else just now; try again",
		    e->path);
	buf_free(&now);
	return code;
}

/* Owner and group are those of the lock, which entrypoint made. */
static int
replace(struct edit *e)
{
	struct stat st;
	if (fstat(e->lock, &st) == 0 &&
	    file_replace(
		e->path, buf_str(&e->text), 0640, st.st_uid, st.st_gid))
		return DONE;
	return cli_say(FAILED, "can't write %s: %s", e->path, strerror(errno));
}

/* Whoever comes back from us may use at once what was changed.  Without a
   server there is nobody to wait for. */
static void
await_use(struct cli *cli)
{
	json_t *answer = NULL;
	if (file_exists(cli_run_path(cli, "control")))
		ask_once(cli, "reload", &answer);
	json_decref(answer);
}

int
edit_save(struct cli *cli, struct edit *e)
{
	int code = check(cli, e);
	if (!code)
		code = check_unchanged(cli, e);
	if (!code)
		code = replace(e);
	edit_cancel(e);
	if (!code)
		await_use(cli);
	return code;
}

struct str
edit_find(const struct edit *e, struct str key)
{
	for (struct str rest = buf_str(&e->text); rest.n;) {
		struct str record =
		    e->continues ? config_record(&rest) : str_cut(&rest, '\n');
		if (str_eq_nocase(config_key(record), key))
			return record;
	}
	return STR("");
}

void
edit_put(struct edit *e, struct str record, struct str line)
{
	struct str old = buf_str(&e->text);
	size_t at = record.n ? (size_t)(record.p - old.p) : old.n;
	struct buf text = buf_of(str_sub(old, 0, at));
	buf_add(&text, line);
	if (line.n)
		buf_addc(&text, '\n');
	if (record.n) /* and its LF */
		buf_add(&text, str_from(old, at + record.n + 1));
	buf_free(&e->text);
	e->text = text;
}

int
edit_remove(struct cli *cli, const char *name, struct str key, const char *kind)
{
	struct edit e;
	int code = edit_start(cli, &e, name);
	if (code)
		return code;
	struct str record = edit_find(&e, key);
	if (str_empty(record)) {
		edit_cancel(&e);
		return cli_say(
		    MISSING, "there is no %s %.*s", kind, STR_ARG(key));
	}
	edit_put(&e, record, STR(""));
	return edit_save(cli, &e);
}
