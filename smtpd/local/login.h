/*
 * login.h - who somebody is: SASL over our own users file (libsasl2).
 *
 * SCRAM-SHA-256(-PLUS), PLAIN and LOGIN.  Password hashes cost CPU time and
 * are computed on worker threads.  Unknown users fail at the same step and
 * with the same code as wrong passwords.
 */
#ifndef SMTPD_LOCAL_LOGIN_H
#define SMTPD_LOCAL_LOGIN_H

#include "lib/net/jobs.h"
#include "smtpd/local/directory.h"
#include "smtpd/local/secret.h"

struct logins; /* libsasl2's state: one per process */
struct login_work;

/* The mechanisms' plug-ins are loaded here: before the sandbox.  NULL with
 *why when one of the four is missing.  Whoever doesn't exist has a salt that
   comes of the secret. */
struct logins *logins_new(struct directory_keeper *, const char *hostname,
    const struct secret *, const char **why);
void logins_lane(struct logins *, struct lane *cpu); /* once threads may run */
void logins_free(struct logins *);
extern const char *const login_mechanisms[]; /* NULL-ended, without -PLUS */

enum login_result {
	LOGIN_CONTINUE, /* challenge is the next 334 */
	LOGIN_DONE, /* account is who it is */
	LOGIN_REFUSED, /* 535 5.7.8, whatever the reason */
	LOGIN_BUSY, /* the lane is full: 454 4.7.0 */
};

struct login { /* one exchange; {0} is idle */
	struct buf challenge; /* raw, not base64 */
	struct buf account; /* with DONE; with REFUSED the name that was tried,
			       as far as it is known, for the limits */
	enum login_result result;
	void (*done)(struct login *);
	struct login_work *work; /* private */
};

/* initial.p NULL: the client sent none.  Both bindings may be "". */
void login_start(struct logins *, struct login *, const char *mechanism,
    struct str initial, const char *binding_type, struct str binding,
    void (*done)(struct login *));
void login_step(
    struct login *, struct str response, void (*done)(struct login *));
void login_cancel(struct login *); /* and frees its buffers */

#endif
