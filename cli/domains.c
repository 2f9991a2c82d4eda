/*
 * domains.c - postern domain, and dns.
 */
#include "cli/cli.h"

#include "lib/base/file.h"
#include "lib/base/name.h"
#include "lib/zone/print.h"
#include "lib/zone/source.h"

#include <stdio.h>
#include <string.h>

/* ---- domains ---- */

static bool
is_set(const struct cli *cli, struct str name)
{
	const struct str_list *set = &cli->settings.domain;
	for (size_t i = 0; i < set->count; i++)
		if (name_eq(set->items[i], name))
			return true;
	return false;
}

/* Tells a server that runs to look; false when its next start must do. */
static bool
rescan(struct cli *cli)
{
	return file_exists(cli_run_path(cli, "control")) &&
	    ask_rescan(cli) == DONE;
}

static int
append(struct cli *cli, struct str name)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/domains");
	if (code)
		return code;
	if (!str_empty(edit_find(&e, name))) {
		edit_cancel(&e);
		return cli_say(REFUSED, "%.*s is ours already", STR_ARG(name));
	}
	edit_put(&e, STR(""), name);
	return edit_save(cli, &e);
}

int
cli_domain_add(struct cli *cli)
{
	struct str name;
	int code = cli_read_domain(cli, cli->operands[0], &name);
	if (!code)
		code = append(cli, name);
	if (code)
		return code;
	cli_say(DONE, "added %.*s; its DNS records: postern dns show %.*s",
	    STR_ARG(name), STR_ARG(name));
	if (!rescan(cli))
		cli_say(DONE, "its DKIM key is made at the next start");
	return DONE;
}

static int
check_others(const struct edit *e, struct str name)
{
	struct domains all = { 0 };
	struct buf errors = { 0 };
	domains_parse(&all, buf_str(&e->text), e->name, &errors);
	int code = all.count == 1 && domains_has(&all, name)
	    ? cli_say(REFUSED, "%.*s is the only domain", STR_ARG(name))
	    : DONE;
	domains_free(&all);
	buf_free(&errors);
	return code;
}

static int
take_out(struct cli *cli, struct str name)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/domains");
	if (code)
		return code;
	struct str line = edit_find(&e, name);
	code = str_empty(line)
	    ? cli_say(MISSING, "%.*s is not one of our domains", STR_ARG(name))
	    : check_others(&e, name);
	if (code) {
		edit_cancel(&e);
		return code;
	}
	edit_put(&e, line, STR(""));
	code = edit_save(cli, &e);
	return code == REFUSED
	    ? cli_say(REFUSED, "delete the accounts and aliases of %.*s first",
		  STR_ARG(name))
	    : code;
}

int
cli_domain_delete(struct cli *cli)
{
	struct str name;
	int code = cli_read_domain(cli, cli->operands[0], &name);
	if (!code)
		code = take_out(cli, name);
	if (code)
		return code;
	if (is_set(cli, name))
		cli_say(DONE,
		    "POSTERN_DOMAIN names %.*s: take it out there too, or the "
		    "next start adds it again",
		    STR_ARG(name));
	rescan(cli);
	return cli_say(DONE, "removed %.*s", STR_ARG(name));
}

int
cli_domain_list(struct cli *cli)
{
	int code = config_need_domains(cli);
	if (code)
		return code;
	json_t *all = json_array();
	for (size_t i = 0; i < cli->domains.count; i++) {
		if (!cli->json)
			puts(cli->domains.names[i].p);
		json_array_append_new(
		    all, json_string(cli->domains.names[i].p));
	}
	if (cli->json)
		cli_print_json(all);
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
cli_dns_show(struct cli *cli)
{
	print_function *print = find_format(cli);
	if (!print)
		return cli_say(USAGE, "--format is table, zone or json");
	int code = config_need_domains(cli);
	if (code)
		return code;
	struct str name = cli->domains.names[0];
	if (cli->count)
		code = cli_read_domain(cli, cli->operands[0], &name);
	else if (cli->domains.count > 1)
		cli_say(DONE,
		    "these are the records of %.*s; others: postern "
		    "dns DOMAIN",
		    STR_ARG(name));
	if (code)
		return code;
	if (!domains_has(&cli->domains, name))
		return cli_say(
		    MISSING, "%.*s is not one of our domains", STR_ARG(name));
	print_domain(cli, name, print);
	return DONE;
}
