/*
 * A spool file without its CRC and END, which are put right here, and as it
 * is; and a row of the store.
 */
#include "smtpd/queue/row.h"
#include "smtpd/queue/spool.h"

#include "lib/base/crc.h"
#include "lib/base/cursor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
read_file(struct str bytes)
{
	struct spool_file file = { 0 };
	if (spool_decode(bytes, 1, "spool", &file))
		spool_file_free(&file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf bytes = buf_of((struct str){ (const char *)data, n });
	struct row row;
	if (row_decode(buf_str(&bytes), &row))
		row_free(&row);
	read_file(buf_str(&bytes));
	put_u32(&bytes, crc32c(0, buf_str(&bytes)));
	buf_add(&bytes, STR("END\n"));
	read_file(buf_str(&bytes));
	buf_free(&bytes);
	return 0;
}
