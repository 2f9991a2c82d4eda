#include "lib/mail/dsn.h"

#include "lib/mail/date.h"
#include "lib/mail/header.h"
#include "lib/mail/printable.h"

enum {
	COLUMNS = 76, /* of a line, where words allow it */
	LONGEST_WORD = 900, /* is cut, so that no line is too long */
	LONGEST_LINE = 998, /* RFC 5322 2.1.1: octets, without CR LF */
};

/* ---- lines ---- */

/* Adds the words of a text; when a line is full, fold begins the next. */
static void
add_words(struct buf *out, struct str text, const char *fold)
{
	size_t line = str_find_last(buf_str(out), '\n');
	for (bool first = true; text.n > 0;) {
		struct str word = str_sub(text, 0, LONGEST_WORD);
		word.n = str_find(word, ' ');
		text = str_from(text, word.n);
		if (word.n == 0) {
			text = str_from(text, 1);
			continue;
		}
		bool full = out->n - line + word.n > COLUMNS;
		if (!first && full) {
			line = out->n + 1;
			buf_adds(out, fold);
		} else if (!first) {
			buf_addc(out, ' ');
		}
		printable_add(out, word);
		first = false;
	}
}

/* name is all that stands before the value; no field without one. */
static void
add_field(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_adds(out, name);
	add_words(out, value, "\r\n ");
	buf_adds(out, "\r\n");
}

static void
add_date(struct buf *out, const char *name, int64_t wall_ms)
{
	buf_adds(out, name);
	date_rfc5322(out, wall_ms);
	buf_adds(out, "\r\n");
}

/* ---- the header ---- */

/* RFC 3834 3.1.5: an answer names what it answers */
static void
add_references(struct buf *out, struct str original)
{
	struct arena arena = { 0 };
	struct header header;
	const char *why;
	header_parse(original, &arena, &header, &why);
	const struct header_field *field = header_first(&header, "Message-ID");
	struct str id = field ? header_unfold(field->value, &arena) : STR("");
	if (id.n <= LONGEST_WORD && str_starts(id, STR("<")) &&
	    str_find(id, '>') + 1 == id.n && !str_has(id, ' ')) {
		add_field(out, "In-Reply-To: ", id);
		add_field(out, "References: ", id);
	}
	arena_free(&arena);
}

static bool
is_for_owner(const struct dsn *dsn)
{
	return dsn->sender.n > 0;
}

static struct str
subject(const struct dsn *dsn)
{
	if (is_for_owner(dsn))
		return STR("A message to your alias could not be sent on");
	return dsn->action == DSN_FAILED
	    ? STR("Your message could not be delivered")
	    : STR("Your message is delayed");
}

static void
write_header(const struct dsn *dsn, struct buf *out)
{
	buf_adds(out, "From: Mail Delivery System <");
	printable_add(out, dsn->from);
	buf_adds(out, ">\r\n");
	add_field(out, "To: ", dsn->to);
	add_field(out, "Subject: ", subject(dsn));
	add_date(out, "Date: ", dsn->now_ms);
	buf_addf(out, "Message-ID: <%.*s@%.*s>\r\n", STR_ARG(dsn->report_id),
	    STR_ARG(dsn->our_host));
	add_references(out, dsn->header);
	/* RFC 3834 5: no program shall answer it */
	buf_adds(out, "Auto-Submitted: auto-replied\r\n");
	buf_adds(out, "MIME-Version: 1.0\r\n");
	buf_addf(out,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"=_%.*s\"\r\n",
	    STR_ARG(dsn->boundary));
}

/* ---- the part for people ---- */

/* By the second and third number of a status: RFC 3463 3. */
static const struct {
	const char *status;
	const char *text;
} advice[] = {
	{ ".1.",
	    "Look for a typing error in the address and send the message "
	    "again. If the address looks right, ask the recipient for it by "
	    "other means." },
	{ ".2.2",
	    "The mailbox is full. Try again in a few days, or tell the "
	    "recipient by other means." },
	{ ".2.",
	    "The mailbox takes no mail now. Tell the recipient by other "
	    "means." },
	{ ".3.4",
	    "The message is too large for the other side. Send it again with "
	    "smaller attachments, or share them by a link." },
	{ ".4.",
	    "Look for a typing error behind the @ sign. If the address is "
	    "right, try again later: the other side has trouble with its "
	    "server or its network." },
	{ ".7.",
	    "The other side refuses this message by its rules. Tell the "
	    "recipient by other means, and show this report to whoever looks "
	    "after your mail." },
	{ "",
	    "If the address is right, show this report to whoever looks after "
	    "your mail." },
};

