#include "lib/base/settings_table.h"

#define MEMBER(name) .member = offsetof(struct settings, name)

const struct setting settings_table[] = {
	{
	    .name = "DOMAIN",
	    .form = &form_domains,
	    MEMBER(domain),
	    .otherwise = "the domains in config/domains",
	    .meaning =
		"The domains to receive mail for; the first one is the default. "
		"Needed at the first start only, because they are kept in "
		"config/domains; `postern domain add` adds more.",
	},
	{
	    .name = "HOSTNAME",
	    .form = &form_host,
	    MEMBER(hostname),
	    .otherwise = "mail.<first domain>",
	    .meaning =
		"The name of this mail server: in the greeting, in EHLO, as MX "
		"target, in the certificate and in the PTR record.",
	},
	{
	    .name = "DATA",
	    .form = &form_path,
	    MEMBER(data),
	    .standard = "/data",
	    .meaning = "The folder of everything that must last: accounts, "
		       "mail, keys, queue. Back it up.",
	},
	{
	    .name = "RUN",
	    .form = &form_path,
	    MEMBER(run),
	    .standard = "/run/postern",
	    .meaning = "The folder of sockets. Keep the path short: those of "
		       "Unix sockets end at 107 bytes.",
	},
	{
	    .name = "LISTEN",
	    .form = &form_ips,
	    MEMBER(listen),
	    .standard = "0.0.0.0,::",
	    .meaning = "The addresses of all listeners. A host without IPv6 "
		       "may keep the default.",
	},
	{
	    .name = "PORTS",
	    .form = &form_ports,
	    MEMBER(ports),
	    .standard = "smtp=25,submissions=465,submission=587,http=80,"
			"https=443,imaps=993",
	    .meaning = "The port of each service. A service left out is off.",
	},
	{
	    .name = "PUBLIC_IP",
	    .form = &form_ips,
	    MEMBER(public_ip),
	    .otherwise = "the public addresses of this host",
	    .meaning =
		"The addresses to publish in the DNS and to expect in PTR. "
		"Needed behind NAT, where the host doesn't know them.",
	},
	{
	    .name = "RESOLVER",
	    .form = &form_resolvers,
	    MEMBER(resolver),
	    .otherwise = "the bundled unbound, without it /etc/resolv.conf",
	    .meaning = "The DNS servers to ask. They must resolve for us: "
		       "authoritative servers won't do.",
	},
	{
	    .name = "TRUST_AD",
	    .form = &form_word,
	    MEMBER(trust_ad),
	    .standard = "auto",
	    .words = { "auto", "no", "yes" },
	    .meaning =
		"Whether to believe the resolver when it says that an answer "
		"is signed (DNSSEC). auto: only a resolver on loopback, "
		"because anybody on the way could write the same bit.",
	},
	{
	    .name = "ROOT_SERVERS",
	    .form = &form_path,
	    MEMBER(root_servers),
	    .otherwise = "the Internet's",
	    .meaning = "A file with other root servers and trust anchors for "
		       "the bundled resolver, as unbound clauses (tests).",
	},
	{
	    .name = "CA_FILE",
	    .form = &form_path,
	    MEMBER(ca_file),
	    .otherwise = "the system's",
	    .meaning = "The certificate authorities that are trusted when a "
		       "certificate must be verified, as that of the "
		       "smarthost or of a policy's host; PEM.",
	},
	{
	    .name = "OUTBOUND",
	    .form = &form_word,
	    MEMBER(outbound),
	    .standard = "auto",
	    .words = { "auto", "ipv4", "ipv6" },
	    .meaning =
		"The IP version that mail leaves with. auto: IPv6 only when "
		"PTR, forward name and SPF agree for our address, since large "
		"receivers refuse it otherwise; IPv4 always, but behind IPv6 "
		"when they don't agree for it.",
	},
	{
	    .name = "OUTBOUND_ADDRESS",
	    .form = &form_sources,
	    MEMBER(outbound_address),
	    .otherwise = "the system chooses",
	    .meaning = "The source addresses that mail is sent from. PTR and "
		       "SPF must name their public form.",
	},
	{
	    .name = "OUTBOUND_PORT",
	    .form = &form_port,
	    MEMBER(outbound_port),
	    .standard = "25",
	    .meaning = "The port of remote mail servers (tests).",
	},
	{
	    .name = "ALLOW_PRIVATE_DESTINATIONS",
	    .form = &form_flag,
	    MEMBER(allow_private_destinations),
	    .standard = "no",
	    .words = { "no", "yes" },
	    .meaning =
		"Deliver to, and fetch policies from, loopback, private and "
		"other special-purpose addresses, and ask for the reverse "
		"names and DNS lists of such clients (tests, closed networks). "
		"A smarthost may always have one.",
	},
	{
	    .name = "MTA_STS",
	    .form = &form_flag,
	    MEMBER(mta_sts),
	    .standard = "yes",
	    .words = { "no", "yes" },
	    .meaning =
		"Obey other domains' MTA-STS policies: which servers may get "
		"their mail, and that it never leaves in plain text.",
	},
	{
	    .name = "STS_PORT",
	    .form = &form_port,
	    MEMBER(sts_port),
	    .standard = "443",
	    .meaning = "The port of the hosts that have these policies "
		       "(tests).",
	},
	{
	    .name = "DANE",
	    .form = &form_word,
	    MEMBER(dane),
	    .standard = "auto",
	    .words = { "auto", "no", "yes" },
	    .meaning =
		"Hold mail servers to their TLSA records, which prove them "
		"without an authority. auto: as long as the resolver's DNSSEC "
		"verdict is believed (see TRUST_AD); yes: the same, with a "
		"warning at the start when it isn't.",
	},
	{
	    .name = "REPORTS",
	    .form = &form_flag,
	    MEMBER(reports),
	    .standard = "yes",
	    .words = { "no", "yes" },
	    .meaning = "Send a report a day to domains that ask for one: how "
		       "DMARC judged mail in their name, and how TLS to their "
		       "servers went.",
	},
	{
	    .name = "RELAY",
	    .form = &form_relay,
	    MEMBER(relay_host),
	    .otherwise = "mail goes to its servers directly",
	    .meaning = "A smarthost that takes all mail for other servers. "
		       "The port is 25 when none is given, or 587 when "
		       "POSTERN_RELAY_USER is set.",
	},
	{
	    .name = "RELAY_USER",
	    .form = &form_login,
	    MEMBER(relay_user),
	    .otherwise = "no AUTH",
	    .meaning = "The account at the smarthost. AUTH is done under TLS "
		       "alone, by the strongest that is offered: "
		       "SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN.",
	},
	{
	    .name = "RELAY_PASSWORD",
	    .form = &form_login,
	    MEMBER(relay_password),
	    .otherwise = "no AUTH",
	    .secret = true,
	    .meaning = "Its password.",
	},
	{
	    .name = "RELAY_SPF",
	    .form = &form_spf,
	    MEMBER(relay_spf),
	    .otherwise = "what is known of the smarthost",
	    .meaning = "What the smarthost's provider wants in the SPF record "
		       "of a domain that sends through it: the printed record "
		       "then has it. Amazon SES, Brevo, Google Workspace, "
		       "Mailgun, Mailjet, Microsoft 365 and SendGrid are known "
		       "by their host names.",
	},
	{
	    .name = "RELAY_TLS",
	    .form = &form_word,
	    MEMBER(relay_tls),
	    .standard = "verify",
	    .words = { "verify", "opportunistic", "none" },
	    .meaning =
		"How the smarthost is reached. verify: TLS from the start on "
		"port 465, else STARTTLS, and its certificate must be right. "
		"opportunistic: TLS when it is offered, unverified: somebody "
		"on the way can read the password. none: no TLS, and no AUTH.",
	},
	{
	    .name = "TLS",
	    .form = &form_word,
	    MEMBER(tls),
	    .standard = "acme",
	    .words = { "acme", "files", "selfsigned" },
	    .meaning =
		"Where the certificate comes from. files: POSTERN_TLS_CERT "
		"and POSTERN_TLS_KEY. selfsigned: made at the first start, "
		"and anew when the host name changes or it is about to expire. "
		"acme: from a certificate authority; until this is built in, "
		"the self-signed certificate is used.",
	},
	{
	    .name = "TLS_CERT",
	    .form = &form_path,
	    MEMBER(tls_cert),
	    .otherwise = "none",
	    .meaning = "The certificate with its chain, PEM, for "
		       "POSTERN_TLS=files. The file is watched.",
	},
	{
	    .name = "TLS_KEY",
	    .form = &form_path,
	    MEMBER(tls_key),
	    .otherwise = "none",
	    .meaning = "Its private key, PEM. In the image group 802 (tls) "
		       "must be able to read it.",
	},
	{
	    .name = "MAX_SIZE",
	    .form = &form_size,
	    MEMBER(max_size),
	    .standard = "50M",
	    .least = "64K",
	    .most = "1G",
	    .meaning = "The largest message that is accepted.",
	},
	{
	    .name = "MAX_RECIPIENTS",
	    .form = &form_count,
	    MEMBER(max_recipients),
	    .standard = "1000",
	    .least = "100",
	    .most = "100000",
	    .meaning = "The most recipients of one message; the client is "
		       "told to send the rest later.",
	},
	{
	    .name = "MAX_CONNECTIONS",
	    .form = &form_count,
	    MEMBER(max_connections),
	    .standard = "2000",
	    .least = "1",
	    .most = "100000",
	    .meaning = "The most connections at a time, of all clients. An "
		       "eighth, but at least 10 (of a few, half), is kept for "
		       "the submission ports.",
	},
	{
	    .name = "CONNECTIONS_PER_IP",
	    .form = &form_count,
	    MEMBER(connections_per_ip),
	    .standard = "20",
	    .least = "1",
	    .most = "100000",
	    .meaning = "The most connections at a time of one IPv4 address "
		       "or one IPv6 /64. A client that leaves before its "
		       "message is answered counts until then.",
	},
	{
	    .name = "AUTH_FAILURES",
	    .form = &form_rate,
	    MEMBER(auth_failures),
	    .standard = "10/10m",
	    .meaning =
		"Failed logins per address and per account until more are "
		"refused for an hour. An account is never refused to other "
		"addresses than those that failed.",
	},
	{
	    .name = "USER_RATE",
	    .form = &form_rate,
	    MEMBER(user_rate),
	    .standard = "300/1h",
	    .meaning = "Recipients that an account may send to: what a stolen "
		       "password can do. Each address elsewhere that an alias "
		       "leads to is one.",
	},
	{
	    .name = "FORWARD_RATE",
	    .form = &form_rate,
	    MEMBER(forward_rate),
	    .standard = "3000/1h",
	    .meaning = "Addresses elsewhere that mail from outside is sent on "
		       "to, by all aliases and return addresses of a domain "
		       "together: what strangers can have us send. More is "
		       "put off.",
	},
	{
	    .name = "DMARC_ACTION",
	    .form = &form_word,
	    MEMBER(dmarc_action),
	    .standard = "enforce",
	    .words = { "enforce", "strict", "junk", "mark" },
	    .meaning =
		"What becomes of mail that fails DMARC with p=reject. enforce: "
		"it is refused, unless a mailing list's or an earlier hop's "
		"signature vouches for it, then Junk; strict: refused always; "
		"junk: never refused; mark: only noted in the message.",
	},
	{
	    .name = "SPF_ACTION",
	    .form = &form_word,
	    MEMBER(spf_action),
	    .standard = "enforce",
	    .words = { "enforce", "strict", "junk", "mark" },
	    .meaning =
		"The same for mail that fails SPF, of author domains without a "
		"DMARC policy; with enforce a valid DKIM signature vouches.",
	},
	{
	    .name = "DNSBL",
	    .form = &form_dnsbl,
	    MEMBER(dnsbl),
	    .otherwise = "none is asked",
	    .meaning =
		"DNS lists that are asked about a client's address, as "
		"zone[=weight]; weights of 1 to 100, 100 when left out, and a "
		"sum of 100 is enough to act. Most lists want to be asked "
		"through a resolver of one's own.",
	},
	{
	    .name = "DNSBL_ACTION",
	    .form = &form_word,
	    MEMBER(dnsbl_action),
	    .standard = "junk",
	    .words = { "junk", "reject" },
	    .meaning = "What becomes of mail from a listed address.",
	},
	{
	    .name = "DMARC_PUBLISH",
	    .form = &form_word_text,
	    MEMBER(dmarc_publish),
	    .standard = "reject",
	    .words = { "none", "quarantine", "reject" },
	    .meaning =
		"The policy in the DMARC record that is proposed: what others "
		"are to do with mail that claims our domain and isn't ours.",
	},
	{
	    .name = "CATCHALL",
	    .form = &form_address,
	    MEMBER(catchall),
	    .otherwise = "unknown recipients are refused",
	    .meaning = "The address that gets mail to all addresses of our "
		       "domains that don't exist.",
	},
	{
	    .name = "DELIMITER",
	    .form = &form_delimiter,
	    MEMBER(delimiter),
	    .standard = "+",
	    .meaning = "What begins a tag: with + mail to you+shop@ is mail "
		       "to you@.",
	},
	{
	    .name = "QUEUE_LIFETIME",
	    .form = &form_time,
	    MEMBER(queue_lifetime_ms),
	    .standard = "5d",
	    .least = "1s",
	    .most = "30d",
	    .meaning = "How long delivery is tried before the sender gets a "
		       "bounce.",
	},
	{
	    .name = "QUEUE_WARNING",
	    .form = &form_time,
	    MEMBER(queue_warning_ms),
	    .standard = "4h",
	    .least = "1s",
	    .most = "30d",
	    .meaning =
		"After how long the sender is told that mail is still "
		"waiting. One that exceeds POSTERN_QUEUE_LIFETIME means never.",
	},
	{
	    .name = "RETRY_MIN",
	    .form = &form_time,
	    MEMBER(retry_min_ms),
	    .standard = "5m",
	    .least = "1s",
	    .most = "1d",
	    .meaning = "The wait after a first attempt that failed; each next "
		       "one is half as long again.",
	},
	{
	    .name = "RETRY_MAX",
	    .form = &form_time,
	    MEMBER(retry_max_ms),
	    .standard = "4h",
	    .least = "1s",
	    .most = "1d",
	    .meaning = "The longest wait between two attempts.",
	},
	{
	    .name = "LOG_LEVEL",
	    .form = &form_word,
	    MEMBER(log_level),
	    .standard = "info",
	    .words = { "debug", "info", "warn", "error" },
	    .meaning = "The least important lines to log.",
	},
	{
	    .name = "LOG_FORMAT",
	    .form = &form_flag,
	    MEMBER(log_json),
	    .standard = "logfmt",
	    .words = { "logfmt", "json" },
	    .meaning = "How a line is written: key=value pairs, or one JSON "
		       "object with the same keys.",
	},
	{
	    .name = "EPHEMERAL",
	    .form = &form_flag,
	    MEMBER(ephemeral),
	    .standard = "no",
	    .words = { "no", "yes" },
	    .meaning =
		"In the image: start even when the data folder is no mount, "
		"so that mail and keys are gone with the container.",
	},
};

_Static_assert(
    sizeof(settings_table) / sizeof(*settings_table) <= SETTINGS_MOST, "");
const size_t settings_count = sizeof(settings_table) / sizeof(*settings_table);
