#include "lib/mail/idn.h"

#include "lib/base/name.h"

#include <idn2.h>
#include <stdlib.h>

/* libidn2 takes what ends in NUL and doesn't look at the rest. */
static bool
to_a_labels(struct str name, struct arena *arena, struct str *ascii)
{
	char *text = mem_cstr(name);
	char *answer = NULL;
	/* RFC 5891 5.4: with the mapping of UTS 46 for what people type */
	int status = idn2_to_ascii_8z(
	    text, &answer, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	free(text);
	if (status != IDN2_OK)
		return false;
	*ascii = arena_lower(arena, str_of(answer));
	idn2_free(answer);
	return true;
}

bool
idn_to_ascii(
    struct str name, struct arena *arena, struct str *ascii, const char **why)
{
	name = name_strip_dot(name);
	*why = "This is no domain name";
	if (str_has(name, '\0'))
		return false;
	if (str_is_ascii(name))
		*ascii = arena_lower(arena, name);
	else if (!to_a_labels(name, arena, ascii))
		return false;
	return name_is_host(*ascii);
}

struct str
idn_a_labels(struct str domain, struct arena *arena)
{
	struct str ascii;
	const char *why;
	if (str_is_ascii(domain) || !idn_to_ascii(domain, arena, &ascii, &why))
		return domain;
	return ascii;
}
