#include "smtpd/jail.h"

#include "lib/base/file.h"
#include "lib/host/sandbox.h"

/* Rules name folders, because files are replaced. */
static const char *
folder_of(struct arena *arena, struct str path)
{
	return arena_str(arena, file_folder(path)).p;
}

static const char *
below(struct arena *arena, const struct settings *settings, const char *name)
{
	return arena_printf(arena, "%s/%s", settings->data.p, name).p;
}

void
jail_enter(const struct settings *s)
{
	struct arena a = { 0 };
	bool files = s->tls == TLS_FILES;
	const char *tls = below(&a, s, "tls");
	const struct sandbox_rule rules[] = {
		{ below(&a, s, "journal"), SANDBOX_WRITE },
		{ below(&a, s, "spool"), SANDBOX_WRITE },
		{ below(&a, s, "store"), SANDBOX_WRITE },
		{ below(&a, s, "bad"), SANDBOX_WRITE },
		{ below(&a, s, "history"), SANDBOX_WRITE },
		{ below(&a, s, "mail"), SANDBOX_PLACE },
		{ below(&a, s, "config"), SANDBOX_READ },
		{ files ? folder_of(&a, s->tls_cert) : tls, SANDBOX_READ },
		{ files ? folder_of(&a, s->tls_key) : tls, SANDBOX_READ },
		{ "/etc", SANDBOX_READ },
		{ "/usr", SANDBOX_READ },
		{ "/lib", SANDBOX_READ },
		{ "/dev", SANDBOX_READ },
		{ "/proc/self", SANDBOX_READ },
	};
	sandbox_enter(
	    rules, sizeof rules / sizeof *rules, SANDBOX_CALLS_NETWORK);
	arena_free(&a);
}
