#include "lib/trust/dkim_canon.h"

#include "lib/base/codec.h"
#include "lib/base/file.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- bodies ---- */

struct body_case {
	const char *body, *simple, *relaxed; /* canonical */
};

static const struct body_case bodies[] = {
	/* RFC 6376 3.4.5, the example */
	{ " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n" },
	/* RFC 6376 3.4.3, 3.4.4: an empty body */
	{ "", "\r\n", "" },
	{ "\r\n", "\r\n", "" },
	{ "\r\n\r\n\r\n", "\r\n", "" },
	{ " \t\r\n \r\n", " \t\r\n \r\n", "" },
	{ " \t", " \t\r\n", "" },
	/* without a last CR LF, and with many */
	{ "a", "a\r\n", "a\r\n" },
	{ "a \t", "a \t\r\n", "a\r\n" },
	{ "a\r\n", "a\r\n", "a\r\n" },
	{ "a\r\n\r\n\r\n\r\n", "a\r\n", "a\r\n" },
	{ "a\r\n \r\n\t\r\n", "a\r\n \r\n\t\r\n", "a\r\n" },
	/* blank lines before text stay */
	{ "\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n" },
	{ "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n" },
	{ "a\r\n \t\r\nb", "a\r\n \t\r\nb\r\n", "a\r\n\r\nb\r\n" },
	/* white space */
	{ "\t a\t \tb \r\n", "\t a\t \tb \r\n", " a b\r\n" },
	{ ".\r\n..\r\n", ".\r\n..\r\n", ".\r\n..\r\n" },
	/* line ends that are none */
	{ "a\rb\nc\r\n", "a\rb\nc\r\n", "a\rb\nc\r\n" },
	{ "a\r\r\n", "a\r\r\n", "a\r\r\n" },
	{ "a\r", "a\r\r\n", "a\r\r\n" },
	{ "\r", "\r\r\n", "\r\r\n" },
	{ "a\n", "a\n\r\n", "a\n\r\n" },
	{ " \r \r\n", " \r \r\n", " \r\r\n" },
	/* eight bits */
	{ "\xc3\xa4 \xa0\r\n", "\xc3\xa4 \xa0\r\n", "\xc3\xa4 \xa0\r\n" },
};

static void
sha256(struct str text, uint8_t digest[32])
{
	assert_int_equal(
	    1, EVP_Digest(text.p, text.n, digest, NULL, EVP_sha256(), NULL));
}

static void
check_body(
    enum dkim_canon canon, struct str body, struct str expected, size_t piece)
{
	struct dkim_body b;
	uint8_t digest[32], wanted[32];
	dkim_body_start(&b, canon);
	for (size_t at = 0; at < body.n; at += piece)
		dkim_body_add(&b, str_sub(body, at, piece));
	dkim_body_end(&b, digest);
	sha256(expected, wanted);
	assert_memory_equal(digest, wanted, 32);
	assert_int_equal(b.length, expected.n);
}

static void
bodies_become_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		for (size_t piece = 1; piece < 6; piece++) {
			const struct body_case *c = &bodies[i];
			check_body(DKIM_SIMPLE, str_of(c->body),
			    str_of(c->simple), piece);
			check_body(DKIM_RELAXED, str_of(c->body),
			    str_of(c->relaxed), piece);
		}
}

/* RFC 6376 3.4.3, 3.4.4: the hashes of the empty body, as they stand there
   (SHA-256, base64) */
static void
empty_body_hashes_as_the_rfc_says(void **state)
{
	(void)state;
	static const char *const wanted[] = {
		[DKIM_SIMPLE] = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
		[DKIM_RELAXED] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
	};
	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED;
	     canon++) {
		struct dkim_body b;
		uint8_t digest[32];
		struct buf text = { 0 };
		dkim_body_start(&b, canon);
		dkim_body_end(&b, digest);
		base64_add(&text, (struct str){ (char *)digest, 32 });
		assert_string_equal(buf_cstr(&text), wanted[canon]);
		buf_free(&text);
	}
}

