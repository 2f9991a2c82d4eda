/*
 * assert_str.h - two views of bytes are the same, or both are shown.
 */
#ifndef TESTS_UNIT_ASSERT_STR_H
#define TESTS_UNIT_ASSERT_STR_H

#include "lib/base/str.h"

#define assert_str(got, wanted) \
	assert_str_at((got), (wanted), __FILE__, __LINE__)

/* In tables, where STR() isn't constant enough. */
#define TEXT(literal) \
	{ \
		"" literal, sizeof(literal) - 1 \
	}

void assert_str_at(
    struct str got, struct str wanted, const char *file, int line);

#endif
