#include "lib/mail/cfws.h"

bool
cfws_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t
cfws_comment(struct str s)
{
	size_t depth = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(' && ++depth > CFWS_MAX_DEPTH)
			return 0;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

size_t
cfws_quoted(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

bool
cfws_skip(struct str *rest)
{
	while (rest->n > 0) {
		size_t n = 1;
		if (*rest->p == '(')
			n = cfws_comment(*rest);
		else if (!cfws_is_space(*rest->p))
			break;
		if (n == 0)
			return false;
		*rest = str_from(*rest, n);
	}
	return true;
}
