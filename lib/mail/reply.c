#include "lib/mail/reply.h"

#include "lib/mail/printable.h"

enum {
	REPLY_MAX_WRITTEN = 510
}; /* RFC 5321 4.5.3.1.5: 512 with its CR LF */

void
reply_write(struct buf *out, struct reply reply)
{
	size_t start = out->n;
	buf_addf(out, "%03d ", reply.code);
	if (reply.enhanced)
		buf_addf(out, "%s ", reply.enhanced);
	printable_add(out, str_of(reply.text));
	buf_cut(out, start + REPLY_MAX_WRITTEN);
	buf_adds(out, "\r\n");
}

static size_t
count_digits(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

static int
parse_code(struct str line)
{
	uint64_t code;
	if (!str_to_u64(str_sub(line, 0, 3), &code) || code < 200 || code > 599)
		return 0;
	return (int)code;
}

/* RFC 2034 4: the length of class "." subject "." detail at the head of the
   text; 0: none, or of another class than the code's. */
static size_t
enhanced_length(struct str text, int class)
{
	size_t n = 0;
	for (size_t part = 0; part < 3; part++) {
		size_t digits = count_digits(str_from(text, n));
		if (digits == 0 || digits > (part == 0 ? 1 : 3))
			return 0;
		n += digits;
		if (part < 2 && !str_starts(str_from(text, n++), STR(".")))
			return 0;
	}
	if (text.p[0] != '0' + class || (n < text.n && text.p[n] != ' '))
		return 0;
	return n;
}

static void
add_text(struct reply_parser *parser, struct str text)
{
	printable_add(&parser->raw_lines, text);
	buf_addc(&parser->raw_lines, '\n');
	size_t n = enhanced_length(text, parser->code / 100);
	if (n > 0 && !parser->enhanced[0])
		for (size_t i = 0; i < n; i++)
			parser->enhanced[i] = text.p[i];
	text = str_trim(str_from(text, n));
	if (parser->text.n > 0 && text.n > 0)
		buf_addc(&parser->text, ' ');
	printable_add(&parser->text, text);
}

enum reply_state
reply_parse_line(struct reply_parser *parser, struct str line)
{
	int code = parse_code(line);
	struct str separator = str_sub(line, 3, 1);
	bool more = str_eq(separator, STR("-"));
	parser->bytes += line.n;
	if (code == 0 || (parser->lines > 0 && code != parser->code))
		return REPLY_BAD;
	if (separator.n > 0 && !more && separator.p[0] != ' ')
		return REPLY_BAD;
	if (line.n > REPLY_MAX_LINE || parser->bytes > REPLY_MAX_BYTES ||
	    ++parser->lines > REPLY_MAX_LINES)
		return REPLY_BAD;
	parser->code = code;
	add_text(parser, str_from(line, 4));
	return more ? REPLY_MORE : REPLY_DONE;
}

struct reply
reply_parsed(struct reply_parser *parser)
{
	return (struct reply){
		.code = parser->code,
		.enhanced = parser->enhanced[0] ? parser->enhanced : NULL,
		.text = buf_cstr(&parser->text),
		.received = true,
	};
}

void
reply_parser_reset(struct reply_parser *parser)
{
	struct buf text = buf_take(&parser->text);
	struct buf raw_lines = buf_take(&parser->raw_lines);
	buf_clear(&text);
	buf_clear(&raw_lines);
	*parser = (struct reply_parser){ .text = text, .raw_lines = raw_lines };
}

void
reply_parser_free(struct reply_parser *parser)
{
	buf_free(&parser->text);
	buf_free(&parser->raw_lines);
	*parser = (struct reply_parser){ 0 };
}
