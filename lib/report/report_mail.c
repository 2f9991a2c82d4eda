#include "lib/report/report_mail.h"

#include "lib/base/codec.h"
#include "lib/mail/date.h"

enum {
	LINE_OCTETS = 57, /* of a file: 76 characters, RFC 2045 6.8 */
};

const char *
report_media_type(bool is_tls)
{
	return is_tls ? "application/tlsrpt+gzip" : "application/gzip";
}

const char *
report_extension(bool is_tls)
{
	return is_tls ? ".json.gz" : ".xml.gz";
}

static void
add_date(struct buf *out, const char *field, int64_t wall_ms)
{
	buf_adds(out, field);
	date_rfc5322(out, wall_ms);
	buf_adds(out, "\r\n");
}

/* A subject that machines read.  RFC 9990 3.1.4: its id is the one in the
   report and in the file's name.  RFC 8460 5.3: with "@" and a domain. */
static void
add_subject(struct buf *out, const struct report_mail *mail)
{
	const struct report_frame *frame = mail->frame;
	buf_addf(out,
	    "Subject: Report Domain: %.*s\r\n\tSubmitter: %.*s\r\n"
	    "\tReport-ID: <%.*s",
	    STR_ARG(frame->domain), STR_ARG(frame->organization),
	    STR_ARG(frame->id));
	if (mail->is_tls)
		buf_addf(out, "@%.*s", STR_ARG(frame->organization));
	buf_adds(out, ">\r\n");
}

/* RFC 8460 5.3: what filters look at; and a report on failures of TLS is
   delivered in spite of them, RFC 8689 3 */
static void
add_tls_fields(struct buf *out, const struct report_frame *frame)
{
	buf_addf(out,
	    "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\n"
	    "TLS-Required: No\r\n",
	    STR_ARG(frame->domain), STR_ARG(frame->organization));
}

static void
write_header(const struct report_mail *mail, struct buf *out)
{
	const struct report_frame *frame = mail->frame;
	buf_addf(out, "From: <%.*s>\r\nTo: <%.*s>\r\n", STR_ARG(frame->contact),
	    STR_ARG(mail->to));
	add_date(out, "Date: ", mail->now_ms);
	add_subject(out, mail);
	buf_addf(out, "Message-ID: <%.*s>\r\n", STR_ARG(mail->message_id));
	if (mail->is_tls)
		add_tls_fields(out, frame);
	buf_addf(out,
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/%s;\r\n\tboundary=\"report-%.*s\"\r\n",
	    mail->is_tls ? "report; report-type=\"tlsrpt\"" : "mixed",
	    STR_ARG(frame->id));
}

static void
write_words(const struct report_mail *mail, struct buf *out)
{
	const struct report_frame *frame = mail->frame;
	buf_addf(out,
	    "This is %s report on %.*s.\r\nIt was made by %.*s, and covers\r\n",
	    mail->is_tls ? "a TLS" : "a DMARC aggregate",
	    STR_ARG(frame->domain), STR_ARG(frame->organization));
	add_date(out, "  ", frame->begin * 1000);
	add_date(out, "to\r\n  ", frame->end * 1000);
}

static void
write_file(struct str file, struct buf *out)
{
	while (file.n > 0) {
		base64_add(out, str_sub(file, 0, LINE_OCTETS));
		buf_adds(out, "\r\n");
		file = str_from(file, LINE_OCTETS);
	}
}

static void
write_body(const struct report_mail *mail, struct buf *out)
{
	const struct report_frame *frame = mail->frame;
	buf_addf(out,
	    "\r\n--report-%.*s\r\nContent-Type: text/plain; "
	    "charset=us-ascii\r\n\r\n",
	    STR_ARG(frame->id));
	write_words(mail, out);
	buf_addf(out,
	    "\r\n--report-%.*s\r\nContent-Type: %s\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment;\r\n\tfilename=\"",
	    STR_ARG(frame->id), report_media_type(mail->is_tls));
	report_file_name(frame, report_extension(mail->is_tls), out);
	buf_adds(out, "\"\r\n\r\n");
	write_file(mail->file, out);
	buf_addf(out, "\r\n--report-%.*s--\r\n", STR_ARG(frame->id));
}

void
report_mail_write(
    const struct report_mail *mail, struct buf *header, struct buf *body)
{
	write_header(mail, header);
	write_body(mail, body);
}