static struct str
status_of(const struct dsn *dsn, const struct dsn_recipient *recipient)
{
	if (recipient->status.n > 0)
		return recipient->status;
	return dsn->action == DSN_FAILED ? STR("5.0.0") : STR("4.0.0");
}

static const char *
advice_for(struct str status, bool said)
{
	struct str detail = str_from(status, 1);
	size_t i = 0;
	/* A rule of ours isn't the other side's. */
	if (!said && str_starts(detail, STR(".7.")))
		detail = STR("");
	while (!str_starts(detail, str_of(advice[i].status)))
		i++;
	return advice[i].text;
}

static void
add_sentence(struct buf *out, const char *lead, struct str text)
{
	if (text.n == 0)
		return;
	buf_adds(out, "    ");
	buf_adds(out, lead);
	add_words(out, text, "\r\n    ");
	buf_adds(out, "\r\n");
}

/* A clause becomes a sentence. */
static void
add_finding(struct buf *out, struct str finding)
{
	struct buf sentence = { 0 };
	buf_add(&sentence, finding);
	if (finding.n > 0)
		buf_addc(&sentence, '.');
	add_sentence(out, "", buf_str(&sentence));
	buf_free(&sentence);
}

static struct str
what_to_do(const struct dsn *dsn, const struct dsn_recipient *recipient)
{
	if (is_for_owner(dsn))
		return STR("If the alias should no longer lead there, have it "
			   "changed (postern alias).");
	return str_of(advice_for(
	    status_of(dsn, recipient), str_empty(recipient->finding)));
}

static void
explain_recipient(const struct dsn *dsn, const struct dsn_recipient *recipient,
    struct buf *out)
{
	buf_adds(out, "\r\n<");
	printable_add(out, recipient->final);
	buf_adds(out, ">\r\n");
	if (!str_eq_nocase(recipient->original, recipient->final))
		add_sentence(out,
		    is_for_owner(dsn) ? "The alias is: " : "You wrote to: ",
		    recipient->original);
	add_finding(out, recipient->finding);
	add_sentence(out, "", recipient->reason);
	if (recipient->diagnostic.n > 0)
		add_sentence(
		    out, "The answer came from: ", recipient->remote_host);
	add_sentence(out, "The answer was: ", recipient->diagnostic);
	add_sentence(out, "What it means: ", recipient->advice);
	if (dsn->action == DSN_FAILED && str_empty(recipient->advice))
		add_sentence(out, "What to do: ", what_to_do(dsn, recipient));
}

static void
say_what_happened_to_owner(const struct dsn *dsn, struct buf *text)
{
	buf_addf(text, "A message from <%.*s> of ", STR_ARG(dsn->sender));
	date_rfc5322(text, dsn->arrival_ms);
	buf_addf(text,
	    " could not be sent on to %s. It will not be tried again. You are "
	    "told, and not its sender, because it isn't proven that it is "
	    "from there.",
	    dsn->count == 1 ? "this address" : "these addresses");
}

static void
say_what_happened(const struct dsn *dsn, struct buf *text)
{
	bool failed = dsn->action == DSN_FAILED;
	buf_adds(text, "Your message of ");
	date_rfc5322(text, dsn->arrival_ms);
	buf_adds(text,
	    failed ? " could not be delivered" : " has not been delivered yet");
	buf_adds(text,
	    dsn->count == 1 ? " to this address. " : " to these addresses. ");
	if (failed) {
		buf_adds(text, "It will not be tried again.");
		return;
	}
	buf_adds(
	    text, "You need not do anything: it will be tried again until ");
	date_rfc5322(text, dsn->give_up_ms);
	buf_adds(text, ", and you will be told if that fails.");
}

static void
write_text(const struct dsn *dsn, struct buf *out)
{
	struct buf text = { 0 };
	if (is_for_owner(dsn))
		say_what_happened_to_owner(dsn, &text);
	else
		say_what_happened(dsn, &text);
	add_words(out, buf_str(&text), "\r\n");
	buf_adds(out, "\r\n");
	buf_free(&text);
	for (size_t i = 0; i < dsn->count; i++)
		explain_recipient(dsn, &dsn->recipients[i], out);
	buf_addf(out,
	    "\r\nDetails for programs and experts, and the header of %s "
	    "message, are\r\nattached.\r\n",
	    is_for_owner(dsn) ? "the" : "your");
}

