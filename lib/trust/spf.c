#include "lib/base/clock.h"
#include "lib/base/name.h"
#include "lib/mail/idn.h"
#include "lib/trust/spf_private.h"

#include <stdlib.h>

enum {
	/* RFC 7208 4.6.4: at least 20 seconds in all, then temperror */
	DEADLINE_MS = 20000,
	MECHANISM_MAX = 255, /* octets of the answer; all but hostile fit */
};

/* ---- the end ---- */

static void
on_finished(struct later *later)
{
	struct spf_run *run = container_of(later, struct spf_run, finished);
	run->check->done(run->check);
}

enum spf_step
spf_finish(struct spf_run *run)
{
	timer_stop(&run->deadline);
	dns_cancel(&run->query);
	loop_later(run->loop, &run->finished, on_finished);
	return SPF_WAIT;
}

/* RFC 7208 6.2: trouble with an explanation changes no result */
enum spf_step
spf_error(struct spf_run *run, enum spf_result result, const char *why)
{
	if (!run->explaining) {
		run->check->result = result;
		run->check->why = why;
	}
	return spf_finish(run);
}

enum spf_step
spf_conclude(struct spf_run *run, enum spf_result result, struct str mechanism)
{
	run->check->result = result;
	run->check->mechanism =
	    arena_str(&run->arena, str_sub(mechanism, 0, MECHANISM_MAX));
	return result == SPF_FAIL ? spf_explain(run) : spf_finish(run);
}

static void
on_deadline(struct timer *timer)
{
	struct spf_run *run = container_of(timer, struct spf_run, deadline);
	spf_error(run, SPF_TEMPERROR, "The DNS took too long");
}

/* ---- macros ---- */

struct spf_frame *
spf_top(struct spf_run *run)
{
	return &run->frames[run->depth - 1];
}

static enum spf_step
expand(struct spf_run *run)
{
	spf_target_expand(run->spec, &run->macros, &run->arena, &run->target);
	return run->expanded(run);
}

enum spf_step
spf_expand(struct spf_run *run, struct str spec, spf_then *expanded)
{
	struct str domain = spf_top(run)->domain;
	run->macros.domain = run->target = domain;
	run->spec = spec;
	run->expanded = expanded;
	if (spec.n == 0)
		return expanded(run);
	if (spf_macro_has(spec, 'p'))
		return spf_find_name(run, domain, false, expand);
	return expand(run);
}

/* ---- the beginning ---- */

/* The quotes of a local part are no part of it: RFC 5321 4.1.2. */
static struct str
unquoted(struct arena *arena, struct str local)
{
	struct buf text = { 0 };
	if (local.n < 2 || !str_starts(local, STR("\"")) ||
	    !str_ends(local, STR("\"")))
		return local;
	for (size_t i = 1; i + 1 < local.n; i++) {
		if (local.p[i] == '\\' && i + 2 < local.n)
			i++;
		buf_addc(&text, local.p[i]);
	}
	local = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return local;
}

/* RFC 7208 2.4, 4.3: a sender without a local part is postmaster, and the null
   one is of HELO; RFC 8616 4: the domain in A-labels */
static void
set_sender(struct spf_run *run, struct str mail_from, struct str helo)
{
	struct spf_macros *m = &run->macros;
	struct str local = STR("");
	struct buf sender = { 0 };
	size_t at = str_find_last(mail_from, '@');
	if (at < mail_from.n) {
		local = unquoted(&run->arena, str_sub(mail_from, 0, at));
		mail_from = str_from(mail_from, at + 1);
	}
	m->local = local.n > 0 ? local : STR("postmaster");
	m->sender_domain = idn_a_labels(
	    name_strip_dot(mail_from.n > 0 ? mail_from : helo), &run->arena);
	buf_add(&sender, m->local);
	buf_addc(&sender, '@');
	buf_add(&sender, m->sender_domain);
	m->sender = arena_str(&run->arena, buf_str(&sender));
	buf_free(&sender);
}

/* RFC 7208 4.3: a domain literal or what can't be a name has no record */
static bool
is_identity(struct str domain)
{
	for (size_t i = 0; i < domain.n; i++)
		if (domain.p[i] <= ' ' || domain.p[i] > '~')
			return false;
	return spf_target_is_name(domain) && !str_starts(domain, STR("["));
}

static struct spf_run *
run_new(
    struct spf_check *check, struct loop *loop, const struct spf_question *q)
{
	struct spf_run *run = mem_alloc(sizeof *run);
	run->check = check;
	run->loop = loop;
	run->question = q;
	run->macros.ip = q->ip;
	run->macros.helo = name_strip_dot(q->helo);
	run->macros.receiver = q->receiver;
	run->macros.now = clock_wall_ms() / 1000;
	set_sender(run, q->mail_from, q->helo);
	return run;
}

void
spf_start(struct spf_check *check, struct loop *loop,
    const struct spf_question *question, void (*done)(struct spf_check *))
{
	struct spf_run *run = run_new(check, loop, question);
	struct str domain = run->macros.sender_domain;
	*check = (struct spf_check){ .why = "", .done = done, .run = run };
	check->domain = check->mechanism = check->explanation = STR("");
	if (!is_identity(domain)) {
		spf_finish(run);
		return;
	}
	check->domain = domain;
	timer_start(&run->deadline, loop, DEADLINE_MS, on_deadline);
	spf_open(run, domain);
}

void
spf_cancel(struct spf_check *check)
{
	struct spf_run *run = check->run;
	*check = (struct spf_check){ 0 };
	if (!run)
		return;
	timer_stop(&run->deadline);
	later_cancel(&run->finished);
	dns_cancel(&run->query);
	arena_free(&run->arena);
	free(run);
}

const char *
spf_result_name(enum spf_result result)
{
	static const char *const names[] = {
		[SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror",
	};
	return names[result];
}
