#include "lib/zone/relay.h"

#include "lib/base/name.h"

/* As the providers document it.  Who has a return path of its own, for which
   SPF is asked for then, wants nothing here (Postmark, SMTP2GO). */
static const struct {
	const char *label; /* the host's first one, or NULL: any */
	const char *domain; /* the host is below it */
	const char *spf;
} relays[] = {
	/* Amazon SES; other hosts there are customers' */
	{ "email-smtp", "amazonaws.com", "include:amazonses.com" },
	{ "email-smtp-fips", "amazonaws.com", "include:amazonses.com" },
	{ NULL, "brevo.com", "include:spf.brevo.com" },
	{ NULL, "sendinblue.com", "include:spf.brevo.com" },
	{ "smtp-relay", "gmail.com", "include:_spf.google.com" },
	{ NULL, "mailgun.org", "include:mailgun.org" },
	{ NULL, "mailjet.com", "include:spf.mailjet.com" },
	{ NULL, "sendgrid.net", "include:sendgrid.net" },
	/* Microsoft 365, by a user or by a connector */
	{ "smtp", "office365.com", "include:spf.protection.outlook.com" },
	{ NULL, "mail.protection.outlook.com",
	    "include:spf.protection.outlook.com" },
};

struct str
relay_spf(struct str host)
{
	struct str label = str_sub(host, 0, str_find(host, '.'));
	for (size_t i = 0; i < sizeof relays / sizeof *relays; i++)
		if (name_is_below(host, str_of(relays[i].domain)) &&
		    (!relays[i].label ||
			str_eq_nocase(label, str_of(relays[i].label))))
			return str_of(relays[i].spf);
	return STR("");
}
