/*
 * keygen - makes the keys and certificates that are missing.
 *
 *	keygen dkim DOMAIN SELECTOR [--type rsa2048|rsa4096|ed25519]
 *	keygen dkim-record DOMAIN SELECTOR
 *	keygen certificate NAME...
 *	keygen tlsa
 *
 * Below POSTERN_DATA, by the user who runs it.  DNS records go to stdout.
 */
#include "keygen/keygen.h"

#include "lib/base/log.h"
#include "lib/base/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name;
	size_t least, most; /* words behind it */
	enum keygen_exit (*run)(struct keygen *);
	const char *usage;
} commands[] = {
	{ "dkim", 2, 4, dkim_make,
	    "DOMAIN SELECTOR [--type rsa2048|rsa4096|ed25519]" },
	{ "dkim-record", 2, 2, dkim_show, "DOMAIN SELECTOR" },
	{ "certificate", 1, 100, certificate_make, "NAME..." },
	{ "tlsa", 0, 0, certificate_tlsa, "" },
};

enum {
	COMMANDS = sizeof commands / sizeof *commands
};

enum keygen_exit
keygen_say(enum keygen_exit code, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_note(code == KEYGEN_MISSING ? LOG_DEBUG : LOG_ERROR, "keygen", "%s",
	    text);
	return code;
}

static enum keygen_exit
usage(void)
{
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stderr, "keygen %s %s\n", commands[i].name,
		    commands[i].usage);
	return KEYGEN_USAGE;
}

static enum keygen_exit
run(struct keygen *k, const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return k->count < commands[i].least ||
				k->count > commands[i].most
			    ? usage()
			    : commands[i].run(k);
	return usage();
}

static enum keygen_exit
run_with_settings(struct keygen *k, const char *name)
{
	struct settings settings = { 0 };
	struct buf errors = { 0 };
	enum keygen_exit code = KEYGEN_SETTINGS;
	if (settings_load(&settings, environ, &errors)) {
		log_open(settings.log_level, settings.log_json, "keygen");
		k->data = settings.data.p;
		code = run(k, name);
	} else {
		fputs(buf_cstr(&errors), stderr);
	}
	settings_free(&settings);
	buf_free(&errors);
	return code;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return (int)usage();
	struct keygen k = { .count = (size_t)argc - 2, .words = argv + 2 };
	enum keygen_exit code = run_with_settings(&k, argv[1]);
	if (code == KEYGEN_DONE &&
	    (fwrite(buf_cstr(&k.output), 1, k.output.n, stdout) != k.output.n ||
		fflush(stdout) != 0))
		code = KEYGEN_FAILED;
	buf_free(&k.output);
	arena_free(&k.arena);
	return (int)code;
}
