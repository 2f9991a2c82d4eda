#include "tests/fakes/people.h"

#include "lib/host/spawn.h"

#include <string.h>

static const struct {
	const char *name;
	gid_t id; /* of the user and of the group */
} people[] = {
	{ "root", 0 },
	{ "postern", PEOPLE_POSTERN },
	{ "tls", PEOPLE_TLS },
	{ "vmail", PEOPLE_VMAIL },
	{ "smtpd", PEOPLE_SMTPD },
	{ "signer", PEOPLE_SIGNER },
	{ "unbound", PEOPLE_UNBOUND },
};

bool
spawn_group(const char *name, gid_t *gid)
{
	for (size_t i = 0; i < sizeof people / sizeof *people; i++)
		if (strcmp(people[i].name, name) == 0) {
			*gid = people[i].id;
			return true;
		}
	return false;
}

bool
spawn_user(const char *name, uid_t *uid, gid_t *gid)
{
	bool found = spawn_group(name, gid);
	*uid = *gid;
	return found;
}
