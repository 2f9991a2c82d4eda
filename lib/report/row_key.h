/*
 * row_key.h - how what is counted for a report is kept as pairs of octets.
 *
 * Every key begins with its kind's tag, a version, the day and the policy
 * domain, so that a store keeps them in that order; a row's value is how often
 * it was counted.  It knows no report.
 */
#ifndef LIB_REPORT_ROW_KEY_H
#define LIB_REPORT_ROW_KEY_H

#include "lib/base/buf.h"
#include "lib/base/cursor.h"
#include "lib/base/ip.h"

enum {
	ROW_NAME = 253, /* octets of a domain or selector; more is cut off */
};

void row_key_put(
    struct buf *, const char *tag, uint32_t day, struct str domain);
/* On another tag or version the cursor has failed. */
void row_key_get(
    struct cursor *, const char *tag, uint32_t *day, struct str *domain);
void row_count_encode(uint64_t count, struct buf *value);
/* False: it is something else, or damaged. */
bool row_count_decode(struct str value, uint64_t *count);

/* ---- rows that were counted ---- */

struct row_counted {
	struct buf key;
	uint64_t count;
};

struct row_sheet { /* of one day and policy domain; {0} is empty */
	size_t count;
	struct row_counted *rows; /* sorted by key */
};

void row_sheet_free(struct row_sheet *); /* and leaves {0} */

/* ---- fields of a key ---- */

/* One octet of length; what is longer than most (at most 255) is cut off. */
void row_put_short(struct buf *, struct str, size_t most);
struct str row_get_short(struct cursor *, size_t most); /* a view */
unsigned row_get_below(struct cursor *, unsigned limit); /* one octet */
void row_put_ip(struct buf *, struct ip);
struct ip row_get_ip(struct cursor *); /* family 0, 4 or 6 */

#endif