/* More than the output is collected for at once, with every boundary. */
static void
long_bodies_come_in_pieces_of_any_size(void **state)
{
	(void)state;
	struct buf body = { 0 }, relaxed = { 0 };
	for (int i = 0; i < 3000; i++) {
		buf_addf(&body, "line %d \t of\tmany\t\r\n%s", i,
		    i % 7 ? "" : " \r\n\r\n");
		buf_addf(&relaxed, "line %d of many\r\n%s", i,
		    i % 7 ? "" : "\r\n\r\n");
	}
	static const size_t pieces[] = { 1, 7, 4095, 4096, 4097, 1000000 };
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		check_body(
		    DKIM_RELAXED, buf_str(&body), buf_str(&relaxed), pieces[i]);
		check_body(
		    DKIM_SIMPLE, buf_str(&body), buf_str(&body), pieces[i]);
	}
	buf_free(&body);
	buf_free(&relaxed);
}

static void
cancelled_bodies_leak_nothing(void **state)
{
	(void)state;
	struct dkim_body b = { 0 };
	dkim_body_cancel(&b);
	dkim_body_start(&b, DKIM_RELAXED);
	dkim_body_add(&b, STR("a b"));
	dkim_body_cancel(&b);
	dkim_body_cancel(&b);
}

/* ---- header fields ---- */

struct field_case {
	const char *field, *relaxed;
};

static const struct field_case fields[] = {
	/* RFC 6376 3.4.5, the example */
	{ "A: X\r\n", "a:X\r\n" },
	{ "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
	{ "Subject: \t a  b\t\tc \r\n", "subject:a b c\r\n" },
	{ "SUBJECT:a\r\n", "subject:a\r\n" },
	{ "Subject:\r\n", "subject:\r\n" },
	{ "Subject: \r\n", "subject:\r\n" },
	{ "Subject:\r\n a\r\n", "subject:a\r\n" },
	{ "Subject: a\r\n \r\n\tb\r\n", "subject:a b\r\n" },
	{ "Subject: a:b : c\r\n", "subject:a:b : c\r\n" },
	{ "Subject: \xc3\xa4\xa0 \xff\r\n", "subject:\xc3\xa4\xa0 \xff\r\n" },
};

static void
fields_become_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct arena arena = { 0 };
		struct header header;
		const char *why;
		struct buf out = { 0 };
		assert_true(header_parse(
		    str_of(fields[i].field), &arena, &header, &why));
		assert_int_equal(header.count, 1);
		dkim_header_canon(DKIM_SIMPLE, header.fields, &out);
		assert_string_equal(buf_cstr(&out), fields[i].field);
		buf_clear(&out);
		dkim_header_canon(DKIM_RELAXED, header.fields, &out);
		assert_string_equal(buf_cstr(&out), fields[i].relaxed);
		buf_free(&out);
		arena_free(&arena);
	}
}

/* ---- the RFCs' own messages, with the keys they publish ---- */

struct message_case {
	const char *file;
	int field; /* which DKIM-Signature */
	enum dkim_canon canon; /* of header and body */
	const char *key; /* p= */
	bool rsa;
};

