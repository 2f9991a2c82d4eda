#include "lib/mail/trace.h"

#include "lib/base/name.h"
#include "lib/mail/cfws.h"
#include "lib/mail/date.h"
#include "lib/mail/printable.h"

/* What could end the word, or begin a comment, is shown as "?". */
static void
write_helo(struct buf *out, struct str helo)
{
	for (size_t i = 0; i < helo.n; i++) {
		bool bad = str_has(STR(" ()<>@,;\\\""), helo.p[i]) ||
		    !printable_is(helo.p[i]);
		buf_addc(out, bad ? '?' : helo.p[i]);
	}
	if (helo.n == 0)
		buf_adds(out, "unknown");
}

/* RFC 5321 4.4: TCP-info is the address that was seen */
static void
write_client(struct buf *out, const struct trace *trace)
{
	char address[IP_TEXT];
	/* What our users call their machines is as private as their address. */
	if (trace->client.family == 0) {
		buf_adds(out, "authenticated-user");
		return;
	}
	ip_print(trace->client, address);
	write_helo(out, trace->helo);
	buf_addf(out, " ([%s%s])", trace->client.family == 6 ? "IPv6:" : "",
	    address);
}

void
trace_received(struct buf *out, const struct trace *trace)
{
	buf_adds(out, "Received: from ");
	write_client(out, trace);
	buf_adds(out, "\r\n\tby ");
	buf_add(out, trace->by);
	buf_addf(out, " with %s", trace->with);
	if (trace->tls.n > 0)
		buf_addf(out, "\r\n\t(%.*s)", STR_ARG(trace->tls));
	buf_adds(out, "\r\n\tid ");
	buf_add(out, trace->id);
	if (trace->recipient.n > 0) {
		buf_adds(out, "\r\n\tfor <");
		printable_add(out, trace->recipient);
		buf_addc(out, '>');
	}
	buf_adds(out, ";\r\n\t");
	date_rfc5322(out, trace->wall_ms);
	buf_adds(out, "\r\n");
}

size_t
trace_hops(const struct header *header)
{
	return header_count(header, "Received");
}

static struct str
take_word(struct str *rest)
{
	size_t n = 0;
	if (!cfws_skip(rest))
		*rest = STR("");
	while (n < rest->n && !cfws_is_space(rest->p[n]) &&
	    !str_has(STR("(;"), rest->p[n]))
		n++;
	struct str word = str_sub(*rest, 0, n);
	*rest = str_from(*rest, n);
	return word;
}

/* A field is pairs of a keyword and one word, up to the semicolon; so a host
   that calls itself "by" doesn't mislead. */
static bool
is_by(struct str value, struct str host)
{
	for (;;) {
		struct str keyword = take_word(&value);
		struct str word = take_word(&value);
		if (word.n == 0)
			return false;
		if (str_eq_nocase(keyword, STR("by")))
			return name_eq(word, host);
	}
}

size_t
trace_hops_by(const struct header *header, struct str host)
{
	size_t count = 0;
	for (size_t i = 0; i < header->count; i++) {
		const struct header_field *field = &header->fields[i];
		count += str_eq_nocase(field->name, STR("Received")) &&
		    is_by(field->value, host);
	}
	return count;
}
