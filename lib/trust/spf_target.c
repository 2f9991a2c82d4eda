#include "lib/trust/spf_target.h"

#include "lib/base/buf.h"
#include "lib/base/name.h"

enum {
	LABEL_MAX = 63
};

bool
spf_target_is_name(struct str name)
{
	if (name.n == 0 || name.n > NAME_MAX_TEXT)
		return false;
	while (name.p) {
		struct str label = str_cut(&name, '.');
		if (label.n == 0 || label.n > LABEL_MAX)
			return false;
	}
	return true;
}

/* RFC 7208 7.3: labels go from the left until 253 octets are left */
static struct str
truncate_name(struct str name)
{
	if (name.n <= NAME_MAX_TEXT)
		return name;
	size_t least = name.n - NAME_MAX_TEXT - 1;
	struct str tail = str_from(name, least);
	return str_from(tail, str_find(tail, '.') + 1);
}

bool
spf_target_expand(struct str spec, const struct spf_macros *macros,
    struct arena *arena, struct str *name)
{
	struct buf text = { 0 };
	spf_macro_expand(&text, spec, macros);
	struct str whole = truncate_name(name_strip_dot(buf_str(&text)));
	bool good = spf_target_is_name(whole);
	*name = good ? arena_str(arena, whole) : STR("");
	buf_free(&text);
	return good;
}
