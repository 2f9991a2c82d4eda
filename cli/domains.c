/*
 * domains.c - postern domain, dns and reload.
 */
#include "cli/cli.h"

#include "lib/base/file.h"
#include "lib/base/name.h"
#include "lib/mail/idn.h"
#include "lib/zone/print.h"
#include "lib/zone/source.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- reload ---- */

int
tell_entrypoint(struct cli *cli)
{
	struct buf text = { 0 };
	uint64_t pid = 0;
	const char *path = run_path(cli, "pid");
	bool known = file_read(path, 32, &text) &&
	    str_to_u64(str_trim(buf_str(&text)), &pid) && pid > 0 &&
	    pid < INT32_MAX;
	buf_free(&text);
	if (!known)
		return say(UNREACHABLE, "the server doesn't run (no %s)", path);
	if (kill((pid_t)pid, SIGHUP) != 0)
		return say(
		    UNREACHABLE, "can't tell the server: %s", strerror(errno));
	return DONE;
}

int
reload(struct cli *cli)
{
	return tell_entrypoint(cli);
}

/* ---- domains ---- */

/* The operand in A-labels, or "" after saying why. */
static struct str
domain_name(struct cli *cli)
{
	struct str name = STR("");
	const char *why = "";
	if (!idn_to_ascii(str_of(cli->operands[0]), &cli->arena, &name, &why))
		say(USAGE, "%s is no domain name: %s", cli->operands[0], why);
	return name;
}

int
domain_add(struct cli *cli)
{
	struct edit e;
	struct str name = domain_name(cli);
	if (str_empty(name))
		return USAGE;
	int code = edit_start(cli, &e, "config/domains");
	if (code)
		return code;
	if (!str_empty(edit_find(&e, name))) {
		edit_end(cli, &e, false);
		return say(REFUSED, "%.*s is ours already", STR_ARG(name));
	}
	edit_append(&e, name);
	code = edit_end(cli, &e, true);
	if (code)
		return code;
	say(DONE, "added %.*s; its DNS records: postern dns show %.*s",
	    STR_ARG(name), STR_ARG(name));
	return tell_entrypoint(cli) ? say(DONE,
					  "its DKIM key is made at the next "
					  "start") :
				      DONE;
}

static bool
has_accounts(struct cli *cli, struct str domain)
{
	struct edit e;
	bool found = false;
	if (edit_start(cli, &e, "config/users"))
		return true;
	for (struct str rest = buf_str(&e.text); rest.n && !found;) {
		struct str line = str_cut(&rest, '\n');
		struct str name = str_cut(&line, ':');
		found = name_eq(
		    str_from(name, str_find_last(name, '@') + 1), domain);
	}
	edit_end(cli, &e, false);
	return found;
}

int
domain_delete(struct cli *cli)
{
	struct edit e;
	struct str name = domain_name(cli);
	if (str_empty(name))
		return USAGE;
	if (has_accounts(cli, name))
		return say(REFUSED, "%.*s still has accounts", STR_ARG(name));
	int code = edit_start(cli, &e, "config/domains");
	if (code)
		return code;
	struct str line = edit_find(&e, name);
	if (str_empty(line) || line.n == e.text.n) {
		code = str_empty(line) ?
		    say(MISSING, "%.*s is not ours", STR_ARG(name)) :
		    say(REFUSED, "%.*s is the only domain", STR_ARG(name));
		edit_end(cli, &e, false);
		return code;
	}
	edit_remove(&e, line);
	code = edit_end(cli, &e, true);
	return code ? code : tell_entrypoint(cli);
}

int
domain_list(struct cli *cli)
{
	json_t *all = json_array();
	for (size_t i = 0; i < cli->domains.count; i++) {
		if (!cli->json)
			puts(cli->domains.names[i].p);
		json_array_append_new(
		    all, json_string(cli->domains.names[i].p));
	}
	if (cli->json)
		print_json(all);
	else
		json_decref(all);
	return DONE;
}

/* ---- records ---- */

typedef void print_function(const struct zone_plan *, bool all, struct buf *);

static void
print_file(const struct zone_plan *plan, bool all, struct buf *out)
{
	(void)all;
	zone_print_file(plan, out);
}

static void
print_objects(const struct zone_plan *plan, bool all, struct buf *out)
{
	(void)all;
	zone_print_json(plan, out);
}

struct format {
	const char *name;
	print_function *print;
};

static const struct format formats[] = {
	{ "table", zone_print_table },
	{ "zone", print_file },
	{ "json", print_objects },
};

static print_function *
find_format(struct cli *cli)
{
	const char *name = cli->format;
	if (!name)
		name = cli->json ? "json" : "table";
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (strcmp(formats[i].name, name) == 0)
			return formats[i].print;
	return NULL;
}

static void
print_domain(struct cli *cli, struct str domain, print_function *print)
{
	struct zone_source source;
	struct zone_plan plan;
	struct buf out = { 0 };
	zone_source_read(&source, &cli->settings, domain);
	zone_plan(&plan, &source.inputs);
	print(&plan, cli->all, &out);
	fwrite(buf_str(&out).p, 1, out.n, stdout);
	buf_free(&out);
	zone_plan_free(&plan);
	zone_source_free(&source);
}

int
dns_show(struct cli *cli)
{
	print_function *print = find_format(cli);
	if (!print)
		return say(USAGE, "--format is table, zone or json");
	if (cli->domains.count == 0)
		return say(MISSING, "there is no domain yet");
	if (cli->count == 0) {
		print_domain(cli, cli->domains.names[0], print);
		return DONE;
	}
	struct str name = domain_name(cli);
	if (!domains_has(&cli->domains, name))
		return say(MISSING, "%s is not ours", cli->operands[0]);
	print_domain(cli, name, print);
	return DONE;
}
