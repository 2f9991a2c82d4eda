#include "lib/report/tls_row.h"

static const char *const type_names[] = {
	[TLS_POLICY_NONE] = "no-policy-found",
	[TLS_POLICY_TLSA] = "tlsa",
	[TLS_POLICY_STS] = "sts",
};

const char *
tls_policy_type_name(enum tls_policy_type type)
{
	return type_names[type];
}

static void
put_list(struct buf *key, const struct str *all, size_t count, size_t most)
{
	count = count < most ? count : most;
	put_u8(key, (uint8_t)count);
	for (size_t i = 0; i < count; i++)
		row_put_short(key, all[i], TLS_ROW_STRING);
}

static size_t
get_list(struct cursor *c, struct str *all, size_t most)
{
	size_t count = row_get_below(c, (unsigned)most + 1);
	for (size_t i = 0; i < count; i++)
		all[i] = row_get_short(c, TLS_ROW_STRING);
	return count;
}

static void
get_policy(struct cursor *c, struct tls_row *row)
{
	row_key_get(c, TLS_ROW_TAG, &row->day, &row->domain);
	row->policy_domain = row_get_short(c, ROW_NAME);
	row->type = (enum tls_policy_type)row_get_below(c, TLS_POLICY_STS + 1);
	row->string_count = get_list(c, row->strings, TLS_ROW_STRINGS);
	row->mx_count = get_list(c, row->mx, TLS_ROW_MX);
}

void
tls_row_encode(const struct tls_row *row, struct buf *key)
{
	row_key_put(key, TLS_ROW_TAG, row->day, row->domain);
	row_put_short(key, row->policy_domain, ROW_NAME);
	put_u8(key, (uint8_t)row->type);
	put_list(key, row->strings, row->string_count, TLS_ROW_STRINGS);
	put_list(key, row->mx, row->mx_count, TLS_ROW_MX);
	row_put_short(key, row->result, TLS_ROW_RESULT);
	if (str_empty(row->result))
		return;
	row_put_ip(key, row->sender);
	row_put_short(key, row->host, ROW_NAME);
	row_put_ip(key, row->receiver);
	row_put_short(key, row->reason, TLS_ROW_REASON);
}

bool
tls_row_decode(struct str key, struct tls_row *row)
{
	struct cursor c = cursor_of(key);
	*row = (struct tls_row){ 0 };
	get_policy(&c, row);
	row->result = row_get_short(&c, TLS_ROW_RESULT);
	if (str_empty(row->result))
		return cursor_end(&c);
	row->sender = row_get_ip(&c);
	row->host = row_get_short(&c, ROW_NAME);
	row->receiver = row_get_ip(&c);
	row->reason = row_get_short(&c, TLS_ROW_REASON);
	return cursor_end(&c);
}

struct str
tls_row_policy(struct str key)
{
	struct cursor c = cursor_of(key);
	struct tls_row row;
	get_policy(&c, &row);
	return str_sub(key, 0, c.at);
}
