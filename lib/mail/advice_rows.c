/*
 * advice_rows.c - the replies that small senders meet, and what mends them.
 *
 * Taken from what the receivers publish (Google's "Gmail SMTP errors and
 * codes", Microsoft's lists of NDR codes, Yahoo's, Apple's and United
 * Internet's pages for postmasters, RFC 7372) and from replies as they are
 * seen.
 */
#include "lib/mail/advice_private.h"

/* ---- this server's address and name ---- */

static const char no_ptr[] =
    "The receiver wants the reverse name (PTR) of this server's address to be "
    "its host name, and the host name to have the address: set it at the "
    "server's provider.";
static const char bad_helo[] =
    "The receiver doesn't believe the name that this server calls itself: "
    "POSTERN_HOSTNAME must be a name in the DNS that leads to its address.";
static const char dynamic[] =
    "The receiver takes this server's address for one of a home connection: "
    "set its reverse name (PTR) to the host name, or send through a smarthost "
    "(POSTERN_RELAY).";
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
static const char private_list[] =
    "The recipient's organization itself has blocked this server or the "
    "sender: only its administrator can end that; ask over another way.";
static const char open_resolver[] =
    "Nobody is listed: the receiver asks a blocklist in a way that the list "
    "refuses, and takes the refusal for a listing. Only its postmaster can "
    "mend that; tell them over another way.";
static const char microsoft[] =
    "Microsoft blocks this server's network: ask for removal at "
    "sender.office.com, for outlook.com at olcsupport.office.com.";
static const char t_online[] =
    "T-Online knows only senders that it was told of: the host's web page "
    "must name who runs it, then write to the address in the reply.";

/* ---- the sender's domain ---- */

static const char no_proof[] =
    "The receiver found neither a valid SPF nor a valid DKIM record for the "
    "sender's domain: publish the records that `postern dns` prints.";
static const char no_spf[] =
    "The receiver found this server's address not allowed by the SPF record of "
    "the sender's domain: publish the one that `postern dns` prints.";
static const char bad_spf[] =
    "The receiver found a mistake in the SPF record of the sender's domain: "
    "compare it with the one that `postern dns` prints.";
static const char no_dkim[] =
    "The receiver could not verify the DKIM signature: publish the record of "
    "the key that `postern dns` prints.";
static const char no_dmarc[] =
    "The sender's domain has a DMARC policy that this message doesn't meet: "
    "SPF or DKIM must pass for the domain in From; compare the published "
    "records with `postern dns`.";
static const char no_dmarc_record[] =
    "The receiver wants the sender's domain to have a DMARC record: publish "
    "the one that `postern dns` prints.";
static const char no_sender_domain[] =
    "The receiver doesn't find the sender's domain in the DNS: it needs the MX "
    "record that `postern dns` prints.";
static const char bad_domain[] =
    "The sender's domain has a bad reputation with the receiver: make sure "
    "that nobody else sends under it and that no account is misused; it "
    "recovers with regular, wanted mail.";
static const char listed_domain[] =
    "A domain that the message names, or the sender's, is on a blocklist that "
    "the receiver uses: look it up there, end the cause and ask for removal.";

/* ---- the message ---- */

static const char spam[] =
    "The receiver takes the message for spam by its content or by the sender's "
    "reputation: check that SPF, DKIM and DMARC pass, and how it is worded.";
static const char apple[] =
    "Apple's filter refuses the message for its content, its links or the "
    "sender's reputation: check that SPF, DKIM and DMARC pass, then send the "
    "reply to icloudadmin@apple.com.";
static const char malformed[] =
    "The receiver finds the message's header malformed, as the reply says: "
    "the program that wrote it must mend that.";
static const char attachment[] =
    "The receiver takes the message, or an attachment, for dangerous: send a "
    "link in its place.";
static const char too_large[] =
    "The message is larger than the receiver takes: send a link in place of "
    "the attachment.";
static const char by_policy[] =
    "The receiver refuses it by a rule of its own that it doesn't tell: ask "
    "its postmaster over another way.";

/* ---- the recipient ---- */

static const char unknown_user[] =
    "There is no such mailbox at the receiver: check the address.";
static const char disabled[] =
    "The mailbox of the recipient is closed: only the recipient can mend that.";
static const char full[] =
    "The mailbox of the recipient is full: only the recipient can mend that.";
static const char overrun[] =
    "The mailbox of the recipient gets more mail than it may: send it again "
    "later.";
