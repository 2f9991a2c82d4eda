#include "lib/zone/print.h"

#include "lib/base/name.h"

#include <string.h>

enum {
	TTL = 3600,
	TXT_STRING = 255
};

static const char *const tier_names[] = {
	[ZONE_REQUIRED] = "required",
	[ZONE_RECOMMENDED] = "recommended",
	[ZONE_OPTIONAL] = "optional",
};

static bool
is_type(const struct zone_record *r, const char *type)
{
	return strcmp(r->type, type) == 0;
}

static struct str
value_of(const struct zone_record *r)
{
	return str_empty(r->value) ? STR("?") : r->value;
}

static void
add_absolute(struct buf *out, struct str name, struct str domain)
{
	(void)domain;
	buf_addf(out, "%.*s.", STR_ARG(name));
}

/* As web forms want it: "@", "mail"; a name elsewhere ends in a dot. */
static void
add_relative(struct buf *out, struct str name, struct str domain)
{
	if (name_eq(name, domain))
		buf_addc(out, '@');
	else if (name_is_below(name, domain))
		buf_add(out, str_sub(name, 0, name.n - domain.n - 1));
	else
		add_absolute(out, name, domain);
}

static void
pad(struct buf *out, size_t from, size_t width)
{
	for (size_t n = out->n - from; n < width; n++)
		buf_addc(out, ' ');
}

/* Of the names in a column.  PTR records are set elsewhere, and their names
   would only make it wide. */
static size_t
column_width(const struct zone_plan *plan,
    void (*add_name)(struct buf *, struct str name, struct str domain))
{
	size_t widest = 0;
	for (size_t i = 0; i < plan->count; i++) {
		struct buf name = { 0 };
		if (!is_type(&plan->records[i], "PTR"))
			add_name(&name, plan->records[i].name, plan->domain);
		widest = name.n > widest ? name.n : widest;
		buf_free(&name);
	}
	return widest;
}

/* ---- table ---- */

static void
add_row(struct buf *out, const struct zone_plan *plan,
    const struct zone_record *r, size_t width)
{
	buf_adds(out, "  ");
	size_t start = out->n;
	add_relative(out, r->name, plan->domain);
	pad(out, start, width);
	buf_addf(out, "  %-5s  %.*s\n", r->type, STR_ARG(value_of(r)));
	if (r->note)
		buf_addf(out, "    # %s\n", r->note);
}

void
zone_print_table(const struct zone_plan *plan, bool all, struct buf *out)
{
	size_t width = column_width(plan, add_relative), hidden = 0;
	int tier = -1;
	buf_addf(out, "DNS records of %.*s\n", STR_ARG(plan->domain));
	for (size_t i = 0; i < plan->count; i++) {
		const struct zone_record *r = &plan->records[i];
		if (r->tier == ZONE_OPTIONAL && !all) {
			hidden++;
			continue;
		}
		if ((int)r->tier != tier)
			buf_addf(out, "\n%s\n", tier_names[r->tier]);
		tier = (int)r->tier;
		add_row(out, plan, r, width);
	}
	if (hidden)
		buf_addf(out, "\noptional: %zu more with --all\n", hidden);
}

/* ---- zone file ---- */

/* RFC 1035 5.1: quotes and backslashes are escaped */
static void
add_string(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static void
add_strings(struct buf *out, struct str text)
{
	for (size_t at = 0; at < text.n; at += TXT_STRING) {
		if (at)
			buf_addc(out, ' ');
		add_string(out, str_sub(text, at, TXT_STRING));
	}
}

static void
add_entry(struct buf *out, const struct zone_plan *plan,
    const struct zone_record *r, size_t width)
{
	if (r->note)
		buf_addf(out, "; %s\n", r->note);
	/* not known yet, or not of this zone */
	if (str_empty(r->value) || is_type(r, "PTR"))
		buf_adds(out, "; ");
	size_t start = out->n;
	add_absolute(out, r->name, plan->domain);
	pad(out, start, width);
	buf_addf(out, " IN %-5s ", r->type);
	if (is_type(r, "TXT"))
		add_strings(out, value_of(r));
	else
		buf_add(out, value_of(r));
	buf_addc(out, '\n');
}

void
zone_print_file(const struct zone_plan *plan, struct buf *out)
{
	size_t width = column_width(plan, add_absolute);
	int tier = -1;
	buf_addf(out, "$ORIGIN %.*s.\n$TTL %d\n", STR_ARG(plan->domain), TTL);
	for (size_t i = 0; i < plan->count; i++) {
		const struct zone_record *r = &plan->records[i];
		if ((int)r->tier != tier)
			buf_addf(out, "\n; %s\n", tier_names[r->tier]);
		tier = (int)r->tier;
		add_entry(out, plan, r, width);
	}
}

/* ---- JSON ---- */

/* RFC 8259 7: strings */
static void
add_json_string(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			buf_addf(out, "\\u%04x", (unsigned)(unsigned char)c);
		else
			buf_addc(out, c);
	}
	buf_addc(out, '"');
}

static void
add_member(struct buf *out, const char *key, struct str value)
{
	buf_addf(out, ", \"%s\": ", key);
	add_json_string(out, value);
}

static void
add_object(
    struct buf *out, const struct zone_plan *plan, const struct zone_record *r)
{
	struct buf relative = { 0 };
	add_relative(&relative, r->name, plan->domain);
	buf_addf(out, "{\"tier\": \"%s\"", tier_names[r->tier]);
	add_member(out, "name", r->name);
	add_member(out, "relative", buf_str(&relative));
	add_member(out, "type", str_of(r->type));
	add_member(out, "value", r->value);
	if (r->note)
		add_member(out, "note", str_of(r->note));
	buf_addc(out, '}');
	buf_free(&relative);
}

void
zone_print_json(const struct zone_plan *plan, struct buf *out)
{
	buf_adds(out, "[\n");
	for (size_t i = 0; i < plan->count; i++) {
		buf_adds(out, "  ");
		add_object(out, plan, &plan->records[i]);
		buf_adds(out, i + 1 < plan->count ? ",\n" : "\n");
	}
	buf_adds(out, "]\n");
}
