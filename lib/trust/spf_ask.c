/*
 * spf_ask.c - the questions of one evaluation.  What was answered before isn't
 * asked again, so that records which name the same hosts time and again, as
 * RFC 7208 allows, don't use up what they may cost.
 */
#include "lib/base/name.h"
#include "lib/trust/spf_private.h"

enum {
	KEPT_MAX = 4096 /* octets of one answer; all but hostile ones fit */
};

struct spf_asked {
	struct spf_asked *next;
	struct str name; /* as it was asked for */
	enum dns_type type;
	struct dns_answer answer;
};

/* ---- what was answered before ---- */

static const struct spf_asked *
find_asked(const struct spf_run *run, struct str name, enum dns_type type)
{
	const struct spf_asked *asked = run->asked;
	while (
	    asked && (asked->type != type || !str_eq_nocase(asked->name, name)))
		asked = asked->next;
	return asked;
}

/* Of those types that SPF asks for; NULL for addresses. */
static struct str *
text_of(struct dns_record *record)
{
	if (record->type == DNS_TXT)
		return &record->text;
	if (record->type == DNS_MX)
		return &record->mx.host;
	return record->type == DNS_PTR ? &record->name : NULL;
}

static size_t
size_of(const struct dns_answer *answer)
{
	size_t size = answer->count * sizeof *answer->records;
	for (size_t i = 0; i < answer->count; i++) {
		struct dns_record record = answer->records[i];
		const struct str *text = text_of(&record);
		size += text ? text->n : 0;
	}
	return size;
}

static const struct dns_record *
copy(struct arena *arena, const struct dns_answer *answer)
{
	struct dns_record *records =
	    arena_alloc(arena, answer->count * sizeof *records);
	for (size_t i = 0; i < answer->count; i++) {
		records[i] = answer->records[i];
		struct str *text = text_of(&records[i]);
		if (text)
			*text = arena_str(arena, *text);
	}
	return records;
}

/* A failure is kept, too: to ask again at once would only cost time. */
static void
keep(struct spf_run *run, const struct dns_answer *answer)
{
	struct arena *arena = &run->arena;
	if (size_of(answer) > KEPT_MAX)
		return;
	struct spf_asked *asked = arena_alloc(arena, sizeof *asked);
	asked->name = run->asking;
	asked->type = run->asking_type;
	asked->answer = (struct dns_answer){
		.status = answer->status,
		.alias = STR(""),
		.count = answer->count,
		.records = copy(arena, answer),
	};
	asked->next = run->asked;
	run->asked = asked;
}

/* ---- asking ---- */

static void
on_answer(struct dns_query *query)
{
	struct spf_run *run = container_of(query, struct spf_run, query);
	budget_charge(run->question->budget, query->answer);
	keep(run, query->answer);
	spf_go_on(run, run->answered(run, query->answer));
}

/* The step that an old answer leads to is taken at once.  It may ask in turn:
   as deep as an MX set or a list of names is long. */
enum spf_step
spf_ask(struct spf_run *run, struct str name, enum dns_type type,
    spf_answered *answered)
{
	const struct spf_question *q = run->question;
	const struct spf_asked *before = find_asked(run, name, type);
	if (before)
		return answered(run, &before->answer);
	if (!budget_take(q->budget))
		return spf_error(run, SPF_PERMERROR,
		    "The records ask for too many DNS questions");
	run->answered = answered;
	run->asking = arena_str(&run->arena, name);
	run->asking_type = type;
	dns_ask(q->resolver, &run->query, name, type, on_answer);
	return SPF_WAIT;
}

struct str
spf_escape(struct spf_run *run, struct str domain)
{
	struct buf text = { 0 };
	name_escape(&text, domain);
	struct str escaped = arena_str(&run->arena, buf_str(&text));
	buf_free(&text);
	return escaped;
}

enum spf_step
spf_ask_domain(struct spf_run *run, struct str domain, enum dns_type type,
    spf_answered *answered)
{
	return spf_ask(run, spf_escape(run, domain), type, answered);
}

enum dns_type
spf_address_type(const struct spf_run *run)
{
	return run->question->ip.family == 6 ? DNS_AAAA : DNS_A;
}
