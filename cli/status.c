/*
 * status.c - postern status and health: what PID 1 wrote, what smtpd answers.
 */
#include "cli/cli.h"

#include "lib/base/file.h"

#include <stdio.h>

enum {
	STATUS_MAX = 1 << 20
};

struct status {
	json_t *services, *ports, *domains, *troubles;
	bool red;
};

static struct str
field(struct str *line)
{
	return str_cut(line, '\t');
}

/* One that restarts has been told to, by a reload. */
static bool
is_well(struct str state)
{
	return str_eq(state, STR("up")) || str_eq(state, STR("restarting"));
}

static void
add_service(struct status *s, struct str line)
{
	struct str name = field(&line), state = field(&line);
	uint64_t restarts = 0;
	str_to_u64(field(&line), &restarts);
	s->red |= !is_well(state);
	json_array_append_new(s->services,
	    json_pack("{s:s%, s:s%, s:I}", "name", name.p, name.n, "state",
		state.p, state.n, "restarts", (json_int_t)restarts));
}

static void
add_port(struct status *s, struct str line)
{
	struct str name = field(&line), ip = field(&line),
		   number = field(&line), state = field(&line);
	uint64_t port = 0;
	str_to_u64(number, &port);
	s->red |= !str_eq(state, STR("open"));
	json_array_append_new(s->ports,
	    json_pack("{s:s%, s:s%, s:I, s:s%}", "name", name.p, name.n,
		"address", ip.p, ip.n, "port", (json_int_t)port, "state",
		state.p, state.n));
}

static void
add_domain(struct status *s, struct str line)
{
	json_array_append_new(s->domains, json_stringn(line.p, line.n));
}

static void
add_trouble(struct status *s, struct str line)
{
	s->red = true;
	json_array_append_new(s->troubles, json_stringn(line.p, line.n));
}

struct kind {
	const char *name;
	void (*add)(struct status *, struct str line);
};

static const struct kind kinds[] = {
	{ "service", add_service },
	{ "port", add_port },
	{ "domain", add_domain },
	{ "trouble", add_trouble },
};

static void
read_line(struct status *s, struct str line)
{
	struct str kind = field(&line);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (str_eq(kind, str_of(kinds[i].name)))
			kinds[i].add(s, line);
}

static bool
read_status(struct cli *cli, struct status *s)
{
	struct buf text = { 0 };
	*s = (struct status){
		.services = json_array(),
		.ports = json_array(),
		.domains = json_array(),
		.troubles = json_array(),
	};
	bool there = file_read(cli_run_path(cli, "status"), STATUS_MAX, &text);
	for (struct str rest = buf_str(&text); rest.n;)
		read_line(s, str_cut(&rest, '\n'));
	buf_free(&text);
	return there;
}

static void
free_status(struct status *s)
{
	json_decref(s->services);
	json_decref(s->ports);
	json_decref(s->domains);
	json_decref(s->troubles);
}

static int
check_services(const struct status *s)
{
	size_t i;
	json_t *service;
	int code = DONE;
	json_array_foreach(s->services, i, service)
	{
		const char *name, *state;
		json_unpack(
		    service, "{s:s, s:s}", "name", &name, "state", &state);
		if (!is_well(str_of(state)))
			code = cli_say(FAILED, "%s is %s", name, state);
	}
	return code;
}

static int
no_server(struct cli *cli)
{
	return cli_say(UNREACHABLE,
	    "the server doesn't run: there is no %s (POSTERN_RUN)",
	    cli_run_path(cli, "status"));
}

int
cli_health(struct cli *cli)
{
	struct status s;
	json_t *answer = NULL;
	int code = read_status(cli, &s) ? ask_once(cli, "health", &answer)
					: no_server(cli);
	int services = check_services(&s);
	if (services)
		code = services;
	if (cli->json)
		cli_print_json(json_pack(
		    "{s:b, s:O}", "healthy", !code, "services", s.services));
	json_decref(answer);
	free_status(&s);
	return code;
}

static void
print_rows(const char *title, const json_t *rows)
{
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
	{
		const json_t *port = json_object_get(row, "port");
		const json_t *address = json_object_get(row, "address");
		printf("%-8s %-12s %s", title,
		    json_string_value(json_object_get(row, "name")),
		    json_string_value(json_object_get(row, "state")));
		if (port)
			printf("  %s port %lld", json_string_value(address),
			    (long long)json_integer_value(port));
		putchar('\n');
	}
}

static void
print_texts(const char *title, const json_t *texts)
{
	size_t i;
	json_t *text;
	json_array_foreach(texts, i, text)
	{
		printf("%-8s ", title);
		cli_print_text(json_string_value(text));
		putchar('\n');
	}
}

static void
print_status(const struct status *s, json_t *answer)
{
	const char *key;
	json_t *value;
	print_texts("domain", s->domains);
	print_rows("service", s->services);
	print_rows("port", s->ports);
	json_object_foreach(answer, key, value)
	{
		if (json_is_integer(value))
			printf("%-8s %lld\n", key,
			    (long long)json_integer_value(value));
	}
	print_texts("address", json_object_get(answer, "identities"));
	print_texts("trouble", s->troubles);
	puts(s->red ? "red" : "green");
}

static void
add_all(struct status *s, const json_t *texts)
{
	size_t i;
	json_t *text;
	json_array_foreach(texts, i, text)
	    add_trouble(s, str_of(json_string_value(text)));
}

static void
add_one(struct status *s, const json_t *answer, const char *key)
{
	const char *text = cli_text_at(answer, key);
	if (*text)
		add_trouble(s, str_of(text));
}

/* What smtpd knows that makes it red. */
static void
judge(struct cli *cli, struct status *s, const json_t *answer)
{
	const char *tls = cli_text_at(answer, "tls_trouble");
	add_one(s, answer, "config_trouble");
	if (*tls)
		add_trouble(
		    s, arena_printf(&cli->arena, "the certificate: %s", tls));
	add_one(s, answer, "history_trouble");
	add_all(s, json_object_get(answer, "inbound_troubles"));
	add_one(s, answer, "delivery_trouble");
	if (json_is_false(json_object_get(answer, "space")))
		add_trouble(s, STR("the disk is full: no mail is accepted"));
	if (json_is_true(json_object_get(answer, "spare_resolver")))
		add_trouble(s,
		    STR("the bundled resolver doesn't reach the root servers, "
			"so the system's are asked, without DANE and DNS "
			"lists: let port 53 out, UDP and TCP, or set "
			"POSTERN_RESOLVER"));
}

int
cli_status(struct cli *cli)
{
	struct status s;
	json_t *answer = NULL;
	if (!read_status(cli, &s)) {
		free_status(&s);
		if (cli->json)
			cli_print_json(json_pack("{s:b, s:b, s:s}", "ok", false,
			    "green", false, "error", "the server doesn't run"));
		return no_server(cli);
	}
	if (ask_once(cli, "status", &answer) != DONE)
		add_trouble(&s, STR("smtpd doesn't answer"));
	judge(cli, &s, answer);
	int code = s.red ? FAILED : DONE;
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:O, s:O, s:O, s:O, s:O?}",
		    "green", !s.red, "services", s.services, "ports", s.ports,
		    "domains", s.domains, "troubles", s.troubles, "smtpd",
		    answer));
	else
		print_status(&s, answer);
	json_decref(answer);
	free_status(&s);
	return code;
}
