#include "lib/zone/domains.h"

#include "lib/base/name.h"

#include <string.h>

enum {
	SHOWN_MAX = 80
}; /* octets of what is wrong */

bool
domains_has(const struct domains *d, struct str name)
{
	for (size_t i = 0; i < d->count; i++)
		if (name_eq(d->names[i], name))
			return true;
	return false;
}

/* Twice as much whenever the count is a power of two. */
static void
make_room(struct domains *d)
{
	size_t room = d->count ? d->count * 2 : 1;
	if (d->count & (d->count - 1))
		return;
	struct str *more = arena_alloc(&d->arena, room * sizeof *more);
	if (d->count)
		memcpy(more, d->names, d->count * sizeof *more);
	d->names = more;
}

void
domains_add(struct domains *d, struct str name)
{
	if (domains_has(d, name))
		return;
	make_room(d);
	d->names[d->count++] = arena_lower(&d->arena, name_strip_dot(name));
}

/* The name that a line holds, or "" for a blank or commented one. */
static struct str
line_name(struct str line)
{
	return str_trim(str_sub(line, 0, str_find(line, '#')));
}

bool
domains_parse(
    struct domains *d, struct str text, const char *file, struct buf *errors)
{
	bool good = true;
	unsigned number = 0;
	for (struct str rest = text; rest.n;) {
		struct str name = line_name(str_cut(&rest, '\n'));
		number++;
		if (str_empty(name) || name_is_host(name_strip_dot(name)))
			continue;
		buf_addf(errors,
		    "%s:%u: \"%.*s\" is not a domain name in ASCII\n", file,
		    number, STR_ARG(str_sub(name, 0, SHOWN_MAX)));
		good = false;
	}
	for (struct str rest = text; good && rest.n;) {
		struct str name = line_name(str_cut(&rest, '\n'));
		if (!str_empty(name))
			domains_add(d, name);
	}
	return good;
}

void
domains_free(struct domains *d)
{
	arena_free(&d->arena);
	*d = (struct domains){ 0 };
}
