#include "lib/trust/sign_fields.h"

#include "lib/base/codec.h"
#include "lib/trust/dkim_canon.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define FOLD "\r\n\t"

enum {
	LINE = 76,
	AFTER_FOLD = 8,
	SIGNATURE_LINE = 64
};

/* RFC 6376 5.4: what a reader sees or a program acts on.  The first ones are
   over-signed (5.4.2), so that none can be added later, not even when there
   was none. */
static const struct signed_name {
	const char *name;
	size_t extra;
} signed_names[] = {
	{ "From", 1 },
	{ "To", 1 },
	{ "Cc", 1 },
	{ "Subject", 1 },
	{ "Date", 1 },
	{ "Message-ID", 1 },
	{ "Reply-To", 1 },
	{ "MIME-Version", 1 },
	{ "Content-Type", 1 },
	{ "Content-Transfer-Encoding", 0 },
	{ "Content-Disposition", 0 },
	{ "Sender", 0 },
	{ "In-Reply-To", 0 },
	{ "References", 0 },
	{ "Auto-Submitted", 0 },
	{ "List-Id", 0 },
	{ "List-Help", 0 },
	{ "List-Unsubscribe", 0 },
	{ "List-Unsubscribe-Post", 0 }, /* RFC 8058 4: must be signed */
	{ "List-Subscribe", 0 },
	{ "List-Post", 0 },
	{ "List-Owner", 0 },
	{ "List-Archive", 0 },
	{ "Resent-Date", 0 },
	{ "Resent-From", 0 },
	{ "Resent-Sender", 0 },
	{ "Resent-To", 0 },
	{ "Resent-Cc", 0 },
	{ "Resent-Message-ID", 0 },
	{ "TLS-Report-Domain", 0 }, /* RFC 8460 5.3: should be signed */
	{ "TLS-Report-Submitter", 0 },
};

enum {
	SIGNED_NAMES = sizeof signed_names / sizeof *signed_names
};

static const char *const algorithm_names[] = {
	[SIGN_RSA_SHA256] = "rsa-sha256",
	[SIGN_ED25519_SHA256] = "ed25519-sha256",
};

bool
sign_algorithm_known(uint32_t algorithm)
{
	return algorithm < sizeof algorithm_names / sizeof *algorithm_names &&
	    algorithm_names[algorithm];
}

/* The names of h=, between colons, each as often as it is signed. */
static void
add_names(struct buf *out, const struct header *header)
{
	size_t column = AFTER_FOLD + 2;
	const char *colon = "";
	for (size_t i = 0; i < SIGNED_NAMES; i++) {
		struct str name = str_of(signed_names[i].name);
		size_t times = signed_names[i].extra +
		    header_count(header, signed_names[i].name);
		for (; times; times--) {
			buf_adds(out, colon);
			colon = ":";
			column += name.n + 1;
			if (column > LINE) {
				buf_adds(out, FOLD);
				column = AFTER_FOLD + name.n + 1;
			}
			buf_add(out, name);
		}
	}
}

void
sign_field_start(struct buf *out, const struct sign_request *request,
    enum sign_algorithm algorithm, const char *selector)
{
	struct str hash = { (const char *)request->body_hash, SIGN_DIGEST };
	buf_addf(out, "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;" FOLD,
	    algorithm_names[algorithm]);
	buf_addf(out,
	    "d=%.*s;" FOLD "s=%s; t=%lld;" FOLD "h=", STR_ARG(request->domain),
	    selector, (long long)(request->wall_ms / 1000));
	add_names(out, request->header);
	buf_adds(out, ";" FOLD "bh=");
	base64_add(out, hash);
	buf_adds(out, ";" FOLD "b=");
}

/* RFC 6376 5.4.2: the instances of a name, from the last one up. */
static void
add_fields(struct buf *out, const struct header *header, struct str name)
{
	for (size_t i = header->count; i-- > 0;)
		if (str_eq_nocase(header->fields[i].name, name))
			dkim_header_canon(
			    DKIM_RELAXED, &header->fields[i], out);
}

void
sign_field_digest(
    struct str field, const struct header *header, uint8_t digest[SIGN_DIGEST])
{
	struct buf input = { 0 };
	for (size_t i = 0; i < SIGNED_NAMES; i++)
		add_fields(&input, header, str_of(signed_names[i].name));
	struct header_field own = { .value = field };
	own.name = str_cut(&own.value, ':');
	dkim_header_canon(DKIM_RELAXED, &own, &input);
	/* RFC 6376 3.7: the field itself is hashed without its last CR LF */
	buf_cut(&input, input.n - 2);
	if (EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL) != 1)
		abort(); /* out of memory */
	buf_free(&input);
}

void
sign_field_end(struct buf *out, struct str signature)
{
	struct buf text = { 0 };
	base64_add(&text, signature);
	const char *fold = "";
	for (size_t at = 0; at < text.n; at += SIGNATURE_LINE) {
		buf_adds(out, fold);
		buf_add(out, str_sub(buf_str(&text), at, SIGNATURE_LINE));
		fold = FOLD;
	}
	buf_adds(out, "\r\n");
	buf_free(&text);
}
