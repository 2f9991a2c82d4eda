/*
 * str.h - a view of bytes: pointer and length.
 *
 * A view owns nothing, need not end in NUL and may hold any byte.  Case is
 * folded for ASCII alone.  It knows no encoding and no mail.
 */
#ifndef LIB_BASE_STR_H
#define LIB_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).n, (s).p

struct str str_of(const char *); /* of a C string; NULL gives "" */
bool str_empty(struct str);
bool str_eq(struct str, struct str);
bool str_eq_nocase(struct str, struct str);
int str_cmp(struct str, struct str); /* by bytes, for sorting */
bool str_starts(struct str, struct str prefix);
bool str_starts_nocase(struct str, struct str prefix);
bool str_ends(struct str, struct str suffix);
bool str_ends_nocase(struct str, struct str suffix);
bool str_is_ascii(struct str); /* no byte above 127 */

/* From byte from, at most n bytes; beyond the end gives less, or nothing. */
struct str str_sub(struct str, size_t from, size_t n);
struct str str_from(struct str, size_t from);

/* Where the first (last) c is, or the length when there is none. */
size_t str_find(struct str, char c);
size_t str_find_last(struct str, char c);
bool str_has(struct str, char c);
/* Where needle begins, or the length when it isn't there. */
size_t str_search(struct str, struct str needle);

/* Takes what stands before sep off *rest, and sep with it; without a sep it
   takes everything and leaves *rest empty with p == NULL. */
struct str str_cut(struct str *rest, char sep);
struct str str_trim(struct str); /* SP, HTAB, CR, LF on both ends */

/* A decimal number and nothing else; false when it is none or too large. */
bool str_to_u64(struct str, uint64_t *);

/* How far a typing error is from what was meant: letters to insert, to remove
   or to replace, or neighbours to swap.  SIZE_MAX when one is longer than 32
   bytes. */
size_t str_distance(struct str, struct str);

#endif
