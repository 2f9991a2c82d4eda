#include "lib/trust/dkim_hashes.h"

static uint64_t
limit_of(const struct dkim_signature *sig)
{
	return sig->has_length ? sig->length : UINT64_MAX;
}

size_t
dkim_hashes_want(struct dkim_hashes *hashes, const struct dkim_signature *sig)
{
	for (size_t i = 0; i < hashes->count; i++) {
		const struct dkim_body *body = &hashes->all[i].body;
		if (body->canon == sig->body_canon &&
		    body->limit == limit_of(sig))
			return i;
	}
	struct dkim_body *body = &hashes->all[hashes->count].body;
	dkim_body_start(body, sig->body_canon);
	dkim_body_limit(body, limit_of(sig));
	return hashes->count++;
}

void
dkim_hashes_add(struct dkim_hashes *hashes, struct str piece)
{
	for (size_t i = 0; i < hashes->count; i++)
		dkim_body_add(&hashes->all[i].body, piece);
}

void
dkim_hashes_end(struct dkim_hashes *hashes)
{
	for (size_t i = 0; i < hashes->count; i++) {
		struct dkim_hash *hash = &hashes->all[i];
		dkim_body_end(&hash->body, hash->digest);
		hash->length = hash->body.length;
	}
}

void
dkim_hashes_cancel(struct dkim_hashes *hashes)
{
	for (size_t i = 0; i < hashes->count; i++)
		dkim_body_cancel(&hashes->all[i].body);
}
