/*
 * check.h - what the commands of `postern check` share: a loop, a resolver,
 * and the session that is asked about.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/cli.h"
#include "lib/net/resolver.h"

struct check_world {
	struct loop *loop;
	struct resolver *resolver;
	struct str hostname; /* ours */
	struct ip ip; /* --ip */
	struct str helo, mail_from;
	int64_t now; /* --now: Unix time */
};

/* From the options; 0 or an exit code, after saying why. */
int check_open(struct check_world *, struct cli *);
void check_close(struct check_world *);
/* One printable line, ended by a NUL, in the arena. */
const char *check_text(struct cli *, struct str);

#endif
