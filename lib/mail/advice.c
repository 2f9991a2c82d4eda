#include "lib/mail/advice.h"

#include "lib/base/str.h"

enum {
	TEXT_MAX = 2048 /* octets of a reply that are looked at */
};

static const char no_ptr[] =
    "The receiver wants the reverse name (PTR) of this server's address to be "
    "its host name, and the host name to have the address: set it at the "
    "server's provider.";
static const char no_proof[] =
    "The receiver found neither a valid SPF nor a valid DKIM record for the "
    "sender's domain: publish the records that `postern dns` prints.";
static const char no_spf[] =
    "The receiver found this server's address not allowed by the SPF record of "
    "the sender's domain: publish the one that `postern dns` prints.";
static const char no_dkim[] =
    "The receiver could not verify the DKIM signature: publish the record of "
    "the key that `postern dns` prints.";
static const char no_dmarc[] =
    "The sender's domain has a DMARC policy that this message doesn't meet: "
    "SPF or DKIM must pass for the domain in From; compare the published "
    "records with `postern dns`.";
static const char no_tls[] =
    "The receiver takes mail over TLS alone, and this connection had none.";
static const char ipv6[] =
    "The receiver asks more of mail that comes over IPv6: a reverse name and "
    "an SPF record for that address; POSTERN_OUTBOUND=ipv4 avoids it.";
static const char bad_address[] =
    "The address of this server, or of its neighbours at the provider, has a "
    "bad reputation with the receiver: ask for removal through the page that "
    "the reply names, or the provider for another address.";
static const char new_address[] =
    "The receiver slows down mail from an address that it doesn't know well; "
    "it is tried again by itself, and gets better with regular, wanted mail.";
static const char listed[] =
    "The address of this server is on a blocklist that the receiver uses: look "
    "it up there, end the cause and ask for removal.";
static const char spam[] =
    "The receiver takes the message for spam by its content or by the sender's "
    "reputation: check that SPF, DKIM and DMARC pass, and how it is worded.";
static const char by_policy[] =
    "The receiver refuses it by a rule of its own that it doesn't tell: ask "
    "its postmaster over another way.";
static const char microsoft[] =
    "Microsoft blocks this server's network: ask for removal at "
    "sender.office.com, for outlook.com at olcsupport.office.com.";
static const char t_online[] =
    "T-Online knows only senders that it was told of: the host's web page "
    "must name who runs it, then write to tosa@rx.t-online.de.";
static const char greylisted[] =
    "The receiver lets unknown senders wait a little (greylisting): it is "
    "tried again by itself.";
static const char unknown_user[] =
    "There is no such mailbox at the receiver: check the address.";
static const char full[] =
    "The mailbox of the recipient is full: only the recipient can mend that.";
static const char too_large[] =
    "The message is larger than the receiver takes: send a link in place of "
    "the attachment.";
static const char relay_denied[] =
    "The server that was asked doesn't take mail for this domain: the MX "
    "record of the recipient's domain names the wrong host, or a smarthost "
    "wants another account.";
static const char no_mx[] =
    "The recipient's domain has no mail server in the DNS: check what stands "
    "behind the @.";

struct row {
	int class; /* 4, 5, or 0: both */
	const char *enhanced; /* the detail behind the class: "7.25", or NULL */
	const char *text; /* in the reply, in lower case; or NULL */
	const char *advice;
};

