#include "lib/zone/domains.h"

#include "lib/base/name.h"

#include <string.h>

bool
domains_has(const struct domains *d, struct str name)
{
	for (size_t i = 0; i < d->count; i++)
		if (name_eq(d->names[i], name))
			return true;
	return false;
}

void
domains_add(struct domains *d, struct str name)
{
	if (domains_has(d, name))
		return;
	struct str *more =
	    arena_alloc(&d->arena, (d->count + 1) * sizeof *more);
	if (d->count)
		memcpy(more, d->names, d->count * sizeof *more);
	more[d->count++] = arena_lower(&d->arena, name_strip_dot(name));
	d->names = more;
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
		buf_addf(errors, "%s:%u: \"%.*s\" is not a domain name\n",
		    file, number, STR_ARG(name));
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
domains_write(const struct domains *d, struct buf *out)
{
	for (size_t i = 0; i < d->count; i++) {
		buf_add(out, d->names[i]);
		buf_addc(out, '\n');
	}
}

void
domains_free(struct domains *d)
{
	arena_free(&d->arena);
	*d = (struct domains){ 0 };
}
