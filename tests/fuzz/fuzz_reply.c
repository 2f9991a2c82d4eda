#include "lib/mail/reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* What comes out is one line of printable text that fits where it goes. */
static void
check(struct reply_parser *parser)
{
	struct reply reply = reply_parsed(parser);
	struct str text = str_of(reply.text);
	struct buf line = { 0 };
	expect(reply.code >= 200 && reply.code <= 599);
	expect(text.n == parser->text.n && text.n <= REPLY_MAX_BYTES);
	for (size_t i = 0; i < text.n; i++)
		expect(text.p[i] >= ' ' && text.p[i] <= '~');
	if (reply.enhanced)
		expect(*reply.enhanced == '0' + reply_class(reply));
	reply_write(&line, reply);
	expect(line.n <= 512 && str_find(buf_str(&line), '\n') + 1 == line.n);
	buf_free(&line);
}

/* Lines end in LF here. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str rest = { (const char *)p, n };
	struct reply_parser parser = { 0 };
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		enum reply_state state = reply_parse_line(&parser, line);
		if (state == REPLY_DONE)
			check(&parser);
		if (state != REPLY_MORE)
			reply_parser_reset(&parser);
	}
	reply_parser_free(&parser);
	return 0;
}
