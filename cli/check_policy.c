/*
 * check_policy.c - postern check policy: what a domain demands of whoever
 * sends mail to it, and what its hosts must prove, as smtpd sees it.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum {
	PATIENCE_S = 120, /* a policy host may take a minute */
};

static void
print_value(const char *label, const char *value)
{
	printf("  %-8s ", label);
	cli_print_text(value);
	putchar('\n');
}

/* RFC 8461 5: what follows from each mode */
static const char *
meaning_of(const char *mode)
{
	static const struct {
		const char *mode, *meaning;
	} meanings[] = {
		{ "enforce",
		    "mail goes only to these hosts, and only over TLS with a "
		    "valid certificate" },
		{ "testing", "what isn't so is counted, and mail goes out" },
		{ "none", "nothing is demanded" },
	};
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (strcmp(meanings[i].mode, mode) == 0)
			return meanings[i].meaning;
	return "";
}

static void
print_sts(const json_t *sts, const char *trouble)
{
	size_t i;
	const json_t *mx;
	const char *mode = cli_text_at(sts, "mode");
	if (!json_is_object(sts)) {
		printf("MTA-STS: %s\n", *trouble ? trouble : "none");
		return;
	}
	puts("MTA-STS:");
	print_value("mode", mode);
	print_value("meaning", meaning_of(mode));
	json_array_foreach(json_object_get(sts, "mx"), i, mx)
	    print_value("mx", json_string_value(mx));
	printf("  %-8s %lld\n", "max_age",
	    (long long)json_integer_value(json_object_get(sts, "max_age")));
}

static const char *
meaning_of_proof(const char *proof)
{
	static const struct {
		const char *proof, *meaning;
	} meanings[] = {
		{ "dane", "TLS, with a certificate that fits a TLSA record" },
		{ "sts", "TLS, with a valid certificate for its name" },
		{ "encrypted", "TLS, whatever its certificate" },
		{ "opportunistic", "nothing; TLS if it can" },
	};
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (strcmp(meanings[i].proof, proof) == 0)
			return meanings[i].meaning;
	return "";
}

static const char *
meaning_of_dane(const char *status)
{
	static const struct {
		const char *status, *meaning;
	} meanings[] = {
		{ "insecure",
		    "none: its DNS isn't signed, or nobody who is "
		    "believed says so" },
		{ "none", "none: no TLSA record, in a signed DNS" },
		{ "usable", "TLSA records, in a signed DNS" },
		{ "unusable", "TLSA records that mean nothing to mail" },
		{ "bogus", "its TLSA records can't be had, or are forged" },
	};
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (strcmp(meanings[i].status, status) == 0)
			return meanings[i].meaning;
	return status;
}

static void
print_host(const json_t *host)
{
	size_t i;
	const json_t *address, *listed = json_object_get(host, "listed");
	const char *refusal = cli_text_at(host, "refusal");
	cli_print_text(cli_text_at(host, "host"));
	puts(":");
	json_array_foreach(json_object_get(host, "addresses"), i, address)
	    print_value("address", json_string_value(address));
	if (*refusal)
		print_value("refused", refusal);
	else
		print_value(
		    "needs", meaning_of_proof(cli_text_at(host, "proof")));
	print_value("dane", meaning_of_dane(cli_text_at(host, "dane")));
	if (json_is_boolean(listed))
		print_value("policy",
		    json_is_true(listed) ? "names it" : "doesn't name it");
}

static void
print_answer(const json_t *answer)
{
	size_t i;
	const json_t *host;
	const char *failure = cli_text_at(answer, "failure");
	print_sts(
	    json_object_get(answer, "sts"), cli_text_at(answer, "sts_trouble"));
	json_array_foreach(json_object_get(answer, "hosts"), i, host)
	    print_host(host);
	if (*failure)
		printf("No host takes mail: %s.\n", failure);
}

static int
exit_code(const json_t *answer)
{
	if (json_is_true(json_object_get(answer, "temporary")))
		return TEMPORARY;
	if (strcmp(cli_text_at(answer, "status"), "5.1.2") == 0)
		return MISSING; /* no such domain, or none that gets mail */
	return *cli_text_at(answer, "failure") ? FAILED : DONE;
}

int
cli_check_policy(struct cli *cli)
{
	struct str domain;
	int code = cli_read_domain(cli, cli->operands[0], &domain);
	if (code)
		return code;
	json_t *answer;
	code = ask_slowly(cli,
	    json_pack(
		"{s:s, s:s%}", "verb", "policy", "domain", domain.p, domain.n),
	    PATIENCE_S, &answer);
	if (code)
		return code;
	json_object_del(answer, "ok");
	if (cli->json)
		cli_print_json(json_incref(answer));
	else
		print_answer(answer);
	code = exit_code(answer);
	json_decref(answer);
	return code;
}
