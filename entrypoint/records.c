/*
 * records.c - the DNS records to publish: dns/<domain>.zone, and the log.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/log.h"
#include "lib/zone/print.h"
#include "lib/zone/source.h"

#include <stdio.h>

/* A table among lines of JSON would only disturb who reads them. */
static void
show(const struct zone_plan *plan, const char *file)
{
	struct buf text = { 0 };
	zone_print_table(plan, false, &text);
	if (self.settings.log_json)
		log_note(
		    LOG_INFO, "dns", "the records to publish are in %s", file);
	else
		fprintf(stderr, "\n%s\n", buf_cstr(&text));
	buf_free(&text);
}

static void
publish(struct str domain, bool print)
{
	struct zone_source source;
	struct zone_plan plan;
	struct buf text = { 0 };
	zone_source_read(&source, &self.settings, domain);
	zone_plan(&plan, &source.inputs);
	zone_print_file(&plan, &text);
	const char *name =
	    arena_printf(&self.turn, "dns/%.*s.zone", STR_ARG(domain)).p;
	folders_write(name, buf_str(&text), 0644, NULL);
	if (print)
		show(&plan, data_path(name));
	buf_free(&text);
	zone_plan_free(&plan);
	zone_source_free(&source);
}

void
records_publish(bool print)
{
	for (size_t i = 0; i < self.domains.count; i++)
		publish(self.domains.names[i], print);
}
