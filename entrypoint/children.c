/*
 * children.c - how each child is started: program, identity, descriptors, and
 * the configuration that Dovecot and unbound read.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"
#include "lib/host/handover.h"
#include "lib/host/spawn.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	UNBOUND_PORT = 5335,
	CLAUSES_MAX = 65536
};

#define IMAGE_FOLDER "/etc/postern"

/* Our end, while the child is up; -1 without one. */
static int handover[SERVICE_COUNT] = {
	[SERVICE_UNBOUND] = -1,
	[SERVICE_SIGNER] = -1,
	[SERVICE_WEB] = -1,
	[SERVICE_SMTPD] = -1,
	[SERVICE_DOVECOT] = -1,
};

int
child_handover(enum service_name name)
{
	return handover[name];
}

void
child_gone(enum service_name name)
{
	if (handover[name] >= 0)
		close(handover[name]);
	handover[name] = -1;
}

bool
child_wanted(enum service_name name)
{
	switch (name) {
	case SERVICE_UNBOUND:
		return self.image && self.settings.resolver.count == 0;
	case SERVICE_DOVECOT:
		return self.image && self.settings.ports[PORT_IMAPS] != 0;
	case SERVICE_SIGNER:
	case SERVICE_WEB:
	case SERVICE_SMTPD:
	case SERVICE_COUNT:
		break;
	}
	return true;
}

/* ---- configuration files of the image ---- */

static void
add_addresses(struct buf *out)
{
	const struct ip_list *listen = &self.settings.listen;
	bool six = file_exists("/proc/net/if_inet6");
	const char *comma = "";
	for (size_t i = 0; i < listen->count; i++) {
		char text[IP_TEXT];
		if (listen->ips[i].family == 6 && !six)
			continue;
		ip_print(listen->ips[i], text);
		buf_addf(out, "%s%s", comma, text);
		comma = ", ";
	}
}

static bool
write_configuration(const char *name, struct buf *text)
{
	const char *path = run_path(name);
	bool good =
	    file_replace(path, buf_str(text), 0644, (uid_t)-1, (gid_t)-1);
	if (!good)
		complain("can't write %s: %s", path, strerror(errno));
	buf_free(text);
	return good;
}

