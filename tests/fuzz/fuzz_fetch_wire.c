#include "lib/base/name.h"
#include "lib/net/fetch_wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static void
expect_visible(const char *text, size_t size)
{
	expect(memchr(text, 0, size));
	for (; *text; text++)
		expect(*text > ' ' && *text <= '~');
}

/* What becomes a part of a request holds neither blanks nor line ends. */
static void
check_question(const struct fetch_question *q, struct str body)
{
	expect(body.n == q->length && body.n <= FETCH_POST);
	expect(q->id != FETCH_START && q->ms > 0 && q->ms <= FETCH_MS);
	expect(q->port && q->count > 0 && q->count <= FETCH_IPS);
	expect_visible(q->host, sizeof q->host);
	expect_visible(q->path, sizeof q->path);
	expect_visible(q->type, sizeof q->type);
	expect(name_is_host(str_of(q->host)) && *q->path == '/');
}

static void
check_answer(const struct fetch_answer *a, struct str content)
{
	expect(content.n == a->length && content.n <= FETCH_BODY);
	expect(a->result < FETCH_AWAY && a->status <= 999);
	expect_visible(a->type, sizeof a->type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str record = { (const char *)p, n }, rest;
	struct fetch_question q;
	struct fetch_answer a;
	if (fetch_question_read(record, &q, &rest))
		check_question(&q, rest);
	if (fetch_answer_read(record, &a, &rest))
		check_answer(&a, rest);
	return 0;
}
