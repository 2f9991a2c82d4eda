#include "lib/report/report.h"

#include "lib/base/codec.h"
#include "lib/base/siphash.h"

#include <inttypes.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
	GZIP_WINDOW = 15 + 16, /* the largest, with gzip's own header */
	GZIP_MEMORY = 8,
};

void
report_id(
    int64_t begin, int64_t end, const struct row_sheet *sheet, struct buf *out)
{
	static const uint64_t key[2] = { 0 }; /* nobody gains by a collision */
	struct buf all = { 0 };
	put_u64(&all, (uint64_t)begin);
	put_u64(&all, (uint64_t)end);
	for (size_t i = 0; i < sheet->count; i++) {
		put_str(&all, buf_str(&sheet->rows[i].key));
		put_u64(&all, sheet->rows[i].count);
	}
	struct buf hash = { 0 };
	put_u64(&hash, siphash(key, buf_str(&all)));
	hex_add(out, buf_str(&hash));
	buf_free(&hash);
	buf_free(&all);
}

void
report_file_name(
    const struct report_frame *frame, const char *extension, struct buf *out)
{
	buf_addf(out, "%.*s!%.*s!%" PRId64 "!%" PRId64 "!%.*s%s",
	    STR_ARG(frame->organization), STR_ARG(frame->domain), frame->begin,
	    frame->end, STR_ARG(frame->id), extension);
}

void
report_text(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(out, s.p[i] < ' ' || s.p[i] > '~' ? '?' : s.p[i]);
}

/* As mem_alloc(): without memory there is no process. */
static void
expect(int result, int wanted)
{
	if (result != wanted)
		abort();
}

void
report_gzip(struct str text, struct buf *out)
{
	z_stream z = { 0 };
	expect(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW,
		   GZIP_MEMORY, Z_DEFAULT_STRATEGY),
	    Z_OK);
	size_t most = deflateBound(&z, text.n);
	z.next_in = (const Bytef *)text.p;
	z.avail_in = (uInt)text.n;
	z.next_out = (Bytef *)buf_reserve(out, most);
	z.avail_out = (uInt)most;
	expect(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->n += most - z.avail_out;
	expect(deflateEnd(&z), Z_OK);
}
