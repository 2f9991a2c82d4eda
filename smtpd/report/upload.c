#include "smtpd/report/upload.h"

#include "lib/report/report_mail.h"

static void
finish(struct upload *u, enum upload_result result)
{
	u->result = result;
	u->done(u);
}

/* RFC 8460 5.4, 5.5: what may be better later is tried again */
static enum upload_result
judge(unsigned status)
{
	if (status >= 200 && status < 300)
		return UPLOAD_DONE;
	bool busy = status == 408 || status == 429 || status >= 500;
	return busy ? UPLOAD_LATER : UPLOAD_REFUSED;
}

static void
on_fetched(struct fetch *fetch)
{
	struct upload *u = container_of(fetch, struct upload, fetch);
	finish(u,
	    fetch->result == FETCH_DONE ? judge(fetch->status) : UPLOAD_LATER);
}

static void
post(struct upload *u)
{
	if (u->fetch.count == 0)
		finish(u, u->unknown ? UPLOAD_LATER : UPLOAD_REFUSED);
	else if (!u->parts->fetch)
		finish(u, UPLOAD_LATER);
	else if (u->fetch.body.n > FETCH_POST)
		finish(u, UPLOAD_REFUSED);
	else
		fetch_start(u->parts->fetch, &u->fetch, on_fetched);
}

static void
take(struct upload *u, const struct dns_answer *answer)
{
	bool all = u->parts->settings->allow_private_destinations;
	u->unknown = u->unknown || answer->status == DNS_TEMPFAIL;
	for (size_t i = 0; i < answer->count; i++) {
		struct ip ip = answer->records[i].ip;
		if (u->fetch.count < FETCH_IPS && (all || !ip_is_special(ip)))
			u->fetch.ips[u->fetch.count++] = ip;
	}
	if (--u->asked == 0)
		post(u);
}

static void
on_a(struct dns_query *query)
{
	take(container_of(query, struct upload, a), query->answer);
}

static void
on_aaaa(struct dns_query *query)
{
	take(container_of(query, struct upload, aaaa), query->answer);
}

void
upload_start(struct upload *u, const struct report_parts *parts,
    const struct rua *place, struct str file, void (*done)(struct upload *))
{
	*u = (struct upload){
		.done = done,
		.parts = parts,
		.asked = 2,
		.fetch = {
		    .host = place->host,
		    .path = place->path,
		    .port = place->port,
		    .post = true,
		    .body = file,
		    .type = str_of(report_media_type(true)),
		},
	};
	dns_ask(parts->resolver, &u->a, place->host, DNS_A, on_a);
	dns_ask(parts->resolver, &u->aaaa, place->host, DNS_AAAA, on_aaaa);
}

void
upload_cancel(struct upload *u)
{
	dns_cancel(&u->a);
	dns_cancel(&u->aaaa);
	fetch_cancel(&u->fetch);
}
