/* A Maildir that tells the story: "placed 1.0 you@ours.test".  The account
   "full@" has no space, "quota@" no quota left; under "there@" the file is
   there already unless it may be replaced. */
#include "smtpd/local/maildir.h"

#include "tests/fakes/story.h"

#include <errno.h>
#include <inttypes.h>

bool
maildir_place(const struct maildir_delivery *d)
{
	static const struct {
		struct str account;
		int error;
		bool replaceable;
	} troubles[] = {
		{ { "full@ours.test", 14 }, ENOSPC, false },
		{ { "quota@ours.test", 15 }, EDQUOT, false },
		{ { "there@ours.test", 15 }, EEXIST, true },
	};
	struct str account = d->envelope->recipients[d->recipient].address;
	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
		if (str_eq(account, troubles[i].account) &&
		    !(d->replace && troubles[i].replaceable)) {
			errno = troubles[i].error;
			return false;
		}
	story_add("placed %" PRIu64 ".%zu %.*s%s", d->envelope->id,
	    d->recipient, STR_ARG(account), d->replace ? " again" : "");
	return true;
}
