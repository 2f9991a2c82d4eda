/*
 * check_message.c - postern check message: a message on stdin, judged as it
 * would be on port 25.  No recipient is known, and no DNS list is asked.
 */
#include "cli/check.h"

#include "smtpd/inbound/annotate.h"

#include <stdio.h>
#include <unistd.h>

static const struct reply too_big =
    REPLY_IS(552, "5.3.4", "The message is too big");
static const struct reply header_too_large =
    REPLY_IS(552, "5.3.4", "The header section is too large");
static const struct reply has_nul =
    REPLY_IS(550, "5.6.0", "The header section holds a NUL");

struct message_check {
	struct cli *cli;
	struct check_world world;
	struct checks_question question;
	struct checks checks;
	struct iprev_check iprev;
	struct budget iprev_budget;
	unsigned waiting;

	/* what was read */
	struct buf section; /* the header section, then nothing more is added */
	size_t scanned;
	struct header header;
	bool in_body;
	char last; /* octet */
	uint64_t size;
	const char *malformed; /* the verdict's */
	const struct reply *refusal; /* before any verdict */
};

/* ---- reading ---- */

static void
end_header(struct message_check *m, struct str section, struct str rest)
{
	const char *why, *ambiguous;
	bool good = header_parse(section, &m->cli->arena, &m->header, &why);
	m->in_body = true;
	if (str_has(section, '\0'))
		m->refusal = &has_nul;
	else if (!good && m->header.count == HEADER_MAX_FIELDS)
		m->refusal = &header_too_large;
	else if (!checks_header(&m->checks, &m->header, &ambiguous))
		m->malformed = ambiguous;
	/* A line that is no field ends the section, as it does on port 25. */
	if (!good)
		checks_body(&m->checks, str_from(section, m->header.bytes.n));
	checks_body(&m->checks, str_from(rest, good ? 2 : 0));
}

static void
add_header(struct message_check *m, struct str piece)
{
	buf_add(&m->section, piece);
	struct str all = buf_str(&m->section);
	size_t end = header_end(all, &m->scanned);
	if ((end ? end - 2 : all.n) > HEADER_MAX_BYTES)
		m->refusal = &header_too_large;
	else if (end)
		end_header(m, str_sub(all, 0, end - 2), str_from(all, end - 2));
}

static void
add(struct message_check *m, struct str piece)
{
	m->size += piece.n;
	if (m->size > m->cli->settings.max_size)
		m->refusal = &too_big;
	else if (m->in_body)
		checks_body(&m->checks, piece);
	else
		add_header(m, piece);
}

/* Lines end in CR LF on the wire, and often in LF in files. */
static void
add_lines(struct message_check *m, struct str octets, struct buf *clean)
{
	buf_clear(clean);
	for (size_t i = 0; i < octets.n; i++) {
		if (octets.p[i] == '\n' && m->last != '\r')
			buf_addc(clean, '\r');
		buf_addc(clean, octets.p[i]);
		m->last = octets.p[i];
	}
	add(m, buf_str(clean));
}

static int
read_message(struct message_check *m)
{
	char piece[65536];
	struct buf clean = { 0 };
	ssize_t n = 0;
	while (!m->refusal && (n = read(STDIN_FILENO, piece, sizeof piece)) > 0)
		add_lines(m, (struct str){ piece, (size_t)n }, &clean);
	if (!m->refusal && m->size > 0 && m->last != '\n')
		add_lines(m, STR("\n"), &clean);
	if (!m->refusal && !m->in_body)
		end_header(m, buf_str(&m->section), STR(""));
	buf_free(&clean);
	return !m->refusal && n < 0
	    ? cli_say(FAILED, "can't read the message from stdin")
	    : DONE;
}

/* ---- judging ---- */

static void
answered(struct message_check *m)
{
	if (--m->waiting == 0)
		loop_stop(m->world.loop);
}