/* ---- the part for programs: RFC 3464 2 ---- */

static void
write_recipient(const struct dsn *dsn, const struct dsn_recipient *recipient,
    struct buf *out)
{
	bool failed = dsn->action == DSN_FAILED;
	buf_adds(out, "\r\n");
	add_field(out, "Original-Recipient: rfc822; ", recipient->original);
	add_field(out, "Final-Recipient: rfc822; ", recipient->final);
	add_field(out, "Action: ", failed ? STR("failed") : STR("delayed"));
	add_field(out, "Status: ", status_of(dsn, recipient));
	/* RFC 3464 2.3.5, 2.3.6: a server's words alone are of type smtp */
	add_field(out, "Remote-MTA: dns; ", recipient->remote_host);
	add_field(out, "Diagnostic-Code: smtp; ", recipient->diagnostic);
	add_field(out, "Diagnostic-Code: X-Postern; ", recipient->finding);
	add_date(out, "Last-Attempt-Date: ", recipient->last_attempt_ms);
	if (!failed)
		add_date(out, "Will-Retry-Until: ", dsn->give_up_ms);
}

static void
write_status(const struct dsn *dsn, struct buf *out)
{
	add_field(out, "Reporting-MTA: dns; ", dsn->our_host);
	add_field(out, "X-Postern-Queue-ID: ", dsn->queue_id);
	add_date(out, "Arrival-Date: ", dsn->arrival_ms);
	for (size_t i = 0; i < dsn->count; i++)
		write_recipient(dsn, &dsn->recipients[i], out);
}

/* ---- the original's header ---- */

/* RFC 6522 3: a report goes through 7-bit hosts, whatever it is about */
static bool
is_7bit(struct str s)
{
	size_t line = 0;
	for (size_t i = 0; i < s.n; i++) {
		bool end = str_starts(str_from(s, i), STR("\r\n"));
		bool plain = printable_is(s.p[i]) || s.p[i] == '\t';
		if ((!end && !plain) || i - line > LONGEST_LINE)
			return false;
		if (!end)
			continue;
		i++;
		line = i + 1;
	}
	return true;
}

/* RFC 2045 6.7: lines of at most 76 octets, all printable */
static void
add_quoted_printable(struct buf *out, struct str s)
{
	size_t column = 0;
	for (size_t i = 0; i < s.n; i++) {
		bool last =
		    i + 1 == s.n || str_starts(str_from(s, i + 1), STR("\r\n"));
		if (str_starts(str_from(s, i), STR("\r\n"))) {
			buf_adds(out, "\r\n");
			column = 0;
			i++;
			continue;
		}
		if (column > COLUMNS - 4) {
			buf_adds(out, "=\r\n");
			column = 0;
		}
		size_t before = out->n;
		if (printable_is(s.p[i]) && s.p[i] != '=' &&
		    !(last && s.p[i] == ' '))
			buf_addc(out, s.p[i]);
		else
			buf_addf(out, "=%02X", (unsigned char)s.p[i]);
		column += out->n - before;
	}
}

static void
add_boundary(const struct dsn *dsn, struct buf *out, const char *end)
{
	buf_addf(out, "\r\n--=_%.*s%s\r\n", STR_ARG(dsn->boundary), end);
}

void
dsn_write(const struct dsn *dsn, struct buf *header, struct buf *body)
{
	write_header(dsn, header);
	add_boundary(dsn, body, "");
	buf_adds(body, "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	write_text(dsn, body);
	add_boundary(dsn, body, "");
	buf_adds(body, "Content-Type: message/delivery-status\r\n\r\n");
	write_status(dsn, body);
	add_boundary(dsn, body, "");
	buf_adds(body, "Content-Type: text/rfc822-headers\r\n");
	if (is_7bit(dsn->header)) {
		buf_adds(body, "\r\n");
		buf_add(body, dsn->header);
	} else {
		buf_adds(body,
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
		add_quoted_printable(body, dsn->header);
	}
	add_boundary(dsn, body, "--");
}
