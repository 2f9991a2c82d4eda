/*
 * params.h - ESMTP parameters behind MAIL and RCPT: RFC 5321 4.1.1.11.
 */
#ifndef LIB_MAIL_PARAMS_H
#define LIB_MAIL_PARAMS_H

#include "lib/base/str.h"

enum {
	PARAMS_MAX = 8
};

struct param {
	struct str name; /* as written; compare without case */
	struct str value; /* p == NULL when there is no "=" */
};

struct params {
	size_t count;
	struct param all[PARAMS_MAX];
};

bool params_parse(
    struct str, struct params *); /* false: bad syntax, too many */

#endif