static void
on_checks(struct checks *checks)
{
	answered(container_of(checks, struct message_check, checks));
}

static void
on_iprev(struct iprev_check *iprev)
{
	answered(container_of(iprev, struct message_check, iprev));
}

static int
run_checks(struct message_check *m)
{
	const struct check_world *world = &m->world;
	m->question = (struct checks_question){
		.loop = world->loop,
		.resolver = world->resolver,
		.hostname = world->hostname,
		.ip = world->ip,
		.helo = world->helo,
		.mail_from = world->mail_from,
		.now = world->now,
	};
	m->iprev_budget.left = BUDGET_IPREV;
	m->waiting = 2;
	checks_start(&m->checks, &m->question);
	iprev_start(&m->iprev, world->loop, world->resolver, &m->iprev_budget,
	    world->ip, on_iprev);
	int code = read_message(m);
	if (code || m->refusal)
		return code;
	checks_end(&m->checks, on_checks);
	loop_run(world->loop);
	return DONE;
}

static void
judge(const struct message_check *m, struct verdict *verdict)
{
	if (m->refusal) {
		*verdict = (struct verdict){
			.disposition = DISPOSITION_REJECT,
			.reply = *m->refusal,
			.override_comment = STR(""),
		};
		return;
	}
	struct verdict_question question = {
		.dmarc_action = m->cli->settings.dmarc_action,
		.spf_action = m->cli->settings.spf_action,
		.checks = &m->checks,
		.malformed = m->malformed,
		.list = STR(""),
	};
	verdict_reach(&question, &m->cli->arena, verdict);
}

/* ---- printing ---- */

/* Empty unless it is refused. */
static void
write_reply(struct buf *out, const struct reply *reply)
{
	if (reply->code)
		reply_write(out, *reply);
	buf_cut(out, out->n > 2 ? out->n - 2 : 0);
	for (size_t i = 0; i < out->n; i++)
		if (out->p[i] == '"')
			out->p[i] = '\'';
}

static json_t *
steps(const struct verdict *verdict)
{
	json_t *all = json_array();
	for (size_t i = 0; i < verdict->count; i++)
		json_array_append_new(all,
		    json_stringn(verdict->steps[i].p, verdict->steps[i].n));
	return all;
}

static void
print_field(struct str field)
{
	for (size_t i = 0; i < field.n; i++)
		if (field.p[i] != '\r')
			putchar(field.p[i]);
}

static void
print(const struct message_check *m, const struct verdict *verdict)
{
	struct buf field = { 0 }, reply = { 0 };
	const char *name = disposition_name(verdict->disposition);
	write_reply(&reply, &verdict->reply);
	if (!m->refusal)
		annotate_results(&field, &m->checks, &m->iprev, false);
	if (m->cli->json) {
		cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:o}",
		    "authentication_results", buf_cstr(&field), "disposition",
		    name, "reply", buf_cstr(&reply), "override",
		    policy_override_name(verdict->override), "steps",
		    steps(verdict)));
	} else {
		print_field(buf_str(&field));
		printf("disposition=%s reply=\"%s\"\n", name, buf_cstr(&reply));
	}
	buf_free(&field);
	buf_free(&reply);
}

static int
exit_code(enum disposition disposition)
{
	if (disposition == DISPOSITION_DEFER)
		return TEMPORARY;
	return disposition == DISPOSITION_REJECT ? FAILED : DONE;
}

int
cli_check_message(struct cli *cli)
{
	struct message_check m = { .cli = cli };
	struct verdict verdict;
	int code = check_open(&m.world, cli);
	if (code)
		return code;
	code = run_checks(&m);
	if (!code) {
		judge(&m, &verdict);
		print(&m, &verdict);
		code = exit_code(verdict.disposition);
	}
	checks_cancel(&m.checks);
	iprev_cancel(&m.iprev);
	buf_free(&m.section);
	check_close(&m.world);
	return code;
}
