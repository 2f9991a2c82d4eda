/*
 * web - the only process that speaks HTTP.
 *
 * Over the socket that PID 1 made, smtpd has it fetch other domains' policies
 * and post reports to them.  Everything is opened, then it shuts itself in,
 * then it answers.
 */
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/settings.h"
#include "lib/host/handover.h"
#include "lib/host/sandbox.h"
#include "web/fetcher.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_BROKEN = 1,
	EXIT_SETTINGS = 78
};

struct web {
	struct settings settings;
	struct loop *loop;
	struct multi *multi;
	struct fetcher *fetcher;
	struct transfer_rules rules;
	struct signal_watch stop;
	int exit;
};

static struct web web;

/* The socket to smtpd, or -1. */
static int
receive_socket(void)
{
	char name[HANDOVER_NAME];
	int fd, found = -1;
	while (handover_receive(HANDOVER_FD, name, &fd) == 1 &&
	    strcmp(name, "go") != 0) {
		if (strcmp(name, "web") == 0 && found < 0)
			found = fd;
		else if (fd >= 0)
			close(fd);
	}
	close(HANDOVER_FD);
	return found;
}

static bool
load_settings(void)
{
	struct buf errors = { 0 };
	bool good = settings_load(&web.settings, environ, &errors);
	if (good)
		log_open(web.settings.log_level, web.settings.log_json, "web");
	else
		fputs(buf_cstr(&errors), stderr);
	buf_free(&errors);
	return good;
}

/* Rules name folders, because files are replaced. */
static const char *
folder_of(struct str path)
{
	return arena_str(&web.settings.arena, file_folder(path)).p;
}

/* Authorities' certificates are read when they are first needed. */
static void
enter_sandbox(void)
{
	struct str ca_file = web.settings.ca_file;
	const struct sandbox_rule rules[] = {
		{ "/etc/ssl", SANDBOX_READ },
		{ "/usr", SANDBOX_READ },
		{ "/lib", SANDBOX_READ },
		{ folder_of(ca_file), SANDBOX_READ },
	};
	size_t count = sizeof rules / sizeof *rules;
	sandbox_enter(rules, str_empty(ca_file) ? count - 1 : count,
	    SANDBOX_CALLS_NETWORK);
}

static void
on_sigterm(struct signal_watch *watch)
{
	(void)watch;
	loop_stop(web.loop);
}

static void
on_gone(void)
{
	log_note(LOG_ERROR, "stop", "the socket to smtpd is gone");
	web.exit = EXIT_BROKEN;
	loop_stop(web.loop);
}

/* Nothing of the environment is libcurl's or OpenSSL's business: proxies, logs
   of keys, other configurations. */
static bool
open_all(int socket)
{
	clearenv();
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return false;
	web.rules.private_allowed = web.settings.allow_private_destinations;
	web.rules.ca_file = web.settings.ca_file.p;
	web.loop = loop_new();
	web.multi = multi_new(web.loop);
	enter_sandbox();
	signal_start(&web.stop, web.loop, SIGTERM, on_sigterm);
	web.fetcher =
	    fetcher_new(web.loop, web.multi, socket, &web.rules, on_gone);
	return true;
}

static void
close_all(void)
{
	fetcher_free(web.fetcher);
	multi_free(web.multi);
	signal_stop(&web.stop);
	loop_free(web.loop);
	settings_free(&web.settings);
	curl_global_cleanup();
}

int
main(void)
{
	if (!load_settings())
		return EXIT_SETTINGS;
	int socket = receive_socket();
	if (socket < 0) {
		log_note(LOG_ERROR, "stop", "web is started by entrypoint");
		return EXIT_BROKEN;
	}
	if (!open_all(socket)) {
		log_note(LOG_ERROR, "stop", "libcurl can't be used");
		return EXIT_BROKEN;
	}
	log_note(LOG_INFO, "start", "web is ready");
	loop_run(web.loop);
	close_all();
	return web.exit;
}
