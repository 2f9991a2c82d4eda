/*
 * settings_table.h - the rows behind settings.h, and the forms of values.
 *
 * Private to settings*.c.  A row joins a name to a member of struct settings,
 * a form to read it with and the text that explains it.
 */
#ifndef LIB_BASE_SETTINGS_TABLE_H
#define LIB_BASE_SETTINGS_TABLE_H

#include "lib/base/settings.h"

#define SETTING_PREFIX "POSTERN_"

enum {
	SETTING_WORDS = 5, /* most words of a row, and the NULL at their end */
	SETTINGS_MOST = 100, /* rows */
};

struct setting {
	const char *name; /* without POSTERN_ */
	const struct setting_form *form;
	size_t member; /* its offset in struct settings */
	const char *standard; /* read when it is unset; NULL: none */
	const char *otherwise; /* in words, when there is no standard */
	const char *least, *most; /* of numbers, times and sizes */
	const char *words[SETTING_WORDS]; /* in the order of their enum */
	bool secret; /* never shown, and NAME_FILE may hold it */
	const char *meaning;
};

struct reading {
	const struct setting *row;
	struct str text;
	struct arena *arena; /* for what lives as long as the settings */
	void *member; /* left alone when the text is bad */
};

struct setting_form {
	const char *allowed; /* in words; NULL: the words of the row */
	bool text; /* the member is a struct str */
	bool (*read)(const struct reading *);
	bool (*number)(struct str, uint64_t *); /* of those with a range */
};

extern const struct setting settings_table[];
extern const size_t settings_count;

const struct setting *setting_find(struct str name); /* or NULL */
/* The name most like it that is known; NULL when none is like it. */
const char *setting_nearest(struct str name);
/* "one of auto, ipv4, ipv6", "a time such as 30s ..., from 1s to 1d" */
void setting_allowed(const struct setting *, struct buf *);

extern const struct setting_form form_domains; /* struct str_list */
extern const struct setting_form form_host; /* struct str */
extern const struct setting_form form_address; /* struct str */
extern const struct setting_form form_text; /* struct str */
extern const struct setting_form form_login; /* struct str */
extern const struct setting_form form_path; /* struct str */
extern const struct setting_form form_ips; /* struct ip_list */
extern const struct setting_form form_sources; /* the same, one per family */
extern const struct setting_form form_resolvers; /* struct endpoint_list */
extern const struct setting_form form_ports; /* uint16_t[PORT_COUNT] */
extern const struct setting_form form_port; /* uint16_t */
extern const struct setting_form form_relay; /* relay_host and relay_port */
extern const struct setting_form form_spf; /* struct str */
extern const struct setting_form form_dnsbl; /* struct dnsbl_list */
extern const struct setting_form form_delimiter; /* char */
extern const struct setting_form form_rate; /* struct rate */
extern const struct setting_form form_count; /* uint64_t */
extern const struct setting_form form_size; /* uint64_t, bytes */
extern const struct setting_form form_time; /* uint64_t, milliseconds */
extern const struct setting_form form_word; /* an enum: number of the word */
extern const struct setting_form form_flag; /* bool: number of the word */
extern const struct setting_form form_word_text; /* struct str: the word */

#endif
