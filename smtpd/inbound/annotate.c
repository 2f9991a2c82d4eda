#include "smtpd/inbound/annotate.h"

#include "lib/mail/authres.h"
#include "lib/mail/printable.h"

/* ---- Authentication-Results ---- */

static void
add_reason(struct authres_writer *w, const char *why)
{
	if (why && *why)
		authres_comment(w, str_of(why));
}

/* It is the peer's text: not even who reads a comment as results shall find
   one in it. */
static void
add_mechanism(struct authres_writer *w, struct str mechanism)
{
	enum {
		SHOWN = 100 /* macros can make it long */
	};
	struct buf clean = { 0 };
	buf_add(&clean, str_sub(mechanism, 0, SHOWN));
	for (size_t i = 0; i < clean.n; i++)
		if (str_has(STR(";= "), clean.p[i]))
			clean.p[i] = '?';
	if (clean.n > 0)
		authres_comment(w, buf_str(&clean));
	buf_free(&clean);
}

/* RFC 8601 2.7.2 */
static void
add_spf(struct authres_writer *w, const struct spf_check *spf,
    const char *property, struct str identity)
{
	authres_result(w, "spf", spf_result_name(spf->result));
	add_reason(w, spf->why);
	if (spf->result == SPF_FAIL || spf->result == SPF_SOFTFAIL)
		add_mechanism(w, spf->mechanism);
	authres_property(w, property, identity);
}

static void
add_both_spf(struct authres_writer *w, const struct checks *c)
{
	if (c->has_mail_from)
		add_spf(
		    w, &c->mail_from, "smtp.mailfrom", c->question->mail_from);
	if (c->has_helo)
		add_spf(w, &c->helo, "smtp.helo", c->question->helo);
}

/* RFC 8601 2.7.3 */
static void
add_iprev(
    struct authres_writer *w, const struct iprev_check *iprev, struct ip ip)
{
	char text[IP_TEXT];
	ip_print(ip, text);
	authres_result(w, "iprev", iprev_status_name(iprev->status));
	if (!str_empty(iprev->name))
		authres_comment(w, iprev->name);
	authres_property(w, "policy.iprev", str_of(text));
}

/* RFC 6008 3: as much of b= as tells two signatures apart */
static struct str
short_signature(const struct dkim_verify *dkim, size_t at)
{
	enum {
		LEAST = 8,
		MOST = 32
	};
	struct str own = dkim->results[at].signature;
	for (size_t n = LEAST; n < MOST; n++) {
		bool unique = true;
		for (size_t i = 0; i < dkim->count; i++)
			unique = unique &&
			    (i == at ||
				!str_starts(dkim->results[i].signature,
				    str_sub(own, 0, n)));
		if (unique)
			return str_sub(own, 0, n);
	}
	return str_sub(own, 0, MOST);
}

/* RFC 6376 6.1: one that fits is a pass, also with l= below the body; it is
   only here that it counts as one. */
static const char *
signature_status(const struct dkim_result *result)
{
	return dkim_status_name(result->weak ? DKIM_PASS : result->status);
}

/* RFC 8601 2.7.1, RFC 6008 */
static void
add_signature(
    struct authres_writer *w, const struct dkim_verify *dkim, size_t at)
{
	const struct dkim_result *result = &dkim->results[at];
	authres_result(w, "dkim", signature_status(result));
	if (result->status != DKIM_PASS)
		add_reason(w, result->why);
	else if (result->testing)
		add_reason(w, "the key is in testing");
	authres_property(w, "header.d", result->domain);
	authres_property(w, "header.i", result->identity);
	authres_property(w, "header.s", result->selector);
	authres_property(w, "header.a", result->algorithm);
	authres_property(w, "header.b", short_signature(dkim, at));
}

static void
add_dkim(struct authres_writer *w, const struct dkim_verify *dkim)
{
	if (dkim->count == 0)
		authres_result(w, "dkim", "none");
	for (size_t i = 0; i < dkim->count; i++)
		add_signature(w, dkim, i);
}

