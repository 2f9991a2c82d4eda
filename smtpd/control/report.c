/*
 * report.c - what was counted for reports is sent now.
 */
#include "smtpd/control/session.h"

enum {
	PATIENCE_MS = 600000, /* many domains, and DNS that doesn't answer */
};

static void
on_sent(struct report_request *request)
{
	struct session *s = container_of(request, struct session, report);
	stream_deadline(s->stream, CONTROL_IDLE_MS);
	session_done(s,
	    json_pack("{s:I, s:I}", "sent", (json_int_t)request->sent, "kept",
		(json_int_t)request->kept));
}

void
report_send(struct session *s, const json_t *request)
{
	struct reports *reports = s->control->parts.reports;
	(void)request;
	if (!reports) {
		session_fail(s, CONTROL_REFUSED, "POSTERN_REPORTS=no");
		return;
	}
	stream_deadline(s->stream, PATIENCE_MS);
	reports_send(reports, &s->report, on_sent);
}
