/*
 * Replies to EHLO, lines ending in LF: what is offered stands there, whatever
 * the case, the order and what else stands there.
 */
#include "lib/mail/reply.h"
#include "smtpd/smtp/client_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static struct str
upper(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++)
		buf_addc(out, (char)toupper((unsigned char)text.p[i]));
	return buf_str(out);
}

static bool
stands_in(const char *word, struct str lines)
{
	return str_search(lines, str_of(word)) < lines.n;
}

/* In the long way, on lines in upper case. */
static void
check_words(unsigned offers, struct str lines)
{
	static const struct {
		unsigned offer;
		const char *line, *word;
	} all[] = {
		{ OFFER_PIPELINING, "\nPIPELINING", "" },
		{ OFFER_SIZE, "\nSIZE", "" },
		{ OFFER_8BITMIME, "\n8BITMIME", "" },
		{ OFFER_STARTTLS, "\nSTARTTLS", "" },
		{ OFFER_REQUIRETLS, "\nREQUIRETLS", "" },
		{ OFFER_PLAIN, "\nAUTH ", " PLAIN" },
		{ OFFER_LOGIN, "\nAUTH ", " LOGIN" },
		{ OFFER_SCRAM, "\nAUTH ", " SCRAM-SHA-256" },
		{ OFFER_SCRAM_PLUS, "\nAUTH ", " SCRAM-SHA-256-PLUS" },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		expect(!(offers & all[i].offer) ||
		    (stands_in(all[i].line, lines) &&
			stands_in(all[i].word, lines)));
}

static void
check(struct str lines)
{
	struct buf capitals = { 0 }, twice = { 0 };
	unsigned offers = client_offers(lines);
	struct str again = upper(lines, &capitals);
	expect(client_offers(again) == offers);
	check_words(offers, again);
	buf_add(&twice, lines);
	buf_add(&twice, lines);
	/* the host's name is an offer then, if it is called like one */
	expect((client_offers(buf_str(&twice)) & offers) == offers);
	buf_free(&capitals);
	buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str rest = { (const char *)p, n };
	struct reply_parser parser = { 0 };
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		enum reply_state state = reply_parse_line(&parser, line);
		if (state == REPLY_DONE)
			check(buf_str(&parser.raw_lines));
		if (state != REPLY_MORE)
			reply_parser_reset(&parser);
	}
	reply_parser_free(&parser);
	return 0;
}
