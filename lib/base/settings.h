/*
 * settings.h - the POSTERN_* environment, from one table.
 *
 * The table holds name, type, default, range and documentation of each
 * setting; reading, checking and explaining all walk over it.  It knows the
 * names and forms of docs/reference.md and nothing of what they are used for.
 * Strings live in the arena of the struct.
 */
#ifndef LIB_BASE_SETTINGS_H
#define LIB_BASE_SETTINGS_H

#include "lib/base/arena.h"
#include "lib/base/ip.h"
#include "lib/base/log.h"

enum {
	SETTINGS_LIST = 16, /* most entries of a list */
};

enum port_name {
	PORT_SMTP,
	PORT_SUBMISSIONS,
	PORT_SUBMISSION,
	PORT_HTTP,
	PORT_HTTPS,
	PORT_IMAPS,
	PORT_COUNT,
};

enum outbound_family {
	OUTBOUND_AUTO,
	OUTBOUND_IPV4,
	OUTBOUND_IPV6
};
enum relay_tls {
	RELAY_TLS_VERIFY,
	RELAY_TLS_OPPORTUNISTIC,
	RELAY_TLS_NONE
};
enum tls_source {
	TLS_ACME,
	TLS_FILES,
	TLS_SELFSIGNED
};
enum auto_bool {
	AUTO,
	NO,
	YES
};

enum policy_action { /* what a failed DMARC or SPF check leads to */
	ACTION_ENFORCE, /* refused, unless something real vouches */
	ACTION_STRICT, /* refused always */
	ACTION_JUNK, /* never refused */
	ACTION_MARK, /* only the header field */
};
enum dnsbl_action {
	DNSBL_JUNK,
	DNSBL_REJECT
};

struct endpoint {
	struct ip ip;
	uint16_t port;
};

struct rate {
	uint64_t count;
	uint64_t ms;
};

struct ip_list {
	size_t count;
	struct ip ips[SETTINGS_LIST];
};

struct endpoint_list {
	size_t count;
	struct endpoint endpoints[SETTINGS_LIST];
};

struct dnsbl_zone {
	struct str zone; /* lower case */
	unsigned weight; /* 1-100; a sum of 100 is enough to act */
};

struct dnsbl_list {
	size_t count;
	struct dnsbl_zone zones[SETTINGS_LIST];
};

struct str_list {
	size_t count;
	struct str *items; /* in the arena, each ended by a NUL */
};

struct settings {
	struct str_list domain; /* lower case; may be empty */
	struct str hostname; /* "" until somebody knows the first domain */
	struct str data, run; /* folders; all strings are ended by a NUL */
	struct ip_list listen;
	uint16_t ports[PORT_COUNT]; /* 0: the service is off */
	struct ip_list public_ip; /* empty: find them */
	struct endpoint_list resolver; /* empty: bundled, or the system's */
	enum auto_bool trust_ad;
	struct str root_servers, ca_file;
	enum outbound_family outbound;
	struct ip_list outbound_address;
	uint16_t outbound_port;
	bool allow_private_destinations;
	bool mta_sts, reports;
	enum auto_bool dane;
	uint16_t sts_port;
	struct str relay_host; /* "" without a smarthost */
	uint16_t relay_port;
	struct str relay_user, relay_password;
	struct str relay_spf; /* "include:spf.example.net", or "" */
	enum relay_tls relay_tls;
	enum tls_source tls;
	struct str tls_cert, tls_key;
	uint64_t max_size, max_recipients;
	uint64_t max_connections, connections_per_ip;
	struct rate auth_failures, user_rate, forward_rate;
	enum policy_action dmarc_action, spf_action;
	struct dnsbl_list dnsbl;
	enum dnsbl_action dnsbl_action;
	struct str dmarc_publish;
	struct str catchall;
	char delimiter; /* 0: none */
	uint64_t queue_lifetime_ms, queue_warning_ms, retry_min_ms,
	    retry_max_ms;
	enum log_level log_level;
	bool log_json;
	bool ephemeral;
	struct arena arena;
};

/* Reads the environment.  Every error at once, one per line, each with the
   name, the value (never of a secret), what is allowed and the nearest known
   name; false when there was any. */
bool settings_load(
    struct settings *, char *const environment[], struct buf *errors);
void settings_free(struct settings *);
const char *settings_port_name(enum port_name); /* "smtp", ... */

/* The documentation of one setting (with or without POSTERN_), or of all when
   name is NULL, as text; false when there is no such setting. */
bool settings_explain(const char *name, struct buf *);
/* The setting most like that name, which is in capitals; NULL: none is. */
const char *settings_nearest(const char *name);

/* "50M", "5d", "300/1h": false when it is none.  For other tables as well. */
bool settings_parse_size(struct str, uint64_t *);
bool settings_parse_time_ms(struct str, uint64_t *);
bool settings_parse_rate(struct str, struct rate *);

#endif
