/*
 * transfer.h - one HTTPS request by libcurl, to the addresses in the question
 * and to no other.
 *
 * No name is looked up here, no redirect followed, no proxy asked, no
 * connection used again; the certificate must be right for the host.  It knows
 * nothing of what the content is for.
 */
#ifndef WEB_TRANSFER_H
#define WEB_TRANSFER_H

#include "lib/net/fetch_wire.h"
#include "web/multi.h"

struct transfer_rules { /* outlive the transfers */
	bool private_allowed; /* addresses of the special-purpose registries */
	const char *ca_file; /* "": the system's */
};

struct transfer { /* {0} is idle */
	/* the question */
	struct fetch_question question;
	struct buf body; /* of a POST; all that is here is the transfer's */
	/* the answer */
	enum fetch_result result;
	unsigned status;
	char type[FETCH_TYPE];
	struct buf content; /* none of a POST */
	char trouble[CURL_ERROR_SIZE]; /* in libcurl's words, or "" */
	void (*done)(struct transfer *);
	/* private */
	const struct transfer_rules *rules;
	struct multi_member member;
	CURLSH *names; /* its own: what is pinned holds for it alone */
	struct curl_slist *pinned, *fields;
	size_t header_size;
	bool too_large;
};

/* done() runs once and later. */
void transfer_start(struct transfer *, struct multi *,
    const struct transfer_rules *, void (*done)(struct transfer *));
void transfer_free(struct transfer *); /* cancels; leaves it idle */

#endif
