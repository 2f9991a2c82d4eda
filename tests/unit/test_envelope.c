#include "lib/mail/envelope.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct envelope *
example(size_t count)
{
	struct envelope *envelope = envelope_new();
	struct arena *arena = &envelope->arena;
	envelope->id = 0x0123456789abcdef;
	envelope->received_ms = -5;
	envelope->flags = ENVELOPE_8BIT | ENVELOPE_BOUNCE;
	envelope->sender = STR("ann@sender.example");
	envelope->user = STR("");
	envelope->envid = STR("\xc3\xa4");
	for (size_t i = 0; i < count; i++) {
		struct recipient *recipient = envelope_add(envelope);
		assert_str(recipient->address, STR(""));
		recipient->kind = (enum recipient_kind)(i % 3);
		recipient->address = arena_printf(arena, "r%zu@x", i);
		recipient->original = STR("\"a b\"@y");
		recipient->folder = i % 3 ? STR("Junk") : STR("");
	}
	return envelope;
}

static void
assert_same(const struct envelope *a, const struct envelope *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->received_ms, b->received_ms);
	assert_int_equal(a->flags, b->flags);
	assert_str(a->sender, b->sender);
	assert_str(a->user, b->user);
	assert_str(a->envid, b->envid);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct recipient *x = &a->recipients[i];
		const struct recipient *y = &b->recipients[i];
		assert_int_equal(x->kind, y->kind);
		assert_str(x->address, y->address);
		assert_str(x->original, y->original);
		assert_str(x->folder, y->folder);
	}
}

static void
decodes_what_it_encodes(void **state)
{
	(void)state;
	for (size_t count = 0; count < 40; count++) {
		struct envelope *envelope = example(count);
		envelope->flags = (unsigned)count;
		struct buf bytes = { 0 };
		envelope_encode(envelope, &bytes);
		struct envelope *again = envelope_decode(buf_str(&bytes));
		assert_non_null(again);
		/* Its strings are its own. */
		memset(bytes.p, 0, bytes.n);
		assert_same(envelope, again);
		buf_free(&bytes);
		envelope_free(again);
		envelope_free(envelope);
	}
	envelope_free(NULL);
}

static struct buf
encoded(size_t count)
{
	struct envelope *envelope = example(count);
	struct buf bytes = { 0 };
	envelope_encode(envelope, &bytes);
	envelope_free(envelope);
	return bytes;
}

/* The form on the disk; a change needs a new version. */
static void
keeps_its_form(void **state)
{
	(void)state;
	/* clang-format off */
	struct str form = STR(
	    "\x01"
	    "\x01\x23\x45\x67\x89\xab\xcd\xef"
	    "\xff\xff\xff\xff\xff\xff\xff\xfb"
	    "\0\0\0\x05"
	    "\0\0\0\x12" "ann@sender.example"
	    "\0\0\0\0"
	    "\0\0\0\x02" "\xc3\xa4"
	    "\0\0\0\x01"
	    "\0"
	    "\0\0\0\x04" "r0@x"
	    "\0\0\0\x07" "\"a b\"@y"
	    "\0\0\0\0");
	/* clang-format on */
	struct buf bytes = encoded(1);
	assert_str(buf_str(&bytes), form);
	buf_free(&bytes);
}

static void
refuses_other_lengths(void **state)
{
	(void)state;
	struct buf bytes = encoded(3);
	for (size_t n = 0; n < bytes.n; n++) {
		/* In memory of its own, so that reading on is seen. */
		struct buf cut = buf_of(str_sub(buf_str(&bytes), 0, n));
		assert_null(envelope_decode(buf_str(&cut)));
		buf_free(&cut);
	}
	buf_addc(&bytes, 0);
	assert_null(envelope_decode(buf_str(&bytes)));
	buf_free(&bytes);
}

static const struct {
	const char *what;
	size_t at;
	char octet;
} damages[] = {
	{ "version", 0, 2 },
	{ "version", 0, 0 },
	{ "flags", 17, 1 },
	{ "flags", 20, 64 },
	{ "line end in the sender", 25, '\n' },
	{ "NUL in the sender", 26, '\0' },
	{ "DEL in the sender", 26, 127 },
	{ "length of the sender", 21, 127 },
	{ "number of recipients", 53, 127 },
	{ "number of recipients", 56, 2 },
	{ "number of recipients", 56, 0 },
	{ "kind", 57, 3 },
	{ "kind", 57, (char)255 },
};

static void
refuses_what_it_does_not_know(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		struct buf bytes = encoded(1);
		assert_true(damages[i].at < bytes.n);
		bytes.p[damages[i].at] = damages[i].octet;
		if (envelope_decode(buf_str(&bytes)))
			fail_msg("%s", damages[i].what);
		buf_free(&bytes);
	}
}

static void
writes_ids_in_base_62(void **state)
{
	(void)state;
	struct buf out = { 0 };
	envelope_id_text(62 * 62 + 61, &out);
	assert_str(buf_str(&out), STR("10z"));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_it_encodes),
		cmocka_unit_test(keeps_its_form),
		cmocka_unit_test(refuses_other_lengths),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(writes_ids_in_base_62),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
