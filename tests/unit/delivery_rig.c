#include "tests/unit/delivery_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct fake_policy none[] = { { 0 } };

/* "sts remote.test mx1.remote.test success" */
static void
on_attempted(struct tls_listener *listener, const struct tls_attempt *attempt)
{
	struct delivery_rig *rig =
	    container_of(listener, struct delivery_rig, listener);
	buf_addf(&rig->attempts, "%s %.*s %.*s %s %zu\n",
	    tls_policy_type_name(attempt->type), STR_ARG(attempt->domain),
	    STR_ARG(attempt->host), tls_report_name(attempt->result),
	    attempt->string_count);
}

void
delivery_rig_make(struct delivery_rig *rig, const struct fake_record *records,
    const struct fake_peer *peers)
{
	static const struct fake_peer nobody[] = { { 0 } };
	static void *contexts[2];
	static const struct srs srs = { { 1, 2 } };
	*rig = (struct delivery_rig){
		.settings = {
			.hostname = STR("mail.ours.test"),
			.data = STR("/data"),
			.relay_host = STR(""),
			.outbound_port = 25,
			.retry_min_ms = 2000,
			.retry_max_ms = 4000,
			.queue_warning_ms = 100000,
			.queue_lifetime_ms = 1000000,
		},
	};
	log_open(LOG_ERROR, false, "test");
	rig->tls_opportunistic = (struct tls_context *)&contexts[0];
	rig->tls_verified = (struct tls_context *)&contexts[1];
	rig->loop = loop_new();
	rig->resolver = resolver_new(rig->loop, "", false);
	fake_resolver_use(records);
	fake_peers_use(rig->loop, peers ? peers : nobody);
	fake_queue_use(rig->loop);
	fake_jobs_use(rig->loop);
	fake_sign = (struct fake_sign){ 0 };
	rig->sign = sign_channel_new(rig->loop, -1);
	rig->policies = fake_policies_use(rig->loop, none);
	rig->listener.attempted = on_attempted;
	rig->delivery = delivery_new(&(struct delivery_parts){
	    .loop = rig->loop,
	    .settings = &rig->settings,
	    .resolver = rig->resolver,
	    .policies = rig->policies,
	    .listener = &rig->listener,
	    .sign = rig->sign,
	    .srs = &srs,
	    .tls_opportunistic = rig->tls_opportunistic,
	    .tls_verified = rig->tls_verified,
	});
}

void
delivery_rig_remove(struct delivery_rig *rig)
{
	bool whole = rig->delivery;
	delivery_free(rig->delivery);
	fake_queue_let_go();
	fake_jobs_let_go();
	fake_loop_settle(rig->loop);
	if (whole)
		assert_int_equal(fake_queue.open, 0);
	assert_int_equal(fake_peers_sessions(), 0);
	fake_queue_end();
	fake_peers_end();
	sign_channel_free(rig->sign);
	resolver_free(rig->resolver);
	loop_free(rig->loop);
	story_free();
	buf_free(&rig->attempts);
}

const char *
delivery_rig_run(struct delivery_rig *rig)
{
	fake_loop_settle(rig->loop);
	return story_take();
}

const char *
delivery_rig_wait(struct delivery_rig *rig, int64_t ms)
{
	fake_clock_advance(ms);
	fake_loop_advance(rig->loop, ms);
	return story_take();
}
