#include "smtpd/report/places.h"

#include "lib/trust/tlsrpt_record.h"

/* ---- TLS ---- */

static void
on_tlsrpt(struct dns_query *query)
{
	struct places *p = container_of(query, struct places, query);
	struct str rua;
	const char *why;
	p->unknown = query->answer->status == DNS_TEMPFAIL;
	if (query->answer->status == DNS_FOUND &&
	    tlsrpt_record_select(query->answer, p->arena, &rua, &why))
		rua_parse_list(rua, p->arena, &p->list);
	p->done(p);
}

/* ---- DMARC ---- */

static void next(struct places *);

/* RFC 9990 4: what the receiver says replaces what the policy said; when it
   names another host neither of them gets a report */
static void
accept_as_told(struct places *p, const struct rua *rua, struct str told)
{
	struct rua_list list;
	const struct rua *instead = NULL;
	rua_parse_list(told, p->arena, &list);
	for (size_t i = 0; i < list.count; i++) {
		if (!str_eq(rua_host(&list.all[i]), rua->address.domain))
			return;
		if (!instead && list.all[i].kind == RUA_MAIL)
			instead = &list.all[i];
	}
	if (list.count == 0)
		instead = rua;
	if (instead)
		rua_list_add(&p->list, instead);
}

static void
on_consent(struct consent *consent)
{
	struct places *p = container_of(consent, struct places, consent);
	const struct rua *rua = &p->wanted.all[p->turn++];
	if (consent->result == CONSENT_GIVEN)
		accept_as_told(p, rua, consent->rua);
	p->unknown = p->unknown || consent->result == CONSENT_UNKNOWN;
	next(p);
}

/* RFC 9990 3.5.3: of the schemes, mailto alone is known to DMARC */
static void
next(struct places *p)
{
	for (; p->turn < p->wanted.count; p->turn++) {
		const struct rua *rua = &p->wanted.all[p->turn];
		if (rua->kind != RUA_MAIL)
			continue;
		if (!str_eq(rua->address.domain, p->domain)) {
			p->consent.policy_domain = p->domain;
			p->consent.receiver = rua->address.domain;
			consent_start(&p->consent, p->loop, p->resolver,
			    p->arena, on_consent);
			return;
		}
		rua_list_add(&p->list, rua);
	}
	p->done(p);
}

static void
on_later(struct later *later)
{
	next(container_of(later, struct places, later));
}

/* ---- both ---- */

void
places_start(struct places *p, const struct places_question *question,
    struct loop *loop, struct resolver *resolver, struct arena *arena,
    void (*done)(struct places *))
{
	*p = (struct places){
		.done = done,
		.loop = loop,
		.resolver = resolver,
		.arena = arena,
		.domain = question->domain,
	};
	if (question->is_tls) {
		/* RFC 8460 3: _smtp._tls at the policy domain */
		dns_ask(resolver, &p->query,
		    arena_printf(arena, "_smtp._tls.%.*s", STR_ARG(p->domain)),
		    DNS_TXT, on_tlsrpt);
		return;
	}
	rua_parse_list(question->rua, arena, &p->wanted);
	loop_later(loop, &p->later, on_later);
}

void
places_cancel(struct places *p)
{
	consent_cancel(&p->consent);
	dns_cancel(&p->query);
	later_cancel(&p->later);
}