static int
on_left(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* A killed Dovecot leaves sockets of other users, which root without
   DAC_OVERRIDE can't try: the next one would believe that it runs already. */
static bool
write_dovecot(void)
{
	struct buf b = { 0 };
	nftw(run_path("dovecot"), on_left, 8, FTW_DEPTH | FTW_PHYS);
	buf_adds(&b, "listen = ");
	add_addresses(&b);
	buf_addf(&b,
	    "\nservice imap-login {\n  inet_listener imaps {\n"
	    "    port = %u\n  }\n}\n",
	    (unsigned)self.settings.ports[PORT_IMAPS]);
	if (self.settings.tls == TLS_FILES)
		buf_addf(&b,
		    "ssl_server_cert_file = %s\nssl_server_key_file = %s\n",
		    self.settings.tls_cert.p, self.settings.tls_key.p);
	return write_configuration("dovecot.conf", &b);
}

/* POSTERN_ROOT_SERVERS names a file with unbound clauses that take the place
   of the system's root hints and trust anchor (tests). */
static bool
write_unbound(void)
{
	struct buf b = { 0 };
	buf_addf(&b, "server:\n\tinterface: 127.0.0.1@%d\n", UNBOUND_PORT);
	const char *other = self.settings.root_servers.p;
	if (str_empty(self.settings.root_servers))
		buf_addf(&b, "\tauto-trust-anchor-file: \"%s\"\n",
		    data_path("unbound/root.key"));
	else if (!file_read(other, CLAUSES_MAX, &b)) {
		complain("can't read POSTERN_ROOT_SERVERS=%s: %s", other,
		    strerror(errno));
		buf_free(&b);
		return false;
	}
	return write_configuration("unbound.conf", &b);
}

/* ---- starting ---- */

/* "bundled": the resolver is ours, and there are others to fall back on. */
static bool
hand_smtpd(int socket)
{
	if (child_wanted(SERVICE_UNBOUND) &&
	    !handover_send(socket, "bundled", -1))
		return false;
	if (!handover_send(socket, "lock", self.lock) ||
	    !handover_send(socket, "signer", self.signer[0]) ||
	    !handover_send(socket, "web", self.web[0]) ||
	    !handover_send(socket, "control", self.control))
		return false;
	ports_hand_down(socket);
	return handover_send(socket, "go", -1);
}

static bool
hand_signer(int socket)
{
	return handover_send(socket, "signer", self.signer[1]) &&
	    handover_send(socket, "go", -1);
}

static bool
hand_web(int socket)
{
	return handover_send(socket, "web", self.web[1]) &&
	    handover_send(socket, "go", -1);
}

enum {
	ARGUMENTS = 6
};

struct child {
	const char *program; /* one of ours: a name; else a path */
	const char *user, *groups[SPAWN_GROUPS];
	const char *arguments[ARGUMENTS];
	bool (*configure)(void); /* complains */
	bool (*hand)(int socket);
};

static const struct child children[SERVICE_COUNT] = {
	[SERVICE_UNBOUND] = {
	    .program = "/usr/sbin/unbound",
	    .user = "unbound",
	    .arguments = { "unbound", "-d", "-c",
		IMAGE_FOLDER "/unbound.conf" },
	    .configure = write_unbound,
	},
	[SERVICE_SIGNER] = {
	    .program = "signer",
	    .user = "signer",
	    .arguments = { "signer" },
	    .hand = hand_signer,
	},
	[SERVICE_WEB] = {
	    .program = "web",
	    .user = "web",
	    .arguments = { "web" },
	    .hand = hand_web,
	},
	[SERVICE_SMTPD] = {
	    .program = "smtpd",
	    .user = "smtpd",
	    .groups = { "postern", "vmail", "tls" },
	    .arguments = { "smtpd" },
	    .hand = hand_smtpd,
	},
	[SERVICE_DOVECOT] = {
	    .program = "/usr/sbin/dovecot",
	    .arguments = { "dovecot", "-F", "-c",
		IMAGE_FOLDER "/dovecot.conf" },
	    .configure = write_dovecot,
	},
};

/* Fills in the identity; without root everybody is who we are. */
static bool
identify(const struct child *c, struct spawn *s)
{
	s->uid = (uid_t)-1;
	s->gid = (gid_t)-1;
	if (!self.image || !c->user)
		return true;
	if (!spawn_user(c->user, &s->uid, &s->gid))
		return false;
	for (size_t i = 0; i < SPAWN_GROUPS && c->groups[i]; i++)
		if (!spawn_group(c->groups[i], &s->groups[s->group_count++]))
			return false;
	return true;
}

/* Our settings are nobody else's business, and secrets are smtpd's. */
static char *const *
environment_of(enum service_name name)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const foreign[] = { path, NULL };
	if (!children[name].hand)
		return foreign;
	return name == SERVICE_SMTPD ? self.environment
				     : self.plain_environment;
}

static pid_t
spawn_child(enum service_name name, int fd3)
{
	const struct child *c = &children[name];
	char path[PATH_MAX];
	bool ours = *c->program != '/';
	snprintf(path, sizeof path, "%s%s%s", ours ? self.programs : "",
	    ours ? "/" : "", c->program);
	char **arguments = words_copy(c->arguments);
	struct spawn s = {
		.program = path,
		.arguments = arguments,
		.environment = environment_of(name),
		.fd3 = fd3,
		.no_new_privs = c->user != NULL, /* Dovecot changes users */
	};
	pid_t pid = -1;
	if (!identify(c, &s))
		complain("user or group of %s is missing", c->program);
	else if ((pid = spawn_start(&s)) < 0)
		complain("can't start %s: %s", path, strerror(errno));
	words_free(arguments);
	return pid;
}

pid_t
child_start(enum service_name name)
{
	const struct child *c = &children[name];
	if (c->configure && !c->configure())
		return -1;
	if (!c->hand)
		return spawn_child(name, -1);
	int ends[2];
	if (!handover_pair(ends))
		return -1;
	handover[name] = ends[0];
	pid_t pid = spawn_child(name, ends[1]);
	close(ends[1]);
	if (pid < 0 || !c->hand(ends[0]))
		child_gone(name);
	return pid;
}
