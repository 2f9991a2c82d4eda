#include "tests/unit/dmarc_rig.h"

#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct dmarc_rig dmarc_rig;

int
dmarc_rig_open(void **state)
{
	(void)state;
	dmarc_rig.loop = loop_new();
	dmarc_rig.resolver = resolver_new(dmarc_rig.loop, "", false);
	return 0;
}

int
dmarc_rig_close(void **state)
{
	(void)state;
	resolver_free(dmarc_rig.resolver);
	loop_free(dmarc_rig.loop);
	return 0;
}

void
dmarc_rig_on_done(struct dmarc_check *check)
{
	(void)check;
	dmarc_rig.answers++;
}

static void
settle(void)
{
	assert_int_equal(dmarc_rig.answers, 0); /* never from within */
	fake_loop_settle(dmarc_rig.loop);
	assert_int_equal(dmarc_rig.answers, 1);
}

void
dmarc_rig_discover(struct dmarc_check *check, struct str author)
{
	*check = (struct dmarc_check){ 0 };
	dmarc_rig.answers = 0;
	dmarc_discover(check, dmarc_rig.loop, dmarc_rig.resolver,
	    &dmarc_rig.budget, author, dmarc_rig_on_done);
	settle();
}

void
dmarc_rig_align(struct dmarc_check *check)
{
	dmarc_rig.answers = 0;
	dmarc_align(check, dmarc_rig_on_done);
	settle();
}

void
dmarc_rig_identifiers(struct dmarc_check *check, const char *ids)
{
	struct str rest = str_of(ids);
	while (rest.n > 0) {
		struct str word = str_cut(&rest, ' ');
		struct dmarc_identifier *id =
		    &check->identifiers[check->count++];
		id->unknown = str_starts(word, STR("?"));
		word = str_from(word, id->unknown);
		id->is_dkim = str_starts(word, STR("d:"));
		id->domain = str_from(word, 2);
	}
}

void
dmarc_rig_describe(const struct dmarc_check *check, struct buf *out)
{
	buf_clear(out);
	buf_addf(out, "%s %s %.*s", dmarc_status_name(check->status),
	    dmarc_policy_name(check->policy), STR_ARG(check->policy_domain));
	for (size_t i = 0; i < check->count; i++)
		buf_adds(out, check->identifiers[i].aligned ? " +" : " -");
}

void
dmarc_expect(const struct fake_record *zone, const char *author,
    const char *ids, const char *wanted, unsigned asked)
{
	struct dmarc_check check;
	struct buf got = { 0 }, all = { 0 };
	fake_resolver_use(zone);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig_discover(&check, str_of(author));
	if (check.status == DMARC_FAIL) {
		dmarc_rig_identifiers(&check, ids);
		dmarc_rig_align(&check);
	}
	dmarc_rig_describe(&check, &got);
	buf_addf(&got, ", asked %u", fake_resolver_asked());
	buf_addf(&all, "%s, asked %u", wanted, asked);
	assert_str(buf_str(&got), buf_str(&all));
	assert_int_equal(dmarc_rig.budget.left, BUDGET_MESSAGE - asked);
	assert_non_null(check.why);
	buf_free(&all);
	buf_free(&got);
	dmarc_cancel(&check);
}
