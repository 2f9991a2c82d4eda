/*
 * status.c - what `postern status` and `postern health` read: RUN/status, one
 * line per fact, fields parted by tabs.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"

void
status_write(void)
{
	struct buf out = { 0 };
	for (size_t i = 0; i < self.domains.count; i++)
		buf_addf(&out, "domain\t%s\n", self.domains.names[i].p);
	keys_status(&out);
	services_status(&out);
	ports_status(&out);
	file_replace(
	    run_path("status"), buf_str(&out), 0644, (uid_t)-1, (gid_t)-1);
	buf_free(&out);
}