static const char members_only[] =
    "The address takes mail of its own organization alone: only its "
    "administrator can change that.";
static const char no_mx[] =
    "The recipient's domain has no mail server in the DNS: check what stands "
    "behind the @.";
static const char no_mail[] =
    "The recipient's domain says that it takes no mail: check what stands "
    "behind the @.";
static const char loop[] =
    "The message goes in circles: an address there is forwarded back to where "
    "it came from.";

/* ---- the way there ---- */

static const char greylisted[] =
    "The receiver lets unknown senders wait a little (greylisting): it is "
    "tried again by itself.";
static const char busy[] =
    "The receiver takes no more for the moment: it is tried again by itself.";
static const char no_tls[] =
    "The receiver takes mail over TLS alone, and this connection had none.";
static const char no_requiretls[] =
    "The sender demands TLS all the way (REQUIRETLS), and the receiver can't "
    "keep that: send without it.";
static const char tls_needed[] =
    "TLS is demanded, and the receiver doesn't offer it or doesn't prove "
    "itself: its postmaster must mend that; `postern check policy` shows what "
    "is demanded.";
static const char no_connection[] =
    "The receiver's server can't be reached; if no domain's can, this server's "
    "provider blocks port 25: ask it to open it, or send through a smarthost "
    "(POSTERN_RELAY).";
static const char broken_off[] =
    "The connection with the receiver's server broke off, or it fell silent: "
    "it is tried again by itself.";
static const char no_dns[] =
    "The DNS of the recipient's domain doesn't answer; if no domain's does, "
    "this server's resolver is broken (POSTERN_RESOLVER).";
static const char relay_denied[] =
    "The server that was asked doesn't take mail for this domain: the MX "
    "record of the recipient's domain names the wrong host, or a smarthost "
    "wants another account.";
static const char smarthost_quota[] =
    "The smarthost's account has sent as much as it may for now; wait, or ask "
    "its provider for more.";
static const char smarthost_domain[] =
    "The smarthost sends for domains that it was told of alone: register the "
    "sender's domain there.";

/* What names a receiver or is a code of its own comes before what is general,
   and what a reply is about before what it merely mentions. */
