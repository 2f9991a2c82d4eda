/*
 * domains.c - which domains are ours: those of the settings and those of
 * config/domains.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	CONFIG_MAX = 1 << 20
};

static bool
read_domains(struct domains *domains, struct buf *text)
{
	static const char name[] = "config/domains";
	struct buf errors = { 0 };
	if (!file_read(data_path(name), CONFIG_MAX, text)) {
		complain("%s can't be read: %s", name, strerror(errno));
		return false;
	}
	bool good = domains_parse(domains, buf_str(text), name, &errors);
	for (struct str rest = buf_str(&errors); rest.n;) {
		struct str line = str_cut(&rest, '\n');
		complain("%.*s", STR_ARG(line));
	}
	buf_free(&errors);
	return good;
}

/* The domains of the settings join those of the file. */
static bool
add_domains(struct buf *text)
{
	size_t found = self.domains.count;
	if (text->n && text->p[text->n - 1] != '\n')
		buf_addc(text, '\n');
	for (size_t i = 0; i < self.settings.domain.count; i++) {
		struct str name = self.settings.domain.items[i];
		if (domains_has(&self.domains, name))
			continue;
		domains_add(&self.domains, name);
		buf_addf(text, "%.*s\n", STR_ARG(name));
	}
	return found == self.domains.count ||
	    folders_write("config/domains", buf_str(text), 0640, "postern");
}

static bool
no_domain(void)
{
	complain("POSTERN_DOMAIN is needed at the first start: the domain to "
		 "receive mail for, as in POSTERN_DOMAIN=example.com");
	return false;
}

bool
our_domains_hoped_for(void)
{
	return self.settings.domain.count > 0 ||
	    file_exists(data_path("config/domains")) || no_domain();
}

bool
our_domains_prepare(void)
{
	struct buf text = { 0 };
	int lock = open(data_path("config/.lock"), O_RDWR | O_CLOEXEC);
	bool good = lock >= 0 && flock(lock, LOCK_EX) == 0;
	if (!good)
		complain("can't lock config/: %s", strerror(errno));
	good = good && read_domains(&self.domains, &text) && add_domains(&text);
	if (lock >= 0)
		close(lock);
	buf_free(&text);
	return good && (self.domains.count > 0 || no_domain());
}

void
our_domains_rescan(void)
{
	struct domains found = { 0 };
	struct buf text = { 0 };
	bool good = read_domains(&found, &text);
	buf_free(&text);
	if (good && found.count > 0) {
		domains_free(&self.domains);
		self.domains = found;
		return;
	}
	if (good)
		complain("config/domains names no domain: the old ones stay");
	domains_free(&found);
}
