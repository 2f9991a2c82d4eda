/*
 * login_private.h - what the files of login share: login.c (exchanges on
 * workers), login_sasl.c (libsasl2 and its callbacks), login_snapshot.c (the
 * verifiers that workers may read).
 */
#ifndef SMTPD_LOCAL_LOGIN_PRIVATE_H
#define SMTPD_LOCAL_LOGIN_PRIVATE_H

#include "lib/base/map.h"
#include "smtpd/local/login.h"

#include <pthread.h>
#include <sasl/sasl.h>

enum {
	/* "15000,salt,StoredKey,ServerKey" with the longest salt */
	LOGIN_VERIFIER = 256,
};

struct snapshot { /* every account's verifier */
	pthread_mutex_t lock; /* over all of it */
	struct map accounts;
	struct arena arena;
	uint8_t secret[SECRET_SIZE]; /* for those who don't exist */
};

struct logins {
	struct directory_keeper *keeper;
	struct lane *cpu;
	const char *hostname;
	struct snapshot snapshot;
	struct directory_listener listener;
};

struct login_work { /* one exchange; a worker has it, or the loop */
	struct job job;
	struct later busy; /* when no worker takes it */
	struct logins *logins;
	struct login *login; /* NULL: cut off */
	/* the question */
	struct buf mechanism, input, realm, binding_type, binding_data;
	bool has_input;
	/* the exchange */
	sasl_conn_t *sasl;
	sasl_callback_t callbacks[4];
	sasl_channel_binding_t binding;
	struct buf account; /* who it says it is */
	/* the answer */
	struct buf challenge;
	enum login_result result;
};

/* login_snapshot.c */
void snapshot_open(struct snapshot *, const struct secret *);
void snapshot_close(struct snapshot *);
void snapshot_take(struct snapshot *, const struct directory *);
/* On any thread.  An account that isn't there has one, too: always the same,
   and no password fits it. */
void snapshot_verifier(
    struct snapshot *, struct str account, char text[LOGIN_VERIFIER]);

/* login_sasl.c */
bool login_sasl_open(struct logins *, const char **why);
void login_sasl_close(void);
/* On a worker: takes input, leaves result and challenge. */
void login_sasl_step(struct login_work *);

#endif
