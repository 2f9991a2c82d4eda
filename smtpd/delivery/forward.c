#include "smtpd/delivery/forward.h"

#include "lib/base/clock.h"
#include "lib/mail/srs.h"
#include "smtpd/delivery/delivery_private.h"

static const struct directory *
directory_of(const struct parcel *parcel)
{
	return directory_now(parcel->delivery->parts.directory);
}

struct str
forward_home(const struct parcel *parcel, size_t recipient)
{
	struct str domain =
	    address_domain(parcel_recipient(parcel, recipient)->original);
	/* RFC 5321 4.1.1.3: "postmaster" alone is this host's */
	return str_empty(domain) ? directory_domain(directory_of(parcel), 0)
				 : domain;
}

struct str
forward_domain(const struct parcel *parcel, size_t recipient)
{
	struct str sender = parcel->item->envelope->sender;
	if (parcel_recipient(parcel, recipient)->kind != RECIPIENT_FORWARD ||
	    str_empty(sender) ||
	    directory_is_ours(directory_of(parcel), address_domain(sender)))
		return STR("");
	return forward_home(parcel, recipient);
}

struct str
forward_sender(
    const struct parcel *parcel, size_t recipient, struct arena *arena)
{
	struct str sender = parcel->item->envelope->sender;
	struct str domain = forward_domain(parcel, recipient);
	struct address address, rewritten;
	const char *why;
	if (str_empty(domain))
		return sender;
	if (!address_parse(sender, arena, &address, &why) ||
	    !srs_forward(parcel->delivery->parts.srs, address, domain,
		clock_wall_ms(), arena, &rewritten))
		return STR("");
	return address_text(rewritten, arena);
}
