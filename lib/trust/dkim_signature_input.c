#include "lib/base/map.h"
#include "lib/trust/dkim_signature.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* A header section by names, so that neither many fields nor many names in h=
   cost more than they are long. */
struct name_fields {
	struct map_node node; /* the name in lower case */
	size_t last; /* the lowest field not taken yet: 1 + index; 0: none */
};

struct index {
	const struct header *header;
	struct map names;
	size_t *above; /* of each field the next one up of its name, as last */
	struct arena arena;
};

static struct name_fields *
find_name(struct index *index, struct str name)
{
	struct map_node *node = map_find(&index->names, name);
	return node ? container_of(node, struct name_fields, node) : NULL;
}

static void
add_field(struct index *index, size_t i)
{
	struct str name =
	    arena_lower(&index->arena, index->header->fields[i].name);
	struct name_fields *fields = find_name(index, name);
	if (!fields) {
		fields = arena_alloc(&index->arena, sizeof *fields);
		map_add(&index->names, &fields->node, name);
	}
	index->above[i] = fields->last;
	fields->last = i + 1;
}

static void
index_open(struct index *index, const struct header *header,
    const struct header_field *own)
{
	*index = (struct index){ .header = header };
	index->above =
	    arena_alloc(&index->arena, header->count * sizeof *index->above);
	for (size_t i = 0; i < header->count; i++)
		if (&header->fields[i] != own)
			add_field(index, i);
}

static void
index_close(struct index *index)
{
	map_free(&index->names);
	arena_free(&index->arena);
}

/* RFC 6376 5.4.2: from the bottom up; what isn't there signs nothing */
static const struct header_field *
take_field(struct index *index, struct str name)
{
	struct name_fields *fields =
	    find_name(index, arena_lower(&index->arena, name));
	if (!fields || fields->last == 0)
		return NULL;
	size_t i = fields->last - 1;
	fields->last = index->above[i];
	return &index->header->fields[i];
}

/* Where the value of b= is in the value of its field, with the white space
   around it: RFC 6376 3.7.  {NULL, 0}: nowhere. */
static struct str
find_b(struct str value)
{
	while (value.n > 0) {
		struct str tag = str_cut(&value, ';');
		struct str name = str_cut(&tag, '=');
		if (tag.p && str_eq(str_trim(name), STR("b")))
			return tag;
	}
	return (struct str){ 0 };
}

static struct str
join(struct arena *arena, struct str a, struct str b)
{
	char *text = arena_alloc(arena, a.n + b.n + 1);
	memcpy(text, a.p, a.n);
	memcpy(text + a.n, b.p, b.n);
	return (struct str){ text, a.n + b.n };
}

void
dkim_signature_own(enum dkim_canon canon, const struct header_field *own,
    struct arena *arena, struct buf *out)
{
	struct header_field bare = *own;
	struct str b = find_b(own->value), whole = own->whole;
	if (b.p) {
		size_t before = (size_t)(b.p - whole.p);
		size_t colon = str_find(whole, ':');
		bare.whole = join(arena, str_sub(whole, 0, before),
		    str_from(whole, before + b.n));
		bare.value =
		    str_sub(bare.whole, colon + 1, bare.whole.n - colon - 3);
	}
	dkim_header_canon(canon, &bare, out);
	/* RFC 6376 3.7: the field itself is hashed without its last CR LF */
	buf_cut(out, out->n - 2);
}

void
dkim_signature_input(const struct dkim_signature *sig,
    const struct header *header, const struct header_field *own,
    struct buf *out)
{
	struct index index;
	index_open(&index, header, own);
	for (size_t i = 0; i < sig->name_count; i++) {
		const struct header_field *field =
		    take_field(&index, sig->names[i]);
		if (field)
			dkim_header_canon(sig->header_canon, field, out);
	}
	dkim_signature_own(sig->header_canon, own, &index.arena, out);
	index_close(&index);
}

void
dkim_signature_digest(const struct dkim_signature *sig,
    const struct header *header, const struct header_field *own,
    uint8_t digest[DKIM_HASH])
{
	struct buf input = { 0 };
	dkim_signature_input(sig, header, own, &input);
	if (EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL) != 1)
		abort(); /* out of memory */
	buf_free(&input);
}
