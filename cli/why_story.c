#include "cli/why_story.h"

#include "cli/cli.h"
#include "lib/mail/advice.h"

#include <stdio.h>
#include <string.h>

static long long
number_at(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void
print_value(const json_t *value)
{
	if (json_is_integer(value))
		printf("%lld", (long long)json_integer_value(value));
	else if (json_is_string(value))
		cli_print_text(json_string_value(value));
}

/* " word value", or nothing when there is none. */
static void
print_part(json_t *line, const char *word, const char *key)
{
	const json_t *value = json_object_get(line, key);
	if (!value)
		return;
	printf(" %s ", word);
	print_value(value);
}

/* ---- keys that no sentence names ---- */

enum key_kind {
	KEY_TOLD, /* by a sentence */
	KEY_FACT,
	KEY_CHECK, /* a result of what was asked about it */
};

static enum key_kind
kind_of(const char *key)
{
	static const char *const told[] = { "time", "level", "event", "id",
		"from", "to", "all", "recipients", "mailbox", "alias", "host",
		"tls", "proof", "code", "dsn", "reason", "by", "reply", "try",
		"ms", "next", "disposition" };
	static const char *const checks[] = { "iprev", "spf", "dkim", "arc",
		"dmarc" };
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (strcmp(told[i], key) == 0)
			return KEY_TOLD;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		if (strcmp(checks[i], key) == 0)
			return KEY_CHECK;
	return strncmp(key, "step.", 5) == 0 ? KEY_TOLD : KEY_FACT;
}

/* "    label key value, key value"; nothing when there are none. */
static void
print_keys(json_t *line, enum key_kind kind, const char *label)
{
	const char *key;
	json_t *value;
	bool any = false;
	json_object_foreach(line, key, value)
	{
		if (kind_of(key) != kind)
			continue;
		printf("%s%s ", any ? ", " : label, key);
		print_value(value);
		any = true;
	}
	if (any)
		putchar('\n');
}

static void
print_steps(json_t *line)
{
	char key[16];
	for (int i = 1;; i++) {
		snprintf(key, sizeof key, "step.%d", i);
		const json_t *step = json_object_get(line, key);
		if (!step)
			return;
		printf("    %d. ", i);
		print_value(step);
		putchar('\n');
	}
}

/* " value", or nothing when there is none. */
static void
print_word(json_t *line, const char *key)
{
	const json_t *value = json_object_get(line, key);
	if (!value)
		return;
	putchar(' ');
	print_value(value);
}

/* "    it said: 550 5.7.26 ..." */
static void
print_reply(json_t *line, const char *label, const char *text)
{
	printf("    %s:", label);
	print_word(line, "code");
	print_word(line, "dsn");
	print_word(line, text);
	putchar('\n');
}

/* ---- what comes to us ---- */

static void
print_people(json_t *line)
{
	print_part(line, "from", "from");
	print_part(line, "to", json_object_get(line, "all") ? "all" : "to");
}

static void
print_arrival(json_t *line)
{
	putchar('\n');
	print_keys(line, KEY_FACT, "    ");
	print_keys(line, KEY_CHECK, "    checks: ");
	print_steps(line);
}

static void
tell_received(json_t *line)
{
	bool junk = strcmp(cli_text_at(line, "disposition"), "junk") == 0;
	printf(junk ? "accepted, as junk," : "accepted");
	print_people(line);
	print_part(line, "over", "tls");
	print_arrival(line);
}

static void
tell_reject(json_t *line)
{
	bool later = number_at(line, "code") / 100 == 4;
	printf(later ? "put off, it may come again," : "refused,");
	print_people(line);
	print_arrival(line);
	print_reply(line, "we said", "reason");
}

/* ---- what we try ---- */

/* docs/sending.md has the words of the log. */
static const char *
meaning_of(const char *proof)
{
	static const struct {
		const char *proof, *meaning;
	} meanings[] = {
		{ "none", "in plain text" },
		{ "opportunistic", "encrypted, to whoever answers there" },
		{ "encrypted", "encrypted, whatever the certificate" },
		{ "certificate", "encrypted, certificate verified" },
		{ "sts", "encrypted, certificate verified for MTA-STS" },
		{ "dane", "encrypted, certificate verified by DANE" },
	};
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (strcmp(meanings[i].proof, proof) == 0)
			return meanings[i].meaning;
	return proof;
}

/* Did a server say it?  Lines of old don't have the key. */
static bool
is_received(const json_t *line)
{
	return json_object_get(line, "host") && !json_object_get(line, "by");
}

/* "    try 2: mx.remote.example[192.0.2.26]:25, TLSv1.3, encrypted, ..., 9 ms"
 */
static void
print_try(json_t *line)
{
	printf("    try %lld: ", number_at(line, "try"));
	if (json_object_get(line, "host")) {
		print_value(json_object_get(line, "host"));
		printf(", ");
	}
	if (json_object_get(line, "tls")) {
		print_value(json_object_get(line, "tls"));
		printf(", ");
	}
	if (json_object_get(line, "proof") && is_received(line))
		printf("%s, ", meaning_of(cli_text_at(line, "proof")));
	printf("%lld ms\n", number_at(line, "ms"));
}

static void
print_advice(json_t *line)
{
	const char *advice = advice_for((struct reply){
	    .code = (int)number_at(line, "code"),
	    .enhanced = json_string_value(json_object_get(line, "dsn")),
	    .text = cli_text_at(line, "reply"),
	    .received = is_received(line),
	});
	if (advice)
		printf("    advice: %s\n", advice);
}

static void
print_attempt(json_t *line)
{
	print_part(line, "by the alias", "alias");
	putchar('\n');
	print_try(line);
	print_keys(line, KEY_FACT, "    ");
	print_reply(line, is_received(line) ? "it said" : "because", "reply");
	print_advice(line);
}

static void
tell_delivered(json_t *line)
{
	const json_t *mailbox = json_object_get(line, "mailbox");
	if (!mailbox) {
		printf("delivered");
		print_part(line, "to", "to");
		print_attempt(line);
		return;
	}
	printf("delivered");
	print_part(line, "into the mailbox", "mailbox");
	print_part(line, "of", "to");
	putchar('\n');
}

static void
tell_deferred(json_t *line)
{
	printf("not yet delivered");
	print_part(line, "to", "to");
	print_attempt(line);
}

static void
tell_bounced(json_t *line)
{
	printf("failed for good,");
	print_part(line, "to", "to");
	print_attempt(line);
}

static void
tell_waits(json_t *line)
{
	printf("waits,");
	print_part(line, "next try", "next");
	putchar('\n');
}

static void
tell_told(json_t *line)
{
	printf("reported");
	print_part(line, "to", "to");
	print_part(line, "by the message", "report");
	putchar('\n');
}

/* ---- what people did ---- */

static void
tell_held(json_t *line)
{
	(void)line;
	puts("held by hand: it isn't tried until `postern queue release`");
}

static void
tell_released(json_t *line)
{
	(void)line;
	puts("released by hand");
}

static void
tell_dropped(json_t *line)
{
	(void)line;
	puts("dropped by hand: nobody gets it, and nobody is told");
}

/* ---- all ---- */

static const struct {
	const char *event;
	void (*tell)(json_t *line);
} events[] = {
	{ "received", tell_received },
	{ "reject", tell_reject },
	{ "delivered", tell_delivered },
	{ "deferred", tell_deferred },
	{ "bounced", tell_bounced },
	{ "waits", tell_waits },
	{ "told", tell_told },
	{ "held", tell_held },
	{ "released", tell_released },
	{ "dropped", tell_dropped },
};

void
why_story_print(json_t *line)
{
	const char *event = cli_text_at(line, "event");
	printf("  %.24s  ", cli_text_at(line, "time"));
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (strcmp(events[i].event, event) == 0) {
			events[i].tell(line);
			return;
		}
	cli_print_text(event);
	print_people(line);
	print_arrival(line);
}
