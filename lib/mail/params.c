#include "lib/mail/params.h"

#include "lib/base/ascii.h"

/* esmtp-keyword */
static bool
is_keyword(struct str s)
{
	if (s.n == 0 || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

/* esmtp-value: one octet or more, no "=", no space, no control */
static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '=')
			return false;
	return s.n > 0;
}

static bool
parse_param(struct str text, struct param *param)
{
	param->name = str_cut(&text, '=');
	param->value = text;
	return is_keyword(param->name) && (!text.p || is_value(text));
}

/* One that is there twice could mean two things. */
bool
params_parse(struct str text, struct params *params)
{
	*params = (struct params){ 0 };
	while (text.n > 0) {
		struct str word = str_cut(&text, ' ');
		struct param param;
		if (word.n == 0)
			continue;
		if (params->count == PARAMS_MAX || !parse_param(word, &param))
			return false;
		for (size_t i = 0; i < params->count; i++)
			if (str_eq_nocase(params->all[i].name, param.name))
				return false;
		params->all[params->count++] = param;
	}
	return true;
}
