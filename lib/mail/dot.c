#include "lib/mail/dot.h"

#include <string.h>

enum state {
	LINE_START,
	FIRST_DOT, /* of a line: not written */
	FIRST_DOT_CR, /* the CR behind it: held back */
	IN_LINE,
	AFTER_CR,
	THE_END,
};

enum octet {
	OCTET_CR,
	OCTET_LF,
	OCTET_DOT,
	OCTET_OTHER
};

enum action {
	KEEP = 0,
	DROP = 1, /* this octet is not written */
	HELD = 2, /* the CR that was held back is written before it */
	BARE = 4, /* a CR or a LF was alone */
};

/* RFC 5321 4.1.1.4, 4.5.2: the one way to THE_END is CR LF . CR LF, the first
   CR LF being that of the DATA line if nothing else came. */
static const struct {
	uint8_t state, action;
} steps[][4] = {
	[LINE_START] = {
		[OCTET_CR] = { AFTER_CR, KEEP },
		[OCTET_LF] = { IN_LINE, BARE },
		[OCTET_DOT] = { FIRST_DOT, DROP },
		[OCTET_OTHER] = { IN_LINE, KEEP },
	},
	[FIRST_DOT] = {
		[OCTET_CR] = { FIRST_DOT_CR, DROP },
		[OCTET_LF] = { IN_LINE, BARE },
		[OCTET_DOT] = { IN_LINE, KEEP },
		[OCTET_OTHER] = { IN_LINE, KEEP },
	},
	[FIRST_DOT_CR] = {
		[OCTET_CR] = { AFTER_CR, HELD | BARE },
		[OCTET_LF] = { THE_END, DROP },
		[OCTET_DOT] = { IN_LINE, HELD | BARE },
		[OCTET_OTHER] = { IN_LINE, HELD | BARE },
	},
	[IN_LINE] = {
		[OCTET_CR] = { AFTER_CR, KEEP },
		[OCTET_LF] = { IN_LINE, BARE },
		[OCTET_DOT] = { IN_LINE, KEEP },
		[OCTET_OTHER] = { IN_LINE, KEEP },
	},
	[AFTER_CR] = {
		[OCTET_CR] = { AFTER_CR, BARE },
		[OCTET_LF] = { LINE_START, KEEP },
		[OCTET_DOT] = { IN_LINE, BARE },
		[OCTET_OTHER] = { IN_LINE, BARE },
	},
};

static enum octet
octet_of(char c)
{
	if (c == '\r')
		return OCTET_CR;
	if (c == '\n')
		return OCTET_LF;
	return c == '.' ? OCTET_DOT : OCTET_OTHER;
}

/* Where the next CR is, or the end: the long way through a line.  A LF on it
   is alone. */
static size_t
find_cr(struct dot_reader *reader, struct str in, size_t at)
{
	struct str line = str_from(in, at);
	line.n = str_find(line, '\r');
	if (!reader->bare_line_end)
		reader->bare_line_end = str_has(line, '\n');
	return at + line.n;
}

static void
note_octets(struct dot_reader *reader, struct str in)
{
	uint64_t word, all = 0;
	size_t i = 0;
	for (; i + sizeof word <= in.n; i += sizeof word) {
		memcpy(&word, in.p + i, sizeof word);
		all |= word;
	}
	for (; i < in.n; i++)
		all |= (unsigned char)in.p[i];
	reader->has_8bit |= (all & 0x8080808080808080) != 0;
	reader->has_nul |= str_has(in, '\0');
}

/* What is written goes in runs, in[run..at). */
size_t
dot_read(struct dot_reader *reader, struct str in, struct buf *out, bool *end)
{
	size_t at = 0, run = 0;
	while (reader->state != THE_END) {
		if (reader->state == IN_LINE)
			at = find_cr(reader, in, at);
		if (at == in.n)
			break;
		enum octet octet = octet_of(in.p[at]);
		unsigned action = steps[reader->state][octet].action;
		reader->state = steps[reader->state][octet].state;
		if (action & (DROP | HELD)) {
			buf_add(out, str_sub(in, run, at - run));
			run = at + (action & DROP);
		}
		if (action & HELD)
			buf_addc(out, '\r');
		reader->bare_line_end |= (action & BARE) != 0;
		at++;
	}
	buf_add(out, str_sub(in, run, at - run));
	note_octets(reader, str_sub(in, 0, at));
	*end = reader->state == THE_END;
	if (*end)
		reader->state = LINE_START;
	return at;
}

/* A dot behind any LF is stuffed: a receiver that takes a LF alone for the end
   of a line must not find the end of the message either. */
void
dot_write(struct dot_writer *writer, struct str in, struct buf *out)
{
	size_t run = 0;
	for (size_t at = 0; at < in.n;) {
		if (!writer->middle && in.p[at] == '.') {
			buf_add(out, str_sub(in, run, at - run));
			buf_addc(out, '.');
			run = at;
		}
		at += str_find(str_from(in, at), '\n');
		writer->middle = at == in.n;
		if (!writer->middle)
			at++;
	}
	buf_add(out, str_from(in, run));
}

void
dot_finish(struct dot_writer *writer, struct buf *out)
{
	buf_adds(out, writer->middle ? "\r\n.\r\n" : ".\r\n");
	*writer = (struct dot_writer){ 0 };
}
