#include "lib/host/sandbox.h"

#include "lib/base/log.h"
#include "lib/host/sandbox_calls.h"
#include "lib/host/sandbox_files.h"

#include <stdlib.h>
#include <sys/prctl.h>

/* No core dump and no debugger for others of the same uid; no set-uid program
   helps; and Landlock and seccomp are open to everybody. */
static void
give_up_privileges(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		abort();
}

static void
complain(const char *what, const char *why)
{
	log_note(LOG_WARN, "start", "this process is not confined by %s: %s",
	    what, why);
}

void
sandbox_enter(
    const struct sandbox_rule *rules, size_t count, enum sandbox_calls calls)
{
	const char *no_files, *no_calls;
	give_up_privileges();
	int landlock = sandbox_files(rules, count, &no_files);
	const char *seccomp = sandbox_calls(calls, &no_calls);
	if (!landlock)
		complain("Landlock", no_files);
	if (!seccomp)
		complain("seccomp", no_calls);
	struct log_line line = log_begin(LOG_DEBUG, "start");
	log_d(&line, "landlock", landlock);
	log_c(&line, "seccomp", seccomp ? seccomp : "none");
	log_end(&line);
}