/* What names a receiver comes before what is general. */
static const struct row rows[] = {
	/* Microsoft */
	{ 0, "7.515", NULL, no_proof },
	{ 0, "7.509", NULL, no_dmarc },
	{ 0, NULL, "(s3140)", microsoft },
	{ 0, NULL, "(s3150)", microsoft },
	{ 0, NULL, "on our block list", microsoft },
	{ 0, NULL, "banned sending ip", microsoft },
	{ 0, "7.511", NULL, microsoft },
	{ 4, "7.650", NULL, new_address },
	{ 5, "4.1", "access denied", unknown_user },
	/* Yahoo, AOL */
	{ 0, NULL, "[tss04]", new_address },
	{ 0, NULL, "[tss05]", new_address },
	{ 0, NULL, "[ts0", new_address },
	{ 0, NULL, "[tss09]", bad_address },
	{ 0, NULL, "[tss11]", bad_address },
	{ 0, NULL, "[bl2", listed },
	{ 5, "7.9", "policy reasons", no_dmarc },
	/* Gmail */
	{ 0, NULL, "ipv6 sending guidelines", ipv6 },
	{ 0, "7.25", NULL, no_ptr },
	{ 0, "7.23", NULL, no_ptr },
	{ 0, "7.26", "dmarc", no_dmarc },
	{ 0, "7.26", NULL, no_proof },
	{ 0, "7.27", NULL, no_spf },
	{ 4, "7.28", NULL, new_address },
	{ 5, "7.28", NULL, bad_address },
	{ 0, "7.29", NULL, no_tls },
	{ 0, "7.30", NULL, no_dkim },
	{ 0, "7.31", NULL, no_dmarc },
	{ 0, "7.32", NULL, no_dmarc },
	{ 5, NULL, "likely unsolicited", spam },
	{ 4, NULL, "unusual rate", new_address },
	{ 5, NULL, "unusual rate", bad_address },
	/* others by name */
	{ 0, NULL, "t-online", t_online },
	{ 0, NULL, "[cs01]", spam }, /* iCloud */
	{ 0, NULL, "bad dns ptr", no_ptr }, /* GMX, web.de */
	/* what most programs say */
	{ 0, NULL, "spamhaus", listed },
	{ 0, NULL, "spamcop", listed },
	{ 0, NULL, "barracuda", listed },
	{ 0, NULL, "uceprotect", listed },
	{ 0, NULL, "abusix", listed },
	{ 0, NULL, "blocked using", listed },
	{ 0, NULL, "blocklist", listed },
	{ 0, NULL, "blacklist", listed },
	{ 0, NULL, "block list", listed },
	{ 0, NULL, "dnsbl", listed },
	{ 0, NULL, "reverse hostname", no_ptr },
	{ 0, NULL, "reverse dns", no_ptr },
	{ 0, NULL, "ptr record", no_ptr },
	{ 0, NULL, "rdns", no_ptr },
	{ 0, NULL, "find your hostname", no_ptr },
	{ 0, NULL, "dmarc", no_dmarc },
	{ 0, NULL, "spf", no_spf },
	{ 0, NULL, "dkim", no_dkim },
	{ 0, NULL, "must issue a starttls", no_tls },
	{ 4, NULL, "greylist", greylisted },
	{ 4, NULL, "graylist", greylisted },
	{ 5, NULL, "relay access denied", relay_denied },
	{ 5, NULL, "relaying denied", relay_denied },
	{ 5, NULL, "user unknown", unknown_user },
	{ 5, NULL, "unknown user", unknown_user },
	{ 5, NULL, "no such user", unknown_user },
	{ 5, NULL, "reputation", bad_address },
	{ 5, NULL, "spam", spam },
	/* by the code alone, RFC 3463 */
	{ 5, "1.1", NULL, unknown_user },
	{ 5, "1.2", NULL, no_mx },
	{ 0, "2.2", NULL, full },
	{ 5, "3.4", NULL, too_large },
	{ 5, "2.3", NULL, too_large },
	{ 5, "7.1", NULL, by_policy },
	{ 5, "7.0", NULL, by_policy },
};

static struct str
lower(const char *text, char out[TEXT_MAX])
{
	size_t n = 0;
	for (; n < TEXT_MAX && text[n]; n++)
		out[n] = text[n] >= 'A' && text[n] <= 'Z'
		    ? (char)(text[n] - 'A' + 'a')
		    : text[n];
	return (struct str){ out, n };
}

static bool
has_detail(const char *enhanced, const char *detail)
{
	struct str e = str_of(enhanced);
	return e.n > 2 && str_eq(str_from(e, 2), str_of(detail));
}

static bool
fits(const struct row *row, struct reply reply, struct str text)
{
	return (row->class == 0 || row->class == reply_class(reply)) &&
	    (!row->enhanced || has_detail(reply.enhanced, row->enhanced)) &&
	    (!row->text || str_search(text, str_of(row->text)) < text.n);
}

const char *
advice_for(struct reply reply)
{
	char bytes[TEXT_MAX];
	struct str text = lower(reply.text, bytes);
	if (reply_class(reply) != 4 && reply_class(reply) != 5)
		return NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (fits(&rows[i], reply, text))
			return rows[i].advice;
	return NULL;
}

const char *
advice_for_text(struct str text)
{
	struct reply_parser parser = { 0 };
	const char *advice = NULL;
	if (reply_parse_line(&parser, str_sub(text, 0, TEXT_MAX)) == REPLY_DONE)
		advice = advice_for(reply_parsed(&parser));
	reply_parser_free(&parser);
	return advice;
}
