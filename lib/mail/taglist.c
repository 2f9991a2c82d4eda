#include "lib/mail/taglist.h"

#include "lib/base/ascii.h"
#include "lib/base/codec.h"
#include "lib/mail/cfws.h"

/* RFC 6376 3.2: tag-name */
static bool
is_name(struct str s)
{
	if (s.n == 0 || !ascii_is_letter(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

/* RFC 6376 3.2: tag-value; RFC 8616 3: and the octets of UTF-8 */
static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < ' ' && !cfws_is_space(s.p[i])) || c == 0x7f)
			return false;
	}
	return true;
}

static bool
parse_tag(struct str text, struct tag *tag)
{
	size_t equals = str_find(text, '=');
	if (equals == text.n)
		return false;
	tag->name = str_trim(str_sub(text, 0, equals));
	tag->value = str_trim(str_from(text, equals + 1));
	return is_name(tag->name) && is_value(tag->value);
}

static const struct tag *
find(const struct taglist *list, struct str name)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->tags[i].name, name))
			return &list->tags[i];
	return NULL;
}

/* A bound for their number. */
static size_t
count_tags(struct str text)
{
	size_t count = 1;
	for (size_t i = 0; i < text.n && count < TAGLIST_MAX; i++)
		count += text.p[i] == ';';
	return count;
}

bool
taglist_parse(struct str text, struct arena *arena, struct taglist *list,
    const char **why)
{
	size_t room = count_tags(text);
	*list = (struct taglist){ 0 };
	list->tags = arena_alloc(arena, room * sizeof *list->tags);
	for (struct str rest = str_trim(text); rest.n > 0;) {
		struct tag *tag = &list->tags[list->count];
		*why = "too many tags";
		if (list->count == room)
			return false;
		*why = "malformed tag";
		if (!parse_tag(str_cut(&rest, ';'), tag))
			return false;
		/* RFC 6376 3.2: twice the same name spoils the whole list */
		*why = "a tag is there twice";
		if (find(list, tag->name))
			return false;
		list->count++;
	}
	*why = "no tags";
	return list->count > 0;
}

struct str
taglist_find(const struct taglist *list, const char *name)
{
	const struct tag *tag = find(list, str_of(name));
	if (!tag)
		return (struct str){ 0 };
	return tag->value.n ? tag->value : STR("");
}

struct str
taglist_squeeze(struct str value, struct arena *arena)
{
	char *text = arena_alloc(arena, value.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++)
		if (!cfws_is_space(value.p[i]))
			text[n++] = value.p[i];
	return (struct str){ text, n };
}

bool
taglist_base64(struct str value, struct arena *arena, struct str *bytes)
{
	struct buf text = buf_of(taglist_squeeze(value, arena)), out = { 0 };
	while (text.n % 4)
		buf_addc(&text, '=');
	bool good = text.n > 0 && base64_read(&out, buf_str(&text));
	if (good)
		*bytes = arena_str(arena, buf_str(&out));
	buf_free(&text);
	buf_free(&out);
	return good;
}

bool
taglist_has(struct str value, struct str word)
{
	while (value.n > 0)
		if (str_eq_nocase(str_trim(str_cut(&value, ':')), word))
			return true;
	return false;
}
