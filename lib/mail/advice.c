#include "lib/mail/advice.h"

#include "lib/base/ascii.h"
#include "lib/mail/advice_private.h"

enum {
	TEXT_MAX = 2048 /* octets of a reply that are looked at */
};

static struct str
lower(const char *text, char out[TEXT_MAX])
{
	size_t n = 0;
	for (; n < TEXT_MAX && text[n]; n++)
		out[n] = ascii_lower(text[n]);
	return (struct str){ out, n };
}

static bool
has_detail(const char *enhanced, const char *detail)
{
	struct str e = str_of(enhanced);
	return e.n > 2 && str_eq(str_from(e, 2), str_of(detail));
}

static bool
fits(const struct advice_row *row, struct reply reply, struct str text)
{
	return (row->class == 0 || row->class == reply_class(reply)) &&
	    (!row->enhanced || has_detail(reply.enhanced, row->enhanced)) &&
	    (!row->text ||
		(reply.received &&
		    str_search(text, str_of(row->text)) < text.n));
}

const char *
advice_for(struct reply reply)
{
	char bytes[TEXT_MAX];
	struct str text = lower(reply.text, bytes);
	if (reply_class(reply) != 4 && reply_class(reply) != 5)
		return NULL;
	for (size_t i = 0; i < advice_row_count; i++)
		if (fits(&advice_rows[i], reply, text))
			return advice_rows[i].advice;
	return NULL;
}

const char *
advice_for_text(struct str text, bool received)
{
	struct reply_parser parser = { 0 };
	const char *advice = NULL;
	text = str_sub(text, 0, TEXT_MAX);
	if (reply_parse_line(&parser, text) == REPLY_DONE) {
		struct reply reply = reply_parsed(&parser);
		reply.received = received;
		advice = advice_for(reply);
	}
	reply_parser_free(&parser);
	return advice;
}