/* RFC 9989 9.1, 9.2 */
static void
add_dmarc(struct authres_writer *w, const struct checks *c)
{
	const struct dmarc_check *dmarc = &c->dmarc;
	authres_result(w, "dmarc", dmarc_status_name(dmarc->status));
	if (dmarc->status != DMARC_PASS)
		add_reason(w, dmarc->why);
	/* A policy may be known, and what is aligned by it not. */
	if (dmarc->status == DMARC_PASS || dmarc->status == DMARC_FAIL ||
	    (dmarc->status == DMARC_TEMPERROR &&
		!str_empty(dmarc->policy_domain)))
		authres_property(w, "policy.dmarc",
		    str_of(dmarc_policy_name(dmarc->policy)));
	authres_property(w, "header.from", c->author_domain);
}

/* RFC 8617 10.2 */
static void
add_arc(struct authres_writer *w, const struct arc_verify *arc)
{
	struct buf comment = { 0 };
	authres_result(w, "arc", arc_status_name(arc->status));
	if (arc->status == ARC_PASS)
		buf_addf(&comment, "%u sets, the last by %.*s", arc->sets,
		    STR_ARG(arc->sealer));
	else if (arc->why)
		buf_adds(&comment, arc->why);
	if (comment.n > 0)
		authres_comment(w, buf_str(&comment));
	buf_free(&comment);
}

void
annotate_results(struct buf *out, const struct checks *c,
    const struct iprev_check *iprev, bool source_unknown)
{
	struct authres_writer w;
	authres_begin(&w, out, c->question->hostname);
	if (!source_unknown)
		add_both_spf(&w, c);
	if (c->has_header)
		add_dkim(&w, &c->dkim);
	if (!str_empty(c->author_domain))
		add_dmarc(&w, c);
	if (c->has_header)
		add_arc(&w, &c->arc);
	if (iprev && !source_unknown)
		add_iprev(&w, iprev, c->question->ip);
	authres_end(&w);
}

/* ---- Received-SPF ---- */

/* Always as a quoted string, on a line of its own: no value of any form can
   end it early. */
static void
add_pair(struct buf *out, const char *key, struct str value, const char *end)
{
	enum {
		VALUE_MAX = 300
	};
	struct buf clean = { 0 };
	printable_add(&clean, str_sub(value, 0, VALUE_MAX));
	buf_addf(out, "\r\n\t%s=\"", key);
	for (size_t i = 0; i < clean.n; i++) {
		if (str_has(STR("\"\\"), clean.p[i]))
			buf_addc(out, '\\');
		buf_addc(out, clean.p[i]);
	}
	buf_addf(out, "\"%s", end);
	buf_free(&clean);
}

static void
add_received_spf(struct buf *out, const struct checks *c,
    const struct spf_check *spf, const char *identity)
{
	const struct checks_question *q = c->question;
	char ip[IP_TEXT];
	ip_print(q->ip, ip);
	buf_addf(out, "Received-SPF: %s", spf_result_name(spf->result));
	add_pair(out, "receiver", q->hostname, ";");
	add_pair(out, "identity", str_of(identity), ";");
	add_pair(out, "client-ip", str_of(ip), ";");
	add_pair(out, "envelope-from", q->mail_from, ";");
	if (!str_empty(spf->mechanism))
		add_pair(out, "mechanism", spf->mechanism, ";");
	if (spf->why && *spf->why)
		add_pair(out, "problem", str_of(spf->why), ";");
	add_pair(out, "helo", q->helo, "\r\n");
}

/* RFC 7208 9.1: one field for each identity that was asked about */
void
annotate_received_spf(struct buf *out, const struct checks *c)
{
	if (c->has_mail_from)
		add_received_spf(out, c, &c->mail_from, "mailfrom");
	if (c->has_helo)
		add_received_spf(out, c, &c->helo, "helo");
}
