#include "cli/check.h"

#include "lib/base/clock.h"
#include "lib/mail/printable.h"

/* The host name that smtpd would have, as far as the settings say. */
static struct str
hostname(struct cli *cli)
{
	const struct settings *s = &cli->settings;
	if (!str_empty(s->hostname))
		return s->hostname;
	if (s->domain.count > 0)
		return arena_printf(
		    &cli->arena, "mail.%s", s->domain.items[0].p);
	return STR("localhost");
}

/* With or without angle brackets.  SPF is asked about senders that no server
   takes, too (RFC 7208 4.3 has rules for them): only what can't be meant as an
   address is refused. */
static bool
read_sender(struct str text, struct str *sender)
{
	if (str_starts(text, STR("<")) && str_ends(text, STR(">")))
		text = str_sub(text, 1, text.n - 2);
	*sender = text;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '<' || text.p[i] == '>' ||
		    (unsigned char)text.p[i] < ' ')
			return false;
	return text.n == 0 || str_find_last(text, '@') + 1 < text.n;
}

static int
read_session(struct check_world *world, struct cli *cli)
{
	uint64_t now = (uint64_t)(clock_wall_ms() / 1000);
	if (!cli->ip || !cli->helo || !cli->mail_from)
		return cli_say(USAGE,
		    "--ip, --helo and --mail-from are needed; the null "
		    "reverse-path is --mail-from ''");
	if (!ip_parse(str_of(cli->ip), &world->ip))
		return cli_say(USAGE, "%s is no IP address", cli->ip);
	if (!read_sender(str_of(cli->mail_from), &world->mail_from))
		return cli_say(USAGE,
		    "--mail-from %s is no address: name@example.com, or '' for "
		    "the null reverse-path",
		    cli->mail_from);
	if (cli->now &&
	    (!str_to_u64(str_of(cli->now), &now) || now > INT64_MAX))
		return cli_say(USAGE, "%s is no Unix time", cli->now);
	world->helo = str_of(cli->helo);
	world->now = (int64_t)now;
	return DONE;
}

static struct resolver *
open_resolver(struct loop *loop, const struct settings *s)
{
	struct buf servers = { 0 };
	for (size_t i = 0; i < s->resolver.count; i++) {
		const struct endpoint *e = &s->resolver.endpoints[i];
		char text[IP_TEXT];
		ip_print(e->ip, text);
		buf_addf(&servers, e->ip.family == 6 ? "%s[%s]:%u" : "%s%s:%u",
		    i ? "," : "", text, (unsigned)e->port);
	}
	struct resolver *resolver =
	    resolver_new(loop, buf_cstr(&servers), false);
	buf_free(&servers);
	return resolver;
}

int
check_open(struct check_world *world, struct cli *cli)
{
	*world = (struct check_world){ .hostname = hostname(cli) };
	int code = read_session(world, cli);
	if (code)
		return code;
	world->loop = loop_new();
	world->resolver = open_resolver(world->loop, &cli->settings);
	if (!world->resolver) {
		check_close(world);
		return cli_say(FAILED, "the resolver can't be set up");
	}
	return DONE;
}

void
check_close(struct check_world *world)
{
	resolver_free(world->resolver);
	loop_free(world->loop);
}

const char *
check_text(struct cli *cli, struct str text)
{
	struct buf clean = { 0 };
	printable_add(&clean, text);
	const char *line = arena_str(&cli->arena, buf_str(&clean)).p;
	buf_free(&clean);
	return line;
}