const struct advice_row advice_rows[] = {
	/* Microsoft */
	{ 0, "7.515", NULL, no_proof },
	{ 0, "7.509", NULL, no_dmarc },
	{ 0, NULL, "(s3140)", microsoft },
	{ 0, NULL, "(s3150)", microsoft },
	{ 0, NULL, "network is on our block list", microsoft },
	{ 0, NULL, "banned sending ip", microsoft }, /* 5.7.606 to 649 */
	{ 0, "7.511", NULL, microsoft },
	{ 0, "7.708", NULL, microsoft },
	{ 0, "7.506", NULL, bad_helo },
	{ 0, "7.510", NULL, ipv6 },
	{ 4, "7.26", "over ipv6", ipv6 },
	{ 0, "7.507", NULL, private_list },
	{ 0, NULL, "customer block list", private_list },
	{ 0, "7.703", NULL, private_list },
	{ 0, "7.750", NULL, smarthost_domain },
	{ 0, "7.705", NULL, smarthost_quota },
	{ 0, "7.12", NULL, members_only },
	{ 0, "7.124", NULL, members_only },
	{ 0, "7.133", NULL, members_only },
	{ 0, "7.134", NULL, members_only },
	{ 4, NULL, "due to ip reputation", new_address }, /* 4.7.650 to 652 */
	{ 4, NULL, "access denied, please try again later", new_address },
	{ 5, "4.1", "access denied", unknown_user },
	{ 5, "1.10", "recipientnotfound", unknown_user },
	{ 5, "1.10", "recipient not found", unknown_user },
	{ 5, "4.14", NULL, loop },

	/* Yahoo, AOL */
	{ 0, NULL, "[tss04]", new_address },
	{ 0, NULL, "[tss05]", new_address },
	{ 0, NULL, "[ts0", new_address },
	{ 0, NULL, "[tss09]", bad_address },
	{ 0, NULL, "[tss11]", bad_address },
	{ 0, NULL, "permanently deferred", bad_address },
	{ 0, NULL, "[bl2", listed },
	{ 0, NULL, "[ph01]", spam },
	{ 4, NULL, "unresolvable rfc.5321", no_sender_domain },
	{ 5, "7.9", "policy reasons", no_dmarc },

	/* Gmail */
	{ 0, NULL, "ipv6 sending guidelines", ipv6 },
	{ 0, "7.25", NULL, no_ptr },
	{ 0, "7.23", "ptr", no_ptr }, /* else RFC 7372 3.2: SPF */
	{ 0, "7.24", NULL, bad_spf },
	{ 0, "7.26", "dmarc", no_dmarc },
	{ 0, "7.26", "hard fail", no_spf },
	{ 0, "7.26", NULL, no_proof },
	{ 0, "7.27", NULL, no_spf },
	{ 0, "7.28", "dkim domain", bad_domain },
	{ 0, "7.28", "spf domain", bad_domain },
	{ 0, "7.28", "url domain", bad_domain },
	{ 4, "7.28", NULL, new_address },
	{ 5, "7.28", NULL, bad_address },
	{ 0, "7.29", NULL, no_tls },
	{ 0, "7.30", "dkim", no_dkim }, /* else RFC 8689 4.1 */
	{ 5, "7.30", NULL, no_requiretls },
	{ 0, "7.31", NULL, no_dmarc_record },
	{ 0, "7.32", NULL, no_dmarc },
	{ 0, "7.40", NULL, no_dmarc_record },
	{ 5, NULL, "likely unsolicited", spam },
	{ 0, NULL, "nature of the content", spam },
	{ 0, NULL, "low reputation of the sending domain", bad_domain },
	{ 4, NULL, "low reputation", new_address },
	{ 4, NULL, "unusual rate", new_address },
	{ 5, NULL, "unusual rate", bad_address },
	{ 0, NULL, "rfc 5322 compliant", malformed },
	{ 5, NULL, "missing a valid", malformed },
	{ 5, NULL, "addresses in from", malformed },
	{ 5, NULL, "encoded-word syntax", malformed },
	{ 5, NULL, "potential security issue", attachment },
	{ 5, NULL, "receiving mail at a rate", overrun },
	{ 0, NULL, "relay limit exceeded", smarthost_quota },
	{ 0, NULL, "sending limit exceeded", smarthost_quota },

	/* Apple, T-Online, GMX and WEB.DE */
	{ 0, NULL, "failing both spf and dkim", no_proof },
	{ 0, NULL, "[cs01]", apple },
	{ 0, NULL, "[hm0", apple },
	{ 0, NULL, "rx.t-online.de", t_online },
	{ 0, NULL, "dns ptr", no_ptr },

	/* blocklists */
	{ 0, NULL, "spamhaus.org/returnc", open_resolver },
	{ 0, NULL, "open resolver", open_resolver },
	{ 0, NULL, "spamhaus dbl", listed_domain },
	{ 0, NULL, "dbl.spamhaus", listed_domain },
	{ 0, NULL, "spamhaus.org/dbl", listed_domain },
	{ 0, NULL, "domain is listed", listed_domain },
	{ 0, NULL, "surbl", listed_domain },
	{ 0, NULL, "uribl", listed_domain },
	{ 0, NULL, "spamhaus", listed },
	{ 0, NULL, "spamcop", listed },
	{ 0, NULL, "barracudacentral", listed },
	{ 0, NULL, "barracudanetworks.com/reputation", listed },
	{ 0, NULL, "barracuda reputation", listed },
	{ 0, NULL, "sorbs.net", listed },
	{ 0, NULL, "uceprotect", listed },
	{ 0, NULL, "abusix", listed },
	{ 0, NULL, "ipcheck.proofpoint", listed },
	{ 0, NULL, "csi.cloudmark", listed },
	{ 0, NULL, "senderscore", listed },
	{ 0, NULL, "mailspike", listed },
	{ 0, NULL, "psbl.", listed },
	{ 0, NULL, "manitu.net", listed },
	{ 0, NULL, "spfbl", listed },
	{ 0, NULL, "blocked using", listed },
	{ 0, NULL, "blocklist", listed },
	{ 0, NULL, "blacklist", listed },
	{ 0, NULL, "block list", listed }, /* "is block listed" */
	{ 0, NULL, "black list", listed },
	{ 0, NULL, "dnsbl", listed },

	/* this server, in the words of most programs */
	{ 0, NULL, "reverse hostname", no_ptr },
	{ 0, NULL, "reverse dns", no_ptr },
	{ 0, NULL, "ptr record", no_ptr },
	{ 0, NULL, "no ptr", no_ptr },
	{ 0, NULL, "rdns", no_ptr },
	{ 0, NULL, "fcrdns", no_ptr },
	{ 0, NULL, "find your hostname", no_ptr },
	{ 0, NULL, "dynamic ip", dynamic },
	{ 0, NULL, "dialup", dynamic },
	{ 0, NULL, "dial-up", dynamic },
	{ 0, NULL, "helo command rejected", bad_helo },
	{ 0, NULL, "bad helo", bad_helo },
	{ 0, NULL, "invalid helo", bad_helo },

	/* the sender */
	{ 0, NULL, "dmarc", no_dmarc },
	{ 0, NULL, "either spf or dkim", no_proof },
	{ 5, NULL, "unauthenticated", no_proof },
	{ 0, NULL, "spf", no_spf },
	{ 0, NULL, "sender policy framework", no_spf },
	{ 0, NULL, "dkim", no_dkim },
	{ 0, NULL, "sender address rejected: domain not found",
	    no_sender_domain },
	{ 0, "1.8", NULL, no_sender_domain },
	{ 0, NULL, "must issue a starttls", no_tls },
	{ 0, NULL, "tls required", no_tls },
	{ 0, NULL, "tls is required", no_tls },

	/* the recipient */
	{ 4, NULL, "greylist", greylisted },
	{ 4, NULL, "graylist", greylisted },
	{ 4, "3.2", "service currently unavailable", greylisted },
	{ 5, NULL, "relay access denied", relay_denied },
	{ 5, NULL, "relaying denied", relay_denied },
	{ 5, NULL, "relay not permitted", relay_denied },
	{ 5, NULL, "unable to relay", relay_denied },
	{ 5, NULL, "relay denied", relay_denied },
	{ 5, NULL, "user unknown", unknown_user },
	{ 5, NULL, "unknown user", unknown_user },
	{ 5, NULL, "no such user", unknown_user },
	{ 5, NULL, "user does not exist", unknown_user },
	{ 5, NULL, "user doesn't have", unknown_user },
	{ 5, NULL, "mailbox not found", unknown_user },
	{ 5, NULL, "mailbox unavailable", unknown_user },
	{ 5, NULL, "no mailbox here", unknown_user },
	{ 5, NULL, "is no longer valid", unknown_user },
	{ 5, NULL, "mailbox is disabled", disabled },
	{ 5, NULL, "tried to reach is", disabled }, /* disabled, inactive */
	{ 0, NULL, "over quota", full },
	{ 0, NULL, "overquota", full },
	{ 0, NULL, "mailbox full", full },
	{ 0, NULL, "mailbox is full", full },
	{ 0, NULL, "out of storage", full },

	/* the message, and how much of it */
	{ 4, NULL, "receiving mail too quickly", busy },
	{ 4, NULL, "receiving mail at a rate", busy },
	{ 4, NULL, "too many connections", busy },
	{ 4, NULL, "too many concurrent", busy },
	{ 4, NULL, "excessive volume", busy },
	{ 4, NULL, "server busy", busy },
	{ 4, NULL, "rate limit", new_address },
	{ 5, NULL, "virus", attachment },
	{ 5, NULL, "malware", attachment },
	{ 5, NULL, "reputation", bad_address },
	{ 5, NULL, "spam", spam },

	/* by the code alone: RFC 3463, RFC 7372, RFC 8689 and our own */
	{ 5, "1.1", NULL, unknown_user },
	{ 5, "1.2", NULL, no_mx },
	{ 5, "4.4", NULL, no_mx },
	{ 5, "1.10", NULL, no_mail },
	{ 5, "2.1", NULL, disabled },
	{ 0, "2.2", NULL, full },
	{ 5, "3.4", NULL, too_large },
	{ 5, "2.3", NULL, too_large },
	{ 5, "4.6", NULL, loop },
	{ 4, "4.1", NULL, no_connection },
	{ 4, "4.2", NULL, broken_off },
	{ 4, "4.3", NULL, no_dns },
	{ 4, "4.5", NULL, busy },
	{ 4, "7.5", NULL, tls_needed },
	{ 4, "7.10", NULL, tls_needed },
	{ 0, "7.20", NULL, no_dkim },
	{ 0, "7.21", NULL, no_dkim },
	{ 0, "7.22", NULL, no_dkim },
	{ 0, "7.23", NULL, no_spf },
	{ 5, "7.1", NULL, by_policy },
	{ 5, "7.0", NULL, by_policy },
};

const size_t advice_row_count = sizeof advice_rows / sizeof *advice_rows;