static const struct message_case messages[] = {
	{ "rfc6376-A.2.eml", 0, DKIM_SIMPLE,
	    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkM"
	    "oGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/R"
	    "tdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToI"
	    "MmPSPDdQPNUYckcQ2QIDAQAB",
	    true },
	{ "rfc8463-A.3.eml", 0, DKIM_RELAXED,
	    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", false },
	{ "rfc8463-A.3.eml", 1, DKIM_RELAXED,
	    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6"
	    "Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/"
	    "e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G"
	    "+2kryOTIKT+l/K4w3QIDAQAB",
	    true },
};

static void
read_message(const char *file, struct buf *out)
{
	struct buf name = { 0 }, text = { 0 };
	buf_addf(&name, "tests/vectors/dkim-rfc/messages/%s", file);
	assert_true(file_read(buf_cstr(&name), 65536, &text));
	for (size_t i = 0; i < text.n; i++)
		buf_adds(
		    out, text.p[i] == '\n' ? "\r\n" : (char[]){ text.p[i], 0 });
	buf_free(&name);
	buf_free(&text);
}

/* The value of a tag in a field that is known to be well-formed, without its
   white space. */
static struct str
tag_value(struct arena *arena, struct str field, const char *tag)
{
	struct buf out = { 0 };
	while (field.p) {
		struct str part = str_trim(str_cut(&field, ';'));
		struct str name = str_cut(&part, '=');
		if (!str_eq(name, str_of(tag)))
			continue;
		for (size_t i = 0; i < part.n; i++)
			if (!strchr(" \t\r\n", part.p[i]))
				buf_addc(&out, part.p[i]);
	}
	struct str value = arena_str(arena, buf_str(&out));
	buf_free(&out);
	return value;
}

/* RFC 6376 5.4.2: each name once more is the one above. */
static const struct header_field *
instance(const struct header *header, struct str name, size_t which)
{
	for (size_t i = header->count; i-- > 0;)
		if (str_eq_nocase(header->fields[i].name, name) && which-- == 0)
			return &header->fields[i];
	return NULL;
}

static void
add_signed_fields(struct buf *out, enum dkim_canon canon,
    const struct header *header, struct str names)
{
	struct str done[32];
	for (size_t n = 0; names.p; n++) {
		size_t which = 0;
		done[n] = str_cut(&names, ':');
		for (size_t i = 0; i < n; i++)
			which += str_eq_nocase(done[i], done[n]);
		const struct header_field *f = instance(header, done[n], which);
		if (f)
			dkim_header_canon(canon, f, out);
	}
}

/* The field again, with an empty b=: the last tag in all of them, but a
   semicolon may follow. */
static void
add_own_field(
    struct buf *out, enum dkim_canon canon, const struct header_field *field)
{
	struct buf text = { 0 };
	size_t b = str_search(field->whole, STR(" b=")) + 3;
	bool semicolon = str_has(str_from(field->whole, b), ';');
	buf_add(&text, str_sub(field->whole, 0, b));
	buf_adds(&text, semicolon ? ";" : "");
	struct header_field own = { .name = field->name };
	own.whole = own.value = buf_str(&text);
	str_cut(&own.value, ':');
	dkim_header_canon(canon, &own, out);
	if (canon == DKIM_RELAXED)
		buf_cut(out, out->n - 2);
	buf_free(&text);
}

static void
check_signature(const struct message_case *c, struct str signature,
    const uint8_t digest[32])
{
	struct buf key = { 0 }, bytes = { 0 };
	assert_true(base64_read(&key, str_of(c->key)));
	assert_true(base64_read(&bytes, signature));
	const unsigned char *der = (unsigned char *)key.p;
	EVP_PKEY *pkey = c->rsa
	    ? d2i_PUBKEY(NULL, &der, (long)key.n)
	    : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, der, key.n);
	assert_non_null(pkey);
	if (c->rsa) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
		assert_int_equal(1, EVP_PKEY_verify_init(ctx));
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256());
		assert_int_equal(1,
		    EVP_PKEY_verify(
			ctx, (unsigned char *)bytes.p, bytes.n, digest, 32));
		EVP_PKEY_CTX_free(ctx);
	} else {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey);
		assert_int_equal(1,
		    EVP_DigestVerify(
			ctx, (unsigned char *)bytes.p, bytes.n, digest, 32));
		EVP_MD_CTX_free(ctx);
	}
	EVP_PKEY_free(pkey);
	buf_free(&key);
	buf_free(&bytes);
}

static void
check_message(const struct message_case *c)
{
	struct buf message = { 0 }, input = { 0 }, hash = { 0 };
	struct arena arena = { 0 };
	struct header header;
	struct dkim_body body;
	size_t scanned = 0;
	const char *why;
	uint8_t digest[32];
	read_message(c->file, &message);
	size_t end = header_end(buf_str(&message), &scanned);
	assert_true(header_parse(
	    str_sub(buf_str(&message), 0, end), &arena, &header, &why));
	const struct header_field *field = &header.fields[c->field];

	dkim_body_start(&body, c->canon);
	dkim_body_add(&body, str_from(buf_str(&message), end));
	dkim_body_end(&body, digest);
	base64_add(&hash, (struct str){ (char *)digest, 32 });
	assert_string_equal(
	    buf_cstr(&hash), tag_value(&arena, field->value, "bh").p);

	add_signed_fields(
	    &input, c->canon, &header, tag_value(&arena, field->value, "h"));
	add_own_field(&input, c->canon, field);
	sha256(buf_str(&input), digest);
	check_signature(c, tag_value(&arena, field->value, "b"), digest);
	buf_free(&message);
	buf_free(&input);
	buf_free(&hash);
	arena_free(&arena);
}

static void
messages_of_the_rfcs_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		check_message(&messages[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_become_canonical),
		cmocka_unit_test(empty_body_hashes_as_the_rfc_says),
		cmocka_unit_test(long_bodies_come_in_pieces_of_any_size),
		cmocka_unit_test(cancelled_bodies_leak_nothing),
		cmocka_unit_test(fields_become_canonical),
		cmocka_unit_test(messages_of_the_rfcs_verify),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
