/*
 * records.c - the DNS records to publish: dns/<domain>.zone, and the log.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"
#include "lib/zone/print.h"
#include "lib/zone/source.h"

#include <stdio.h>

static void
publish(struct str domain, bool print)
{
	struct zone_source source;
	struct zone_plan plan;
	struct buf text = { 0 };
	zone_source_read(&source, &self.settings, domain);
	zone_plan(&plan, &source.inputs);
	zone_print_file(&plan, &text);
	char name[512];
	snprintf(name, sizeof name, "dns/%.*s.zone", STR_ARG(domain));
	folders_write(name, buf_str(&text), 0644, NULL);
	buf_clear(&text);
	zone_print_table(&plan, false, &text);
	if (print)
		fprintf(stderr, "\n%s\n", buf_cstr(&text));
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
